/// MMX and SSE instructions: whether they may execute, and which body does.
///
/// Intel SDM vol. 2A, "SIMD Floating-Point Exceptions" and "Exception Conditions of Legacy SIMD Instructions Operating on
/// MMX Registers"; vol. 3A, "CR0 and CR4 Bit Settings for SSE/SSE2/SSE3/SSSE3/SSE4 Instructions", "Emulation of the MMX
/// Instruction Set".

extension Processor {
  func executeVector(_ u: Operation) throws(Fault) {
    let family = u.pointee.vectorFamily
    if family.availability == .stateAvailable {
      try requireStateTransfer()
    } else {
      try requireVectors(xmm: family.namesXMM, mmx: family.namesMMX && !leavesMMXAlone(u, family))
    }
    switch family {
    case .available, .stateAvailable, .mmxAvailable: break
    case .moveWhole, .storeWhole, .moveZeroExtended, .moveLow, .storeLow, .moveHigh, .storeHigh, .moveHighToLow,
      .moveLowToHigh, .moveFromGeneral, .moveToGeneral, .storeSelected:
      try moveVector(u, family)
    case .packed, .unpackLowQuadwords, .unpackHighQuadwords, .shift, .shiftImmediate, .shiftLeftBytes,
      .shiftRightBytes, .shuffle, .insertWord, .extractWord, .byteSigns, .singleSigns, .doubleSigns, .duplicateEven,
      .duplicateOdd, .duplicateLow:
      try packVector(u, family)
    case .arithmetic, .compare, .compareToFlags, .toInteger, .fromInteger, .reciprocal, .reciprocalScalar,
      .reciprocalRoot, .reciprocalRootScalar:
      try computeVector(u, family)
    case .loadControl:
      let value = try load(linear(u), as: UInt32.self, stack: u.pointee.traits.contains(.stack))
      guard value & ~MXCSR.mask == 0 else { throw Fault.gp() }
      s.pointee.mxcsr = value
    case .storeControl: try store(linear(u), s.pointee.mxcsr, stack: u.pointee.traits.contains(.stack))
    case .saveState: try saveState(u)
    case .restoreState: try restoreState(u)
    case .ssse3, .sse4, .sse4Float, .insertElement, .extractElement, .test, .compareStrings:
      try executeSSE4(u, family)
    default: try executeMMX(u, family)
    }
  }

  // MARK: Whether it may execute

  private func requireVectors(xmm: Bool, mmx: Bool) throws(Fault) {
    if s.pointee.cr0 & CR0.emulation != 0 || xmm && s.pointee.cr4 & CR4.fxsave == 0 { throw Fault.ud }
    if s.pointee.cr0 & CR0.taskSwitched != 0 { throw Fault.nm }
    if mmx { try reportPendingException() }
  }

  /// CVTPI2PS and CVTPI2PD from memory name no MMX register. Intel's manual still has CVTPI2PS wait for x87 exceptions and
  /// enter the MMX state ("CVTPI2PS"); neither vendor's processors do.
  func leavesMMXAlone(_ u: Operation, _ family: VectorFamily) -> Bool {
    u.pointee.traits.contains(.memory) && (family == .mixedDoublesFromMMX || family == .mixedSinglesFromMMX)
  }

  private func requireStateTransfer() throws(Fault) {
    if s.pointee.cr0 & (CR0.emulation | CR0.taskSwitched) != 0 { throw Fault.nm }
  }

  // MARK: Operands

  /// The XMM register `dst`.
  @inline(__always)
  func vectorDestination(_ u: Operation) -> Vector128 { s.pointee.vectors[Int(u.pointee.dst)] }

  @inline(__always)
  func setVector(_ u: Operation, _ value: Vector128) { s.pointee.vectors[Int(u.pointee.dst)] = value }

  /// The XMM register `src`, or memory: all of it, or `width` bytes with zeros above.
  @inline(__always)
  func vectorSource(_ u: Operation) throws(Fault) -> Vector128 {
    if !u.pointee.traits.contains(.memory) { return s.pointee.vectors[Int(u.pointee.src)] }
    if u.pointee.width == 16 {
      return try loadVector(
        linear(u), aligned: u.pointee.mustBeAligned, stack: u.pointee.traits.contains(.stack))
    }
    return Vector128(low: try narrowMemory(u))
  }

  /// A memory operand of 1, 2, 4 or 8 bytes.
  func narrowMemory(_ u: Operation) throws(Fault) -> UInt64 {
    let stack = u.pointee.traits.contains(.stack)
    switch u.pointee.width {
    case 1: return UInt64(try load(linear(u), as: UInt8.self, stack: stack))
    case 2: return UInt64(try load(linear(u), as: UInt16.self, stack: stack))
    case 4: return UInt64(try load(linear(u), as: UInt32.self, stack: stack))
    default: return try load(linear(u), as: UInt64.self, stack: stack)
    }
  }

  /// Stores the low `width` bytes: 1, 2, 4 or 8.
  func storeNarrow(_ u: Operation, _ value: UInt64) throws(Fault) {
    try storeSized(linear(u), value, Int(u.pointee.width), stack: u.pointee.traits.contains(.stack))
  }

  /// The general register `src` or memory, as wide as the instruction says.
  func generalSource(_ u: Operation) throws(Fault) -> UInt64 {
    if u.pointee.traits.contains(.memory) { return try narrowMemory(u) }
    let value = get(u.pointee.src, UInt64.self)
    return u.pointee.width == 8 ? value : value & 0xFFFF_FFFF
  }

  /// Takes over MXCSR; throws where an unmasked exception keeps the result from being written.
  func complete<Value>(_ outcome: VectorOutcome<Value>) throws(Fault) -> Value {
    s.pointee.mxcsr = outcome.mxcsr.rawValue
    if outcome.raised { throw s.pointee.cr4 & CR4.unmaskedSIMDExceptions != 0 ? Fault.xm : Fault.ud }
    return outcome.value
  }
}
