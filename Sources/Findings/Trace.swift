/// A trace: one crossing from one posture, boundary by boundary, with whose state each boundary runs on and the events
/// that were taken. Documentation/Formats.md is its page.
public struct TraceRecord: Hashable, Sendable, Encodable {
  public static let currentFormat = "limen-trace"
  public static let currentVersion = 1

  public let format = TraceRecord.currentFormat
  public let version = TraceRecord.currentVersion
  /// The version of Limen that looked.
  public var limen: String
  public var kernel: KernelIdentity
  public var platform: PlatformName
  public var profile: ProfileName
  public var crossing: CrossingKind
  public var posture: PostureName
  /// The guards that were taken away; absent where there are none.
  public var ablations: [AblationName]?
  /// What was asked to happen, by boundary, and what became of it.
  public var injections: [TraceInjection]
  /// In the order of execution. The first is the user's boundary before the crossing; the last, where the run came
  /// back, is the user's boundary after it.
  public var steps: [TraceStep]
  public var end: TraceEnd

  public init(
    limen: String = LimenVersion.current, kernel: KernelIdentity, platform: PlatformName, profile: ProfileName,
    crossing: CrossingKind, posture: PostureName, ablations: [AblationName] = [], injections: [TraceInjection] = [],
    steps: [TraceStep], end: TraceEnd
  ) {
    self.limen = limen
    self.kernel = kernel
    self.platform = platform
    self.profile = profile
    self.crossing = crossing
    self.posture = posture
    self.ablations = ablations.isEmpty ? nil : ablations.sorted()
    self.injections = injections.sorted { $0.boundary < $1.boundary }
    self.steps = steps
    self.end = end
  }

  /// A trace judges nothing, but a run that did not come back, or an event that could not be taken, is no plain
  /// success.
  public var exitStatus: ExitStatus {
    switch end.kind {
    case .dead: .violation
    case .unsupported: .unsupported
    case .bound: .inconclusive
    case .user: injections.allSatisfy { $0.outcome == .taken } ? .allHeld : .nothingApplied
    }
  }
}

/// What became of an event that was asked for at a boundary.
public enum InjectionOutcome: String, Vocabulary {
  case taken
  /// RFLAGS.IF, a shadow or RFLAGS.RF keeps it out there.
  case masked
  /// NMIs are blocked there until the next IRET.
  case blocked
  /// Nothing there can raise it.
  case noSource = "no-source"
  /// The run ended before the boundary.
  case notReached = "not-reached"
}

public struct TraceInjection: Hashable, Sendable, Encodable {
  public var boundary: Int
  public var event: EventKind
  public var outcome: InjectionOutcome

  public init(boundary: Int, event: EventKind, outcome: InjectionOutcome) {
    self.boundary = boundary
    self.event = event
    self.outcome = outcome
  }
}

/// How a traced run ended.
public struct TraceEnd: Hashable, Sendable, Encodable {
  public enum Kind: String, Vocabulary {
    /// The task is back in user mode.
    case user
    /// The trace was given up after its longest length.
    case bound
    /// The machine died: triple fault, reset, a halt without end.
    case dead
    case unsupported
  }

  public var kind: Kind
  /// What died, was not supported or was too long, in a few words.
  public var detail: String?

  public init(_ kind: Kind, detail: String? = nil) {
    self.kind = kind
    self.detail = detail
  }
}

/// Whose a piece of state is at a boundary, by asking twice.
public enum Owner: String, Vocabulary {
  case kernel
  case user
  /// An RSP that is no stack at all: no frame could be pushed there. Some entry code uses it as a scratch register.
  case none
  /// One set of page tables serves both.
  case shared
}

/// A piece of state that a boundary runs on, of which a trace says who wrote it. RSP is not written by what only moves it.
public enum TracePart: String, Vocabulary {
  case rsp
  case gsBase
  case cr3

  public var title: String {
    switch self {
    case .rsp: "RSP"
    case .gsBase: "GS base"
    case .cr3: "CR3"
    }
  }
}

/// One boundary, and the step that followed it.
public struct TraceStep: Hashable, Sendable, Encodable {
  /// Counted from the crossing; the first is 0.
  public var boundary: Int
  public var location: Location
  /// The instruction that is next, in AT&T syntax; absent where it cannot be read.
  public var instruction: String?
  /// Where a direct jump or call leads, when that has a name.
  public var target: Location?
  /// False where the step took an event instead, where the instruction faulted, and at the end.
  public var executed: Bool
  public var cpl: Int
  /// Who runs, where the privilege level does not say: both are at 3 on Xen PV.
  public var mode: Mode?
  /// RFLAGS.IF; on Xen PV, that the upcall mask is clear.
  public var interruptsEnabled: Bool
  public var rflags: HexadecimalWord
  public var rsp: HexadecimalWord
  public var rspOwner: Owner
  public var gsBase: HexadecimalWord
  public var gsOwner: Owner
  public var cr3: HexadecimalWord
  public var pageTables: Owner
  /// In the order they were made; absent when nobody asked.
  public var accesses: [MemoryAccess]?
  /// The sixteen general registers by their encoding, RAX first; absent when nobody asked, as in the documents of `limen trace`.
  public var registers: [HexadecimalWord]?
  /// The kinds of the hypercalls that the step made, those of a multicall among them; absent where there are none.
  public var hypercalls: [String]?
  /// What the step gave a value from elsewhere; absent where nothing. The last step before a boundary that names one of them is its last writer.
  public var writes: [TracePart]?
  /// The event that the step delivered; the last where there were several.
  public var delivery: TraceDelivery?
  /// Those before it, each interrupted by the next before its handler's first instruction; absent where there are none.
  public var outerDeliveries: [TraceDelivery]?

