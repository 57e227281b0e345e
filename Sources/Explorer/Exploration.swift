/// One crossing from one posture on one machine: the baseline, whose state each boundary runs on, every event at every
/// boundary, and what the invariants say.
import Findings
import Invariants
import KernelImage
import Machine

final class Exploration {
  let machine: ReadyMachine
  let crossing: CrossingKind
  let posture: PostureName
  /// Those of the wanted events that the platform knows.
  let events: [EventKind]
  /// None of the wanted events exists on the platform.
  private let lacksEvents: Bool
  /// Those of the wanted ablations that take a guard of the platform away.
  let ablations: [Ablation]
  private let lacksGuards: Bool
  /// Makes the line that replays a finding.
  let replayLine: (InvariantName, Path) -> String

  var computer: any PlatformComputer { machine.computer }
  private var costs = Costs()
  /// What the parts of the crossing cost, once it ran.
  private(set) var parts: CrossingParts?
  /// Where the crossing without events runs with interrupts off that are claimed to be on: its own verdict, and no trial's.
  private var knownFalselyOn: Set<UInt64> = []
  /// The boundary at which the way in ends.
  private var firstCall: Int?
  /// The boundary at which the way out starts.
  private var lastReturn = 0

  init(
    _ machine: ReadyMachine, crossing: CrossingKind, posture: PostureName, events: [EventKind], ablations: [Ablation],
    replayLine: @escaping (InvariantName, Path) -> String
  ) {
    self.machine = machine
    self.crossing = crossing
    self.posture = posture
    let known = type(of: machine.computer).events
    self.events = events.filter(known.contains)
    lacksEvents = !events.isEmpty && self.events.isEmpty
    self.ablations = ablations.filter { $0.platform == machine.computer.platform }
    lacksGuards = !ablations.isEmpty && self.ablations.isEmpty
    self.replayLine = replayLine
  }

  /// A boundary of the baseline, with everything that asking twice and the trials found out about it.
  struct Boundary {
    var state: BoundaryState
    var ownership: Ownership
    /// Interrupts are on as the kernel claims for this place; nil where it claims nothing.
    var claimedOn: Bool?
    /// Interrupts are on as the kernel's own record of them says; nil where it keeps none.
    var tracedOn: Bool?
    /// For each event: what became of it here.
    var arrivals: [EventKind: Arrival] = [:]
  }

  private struct Found {
    var invariant: InvariantName
    var violation: Violation
    var path: Path
    var boundary: BoundaryState
  }

  // MARK: The section

  func section() -> CheckSection {
    do { return try explore() } catch let stop as Stop {
      return section(stop.verdict)
    } catch {
      return section(.internalError(message: "\(error)"))
    }
  }

  private func section(_ verdict: Verdict) -> CheckSection {
    CheckSection(
      platform: computer.platform, profile: machine.profileName, crossing: crossing, posture: posture, verdict: verdict,
      costs: costs)
  }

  /// Why nothing could be explored.
  struct Stop: Error {
    var verdict: Verdict
  }

  /// The run that a path names, judged; nothing else is explored.
  func replay(_ path: Path) -> CheckSection {
    do {
      return try explore(path)
    } catch let stop as Stop {
      return section(stop.verdict)
    } catch {
      return section(.internalError(message: "\(error)"))
    }
  }

  private func explore(_ path: Path? = nil) throws -> CheckSection {
    if lacksEvents {
      throw Stop(verdict: .notApplicable(reason: "none of the events exists on \(computer.platform.rawValue)"))
    }
    try requireGuards()
    try machine.position(crossing: crossing, posture: posture)
    defer { machine.leave() }
    var user = machine.userSide(crossing)
    let meter = measure(user)

    // Ask twice on the kernel as it is; ablations come after.
    let (states, swapgs, traces) = try record(user)
    user.hasSplitTables = states.contains { $0.isKernel && $0.cr3 != user.cr3 }
    var boundaries = try askTwice(states, user)
    parts = meter.parts(boundaries)
    (firstCall, lastReturn) = (meter.firstCall(boundaries), meter.lastReturn(boundaries))
    for i in boundaries.indices where boundaries[i].state.isKernel {
      boundaries[i].claimedOn = machine.claims.areOn(at: boundaries[i].state.rip)
      boundaries[i].tracedOn = traces[i]
    }
    let expected = machine.baselineView

    knownFalselyOn = Set(
      boundaries.lazy.filter { $0.claimedOn == true && !$0.state.interruptsOpen }.map(\.state.rip))
    machine.ablate(ablations, user: user, boundaries: boundaries)
    var found: [Found] = []
    if let path, !path.steps.isEmpty {
      replay(path, boundaries, user, swapgs, expected, &found)
      return assemble(boundaries, [], found, meter.baseline)
    }
    let baseline = try judgeBaseline(user, swapgs: swapgs, expected: expected, boundaries: boundaries, &found)
    var trials: [EventTrials] = []
    if baseline && path == nil { trials = explore(&boundaries, user, swapgs, expected, &found) }
    return assemble(boundaries, trials, found, meter.baseline)
  }

