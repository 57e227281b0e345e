/// What becomes of one mutant: the sections that execute it as any check would have them, and if all of them hold, whether it is a mutant
/// at all.
import Explorer
import Findings
import Subjects

final class Judge {
  private let checker: Checker
  private let prepared: Preparation
  private let reason: @Sendable () -> String?
  private var machines: [Checker.Combination: ReadyMachine] = [:]

  init(_ checker: Checker, _ prepared: Preparation, reason: @escaping @Sendable () -> String?) {
    self.checker = checker
    self.prepared = prepared
    self.reason = reason
  }

  private func machine(_ task: Checker.Task) throws -> ReadyMachine {
    if let known = machines[task.machine] { return known }
    let made = try checker.snapshot(task.machine).ready(warn: checker.warn)
    machines[task.machine] = made
    return made
  }

  /// Nil where it had to be left.
  func result(of item: Preparation.Item) throws -> MutantResult? {
    let edits = item.change.edits
    var undecided: MutantResult?
    for ground in item.grounds.map({ prepared.grounds[$0] }) {
      let section = try checker.section(
        ground.task, on: machine(ground.task), edits: edits, stopsAtFirst: true, reason: reason
      ).section
      if reason() != nil { return nil }
      switch section.verdict {
      case .held: continue
      case .violated:
        let finding = section.findings.first
        return MutantResult(
          mutant: item.mutant, fate: .caught, section: ground.task.title, invariant: finding?.invariant,
          events: finding?.path.steps.count)
      default:
        if undecided == nil {
          undecided = MutantResult(
            mutant: item.mutant, fate: .undecided, section: ground.task.title, reason: "\(section.verdict)")
        }
      }
    }
    if let undecided { return undecided }
    if let rule = SameEffect.reason(item.change) {
      return MutantResult(mutant: item.mutant, fate: .sameEffect, reason: rule)
    }
    return try compared(item)
  }

  /// Every section held: does the mutant do on every path what the kernel does?
  private func compared(_ item: Preparation.Item) throws -> MutantResult? {
    let (edits, inside) = (item.change.edits, item.change.inside)
    var differs: String?
    for ground in item.grounds.map({ prepared.grounds[$0] }) where differs == nil {
      let log = try checker.section(ground.task, on: machine(ground.task), edits: edits, logs: true, reason: reason).log
      if reason() != nil { return nil }
      if let log, !log.isSame(as: ground.log, butAt: inside) { differs = ground.task.title }
    }
    var seenFrom: PostureName?
    let tasks = Set(item.grounds.map { prepared.grounds[$0].task.withoutPosture })
    for other in prepared.elsewhere where seenFrom == nil && tasks.contains(other.task.withoutPosture) {
      let answer = try checker.section(
        other.task, on: machine(other.task), edits: edits, logs: true, withEvents: false, reason: reason)
      if reason() != nil { return nil }
      if let log = answer.log, !log.isSame(as: other.log, butAt: inside) {
        differs = differs ?? other.task.title
        if other.holds && answer.section.verdict == .violated { seenFrom = other.task.posture }
      }
    }
    guard let differs else {
      return MutantResult(mutant: item.mutant, fate: .equivalent, reason: "the same log on every path")
    }
    return MutantResult(
      mutant: item.mutant, fate: .survived, reason: "another log in \(differs)", seenFrom: seenFrom)
  }
}

extension Checker.Task {
  /// The same for every posture.
  var withoutPosture: Checker.Task { Checker.Task(machine: machine, crossing: crossing, posture: "") }
}
