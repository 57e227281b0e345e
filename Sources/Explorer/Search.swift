/// Every path of up to so many events: each event at each boundary of the crossing, and again at each boundary of what follows it.
///
/// What may nest the platform says: an event that the architecture holds back at a boundary is not injected there. Below a path that
/// broke an invariant nothing is looked for: it would only say the same again, and longer.
import Findings
import Invariants
import Machine

final class Search {
  private unowned let exploration: Exploration
  private let run: Run
  private let expected: UserView?
  private var found: [Exploration.Found] = []
  /// Boundaries of the crossing, and how many behind events were passed.
  private var boundaryCount = 0
  private var followed = 0
  /// By event, of paths of one event.
  private var counts: [EventKind: Count] = [:]
  /// By depth, from 2 on.
  private var nestedCounts: [Count]

  private struct Count {
    var trials = 0
    var distinct: Set<RunDigest> = []
    var notTried = 0
  }

  /// When the trials in which a sequence of several events did harm have cost so many instructions it has been shown to; the rest are
  /// given up. A trial that does not come back costs `Run.bound`.
  private static let harmBound = 4 * Run.bound
  /// What the harmful trials of each sequence of several events have cost.
  private var harm: [[EventKind]: Int] = [:]

  private var machine: ReadyMachine { exploration.machine }
  private var computer: any PlatformComputer { exploration.computer }
  private var events: [EventKind] { exploration.events }

  /// - Parameter expected: what the user sees behind the crossing without events.
  init(_ exploration: Exploration, _ user: UserSide, swapgs: Int, expected: UserView?) {
    self.exploration = exploration
    self.expected = expected
    exploration.computer.restore()
    run = exploration.machine.run(user, exploration.crossing, exploration.ablations, swapgs)
    run.monitors.knownFalselyOn = exploration.knownFalselyOn
    nestedCounts = Array(repeating: Count(), count: exploration.depth - 1)
  }

  /// How often each event was injected into the crossing itself.
  var trials: [EventTrials] {
    events.map { EventTrials(event: $0, trials: counts[$0]?.trials ?? 0, unique: counts[$0]?.distinct.count ?? 0) }
  }

  /// How often an event was injected behind another; nil where none was to be.
  var nested: [NestedTrials]? {
    if nestedCounts.isEmpty { return nil }
    return nestedCounts.enumerated().map {
      NestedTrials(depth: $0 + 2, trials: $1.trials, unique: $1.distinct.count, notTried: $1.notTried)
    }
  }

  // MARK: The crossing

  /// Tries everything, and notes for each boundary what became of each event there.
  func explore(_ boundaries: inout [Exploration.Boundary]) {
    boundaryCount = boundaries.count
    var end: RunEnd?
    // The boundary in user mode behind the crossing is the last.
    var isLast = false
    while !isLast && (end == nil || end == .user) {
      isLast = end == .user
      // No event returns to an address that is not canonical, to which only AMD's SYSRET leads: the user's next step is a #GP.
      if isLast && !Processor.isCanonical(computer.processor.rip) { break }
      let index = run.boundary
      if isOver(at: index, of: boundaries.count) {
        for i in boundaries.indices.dropFirst(index) {
          for event in events { boundaries[i].arrivals[event] = .notTried }
        }
        break
      }
      noteSilence()
      let arrivals = tryEvents(after: [])
      if index < boundaries.count { boundaries[index].arrivals = arrivals }
      if !isLast { end = run.step() }
    }
    exploration.costs.instructions += run.instructions
  }

  /// Notes what keeps events out here although none of the kind is being handled: the kernel's own trace of one that is over, or a mistake
  /// of its. No trial says anything of a boundary that is closed so.
  private func noteSilence() {
    for event in events where computer.obstacle(to: event) != nil {
      guard let why = computer.leftover(against: event) else { continue }
      let vector = computer.vector(of: event)
      if !run.deliveries.contains(where: { vector == nil ? $0.isMaskable : $0.vector == vector }) {
        exploration.silences[event, default: (why, 0)].boundaries += 1
      }
    }
  }

  /// The same behind the events of a path; to ask costs more than a boundary.
  private func isOver(behind path: [PathStep]) -> Bool {
    followed &+= 1
    return followed % 64 == 0 ? isOver(at: path[0].boundary, of: boundaryCount) : exploration.cut != nil
  }

  /// Whether the section ends before it is complete.
  private func isOver(at boundary: Int, of count: Int) -> Bool {
    if exploration.cut == nil {
      exploration.cut = exploration.supervision.end(
        at: boundary, of: count, spent: exploration.costs.instructions + run.instructions)
    }
    return exploration.cut != nil
  }

  // MARK: One boundary

