/// One crossing from one posture on one machine: the baseline, whose state each boundary runs on, every event at every
/// boundary, and what the invariants say.
import Execution
import Findings
import Invariants
import Machine
import Platform
import Search
import Subjects

final class Exploration {
  let question: Question
  let posture: PostureName
  /// None of the wanted events exists on the platform.
  private let lacksEvents: Bool
  private let lacksGuards: Bool
  /// Makes the line that replays a finding.
  let replayLine: (InvariantName, Path) -> String

  var machine: ReadyMachine { question.machine }
  var computer: any PlatformComputer { machine.computer }
  var crossing: CrossingKind { question.crossing }
  var ablations: [Ablation] { question.ablations }
  /// Bytes of the kernel's to be replaced at the crossing, by their physical addresses, before anything is asked.
  var edits: [CodeEdit] = []
  /// The crossing without events, boundary by boundary, once it ran.
  private(set) var recorded: [Boundary] = []
  /// What the parts of the crossing cost, once it ran.
  private(set) var parts: CrossingParts?
  /// For each boundary of the crossing what became of the events there, once they were tried.
  private(set) var arrivals: [[EventKind: Arrival]] = []
  /// The boundary at which the way in ends.
  private var firstCall: Int?
  /// The boundary at which the way out starts.
  private var lastReturn = 0
  /// What the wanted ablations that took nothing away at the crossing make of a section that held.
  private var standing: [Ablation: Verdict] = [:]
  /// The same of those that have not struck since.
  private var unapplied: [Ablation: Verdict] { standing.filter { !question.struck.contains($0.key) } }

  init(
    _ machine: ReadyMachine, crossing: CrossingKind, posture: PostureName, events: [EventKind], ablations: [Ablation],
    stepped: Bool = false, prunes: Bool = true, depth: Int = 1, replayLine: @escaping (InvariantName, Path) -> String
  ) {
    let platform = machine.computer.platform
    // To make the guest's timer due the clock goes on, and so does the alarm by which these crossings come about: its signal would be due too.
    let known = events.filter {
      type(of: machine.computer).events.contains($0)
        && !(platform == .xen && $0 == .eventUpcall && [.irq, .nmi].contains(crossing))
    }
    // What is asked from there is what comes of the alarm.
    let hasAlarm = posture == "alarm-due"
    let ofTimer = hasAlarm ? known.filter { $0 == type(of: machine.computer).timer } : []
    question = Question(
      machine, crossing: crossing, events: ofTimer.isEmpty ? known : ofTimer,
      ablations: ablations.filter { $0.platform == machine.computer.platform }, stepped: stepped,
      prunes: prunes && !hasAlarm, depth: depth)
    self.posture = posture
    lacksEvents = !events.isEmpty && question.events.isEmpty
    lacksGuards = !ablations.isEmpty && question.ablations.isEmpty
    self.replayLine = replayLine
  }

  // MARK: The section

  func section() throws -> CheckSection {
    do { return try explore() } catch let stop as Stop { return section(stop.verdict) }
  }

  private func section(_ verdict: Verdict) -> CheckSection {
    CheckSection(
      platform: computer.platform, profile: machine.profileName, crossing: crossing, posture: posture, verdict: verdict,
      costs: question.costs)
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
    try apply(edits)
    var user = machine.userSide(crossing)
    if !edits.isEmpty, let endless = endless(user) { return endless }
    let (recording, cost) = try observe(&user)
    var boundaries = recording.boundaries
    for i in boundaries.indices where boundaries[i].state.isKernel {
      boundaries[i].claimedOn = machine.claims.areOn(at: boundaries[i].state.rip)
    }
    let (swapgs, expected) = (recording.swapgs, recording.view)

    try makeReady(user, recording)
    var found: [Found] = []
    if let path, !path.steps.isEmpty {
      try follow(path, boundaries, user, swapgs, expected, &found)
      return assemble(boundaries, nil, found, cost)
    }
    let baseline = try judgeWithoutEvents(user, recording, &found)
    if path != nil && found.isEmpty { throw Self.notReproduced("the crossing without events broke no invariant") }
    if !baseline && found.isEmpty {
      throw Stop(
        verdict: .inconclusive(bound: "the crossing without events does not come back as it did with the guards"))
    }
    guard baseline && path == nil else { return assemble(boundaries, nil, found, cost) }
    let search = Search(question, user, swapgs: swapgs, expected: expected)
    search.explore(&boundaries)
    arrivals = boundaries.map(\.arrivals)
    return assemble(boundaries, search, found + search.news, cost)
  }

