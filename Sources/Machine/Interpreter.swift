/// The loop that executes blocks of micro-operations.
///
/// Retired instructions and RIP are brought up to date only where a block is left: at its end, at a fault, and before a body
/// that is out of line. The register operands of a micro-operation are byte offsets into the register file.
/// MEASURED: one switch over all hot opcodes, with state behind raw pointers, reaches 0.6 to 0.9 of C with computed goto.

extension Processor {
  /// What has been used up of all budgets so far, in instructions: those retired, one for each event delivered, and what else takes
  /// time but retires nothing, such as the many iterations of a REP. Never goes back but by `restore`.
  public var spent: UInt64 { s.pointee.retired &+ s.pointee.eventCount &+ s.pointee.work }

  /// Uses up as much as `instructions` would, for what a platform does.
  public func charge(_ instructions: UInt64) { s.pointee.work &+= instructions }

  /// Runs until `budget` is spent (see `spent`) or the platform is needed.
  public func run(_ budget: UInt64) -> Exit {
    let end = spent &+ budget
    var isAlone = false
    while true {
      do throws(Fault) {
        if !isAlone {
          // An event that is due where the run ends is the next one's.
          let isOver = spent >= end || isStopRequested
          let delivered = s.pointee.eventCount
          if !isOver, attention, let exit = try takeBoundaryEvents() { return exit }
          // Its handler's first instruction has a boundary of its own.
          if s.pointee.eventCount != delivered { continue }
          if deviceWasAccessed { return noteDevices() }
          if s.pointee.isHalted { return isOver && isWoken ? .budget : .halted }
          if spent >= end || isStopRequested || isAtStopAddress { return .budget }
        }
        if attention || isAlone {
          isAlone = false
          try executeOne()
        } else {
          isInBlocks = true
          try executeBlocks(limit: s.pointee.retired &+ (end &- spent))
          isInBlocks = false
        }
        stopInWatchedCode()
      } catch {
        isInBlocks = false
        if case .alone = error {
          isAlone = true
          continue
        }
        if let exit = raise(error) { return exit }
      }
      if deviceWasAccessed { return noteDevices() }
    }
  }

  /// Executes one instruction, or delivers one event where one is due, and stops at the boundary after it.
  public func step() -> Exit {
    do throws(Fault) {
      let delivered = s.pointee.eventCount
      if attention, let exit = try takeBoundaryEvents() { return exit }
      if s.pointee.eventCount == delivered {
        if s.pointee.isHalted { return .halted }
        try executeOne()
      }
    } catch {
      if let exit = raise(error) { return exit }
    }
    if deviceWasAccessed { return noteDevices() }
    return s.pointee.isHalted && !isWoken ? .halted : .budget
  }

  /// A trap of HLT itself, or an NMI that it was late for, wakes the processor at the boundary behind it.
  private var isWoken: Bool { s.pointee.pendingDebug != 0 || s.pointee.nmiLatched && !s.pointee.nmiBlocked }

  private func noteDevices() -> Exit {
    deviceWasAccessed = false
    return .deviceAccess
  }

  /// Runs until the instruction at `address` is next, or until the budget is used up or the platform is needed.
  /// The caller looks at `rip` to tell which.
  public func run(_ budget: UInt64, until address: UInt64) -> Exit {
    split(address..<address &+ 1)
    stopAddress = address
    defer { stopAddress = Self.noStop }
    return run(budget)
  }

  /// RIP itself can be the value that stands for "no address": AMD's SYSRET loads whatever RCX holds.
  private var isAtStopAddress: Bool { s.pointee.rip == stopAddress && stopAddress != Self.noStop }

