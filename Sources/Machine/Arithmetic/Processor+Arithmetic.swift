/// The integer operations that set flags, on values; the width is the type. SDM vol. 2, each instruction's "Operation" and
/// "Flags Affected".

extension UnsignedInteger where Self: FixedWidthInteger {
  /// The value, zero-extended.
  @inline(__always) var wide: UInt64 { UInt64(truncatingIfNeeded: self) }
  /// The value, sign-extended.
  @inline(__always) var signed: UInt64 {
    let shift = UInt64(truncatingIfNeeded: 64 &- Self.bitWidth)
    return UInt64(bitPattern: Int64(bitPattern: wide &<< shift) &>> Int64(bitPattern: shift))
  }
}

extension ProcessorState {
  @inline(__always)
  mutating func add<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ b: W, carryIn: W = 0) -> W {
    let r = a &+ b &+ carryIn
    flagResult = r.signed
    flagCarries = LazyFlags.place(((a & b) | ((a | b) & ~r)).wide, bits: W.bitWidth)
    return r
  }

  @inline(__always)
  mutating func subtract<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ b: W, borrowIn: W = 0) -> W {
    let r = a &- b &- borrowIn
    flagResult = r.signed
    flagCarries = LazyFlags.place(((~a & b) | ((~a | b) & r)).wide, bits: W.bitWidth)
    return r
  }

  /// Flags of AND, OR, XOR and TEST: CF, OF and AF clear (AF is undefined in the manuals).
  @inline(__always)
  mutating func logic<W: FixedWidthInteger & UnsignedInteger>(_ r: W) -> W {
    flagResult = r.signed
    flagCarries = 0
    return r
  }

  @inline(__always)
  mutating func increment<W: FixedWidthInteger & UnsignedInteger>(_ a: W) -> W {
    let kept = carry
    let r = add(a, 1)
    setCarry(kept)
    return r
  }

  @inline(__always)
  mutating func decrement<W: FixedWidthInteger & UnsignedInteger>(_ a: W) -> W {
    let kept = carry
    let r = subtract(a, 1)
    setCarry(kept)
    return r
  }

  /// SHL by a count that is already masked to 5 or 6 bits. A count of zero changes nothing.
  @inline(__always)
  mutating func shiftLeft<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ count: UInt64) -> W {
    if count == 0 { return a }
    let width = UInt64(W.bitWidth)
    let r: W = count < width ? a &<< W(truncatingIfNeeded: count) : 0
    let out = count <= width ? (a.wide &>> (width &- count)) & 1 : 0
    let top = (r.wide &>> (width &- 1)) & 1
    flagResult = r.signed
    // OF is CF exclusive-or the result's top bit (defined for a count of 1).
    flagCarries = (out &<< 63) | (top &<< 62)
    return r
  }

  @inline(__always)
  mutating func shiftRight<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ count: UInt64) -> W {
    if count == 0 { return a }
    let width = UInt64(W.bitWidth)
    let r: W = count < width ? a &>> W(truncatingIfNeeded: count) : 0
    let out = count <= width ? (a.wide &>> (count &- 1)) & 1 : 0
    // OF is the operand's top bit (defined for a count of 1).
    let top = (a.wide &>> (width &- 1)) & 1
    flagResult = r.signed
    flagCarries = (out &<< 63) | ((out ^ top) &<< 62)
    return r
  }

  @inline(__always)
  mutating func shiftArithmeticRight<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ count: UInt64) -> W {
    if count == 0 { return a }
    let wide = Int64(bitPattern: a.signed)
    let r = W(truncatingIfNeeded: wide &>> Int64(min(count, 63)))
    let out = UInt64(bitPattern: wide &>> Int64(min(count &- 1, 63))) & 1
    flagResult = r.signed
    flagCarries = (out &<< 63) | (out &<< 62)
    return r
  }

  /// Two-operand IMUL: CF and OF say that the product does not fit; the other flags are undefined and follow the result.
  @inline(__always)
  mutating func multiplySigned<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ b: W) -> W {
    let product = Int64(bitPattern: a.signed).multipliedFullWidth(by: Int64(bitPattern: b.signed))
    let r = W(truncatingIfNeeded: product.low)
    let overflow: Bool
    if W.bitWidth == 64 {
      overflow = product.high != Int64(bitPattern: product.low) >> 63
    } else {
      overflow = r.signed != product.low
    }
    flagResult = r.signed
    flagCarries = overflow ? LazyFlags.carryBit : 0
    return r
  }

  // MARK: Rotates and double shifts

  /// ROL (`left`) or ROR by a masked count. SF, ZF, AF and PF are kept.
  mutating func rotate<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ count: UInt64, left: Bool) -> W {
    if count == 0 { return a }
    let width = UInt64(W.bitWidth)
    let n = W(truncatingIfNeeded: count % width)
    let r: W
    if n == 0 {
      r = a
    } else {
      let m = W(truncatingIfNeeded: width) &- n
      r = left ? (a &<< n) | (a &>> m) : (a &>> n) | (a &<< m)
    }
    let top = (r.wide >> (width - 1)) & 1
    if left {
      let out = r.wide & 1
      setCarryAndOverflow(out != 0, top ^ out != 0)
    } else {
      let next = (r.wide >> (width - 2)) & 1
      setCarryAndOverflow(top != 0, top ^ next != 0)
    }
    return r
  }

  /// RCL (`left`) or RCR by a masked count, through CF.
  mutating func rotateThroughCarry<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ count: UInt64, left: Bool) -> W {
    let width = UInt64(W.bitWidth)
    let n = count % (width + 1)
    if n == 0 { return a }
    var r = a.wide
    var c: UInt64 = carry ? 1 : 0
    let mask: UInt64 = width == 64 ? ~0 : (1 << width) - 1
    let topBefore = (r >> (width - 1)) & 1
    let carryBefore = c
    for _ in 0..<n {
      if left {
        let out = (r >> (width - 1)) & 1
        r = (r << 1 | c) & mask
        c = out
      } else {
        let out = r & 1
        r = r >> 1 | c << (width - 1)
        c = out
      }
    }
    let top = (r >> (width - 1)) & 1
    // For RCR the OF of a count of 1 is taken before the rotate; the formula below is equal to it.
    let overflow = left ? top ^ c : (n == 1 ? topBefore ^ carryBefore : top ^ ((r >> (width - 2)) & 1))
    setCarryAndOverflow(c != 0, overflow != 0)
    return W(truncatingIfNeeded: r)
  }

  mutating func setCarryAndOverflow(_ c: Bool, _ o: Bool) {
    flagCarries &= ~(LazyFlags.carryBit | LazyFlags.carryInBit)
    if c { flagCarries |= LazyFlags.carryBit }
    if c != o { flagCarries |= LazyFlags.carryInBit }
  }

  /// SHLD (`left`) or SHRD by a masked count. For 16 bits a count above 16 is undefined; the result then is what current
  /// processors give: the source is shifted in again.
  mutating func shiftDouble<W: FixedWidthInteger & UnsignedInteger>(_ a: W, _ b: W, _ count: UInt64, left: Bool) -> W {
    if count == 0 { return a }
    let width = UInt64(W.bitWidth)
    var r = a
    var out: UInt64 = 0
    for i in 0..<count {
      if left {
        out = (r.wide >> (width - 1)) & 1
        let bit = (b.wide >> (width - 1 - i % width)) & 1
        r = (r &<< 1) | W(truncatingIfNeeded: bit)
      } else {
        out = r.wide & 1
        let bit = (b.wide >> (i % width)) & 1
        r = (r &>> 1) | W(truncatingIfNeeded: bit) &<< W(truncatingIfNeeded: width - 1)
      }
    }
    flagResult = r.signed
    let overflow = ((a ^ r).wide >> (width - 1)) & 1
    flagCarries = 0
    setCarryAndOverflow(out != 0, overflow != 0)
    return r
  }
}
