/// All monitors of one run: the one list of the invariants. A run forks, and they with it.
import Findings
import Machine

/// An object, because a run asks them at every boundary that it is shown: what they hold is much, and stays where it is. It is copied
/// where a run forks, and there alone.
public final class Monitors {
  private var held: Held
  private let owed: OwedGuards

  /// What each holds of the run.
  private struct Held {
    var gsOwned = GSOwned()
    var pageTablesOwned: PageTablesOwned
    var flagsSanitised: FlagsSanitised
    var interruptsAsClaimed = InterruptsAsClaimed()
    var rspOwned = RSPOwned()
    var cleanExit = CleanExit()
    var frameIntact = FrameIntact()
    var stackBounded: StackBounded
    var noKernelDeath = NoKernelDeath()
    let progress = Progress()
    let workDone = WorkDone()
    let noLeak = NoLeak()
    let userStatePreserved = UserStatePreserved()
    let entriesKept = EntriesKept()
    let countsBalanced = CountsBalanced()
    let gatesClosed = GatesClosed()
    let registersCleared = RegistersCleared()
    var branchesRestricted: BranchesRestricted
    var swapgsFenced: SWAPGSFenced
    var buffersCleared: BuffersCleared
    var defenceHolds: DefenceHolds
    var historyCleared: HistoryCleared
    var returnsUntrained: ReturnsUntrained
    var returnStackFilled: ReturnStackFilled
    var branchesAligned: BranchesAligned
    /// Nil where events are not delivered by FRED.
    var fred: FREDMonitors?

    init(
      allowsTrapFlag: Bool, owed: OwedGuards, fred sight: FREDSight?, stackTops: [UInt64], cachedTables: [UInt64]
    ) {
      pageTablesOwned = PageTablesOwned(cached: CachedTables(cachedTables))
      flagsSanitised = FlagsSanitised(allowsTrapFlag: allowsTrapFlag)
      stackBounded = StackBounded(tops: stackTops)
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

    /// See `Monitors.goOn`. Nothing is changed: MEASURED: what is passed otherwise is copied first, which took some 3 % of a search.
    mutating func goesOn(as other: inout Held, owed: OwedGuards, apart: Bool) -> Bool {
      gsOwned.goesOn(as: other.gsOwned) && pageTablesOwned.goesOn(as: other.pageTablesOwned)
        && flagsSanitised.goesOn(as: other.flagsSanitised)
        && interruptsAsClaimed.goesOn(as: other.interruptsAsClaimed)
        && rspOwned.goesOn(as: other.rspOwned) && cleanExit.goesOn(as: other.cleanExit)
        && frameIntact.goesOn(as: other.frameIntact, apart: apart)
        && stackBounded.goesOn(as: other.stackBounded)
        && noKernelDeath.goesOn(as: other.noKernelDeath) && fredGoesOn(as: &other, apart: apart)
        && (owed.isEmpty || guardsGoOn(as: &other))
    }

    private mutating func guardsGoOn(as other: inout Held) -> Bool {
      branchesRestricted.goesOn(as: other.branchesRestricted)
        && swapgsFenced.goesOn(as: other.swapgsFenced)
        && buffersCleared.goesOn(as: other.buffersCleared)
        && defenceHolds.goesOn(as: other.defenceHolds)
        && historyCleared.goesOn(as: other.historyCleared)
        && returnsUntrained.goesOn(as: other.returnsUntrained)
        && returnStackFilled.goesOn(as: other.returnStackFilled)
        && branchesAligned.goesOn(as: other.branchesAligned)
    }

    private mutating func fredGoesOn(as other: inout Held, apart: Bool) -> Bool {
      if fred == nil && other.fred == nil { return true }
      return (fred?.evidence ?? .init()).goesOn(as: other.fred?.evidence ?? .init(), apart: apart)
    }
  }

  /// - Parameters:
  ///   - allowsTrapFlag: the crossing itself leaves the user's TF set in the kernel.
  ///   - owed: what the kernel owes its users on the processor.
  ///   - fred: FRED's side of user mode before the crossing, where the processor delivers events by it.
  ///   - stackTops: where the kernel's stacks begin, ascending, as far as that is known.
  ///   - cachedTables: values of CR3 whose translations are kept by PCID before the crossing, the current one first.
  public init(
    allowsTrapFlag: Bool = false, owed: OwedGuards = [], fred sight: FREDSight? = nil,
    stackTops: [UInt64] = [], cachedTables: [UInt64] = []
  ) {
    held = Held(
      allowsTrapFlag: allowsTrapFlag, owed: owed, fred: sight, stackTops: stackTops, cachedTables: cachedTables)
    self.owed = owed
  }