  /// Executes the instruction at RIP alone, with single-stepping and the shadows that end with it.
  private func executeOne() throws(Fault) {
    let trapBefore = s.pointee.flag(.trap)
    let shadowBefore = s.pointee.shadow
    let resumeBefore = s.pointee.flag(.resume)
    s.pointee.shadow = .none
    s.pointee.clearsResume = true
    s.pointee.followsSTI = shadowBefore == .sti
    s.pointee.trapAfter = trapBefore
    // It is said of this instruction alone: a repetition in a block asks as well.
    defer {
      s.pointee.trapAfter = false
      s.pointee.followsSTI = false
    }
    let retired = s.pointee.retired
    let debugBefore = s.pointee.pendingDebug
    do throws(Fault) {
      try executeBlocks(limit: retired &+ 1)
    } catch {
      // The instruction did not complete: what surrounds it still holds, and a breakpoint that it met is not reported.
      s.pointee.shadow = shadowBefore
      s.pointee.pendingDebug = debugBefore
      throw error
    }
    if s.pointee.retired == retired { return }
    if resumeBefore && s.pointee.clearsResume { s.pointee.otherFlags &= ~RFLAGS.resume.rawValue }
    if s.pointee.trapAfter && s.pointee.shadow != .movSS { s.pointee.pendingDebug |= DR6.singleStep }
    updateAttention()
  }

  // MARK: Operands

  @inline(__always) func get<W: FixedWidthInteger & UnsignedInteger>(_ slot: UInt8, _ type: W.Type) -> W {
    r.loadUnaligned(fromByteOffset: Int(slot), as: W.self)
  }

  /// The value operand: a register plus an immediate, one of which is zero.
  @inline(__always)
  func value<W: FixedWidthInteger & UnsignedInteger>(_ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type) -> W {
    get(u.pointee.src, type) &+ W(truncatingIfNeeded: u.pointee.imm)
  }

  /// Writes a register: 32-bit results are zero-extended, narrower ones leave the rest (SDM vol. 1, "General-Purpose
  /// Registers in 64-Bit Mode").
  @inline(__always) func set<W: FixedWidthInteger & UnsignedInteger>(_ slot: UInt8, _ value: W) {
    if W.bitWidth == 32 {
      r.storeBytes(of: UInt64(truncatingIfNeeded: value), toByteOffset: Int(slot), as: UInt64.self)
    } else {
      r.storeBytes(of: value, toByteOffset: Int(slot), as: W.self)
    }
  }

  /// The effective address, without the segment base.
  @inline(__always) func effective(_ u: UnsafeMutablePointer<MicroOperation>) -> UInt64 {
    get(u.pointee.base, UInt64.self) &+ (get(u.pointee.index, UInt64.self) &<< UInt64(u.pointee.scale))
      &+ u.pointee.disp
  }

  @inline(__always) func linear(_ u: UnsafeMutablePointer<MicroOperation>) -> UInt64 {
    effective(u) &+ get(u.pointee.segment, UInt64.self)
  }

  // MARK: Bodies that exist in several widths

  @inline(__always)
  private func loadTo<W: FixedWidthInteger & UnsignedInteger>(
    _ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type
  ) throws(Fault) {
    set(u.pointee.dst, try load(linear(u), as: type, stack: u.pointee.traits.contains(.stack)))
  }

  @inline(__always)
  private func modifyTo<W: FixedWidthInteger & UnsignedInteger>(
    _ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type
  ) throws(Fault) {
    set(u.pointee.dst, try loadToModify(linear(u), as: type, stack: u.pointee.traits.contains(.stack)))
  }

  @inline(__always)
  private func storeFrom<W: FixedWidthInteger & UnsignedInteger>(
    _ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type
  ) throws(Fault) {
    try store(linear(u), value(u, type), stack: u.pointee.traits.contains(.stack))
  }

  @inline(__always)
  private func binary<W: FixedWidthInteger & UnsignedInteger>(
    _ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type, _ body: (inout ProcessorState, W, W) -> W
  ) {
    set(u.pointee.dst, body(&s.pointee, get(u.pointee.dst, type), value(u, type)))
  }

  @inline(__always)
  private func unary<W: FixedWidthInteger & UnsignedInteger>(
    _ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type, _ body: (inout ProcessorState, W) -> W
  ) {
    set(u.pointee.dst, body(&s.pointee, get(u.pointee.dst, type)))
  }

  @inline(__always)
  private func shift<W: FixedWidthInteger & UnsignedInteger>(
    _ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type, _ body: (inout ProcessorState, W, UInt64) -> W
  ) {
    let count = UInt64(value(u, UInt8.self)) & (W.bitWidth == 64 ? 63 : 31)
    set(u.pointee.dst, body(&s.pointee, get(u.pointee.dst, type), count))
  }

