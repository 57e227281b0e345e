/// A crossing at whose first boundary a machine stands, as a replay has it, for whoever walks through its runs by hand.
///
/// Guards are taken away and whose state each boundary is on is known; runs start as often as wanted, and a path is judged by the
/// replay's own rules.
import Execution
import Findings
import Invariants
import Machine
import Platform
import Search
import Subjects

package final class PreparedCrossing {
  private let exploration: Exploration
  private let user: UserSide
  private let swapgs: Int
  private let recording: Recording

  package var machine: ReadyMachine { exploration.machine }
  package var computer: any PlatformComputer { machine.computer }
  package var crossing: CrossingKind { exploration.crossing }
  package var posture: PostureName { exploration.posture }

  fileprivate init(_ exploration: Exploration, _ user: UserSide, _ recording: Recording) {
    self.exploration = exploration
    self.user = user
    self.recording = recording
    swapgs = recording.swapgs
  }

  /// What the invariants say of one path.
  package struct Judgement: Sendable {
    /// Nil where nothing was broken, or the path could not be followed.
    package var invariant: InvariantName?
    package var message: String
    package var location: Location?
    /// The boundary at which it shows; nil where only the end shows it.
    package var boundary: Int?
  }

  /// A run at boundary 0. There must be no fork but the crossing's.
  package func run() -> Run {
    computer.restore()
    let run = machine.run(user, crossing, exploration.ablations, swapgs)
    run.monitors.knownFalselyOn = exploration.question.knownFalselyOn
    run.monitors.heldReturns = exploration.question.heldReturns
    return run
  }

  /// Runs the path from the crossing to its end. There must be no fork but the crossing's, and the run that stood there is over.
  package func judge(_ path: Path) -> Judgement {
    var found: [Found] = []
    do {
      if path.steps.isEmpty {
        try exploration.judgeWithoutEvents(user, recording, &found)
      } else {
        try exploration.follow(path, recording.boundaries, user, swapgs, recording.view, &found)
      }
    } catch let stop as Stop {
      return Judgement(message: "\(stop.verdict)")
    } catch {
      return Judgement(message: "\(error)")
    }
    guard let first = found.first else { return Judgement(message: "no invariant is broken") }
    return Judgement(
      invariant: first.invariant, message: first.violation.message, location: machine.location(first.violation.rip),
      boundary: first.violation.step == .max ? nil : first.violation.step)
  }

  /// Whose state a boundary at which the run stands is on.
  package func ownership(_ run: Run) -> Ownership { run.ownership(of: BoundaryState(computer)) }

  /// The kernel has page tables of its own.
  package var hasSplitTables: Bool { user.hasSplitTables }

  /// Goes back to where the machine was before the crossing.
  package func leave() { machine.leave() }
}

extension Checker {
  /// The first crossing from the first posture under the first profile. Throws `TraceRefusal` where it cannot be run.
  package func prepare(_ progress: (String) -> Void) throws -> PreparedCrossing {
    let exploration = Exploration(
      try ready(progress), crossing: crossings[0], posture: postures[0], events: [], ablations: ablations
    ) { _, _ in "" }
    do { return try exploration.prepared() } catch let stop as Stop {
      throw TraceRefusal(kernel: kernelPath, verdict: stop.verdict)
    }
  }
}

extension Exploration {
  fileprivate func prepared() throws -> PreparedCrossing {
    try requireGuards()
    try machine.position(crossing: crossing, posture: posture)
    mend()
    var user = machine.userSide(crossing)
    let recording = try observe(&user).recording
    try makeReady(user, recording)
    return PreparedCrossing(self, user, recording)
  }
}
