/// MMX instructions, and those of SSE and SSE2 that name an MMX register.
///
/// Intel SDM vol. 1, "MMX Instructions", "SSE 64-Bit SIMD Integer Instructions", "SSE Conversion Instructions"; vol. 3A,
/// "The MMX State and MMX Register Aliasing": every one of them but EMMS marks the whole x87 stack as in use.

extension Processor {
  func executeMMX(_ u: Operation, _ family: VectorFamily) throws(Fault) {
    let code = u.pointee.vectorCode
    let immediate = u.pointee.vectorImmediate
    switch family {
    case .mmxEmpty: s.pointee.x87.leaveMMX()
    case .mmxMove: setMMX(u, try mmxSource(u))
    case .mmxStore:
      try storeNarrow(u, mmx(u.pointee.src))
      s.pointee.x87.enterMMX()
    case .mmxFromGeneral: setMMX(u, try generalSource(u))
    case .mmxToGeneral:
      let value = mmx(u.pointee.src)
      if u.pointee.width == 8 {
        set(u.pointee.dst, value)
      } else {
        set(u.pointee.dst, UInt32(truncatingIfNeeded: value))
      }
      s.pointee.x87.enterMMX()
    case .mmxStoreSelected:
      try storeSelected(u, [mmx(u.pointee.dst)], mmx(u.pointee.src).byteSigns)
      s.pointee.x87.enterMMX()
    // SAFETY: the code is the raw value that the translator put in.
    case .mmxPacked:
      let source = try mmxSource(u)
      setMMX(u, PackedOperation(rawValue: code).unsafelyUnwrapped(mmx(u.pointee.dst), source))
    case .mmxSSSE3:
      let source = try mmxSource(u)
      setMMX(u, SSSE3Operation(rawValue: code).unsafelyUnwrapped(mmx(u.pointee.dst), source, immediate))
    case .mmxShift:
      let count = try mmxSource(u)
      setMMX(u, PackedShift(rawValue: code).unsafelyUnwrapped(mmx(u.pointee.dst), by: count))
    case .mmxShiftImmediate:
      setMMX(u, PackedShift(rawValue: code).unsafelyUnwrapped(mmx(u.pointee.dst), by: UInt64(immediate)))
    case .mmxShuffle: setMMX(u, try mmxSource(u).shuffledWords(immediate))
    case .mmxInsertWord:
      let word = UInt16(truncatingIfNeeded: try generalSource(u))
      setMMX(u, mmx(u.pointee.dst).insertingWord(word, at: immediate))
    case .mmxExtractWord:
      set(u.pointee.dst, UInt32(mmx(u.pointee.src).word(at: immediate)))
      s.pointee.x87.enterMMX()
    case .mmxByteSigns:
      set(u.pointee.dst, mmx(u.pointee.src).byteSigns)
      s.pointee.x87.enterMMX()
    default: try executeMixed(u, family)
    }
  }

  /// Between MMX and XMM registers.
  private func executeMixed(_ u: Operation, _ family: VectorFamily) throws(Fault) {
    let control = MXCSR(rawValue: s.pointee.mxcsr)
    switch family {
    case .mixedFromMMX:
      setVector(u, Vector128(low: mmx(u.pointee.src)))
      s.pointee.x87.enterMMX()
    case .mixedToMMX: setMMX(u, s.pointee.vectors[Int(u.pointee.src)].low)
    case .mixedSinglesFromMMX:
      let source = try mmxSource(u)
      setVector(u, try complete(control.convertingToSingles(source, over: vectorDestination(u))))
      if !leavesMMXAlone(u, family) { s.pointee.x87.enterMMX() }
    case .mixedDoublesFromMMX:
      let source = try mmxSource(u)
      setVector(u, try complete(control.convertingToDoubles(source)))
      if !leavesMMXAlone(u, family) { s.pointee.x87.enterMMX() }
    case .mixedSinglesToMMX, .mixedSinglesTruncatedToMMX:
      let source = try vectorSource(u)
      let truncating = family == .mixedSinglesTruncatedToMMX
      setMMX(u, try complete(control.convertingSinglesToMMX(source, truncating: truncating)))
    case .mixedDoublesToMMX, .mixedDoublesTruncatedToMMX:
      let source = try vectorSource(u)
      let truncating = family == .mixedDoublesTruncatedToMMX
      setMMX(u, try complete(control.convertingDoublesToMMX(source, truncating: truncating)))
    default: preconditionFailure("A vector instruction of another family came to executeMMX.")
    }
  }

  // MARK: Operands

  private func mmx(_ number: UInt8) -> UInt64 { s.pointee.x87.mmx(Int(number & 7)) }

  private func mmxSource(_ u: Operation) throws(Fault) -> UInt64 {
    u.pointee.traits.contains(.memory) ? try narrowMemory(u) : mmx(u.pointee.src)
  }

  private func setMMX(_ u: Operation, _ value: UInt64) {
    s.pointee.x87.enterMMX()
    s.pointee.x87.setMMX(Int(u.pointee.dst & 7), value)
  }
}
