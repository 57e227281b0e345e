/// Integer instructions whose bodies are out of line. SDM vol. 2, each instruction's page.

extension Processor {
  /// ROL and ROR by the masked count that is the value operand.
  func rotate(_ u: Operation) {
    let count = UInt64(value(u, UInt8.self))
    switch u.pointee.width {
    case 1: rotateAt(u, UInt8.self, count & 31)
    case 2: rotateAt(u, UInt16.self, count & 31)
    case 4: rotateAt(u, UInt32.self, count & 31)
    default: rotateAt(u, UInt64.self, count & 63)
    }
  }

  private func rotateAt<W: FixedWidthInteger & UnsignedInteger>(_ u: Operation, _ type: W.Type, _ count: UInt64) {
    let left = u.pointee.detail == External.rotateLeft.rawValue
    set(u.pointee.dst, s.pointee.rotate(get(u.pointee.dst, type), count, left: left))
  }

  func sizedCarry(_ u: Operation, left: Bool) {
    let count = UInt64(value(u, UInt8.self))
    switch u.pointee.width {
    case 1: set(u.pointee.dst, s.pointee.rotateThroughCarry(get(u.pointee.dst, UInt8.self), count & 31, left: left))
    case 2: set(u.pointee.dst, s.pointee.rotateThroughCarry(get(u.pointee.dst, UInt16.self), count & 31, left: left))
    case 4: set(u.pointee.dst, s.pointee.rotateThroughCarry(get(u.pointee.dst, UInt32.self), count & 31, left: left))
    default: set(u.pointee.dst, s.pointee.rotateThroughCarry(get(u.pointee.dst, UInt64.self), count & 63, left: left))
    }
  }

  func shiftDouble(_ u: Operation, left: Bool) {
    let count = UInt64(value(u, UInt8.self))
    let base = u.pointee.base
    switch u.pointee.width {
    case 2:
      let r = s.pointee.shiftDouble(get(u.pointee.dst, UInt16.self), get(base, UInt16.self), count & 31, left: left)
      set(u.pointee.dst, r)
    case 4:
      let r = s.pointee.shiftDouble(get(u.pointee.dst, UInt32.self), get(base, UInt32.self), count & 31, left: left)
      set(u.pointee.dst, r)
    default:
      let r = s.pointee.shiftDouble(get(u.pointee.dst, UInt64.self), get(base, UInt64.self), count & 63, left: left)
      set(u.pointee.dst, r)
    }
  }

  /// CF and OF say that the upper half of a product counts; SF, ZF, AF and PF are undefined and follow the low half.
  private func setProductFlags(_ low: UInt64, overflow: Bool) {
    s.pointee.flagResult = low
    s.pointee.flagCarries = overflow ? LazyFlags.carryBit : 0
  }

  func multiply(_ u: Operation) {
    switch u.pointee.width {
    case 1:
      let product = UInt16(get(Slot.rax, UInt8.self)) * UInt16(get(u.pointee.src, UInt8.self))
      set(Slot.rax, product)
      setProductFlags(UInt8(truncatingIfNeeded: product).signed, overflow: product >> 8 != 0)
    case 2:
      let product = UInt32(get(Slot.rax, UInt16.self)) * UInt32(get(u.pointee.src, UInt16.self))
      set(Slot.rax, UInt16(truncatingIfNeeded: product))
      set(Slot.rdx, UInt16(truncatingIfNeeded: product >> 16))
      setProductFlags(UInt16(truncatingIfNeeded: product).signed, overflow: product >> 16 != 0)
    case 4:
      let product = UInt64(get(Slot.rax, UInt32.self)) * UInt64(get(u.pointee.src, UInt32.self))
      set(Slot.rax, UInt32(truncatingIfNeeded: product))
      set(Slot.rdx, UInt32(truncatingIfNeeded: product >> 32))
      setProductFlags(UInt32(truncatingIfNeeded: product).signed, overflow: product >> 32 != 0)
    default:
      let product = get(Slot.rax, UInt64.self).multipliedFullWidth(by: get(u.pointee.src, UInt64.self))
      set(Slot.rax, product.low)
      set(Slot.rdx, product.high)
      setProductFlags(product.low, overflow: product.high != 0)
    }
  }