  /// Measures the crossing and asks twice, on the kernel as it is; ablations come after.
  func observe(_ user: inout UserSide) throws -> (recording: Recording, cost: Baseline) {
    let meter = measure(user)
    let recording = machine.observe(crossing, &user)
    question.costs.instructions += recording.instructions
    if case .unsupported(let what) = recording.end {
      throw Stop(verdict: .unsupported(what: what, where: "\(machine.location(recording.stoppedAt))"))
    }
    if recording.isAnothersTurn {
      throw Stop(
        verdict: .inconclusive(
          bound: "another task has the processor \(recording.boundaries.count) instructions after the crossing"))
    }
    recorded = recording.boundaries
    user.stackWord = machine.stackWord(user, crossing, recorded)
    if question.log?.dead == nil {
      question.log?.dead = machine.deadWords(recorded)
      question.log?.tables = machine.tablePages(recorded)
    }
    parts = meter.parts(recorded)
    (firstCall, lastReturn) = (meter.firstCall(recorded), meter.lastReturn(recorded))
    return (recording, meter.baseline)
  }

  /// Notes what of the kernel as it is every run is judged by, and takes the guards away.
  func makeReady(_ user: UserSide, _ recording: Recording) throws {
    question.knownFalselyOn = Set(
      recording.boundaries.lazy.map(\.state).filter {
        $0.isKernel && !$0.interruptsOpen && self.machine.claims.areOn(at: $0.rip) == true
      }.map(\.rip))
    if machine.hasAlarm {
      computer.restore()
      question.contract = machine.contract(crossing)
    }
    if ablations.isEmpty && !machine.hasAlarm {
      question.counts = machine.counts(crossing, user, recording.boundaries)
    }
    findHeldReturns(user, recording.swapgs)
    try takeGuardsAway(user, recording.boundaries)
  }

  /// Judges the crossing without events. False when it does not come back; throws `Stop` where it cannot be judged.
  @discardableResult
  func judgeWithoutEvents(_ user: UserSide, _ recording: Recording, _ found: inout [Found]) throws -> Bool {
    let vainTableLoad = recording.vainTableLoad(wayIn: firstCall ?? 0)
    return try judgeBaseline(
      user, swapgs: recording.swapgs, expected: recording.view, boundaries: recording.boundaries, vainTableLoad, &found)
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
    standing = machine.ablate(ablations, crossing: crossing, user: user, boundaries: boundaries)
    if !ablations.isEmpty && ablations.allSatisfy({ unapplied[$0] != nil && !$0.watchesInstructions }) {
      throw Stop(verdict: whatUnappliedAblationsSay)
    }
  }

  /// A guard that still stands says nothing of a kernel without it.
  private var whatUnappliedAblationsSay: Verdict { Verdict.combining(ablations.compactMap { unapplied[$0] }) }

  // MARK: Baseline

  /// Finds the returns of the crossing that are defended, where the kernel owes it that they are made before anything else returns.
  private func findHeldReturns(_ user: UserSide, _ swapgs: Int) {
    guard question.owed.contains(.heldReturns) else { return }
    computer.restore()
    let run = machine.run(user, crossing, [], swapgs)
    run.monitors.recordHeldReturns()
    _ = run.crossAndFinish(stepped: true)
    question.heldReturns = run.monitors.heldReturns
    question.costs.instructions += run.instructions
  }

  /// The section of a crossing that does not come back, which is not to be recorded; nil where it is another one.
  private func endless(_ user: UserSide) -> CheckSection? {
    let run = machine.run(user, crossing, ablations, 0)
    guard case .bound = run.crossAndFinish(stepped: false) else { return nil }
    var found: [Found] = []
    judge(run, run.outcome(.bound(UInt64(Run.bound))), Path(), BoundaryState(computer), &found)
    return assemble([], nil, found, Baseline(instructions: 0, memoryReads: 0, memoryWrites: 0, privilegedOperations: 0))
  }

  private func measure(_ user: UserSide) -> CrossingMeter {
    computer.restore()
    let meter = CrossingMeter()
    let run = machine.run(user, crossing, [], 0)
    run.waits = false
    meter.follow(run, on: computer)
    question.costs.instructions += run.instructions
    return meter
  }

