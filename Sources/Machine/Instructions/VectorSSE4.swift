/// SSSE3, SSE4.1 and SSE4.2 of XMM registers. The arithmetic is in `Arithmetic/`.
///
/// Intel SDM vol. 1, "Programming with Intel Streaming SIMD Extensions 3, Supplemental SSE3, SSE4"; vol. 2, each instruction's page. A memory
/// operand of 16 bytes must be aligned but for those of PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM.

extension Processor {
  func executeSSE4(_ u: Operation, _ family: VectorFamily) throws(Fault) {
    let code = u.pointee.vectorCode
    let immediate = u.pointee.vectorImmediate
    switch family {
    case .ssse3:
      // SAFETY: here and below the code is the raw value that the translator put in.
      let source = try vectorSource(u)
      setVector(u, SSSE3Operation(rawValue: code).unsafelyUnwrapped(vectorDestination(u), source, immediate))
    case .sse4:
      let source = try vectorSource(u)
      let operation = SSE4Operation(rawValue: code).unsafelyUnwrapped
      setVector(u, operation(vectorDestination(u), source, immediate, mask: s.pointee.vectors[0]))
    case .sse4Float:
      let control = MXCSR(rawValue: s.pointee.mxcsr)
      let operation = SSE4FloatOperation(rawValue: code).unsafelyUnwrapped
      let source = try vectorSource(u)
      let outcome = control.performing(
        operation, vectorDestination(u), source, immediate, sums: profile.dotProductSums)
      setVector(u, try complete(outcome))
    case .insertElement:
      let element = try generalSource(u)
      setVector(u, vectorDestination(u).inserting(element, width: Int(code), at: immediate))
    case .extractElement:
      let element = s.pointee.vectors[Int(u.pointee.src)].element(width: Int(code), at: immediate)
      if u.pointee.traits.contains(.memory) {
        try storeNarrow(u, element)
      } else if code == 8 {
        set(u.pointee.dst, element)
      } else {
        set(u.pointee.dst, UInt32(truncatingIfNeeded: element))
      }
    case .test:
      let source = try vectorSource(u)
      s.pointee.setArithmeticFlags(vectorDestination(u).tested(source))
    case .compareStrings:
      let source = try vectorSource(u)
      compareStrings(u, StringOperation(rawValue: code), source)
    default: preconditionFailure("A vector instruction of another family came to executeSSE4.")
    }
  }

  private func compareStrings(_ u: Operation, _ operation: StringOperation, _ source: Vector128) {
    var lengths: (first: UInt64, second: UInt64)?
    if operation.contains(.explicit) {
      func length(_ slot: UInt8) -> UInt64 {
        operation.contains(.wide)
          ? Int64(bitPattern: get(slot, UInt64.self)).magnitude
          : UInt64(Int32(bitPattern: get(slot, UInt32.self)).magnitude)
      }
      lengths = (length(Slot.rax), length(Slot.rdx))
    }
    let result = StringComparison(vectorDestination(u), source, order: u.pointee.vectorImmediate, lengths: lengths)
    if operation.contains(.mask) { s.pointee.vectors[0] = result.mask } else { set(Slot.rcx, result.index) }
    s.pointee.setArithmeticFlags(result.flags)
  }
}

/// Which of the four, and how wide its lengths are.
struct StringOperation: OptionSet {
  var rawValue: UInt8
  /// The lengths are in EAX and EDX.
  static let explicit = StringOperation(rawValue: 1)
  /// In RAX and RDX.
  static let wide = StringOperation(rawValue: 2)
  /// The result goes to XMM0.
  static let mask = StringOperation(rawValue: 4)
}
