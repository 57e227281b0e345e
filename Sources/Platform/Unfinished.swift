/// What an event leaves behind until somebody ends it.
public struct Unfinished: Sendable, Hashable {
  /// NMIs are still blocked.
  public var nmiBlocked = false
  /// An interrupt is still in service, or an event pending that nothing holds back.
  public var interrupt = false

  public init(nmiBlocked: Bool = false, interrupt: Bool = false) {
    self.nmiBlocked = nmiBlocked
    self.interrupt = interrupt
  }
}