  func multiplySignedWide(_ u: Operation) {
    switch u.pointee.width {
    case 1:
      let product =
        Int16(Int8(bitPattern: get(Slot.rax, UInt8.self))) * Int16(Int8(bitPattern: get(u.pointee.src, UInt8.self)))
      set(Slot.rax, UInt16(bitPattern: product))
      setProductFlags(
        UInt8(truncatingIfNeeded: product).signed, overflow: Int16(Int8(truncatingIfNeeded: product)) != product)
    case 2:
      let product =
        Int32(Int16(bitPattern: get(Slot.rax, UInt16.self))) * Int32(Int16(bitPattern: get(u.pointee.src, UInt16.self)))
      set(Slot.rax, UInt16(truncatingIfNeeded: product))
      set(Slot.rdx, UInt16(truncatingIfNeeded: product >> 16))
      setProductFlags(
        UInt16(truncatingIfNeeded: product).signed, overflow: Int32(Int16(truncatingIfNeeded: product)) != product)
    case 4:
      let product =
        Int64(Int32(bitPattern: get(Slot.rax, UInt32.self))) * Int64(Int32(bitPattern: get(u.pointee.src, UInt32.self)))
      set(Slot.rax, UInt32(truncatingIfNeeded: product))
      set(Slot.rdx, UInt32(truncatingIfNeeded: product >> 32))
      setProductFlags(
        UInt32(truncatingIfNeeded: product).signed, overflow: Int64(Int32(truncatingIfNeeded: product)) != product)
    default:
      let a = Int64(bitPattern: get(Slot.rax, UInt64.self))
      let product = a.multipliedFullWidth(by: Int64(bitPattern: get(u.pointee.src, UInt64.self)))
      set(Slot.rax, product.low)
      set(Slot.rdx, UInt64(bitPattern: product.high))
      setProductFlags(product.low, overflow: product.high != Int64(bitPattern: product.low) >> 63)
    }
  }

  func divide(_ u: Operation) throws(Fault) {
    switch u.pointee.width {
    case 1:
      let divisor = UInt16(get(u.pointee.src, UInt8.self))
      let dividend = get(Slot.rax, UInt16.self)
      guard divisor != 0, dividend / divisor <= 0xFF else { throw Fault.de }
      set(Slot.rax, dividend / divisor | (dividend % divisor) << 8)
    case 2:
      let divisor = get(u.pointee.src, UInt16.self)
      let high = get(Slot.rdx, UInt16.self)
      guard high < divisor else { throw Fault.de }
      let (q, r) = divisor.dividingFullWidth((high, get(Slot.rax, UInt16.self)))
      set(Slot.rax, q)
      set(Slot.rdx, r)
    case 4:
      let divisor = get(u.pointee.src, UInt32.self)
      let high = get(Slot.rdx, UInt32.self)
      guard high < divisor else { throw Fault.de }
      let (q, r) = divisor.dividingFullWidth((high, get(Slot.rax, UInt32.self)))
      set(Slot.rax, q)
      set(Slot.rdx, r)
    default:
      let divisor = get(u.pointee.src, UInt64.self)
      let high = get(Slot.rdx, UInt64.self)
      guard high < divisor else { throw Fault.de }
      let (q, r) = divisor.dividingFullWidth((high, get(Slot.rax, UInt64.self)))
      set(Slot.rax, q)
      set(Slot.rdx, r)
    }
  }

