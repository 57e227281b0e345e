/// A rule that must hold, as a small value that watches one run and holds what it saw of it. Each is declared in a file of its own.
///
/// A run tells its monitors of every event, and of every boundary that one of them asks for (`needsEveryBoundary`). Where none asks the
/// run goes on at full speed to its next transition; a monitor must therefore not depend on how many boundaries it is shown.
import Findings
import Machine

public protocol Monitor: Sendable {
  static var description: InvariantDescription { get }
  /// What broke first, now that the run ended so; nil when nothing did.
  func judge(_ run: Outcome) -> Violation?
  /// Nothing broke so far, in its run nor in the `other` one; and of whatever follows alike in both it says nothing where the other
  /// says nothing.
  func goesOn(as other: Self) -> Bool
}

/// A boundary in kernel mode at which a run stands.
public struct Sight {
  /// Boundaries since the crossing.
  public let step: Int
  public private(set) var isKernel: Bool
  /// Who owes user mode the guards against speculation runs.
  private let isGuarding: Bool
  /// RSP is the kernel's, and a frame fits below it.
  public let ownsRSP: Bool
  /// The active GS base is the user's.
  public let gsIsUser: Bool
  /// It is neither the user's nor one that the kernel is known to have.
  public let gsIsForeign: Bool
  /// Maskable events are let in.
  public let interruptsOpen: Bool
  /// A maskable event is there that nobody delivers unless the kernel asks: see `Platform.EventMask`.
  public let hasPending: Bool
  /// The kernel makes claims about its interrupts, and what it claims for this place; nil for nothing.
  public let hasClaims: Bool
  public let claimedOn: Bool?
  private let processor: Processor

  public init(
    _ processor: Processor, step: Int, isKernel: Bool, isGuarding: Bool, ownsRSP: Bool, gsIsUser: Bool,
    gsIsForeign: Bool,
    interruptsOpen: Bool, hasPending: Bool,
    hasClaims: Bool, claimedOn: Bool?
  ) {
    self.processor = processor
    self.step = step
    self.isKernel = isKernel
    self.isGuarding = isGuarding
    self.ownsRSP = ownsRSP
    self.gsIsUser = gsIsUser
    self.gsIsForeign = gsIsForeign
    self.interruptsOpen = interruptsOpen
    self.hasPending = hasPending
    self.hasClaims = hasClaims
    self.claimedOn = claimedOn
  }

  /// The same for the rules of these guards: who owes them is the kernel there.
  var ofGuards: Sight {
    var sight = self
    sight.isKernel = isGuarding
    return sight
  }

  public var rip: UInt64 { processor.rip }
  public var rsp: UInt64 { processor[.rsp] }
  public var gsBase: UInt64 { processor.segmentBase(.gs) }
  public var rflags: RFLAGS { processor.rflags }
  var nextInstruction: NextInstruction? { processor.nextInstruction() }
  var speculationControl: UInt64 { processor.speculationControl }
  var isAboutToWritePredictorBarrier: Bool { processor.isAboutToWritePredictorBarrier }
  /// Nil where nothing is mapped.
  func word(at address: UInt64) -> UInt64? {
    processor.word(atLinear: address)
  }
  var nextInstructionUsesGS: Bool { processor.nextInstructionUsesGS() }
  /// The kernel is kept out of the user's pages but where AC is set (SDM vol. 3A, "Determination of Access Rights").
  var hasSMAP: Bool { processor.keepsSupervisorOut }
  /// MOVS, CMPS, STOS, LODS, SCAS, INS or OUTS: SDM vol. 1, "String Operations". Opcodes of one byte behind whatever prefixes.
  var nextInstructionIsString: Bool {
    var place = processor.rip
    while let byte = processor.byte(atLinear: place), place &- processor.rip < 15 {
      switch byte {
      case 0x6C...0x6F, 0xA4...0xA7, 0xAA...0xAF: return true
      case 0x26, 0x2E, 0x36, 0x3E, 0x40...0x4F, 0x64...0x67, 0xF2, 0xF3: place &+= 1
      default: return false
      }
    }
    return false
  }
  /// Near CALL to a fixed place: SDM vol. 2A, "CALL".
  var nextInstructionIsCall: Bool { processor.byte(atLinear: processor.rip) == 0xE8 }
}

/// What an invariant says of one run.
public struct Violation: Sendable, Hashable {
  /// The boundary at which it shows; the largest number for what shows at the end alone.
  public var step: Int
  public var message: String
  /// Where it broke.
  public var rip: UInt64
  /// Where that came from.
  public var origin: UInt64?
  public var originText: String?
  /// What was not as it must be: where it got its value is where that came from.
  public var use: StateUse?

  public init(_ message: String, step: Int = .max, at rip: UInt64, of use: StateUse) {
    self.init(message, step: step, at: rip)
    self.use = use
  }

  public init(
    _ message: String, step: Int = .max, at rip: UInt64, origin: UInt64? = nil, _ originText: String? = nil
  ) {
    self.step = step
    self.message = message
    self.rip = rip
    self.origin = origin
    self.originText = originText
  }
}
