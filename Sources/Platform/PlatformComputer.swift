/// What the explorer asks of a platform: a computer that boots a guest, runs it, forks, and knows the rules by which events
/// reach it. Everything that differs between bare metal and a hypervisor is said here, once for each, in a conformance.
import Findings
import Machine

/// Why a computer stopped, in the platform's own words where the guest is over.
public enum ComputerEnd: Sendable, Equatable {
  /// The budget is used up, or the address that was asked for is next.
  case budget
  /// The guest is over as a guest may be: it powered off, or halts for good.
  case powerOff(how: String)
  /// The guest is over in any other way: it was reset, or crashed.
  case died(how: String)
  /// The guest left with a status of its own.
  case left(status: UInt32, how: String)
  case unsupported(String)
}

extension ComputerEnd {
  /// A death in a sentence: it is the kernel's where nobody else is said to have died.
  public static func sentence(ofDeath how: String) -> String { isHypervisors(how) ? how : "the kernel died: \(how)" }

  /// What is below the kernel died, or ended it.
  public static func isHypervisors(_ how: String) -> Bool { how.hasPrefix("the hypervisor ") }
}

public protocol PlatformComputer: AnyObject {
  static var platform: PlatformName { get }
  /// What every kernel is told besides what the user adds: the console, and no address-space layout of chance.
  static var commandLine: String { get }
  /// The events that the platform's rules know, in the order of the vocabulary.
  static var events: [EventKind] { get }
  /// By which of them the guest's kernel hears of its timer: behind it, what is due is done.
  static var timer: EventKind { get }

  /// A computer at the guest's first instruction.
  static func start(_ guest: Guest, profile: Profile) throws -> Self
  /// A computer that goes on where `archive` of the same build was taken: RAM from an open file of `fileSize` bytes, privately
  /// mapped. Nil when the archive does not fit.
  static func resume(
    _ archive: ComputerArchive, guest: Guest, file descriptor: Int32, fileSize: Int, profile: Profile
  ) -> Self?
  /// Everything but RAM.
  var archive: ComputerArchive? { get }

  var processor: Processor { get }
  /// Hears the bytes that the guest sends to its console.
  var console: ((UInt8) -> Void)? { get set }
  /// Lets the guest's console receive bytes.
  func feedConsole(_ bytes: [UInt8])

  /// Runs until `budget` more instructions have retired, the guest is over or the instruction at `address` is next.
  func proceed(_ budget: UInt64, until address: UInt64?) -> ComputerEnd
  /// Runs until the machine's position is `position`, its processor was asked to stop, or the guest is over.
  func proceed(toward position: UInt64) -> ComputerEnd
  /// Takes one step: one instruction, or the delivery of one event that is due.
  func takeStep() -> ComputerEnd

  /// The platform's own state at a boundary, as far as anything that is still to come depends on it: a number that only equal states
  /// share. Not the processor's, and nothing that is in RAM. `blockingNMIs` asks for it as it would be with NMIs blocked.
  func settledPlatform(blockingNMIs: Bool) -> Int
  /// How often the guest has reached what is neither processor nor RAM, and the other way round; never goes back, not at `restore` either.
  var platformUses: Int { get }
  /// The platform blocks NMIs, not the processor.
  var blocksNMIsItself: Bool { get }
  /// The platform itself has an event for the guest at this boundary.
  var isEventDue: Bool { get }
  /// User mode stands here for a moment alone: what runs below the kernel has sent itself an event, to go on with what it owes the guest.
  var owesTheGuest: Bool { get }

  func fork()
  /// Goes back to the innermost fork, which stays open.
  func restore()
  /// Moves the innermost fork here.
  func refork()
  /// Closes the innermost fork and keeps what happened since.
  func drop()

  // MARK: The boundary at which the computer stands

  /// The guest's kernel runs, not its user mode.
  var isInKernel: Bool { get }
  /// What is below the kernel runs, in its own bytes.
  var isInHypervisor: Bool { get }
  /// Maskable events are let in.
  var interruptsOpen: Bool { get }
  /// The byte by which the guest's kernel keeps maskable events out, where it is one of memory; nil where IF does.
  var eventMask: EventMask? { get }
  /// An event that interrupts the kernel could push its frame below `rsp`.
  func canPushFrame(below rsp: UInt64) -> Bool
  /// The kernel's next instruction asks for something that only the platform, or the most privileged code, can do.
  var nextIsPrivileged: Bool { get }
  /// Hears each hypercall by its kind, where the platform has such calls.
  func hearHypercalls(_ hear: ((String) -> Void)?)

