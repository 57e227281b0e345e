/// One run of a crossing: from the instruction that leaves user mode, with events injected at chosen boundaries, until the
/// task is back in user mode.
///
/// Boundary 0 is the one before the crossing. Every step, an instruction or the delivery of an event, leads to the next
/// boundary, so that (boundary, event) pairs name a run exactly.
import BareMetal
import Findings
import Invariants
import Machine

/// What is known of the user at the crossing, by which a run tells whose state it is on.
struct UserSide: Sendable {
  var rsp: UInt64
  var gsBase: UInt64
  var cr3: UInt64
  var entersBySysenter: Bool
  /// The kernel has page tables of its own.
  var hasSplitTables: Bool
}

final class Run {
  let computer: BareMetalComputer
  let user: UserSide
  let crossing: CrossingKind
  let ablations: [Ablation]
  /// How many SWAPGS the unablated baseline executes before it returns: the last one is skipped by ablation.
  let swapgsCount: Int
  /// Boundaries taken so far.
  private(set) var boundary = 0
  private(set) var instructions = 0
  var console: [UInt8] = []

  private var swapgsSeen = 0
  private var cr3Skipped = false
  private var evidence = Evidence(end: .user)
  private var leftEntry = false
  private var entered = false
  private var consoleRead = 0

  /// A run that takes more is not coming back.
  static let bound = 2_000_000

  init(
    _ computer: BareMetalComputer, user: UserSide, crossing: CrossingKind, ablations: [Ablation] = [],
    swapgsCount: Int = 0
  ) {
    self.computer = computer
    self.user = user
    self.crossing = crossing
    self.ablations = ablations
    self.swapgsCount = swapgsCount
  }

  private var processor: Processor { computer.processor }

  /// State of the run that a fork of the computer does not hold.
  struct Mark {
    var boundary: Int
    var swapgsSeen: Int
    var cr3Skipped: Bool
    var evidence: Evidence
    var leftEntry: Bool
    var entered: Bool
    var console: [UInt8]
  }

  var mark: Mark {
    get {
      Mark(
        boundary: boundary, swapgsSeen: swapgsSeen, cr3Skipped: cr3Skipped, evidence: evidence, leftEntry: leftEntry,
        entered: entered, console: console)
    }
    set {
      boundary = newValue.boundary
      swapgsSeen = newValue.swapgsSeen
      cr3Skipped = newValue.cr3Skipped
      evidence = newValue.evidence
      leftEntry = newValue.leftEntry
      entered = newValue.entered
      console = newValue.console
      consoleRead = console.count
    }
  }

  // MARK: Steps

  /// Takes the first step: the crossing instruction, or the event that is the crossing.
  func cross() -> RunEnd? {
    switch crossing {
    case .irq: return inject(.externalInterrupt, asCrossing: true)
    case .nmi: return inject(.nmi, asCrossing: true)
    default: return step()
    }
  }

  /// One step. Nil while the run goes on.
  func step() -> RunEnd? {
    skipAblated()
    let before = Before(processor)
    let stray = before.cpl == 0 && before.gsBase == user.gsBase && processor.nextInstructionUsesGS()
    if stray && evidence.strayGS == nil {
      evidence.strayGS = StrayAccess(step: boundary, rip: before.rip, gsBase: before.gsBase)
    }
    return finish(before, computer.step(), injected: false)
  }

  /// The event that the path names here, where it can be taken; else one step. Nil while the run goes on.
  func advance(_ path: [Int: EventKind]) -> RunEnd? {
    if let event = path[boundary], obstacle(to: event) == nil { return inject(event) }
    return step()
  }

  /// Runs on at full speed until user mode reaches `address`. Nobody watches the steps: whoever calls this judges by the end.
  func finish(at address: UInt64) -> RunEnd {
    let retired = processor.retired
    let end = computer.run(UInt64(Self.bound), until: address)
    instructions += Int(processor.retired - retired)
    if newLastWords() != nil { return .dead("the kernel spoke") }
    guard case .budget = end, processor.rip == address, processor.cpl == 3 else { return .bound(UInt64(Self.bound)) }
    return .user
  }

  /// What was delivered so far.
  var deliveries: [DeliveryRecord] { evidence.deliveries }

