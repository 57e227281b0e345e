/// One run of a crossing: from the instruction that leaves user mode, with events injected at chosen boundaries, until the
/// task is back in user mode.
///
/// Boundary 0 is the one before the crossing. Every step, an instruction or the delivery of an event, leads to the next
/// boundary, so that (boundary, event) pairs name a run exactly.
import Findings
import Invariants
import Machine

/// What is known of the user at the crossing, by which a run tells whose state it is on.
struct UserSide: Sendable {
  var rsp: UInt64
  var gsBase: UInt64
  var cr3: UInt64
  var topTable: UInt64
  var interruptsOpen: Bool
  var entersBySysenter: Bool
  /// The kernel has page tables of its own.
  var hasSplitTables: Bool
}

final class Run {
  let computer: any PlatformComputer
  let user: UserSide
  let crossing: CrossingKind
  let ablations: [Ablation]
  /// How many SWAPGS the unablated baseline executes before it returns: the last one is skipped by ablation.
  let swapgsCount: Int
  /// What the kernel says of its interrupts.
  let claims: KernelClaims
  /// Where interrupts are claimed to be on and are known to be off, so that it is no news.
  var knownFalselyOn: Set<UInt64> = []
  /// Boundaries taken so far.
  private(set) var boundary = 0
  private(set) var instructions = 0
  var console: [UInt8] = []

  private var swapgsSeen = 0
  /// Ablations that strike once, and have.
  private var spent: Set<Ablation> = []
  private var evidence = Evidence(end: .user)
  /// CALLs of the entry code on the kernel's stack, as far as they matter.
  private var entryCalls = 0
  private var entered = false
  private var consoleRead = 0
  /// Where interrupts were first found off, since they were last on.
  private var offSince: UInt64?

  /// A run that takes more is not coming back.
  static let bound = 2_000_000

  init(
    _ computer: any PlatformComputer, user: UserSide, crossing: CrossingKind, ablations: [Ablation] = [],
    swapgsCount: Int = 0, claims: KernelClaims = KernelClaims()
  ) {
    self.computer = computer
    self.user = user
    self.crossing = crossing
    self.ablations = ablations
    self.swapgsCount = swapgsCount
    self.claims = claims
  }

  private var processor: Processor { computer.processor }

  /// State of the run that a fork of the computer does not hold.
  struct Mark {
    var boundary: Int
    var swapgsSeen: Int
    var spent: Set<Ablation>
    var evidence: Evidence
    var entryCalls: Int
    var entered: Bool
    var console: [UInt8]
    var offSince: UInt64?
  }

  var mark: Mark {
    get {
      Mark(
        boundary: boundary, swapgsSeen: swapgsSeen, spent: spent, evidence: evidence, entryCalls: entryCalls,
        entered: entered, console: console, offSince: offSince)
    }
    set {
      boundary = newValue.boundary
      swapgsSeen = newValue.swapgsSeen
      spent = newValue.spent
      evidence = newValue.evidence
      entryCalls = newValue.entryCalls
      entered = newValue.entered
      console = newValue.console
      offSince = newValue.offSince
      consoleRead = console.count
    }
  }

  // MARK: Steps

  /// Takes the first step: the crossing instruction, or the event that is the crossing.
  func cross() -> RunEnd? {
    if let event = computer.event(of: crossing) { return inject(event, asCrossing: true) }
    return step()
  }

  /// One step. Nil while the run goes on.
  func step() -> RunEnd? {
    skipAblated()
    let before = BoundaryState(computer)
    let deliveries = computer.deliveryCount
    let stray = before.isKernel && before.gsBase == user.gsBase && processor.nextInstructionUsesGS()
    if stray && evidence.strayGS == nil {
      evidence.strayGS = StrayAccess(step: boundary, rip: before.rip, gsBase: before.gsBase)
    }
    let returns = ablations.contains(.registerNotRestored) && before.isKernel && isNext(Ablation.iretq)
    let end = finish(before, deliveries, computer.takeStep(), injected: false)
    if returns, let at = evidence.boundary, processor.rip == at.rip, processor[.rsp] == at.rsp {
      processor[.r15] ^= 1 << 40
    }
    return end
  }

  private func isNext(_ instruction: [UInt8]) -> Bool {
    processor.bytes(atLinear: processor.rip, count: instruction.count) == instruction
  }

  /// The event that the path names here, where it can be taken; else one step. Nil while the run goes on.
  func advance(_ path: [Int: EventKind]) -> RunEnd? {
    if let event = path[boundary], computer.takes(event) { return inject(event) }
    return step()
  }

  /// Runs on at full speed until user mode reaches `address`. Nobody watches the steps: whoever calls this judges by the end.
  func finish(at address: UInt64) -> RunEnd {
    let retired = processor.retired
    let end = computer.proceed(UInt64(Self.bound), until: address)
    instructions += Int(processor.retired - retired)
    if newLastWords() != nil { return .dead("the kernel spoke") }
    guard case .budget = end, processor.rip == address, !computer.isInKernel else {
      return .bound(UInt64(Self.bound))
    }
    return .user
  }

  /// What was delivered so far.
  var deliveries: [DeliveryRecord] { evidence.deliveries }

  private func ownership(_ before: BoundaryState) -> Ownership {
    var result: Ownership = []
    if before.rsp == user.rsp { result.insert(.userRSP) }
    if before.isKernel && !before.canPush {
      result.insert(computer.canPushFrame(below: before.rsp &+ 8) ? .fullStack : .noStack)
    }
    if before.gsBase == user.gsBase { result.insert(.userGS) }
    if user.hasSplitTables && before.cr3 == user.cr3 { result.insert(.userTables) }
    return result
  }

