/// What happens between two instructions: traps, NMIs, interrupts, breakpoints, in the architecture's order.
///
/// SDM vol. 3A, "Priority Among Concurrent Events", "Masking Exceptions and Interrupts When Switching Stacks", "Debug Exceptions
/// (#DB)", "Handling Multiple NMIs"; AMD APM vol. 2, "Priorities".

extension Processor {
  /// Whether the next boundary needs more than executing on.
  func updateAttention() {
    let state = s.pointee
    attention =
      state.shadow != .none || state.pendingDebug != 0 || state.flag(.trap) || state.flag(.resume)
      || (state.nmiLatched && !state.nmiBlocked) || (state.interruptLine && state.flag(.interruptEnable))
      || hasBreakpoints || state.mindsEndBranch
  }

  /// DR7 enables a breakpoint of any kind: its trap belongs to the boundary after the instruction that met it, so
  /// instructions are executed one by one.
  private var hasBreakpoints: Bool { s.pointee.dr7 & 0xFF != 0 }

  /// A debug register was written, where DR7 was that before. A page with a data breakpoint is in no cache; where none is enabled no cache
  /// depends on them.
  func followBreakpoints(since dr7: UInt64) {
    if (dr7 | s.pointee.dr7) & 0xFF != 0 { flushTranslations() } else { updateAttention() }
  }

  /// DR7 enables at least one instruction breakpoint.
  var hasInstructionBreakpoints: Bool {
    let dr7 = s.pointee.dr7
    if dr7 & 0xFF == 0 { return false }
    for i in 0..<4 where dr7 >> UInt64(2 * i) & 3 != 0 && dr7 >> UInt64(16 + 4 * i) & 3 == 0 { return true }
    return false
  }

  /// Delivers what is due before the next instruction. Returns an exit when the platform must supply the vector.
  func takeBoundaryEvents() throws(Fault) -> Exit? {
    let shadow = s.pointee.shadow
    if shadow != .movSS {
      if s.pointee.pendingDebug != 0 {
        let bits = s.pointee.pendingDebug
        s.pointee.pendingDebug = 0
        reportDebug(bits)
        return deliverOrShutDown(.debug, kind: .trap, FREDEvent(.hardwareException, data: bits))
      }
      if s.pointee.nmiLatched && !s.pointee.nmiBlocked {
        s.pointee.nmiLatched = false
        s.pointee.nmiBlocked = true
        return deliverOrShutDown(.nmi, kind: .external, FREDEvent(.nmi))
      }
      if s.pointee.interruptLine && s.pointee.flag(.interruptEnable) && shadow == .none { return .interruptWindow }
    }
    if hasInstructionBreakpoints && canTakeInstructionBreakpoint {
      let bits = matchingInstructionBreakpoints()
      if bits != 0 { throw Fault.debug(bits) }
    }
    try checkEndBranch()
    return nil
  }

  /// Whether an instruction breakpoint at RIP would be taken at this boundary: RF is clear, and on Intel's processors no load of
  /// SS came before. SDM vol. 3B, "Instruction-Breakpoint Exception Condition"; AMD APM vol. 2, "Setting Breakpoints", knows no
  /// such exception.
  public var canTakeInstructionBreakpoint: Bool {
    !s.pointee.flag(.resume) && (s.pointee.shadow != .movSS || !profile.stackLoadHoldsInstructionBreakpoints)
  }

  private func deliverOrShutDown(_ vector: Vector, kind: EventKind, _ fred: FREDEvent) -> Exit? {
    do throws(Fault) {
      try deliver(vector, errorCode: nil, kind: kind, fred: fred)
      return nil
    } catch {
      return raise(error, during: vector)
    }
  }

  /// Instruction breakpoints that match RIP. SDM vol. 3B, "Instruction-Breakpoint Exception Condition".
  private func matchingInstructionBreakpoints() -> UInt64 {
    let linear = s.pointee.rip &+ get(Slot.csBase, UInt64.self)
    var bits: UInt64 = 0
    let dr7 = s.pointee.dr7
    for i in 0..<4 where dr7 >> UInt64(2 * i) & 3 != 0 && dr7 >> UInt64(16 + 4 * i) & 0xF == 0 {
      if s.pointee.dr[i] == linear { bits |= 1 << UInt64(i) }
    }
    return bits
  }

  /// Notes the data breakpoints that an access hits; the trap follows the instruction.
  func noteDataBreakpoints(_ linear: UInt64, size: Int, write: Bool) {
    let dr7 = s.pointee.dr7
    for i in 0..<4 where dr7 >> UInt64(2 * i) & 3 != 0 {
      let condition = dr7 >> UInt64(16 + 4 * i) & 3
      guard condition == 3 || (condition == 1 && write) else { continue }
      let length = Self.breakpointLength(dr7 >> UInt64(18 + 4 * i) & 3)
      let start = s.pointee.dr[i] & ~(length - 1)
      if linear &+ UInt64(size) > start && linear < start &+ length {
        s.pointee.pendingDebug |= 1 << UInt64(i)
        attention = true
      }
    }
  }