  @inline(__always)
  private func exchange<W: FixedWidthInteger & UnsignedInteger>(
    _ u: UnsafeMutablePointer<MicroOperation>, _ type: W.Type
  ) {
    let a = get(u.pointee.dst, type)
    let b = get(u.pointee.src, type)
    set(u.pointee.dst, b)
    set(u.pointee.src, a)
  }

  // MARK: The loop

  /// Executes blocks until `limit` instructions have retired, something needs attention, or a fault is thrown. RIP and the
  /// count of retired instructions are right whenever it returns or throws.
  private func executeBlocks(limit: UInt64) throws(Fault) {
    let s = self.s
    let besides = s.pointee.eventCount &+ s.pointee.work
    var block = try findBlock(single: limit &- s.pointee.retired == 1)
    while true {
      if s.pointee.retired &+ UInt64(block.pointee.count) > limit { block = try findBlock(single: true) }
      var u = block.pointee.operations
      var edge = Edge.taken
      var isRetired = false
      if block.pointee.heat != Block.untranslatable && isTranslated(block) {
        switch runTranslated(&block, limit: limit) {
        case Leaving.arrived:
          if attention || s.pointee.retired >= limit || s.pointee.rip == stopAddress || isInWatchedCode { return }
          continue
        case Leaving.taken: isRetired = true
        case Leaving.following:
          edge = .following
          isRetired = true
        case Leaving.indirect:
          edge = .indirect
          isRetired = true
        case let index: u = block.pointee.operations + Int(index)
        }
      }
      do throws(Fault) {
        run: while !isRetired {
          switch u.pointee.opcode {
          case .nop: break
          case .endBlock:
            s.pointee.retired &+= UInt64(u.pointee.ordinal)
            s.pointee.rip = block.pointee.rip &+ UInt64(u.pointee.offset)
            return
          case .external:
            s.pointee.rip = block.pointee.rip &+ UInt64(u.pointee.offset)
            try executeExternal(u)
            if u.pointee.traits.contains(.endsBlock) {
              if !u.pointee.traits.contains(.setsRIP) {
                s.pointee.rip = nextInstruction(s.pointee.rip, u.pointee.length)
              }
              edge = .outOfLine
              break run
            }

          case .move8: set(u.pointee.dst, value(u, UInt8.self))
          case .move16: set(u.pointee.dst, value(u, UInt16.self))
          case .move32: set(u.pointee.dst, value(u, UInt32.self))
          case .move64: set(u.pointee.dst, value(u, UInt64.self))
          case .load8: try loadTo(u, UInt8.self)
          case .load16: try loadTo(u, UInt16.self)
          case .load32: try loadTo(u, UInt32.self)
          case .load64: try loadTo(u, UInt64.self)
          case .store8: try storeFrom(u, UInt8.self)
          case .store16: try storeFrom(u, UInt16.self)
          case .store32: try storeFrom(u, UInt32.self)
          case .store64: try storeFrom(u, UInt64.self)
          case .modify8: try modifyTo(u, UInt8.self)
          case .modify16: try modifyTo(u, UInt16.self)
          case .modify32: try modifyTo(u, UInt32.self)
          case .modify64: try modifyTo(u, UInt64.self)
          case .lea16: set(u.pointee.dst, UInt16(truncatingIfNeeded: effective(u)))
          case .lea32: set(u.pointee.dst, UInt32(truncatingIfNeeded: effective(u)))
          case .lea64: set(u.pointee.dst, effective(u))
          case .address32: set(u.pointee.dst, effective(u) & u.pointee.imm)

          case .zeroExtend8: set(u.pointee.dst, UInt64(get(u.pointee.src, UInt8.self)))
          case .zeroExtend16: set(u.pointee.dst, UInt64(get(u.pointee.src, UInt16.self)))
          case .zeroExtend8To16: set(u.pointee.dst, UInt16(get(u.pointee.src, UInt8.self)))
          case .signExtend8To16:
            set(u.pointee.dst, UInt16(truncatingIfNeeded: get(u.pointee.src, UInt8.self).signed))
          case .signExtend8To32:
            set(u.pointee.dst, UInt32(truncatingIfNeeded: get(u.pointee.src, UInt8.self).signed))
          case .signExtend8To64: set(u.pointee.dst, get(u.pointee.src, UInt8.self).signed)
          case .signExtend16To32:
            set(u.pointee.dst, UInt32(truncatingIfNeeded: get(u.pointee.src, UInt16.self).signed))
          case .signExtend16To64: set(u.pointee.dst, get(u.pointee.src, UInt16.self).signed)
          case .signExtend32To64: set(u.pointee.dst, get(u.pointee.src, UInt32.self).signed)

          case .add8: binary(u, UInt8.self) { $0.add($1, $2) }
          case .add16: binary(u, UInt16.self) { $0.add($1, $2) }
          case .add32: binary(u, UInt32.self) { $0.add($1, $2) }
          case .add64: binary(u, UInt64.self) { $0.add($1, $2) }
          case .or8: binary(u, UInt8.self) { $0.logic($1 | $2) }
          case .or16: binary(u, UInt16.self) { $0.logic($1 | $2) }
          case .or32: binary(u, UInt32.self) { $0.logic($1 | $2) }
          case .or64: binary(u, UInt64.self) { $0.logic($1 | $2) }
          case .adc8: binary(u, UInt8.self) { $0.add($1, $2, carryIn: $0.carry ? 1 : 0) }
          case .adc16: binary(u, UInt16.self) { $0.add($1, $2, carryIn: $0.carry ? 1 : 0) }
          case .adc32: binary(u, UInt32.self) { $0.add($1, $2, carryIn: $0.carry ? 1 : 0) }
          case .adc64: binary(u, UInt64.self) { $0.add($1, $2, carryIn: $0.carry ? 1 : 0) }
          case .sbb8: binary(u, UInt8.self) { $0.subtract($1, $2, borrowIn: $0.carry ? 1 : 0) }
          case .sbb16: binary(u, UInt16.self) { $0.subtract($1, $2, borrowIn: $0.carry ? 1 : 0) }
          case .sbb32: binary(u, UInt32.self) { $0.subtract($1, $2, borrowIn: $0.carry ? 1 : 0) }
          case .sbb64: binary(u, UInt64.self) { $0.subtract($1, $2, borrowIn: $0.carry ? 1 : 0) }
          case .and8: binary(u, UInt8.self) { $0.logic($1 & $2) }
          case .and16: binary(u, UInt16.self) { $0.logic($1 & $2) }
          case .and32: binary(u, UInt32.self) { $0.logic($1 & $2) }
          case .and64: binary(u, UInt64.self) { $0.logic($1 & $2) }
          case .sub8: binary(u, UInt8.self) { $0.subtract($1, $2) }
          case .sub16: binary(u, UInt16.self) { $0.subtract($1, $2) }
          case .sub32: binary(u, UInt32.self) { $0.subtract($1, $2) }
          case .sub64: binary(u, UInt64.self) { $0.subtract($1, $2) }
          case .xor8: binary(u, UInt8.self) { $0.logic($1 ^ $2) }
          case .xor16: binary(u, UInt16.self) { $0.logic($1 ^ $2) }
          case .xor32: binary(u, UInt32.self) { $0.logic($1 ^ $2) }
          case .xor64: binary(u, UInt64.self) { $0.logic($1 ^ $2) }
          case .cmp8: _ = s.pointee.subtract(get(u.pointee.dst, UInt8.self), value(u, UInt8.self))
          case .cmp16: _ = s.pointee.subtract(get(u.pointee.dst, UInt16.self), value(u, UInt16.self))
          case .cmp32: _ = s.pointee.subtract(get(u.pointee.dst, UInt32.self), value(u, UInt32.self))
          case .cmp64: _ = s.pointee.subtract(get(u.pointee.dst, UInt64.self), value(u, UInt64.self))
          case .test8: _ = s.pointee.logic(get(u.pointee.dst, UInt8.self) & value(u, UInt8.self))
          case .test16: _ = s.pointee.logic(get(u.pointee.dst, UInt16.self) & value(u, UInt16.self))
          case .test32: _ = s.pointee.logic(get(u.pointee.dst, UInt32.self) & value(u, UInt32.self))
          case .test64: _ = s.pointee.logic(get(u.pointee.dst, UInt64.self) & value(u, UInt64.self))

          case .inc8: unary(u, UInt8.self) { $0.increment($1) }
          case .inc16: unary(u, UInt16.self) { $0.increment($1) }
          case .inc32: unary(u, UInt32.self) { $0.increment($1) }
          case .inc64: unary(u, UInt64.self) { $0.increment($1) }
          case .dec8: unary(u, UInt8.self) { $0.decrement($1) }
          case .dec16: unary(u, UInt16.self) { $0.decrement($1) }
          case .dec32: unary(u, UInt32.self) { $0.decrement($1) }
          case .dec64: unary(u, UInt64.self) { $0.decrement($1) }
          case .neg8: unary(u, UInt8.self) { $0.subtract(0, $1) }
          case .neg16: unary(u, UInt16.self) { $0.subtract(0, $1) }
          case .neg32: unary(u, UInt32.self) { $0.subtract(0, $1) }
          case .neg64: unary(u, UInt64.self) { $0.subtract(0, $1) }
          case .not8: set(u.pointee.dst, ~get(u.pointee.dst, UInt8.self))
          case .not16: set(u.pointee.dst, ~get(u.pointee.dst, UInt16.self))
          case .not32: set(u.pointee.dst, ~get(u.pointee.dst, UInt32.self))
          case .not64: set(u.pointee.dst, ~get(u.pointee.dst, UInt64.self))
          case .shl8: shift(u, UInt8.self) { $0.shiftLeft($1, $2) }
          case .shl16: shift(u, UInt16.self) { $0.shiftLeft($1, $2) }
          case .shl32: shift(u, UInt32.self) { $0.shiftLeft($1, $2) }
          case .shl64: shift(u, UInt64.self) { $0.shiftLeft($1, $2) }
          case .shr8: shift(u, UInt8.self) { $0.shiftRight($1, $2) }
          case .shr16: shift(u, UInt16.self) { $0.shiftRight($1, $2) }
          case .shr32: shift(u, UInt32.self) { $0.shiftRight($1, $2) }
          case .shr64: shift(u, UInt64.self) { $0.shiftRight($1, $2) }
          case .sar8: shift(u, UInt8.self) { $0.shiftArithmeticRight($1, $2) }
          case .sar16: shift(u, UInt16.self) { $0.shiftArithmeticRight($1, $2) }
          case .sar32: shift(u, UInt32.self) { $0.shiftArithmeticRight($1, $2) }
          case .sar64: shift(u, UInt64.self) { $0.shiftArithmeticRight($1, $2) }
          case .imul16:
            set(u.pointee.dst, s.pointee.multiplySigned(get(u.pointee.base, UInt16.self), value(u, UInt16.self)))
          case .imul32:
            set(u.pointee.dst, s.pointee.multiplySigned(get(u.pointee.base, UInt32.self), value(u, UInt32.self)))
          case .imul64:
            set(u.pointee.dst, s.pointee.multiplySigned(get(u.pointee.base, UInt64.self), value(u, UInt64.self)))

          case .push64:
            let top = get(Slot.rsp, UInt64.self) &- 8
            try store(top, value(u, UInt64.self), stack: true)
            set(Slot.rsp, top)
          case .pop64:
            let top = get(Slot.rsp, UInt64.self)
            let popped = try load(top, as: UInt64.self, stack: true)
            // POP RSP: the popped value wins over the increment.
            set(Slot.rsp, top &+ 8)
            set(u.pointee.dst, popped)
          case .call:
            let top = get(Slot.rsp, UInt64.self) &- 8
            try store(top, u.pointee.disp, stack: true)
            set(Slot.rsp, top)
            s.pointee.rip = u.pointee.imm
            break run
          case .callIndirect:
            let target = value(u, UInt64.self)
            if !Self.isCanonical(target) { try refuseCall(returnTo: u.pointee.disp) }
            let top = get(Slot.rsp, UInt64.self) &- 8
            try store(top, u.pointee.disp, stack: true)
            set(Slot.rsp, top)
            s.pointee.rip = target
            edge = .indirect
            break run
          case .ret:
            let top = get(Slot.rsp, UInt64.self)
            let target = try load(top, as: UInt64.self, stack: true)
            if !Self.isCanonical(target) { throw Fault.gp() }
            set(Slot.rsp, top &+ 8 &+ u.pointee.imm)
            s.pointee.rip = target
            edge = .indirect
            break run
          case .jump:
            s.pointee.rip = u.pointee.imm
            break run
          case .jumpIndirect:
            let target = value(u, UInt64.self)
            if !Self.isCanonical(target) { throw Fault.gp() }
            s.pointee.rip = target
            edge = .indirect
            break run
          case .jumpIf:
            if s.pointee.holds(UInt8(truncatingIfNeeded: u.pointee.detail)) {
              s.pointee.rip = u.pointee.imm
            } else {
              s.pointee.rip = u.pointee.disp
              edge = .following
            }
            break run
          case .setIf:
            set(u.pointee.dst, s.pointee.holds(UInt8(truncatingIfNeeded: u.pointee.detail)) ? 1 as UInt8 : 0)
          case .moveIf16:
            if s.pointee.holds(UInt8(truncatingIfNeeded: u.pointee.detail)) {
              set(u.pointee.dst, get(u.pointee.src, UInt16.self))
            }
          case .moveIf32:
            let keep = get(u.pointee.dst, UInt32.self)
            let other = get(u.pointee.src, UInt32.self)
            set(u.pointee.dst, s.pointee.holds(UInt8(truncatingIfNeeded: u.pointee.detail)) ? other : keep)
          case .moveIf64:
            if s.pointee.holds(UInt8(truncatingIfNeeded: u.pointee.detail)) {
              set(u.pointee.dst, get(u.pointee.src, UInt64.self))
            }
          case .exchange8: exchange(u, UInt8.self)
          case .exchange16: exchange(u, UInt16.self)
          case .exchange32: exchange(u, UInt32.self)
          case .exchange64: exchange(u, UInt64.self)
          }
          u += 1
        }
      } catch {
        s.pointee.rip = block.pointee.rip &+ UInt64(u.pointee.offset)
        s.pointee.retired &+= UInt64(u.pointee.ordinal)
        if u.pointee.opcode == .jumpIndirect || u.pointee.opcode == .callIndirect { forgetBranch() }
        throw error
      }
      if !isRetired { s.pointee.retired &+= UInt64(block.pointee.count) }
      if attention || s.pointee.retired >= limit || s.pointee.rip == stopAddress || isInWatchedCode { return }
      switch edge {
      case .indirect: block = try findBlock(single: false)
      case .outOfLine:
        if deviceWasAccessed || isStopRequested || s.pointee.eventCount &+ s.pointee.work != besides { return }
        block = try findBlock(single: false)
      case .taken:
        if let chained = block.pointee.taken {
          block = chained
        } else {
          let next = try findBlock(single: false)
          if mayChain(block, next) { block.pointee.taken = next }
          block = next
        }
      case .following:
        if let chained = block.pointee.following {
          block = chained
        } else {
          let next = try findBlock(single: false)
          if mayChain(block, next) { block.pointee.following = next }
          block = next
        }
      }
    }
  }

  /// How a block was left.
  private enum Edge {
    /// To an address that was computed: it is looked up each time.
    case indirect
    case taken
    case following
    /// Behind a body that may have asked for anything, or spent what is the caller's to add up.
    case outOfLine
  }

  /// Only inside one page can a chain not outlive the translation that it was made under.
  private func mayChain(_ from: BlockPointer, _ to: BlockPointer) -> Bool {
    (to.pointee.rip ^ from.pointee.rip) & ~0xFFF == 0 && !to.pointee.crossesPage && !from.pointee.crossesPage
      && !from.pointee.isDead && from.pointee.mode == to.pointee.mode
  }
}
