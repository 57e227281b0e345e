/// BMI1, BMI2, LZCNT, MOVBE and CRC32: bodies out of line, as programs have few of them. The arithmetic is in `Arithmetic/BitOperation.swift`.
///
/// SDM vol. 2, each instruction's page; AMD APM vol. 3, "General-Purpose Instruction Reference".

extension Processor {
  /// An instruction with a VEX prefix: the register of VEX.vvvv in `base`, the operation and the count in `imm`.
  func manipulateBits(_ u: Operation) {
    // SAFETY: the translator put the raw value in.
    let operation = BitOperation(rawValue: UInt8(truncatingIfNeeded: u.pointee.imm)).unsafelyUnwrapped
    if operation == .mulx { return multiplyWithoutFlags(u) }
    let count = UInt8(truncatingIfNeeded: u.pointee.imm >> 8)
    if u.pointee.width == 8 {
      let (first, source) = (get(u.pointee.base, UInt64.self), get(u.pointee.src, UInt64.self))
      set(u.pointee.dst, s.pointee.bits(operation, first, source, count: count))
    } else {
      let (first, source) = (get(u.pointee.base, UInt32.self), get(u.pointee.src, UInt32.self))
      set(u.pointee.dst, s.pointee.bits(operation, first, source, count: count))
    }
  }

  /// MULX: RDX times the source; the low half first, so that one register for both keeps the high half.
  private func multiplyWithoutFlags(_ u: Operation) {
    if u.pointee.width == 8 {
      let product = get(Slot.rdx, UInt64.self).multipliedFullWidth(by: get(u.pointee.src, UInt64.self))
      set(u.pointee.base, product.low)
      set(u.pointee.dst, product.high)
    } else {
      let product = UInt64(get(Slot.rdx, UInt32.self)) * UInt64(get(u.pointee.src, UInt32.self))
      set(u.pointee.base, UInt32(truncatingIfNeeded: product))
      set(u.pointee.dst, UInt32(truncatingIfNeeded: product >> 32))
    }
  }

  func countZeros(_ u: Operation, trailing: Bool) {
    switch u.pointee.width {
    case 2: countZerosAt(u, UInt16.self, trailing)
    case 4: countZerosAt(u, UInt32.self, trailing)
    default: countZerosAt(u, UInt64.self, trailing)
    }
  }

  private func countZerosAt<W: FixedWidthInteger & UnsignedInteger>(_ u: Operation, _ type: W.Type, _ trailing: Bool) {
    let source = get(u.pointee.src, type)
    set(u.pointee.dst, trailing ? s.pointee.trailingZeros(source) : s.pointee.leadingZeros(source))
  }

  /// MOVBE, between registers here: the translator puts the load or the store around it.
  func moveByteSwapped(_ u: Operation) {
    switch u.pointee.width {
    case 2: set(u.pointee.dst, get(u.pointee.src, UInt16.self).byteSwapped)
    case 4: set(u.pointee.dst, get(u.pointee.src, UInt32.self).byteSwapped)
    default: set(u.pointee.dst, get(u.pointee.src, UInt64.self).byteSwapped)
    }
  }

  /// CRC32 of a source of `width` bytes. The upper half of the destination becomes zero, whatever the operand size.
  func accumulateCRC(_ u: Operation) {
    let width = Int(u.pointee.width)
    let sum = CRC32C.accumulated(get(u.pointee.dst, UInt32.self), getSized(u.pointee.src, width), bytes: width)
    set(u.pointee.dst, sum)
  }
}