  private struct Before {
    var rip: UInt64
    var rsp: UInt64
    var cpl: UInt8
    var gsBase: UInt64
    var cr3: UInt64
    var events: UInt64
    /// Whether a frame could be pushed at RSP.
    var canPush: Bool

    init(_ processor: Processor) {
      rip = processor.rip
      rsp = processor[.rsp]
      cpl = processor.cpl
      gsBase = processor.segmentBase(.gs)
      cr3 = processor.cr3
      events = processor.eventCount
      canPush = cpl == 3 || processor.isSupervisorWritable(rsp &- 8)
    }
  }

  private func ownership(_ before: Before) -> Ownership {
    var result: Ownership = []
    if before.rsp == user.rsp { result.insert(.userRSP) }
    if !before.canPush { result.insert(.noStack) }
    if before.gsBase == user.gsBase { result.insert(.userGS) }
    if user.hasSplitTables && before.cr3 == user.cr3 { result.insert(.userTables) }
    return result
  }

  private func finish(_ before: Before, _ end: BareMetalComputer.End, injected: Bool) -> RunEnd? {
    boundary += 1
    instructions += 1
    if processor.eventCount != before.events { recordDelivery(before, injected: injected) }
    switch end {
    case .budget: break
    case .powerOff: return .dead("it halts and nothing can wake it")
    case .reset(let byShutdown):
      return .dead(byShutdown ? "the processor shut down (triple fault)" : "it reset the machine")
    case .debugExit: return .dead("it left through the debug port")
    case .unsupported(let what): return .unsupported("\(what)")
    }
    if console.count != consoleRead, let words = newLastWords() { return .dead("it said: \(words)") }
    if processor.cpl != 3 { entered = true }
    // A crossing like single-stepping executes its user instruction first.
    if processor.cpl == 3 && (entered || boundary >= 8) { return .user }
    if processor.cpl == 3 { return nil }
    if instructions >= Self.bound { return .bound(UInt64(Self.bound)) }
    watchBoundary()
    return nil
  }

  /// A line that the kernel has just finished and in which it gives up.
  private func newLastWords() -> String? {
    guard console.count > consoleRead, console.last == UInt8(ascii: "\n") else { return nil }
    let line = String(decoding: console[consoleRead...], as: UTF8.self)
    consoleRead = console.count
    guard NoKernelDeath.lastWords.contains(where: line.contains) else { return nil }
    // The time stamp is the kernel's own and says nothing here.
    return String(line.trimmingPrefix { $0 != "]" }.drop { $0 == "]" || $0 == " " }.prefix { !$0.isNewline })
  }

  private func recordDelivery(_ before: Before, injected: Bool) {
    let instruction = processor.bytes(atLinear: before.rip, count: 3, tables: before.cr3)
    let atReturn = instruction.map(Self.returnsToUser) ?? false
    evidence.deliveries.append(
      DeliveryRecord(
        step: boundary, vector: processor.lastVector.rawValue, errorCode: processor.lastErrorCode, from: before.rip,
        fromCPL: before.cpl,
        frame: processor[.rsp], previousRSP: before.rsp, ownership: ownership(before), cr2: processor.cr2,
        atReturn: atReturn, injected: injected))
    if ablations.contains(.nmiUnblockedEarly) && processor.lastVector == .nmi { processor.nmiBlocked = false }
  }

  /// SYSRET, SYSEXIT or IRET, perhaps behind REX.W.
  private static func returnsToUser(_ bytes: [UInt8]) -> Bool {
    let rest = bytes[0] & 0xF0 == 0x40 ? bytes.dropFirst() : bytes[...]
    guard let first = rest.first else { return false }
    if first == 0xCF { return true }
    guard first == 0x0F, let second = rest.dropFirst().first else { return false }
    return second == 0x07 || second == 0x35
  }