  /// Tries every event at the boundary at which the run stands, and what can follow it, and comes back here.
  private func tryEvents(after path: [PathStep]) -> [EventKind: Arrival] {
    var arrivals: [EventKind: Arrival] = [:]
    let start = run.mark
    machine.fork()
    exploration.costs.forks += 1
    for event in events {
      let obstacle = computer.obstacle(to: event)
      if let obstacle, !computer.canBecomePending(event) {
        arrivals[event] = obstacle
        continue
      }
      let sequence = path.map(\.event) + [event]
      if harm[sequence, default: 0] >= Self.harmBound {
        nestedCounts[path.count - 1].notTried += 1
        continue
      }
      let costs = exploration.costs
      var trial = trial(event, after: path, stepped: exploration.stepped)
      if trial.found?.invariant == Monitors.interruptsAsClaimed && !exploration.stepped && !machine.claims.isEmpty {
        // Since when the kernel was mistaken only a run says that sees every boundary.
        comeBack(start)
        exploration.costs = costs
        trial = self.trial(event, after: path, stepped: true)
      }
      count(trial, of: event)
      if trial.found != nil && !path.isEmpty { harm[sequence, default: 0] += run.instructions }
      // What falls due here arrives elsewhere, and so does its harm.
      arrivals[event] = obstacle ?? trial.arrival
      comeBack(start)
      if trial.found == nil && trial.path.count < exploration.depth {
        followUp(event, trial.path)
        comeBack(start)
      }
    }
    machine.drop()
    return arrivals
  }

  private func comeBack(_ start: Run.Mark) {
    exploration.costs.pagesRestored += computer.processor.memory.dirtyPageCount
    computer.restore()
    run.mark = start
    run.resetInstructions()
  }

  /// Injects the last event of the path here, and tries every event at each boundary of what follows.
  private func followUp(_ event: EventKind, _ path: [PathStep]) {
    var end = run.inject(event)
    while end == nil && !isOver(behind: path) {
      _ = tryEvents(after: path)
      end = run.step()
    }
  }

  private struct Trial {
    var path: [PathStep]
    var arrival: Arrival
    var found: Exploration.Found?
    var digest: RunDigest
  }

  /// Injects one event here, runs to the end and judges.
  private func trial(_ event: EventKind, after path: [PathStep], stepped: Bool) -> Trial {
    let state = BoundaryState(computer)
    var path = path + [PathStep(boundary: run.boundary, location: machine.location(state.rip), event: event)]
    run.resetInstructions()
    var end = run.inject(event)
    let onOwnStack = state.rsp &- computer.processor[.rsp] > 64
    if exploration.ablations.contains(.nmiUnblockedEarly), event == .nmi, end == nil {
      // A second NMI on the handler's first instructions, while the first frame still lies where it was pushed.
      for _ in 0..<2 where end == nil { end = run.step() }
      if end == nil {
        let rip = computer.processor.rip
        path.append(PathStep(boundary: run.boundary, location: machine.location(rip), event: .nmi))
        end = run.inject(.nmi)
      }
    }
    let last = end ?? exploration.rest(of: run, stepped: stepped)
    exploration.note(run)
    exploration.costs.instructions += run.instructions
    var outcome = run.outcome(last)
    outcome.expected = outcome.expected ?? expected
    if case .unsupported(let what) = last, exploration.unsupported == nil {
      exploration.unsupported = .unsupported(what: what, where: "\(machine.location(outcome.stoppedAt ?? 0))")
    }
    var digest = run.digest
    digest.add(outcome.end, outcome.view)
    let found = Exploration.Found(run, outcome, Path(path), state)
    return Trial(
      path: path, arrival: found != nil ? .harmful : onOwnStack ? .ownStack : .recovered, found: found, digest: digest)
  }

  private func count(_ trial: Trial, of event: EventKind) {
    if let one = trial.found { found.append(one) }
    let depth = exploration.depth == 1 ? 1 : trial.path.count
    if depth == 1 {
      counts[event, default: Count()].trials += 1
      counts[event]!.distinct.insert(trial.digest)
    } else {
      nestedCounts[depth - 2].trials += 1
      nestedCounts[depth - 2].distinct.insert(trial.digest)
    }
  }

  /// What was found, without what a shorter path breaks in the same place: that may have been met later.
  var news: [Exploration.Found] {
    if exploration.depth == 1 { return found }
    var shortest: [Place: Int] = [:]
    for one in found { shortest[Place(one)] = min(shortest[Place(one)] ?? .max, one.path.steps.count) }
    return found.filter { $0.path.steps.count == shortest[Place($0)] }
  }

  /// What broke, where, and which event did it last.
  private struct Place: Hashable {
    var invariant: InvariantName
    var rip: UInt64
    var event: EventKind?

    init(_ one: Exploration.Found) {
      invariant = one.invariant
      rip = one.violation.rip
      event = one.path.steps.last?.event
    }
  }
}