  private init(_ other: Monitors) { (held, owed) = (other.held, other.owed) }

  /// Those of a fork of the run.
  public func fork() -> Monitors { Monitors(self) }

  /// The run goes back to where the `other` ones, its own, were forked.
  public func restore(_ other: Monitors) { held = other.held }

  /// In the order of blame: a run is blamed on what shows first, and among equals on what stands first here, causes before
  /// consequences.
  ///
  /// MEASURED: to put each into a box of one type for all, to be asked once at the end of a trial, took some 2 % of a search.
  private func show(to visitor: inout some MonitorVisitor) {
    visitor.visit(held.gsOwned)
    visitor.visit(held.pageTablesOwned)
    visitor.visit(held.flagsSanitised)
    visitor.visit(held.interruptsAsClaimed)
    visitor.visit(held.cleanExit)
    visitor.visit(held.rspOwned)
    visitor.visit(held.frameIntact)
    visitor.visit(held.stackBounded)
    held.fred?.evidence.show(to: &visitor)
    visitor.visit(held.noKernelDeath)
    visitor.visit(held.progress)
    visitor.visit(held.workDone)
    visitor.visit(held.noLeak)
    visitor.visit(held.userStatePreserved)
    visitor.visit(held.entriesKept)
    visitor.visit(held.countsBalanced)
    visitor.visit(held.gatesClosed)
    visitor.visit(held.registersCleared)
    visitor.visit(held.branchesRestricted)
    visitor.visit(held.swapgsFenced)
    visitor.visit(held.buffersCleared)
    visitor.visit(held.defenceHolds)
    visitor.visit(held.historyCleared)
    visitor.visit(held.returnsUntrained)
    visitor.visit(held.returnStackFilled)
    visitor.visit(held.branchesAligned)
  }

  public static var descriptions: [InvariantDescription] {
    let monitors = Monitors()
    monitors.held.fred = FREDMonitors(.init())
    var descriptions = MonitorDescriptions()
    monitors.show(to: &descriptions)
    return descriptions.all
  }

  /// The one that asks for the gates of the IDT, or for what a PV guest has in their place.
  public static let gatesClosed = GatesClosed.description.identifier

  /// The one that asks with which registers a crossing begins its work.
  public static let registersCleared = RegistersCleared.description.identifier

  /// Those that say something of deliveries by FRED alone.
  public static var identifiersOfFRED: [InvariantName] {
    var descriptions = MonitorDescriptions()
    FREDMonitors.Evidence().show(to: &descriptions)
    return descriptions.all.map(\.identifier)
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
    get { held.interruptsAsClaimed.knownFalselyOn }
    set { held.interruptsAsClaimed.knownFalselyOn = newValue }
  }

  /// The boundaries at which a return is defended that is still to be made, as the run without events has them.
  public var heldReturns: [UInt64: HeldReturn] {
    get { held.defenceHolds.record?.held ?? held.defenceHolds.held }
    set { held.defenceHolds.held = newValue }
  }

  /// From now on the run, which is one without events, finds them.
  public func recordHeldReturns() { held.defenceHolds.record = DefenceHolds.Record() }

  // MARK: What a run tells

  /// Something happened that led to the boundary at which the run stands.
  public func watch(_ transition: Transition, step: Int, _ processor: Processor) {
    if owed.isEmpty { return }
    held.branchesRestricted.watch(transition, step: step, processor)
    held.swapgsFenced.watch(transition)
    held.buffersCleared.watch(transition, step: step, processor)
    held.defenceHolds.watch(transition, step: step, processor)
    held.historyCleared.watch(transition)
    held.returnsUntrained.watch(transition)
    held.returnStackFilled.watch(transition)
    held.branchesAligned.watch(transition, step: step)
  }

