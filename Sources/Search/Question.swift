/// What is asked of one crossing on one machine, and what asking has cost and shown so far.
import Execution
import Findings
import Invariants
import Machine
import Platform
import Subjects

package final class Question {
  package let machine: ReadyMachine
  package let crossing: CrossingKind
  /// Those that the platform knows.
  package let events: [EventKind]
  /// Those that take a guard of the platform away.
  package let ablations: [Ablation]
  /// Every trial is run step by step.
  package let stepped: Bool
  /// What is known of a trial is not run.
  package let prunes: Bool
  /// The most events of one path.
  package let depth: Int
  /// Whether it may go on is asked here.
  package var supervision = Supervision()
  /// Why it ended before every trial was made.
  package internal(set) var cut: String?
  /// What of a trial was not supported, the first time.
  package internal(set) var unsupported: Verdict?
  /// What keeps events out of boundaries of the crossing that the platform's rules let them in to, and how many those are.
  package internal(set) var silences: [EventKind: (why: String, boundaries: Int)] = [:]
  package var costs = Costs()
  /// The section ends with the first finding.
  package var stopsAtFirst = false
  /// Takes down what every path did, where that is wanted; no path may be left out then.
  package var log: PathLog?
  /// Where the crossing without events runs with interrupts off that are claimed to be on: its own verdict, and no trial's.
  package var knownFalselyOn: Set<UInt64> = []
  /// Boundaries at which a return is defended that is still to be made.
  package var heldReturns: [UInt64: HeldReturn] = [:]
  /// What the kernel owes its users there.
  package var owed: OwedGuards { computer.owed }
  /// What the crossing may change, where an alarm is set: a trial with its signal ends unlike the crossing without events.
  package var contract: CrossingContract?
  /// What the kernel counts up and down again, and what that is behind the crossing without events.
  package var counts: [NestingCount] = []
  package var countsBehind: [UInt64] = []
  /// Ablations that took something away in a run.
  package private(set) var struck: Set<Ablation> = []

  /// How a run that ends where the machine stands has left them, where it is another way.
  package var drift: CountDrift? { machine.drift(of: counts, since: countsBehind) }

  package init(
    _ machine: ReadyMachine, crossing: CrossingKind, events: [EventKind], ablations: [Ablation], stepped: Bool,
    prunes: Bool, depth: Int
  ) {
    self.machine = machine
    self.crossing = crossing
    self.events = events
    self.ablations = ablations
    self.stepped = stepped
    // An ablation that watches a run can act anywhere.
    self.prunes = prunes && !stepped && ablations.allSatisfy { !$0.watchesInstructions }
    self.depth = depth
  }

  var computer: any PlatformComputer { machine.computer }

  /// What the outcome is to be compared with: the state before the crossing, where that was not made, the `expected` one behind it, or, where the
  /// user's alarm ran out, what the crossing and a signal's frame may be.
  package func complete(_ outcome: inout Outcome, expected: UserView?) {
    guard outcome.alarmIsDue else {
      outcome.expected = outcome.expected ?? expected
      return
    }
    (outcome.expected, outcome.contract) = (nil, contract)
    outcome.frame = machine.signalFrame(outcome)
  }

  /// The run is over.
  package func note(_ run: Run) { struck.formUnion(run.struck) }
}
