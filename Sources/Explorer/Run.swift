/// One run of a crossing: from the instruction that leaves user mode, with events injected at chosen boundaries, until the
/// task is back in user mode.
///
/// Boundary 0 is the one before the crossing. Every step, an instruction or the delivery of an event, leads to the next
/// boundary, so that (boundary, event) pairs name a run exactly.
import Findings
import Invariants
import Machine

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

  /// Whose stack RSP points to.
  private(set) var stack: StackOwner
  /// What happened so far, as one number: the state at every boundary and every delivery.
  private(set) var digest = RunDigest()
  private var swapgsSeen = 0
  /// Ablations that took something away in this run.
  private(set) var struck: Set<Ablation> = []
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
    stack = StackOwner(values: user.stackPointers)
  }

  private var processor: Processor { computer.processor }

  /// State of the run that a fork of the computer does not hold.
  struct Mark {
    var boundary: Int
    var stack: StackOwner
    var digest: RunDigest
    var swapgsSeen: Int
    var struck: Set<Ablation>
    var evidence: Evidence
    var entryCalls: Int
    var entered: Bool
    var console: [UInt8]
    var offSince: UInt64?
  }

  var mark: Mark {
    get {
      Mark(
        boundary: boundary, stack: stack, digest: digest, swapgsSeen: swapgsSeen, struck: struck, evidence: evidence,
        entryCalls: entryCalls, entered: entered, console: console, offSince: offSince)
    }
    set {
      boundary = newValue.boundary
      stack = newValue.stack
      digest = newValue.digest
      swapgsSeen = newValue.swapgsSeen
      struck = newValue.struck
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
    let stray = before.isKernel && user.gsBases.contains(before.gsBase) && processor.nextInstructionUsesGS()
    if stray && evidence.strayGS == nil {
      evidence.strayGS = StrayAccess(step: boundary, rip: before.rip, gsBase: before.gsBase)
    }
    let returns = ablations.contains(.registerNotRestored) && before.isKernel && isNext(Ablation.iretq)
    let end = finish(before, deliveries, computer.takeStep(), injected: false)
    if returns, let at = evidence.boundary, processor.rip == at.rip, processor[.rsp] == at.rsp {
      processor[.r15] ^= 1 << 40
      struck.insert(.registerNotRestored)
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

  /// What was delivered so far.
  var deliveries: [DeliveryRecord] { evidence.deliveries }

  // MARK: Whose state it is

  /// Whose state the boundary at which the run stands is on.
  func ownership(of state: BoundaryState) -> Ownership {
    user.ownership(of: state, rspIsUser: stack.isUser)
  }

  /// Whose state an event of the step that started at `before` interrupted: that of the boundary, or that of a handler that
  /// another event of the same step had just been given to, or what the hypervisor was about to return to.
  private func ownership(interruptedBy event: DeliveredEvent, isFirst: Bool, _ before: BoundaryState) -> Ownership {
    if !event.fromKernel {
      stack.follow(.user, to: event.previousRSP)
    } else if isFirst && event.previousRSP != before.rsp {
      stack.follow(loaded(event.previousRSP), to: event.previousRSP)
    }
    if isFirst && event.fromKernel == before.isKernel { return ownership(of: before) }
    return stack.isUser ? .userRSP : []
  }

  private func loaded(_ rsp: UInt64) -> StackChange {
    .loaded(isReachableByUser: processor.isUserReachable(rsp, tables: user.cr3))
  }

  /// How RSP came to its value by a step without a delivery.
  private func stackChange(since before: BoundaryState) -> StackChange {
    let rsp = processor[.rsp]
    if !computer.isInKernel { return .user }
    if rsp == before.rsp || !processor.loadsStackPointer(at: before.rip, tables: before.cr3) { return .moved }
    return loaded(rsp)
  }

  private func finish(_ before: BoundaryState, _ deliveries: UInt64, _ end: ComputerEnd, injected: Bool) -> RunEnd? {
    boundary += 1
    instructions += 1
    let delivers = computer.deliveryCount != deliveries
    if delivers {
      recordDeliveries(before, since: deliveries, injected: injected)
    } else {
      stack.follow(stackChange(since: before), to: processor[.rsp])
    }
    // What only falls due shows where it is delivered.
    if delivers || !injected { digest.add(BoundaryState(computer)) }
    switch end {
    case .budget: break
    case .powerOff(let how), .died(let how), .left(_, let how):
      evidence.lostFrame = computer.lostFrame.map {
        DeliveryRecord(
          $0, step: boundary,
          ownership: ownership(interruptedBy: $0, isFirst: !delivers, before), injected: injected)
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
        delivery, step: boundary, ownership: ownership(interruptedBy: delivery, isFirst: index == 0, before),
        injected: injected)
      evidence.deliveries.append(record)
      digest.add(record)
      stack.interrupt(at: delivery.previousRSP)
      stack.follow(delivery.onCurrentStack ? .moved : .switched, to: delivery.frame)
      if evidence.falselyOff == nil, delivery.isMaskable, delivery.fromKernel, claims.areOn(at: delivery.from) == false
      {
        evidence.falselyOff = record
      }
    }
    if evidence.brokenPromise == nil, let message = computer.brokenPromise {
      evidence.brokenPromise = (boundary, processor.rip, message)
    }
    if ablations.contains(.nmiUnblockedEarly) && processor.lastVector == .nmi {
      processor.nmiBlocked = false
      struck.insert(.nmiUnblockedEarly)
    }
  }

  /// Flags and masks that a kernel-mode boundary must not show.
  private func watchBoundary() {
    let flags = processor.rflags
    let ownsRSP = !stack.isUser && computer.canPushFrame(below: processor[.rsp])
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
        guard swapgsSeen == wanted else { continue }
        processor.skip(to: processor.rip &+ 3)
        struck.insert(ablation)
      case .userCR3KeptAtEntry:
        guard let length = Ablation.writesCR3(bytes), struck.insert(ablation).inserted else { continue }
        processor.skip(to: processor.rip &+ UInt64(length))
      case .frameSlotUnwritten:
        guard Ablation.pushesArgument(bytes), struck.insert(ablation).inserted else { continue }
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
