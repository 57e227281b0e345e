/// All monitors of one run: the one list of the invariants. A run forks, and they with it.
import Findings
import Machine

public struct Monitors: Sendable {
  private var gsOwned = GSOwned()
  private var pageTablesOwned = PageTablesOwned()
  private var flagsSanitised: FlagsSanitised
  private var interruptsAsClaimed = InterruptsAsClaimed()
  private var rspOwned = RSPOwned()
  private var cleanExit = CleanExit()
  private var frameIntact = FrameIntact()
  private var stackBounded: StackBounded
  private var noKernelDeath = NoKernelDeath()
  private let progress = Progress()
  private let workDone = WorkDone()
  private let noLeak = NoLeak()
  private let userStatePreserved = UserStatePreserved()
  private let entriesKept = EntriesKept()
  private let gatesClosed = GatesClosed()
  private let registersCleared = RegistersCleared()
  private let owed: OwedGuards
  private var branchesRestricted: BranchesRestricted
  private var swapgsFenced: SWAPGSFenced
  private var buffersCleared: BuffersCleared
  private var defenceHolds: DefenceHolds
  private var historyCleared: HistoryCleared
  private var returnsUntrained: ReturnsUntrained
  private var returnStackFilled: ReturnStackFilled
  private var branchesAligned: BranchesAligned
  /// Nil where events are not delivered by FRED.
  private var fred: FREDMonitors?

  /// - Parameters:
  ///   - allowsTrapFlag: the crossing itself leaves the user's TF set in the kernel.
  ///   - owed: what the kernel owes its users on the processor.
  ///   - fred: FRED's side of user mode before the crossing, where the processor delivers events by it.
  ///   - stackTops: where the kernel's stacks begin, ascending, as far as that is known.
  public init(
    allowsTrapFlag: Bool = false, owed: OwedGuards = [], fred sight: FREDSight? = nil,
    stackTops: [UInt64] = []
  ) {
    flagsSanitised = FlagsSanitised(allowsTrapFlag: allowsTrapFlag)
    stackBounded = StackBounded(tops: stackTops)
    self.owed = owed
    branchesRestricted = BranchesRestricted(isOwed: owed.contains(.restrictedBranches))
    swapgsFenced = SWAPGSFenced(isOwed: owed.contains(.fencedSWAPGS))
    buffersCleared = BuffersCleared(isOwed: owed.contains(.clearedBuffers))
    defenceHolds = DefenceHolds(isOwed: owed.contains(.heldReturns))
    historyCleared = HistoryCleared(isOwed: owed.contains(.clearedHistory))
    returnsUntrained = ReturnsUntrained(owed)
    returnStackFilled = ReturnStackFilled(isOwed: owed.contains(.filledReturnStack))
    branchesAligned = BranchesAligned(isOwed: owed.contains(.alignedBranches))
    guard let sight else { return }
    var evidence = FREDMonitors.Evidence()
    evidence.stack.top = sight.taskStack
    fred = FREDMonitors(evidence)
  }

  /// In the order of blame: a run is blamed on what shows first, and among equals on what stands first here, causes before
  /// consequences.
  private var all: [any Monitor] {
    [
      gsOwned, pageTablesOwned, flagsSanitised, interruptsAsClaimed, cleanExit, rspOwned, frameIntact, stackBounded,
    ] + (fred?.evidence.all ?? []) + [
      noKernelDeath, progress, workDone, noLeak, userStatePreserved, entriesKept, gatesClosed, registersCleared,
      branchesRestricted, swapgsFenced, buffersCleared, defenceHolds, historyCleared, returnsUntrained,
      returnStackFilled, branchesAligned,
    ]
  }

  public static var descriptions: [InvariantDescription] {
    var monitors = Monitors()
    monitors.fred = FREDMonitors(.init())
    return monitors.all.map { type(of: $0).description }
  }

  /// The one that asks for the gates of the IDT, or for what a PV guest has in their place.
  public static let gatesClosed = GatesClosed.description.identifier

  /// The one that asks with which registers a crossing begins its work.
  public static let registersCleared = RegistersCleared.description.identifier

  /// Those that say something of deliveries by FRED alone.
  public static var identifiersOfFRED: [InvariantName] {
    FREDMonitors.Evidence().all.map { type(of: $0).description.identifier }
  }

  /// Those that apply where the kernel owes no more than this.
  public static func identifiers(owed: OwedGuards) -> [InvariantName] {
    let asked: [(OwedGuards, InvariantDescription)] = [
      (.restrictedBranches, BranchesRestricted.description), (.fencedSWAPGS, SWAPGSFenced.description),
      (.clearedBuffers, BuffersCleared.description), (.heldReturns, DefenceHolds.description),
      (.clearedHistory, HistoryCleared.description),
      ([.untrainedReturns, .aliasedReturns], ReturnsUntrained.description),
      (.filledReturnStack, ReturnStackFilled.description), (.alignedBranches, BranchesAligned.description),
    ]
    let notOwed = Set(asked.filter { owed.isDisjoint(with: $0.0) }.map(\.1.identifier))
    return descriptions.map(\.identifier).filter { !notOwed.contains($0) }
  }