  /// Flags and masks that a kernel-mode boundary must not show.
  private func watchBoundary() {
    let flags = processor.rflags
    let ownsRSP = processor[.rsp] != user.rsp && processor.isSupervisorWritable(processor[.rsp] &- 8)
    if !ownsRSP && flags.contains(.interruptEnable) && evidence.openWindow == nil && boundary > 0 {
      evidence.openWindow = (boundary, BoundaryState(processor))
    }
    guard evidence.badFlags == nil else { return }
    if flags.contains(.trap) && !user.entersBySysenter {
      evidence.badFlags = (boundary, processor.rip, flags)
    } else if ownsRSP && !leftEntry && !flags.isDisjoint(with: [.direction, .nestedTask]) {
      // The entry code has until its first call to clear them.
      if processor.bytes(atLinear: processor.rip, count: 1) == [0xE8] {
        evidence.badFlags = (boundary, processor.rip, flags)
      }
    }
    if ownsRSP && !leftEntry && processor.bytes(atLinear: processor.rip, count: 1) == [0xE8] { leftEntry = true }
  }

  /// Starts the bound on instructions anew, for another run from the same boundary.
  func resetInstructions() { instructions = 0 }

  // MARK: Injection

  /// Why an event cannot be taken at this boundary; nil when it can.
  func obstacle(to event: EventKind) -> Arrival? {
    switch event {
    case .nmi: return processor.canTakeNMI ? nil : .blocked
    case .externalInterrupt:
      if !processor.canTakeInterrupt { return .masked }
      return computer.board.canRaiseTimerInterrupt ? nil : .noSource
    case .machineCheck: return processor.machineChecksEnabled ? nil : .noSource
    case .debugBreakpoint:
      return processor.rflags.contains(.resume) || processor.shadow == .movSS ? .masked : nil
    case .pageFault: return .noSource
    }
  }

  /// Makes the event happen at this boundary. Nil while the run goes on.
  func inject(_ event: EventKind, asCrossing: Bool = false) -> RunEnd? {
    if !asCrossing && evidence.event == nil {
      evidence.event = event
      evidence.boundary = BoundaryState(processor)
      evidence.ownership = ownership(Before(processor))
    }
    let before = Before(processor)
    switch event {
    case .nmi:
      processor.raiseNMI()
      return finish(before, computer.step(), injected: true)
    case .externalInterrupt:
      // The timer's, which every kernel expects at any time.
      computer.board.raiseTimer()
      return finish(before, computer.step(), injected: true)
    case .machineCheck: return finish(before, computer.deliver { $0.deliverMachineCheck() }, injected: true)
    case .debugBreakpoint:
      return finish(before, computer.deliver { $0.deliverInstructionBreakpoint(0) }, injected: true)
    case .pageFault: return .unsupported("page faults are not injected on bare metal")
    }
  }

  // MARK: Ablations that watch instructions

  private func skipAblated() {
    for ablation in ablations where ablation.watchesInstructions && processor.cpl == 0 {
      guard let bytes = processor.bytes(atLinear: processor.rip, count: 4) else { continue }
      switch ablation {
      case .swapgsSkippedAtEntry, .swapgsSkippedAtExit:
        guard Array(bytes.prefix(3)) == Ablation.swapgs else { continue }
        swapgsSeen += 1
        let wanted = ablation == .swapgsSkippedAtEntry ? 1 : swapgsCount
        if swapgsSeen == wanted { processor.skip(to: processor.rip &+ 3) }
      case .userCR3KeptAtEntry:
        guard !cr3Skipped, let length = Ablation.writesCR3(bytes) else { continue }
        cr3Skipped = true
        processor.skip(to: processor.rip &+ UInt64(length))
      default: break
      }
    }
  }

  // MARK: The end

  /// Everything that the run showed, now that it ended so.
  func evidence(end: RunEnd) -> Evidence {
    var result = evidence
    result.end = end
    result.console = String(decoding: console, as: UTF8.self)
    if end == .user {
      result.view = UserView(processor)
      result.nmiStillBlocked = processor.nmiBlocked
      result.unfinishedInterrupt = computer.board.localAPIC.isServicing
    }
    return result
  }
}

extension UserView {
  init(_ processor: Processor) {
    self.init(
      registers: GeneralRegister.allCases.map { processor[$0] }, rip: processor.rip, rflags: processor.rflags,
      selectors: processor.selectors, attributes: processor.segmentAttributes, fsBase: processor.segmentBase(.fs),
      gsBase: processor.segmentBase(.gs), vectors: processor.digestVectors(), memory: processor.digestUserPages())
  }
}
