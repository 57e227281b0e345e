/// The run that a witness names, made to happen exactly as it says or not judged at all.
///
/// A witness may come from anywhere: another version of Limen may count boundaries otherwise, a hand may have edited it. A run in
/// which one of its events did not happen, where it says, answers another question; that it broke nothing would mean nothing.
import Execution
import Findings
import Invariants
import Search
import Subjects

extension Exploration {
  /// Runs the path and judges; throws `Stop` where it cannot be followed to its end, or nothing breaks.
  func follow(
    _ path: Path, _ boundaries: [Boundary], _ user: UserSide, _ swapgs: Int, _ expected: UserView?,
    _ found: inout [Found]
  ) throws {
    for step in path.steps where !type(of: computer).events.contains(step.event) {
      throw Self.notReproduced("\(step.event.title) does not exist on \(computer.platform.rawValue)")
    }
    if !question.counts.isEmpty {
      _ = runToEnd(user, swapgs)
      question.countsBehind = machine.values(of: question.counts)
    }
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgs)
    run.monitors.knownFalselyOn = question.knownFalselyOn
    run.monitors.heldReturns = question.heldReturns
    var steps = path.steps[...]
    let end = try run.play(
      goesOn: { steps.first?.boundary == run.boundary },
      choosing: {
        guard let step = steps.first, step.boundary == run.boundary else { return .step }
        if let reason = mismatch(step) { throw Self.notReproduced(reason) }
        steps = steps.dropFirst()
        return .event(step.event)
      })
    question.note(run)
    question.costs.instructions += run.instructions
    var outcome = run.outcome(end!)
    question.complete(&outcome, expected: expected)
    let state = outcome.boundary ?? boundaries[0].state
    if judge(run, outcome, path, state, &found) { return }
    outcome.leftCount = leftCount(path, user, swapgs, end!)
    if outcome.leftCount != nil && judge(run, outcome, path, state, &found) { return }
    if case .unsupported(let what) = end! {
      throw Stop(verdict: .unsupported(what: what, where: "\(machine.location(computer.processor.rip))"))
    }
    if let step = steps.first {
      throw Self.notReproduced("the run ended at boundary \(run.boundary), before boundary \(step.boundary)")
    }
    throw Self.notReproduced("every event happened, and no invariant was broken")
  }

  /// A count that the last event of the path has left where the machine stands, and twice where it comes twice.
  private func leftCount(_ path: Path, _ user: UserSide, _ swapgs: Int, _ end: RunEnd) -> LeftCount? {
    guard end == .user, let drift = question.drift, let last = path.steps.last else { return nil }
    let before = Dictionary(uniqueKeysWithValues: path.steps.dropLast().map { ($0.boundary, $0.event) })
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgs)
    run.play(
      goesOn: { run.boundary <= last.boundary },
      choosing: { run.boundary == last.boundary ? .stop : run.choice(before) })
    guard run.boundary == last.boundary, run.takeTwice(last.event) == .user else { return nil }
    return machine.left(drift, of: question.counts, since: question.countsBehind)
  }

  /// Why the step cannot be taken at the boundary at which the machine stands.
  private func mismatch(_ step: PathStep) -> String? {
    let rip = computer.processor.rip
    guard rip == step.location.address else {
      // By its address: the name may be the same.
      return
        "at boundary \(step.boundary) the run stands at \(Location(address: rip)) (\(machine.location(rip))), not at "
        + "\(Location(address: step.location.address))"
    }
    guard let obstacle = computer.obstacle(to: step.event), !computer.canBecomePending(step.event) else { return nil }
    return "\(step.event.title) cannot be taken at boundary \(step.boundary), \(machine.location(rip)): "
      + (obstacle == .noSource ? "nothing can raise it there" : "it is \(obstacle.rawValue)")
  }

  static func notReproduced(_ reason: String) -> Stop {
    Stop(verdict: .notApplicable(reason: "not reproduced: \(reason)"))
  }
}