  /// The one whose evidence depends on how many boundaries it is shown: whether it is broken does not, since when it is does.
  public static let interruptsAsClaimed = InterruptsAsClaimed.description.identifier

  /// Places at which interrupts are claimed to be on and are known to be off.
  public var knownFalselyOn: Set<UInt64> {
    get { interruptsAsClaimed.knownFalselyOn }
    set { interruptsAsClaimed.knownFalselyOn = newValue }
  }

  /// The boundaries at which a return is defended that is still to be made, as the run without events has them.
  public var heldReturns: [UInt64: HeldReturn] {
    get { defenceHolds.record?.held ?? defenceHolds.held }
    set { defenceHolds.held = newValue }
  }

  /// From now on the run, which is one without events, finds them.
  public mutating func recordHeldReturns() { defenceHolds.record = DefenceHolds.Record() }

  // MARK: What a run tells

  /// Something happened that led to the boundary at which the run stands.
  public mutating func watch(_ transition: Transition, step: Int, _ processor: Processor) {
    if owed.isEmpty { return }
    branchesRestricted.watch(transition, step: step, processor)
    swapgsFenced.watch(transition)
    buffersCleared.watch(transition, step: step, processor)
    defenceHolds.watch(transition, step: step, processor)
    historyCleared.watch(transition)
    returnsUntrained.watch(transition)
    returnStackFilled.watch(transition)
    branchesAligned.watch(transition, step: step)
  }

  /// An event was delivered, or its frame could not be pushed.
  ///
  /// - Parameters:
  ///   - tables: the top table that was loaded.
  ///   - claimedOn: what the kernel claims of its interrupts at the place that was interrupted; nil for nothing.
  ///   - flags: RFLAGS there.
  ///   - onUsersGS: it was the kernel that was interrupted, with the user's GS base active.
  ///   - promise: where, and how, the state at the handler breaks what the kernel asked the platform for.
  ///   - sight: FRED's side of the boundary, where it delivered the event.
  public mutating func take(
    _ delivery: DeliveryRecord, tables: UInt64, claimedOn: Bool?, flags: RFLAGS, onUsersGS: Bool,
    promise: (rip: UInt64, message: String)?, fred sight: FREDSight?
  ) {
    pageTablesOwned.take(delivery, tables: tables)
    flagsSanitised.take(delivery, flags: flags)
    interruptsAsClaimed.take(
      delivery, claimedOn: claimedOn, wasMasked: !flags.contains(.interruptEnable), onUsersGS: onUsersGS,
      promise: promise)
    rspOwned.take(delivery)
    cleanExit.take(delivery)
    frameIntact.take(delivery)
    stackBounded.take(delivery)
    noKernelDeath.take(delivery)
    if let sight { change { $0.take(delivery, sight) } }
  }

  /// The kernel let maskable interrupts in, where that is minded.
  public mutating func letInterruptsIn(at rip: UInt64, step: Int, nmiBlocked: Bool, onInterruptStack: Bool) {
    interruptsAsClaimed.letIn(at: rip, step: step, nmiBlocked: nmiBlocked, onInterruptStack: onInterruptStack)
  }

  /// Letting maskable interrupts in would break something, or does where RSP is on a stack that an event's gate names.
  public var mindInterruptsLetIn: Bool { interruptsAsClaimed.mindsLettingIn }

  /// What is below the kernel pushed a frame on its current stack.
  public mutating func take(bounce delivery: DeliveryRecord) { rspOwned.take(delivery) }

  private mutating func change(_ body: (inout FREDMonitors.Evidence) -> Void) {
    var evidence = fred?.evidence ?? FREDMonitors.Evidence()
    body(&evidence)
    fred = FREDMonitors(evidence)
  }

  /// An instruction or a hypercall returned to an RSP.
  public mutating func leave(to rsp: UInt64, isKernel: Bool, tables: Tables) {
    pageTablesOwned.leave(to: rsp, isKernel: isKernel, tables: tables)
    frameIntact.leave(to: rsp, isKernel: isKernel)
    flagsSanitised.leave(isKernel: isKernel)
    interruptsAsClaimed.leave(to: rsp, isKernel: isKernel)
  }

  /// The same where the processor delivers events by FRED.
  public mutating func leave(_ back: FREDReturn) { change { $0.leave(back) } }

  // MARK: Stacks

  /// RSP is on a stack by an event that switched, by a load, or by a return.
  public mutating func stand(at rsp: UInt64, isReturn: Bool = false) { stackBounded.stand(at: rsp, isReturn: isReturn) }

  /// RSP is not the kernel's.
  public mutating func leaveStacks() { stackBounded.leaveStacks() }

  /// RSP is where it is by what only moves it.
  public mutating func move(to rsp: UInt64, step: Int, rip: UInt64) { stackBounded.move(to: rsp, step: step, rip: rip) }

  /// IRET took its frame from there.
  public mutating func takeFrame(at rsp: UInt64, step: Int, rip: UInt64) {
    stackBounded.takeFrame(at: rsp, step: step, rip: rip)
  }