  func divideSigned(_ u: Operation) throws(Fault) {
    switch u.pointee.width {
    case 1:
      let divisor = Int32(Int8(bitPattern: get(u.pointee.src, UInt8.self)))
      let dividend = Int32(Int16(bitPattern: get(Slot.rax, UInt16.self)))
      guard divisor != 0, let quotient = Int8(exactly: dividend / divisor) else { throw Fault.de }
      let remainder = UInt8(truncatingIfNeeded: dividend % divisor)
      set(Slot.rax, UInt16(UInt8(bitPattern: quotient)) | UInt16(remainder) << 8)
    case 2:
      let divisor = Int64(Int16(bitPattern: get(u.pointee.src, UInt16.self)))
      let raw = UInt32(get(Slot.rdx, UInt16.self)) << 16 | UInt32(get(Slot.rax, UInt16.self))
      let dividend = Int64(Int32(bitPattern: raw))
      guard divisor != 0, let quotient = Int16(exactly: dividend / divisor) else { throw Fault.de }
      set(Slot.rax, UInt16(bitPattern: quotient))
      set(Slot.rdx, UInt16(truncatingIfNeeded: dividend % divisor))
    case 4:
      let divisor = Int64(Int32(bitPattern: get(u.pointee.src, UInt32.self)))
      let raw = UInt64(get(Slot.rdx, UInt32.self)) << 32 | UInt64(get(Slot.rax, UInt32.self))
      let dividend = Int64(bitPattern: raw)
      guard divisor != 0, !(dividend == .min && divisor == -1), let quotient = Int32(exactly: dividend / divisor)
      else { throw Fault.de }
      set(Slot.rax, UInt32(bitPattern: quotient))
      set(Slot.rdx, UInt32(truncatingIfNeeded: dividend % divisor))
    default:
      try divideSigned64(Int64(bitPattern: get(u.pointee.src, UInt64.self)))
    }
  }

  private func divideSigned64(_ divisor: Int64) throws(Fault) {
    guard divisor != 0 else { throw Fault.de }
    let high = get(Slot.rdx, UInt64.self)
    let low = get(Slot.rax, UInt64.self)
    let negative = high >> 63 != 0
    // Divide magnitudes, then put the signs back: the quotient truncates towards zero, the remainder follows the dividend.
    let magnitude: (high: UInt64, low: UInt64) =
      negative ? (~high &+ (low == 0 ? 1 : 0), 0 &- low) : (high, low)
    let by = divisor.magnitude
    guard magnitude.high < by else { throw Fault.de }
    let (q, r) = by.dividingFullWidth((magnitude.high, magnitude.low))
    let negativeQuotient = negative != (divisor < 0)
    guard q <= UInt64(Int64.max) + (negativeQuotient ? 1 : 0) else { throw Fault.de }
    set(Slot.rax, negativeQuotient ? 0 &- q : q)
    set(Slot.rdx, negative ? 0 &- r : r)
  }

  // MARK: Bits

  func bitTest(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let bits = UInt64(width * 8)
    let raw: UInt64
    switch width {
    case 2: raw = value(u, UInt16.self).signed
    case 4: raw = value(u, UInt32.self).signed
    default: raw = value(u, UInt64.self)
    }
    let mask: UInt64 = 1 << (raw & (bits - 1))
    guard u.pointee.traits.contains(.memory) else {
      let old = getSized(u.pointee.dst, width)
      s.pointee.setCarry(old & mask != 0)
      if u.pointee.detail != External.bitTest.rawValue { setSized(u.pointee.dst, changed(old, mask, u), width) }
      return
    }
    // The bit string extends to both sides of the operand's address.
    let element = Int64(bitPattern: raw) >> Int64(bits.trailingZeroBitCount)
    var at = effective(u) &+ UInt64(bitPattern: element &* Int64(width))
    if u.pointee.traits.contains(.shortAddress) || s.pointee.codeMode != .bits64 { at &= 0xFFFF_FFFF }
    at &+= get(u.pointee.segment, UInt64.self)
    let stack = u.pointee.traits.contains(.stack)
    if u.pointee.detail == External.bitTest.rawValue {
      s.pointee.setCarry(try loadSized(at, width, stack: stack) & mask != 0)
    } else {
      try probeWrite(at, size: width, stack: stack)
      let old = try loadSized(at, width, stack: stack)
      try storeSized(at, changed(old, mask, u), width, stack: stack)
      s.pointee.setCarry(old & mask != 0)
    }
  }

