/// What a run shows, in the form in which the monitors judge it. Nothing here knows a kernel or a board.
import Findings
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

/// What user mode can see of itself, and its debugger of it.
public struct UserView: Sendable, Equatable {
  public var registers: [UInt64]
  public var rip: UInt64
  public var rflags: RFLAGS
  public var selectors: [UInt16]
  /// The hidden part of the segment registers, as far as user mode depends on it.
  public var attributes: [UInt16]
  public var fsBase: UInt64
  public var gsBase: UInt64
  /// DR0 to DR3 and DR7: the breakpoints that the task has. DR6 is the kernel's.
  public var debugRegisters: [UInt64]
  /// Digest of the floating-point and vector state.
  public var vectors: UInt64
  /// Every page that user mode can write, ascending.
  public var memory: [UserPage]

  public init(
    registers: [UInt64], rip: UInt64, rflags: RFLAGS, selectors: [UInt16], attributes: [UInt16], fsBase: UInt64,
    gsBase: UInt64, debugRegisters: [UInt64], vectors: UInt64, memory: [UserPage]
  ) {
    self.registers = registers
    self.rip = rip
    self.rflags = rflags
    self.selectors = selectors
    self.attributes = attributes
    self.fsBase = fsBase
    self.gsBase = gsBase
    self.debugRegisters = debugRegisters
    self.vectors = vectors
    self.memory = memory
  }

  /// The first thing in which `other` differs, in words; nil when user mode cannot tell them apart.
  public func difference(from other: UserView) -> String? {
    for (i, register) in GeneralRegister.allCases.enumerated() where registers[i] != other.registers[i] {
      return "\(register) is \(hex(registers[i])), not \(hex(other.registers[i]))"
    }
    if rip != other.rip { return "RIP is \(hex(rip)), not \(hex(other.rip))" }
    if rflags != other.rflags { return "RFLAGS is \(hex(rflags.rawValue)), not \(hex(other.rflags.rawValue))" }
    if selectors != other.selectors { return "a segment selector differs" }
    if attributes != other.attributes { return "the hidden part of a segment register differs" }
    if fsBase != other.fsBase { return "FS base is \(hex(fsBase)), not \(hex(other.fsBase))" }
    if gsBase != other.gsBase { return "GS base is \(hex(gsBase)), not \(hex(other.gsBase))" }
    if let breakpoints = breakpointDifference(from: other) { return breakpoints }
    if vectors != other.vectors { return "the floating-point or vector state differs" }
    return memoryDifference(from: other).map { "memory at \(hex($0)) differs" }
  }

  func breakpointDifference(from other: UserView) -> String? {
    for (i, number) in [0, 1, 2, 3, 7].enumerated() where debugRegisters[i] != other.debugRegisters[i] {
      return "DR\(number) is \(hex(debugRegisters[i])), not \(hex(other.debugRegisters[i]))"
    }
    return nil
  }

  /// The lowest page that only one of them has, or has with these bytes.
  func memoryDifference(from other: UserView) -> UInt64? {
    for (mine, theirs) in zip(memory, other.memory) where mine != theirs {
      return min(mine.linear, theirs.linear)
    }
    let rest = memory.dropFirst(other.memory.count).first ?? other.memory.dropFirst(memory.count).first
    return rest?.linear
  }
}

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// How a run ended.
public enum RunEnd: Sendable, Equatable {
  /// The task is back in user mode.
  case user
  /// The bound on instructions was hit.
  case bound(UInt64)
  /// Triple fault, reset, or a halt that nothing ends.
  case dead(String)
  case unsupported(String)
}

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
  /// The stack of its own that it was pushed on, by the gate's IST index; 0 for none.
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

  public init(_ transition: Transition, name: String, isBounce: Bool = false) {
    guard let delivered = transition.delivery else { preconditionFailure("only an event is delivered") }
    self.name = name
    vector = delivered.vector
    self.isBounce = isBounce
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
  }
}

/// A delivery and its place in the run.
@dynamicMemberLookup
public struct DeliveryRecord: Sendable, Hashable {
  public var delivery: DeliveredEvent
  /// The boundary that it led to, counted from the crossing.
  public var step: Int
  /// Whose state the interrupted boundary ran on, as far as the values tell.
  public var ownership: Ownership
  /// It was injected.
  public var injected: Bool
  /// Its frame could not be pushed, which was the end of the run.
  public var isLost: Bool

  public init(_ delivery: DeliveredEvent, step: Int, ownership: Ownership, injected: Bool, isLost: Bool = false) {
    self.delivery = delivery
    self.step = step
    self.ownership = ownership
    self.injected = injected
    self.isLost = isLost
  }

  public subscript<Value>(dynamicMember part: KeyPath<DeliveredEvent, Value>) -> Value { delivery[keyPath: part] }
}

/// How one run ended, and what the user has of it: the baseline when `event` is nil, else a trial.
public struct Outcome: Sendable {
  public var event: EventKind?
  /// Where the last event was injected.
  public var boundary: BoundaryState?
  public var end: RunEnd
  /// RIP at the end of a run that did not come back.
  public var stoppedAt: UInt64?
  /// The user's view at the end, where the run came back.
  public var view: UserView?
  /// The same of the baseline.
  public var expected: UserView?
  /// What the crossing may leave of the user's state, for the baseline.
  public var contract: CrossingContract?
  /// The frame to which RDX leads at the end, if it does: that of a signal whose handler goes on.
  public var frame: SignalFrame?
  /// The same of a run with other kernel secrets, for the baseline.
  public var secretView: UserView?
  /// What of the events is not over in user mode.
  public var unfinished = Unfinished()
  /// User mode let maskable events in when it crossed and keeps them out at the end.
  public var shutsEventsOut = false
  /// CR3 in user mode at the end, where it does not name the user's page tables.
  public var foreignTables: UInt64?

  public init(end: RunEnd) { self.end = end }

  /// Where a violation came from, where it was an event.
  var eventOrigin: UInt64? { boundary?.rip }
  static let eventWords = "the event was taken here"
}

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