  /// Where the stacks begin that the processor's tables name, or that the guest told its hypervisor of.
  var stackTops: [UInt64] { get }
  /// What decides how the guest's kernel is entered next, and the bytes of RAM among it: a bit for each byte of a word, by its number.
  var entryState: EntryState { get }
  var entryBytes: [UInt64: UInt8] { get }
  /// DR0 to DR3 and DR7, as the guest has them.
  var debugRegisters: [UInt64] { get }
  /// What a hypervisor shows its guest's kernel of its virtual CPU; nil where there is none.
  var sharedCPU: SharedCPU? { get }

  // MARK: Events

  /// The event that a crossing consists in, where it is no instruction.
  func event(of crossing: CrossingKind) -> EventKind?
  /// Why the event cannot be taken at this boundary; nil when it can.
  func obstacle(to event: EventKind) -> Arrival?
  /// What an event of the kind leaves until its handler ends it, and what keeps others of the kind out as long as it is there; in words.
  func leftover(against event: EventKind) -> String?
  /// The vector with which the event is delivered; nil where every other will do.
  func vector(of event: EventKind) -> UInt8?
  /// Although the event is kept out at this boundary it may fall due here, and is delivered later, perhaps at a place where no
  /// boundary lies, such as inside a hypercall.
  func canBecomePending(_ event: EventKind) -> Bool
  /// Makes the event happen at this boundary, which must allow it, or fall due here.
  func inject(_ event: EventKind) -> ComputerEnd
  /// The event of a transition, as reports name it.
  func event(_ transition: Transition) -> DeliveredEvent
  /// The frame that was pushed last ends where the stack starts that the kernel named to its hypervisor; nil where it names none.
  var lastFrameEndsAtKernelStack: Bool? { get }
  /// How the state at this boundary, to which a delivery has just led, breaks what the kernel asked the platform for.
  var brokenPromise: String? { get }
  /// What of the events is not over.
  var unfinished: Unfinished { get }

  // MARK: Ablations

  /// Changes the guest's world once, at the crossing, so that a guard is gone. Nil when it is, or when the ablation strikes
  /// later; else what can be said of the kernel without it, which is never that it held.
  func prepare(_ ablation: Ablation) -> Verdict?
}

/// How a guest of a hypervisor's keeps maskable events out.
public struct EventMask: Sendable {
  /// The physical address of the byte.
  public var byte: UInt64
  /// An event is there. Nobody delivers it where the byte alone is cleared.
  public var isEventPending: Bool

  public init(byte: UInt64, isEventPending: Bool) { (self.byte, self.isEventPending) = (byte, isEventPending) }
}

/// A computer's state without its RAM, as the platform writes it down.
public struct ComputerArchive: Sendable {
  public var processor: [UInt8]
  public var platform: [UInt8]

  public init(processor: [UInt8], platform: [UInt8]) {
    self.processor = processor
    self.platform = platform
  }
}

extension PlatformComputer {
  public var platform: PlatformName { Self.platform }

  public func vector(of event: EventKind) -> UInt8? {
    switch event {
    case .nmi, .nmiCallback: 2
    case .machineCheck, .virtualMachineCheck: 18
    case .debugBreakpoint: 1
    case .hostVector80: 0x80
    case .hostVC: 29
    default: nil
    }
  }

  public func canBecomePending(_ event: EventKind) -> Bool { false }
  public var owesTheGuest: Bool { false }
  public var isInHypervisor: Bool { false }
  public var sharedCPU: SharedCPU? { nil }
  public var lastFrameEndsAtKernelStack: Bool? { nil }

  /// The guards against speculation that are owed to user mode, and looked for. A model of a hypervisor enters and leaves its guest itself, and has
  /// none; what the guest's kernel does of its own remains.
  package var owed: OwedGuards {
    let owed = processor.profile.owed
    return platform == .xenPV ? owed.intersection(.heldReturns) : owed
  }
  /// Who owes them runs: the kernel, or what is below it in its own bytes, to whose guest kernel and user mode are one.
  package var isGuarding: Bool { platform == .xen ? isInHypervisor : isInKernel }

  /// The event can be injected here, to be delivered now or later.
  package func takes(_ event: EventKind) -> Bool { obstacle(to: event) == nil || canBecomePending(event) }
}

extension BoundaryState {
  package init(_ computer: any PlatformComputer) {
    let processor = computer.processor
    let rsp = processor[.rsp]
    let canPush = computer.canPushFrame(below: rsp)
    self.init(
      processor, isKernel: computer.isInKernel, interruptsOpen: computer.interruptsOpen, canPush: canPush,
      isAtStackEnd: !canPush && computer.canPushFrame(below: rsp &+ 8))
  }
}