  /// An event was delivered, or its frame could not be pushed.
  ///
  /// - Parameters:
  ///   - tables: the top table that was loaded.
  ///   - claimedOn: what the kernel claims of its interrupts at the place that was interrupted; nil for nothing.
  ///   - flags: RFLAGS there.
  ///   - wasMasked: maskable events were kept out there.
  ///   - onUsersGS: it was the kernel that was interrupted, with the user's GS base active.
  ///   - promise: where, and how, the state at the handler breaks what the kernel asked the platform for.
  ///   - sight: FRED's side of the boundary, where it delivered the event.
  public func take(
    _ delivery: DeliveryRecord, tables: UInt64, claimedOn: Bool?, flags: RFLAGS, wasMasked: Bool, onUsersGS: Bool,
    promise: (rip: UInt64, message: String)?, fred sight: FREDSight?
  ) {
    held.pageTablesOwned.take(delivery, tables: tables)
    held.flagsSanitised.take(delivery, flags: flags)
    held.interruptsAsClaimed.take(
      delivery, claimedOn: claimedOn, wasMasked: wasMasked, onUsersGS: onUsersGS, promise: promise)
    held.rspOwned.take(delivery)
    held.cleanExit.take(delivery)
    held.frameIntact.take(delivery)
    held.stackBounded.take(delivery)
    held.noKernelDeath.take(delivery)
    if let sight { change { $0.take(delivery, sight) } }
  }

  /// The kernel let maskable interrupts in, where that is minded.
  ///
  /// - Parameter pending: one is there, and nobody delivers it unless the kernel asks.
  public func letInterruptsIn(at rip: UInt64, step: Int, nmiBlocked: Bool, onInterruptStack: Bool, pending: Bool) {
    held.interruptsAsClaimed.letIn(at: rip, step: step, nmiBlocked: nmiBlocked, onInterruptStack: onInterruptStack)
    if pending { held.interruptsAsClaimed.passOver(at: rip, step: step) }
  }

  /// Letting maskable interrupts in would break something, or does where RSP is on a stack that an event's gate names.
  public var mindInterruptsLetIn: Bool { held.interruptsAsClaimed.mindsLettingIn }

  /// What is below the kernel pushed a frame on its current stack.
  public func take(bounce delivery: DeliveryRecord) { held.rspOwned.take(delivery) }

  private func change(_ body: (inout FREDMonitors.Evidence) -> Void) {
    var evidence = held.fred?.evidence ?? FREDMonitors.Evidence()
    body(&evidence)
    held.fred = FREDMonitors(evidence)
  }

  /// An instruction or a hypercall returned to an RSP.
  public func leave(to rsp: UInt64, isKernel: Bool, tables: Tables) {
    held.pageTablesOwned.leave(to: rsp, isKernel: isKernel, tables: tables)
    held.frameIntact.leave(to: rsp, isKernel: isKernel)
    held.flagsSanitised.leave(isKernel: isKernel)
    held.interruptsAsClaimed.leave(to: rsp, isKernel: isKernel)
  }

  /// The same where the processor delivers events by FRED.
  public func leave(_ back: FREDReturn) { change { $0.leave(back) } }

  // MARK: Stacks

  /// RSP is on a stack by an event that switched, by a load, or by a return.
  public func stand(at rsp: UInt64, isReturn: Bool = false) { held.stackBounded.stand(at: rsp, isReturn: isReturn) }

  /// RSP is not the kernel's.
  public func leaveStacks() { held.stackBounded.leaveStacks() }

  /// RSP is where it is by what only moves it.
  public func move(to rsp: UInt64, step: Int, rip: UInt64) { held.stackBounded.move(to: rsp, step: step, rip: rip) }

  /// IRET took its frame from there.
  public func takeFrame(at rsp: UInt64, step: Int, rip: UInt64) {
    held.stackBounded.takeFrame(at: rsp, step: step, rip: rip)
  }

  /// Stacks, by their tops, on which the run was not.
  public var untouchedStacks: [UInt64] { held.stackBounded.untouched }

  /// A word at the top of such a stack is not what it was.
  public func find(changed word: UInt64, of top: UInt64, rip: UInt64) {
    held.stackBounded.find(changed: word, of: top, rip: rip)
  }

  /// An event's handler has not returned to there.
  public func isInterrupted(at rsp: UInt64) -> Bool { held.frameIntact.isInterrupted(at: rsp) }

  // MARK: More of what a run tells

  /// Other page tables were loaded.
  public func load(_ tables: Tables, isKernel: Bool) { held.pageTablesOwned.load(tables, isKernel: isKernel) }

  /// Translations were dropped, and CR3 was loaded where `load` says so and there are PCIDs.
  public func drop(_ dropped: DroppedTranslations, load: UInt64?, _ tables: Tables) {
    held.pageTablesOwned.drop(dropped, load: load, tables)
  }

  /// Page tables are loaded that are neither the kernel's nor the user's.
  public var haveForeignTables: Bool { held.pageTablesOwned.haveForeignTables }