  private func changed(_ old: UInt64, _ mask: UInt64, _ u: Operation) -> UInt64 {
    switch External(rawValue: u.pointee.detail) {
    case .bitTestSet: return old | mask
    case .bitTestReset: return old & ~mask
    default: return old ^ mask
    }
  }

  /// A source of zero sets ZF and leaves the destination, as both vendors' processors do.
  func bitScan(_ u: Operation, forward: Bool) {
    let width = Int(u.pointee.width)
    let source = getSized(u.pointee.src, width)
    if source == 0 {
      s.pointee.flagResult = 0
      s.pointee.flagCarries = 0
      // A 32-bit destination keeps its low half and, as on processors of both vendors, its upper half too.
      return
    }
    let position = forward ? source.trailingZeroBitCount : 63 - source.leadingZeroBitCount
    s.pointee.flagResult = 1
    s.pointee.flagCarries = 0
    setSized(u.pointee.dst, UInt64(position), width)
  }

  func populationCount(_ u: Operation) {
    let count = UInt64(getSized(u.pointee.src, Int(u.pointee.width)).nonzeroBitCount)
    setSized(u.pointee.dst, count, Int(u.pointee.width))
    s.pointee.setArithmeticFlags(count == 0 ? RFLAGS.zero.rawValue : 0)
  }

  func byteSwap(_ u: Operation) {
    switch u.pointee.width {
    // Undefined for 16 bits; processors give zero.
    case 2: set(u.pointee.dst, 0 as UInt16)
    case 4: set(u.pointee.dst, get(u.pointee.dst, UInt32.self).byteSwapped)
    default: set(u.pointee.dst, get(u.pointee.dst, UInt64.self).byteSwapped)
    }
  }

  // MARK: Exchanges

  func exchangeAdd(_ u: Operation) {
    switch u.pointee.width {
    case 1: exchangeAddAt(u, UInt8.self)
    case 2: exchangeAddAt(u, UInt16.self)
    case 4: exchangeAddAt(u, UInt32.self)
    default: exchangeAddAt(u, UInt64.self)
    }
  }

  private func exchangeAddAt<W: FixedWidthInteger & UnsignedInteger>(_ u: Operation, _ type: W.Type) {
    let old = get(u.pointee.dst, type)
    let sum = s.pointee.add(old, get(u.pointee.src, type))
    set(u.pointee.src, old)
    set(u.pointee.dst, sum)
  }

  func compareExchange(_ u: Operation) {
    switch u.pointee.width {
    case 1: compareExchangeAt(u, UInt8.self)
    case 2: compareExchangeAt(u, UInt16.self)
    case 4: compareExchangeAt(u, UInt32.self)
    default: compareExchangeAt(u, UInt64.self)
    }
  }

  private func compareExchangeAt<W: FixedWidthInteger & UnsignedInteger>(_ u: Operation, _ type: W.Type) {
    let old = get(u.pointee.dst, type)
    let expected = get(Slot.rax, type)
    if u.pointee.traits.contains(.memory) { set(Slot.t1, get(Slot.rax, UInt64.self)) }
    _ = s.pointee.subtract(expected, old)
    if expected == old {
      set(u.pointee.dst, get(u.pointee.src, type))
    } else {
      // Memory is written in either case, and its address may depend on the accumulator: that changes after the store.
      set(u.pointee.traits.contains(.memory) ? Slot.t1 : Slot.rax, old)
    }
  }

