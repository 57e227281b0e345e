/// A processor's state at a boundary as far as anything that is still to come depends on it: two that are equal go on alike, given
/// equal memory, equal platforms and the same time.
///
/// Left out are counters (instructions, events, time: the clock is compared apart), what only a single instruction uses, how the flags
/// are kept (they are compared as RFLAGS), and under which tag translations are cached: an exploration flushes them at every fork.
#if canImport(Glibc)
  import Glibc
#endif

/// An object, so that it stays where it is: MEASURED: to move it for a comparison, which is most of what is done with it, took some 2 % of a search.
public final class SettledState: Hashable {
  private var state: ProcessorState

  init(_ processor: ProcessorState) {
    var state = processor
    state.rflags = processor.rflags
    state.retired = 0
    state.idleTime = 0
    state.unretired = 0
    state.work = 0
    state.eventCount = 0
    state.lastVector = .divideError
    state.trapAfter = false
    state.clearsResume = true
    state.followsSTI = false
    state.translationTag = 0
    state.fetchKey = 0
    for slot in [Slot.t0, Slot.t1, Slot.t2, Slot.t3, Slot.stackBefore] { state.registers[Int(slot) / 8] = 0 }
    self.state = state
  }

  /// The same but for what the change makes of it.
  private init(_ other: SettledState, _ change: (inout ProcessorState) -> Void) {
    state = other.state
    change(&state)
  }

  /// RFLAGS.RF is set.
  public var hasResume: Bool { state.flag(.resume) }

  /// The same with RF clear.
  public var withoutResume: SettledState {
    SettledState(self) { $0.otherFlags &= ~RFLAGS.resume.rawValue }
  }

  /// DR6.
  public var debugStatus: UInt64 { state.dr6 }

  /// The same with DR6 as after a reset.
  public var withoutDebugStatus: SettledState {
    SettledState(self) { $0.dr6 = DR6.fixedOnes }
  }

  /// The platform asks for a maskable interrupt.
  public var hasInterruptLine: Bool { state.interruptLine }

  /// The same where it asks for none.
  public var withoutInterruptLine: SettledState {
    SettledState(self) { $0.interruptLine = false }
  }

  /// The same with NMIs blocked.
  public var blockingNMIs: SettledState {
    SettledState(self) { $0.nmiBlocked = true }
  }

  public static func == (one: SettledState, other: SettledState) -> Bool {
    if one === other { return true }
    // SAFETY: the structure is trivial. Bytes between its fields may differ where the fields are equal: then two states count as
    // different that are not, and more is run than has to be.
    return withUnsafeBytes(of: &one.state) { a in
      withUnsafeBytes(of: &other.state) { b in memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0 }
    }
  }

  public func hash(into hasher: inout Hasher) {
    for slot in 0..<16 { hasher.combine(state.registers[slot]) }
    hasher.combine(state.rip)
  }
}

extension Processor {
  public var settledState: SettledState { SettledState(s.pointee) }

  /// RF is set and decides nothing: no instruction breakpoint is enabled, no event is due here, and the next instruction, which clears
  /// it, is none that pushes it as it stands. SDM vol. 3B, "Instruction-Breakpoint Exception Condition".
  public var resumeDecidesNothing: Bool {
    guard s.pointee.flag(.resume), s.pointee.dr7 & 0xFF == 0 else { return false }
    s.pointee.otherFlags &= ~RFLAGS.resume.rawValue
    updateAttention()
    let isDue = attention
    s.pointee.otherFlags |= RFLAGS.resume.rawValue
    updateAttention()
    guard !isDue, let next = byte(atLinear: s.pointee.rip) else { return false }
    return !Self.softwareInterrupts.contains(next)
  }

  /// INT3, INT n, INTO and INT1.
  private static let softwareInterrupts: Set<UInt8> = [0xCC, 0xCD, 0xCE, 0xF1]
}
