/// How translated code goes from block to block: along a chain, through the cache of jump targets, or out.

extension BlockCompiler {
  private static let taken = MemoryLayout<Block>.offset(of: \.taken)!
  private static let following = MemoryLayout<Block>.offset(of: \.following)!
  private static let code = MemoryLayout<Block>.offset(of: \.code)!
  private static let rip = MemoryLayout<ProcessorState>.offset(of: \.rip)! - bias
  private static let fetchKey = MemoryLayout<ProcessorState>.offset(of: \.fetchKey)! - bias

  /// Goes on at a known address. The block is retired.
  mutating func leaveAlong(_ edge: Int32, to target: UInt64, _ start: UnsafeRawPointer) {
    if target == block.pointee.rip {
      // The block is alive as long as it runs: only the interpreter writes decoded code.
      assembler.jump(to: start)
      return
    }
    var misses: [UnsafeMutablePointer<UInt8>] = []
    if (target ^ block.pointee.rip) & ~0xFFF == 0 {
      assembler.move(.rcx, immediate: UInt64(UInt(bitPattern: block)))
      assembler.load(.rdx, HostAddress(.rcx, edge == Leaving.taken ? Self.taken : Self.following))
      assembler.test(.rdx, .rdx, 8)
      misses.append(assembler.jumpIf(HostCondition.equal))
    } else {
      let entry = jumps + BlockCache.jumpIndex(target)
      assembler.move(.rsi, immediate: UInt64(UInt(bitPattern: entry)))
      assembler.move(.rcx, immediate: target)
      misses = lookUp()
    }
    assembler.jump(HostAddress(.rdx, Self.code))
    for miss in misses { assembler.land(miss) }
    assembler.move(.rcx, immediate: target)
    assembler.store(.rcx, HostAddress(.rbx, Self.rip))
    leave(edge)
  }

  /// Goes on at the address in RCX. The block is retired.
  mutating func leaveIndirect() {
    assembler.move(.rdx, .rcx)
    assembler.shift(.right, .rdx, 8, by: 13)
    assembler.arithmetic(.xor, 4, .rdx, .rcx)
    assembler.arithmetic(.and, 4, .rdx, immediate: Int32(BlockCache.jumpEntries - 1))
    // An entry is 24 bytes.
    precondition(MemoryLayout<JumpCacheEntry>.stride == 24, "the address of a jump cache entry is its index times 24")
    assembler.address(.rdx, HostAddress(.rdx, index: .rdx, scale: 1))
    assembler.move(.rsi, immediate: UInt64(UInt(bitPattern: jumps)))
    assembler.address(.rsi, HostAddress(.rsi, index: .rdx, scale: 3))
    let misses = lookUp()
    assembler.jump(HostAddress(.rdx, Self.code))
    for miss in misses { assembler.land(miss) }
    assembler.store(.rcx, HostAddress(.rbx, Self.rip))
    leave(Leaving.indirect)
  }

  /// The block of the jump cache entry at RSI into RDX, if the entry is for the address in RCX. Returns the jumps to be landed
  /// where it is not.
  private mutating func lookUp() -> [UnsafeMutablePointer<UInt8>] {
    assembler.arithmetic(.cmp, 8, .rcx, HostAddress(.rsi, MemoryLayout<JumpCacheEntry>.offset(of: \.rip)!))
    let other = assembler.jumpIf(HostCondition.notEqual)
    assembler.load(.rdx, HostAddress(.rbx, Self.fetchKey))
    assembler.arithmetic(.cmp, 8, .rdx, HostAddress(.rsi, MemoryLayout<JumpCacheEntry>.offset(of: \.key)!))
    let stale = assembler.jumpIf(HostCondition.notEqual)
    assembler.load(.rdx, HostAddress(.rsi, MemoryLayout<JumpCacheEntry>.offset(of: \.block)!))
    return [other, stale]
  }

  private mutating func leave(_ edge: Int32) {
    assembler.move(.rcx, immediate: UInt64(UInt32(bitPattern: edge)))
    assembler.move(.rdx, immediate: UInt64(UInt(bitPattern: block)))
    assembler.jump(to: host.leave)
  }
}