  func compareExchangeDouble(_ u: Operation) throws(Fault) {
    let at = linear(u)
    let half = UInt64(u.pointee.width)
    if half == 8 {
      guard profile.hasCompareExchange16B else { throw Fault.ud }
      if at & 15 != 0 { throw Fault.gp() }
    }
    let width = Int(half)
    let stack = u.pointee.traits.contains(.stack)
    // The operand is one of twice the width: its alignment is checked whole.
    try probeWrite(at, size: 2 * width, stack: stack)
    let low = try loadSized(at, width, stack: stack)
    let high = try loadSized(at &+ half, width, stack: stack)
    let equal = low == getSized(Slot.rax, width) && high == getSized(Slot.rdx, width)
    if equal {
      try storeSized(at, getSized(Slot.rbx, width), width, stack: stack)
      try storeSized(at &+ half, getSized(Slot.rcx, width), width, stack: stack)
    } else {
      try storeSized(at, low, width, stack: stack)
      try storeSized(at &+ half, high, width, stack: stack)
      setSized(Slot.rax, low, width)
      setSized(Slot.rdx, high, width)
    }
    let others = s.pointee.arithmeticFlags & ~RFLAGS.zero.rawValue
    s.pointee.setArithmeticFlags(others | (equal ? RFLAGS.zero.rawValue : 0))
  }

  // MARK: Sign extension of the accumulator

  func signExtendAccumulator(_ u: Operation) {
    switch u.pointee.width {
    case 2: set(Slot.rax, UInt16(truncatingIfNeeded: get(Slot.rax, UInt8.self).signed))
    case 4: set(Slot.rax, UInt32(truncatingIfNeeded: get(Slot.rax, UInt16.self).signed))
    default: set(Slot.rax, get(Slot.rax, UInt32.self).signed)
    }
  }

  func signIntoData(_ u: Operation) {
    switch u.pointee.width {
    case 2: set(Slot.rdx, get(Slot.rax, UInt16.self) >> 15 != 0 ? 0xFFFF as UInt16 : 0)
    case 4: set(Slot.rdx, get(Slot.rax, UInt32.self) >> 31 != 0 ? 0xFFFF_FFFF as UInt32 : 0)
    default: set(Slot.rdx, get(Slot.rax, UInt64.self) >> 63 != 0 ? UInt64.max : 0)
    }
  }

  func tableLookup(_ u: Operation) throws(Fault) {
    var at = get(Slot.rbx, UInt64.self) &+ UInt64(get(Slot.rax, UInt8.self))
    if u.pointee.traits.contains(.shortAddress) { at &= 0xFFFF_FFFF }
    set(Slot.rax, try load(at &+ get(u.pointee.segment, UInt64.self), as: UInt8.self))
  }

  // MARK: Operands whose width is a value

  func getSized(_ slot: UInt8, _ width: Int) -> UInt64 {
    switch width {
    case 1: return UInt64(get(slot, UInt8.self))
    case 2: return UInt64(get(slot, UInt16.self))
    case 4: return UInt64(get(slot, UInt32.self))
    default: return get(slot, UInt64.self)
    }
  }

  func setSized(_ slot: UInt8, _ value: UInt64, _ width: Int) {
    switch width {
    case 1: set(slot, UInt8(truncatingIfNeeded: value))
    case 2: set(slot, UInt16(truncatingIfNeeded: value))
    case 4: set(slot, UInt32(truncatingIfNeeded: value))
    default: set(slot, value)
    }
  }

  func loadSized(_ linear: UInt64, _ width: Int, stack: Bool = false) throws(Fault) -> UInt64 {
    switch width {
    case 1: return UInt64(try load(linear, as: UInt8.self, stack: stack))
    case 2: return UInt64(try load(linear, as: UInt16.self, stack: stack))
    case 4: return UInt64(try load(linear, as: UInt32.self, stack: stack))
    default: return try load(linear, as: UInt64.self, stack: stack)
    }
  }

  func storeSized(_ linear: UInt64, _ value: UInt64, _ width: Int, stack: Bool = false) throws(Fault) {
    switch width {
    case 1: try store(linear, UInt8(truncatingIfNeeded: value), stack: stack)
    case 2: try store(linear, UInt16(truncatingIfNeeded: value), stack: stack)
    case 4: try store(linear, UInt32(truncatingIfNeeded: value), stack: stack)
    default: try store(linear, value, stack: stack)
    }
  }
}