  public enum Mode: String, Vocabulary { case kernel, user, hypervisor }

  /// The kernel's boundary, or that of the hypervisor below it, not the user's.
  public var isKernel: Bool { mode.map { $0 != .user } ?? (cpl != 3) }

  public init(
    boundary: Int, location: Location, instruction: String?, target: Location? = nil, executed: Bool = true, cpl: Int,
    mode: Mode? = nil, interruptsEnabled: Bool, rflags: UInt64, rsp: UInt64, rspOwner: Owner, gsBase: UInt64,
    gsOwner: Owner, cr3: UInt64, pageTables: Owner, accesses: [MemoryAccess]? = nil, hypercalls: [String]? = nil,
    delivery: TraceDelivery? = nil, outerDeliveries: [TraceDelivery]? = nil
  ) {
    self.boundary = boundary
    self.location = location
    self.instruction = instruction
    self.target = target
    self.executed = executed
    self.cpl = cpl
    self.mode = mode
    self.interruptsEnabled = interruptsEnabled
    self.rflags = HexadecimalWord(rflags)
    self.rsp = HexadecimalWord(rsp)
    self.rspOwner = rspOwner
    self.gsBase = HexadecimalWord(gsBase)
    self.gsOwner = gsOwner
    self.cr3 = HexadecimalWord(cr3)
    self.pageTables = pageTables
    self.accesses = accesses
    self.hypercalls = hypercalls
    self.delivery = delivery
    self.outerDeliveries = outerDeliveries
  }
}

/// A read or a write of memory by an instruction or by the delivery of an event.
public struct MemoryAccess: Hashable, Sendable, Encodable {
  public enum Kind: String, Vocabulary { case read, write }

  public var kind: Kind
  public var location: Location
  /// In bytes.
  public var size: Int
  public var value: HexadecimalWord

  public init(_ kind: Kind, location: Location, size: Int, value: UInt64) {
    self.kind = kind
    self.location = location
    self.size = size
    self.value = HexadecimalWord(value)
  }
}

/// An event as it was delivered, and the frame that it pushed.
public struct TraceDelivery: Hashable, Sendable, Encodable {
  /// Absent where the event has none.
  public var vector: Int?
  /// What the hypervisor pushed the frame for, where it was the hypervisor: `event upcall`.
  public var bounce: String?
  public var errorCode: HexadecimalWord?
  public var injected: Bool
  /// The IST index in the vector's gate; 0 where it names none.
  public var interruptStack: Int
  /// The frame's lowest address: the handler's RSP.
  public var frame: HexadecimalWord
  /// The frame as it lies in memory, from its lowest address: the error code where there is one, RIP, CS, RFLAGS, RSP,
  /// SS. A bounce frame has RCX and R11 below these, and the upcall mask before the event in bits 32 to 39 of CS.
  /// FRED's is always of eight words: the error code or 0, RIP, CS with the stack level, RFLAGS, RSP, SS with what is said of the event,
  /// the event data, 0.
  public var words: [HexadecimalWord]
  /// What FRED says of the event; absent where FRED did not deliver it.
  public var fred: TraceFRED?

  public init(
    vector: Int?, bounce: String? = nil, errorCode: UInt64? = nil, injected: Bool, interruptStack: Int, frame: UInt64,
    words: [UInt64], fred: TraceFRED? = nil
  ) {
    self.fred = fred
    self.vector = vector
    self.bounce = bounce
    self.errorCode = errorCode.map(HexadecimalWord.init)
    self.injected = injected
    self.interruptStack = interruptStack
    self.frame = HexadecimalWord(frame)
    self.words = words.map(HexadecimalWord.init)
  }
}

/// A delivery by flexible return and event delivery.
public struct TraceFRED: Hashable, Sendable, Encodable {
  /// The kind of event, as its frame has it.
  public enum Kind: String, Vocabulary {
    case externalInterrupt = "external-interrupt"
    case nmi
    case hardwareException = "hardware-exception"
    case softwareInterrupt = "int-n"
    case privilegedInterrupt = "int1"
    case softwareException = "int3-or-into"
    case syscall
    case sysenter

    public var title: String {
      switch self {
      case .externalInterrupt: "external interrupt"
      case .nmi: "NMI"
      case .hardwareException: "hardware exception"
      case .softwareInterrupt: "INT n"
      case .privilegedInterrupt: "INT1"
      case .softwareException: "INT3 or INTO"
      case .syscall: "SYSCALL"
      case .sysenter: "SYSENTER"
      }
    }
  }

  public var kind: Kind
  /// The stack level that it led to, 0 to 3, and that which it interrupted.
  public var stackLevel: Int
  public var previousStackLevel: Int
  /// It was met while another event was delivered.
  public var nested: Bool

  public init(_ kind: Kind, stackLevel: Int, previousStackLevel: Int, nested: Bool) {
    self.kind = kind
    self.stackLevel = stackLevel
    self.previousStackLevel = previousStackLevel
    self.nested = nested
  }
}