  /// Stacks, by their tops, on which the run was not.
  public var untouchedStacks: [UInt64] { stackBounded.untouched }

  /// A word at the top of such a stack is not what it was.
  public mutating func find(changed word: UInt64, of top: UInt64, rip: UInt64) {
    stackBounded.find(changed: word, of: top, rip: rip)
  }

  /// An event's handler has not returned to there.
  public func isInterrupted(at rsp: UInt64) -> Bool { frameIntact.isInterrupted(at: rsp) }

  // MARK: More of what a run tells

  /// Other page tables were loaded.
  public mutating func load(_ tables: Tables, isKernel: Bool) { pageTablesOwned.load(tables, isKernel: isKernel) }

  /// Page tables are loaded that are neither the kernel's nor the user's.
  public var haveForeignTables: Bool { pageTablesOwned.haveForeignTables }

  /// An instruction left a stack of a task's for another one.
  public mutating func leaveStack() { pageTablesOwned.leaveStack() }

  /// An instruction entered the kernel.
  public mutating func enter() { flagsSanitised.enter() }

  /// The run has reached a boundary in the kernel.
  public mutating func arrive(_ sight: Sight) {
    flagsSanitised.arrive(sight)
    interruptsAsClaimed.arrive(sight)
  }

  /// The instruction at the boundary is about to be executed.
  public mutating func execute(_ sight: Sight) {
    gsOwned.execute(sight)
    if owed.isEmpty { return }
    let sight = sight.ofGuards
    branchesRestricted.execute(sight)
    swapgsFenced.execute(sight)
    buffersCleared.execute(sight)
    defenceHolds.execute(sight)
    historyCleared.execute(sight)
    returnsUntrained.execute(sight)
    returnStackFilled.execute(sight)
  }

  /// Whether a monitor asks for the next boundary, whatever leads to it.
  public func needsEveryBoundary(_ sight: Sight) -> Bool {
    gsOwned.needsEveryBoundary(sight) || flagsSanitised.needsEveryBoundary(sight)
      || interruptsAsClaimed.needsEveryBoundary(sight) || !owed.isEmpty && guardsNeedEveryBoundary(sight.ofGuards)
  }

  private func guardsNeedEveryBoundary(_ sight: Sight) -> Bool {
    branchesRestricted.needsEveryBoundary(sight) || swapgsFenced.needsEveryBoundary(sight)
      || buffersCleared.needsEveryBoundary(sight) || defenceHolds.needsEveryBoundary(sight)
      || historyCleared.needsEveryBoundary(sight) || returnsUntrained.needsEveryBoundary(sight)
      || returnStackFilled.needsEveryBoundary(sight)
  }

  // MARK: What is to come

  /// Nothing broke so far, here nor in the `other` run; and of whatever follows alike in both nothing is said here where nothing is said
  /// there. That of frames holds as long as none comes to lie where one is live: see `areApart`.
  public func goOn(as other: Monitors) -> Bool {
    gsOwned.goesOn(as: other.gsOwned) && pageTablesOwned.goesOn(as: other.pageTablesOwned)
      && flagsSanitised.goesOn(as: other.flagsSanitised) && interruptsAsClaimed.goesOn(as: other.interruptsAsClaimed)
      && rspOwned.goesOn(as: other.rspOwned) && cleanExit.goesOn(as: other.cleanExit)
      && frameIntact.goesOn(as: other.frameIntact) && stackBounded.goesOn(as: other.stackBounded)
      && noKernelDeath.goesOn(as: other.noKernelDeath) && fredGoesOn(as: other)
      && (owed.isEmpty || guardsGoOn(as: other))
  }

  private func guardsGoOn(as other: Monitors) -> Bool {
    branchesRestricted.goesOn(as: other.branchesRestricted) && swapgsFenced.goesOn(as: other.swapgsFenced)
      && buffersCleared.goesOn(as: other.buffersCleared) && defenceHolds.goesOn(as: other.defenceHolds)
      && historyCleared.goesOn(as: other.historyCleared) && returnsUntrained.goesOn(as: other.returnsUntrained)
      && returnStackFilled.goesOn(as: other.returnStackFilled) && branchesAligned.goesOn(as: other.branchesAligned)
  }

  private func fredGoesOn(as other: Monitors) -> Bool {
    if fred == nil && other.fred == nil { return true }
    return (fred?.evidence ?? .init()).goesOn(as: other.fred?.evidence ?? .init())
  }

  /// No live frame lies at one of the places, and no return from one leads there.
  public func areApart(from places: [UInt64]) -> Bool { frameIntact.isApart(from: places) }

  // MARK: The end

  /// What broke first in a run at boundary `start` or later; nil when everything held.
  public func blame(_ run: Outcome, from start: Int = 0) -> (invariant: InvariantName, violation: Violation)? {
    var first: (invariant: InvariantName, violation: Violation)?
    for monitor in all {
      guard let violation = monitor.judge(run), violation.step >= start,
        first == nil || violation.step < first!.violation.step
      else { continue }
      first = (type(of: monitor).description.identifier, violation)
    }
    return first
  }
}