  /// Judges the run without events. False when it does not come back, and there is nothing to explore.
  private func judgeBaseline(
    _ user: UserSide, swapgs: Int, expected: UserView?, boundaries: [Boundary], _ vainTableLoad: UInt64?,
    _ found: inout [Found]
  ) throws -> Bool {
    computer.restore()
    let (contract, unfinished) = (machine.contract(crossing), computer.unfinished)
    let before = machine.values(of: question.counts)
    let run = runToEnd(user, swapgs)
    var outcome = run.outcome
    question.countsBehind = machine.values(of: question.counts)
    (outcome.contract, outcome.frame) = (contract, machine.signalFrame(outcome))
    // What an event before the crossing left.
    outcome.unfinished = outcome.unfinished.union(unfinished)
    outcome.expected = expected
    question.log?.add(run.run, RunDigest.ending(outcome.end, outcome.view))
    outcome.vainTableLoad = vainTableLoad
    // Of the run's memory, which what is asked next goes back from.
    outcome.kernelAddress = outcome.view.flatMap {
      machine.kernelAddress(
        in: $0, chosen: contract.chosen, user: user, tables: machine.kernelCR3(boundaries, user) ?? user.cr3)
    }
    outcome.openGate = machine.openGate()
    if ablations.isEmpty {
      outcome.strayStack = machine.strayStack(crossing, boundaries)
      outcome.keptRegister = machine.keptRegister(crossing)
    }
    if let view = outcome.view {
      outcome.leftCount = countLeftByCrossing(user, swapgs, since: before)
      outcome.secretView = secretView(user, swapgs, boundaries)
      if ablations.isEmpty {
        let moved = machine.viewWithMovedStack(user, crossing, boundaries, contract, end: view.rip)
        outcome.movedView = moved.view
        question.costs.instructions += moved.instructions
      }
    }
    judge(run.run, outcome, Path(), boundaries[0].state, &found)
    if case .unsupported(let what) = outcome.end {
      throw Stop(verdict: .unsupported(what: what, where: "\(machine.location(outcome.stoppedAt ?? 0))"))
    }
    // Events on top of a crossing that already returns wrongly would only say the same again.
    return outcome.end == .user && outcome.view == expected
  }

  /// A count that the crossing leaves, and leaves twice as far from what it was where the user makes the crossing again. One that is raised once, as by a
  /// task that has been woken up, is none.
  private func countLeftByCrossing(_ user: UserSide, _ swapgs: Int, since before: [UInt64]) -> LeftCount? {
    if before == question.countsBehind { return nil }
    computer.restore()
    let processor = computer.processor
    let registers = GeneralRegister.allCases.map { processor[$0] }
    let (rip, rflags, selectors) = (processor.rip, processor.rflags, processor.selectors)
    func cross() -> Bool {
      let run = machine.run(user, crossing, ablations, swapgs)
      let end = run.crossAndFinish(stepped: question.stepped)
      question.costs.instructions += run.instructions
      return end == .user
    }
    guard cross(), let drift = machine.drift(of: question.counts, since: before), processor.selectors == selectors
    else { return nil }
    for register in GeneralRegister.allCases { processor[register] = registers[register.rawValue] }
    (processor.rip, processor.rflags) = (rip, rflags)
    return cross() ? machine.left(drift, of: question.counts, since: before) : nil
  }

  /// What the user sees when other bytes are left on the kernel's stacks.
  private func secretView(_ user: UserSide, _ swapgs: Int, _ boundaries: [Boundary]) -> UserView? {
    computer.restore()
    let dead = DeadStacks(boundaries, computer.processor)
    guard dead.fill(computer.processor, tables: machine.kernelCR3(boundaries, user)) else { return nil }
    let run = machine.run(user, crossing, ablations, swapgs)
    let end = run.crossAndFinish(stepped: question.stepped)
    question.note(run)
    question.costs.instructions += run.instructions
    return end == .user ? machine.userView() : nil
  }

  /// Runs from the crossing to the end.
  func runToEnd(_ user: UserSide, _ swapgs: Int) -> (run: Run, outcome: Outcome) {
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgs)
    let end = run.crossAndFinish(stepped: true)
    question.note(run)
    question.costs.instructions += run.instructions
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
    let unbroken = question.unsupported ?? (question.cut ?? silence).map { Verdict.inconclusive(bound: $0) } ?? .held
    var verdicts: [InvariantVerdict] = []
    for name in Monitors.descriptions.map(\.identifier) where machine.whyUnasked(name) == nil {
      verdicts.append(
        InvariantVerdict(invariant: name, verdict: found.contains { $0.invariant == name } ? .violated : unbroken))
    }
    var verdict = Verdict.combining(verdicts.map(\.verdict))
    if verdict == .held && !unapplied.isEmpty { verdict = whatUnappliedAblationsSay }
    return CheckSection(
      platform: computer.platform, profile: machine.profileName, crossing: crossing, posture: posture,
      verdict: verdict, baseline: cost, boundaries: kernel, trials: search?.trials ?? [],
      nested: search?.nested, invariants: verdicts, windows: map(boundaries).windows, findings: findings(found),
      costs: question.costs)
  }

  /// Why not every event was tried that the platform's rules let in.
  private var silence: String? {
    guard let event = question.events.first(where: { question.silences[$0] != nil }),
      let (why, count) = question.silences[event]
    else {
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
