/// What an event leaves behind until somebody ends it.
public struct Unfinished: Sendable, Hashable {
  /// NMIs are still blocked.
  public var nmiBlocked = false
  /// An interrupt is still in service, or an event pending that nothing holds back.
  public var interrupt = false

  /// DR6 still holds causes: of the next #DB nobody could tell what it is (SDM vol. 3B, "Debug Status Register (DR6)").
  public var debugStatus = false
  /// A machine check is still said to be in progress: the next one shuts the processor down (SDM vol. 3B, "IA32_MCG_STATUS MSR").
  public var machineCheck = false

  public init(
    nmiBlocked: Bool = false, interrupt: Bool = false, debugStatus: Bool = false, machineCheck: Bool = false
  ) {
    self.nmiBlocked = nmiBlocked
    self.interrupt = interrupt
    self.debugStatus = debugStatus
    self.machineCheck = machineCheck
  }

  /// What of either is not over.
  public func union(_ other: Unfinished) -> Unfinished {
    Unfinished(
      nmiBlocked: nmiBlocked || other.nmiBlocked, interrupt: interrupt || other.interrupt,
      debugStatus: debugStatus || other.debugStatus, machineCheck: machineCheck || other.machineCheck)
  }
}
