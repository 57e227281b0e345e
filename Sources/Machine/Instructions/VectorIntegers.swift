/// Integer SIMD and shuffles of XMM registers. The arithmetic is in `Arithmetic/`.
///
/// Intel SDM vol. 1, "SSE2 128-Bit SIMD Integer Instructions", "SSE Shuffle and Unpack Instructions", "SSE3 SIMD
/// Floating-Point LOAD/MOVE/DUPLICATE Instructions".

extension Processor {
  func packVector(_ u: Operation, _ family: VectorFamily) throws(Fault) {
    let code = u.pointee.vectorCode
    let immediate = u.pointee.vectorImmediate
    switch family {
    case .packed:
      // SAFETY: here and below the code is the raw value that the translator put in.
      let operation = PackedOperation(rawValue: code).unsafelyUnwrapped
      let source = try vectorSource(u)
      setVector(u, operation(vectorDestination(u), source))
    case .unpackLowQuadwords:
      let source = try vectorSource(u)
      setVector(u, vectorDestination(u).unpackedLowQuadwords(source))
    case .unpackHighQuadwords:
      let source = try vectorSource(u)
      setVector(u, vectorDestination(u).unpackedHighQuadwords(source))
    case .shift:
      let count = try vectorSource(u).low
      setVector(u, PackedShift(rawValue: code).unsafelyUnwrapped(vectorDestination(u), by: count))
    case .shiftImmediate:
      setVector(u, PackedShift(rawValue: code).unsafelyUnwrapped(vectorDestination(u), by: UInt64(immediate)))
    case .shiftLeftBytes: setVector(u, vectorDestination(u).shiftedLeft(bytes: immediate))
    case .shiftRightBytes: setVector(u, vectorDestination(u).shiftedRight(bytes: immediate))
    case .shuffle:
      let source = try vectorSource(u)
      setVector(u, ShuffleOperation(rawValue: code).unsafelyUnwrapped(vectorDestination(u), source, immediate))
    case .insertWord:
      let word = UInt16(truncatingIfNeeded: try generalSource(u))
      setVector(u, vectorDestination(u).insertingWord(word, at: immediate))
    case .extractWord: set(u.pointee.dst, UInt32(s.pointee.vectors[Int(u.pointee.src)].word(at: immediate)))
    case .byteSigns: set(u.pointee.dst, s.pointee.vectors[Int(u.pointee.src)].byteSigns)
    case .singleSigns: set(u.pointee.dst, s.pointee.vectors[Int(u.pointee.src)].singleSigns)
    case .doubleSigns: set(u.pointee.dst, s.pointee.vectors[Int(u.pointee.src)].doubleSigns)
    case .duplicateEven: setVector(u, try vectorSource(u).evenSinglesDoubled)
    case .duplicateOdd: setVector(u, try vectorSource(u).oddSinglesDoubled)
    case .duplicateLow:
      let low = try vectorSource(u).low
      setVector(u, Vector128(low: low, high: low))
    default: preconditionFailure("A vector instruction of another family came to packVector.")
    }
  }
}