  /// Notes the I/O breakpoints that an access to ports hits. SDM vol. 3B, "Data Memory and I/O Breakpoint Exception
  /// Conditions": they exist while CR4.DE is set.
  func notePortBreakpoints(_ port: UInt16, size: Int) {
    let dr7 = s.pointee.dr7
    guard dr7 & 0xFF != 0, s.pointee.cr4 & CR4.debuggingExtensions != 0 else { return }
    for i in 0..<4 where dr7 >> UInt64(2 * i) & 3 != 0 && dr7 >> UInt64(16 + 4 * i) & 3 == 2 {
      let length = Self.breakpointLength(dr7 >> UInt64(18 + 4 * i) & 3)
      let start = s.pointee.dr[i] & ~(length - 1)
      if UInt64(port) + UInt64(size) > start && UInt64(port) < start &+ length {
        s.pointee.pendingDebug |= 1 << UInt64(i)
        attention = true
      }
    }
  }

  /// LEN: 1, 2, 8 or 4 bytes.
  private static func breakpointLength(_ field: UInt64) -> UInt64 {
    switch field {
    case 0: return 1
    case 1: return 2
    case 2: return 8
    default: return 4
    }
  }

  /// A data breakpoint lies on the page, so accesses to it must take the slow path.
  func watchesData(page linear: UInt64) -> Bool {
    let dr7 = s.pointee.dr7
    if dr7 & 0xFF == 0 { return false }
    for i in 0..<4 where dr7 >> UInt64(2 * i) & 3 != 0 && dr7 >> UInt64(16 + 4 * i) & 3 != 0 {
      if (s.pointee.dr[i] ^ linear) & ~0xFFF == 0 { return true }
    }
    return false
  }

  /// Sets DR6 for a debug exception and clears DR7.GD. Bits 0 to 3 are cleared first, as processors do.
  func reportDebug(_ bits: UInt64) {
    s.pointee.dr6 = s.pointee.dr6 & ~0xF | bits
    s.pointee.dr7 &= ~DR7.generalDetect
  }

  // MARK: What the platform raises

  /// Sets the level of the interrupt request line.
  public func setInterruptLine(_ asserted: Bool) {
    if s.pointee.interruptLine != asserted {
      s.pointee.interruptLine = asserted
      updateAttention()
    }
  }

  /// Whether an interrupt that is requested now would be taken at this boundary.
  public var canTakeInterrupt: Bool { s.pointee.flag(.interruptEnable) && s.pointee.shadow == .none }

  /// Delivers a maskable interrupt, acknowledged by the platform. The boundary must allow it.
  public func deliverInterrupt(_ vector: Vector) -> Exit? {
    precondition(canTakeInterrupt, "an interrupt is delivered only where the boundary allows it")
    defer { updateAttention() }
    return deliverOrShutDown(vector, kind: .external, FREDEvent(.externalInterrupt))
  }

  /// The same whatever IF says, as a host makes it happen: AMD APM vol. 2, "Event Injection".
  public func deliverInterruptUnasked(_ vector: Vector) -> Exit? {
    defer { updateAttention() }
    return deliverOrShutDown(vector, kind: .external, FREDEvent(.externalInterrupt))
  }

  /// Delivers #VC as of an instruction that would have been intercepted: AMD APM vol. 2, "VMM Communication Exception"; the error code is the exit's,
  /// VMEXIT_NPF.
  public func deliverVMMCommunication() -> Exit? {
    defer { updateAttention() }
    return raise(.exception(.vmmCommunication, errorCode: 0x400))
  }

  /// Latches an NMI: it is taken at the next boundary that allows it.
  public func raiseNMI() {
    s.pointee.nmiLatched = true
    updateAttention()
  }

  /// Whether an NMI would be taken at this boundary.
  public var canTakeNMI: Bool { !s.pointee.nmiBlocked && s.pointee.shadow != .movSS }

  /// Delivers a machine check, an abort that nothing masks but CR4.MCE: shutdown when that is clear.
  public func deliverMachineCheck() -> Exit? {
    // MCIP: a machine check while one is in progress shuts down.
    guard s.pointee.cr4 & CR4.machineCheckEnable != 0, s.pointee.msr.machineCheckStatus & 4 == 0 else {
      return .shutdown
    }
    // A trap of the instruction before is of lower priority, and such exceptions are discarded. SDM vol. 3A, "Priority Among
    // Concurrent Events".
    s.pointee.pendingDebug = 0
    // RIPV, EIPV, MCIP: the program can be restarted.
    s.pointee.msr.machineCheckStatus = 7
    s.pointee.msr.machineCheckBank[1] = profile.injectedMachineCheck
    defer { updateAttention() }
    return deliverOrShutDown(.machineCheck, kind: .exception, FREDEvent(.hardwareException))
  }

  /// Delivers an instruction breakpoint at RIP: DR6 bit `index` and a fault-like #DB.
  public func deliverInstructionBreakpoint(_ index: Int) -> Exit? {
    return raise(.debug(1 << UInt64(index)))
  }

  /// Lets virtual time pass while halted.
  public func skipIdle(nanoseconds: UInt64) { s.pointee.idleTime &+= nanoseconds }
}