  /// Some of the guards that were to be taken away, if any, are the platform's.
  func requireGuards() throws {
    if lacksGuards {
      throw Stop(verdict: .notApplicable(reason: "\(computer.platform.rawValue) has none of the guards"))
    }
  }

  // MARK: Baseline

  /// Runs the unablated crossing and remembers every boundary.
  private func record(_ user: UserSide) throws -> ([BoundaryState], Int, [Bool?]) {
    let baseline = record(user, [:], longest: .max)
    if case .unsupported(let what) = baseline.end {
      throw Stop(verdict: .unsupported(what: what, where: "\(machine.location(computer.processor.rip))"))
    }
    machine.baselineView = baseline.end == .user ? UserView(computer.processor) : nil
    return (baseline.states, baseline.swapgs, baseline.traces)
  }

  struct Recording {
    var states: [BoundaryState]
    var swapgs: Int
    /// At each boundary: whether interrupts are on as the kernel's own record says.
    var traces: [Bool?]
    /// Nil when the recording grew too long.
    var end: RunEnd?
  }

  /// Every boundary of the crossing, as the ablations leave it, with the events that the path names.
  func record(
    _ user: UserSide, _ path: [Int: EventKind], _ ablations: [Ablation] = [], _ swapgsCount: Int = 0, longest: Int
  ) -> Recording {
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgsCount)
    var states = [BoundaryState(computer)]
    var traces: [Bool?] = [nil]
    var swapgs = 0
    var end = run.cross()
    while end == nil && states.count < longest {
      states.append(BoundaryState(computer))
      traces.append(machine.claims.tracedOn(computer.processor))
      if computer.isInKernel, let bytes = computer.processor.bytes(atLinear: computer.processor.rip, count: 3),
        bytes == Ablation.swapgs
      {
        swapgs += 1
      }
      end = run.advance(path)
    }
    costs.instructions += run.instructions
    if end == .user {
      states.append(BoundaryState(computer))
      traces.append(nil)
    }
    return Recording(states: states, swapgs: swapgs, traces: traces, end: end)
  }

  /// Runs again with another RSP and another GS base of the user's. What differs at a boundary is the user's.
  func askTwice(
    _ states: [BoundaryState], _ user: UserSide, _ path: [Int: EventKind] = [:], _ ablations: [Ablation] = [],
    _ swapgsCount: Int = 0
  ) throws -> [Boundary] {
    computer.restore()
    let processor = computer.processor
    var other = user
    other.rsp = user.rsp &- 0x40
    other.gsBase = user.gsBase ^ 0x1000
    processor[.rsp] = other.rsp
    // SYSENTER saves no RSP: the user's stack is where EBP points (Linux, arch/x86/entry/vdso/vdso32/system_call.S).
    if crossing == .sysenter { processor[.rbp] = UInt64(UInt32(truncatingIfNeeded: processor[.rbp] &- 0x40)) }
    processor.setSegmentBase(.gs, other.gsBase)
    let run = machine.run(other, crossing, ablations, swapgsCount)
    var boundaries = [Boundary(state: states[0], ownership: [.userRSP, .userGS])]
    var end = run.cross()
    for state in states.dropFirst() {
      var ownership: Ownership = []
      if state.isKernel && !state.canPush { ownership.insert(.noStack) }
      if end == nil && processor.rip == state.rip && computer.isInKernel == state.isKernel {
        if processor[.rsp] != state.rsp { ownership.insert(.userRSP) }
        if processor.segmentBase(.gs) != state.gsBase { ownership.insert(.userGS) }
        end = run.advance(path)
      } else {
        // The two runs went apart: what the values say has to do.
        if state.rsp == user.rsp { ownership.insert(.userRSP) }
        if state.gsBase == user.gsBase { ownership.insert(.userGS) }
      }
      if user.hasSplitTables && state.cr3 == user.cr3 { ownership.insert(.userTables) }
      boundaries.append(Boundary(state: state, ownership: ownership))
    }
    costs.instructions += run.instructions
    return boundaries
  }

  private func measure(_ user: UserSide) -> CrossingMeter {
    computer.restore()
    let meter = CrossingMeter()
    let run = machine.run(user, crossing, [], 0)
    meter.follow(run, on: computer)
    costs.instructions += run.instructions
    return meter
  }

  /// Judges the run without events. False when it does not come back, and there is nothing to explore.
  private func judgeBaseline(
    _ user: UserSide, swapgs: Int, expected: UserView?, boundaries: [Boundary], _ found: inout [Found]
  ) throws -> Bool {
    var evidence = runToEnd(user, swapgs, [:])
    evidence.expected = expected
    if evidence.end == .user { evidence.secretView = secretView(user, swapgs, boundaries) }
    judge(evidence, Path(), boundaries[0].state, &found)
    if case .unsupported(let what) = evidence.end {
      throw Stop(verdict: .unsupported(what: what, where: "\(machine.location(computer.processor.rip))"))
    }
    // Events on top of a crossing that already returns wrongly would only say the same again.
    return evidence.end == .user && evidence.view == expected
  }

  /// What the user sees when other bytes are left on the kernel's stacks.
  private func secretView(_ user: UserSide, _ swapgs: Int, _ boundaries: [Boundary]) -> UserView? {
    computer.restore()
    let dead = DeadStacks(boundaries, computer.processor)
    guard
      dead.fill(
        computer.processor, tables: boundaries.first { $0.state.isKernel && $0.state.cr3 != user.cr3 }?.state.cr3)
    else { return nil }
    let run = machine.run(user, crossing, ablations, swapgs)
    var end = run.cross()
    while end == nil { end = run.step() }
    costs.instructions += run.instructions
    return end == .user ? UserView(computer.processor) : nil
  }

  // MARK: Trials

  /// An event that did harm at so many boundaries has been shown to; the rest are reported as not tried. A trial that does
  /// not come back costs as much as eight that do.
  private static let harmBound = 32
  private var endedAtBound = false

  /// Runs from the crossing to the end, injecting at the named boundaries.
  func runToEnd(_ user: UserSide, _ swapgs: Int, _ path: [Int: EventKind]) -> Evidence {
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgs)
    if !path.isEmpty { run.knownFalselyOn = knownFalselyOn }
    var end = run.cross()
    while end == nil { end = run.advance(path) }
    costs.instructions += run.instructions
    return run.evidence(end: end!)
  }

  private func replay(
    _ path: Path, _ boundaries: [Boundary], _ user: UserSide, _ swapgs: Int, _ expected: UserView?,
    _ found: inout [Found]
  ) {
    let wanted = Dictionary(path.steps.map { ($0.boundary, $0.event) }) { first, _ in first }
    var evidence = runToEnd(user, swapgs, wanted)
    evidence.expected = expected
    judge(evidence, path, evidence.boundary ?? boundaries[0].state, &found)
  }

  private func explore(
    _ boundaries: inout [Boundary], _ user: UserSide, _ swapgs: Int, _ expected: UserView?, _ found: inout [Found]
  ) -> [EventTrials] {
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgs)
    run.knownFalselyOn = knownFalselyOn
    var trials = Dictionary(uniqueKeysWithValues: events.map { ($0, 0) })
    var harm: [EventKind: Int] = [:]
    var end = run.cross()
    while end == nil {
      let index = run.boundary
      let start = run.mark
      machine.fork()
      costs.forks += 1
      for event in events {
        let obstacle = computer.obstacle(to: event)
        if let obstacle, !computer.canBecomePending(event) {
          if index < boundaries.count { boundaries[index].arrivals[event] = obstacle }
          continue
        }
        if harm[event, default: 0] >= Self.harmBound {
          if index < boundaries.count { boundaries[index].arrivals[event] = .notTried }
          continue
        }
        trials[event]! += 1
        var arrival = quickTrial(event, run, expected)
        if arrival == nil {
          computer.restore()
          run.mark = start
          arrival = trial(event, run, user, expected, &found)
        }
        if arrival == .harmful { harm[event, default: 0] += endedAtBound ? 8 : 1 }
        // What falls due here arrives elsewhere, and so does its harm.
        if index < boundaries.count { boundaries[index].arrivals[event] = obstacle ?? arrival }
        costs.pagesRestored += computer.processor.memory.dirtyPageCount
        computer.restore()
        run.mark = start
        run.resetInstructions()
      }
      machine.drop()
      end = run.step()
    }
    costs.instructions += run.instructions
    return events.map { EventTrials(event: $0, trials: trials[$0]!, unique: trials[$0]!) }
  }

  /// The same as `trial`, but once the handler is back where it interrupted the rest runs at full speed, up to the user
  /// instruction at which the baseline ended. Nil unless everything held: then the trial is taken step by step.
  private func quickTrial(_ event: EventKind, _ run: Run, _ expected: UserView?) -> Arrival? {
    guard let expected, !ablations.contains(where: { $0.watchesInstructions || $0 == .nmiUnblockedEarly }) else {
      return nil
    }
    let state = BoundaryState(computer)
    let boundary = run.boundary
    run.resetInstructions()
    var end = run.inject(event)
    let onOwnStack = state.rsp &- computer.processor[.rsp] > 64
    while end == nil {
      let processor = computer.processor
      let isBack = processor.rip == state.rip && processor[.rsp] == state.rsp && computer.isInKernel
      // Unwatched, a handler that leaves interrupts in another state than it found them would go unseen.
      if isBack && computer.interruptsOpen != state.interruptsOpen { return nil }
      end = isBack ? run.finish(at: expected.rip) : run.step()
    }
    costs.instructions += run.instructions
    var evidence = run.evidence(end: end!)
    evidence.event = event
    evidence.boundary = state
    evidence.expected = expected
    guard evidence.end == .user, Invariants.blame(evidence, from: boundary) == nil else { return nil }
    return onOwnStack ? .ownStack : .recovered
  }

  /// Injects one event here, runs to the end and judges.
  private func trial(
    _ event: EventKind, _ run: Run, _ user: UserSide, _ expected: UserView?, _ found: inout [Found]
  ) -> Arrival {
    let state = BoundaryState(computer)
    let boundary = run.boundary
    var steps = [PathStep(boundary: boundary, location: machine.location(state.rip), event: event)]
    run.resetInstructions()
    var end = run.inject(event)
    let onOwnStack = state.rsp &- computer.processor[.rsp] > 64
    if ablations.contains(.nmiUnblockedEarly), event == .nmi, end == nil {
      // A second NMI on the handler's first instructions, while the first frame still lies where it was pushed.
      for _ in 0..<2 where end == nil { end = run.step() }
      if end == nil {
        let rip = computer.processor.rip
        steps.append(PathStep(boundary: run.boundary, location: machine.location(rip), event: .nmi))
        end = run.inject(.nmi)
      }
    }
    while end == nil { end = run.step() }
    costs.instructions += run.instructions
    endedAtBound = end == .bound(UInt64(Run.bound))
    var evidence = run.evidence(end: end!)
    evidence.event = event
    evidence.boundary = state
    evidence.expected = expected
    let broke = judge(evidence, Path(steps), state, &found)
    return broke ? .harmful : onOwnStack ? .ownStack : .recovered
  }

  @discardableResult
  private func judge(_ evidence: Evidence, _ path: Path, _ state: BoundaryState, _ found: inout [Found]) -> Bool {
    guard let (invariant, violation) = Invariants.blame(evidence, from: path.steps.first?.boundary ?? 0) else {
      return false
    }
    found.append(Found(invariant: invariant, violation: violation, path: path, boundary: state))
    return true
  }

  // MARK: The report

  private func assemble(
    _ boundaries: [Boundary], _ trials: [EventTrials], _ found: [Found], _ cost: Baseline
  ) -> CheckSection {
    let kernel = boundaries.count { $0.state.isKernel }
    var verdicts: [InvariantVerdict] = []
    for invariant in Invariants.all {
      let name = invariant.description.identifier
      verdicts.append(
        InvariantVerdict(invariant: name, verdict: found.contains { $0.invariant == name } ? .violated : .held))
    }
    return CheckSection(
      platform: computer.platform, profile: machine.profileName, crossing: crossing, posture: posture,
      verdict: Verdict.combining(verdicts.map(\.verdict)), baseline: cost, boundaries: kernel, trials: trials,
      invariants: verdicts, windows: map(boundaries).windows, findings: findings(found),
      costs: costs)
  }

  private func map(_ boundaries: [Boundary]) -> WindowMap {
    WindowMap(boundaries, crossing, machine, firstCall: firstCall, lastReturn: lastReturn)
  }

  /// The first finding of each invariant and event, with how often it was met.
  private func findings(_ found: [Found]) -> [Finding] {
    var first: [String: (found: Found, count: Int)] = [:]
    var order: [String] = []
    for one in found {
      let key = one.invariant.rawValue + (one.path.steps.first?.event.rawValue ?? "")
      if first[key] == nil {
        first[key] = (one, 1)
        order.append(key)
      } else {
        first[key]!.count += 1
      }
    }
    return order.map { key in
      let (one, count) = first[key]!
      let more = count > 1 ? " (and at \(count - 1) more boundaries)" : ""
      let origin = one.violation.origin.map {
        Origin(location: machine.location($0), explanation: one.violation.originText ?? "it came from here")
      }
      return Finding(
        invariant: one.invariant, message: one.violation.message + more, location: machine.location(one.violation.rip),
        origin: origin, path: one.path, replay: replayLine(one.invariant, one.path),
        registers: [
          RegisterValue("RIP", one.boundary.rip), RegisterValue("RSP", one.boundary.rsp),
          RegisterValue("GS base", one.boundary.gsBase), RegisterValue("CR3", one.boundary.cr3),
          RegisterValue("RFLAGS", one.boundary.rflags.rawValue),
        ])
    }
  }
}
