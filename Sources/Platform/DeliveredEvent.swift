/// A delivery in a run's log, in the platform's words: what the frame looks like, and which stack it lies on.
import Machine

/// An event that was delivered during a run, as the platform tells it.
public struct DeliveredEvent: Sendable, Hashable {
  /// As messages call it: `vector 14`, `event upcall`.
  public var name: String
  /// Nil where the event has none.
  public var vector: UInt8?
  /// The hypervisor pushed the frame, not the processor.
  public var isBounce: Bool
  public var errorCode: UInt32?
  /// The interrupted instruction.
  public var from: UInt64
  /// The kernel was interrupted, not the user.
  public var fromKernel: Bool
  /// The handler's RSP: the lowest address of the frame.
  public var frame: UInt64
  /// Words in the frame.
  public var wordCount: Int
  /// The stack of its own that it was pushed on, by the gate's IST index; 0 for none. By FRED, the stack level.
  public var interruptStack: Int
  /// RSP before the delivery.
  public var previousRSP: UInt64
  /// The frame was pushed right below `previousRSP`.
  public var onCurrentStack: Bool
  /// CR2 after a page fault.
  public var cr2: UInt64
  /// It is one that masking interrupts keeps out.
  public var isMaskable: Bool
  /// The instruction that was interrupted returns to user mode (SYSRET, IRET, SYSEXIT).
  public var atReturn: Bool
  /// NMIs were blocked, and its return by IRET, or by Xen's iret, lets them in again.
  public var liftsNMIBlock: Bool
  /// What FRED says of it; nil where FRED did not deliver it.
  public var fred: FREDDelivered?

  public init(_ transition: Transition, name: String, isBounce: Bool = false, fred: FREDDelivered? = nil) {
    guard let delivered = transition.delivery else { preconditionFailure("only an event is delivered") }
    self.name = name
    vector = delivered.vector
    self.isBounce = isBounce
    self.fred = fred
    errorCode = delivered.errorCode
    from = transition.rip
    fromKernel = delivered.fromKernel
    frame = delivered.frame
    wordCount = delivered.wordCount
    interruptStack = delivered.interruptStack
    previousRSP = transition.before.rsp
    onCurrentStack = delivered.onCurrentStack
    cr2 = delivered.cr2
    isMaskable = delivered.isMaskable
    atReturn = delivered.atReturn
    liftsNMIBlock = delivered.liftsNMIBlock
  }
}