  /// Whose state an event of the step that started at `before` interrupted: that of the boundary, or that of a handler that
  /// another event of the same step had just been given to.
  private func ownership(of delivery: DeliveredEvent, isFirst: Bool, _ before: BoundaryState) -> Ownership {
    if isFirst && delivery.fromKernel == before.isKernel { return ownership(before) }
    return delivery.previousRSP == user.rsp ? .userRSP : []
  }

  private func finish(_ before: BoundaryState, _ deliveries: UInt64, _ end: ComputerEnd, injected: Bool) -> RunEnd? {
    boundary += 1
    instructions += 1
    if computer.deliveryCount != deliveries { recordDeliveries(before, since: deliveries, injected: injected) }
    switch end {
    case .budget: break
    case .powerOff(let how), .died(let how), .left(_, let how):
      evidence.lostFrame = computer.lostFrame.map {
        DeliveryRecord(
          $0, step: boundary,
          ownership: ownership(of: $0, isFirst: computer.deliveryCount == deliveries, before), injected: injected)
      }
      return .dead(how)
    case .unsupported(let what): return .unsupported(what)
    }
    if console.count != consoleRead, let words = newLastWords() { return .dead("it said: \(words)") }
    if computer.isInKernel {
      entered = true
    } else {
      // A crossing like single-stepping executes its user instruction first.
      return entered || boundary >= 8 ? .user : nil
    }
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

  private func recordDeliveries(_ before: BoundaryState, since count: UInt64, injected: Bool) {
    for (index, delivery) in computer.deliveries(since: count, from: before).enumerated() {
      let record = DeliveryRecord(
        delivery, step: boundary, ownership: ownership(of: delivery, isFirst: index == 0, before), injected: injected)
      evidence.deliveries.append(record)
      if evidence.falselyOff == nil, delivery.isMaskable, delivery.fromKernel, claims.areOn(at: delivery.from) == false
      {
        evidence.falselyOff = record
      }
    }
    if evidence.brokenPromise == nil, let message = computer.brokenPromise {
      evidence.brokenPromise = (boundary, processor.rip, message)
    }
    if ablations.contains(.nmiUnblockedEarly) && processor.lastVector == .nmi { processor.nmiBlocked = false }
  }

  /// Flags and masks that a kernel-mode boundary must not show.
  private func watchBoundary() {
    let flags = processor.rflags
    let ownsRSP = processor[.rsp] != user.rsp && computer.canPushFrame(below: processor[.rsp])
    if !ownsRSP && computer.interruptsOpen && evidence.openWindow == nil && boundary > 0 {
      evidence.openWindow = (boundary, BoundaryState(computer))
    }
    watchClaims()
    guard evidence.badFlags == nil else { return }
    if flags.contains(.trap) && !user.entersBySysenter {
      evidence.badFlags = (boundary, processor.rip, flags)
    } else if ownsRSP && entryCalls < 2 && isNext([0xE8]) {
      // The entry code has until it calls what does the work to clear them; its first call may be to the code that does
      // that (Linux 5.10: `error_entry` and `paranoid_entry` begin with CLD).
      if entryCalls == 1 && !flags.isDisjoint(with: [.direction, .nestedTask]) {
        evidence.badFlags = (boundary, processor.rip, flags)
      }
      entryCalls += 1
    }
  }

  /// Compares the interrupt state with what the kernel claims of it.
  private func watchClaims() {
    guard !claims.isEmpty else { return }
    if computer.interruptsOpen {
      offSince = nil
      return
    }
    let since = offSince ?? processor.rip
    offSince = since
    guard evidence.falselyOn == nil, claims.areOn(at: processor.rip) == true, !knownFalselyOn.contains(processor.rip)
    else { return }
    evidence.falselyOn = (boundary, processor.rip, since)
  }

  /// Starts the bound on instructions anew, for another run from the same boundary.
  func resetInstructions() { instructions = 0 }

  // MARK: Injection

  /// Makes the event happen at this boundary. Nil while the run goes on.
  func inject(_ event: EventKind, asCrossing: Bool = false) -> RunEnd? {
    let before = BoundaryState(computer)
    let deliveries = computer.deliveryCount
    if !asCrossing && evidence.event == nil {
      evidence.event = event
      evidence.boundary = before
      evidence.ownership = ownership(before)
    }
    return finish(before, deliveries, computer.inject(event), injected: true)
  }

  // MARK: Ablations that watch instructions

  private func skipAblated() {
    for ablation in ablations where ablation.watchesInstructions && computer.isInKernel {
      guard let bytes = processor.bytes(atLinear: processor.rip, count: 4) else { continue }
      switch ablation {
      case .swapgsSkippedAtEntry, .swapgsSkippedAtExit:
        guard Array(bytes.prefix(3)) == Ablation.swapgs else { continue }
        swapgsSeen += 1
        let wanted = ablation == .swapgsSkippedAtEntry ? 1 : swapgsCount
        if swapgsSeen == wanted { processor.skip(to: processor.rip &+ 3) }
      case .userCR3KeptAtEntry:
        guard let length = Ablation.writesCR3(bytes), spent.insert(ablation).inserted else { continue }
        processor.skip(to: processor.rip &+ UInt64(length))
      case .frameSlotUnwritten:
        guard Ablation.pushesArgument(bytes), spent.insert(ablation).inserted else { continue }
        processor[.rsp] &-= 8
        processor.skip(to: processor.rip &+ 2)
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
    if end != .user { result.stoppedAt = processor.rip }
    if end == .user {
      result.view = UserView(processor)
      result.unfinished = computer.unfinished
      result.shutsEventsOut = user.interruptsOpen && !computer.interruptsOpen
      if processor.topTable != user.topTable { result.foreignTables = processor.topTable }
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
