/// Accesses wider than a general register: an XMM register, ten x87 bytes, a state image.
///
/// Intel SDM vol. 1, "Alignment of Words, Doublewords, Quadwords, and Double Quadwords"; vol. 3A, "Guaranteed Atomic
/// Operations" (an access of 16 bytes may be done in pieces; so is one to a device).

extension Processor {
  /// Loads 16 bytes as two quadwords.
  @inline(__always)
  func loadVector(_ linear: UInt64, aligned: Bool, stack: Bool) throws(Fault) -> Vector128 {
    if aligned && linear & 15 != 0 { throw Fault.gp() }
    let entry = readTranslations + Int((linear >> 12) & TranslationCache.indexMask)
    if entry.pointee.tag == ((linear &+ 15) & ~0xFFF) | s.pointee.translationTag {
      // SAFETY: as in `load`; the tag is that of the last of the 16 bytes.
      let host = UnsafeRawPointer(bitPattern: Int(bitPattern: UInt(linear)) &+ entry.pointee.addend).unsafelyUnwrapped
      return Vector128(
        low: host.loadUnaligned(as: UInt64.self), high: host.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    try requireMemory(linear, count: 16, .read, stack: stack)
    return Vector128(
      low: try load(linear, as: UInt64.self, stack: stack), high: try load(linear &+ 8, as: UInt64.self, stack: stack))
  }

  /// Stores 16 bytes as two quadwords, both or neither.
  @inline(__always)
  func storeVector(_ linear: UInt64, _ value: Vector128, aligned: Bool, stack: Bool) throws(Fault) {
    if aligned && linear & 15 != 0 { throw Fault.gp() }
    let entry = writeTranslations + Int((linear >> 12) & TranslationCache.indexMask)
    if entry.pointee.tag == ((linear &+ 15) & ~0xFFF) | s.pointee.translationTag {
      // SAFETY: as in `store`; the tag is that of the last of the 16 bytes.
      let host = UnsafeMutableRawPointer(bitPattern: Int(bitPattern: UInt(linear)) &+ entry.pointee.addend)
        .unsafelyUnwrapped
      host.storeBytes(of: value.low, as: UInt64.self)
      host.storeBytes(of: value.high, toByteOffset: 8, as: UInt64.self)
      return
    }
    try requireMemory(linear, count: 16, .write, stack: stack)
    try store(linear, value.low, stack: stack)
    try store(linear &+ 8, value.high, stack: stack)
  }

  /// Raises what an access to any of `count` bytes would raise, before any of it is done.
  func requireMemory(_ linear: UInt64, count: Int, _ access: Access, stack: Bool) throws(Fault) {
    let last = linear &+ UInt64(count - 1)
    if isLongModeActive && !(Self.isCanonical(linear) && Self.isCanonical(last)) {
      throw stack ? Fault.ss() : Fault.gp()
    }
    if alignmentChecked && linear & UInt64(min(8, count & -count) - 1) != 0 { throw Fault.ac }
    var at = linear
    while true {
      _ = try physical(at, access)
      if (at ^ last) & ~0xFFF == 0 { return }
      at = (at | 0xFFF) &+ 1
    }
  }
}