  /// An instruction left a stack of a task's for another one.
  public func leaveStack() { held.pageTablesOwned.leaveStack() }

  /// An instruction entered the kernel.
  public func enter() { held.flagsSanitised.enter() }

  /// The run has reached a boundary in the kernel. Whether one asks for the next, whatever leads to it.
  public func arrive(_ sight: Sight) -> Bool {
    held.flagsSanitised.arrive(sight)
    held.interruptsAsClaimed.arrive(sight)
    return needEveryBoundary(sight)
  }

  /// The instruction at the boundary is about to be executed.
  public func execute(_ sight: Sight) {
    held.gsOwned.execute(sight)
    if owed.isEmpty { return }
    let sight = sight.ofGuards
    held.branchesRestricted.execute(sight)
    held.swapgsFenced.execute(sight)
    held.buffersCleared.execute(sight)
    held.defenceHolds.execute(sight)
    held.historyCleared.execute(sight)
    held.returnsUntrained.execute(sight)
    held.returnStackFilled.execute(sight)
  }

  private func needEveryBoundary(_ sight: Sight) -> Bool {
    held.gsOwned.needsEveryBoundary(sight) || held.flagsSanitised.needsEveryBoundary(sight)
      || held.interruptsAsClaimed.needsEveryBoundary(sight) || !owed.isEmpty && guardsNeedEveryBoundary(sight.ofGuards)
  }

  private func guardsNeedEveryBoundary(_ sight: Sight) -> Bool {
    held.branchesRestricted.needsEveryBoundary(sight) || held.swapgsFenced.needsEveryBoundary(sight)
      || held.buffersCleared.needsEveryBoundary(sight) || held.defenceHolds.needsEveryBoundary(sight)
      || held.historyCleared.needsEveryBoundary(sight) || held.returnsUntrained.needsEveryBoundary(sight)
      || held.returnStackFilled.needsEveryBoundary(sight)
  }

  // MARK: What is to come

  /// Nothing broke so far, here nor in the `other` run; and of whatever follows alike in both nothing is said here where nothing is said
  /// there. That of frames holds as long as none comes to lie where one is live: see `areApart`.
  ///
  /// - Parameter apart: what follows is apart from what is live here and from what is live there, which then need not be the same.
  public func goOn(as other: Monitors, apart: Bool = false) -> Bool {
    if self !== other { return held.goesOn(as: &other.held, owed: owed, apart: apart) }
    var copy = held
    return held.goesOn(as: &copy, owed: owed, apart: apart)
  }

  /// The same wherever one goes on as the other, and as a rule not elsewhere.
  public func hash(into hasher: inout Hasher) { held.flagsSanitised.hash(into: &hasher) }

  /// No live frame lies at one of the places, and no return from one leads there.
  public func areApart(from places: [UInt64]) -> Bool {
    held.frameIntact.isApart(from: places) && held.fred?.evidence.isApart(from: places) ?? true
  }

  // MARK: The end

  /// The last boundary at which something broke in the run; nil where nothing did.
  public func lastBreak(_ run: Outcome) -> Int? {
    var last = LastBreak(run: run)
    show(to: &last)
    return last.step
  }

  /// What broke first in a run at boundary `start` or later; nil when everything held.
  public func blame(_ run: Outcome, from start: Int = 0) -> (invariant: InvariantName, violation: Violation)? {
    var blame = Blame(run: run, start: start)
    show(to: &blame)
    return blame.first
  }
}

/// Somebody who is shown every monitor, each as what it is.
protocol MonitorVisitor {
  mutating func visit<Watching: Monitor>(_ monitor: Watching)
}

private struct MonitorDescriptions: MonitorVisitor {
  var all: [InvariantDescription] = []

  mutating func visit<Watching: Monitor>(_ monitor: Watching) { all.append(Watching.description) }
}

private struct LastBreak: MonitorVisitor {
  let run: Outcome
  var step: Int?

  mutating func visit<Watching: Monitor>(_ monitor: Watching) {
    if let broken = monitor.judge(run)?.step { step = max(step ?? broken, broken) }
  }
}

private struct Blame: MonitorVisitor {
  let run: Outcome
  let start: Int
  var first: (invariant: InvariantName, violation: Violation)?

  mutating func visit<Watching: Monitor>(_ monitor: Watching) {
    guard let violation = monitor.judge(run), violation.step >= start,
      first == nil || violation.step < first!.violation.step
    else { return }
    first = (Watching.description.identifier, violation)
  }
}
