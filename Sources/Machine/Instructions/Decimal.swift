/// Decimal adjustment, BOUND and ARPL, which 64-bit code does not have. SDM vol. 2A, "AAA" to "BOUND", "DAA", "DAS".

extension Processor {
  func decimalAdjust(subtract: Bool) {
    let old = get(Slot.rax, UInt8.self)
    let oldCarry = s.pointee.carry
    var al = old
    var carry = false
    var auxiliary = false
    if old & 0xF > 9 || s.pointee.auxiliary {
      carry = oldCarry || (subtract ? old < 6 : old > 0xF9)
      al = subtract ? al &- 6 : al &+ 6
      auxiliary = true
    }
    if old > 0x99 || oldCarry {
      al = subtract ? al &- 0x60 : al &+ 0x60
      carry = true
    }
    set(Slot.rax, al)
    setAdjustFlags(al, carry: carry, auxiliary: auxiliary)
  }

  private func setAdjustFlags(_ result: UInt8, carry: Bool, auxiliary: Bool) {
    s.pointee.flagResult = result.signed
    s.pointee.flagCarries = 0
    s.pointee.setCarryAndOverflow(carry, false)
    if auxiliary { s.pointee.flagCarries |= LazyFlags.auxiliaryBit }
  }

  func asciiAdjust(subtract: Bool) {
    var ax = get(Slot.rax, UInt16.self)
    let adjusts = ax & 0xF > 9 || s.pointee.auxiliary
    if adjusts { ax = subtract ? ax &- 0x106 : ax &+ 0x106 }
    ax &= 0xFF0F
    set(Slot.rax, ax)
    setAdjustFlags(UInt8(truncatingIfNeeded: ax), carry: adjusts, auxiliary: adjusts)
  }

  func asciiMultiplyAdjust(_ u: Operation) throws(Fault) {
    let base = UInt8(truncatingIfNeeded: u.pointee.imm)
    if base == 0 { throw Fault.de }
    let al = get(Slot.rax, UInt8.self)
    set(Slot.rax, UInt16(al / base) << 8 | UInt16(al % base))
    setAdjustFlags(al % base, carry: false, auxiliary: false)
  }

  func asciiDivideAdjust(_ u: Operation) {
    let ax = get(Slot.rax, UInt16.self)
    let al =
      UInt8(truncatingIfNeeded: ax) &+ UInt8(truncatingIfNeeded: ax >> 8) &* UInt8(truncatingIfNeeded: u.pointee.imm)
    set(Slot.rax, UInt16(al))
    setAdjustFlags(al, carry: false, auxiliary: false)
  }

  func bound(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let at = linear(u)
    let low = try loadSized(at, width)
    let high = try loadSized(at &+ UInt64(width), width)
    let index = getSized(u.pointee.dst, width)
    func signed(_ v: UInt64) -> Int64 {
      width == 2 ? Int64(Int16(truncatingIfNeeded: v)) : Int64(Int32(truncatingIfNeeded: v))
    }
    if signed(index) < signed(low) || signed(index) > signed(high) {
      throw Fault.exception(.boundRange, errorCode: nil)
    }
  }

  func adjustRPL(_ u: Operation) {
    let destination = get(u.pointee.dst, UInt16.self)
    let rpl = value(u, UInt16.self) & 3
    let raises = destination & 3 < rpl
    if raises { set(u.pointee.dst, destination & ~3 | rpl) }
    let others = s.pointee.arithmeticFlags & ~RFLAGS.zero.rawValue
    s.pointee.setArithmeticFlags(others | (raises ? RFLAGS.zero.rawValue : 0))
  }
}
