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
  /// The user's memory at the crossing.
  private let userMemory: UserMemory
  /// Where interrupts are claimed to be on and are known to be off, so that it is no news.
  var knownFalselyOn: Set<UInt64> = []
  /// The machine's position at boundary 0, and where the bound on a run was counted from last.
  private let origin: UInt64
  private var start: UInt64
  var console: [UInt8] = []

  /// Whose stack RSP points to.
  private(set) var stack: StackOwner
  /// An event could push its frame at RSP when RSP or the page tables got their value.
  private var hasRoom = true
  /// What happened so far, as one number: every transition and its place.
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
    swapgsCount: Int = 0, claims: KernelClaims = KernelClaims(), userMemory: UserMemory
  ) {
    self.userMemory = userMemory
    self.computer = computer
    self.user = user
    self.crossing = crossing
    self.ablations = ablations
    self.swapgsCount = swapgsCount
    self.claims = claims
    stack = StackOwner(values: user.stackPointers)
    origin = computer.processor.position
    start = origin
    computer.processor.isWatched = true
    computer.processor.clearTransitions()
  }

  private var processor: Processor { computer.processor }

  /// Boundaries taken so far.
  var boundary: Int { Int(processor.position &- origin) }
  /// Boundaries taken since the bound was counted anew.
  var instructions: Int { Int(processor.position &- start) }

  /// State of the run that a fork of the computer does not hold.
  struct Mark {
    var stack: StackOwner
    var hasRoom: Bool
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
        stack: stack, hasRoom: hasRoom, digest: digest, swapgsSeen: swapgsSeen, struck: struck, evidence: evidence,
        entryCalls: entryCalls, entered: entered, console: console, offSince: offSince)
    }
    set {
      stack = newValue.stack
      hasRoom = newValue.hasRoom
      digest = newValue.digest
      swapgsSeen = newValue.swapgsSeen
      struck = newValue.struck
      evidence = newValue.evidence
      entryCalls = newValue.entryCalls
      entered = newValue.entered
      console = newValue.console
      offSince = newValue.offSince
      consoleRead = console.count
      processor.clearTransitions()
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
    let before = processor.standing
    let stray = before.isKernel && user.gsBases.contains(before.gsBase) && processor.nextInstructionUsesGS()
    if stray && evidence.strayGS == nil {
      evidence.strayGS = StrayAccess(step: boundary, rip: processor.rip, gsBase: before.gsBase)
    }
    let returns = ablations.contains(.registerNotRestored) && before.isKernel && isNext(Ablation.iretq)
    let end = absorb(computer.takeStep(), injected: false)
    if returns, let at = evidence.boundary, processor.rip == at.rip, processor[.rsp] == at.rsp {
      processor[.r15] ^= 1 << 40
      struck.insert(.registerNotRestored)
    }
    return end
  }

  /// Goes on as fast as the machine can, up to the end or the boundary. What happens is the same as step by step. Nil at the boundary.
  func proceed(to boundary: Int = .max) -> RunEnd? {
    while self.boundary < boundary {
      let target = min(UInt64(boundary) &+ origin, start &+ UInt64(Self.bound))
      if let end = mustStep ? step() : absorb(computer.proceed(toward: target), injected: false) { return end }
    }
    return nil
  }

  /// Something has to be looked at at every boundary: the way in is not over, or the kernel runs on what is the user's.
  private var mustStep: Bool {
    if !entered || entryCalls < 2 || !claims.isEmpty || ablations.contains(where: \.watchesRuns) { return true }
    let standing = processor.standing
    return !standing.isKernel || stack.isUser || !hasRoom || standing.rflags.contains(.trap)
      || user.gsBases.contains(standing.gsBase)
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

  /// Whose state an event interrupted.
  private func ownership(of standing: Standing) -> Ownership {
    let canPush = computer.canPushFrame(below: standing.rsp)
    return user.ownership(
      isKernel: standing.isKernel, gsBase: standing.gsBase, cr3: standing.cr3, rspIsUser: stack.isUser,
      canPush: canPush,
      isAtStackEnd: !canPush && computer.canPushFrame(below: standing.rsp &+ 8))
  }

  private func loaded(_ rsp: UInt64) -> StackChange {
    .loaded(isReachableByUser: processor.isUserReachable(rsp, tables: user.cr3))
  }

  /// Takes in what led to the boundary at which the machine stands.
  private func absorb(_ end: ComputerEnd, injected: Bool) -> RunEnd? {
    let transitions = processor.transitions
    for transition in transitions { take(transition, injected: injected) }
    processor.clearTransitions()
    if !transitions.isEmpty { hasRoom = computer.canPushFrame(below: processor[.rsp]) }
    switch end {
    case .budget: break
    case .powerOff(let how), .died(let how), .left(_, let how): return .dead(how)
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

  private func take(_ transition: Transition, injected: Bool) {
    digest.add(transition, at: boundary)
    let (before, after) = (transition.before, transition.after)
    switch transition.kind {
    case .event: record(computer.event(transition), of: transition, injected: injected)
    case .lostEvent:
      evidence.lostFrame = DeliveryRecord(
        computer.event(transition), step: boundary, ownership: ownership(of: before), injected: injected)
    case .entry, .exit, .stackLoad:
      if !after.isKernel {
        stack.follow(.user, to: after.rsp)
      } else if after.rsp != before.rsp {
        stack.follow(loaded(after.rsp), to: after.rsp)
      }
    case .stackMove, .gsBase, .pageTables, .flags: break
    }
  }

  private func record(_ delivery: DeliveredEvent, of transition: Transition, injected: Bool) {
    if !delivery.fromKernel { stack.follow(.user, to: delivery.previousRSP) }
    let record = DeliveryRecord(
      delivery, step: boundary, ownership: ownership(of: transition.before), injected: injected)
    evidence.deliveries.append(record)
    stack.interrupt(at: delivery.previousRSP)
    stack.follow(delivery.onCurrentStack ? .moved : .switched, to: delivery.frame)
    if evidence.falselyOff == nil, delivery.isMaskable, delivery.fromKernel, claims.areOn(at: delivery.from) == false {
      evidence.falselyOff = record
    }
    if evidence.brokenPromise == nil, let message = computer.brokenPromise {
      evidence.brokenPromise = (boundary, processor.rip, message)
    }
    if ablations.contains(.nmiUnblockedEarly) && processor.lastVector == .nmi {
      processor.nmiBlocked = false
      struck.insert(.nmiUnblockedEarly)
    }
  }

  /// A line that the kernel has just finished and in which it gives up.
  private func newLastWords() -> String? {
    guard console.count > consoleRead, console.last == UInt8(ascii: "\n") else { return nil }
    let bytes = console[consoleRead...]
    consoleRead = console.count
    guard NoKernelDeath.isLastWord(bytes) else { return nil }
    let line = String(decoding: bytes, as: UTF8.self)
    // The time stamp is the kernel's own and says nothing here.
    return String(line.trimmingPrefix { $0 != "]" }.drop { $0 == "]" || $0 == " " }.prefix { !$0.isNewline })
  }

  /// Flags and masks that a kernel-mode boundary must not show.
  private func watchBoundary() {
    let flags = processor.rflags
    let ownsRSP = !stack.isUser && hasRoom
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
  func resetInstructions() { start = processor.position }

  // MARK: Injection

  /// Makes the event happen at this boundary. Nil while the run goes on.
  func inject(_ event: EventKind, asCrossing: Bool = false) -> RunEnd? {
    if !asCrossing && evidence.event == nil {
      evidence.event = event
      evidence.boundary = BoundaryState(computer)
    }
    return absorb(computer.inject(event), injected: true)
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
      result.view = UserView(processor, userMemory)
      result.unfinished = computer.unfinished
      result.shutsEventsOut = user.interruptsOpen && !computer.interruptsOpen
      if processor.topTable != user.topTable { result.foreignTables = processor.topTable }
    }
    return result
  }
}

extension UserView {
  /// - Parameter memory: the user's memory at a fork that is still open.
  init(_ processor: Processor, _ memory: UserMemory) {
    self.init(
      registers: GeneralRegister.allCases.map { processor[$0] }, rip: processor.rip, rflags: processor.rflags,
      selectors: processor.selectors, attributes: processor.segmentAttributes, fsBase: processor.segmentBase(.fs),
      gsBase: processor.segmentBase(.gs), vectors: processor.digestVectors(), memory: processor.userPages(since: memory)
    )
  }
}
