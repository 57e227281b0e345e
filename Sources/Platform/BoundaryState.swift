/// What a boundary looks like to those who judge: the processor's state, and what the platform alone knows of it.
import Machine

/// The processor at one boundary, as far as ownership and judgement need it.
public struct BoundaryState: Sendable, Hashable {
  public var rip: UInt64
  public var cpl: UInt8
  /// The kernel runs, not the user: the platform knows, since the privilege level need not tell.
  public var isKernel: Bool
  public var rsp: UInt64
  public var gsBase: UInt64
  /// CR3 as it is loaded.
  public var cr3: UInt64
  public var rflags: RFLAGS
  /// Maskable events are let in here.
  public var interruptsOpen: Bool
  public var retired: UInt64
  /// An event that arrives here could push its frame at RSP.
  public var canPush: Bool
  /// It could not, but a frame one word higher could be pushed.
  public var isAtStackEnd: Bool

  public init(_ processor: Processor, isKernel: Bool, interruptsOpen: Bool, canPush: Bool, isAtStackEnd: Bool) {
    rip = processor.rip
    cpl = processor.cpl
    self.isKernel = isKernel
    rsp = processor[.rsp]
    gsBase = processor.segmentBase(.gs)
    cr3 = processor.cr3
    rflags = processor.rflags
    self.interruptsOpen = interruptsOpen
    retired = processor.retired
    self.canPush = canPush
    self.isAtStackEnd = isAtStackEnd
  }
}
