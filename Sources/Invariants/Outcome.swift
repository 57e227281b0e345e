/// What a run shows, in the form in which the monitors judge it. Nothing here knows a kernel or a board.
import Findings
import Machine
import Platform

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
  /// LDTR: selector, base and limit of the task's segments.
  public var localTable: [UInt64]
  /// Digest of the floating-point and vector state.
  public var vectors: UInt64
  /// Every page that user mode can write, ascending.
  public var memory: [UserPage]

  public init(
    registers: [UInt64], rip: UInt64, rflags: RFLAGS, selectors: [UInt16], attributes: [UInt16], fsBase: UInt64,
    gsBase: UInt64, debugRegisters: [UInt64], localTable: [UInt64], vectors: UInt64, memory: [UserPage]
  ) {
    self.registers = registers
    self.rip = rip
    self.rflags = rflags
    self.selectors = selectors
    self.attributes = attributes
    self.fsBase = fsBase
    self.gsBase = gsBase
    self.debugRegisters = debugRegisters
    self.localTable = localTable
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
    if localTable != other.localTable {
      let (mine, theirs) = (localTable.map(hex), other.localTable.map(hex))
      return "LDTR is \(mine.joined(separator: ", ")), not \(theirs.joined(separator: ", ")) (selector, base, limit)"
    }
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
  /// A page fault at an address that the kernel's own tables do not map either.
  public var isUnmapped: Bool

  public init(
    _ delivery: DeliveredEvent, step: Int, ownership: Ownership, injected: Bool, isLost: Bool = false,
    isUnmapped: Bool = false
  ) {
    self.delivery = delivery
    self.step = step
    self.ownership = ownership
    self.injected = injected
    self.isLost = isLost
    self.isUnmapped = isUnmapped
  }

  /// Nothing that the interrupted instruction did: an interrupt, an NMI or a machine check.
  public var isFromOutside: Bool { delivery.isMaskable || delivery.vector == 2 || delivery.vector == 18 }

  /// What the boundary that it interrupted ran on.
  func use(of part: StatePart) -> StateUse { StateUse(part, at: step - 1) }

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
  /// The same with the kernel's stack at another place, where the kernel does its work from there.
  public var movedView: UserView?
  /// An address of the kernel's that user mode did not have before the crossing.
  public var kernelAddress: KernelAddress?
  /// What of the events is not over in user mode.
  public var unfinished = Unfinished()
  /// User mode keeps maskable events out at the end, and did not shut them out by itself.
  public var shutsEventsOut = false
  /// CR3 in user mode at the end, where it does not name the user's page tables.
  public var foreignTables: UInt64?
  /// An alarm that the user had set ran out with an event of the run, so that its signal's handler must be what user mode goes on with.
  public var alarmIsDue = false
  /// The bound, or user mode, came while another task had the processor.
  public var isAnothersTurn = false
  /// The crossing did not come to the task's stack.
  public var strayStack: StrayStack?
  /// A register in which the crossing's work finds a value of the user's.
  public var keptRegister: KeptRegister?
  /// How the kernel will be entered otherwise than before, in words.
  public var entryChange: String?
  /// A count that is not what it was.
  public var leftCount: LeftCount?
  /// A gate that user mode can use and is not there for it.
  public var openGate: OpenGate?
  /// Where the kernel loaded tables of its own for the crossing without events, on which user mode had run already.
  public var vainTableLoad: UInt64?

  public init(end: RunEnd) { self.end = end }

  /// User mode has what it has without events; where its alarm ran out, it goes on with the signal's handler.
  var isAsExpected: Bool { alarmIsDue ? view.map { contract?.isInHandler($0) == true } ?? false : view == expected }

  /// The run was given up.
  public var isAtBound: Bool { if case .bound = end { true } else { false } }

  /// Where a violation came from, where it was an event.
  var eventOrigin: UInt64? { boundary?.rip }
  static let eventWords = "the event was taken here"
}

/// What the kernel counts up and down again, and has not.
public struct LeftCount: Sendable, Hashable {
  /// The instruction that counts it up.
  public var rip: UInt64
  public var change: Int64

  public init(rip: UInt64, change: Int64) { (self.rip, self.change) = (rip, change) }
}

/// A handler that user mode reaches by INT n, although it is there for something else.
public struct OpenGate: Sendable, Hashable {
  public var vector: UInt8
  /// Its first instruction.
  public var handler: UInt64
  /// How many more of the kind there are.
  public var others: Int

  public init(vector: UInt8, handler: UInt64, others: Int) {
    (self.vector, self.handler, self.others) = (vector, handler, others)
  }
}

/// A stack on which a crossing does its work although those of other kinds do theirs elsewhere.
public struct StrayStack: Sendable, Hashable {
  /// Where RSP was, and where the others' stack is.
  public var rsp: UInt64
  public var page: UInt64
  /// How many kinds of crossings work there.
  public var others: Int
  /// Where the crossing came to that RSP.
  public var rip: UInt64

  public init(rsp: UInt64, page: UInt64, others: Int, rip: UInt64) {
    self.rsp = rsp
    self.page = page
    self.others = others
    self.rip = rip
  }
}

/// A value of the user's in a register that was to be cleared before the work begins.
public struct KeptRegister: Sendable, Hashable {
  /// What tells that it was.
  public enum Clearing: Sendable, Hashable {
    /// So many other kinds of crossings clear it.
    case byOtherCrossings(Int)
    /// The crossing clears so many of RBX, RBP and R8 to R15.
    case ofOthersHere(Int)
  }

  public var register: GeneralRegister
  public var value: UInt64
  public var clearing: Clearing
  /// The first instruction of the work.
  public var rip: UInt64

  public init(register: GeneralRegister, value: UInt64, clearing: Clearing, rip: UInt64) {
    self.register = register
    self.value = value
    self.clearing = clearing
    self.rip = rip
  }
}
