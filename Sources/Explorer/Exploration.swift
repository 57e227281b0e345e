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
  /// Every trial is run step by step.
  let stepped: Bool
  /// The most events of one path.
  let depth: Int
  /// Whether it may go on is asked here.
  var supervision = Supervision()
  /// Why it ended before every trial was made.
  var cut: String?
  /// What of a trial was not supported, the first time.
  var unsupported: Verdict?
  /// What keeps events out of boundaries of the crossing that the platform's rules let them in to, and how many those are.
  var silences: [EventKind: (why: String, boundaries: Int)] = [:]
  /// Makes the line that replays a finding.
  let replayLine: (InvariantName, Path) -> String

  var computer: any PlatformComputer { machine.computer }
  var costs = Costs()
  /// What the parts of the crossing cost, once it ran.
  private(set) var parts: CrossingParts?
  /// Where the crossing without events runs with interrupts off that are claimed to be on: its own verdict, and no trial's.
  var knownFalselyOn: Set<UInt64> = []
  /// The boundary at which the way in ends.
  private var firstCall: Int?
  /// The boundary at which the way out starts.
  private var lastReturn = 0
  /// What the wanted ablations that took nothing away, so far, make of a section that held.
  private var unapplied: [Ablation: Verdict] = [:]

  init(
    _ machine: ReadyMachine, crossing: CrossingKind, posture: PostureName, events: [EventKind], ablations: [Ablation],
    stepped: Bool = false, depth: Int = 1, replayLine: @escaping (InvariantName, Path) -> String
  ) {
    self.machine = machine
    self.crossing = crossing
    self.posture = posture
    let known = type(of: machine.computer).events
    self.events = events.filter(known.contains)
    lacksEvents = !events.isEmpty && self.events.isEmpty
    self.ablations = ablations.filter { $0.platform == machine.computer.platform }
    lacksGuards = !ablations.isEmpty && self.ablations.isEmpty
    self.stepped = stepped
    self.depth = depth
    self.replayLine = replayLine
  }

  struct Found {
    var invariant: InvariantName
    var violation: Violation
    var path: Path
    var boundary: BoundaryState

    /// What broke first in the run; nil when everything held.
    init?(_ run: Run, _ outcome: Outcome, _ path: Path, _ boundary: BoundaryState) {
      guard let (invariant, violation) = run.monitors.blame(outcome, from: path.steps.first?.boundary ?? 0) else {
        return nil
      }
      self.invariant = invariant
      self.violation = violation
      self.path = path
      self.boundary = boundary
    }
  }

  // MARK: The section

  func section() throws -> CheckSection {
    do { return try explore() } catch let stop as Stop { return section(stop.verdict) }
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
  func replay(_ path: Path) throws -> CheckSection {
    do { return try explore(path) } catch let stop as Stop { return section(stop.verdict) }
  }

  private func explore(_ path: Path? = nil) throws -> CheckSection {
    if lacksEvents {
      throw Stop(verdict: .notApplicable(reason: "none of the events exists on \(computer.platform.rawValue)"))
    }
    try requireGuards()
    try machine.position(crossing: crossing, posture: posture)
    defer { machine.leave() }
    mend()
    var user = machine.userSide(crossing)
    let meter = measure(user)

    // Ask twice on the kernel as it is; ablations come after.
    let recording = observe(&user)
    if case .unsupported(let what) = recording.end {
      throw Stop(verdict: .unsupported(what: what, where: "\(machine.location(recording.stoppedAt))"))
    }
    var boundaries = recording.boundaries
    parts = meter.parts(boundaries)
    (firstCall, lastReturn) = (meter.firstCall(boundaries), meter.lastReturn(boundaries))
    for i in boundaries.indices where boundaries[i].state.isKernel {
      boundaries[i].claimedOn = machine.claims.areOn(at: boundaries[i].state.rip)
    }
    let (swapgs, expected) = (recording.swapgs, recording.view)

    knownFalselyOn = Set(
      boundaries.lazy.filter { $0.claimedOn == true && !$0.state.interruptsOpen }.map(\.state.rip))
    try takeGuardsAway(user, boundaries)
    var found: [Found] = []
    if let path, !path.steps.isEmpty {
      try follow(path, boundaries, user, swapgs, expected, &found)
      return assemble(boundaries, nil, found, meter.baseline)
    }
    let baseline = try judgeBaseline(user, swapgs: swapgs, expected: expected, boundaries: boundaries, &found)
    if path != nil && found.isEmpty { throw Self.notReproduced("the crossing without events broke no invariant") }
    if !baseline && found.isEmpty {
      throw Stop(
        verdict: .inconclusive(bound: "the crossing without events does not come back as it did with the guards"))
    }
    guard baseline && path == nil else { return assemble(boundaries, nil, found, meter.baseline) }
    let search = Search(self, user, swapgs: swapgs, expected: expected)
    search.explore(&boundaries)
    return assemble(boundaries, search, found + search.news, meter.baseline)
  }

  /// Some of the guards that were to be taken away, if any, are the platform's.
  func requireGuards() throws {
    if lacksGuards {
      throw Stop(verdict: .notApplicable(reason: "\(computer.platform.rawValue) has none of the guards"))
    }
  }

  /// Takes a defect away before anything is recorded: what an event left is compared with the crossing without the defect.
  func mend() {
    let mending = ablations.filter { $0.mends && $0.stands(at: crossing) }
    if mending.isEmpty { return }
    for ablation in mending { _ = computer.prepare(ablation) }
    machine.refork()
  }

  /// Takes the guards away. Stops where none of them is there to be taken.
  func takeGuardsAway(_ user: UserSide, _ boundaries: [Boundary]) throws {
    unapplied = machine.ablate(ablations, crossing: crossing, user: user, boundaries: boundaries)
    if !ablations.isEmpty && ablations.allSatisfy({ unapplied[$0] != nil && !$0.watchesRuns }) {
      throw Stop(verdict: whatUnappliedAblationsSay)
    }
  }

  /// A guard that still stands says nothing of a kernel without it.
  private var whatUnappliedAblationsSay: Verdict { Verdict.combining(ablations.compactMap { unapplied[$0] }) }

  func note(_ run: Run) {
    for ablation in run.struck { unapplied[ablation] = nil }
  }

  // MARK: Baseline

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
    computer.restore()
    let (contract, unfinished) = (machine.contract(crossing), computer.unfinished)
    let run = runToEnd(user, swapgs)
    var outcome = run.outcome
    (outcome.contract, outcome.frame) = (contract, machine.signalFrame(outcome))
    // What an event before the crossing left.
    outcome.unfinished = outcome.unfinished.union(unfinished)
    outcome.expected = expected
    if outcome.end == .user { outcome.secretView = secretView(user, swapgs, boundaries) }
    judge(run.run, outcome, Path(), boundaries[0].state, &found)
    if case .unsupported(let what) = outcome.end {
      throw Stop(verdict: .unsupported(what: what, where: "\(machine.location(outcome.stoppedAt ?? 0))"))
    }
    // Events on top of a crossing that already returns wrongly would only say the same again.
    return outcome.end == .user && outcome.view == expected
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
    let end = run.cross() ?? rest(of: run, stepped: stepped)
    note(run)
    costs.instructions += run.instructions
    return end == .user ? machine.userView() : nil
  }

  /// Runs to the end.
  func rest(of run: Run, stepped: Bool) -> RunEnd {
    var end: RunEnd?
    while end == nil { end = stepped ? run.step() : run.proceed() }
    return end!
  }

  /// Runs from the crossing to the end.
  private func runToEnd(_ user: UserSide, _ swapgs: Int) -> (run: Run, outcome: Outcome) {
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgs)
    let end = run.cross() ?? rest(of: run, stepped: true)
    note(run)
    costs.instructions += run.instructions
    return (run, run.outcome(end))
  }

  @discardableResult
  func judge(_ run: Run, _ outcome: Outcome, _ path: Path, _ state: BoundaryState, _ found: inout [Found]) -> Bool {
    guard let one = Found(run, outcome, path, state) else { return false }
    found.append(one)
    return true
  }

  // MARK: The report

  private func assemble(
    _ boundaries: [Boundary], _ search: Search?, _ found: [Found], _ cost: Baseline
  ) -> CheckSection {
    let kernel = boundaries.count { $0.state.isKernel }
    let unbroken = unsupported ?? (cut ?? silence).map { Verdict.inconclusive(bound: $0) } ?? .held
    var verdicts: [InvariantVerdict] = []
    for name in Monitors.descriptions.map(\.identifier) {
      verdicts.append(
        InvariantVerdict(invariant: name, verdict: found.contains { $0.invariant == name } ? .violated : unbroken))
    }
    var verdict = Verdict.combining(verdicts.map(\.verdict))
    if verdict == .held && !unapplied.isEmpty { verdict = whatUnappliedAblationsSay }
    return CheckSection(
      platform: computer.platform, profile: machine.profileName, crossing: crossing, posture: posture,
      verdict: verdict, baseline: cost, boundaries: kernel, trials: search?.trials ?? [],
      nested: search?.nested, invariants: verdicts, windows: map(boundaries).windows, findings: findings(found),
      costs: costs)
  }

  /// Why not every event was tried that the platform's rules let in.
  private var silence: String? {
    guard let event = events.first(where: { silences[$0] != nil }), let (why, count) = silences[event] else {
      return nil
    }
    return "\(event.title) was kept out of \(count) boundaries: \(why), and no event of the kind is being handled"
  }

  private func map(_ boundaries: [Boundary]) -> WindowMap {
    WindowMap(boundaries, crossing, machine, firstCall: firstCall, lastReturn: lastReturn)
  }

  /// The first finding of each invariant and sequence of events, with how often it was met.
  private func findings(_ found: [Found]) -> [Finding] {
    var first: [String: (found: Found, count: Int)] = [:]
    var order: [String] = []
    for one in found {
      let key = ([one.invariant.rawValue] + one.path.steps.map(\.event.rawValue)).joined(separator: " ")
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
