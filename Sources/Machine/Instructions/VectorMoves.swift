/// Moves of XMM registers and parts of them.
///
/// Intel SDM vol. 1, "SSE Data Transfer Instructions", "SSE2 Data Movement Instructions", "SSE2 Cacheability Control and
/// Ordering Instructions"; vol. 2B, "MASKMOVDQU".

extension Processor {
  @inline(__always)
  func moveVector(_ u: Operation, _ family: VectorFamily) throws(Fault) {
    switch family {
    case .moveWhole: setVector(u, try vectorSource(u))
    case .storeWhole:
      let value = s.pointee.vectors[Int(u.pointee.src)]
      if u.pointee.traits.contains(.memory) {
        try storeVector(
          linear(u), value, aligned: u.pointee.mustBeAligned, stack: u.pointee.traits.contains(.stack))
      } else {
        setVector(u, value)
      }
    case .moveZeroExtended:
      let low = try vectorSource(u).low
      setVector(u, Vector128(low: u.pointee.width == 4 ? low & 0xFFFF_FFFF : low))
    case .moveLow:
      let low = try vectorSource(u).low
      let old = vectorDestination(u)
      setVector(
        u,
        u.pointee.width == 4
          ? old.replacingLow32(with: UInt32(truncatingIfNeeded: low)) : old.replacingLow64(with: low))
    case .storeLow: try storeNarrow(u, s.pointee.vectors[Int(u.pointee.src)].low)
    case .moveHigh: setVector(u, Vector128(low: vectorDestination(u).low, high: try vectorSource(u).low))
    case .storeHigh: try storeNarrow(u, s.pointee.vectors[Int(u.pointee.src)].high)
    case .moveHighToLow: setVector(u, Vector128(low: try vectorSource(u).high, high: vectorDestination(u).high))
    case .moveLowToHigh: setVector(u, Vector128(low: vectorDestination(u).low, high: try vectorSource(u).low))
    case .moveFromGeneral: setVector(u, Vector128(low: try generalSource(u)))
    case .moveToGeneral:
      let low = s.pointee.vectors[Int(u.pointee.src)].low
      if u.pointee.width == 8 { set(u.pointee.dst, low) } else { set(u.pointee.dst, UInt32(truncatingIfNeeded: low)) }
    case .storeSelected:
      let value = vectorDestination(u)
      try storeSelected(u, [value.low, value.high], s.pointee.vectors[Int(u.pointee.src)].byteSigns)
    default: preconditionFailure("A vector instruction that is no move came to moveVector.")
    }
  }

  /// MASKMOVDQU and MASKMOVQ: byte i where bit i of `mask` is set. A mask of zero accesses nothing.
  func storeSelected(_ u: Operation, _ quadwords: [UInt64], _ mask: UInt32) throws(Fault) {
    let stack = u.pointee.traits.contains(.stack)
    let chosen = (0..<quadwords.count * 8).filter { mask >> UInt32($0) & 1 != 0 }
    guard let first = chosen.first, let last = chosen.last else { return }
    let at = linear(u)
    try requireMemory(at &+ UInt64(first), count: 1, .write, stack: stack)
    try requireMemory(at &+ UInt64(last), count: 1, .write, stack: stack)
    for i in chosen {
      let byte = UInt8(truncatingIfNeeded: quadwords[i / 8] >> UInt64(i % 8 * 8))
      try store(at &+ UInt64(i), byte, stack: stack)
    }
  }
}
