/// What becomes of one mutant: the sections that execute it as any check would have them, and if all of them hold, whether it is a mutant
/// at all.
import Explorer
import Findings
import Search
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

  /// What the mutant does that the kernel does not, on the paths that were compared so far.
  private struct Difference {
    /// The first section in which a path is another one, and the first in which a path ends otherwise.
    var way: String?
    var end: String?

    mutating func compare(_ log: PathLog, _ known: PathLog, _ inside: Set<UInt64>, _ title: String) {
      if log.isSame(as: known, butAt: inside) { return }
      way = way ?? title
      if !log.endsAsSome(of: known) { end = end ?? title }
    }
  }

  /// Every section held: does the mutant do on every path what the kernel does?
  private func compared(_ item: Preparation.Item) throws -> MutantResult? {
    let (edits, inside) = (item.change.edits, item.change.inside)
    var difference = Difference()
    for ground in item.grounds.map({ prepared.grounds[$0] }) where difference.end == nil {
      let log = try checker.section(
        ground.task, on: machine(ground.task), edits: edits, log: PathLog(comparableWith: ground.log), reason: reason
      ).log
      if reason() != nil { return nil }
      if let log { difference.compare(log, ground.log, inside, ground.task.title) }
    }
    var seenFrom: String?
    let own = item.change.before.map(\.address)
    for other in prepared.elsewhere where seenFrom == nil && own.contains(where: other.addresses.contains) {
      let answer = try checker.section(
        other.task, on: machine(other.task), edits: edits, log: PathLog(comparableWith: other.log), withEvents: false,
        reason: reason)
      if reason() != nil { return nil }
      if let log = answer.log { difference.compare(log, other.log, inside, other.task.title) }
      if other.holds && answer.section.verdict == .violated {
        seenFrom = other.task.title
        difference.end = difference.end ?? seenFrom
      }
    }
    if let end = difference.end {
      return MutantResult(
        mutant: item.mutant, fate: .survived, reason: "a path of \(end) ends otherwise", seenFrom: seenFrom)
    }
    if let way = difference.way {
      return MutantResult(
        mutant: item.mutant, fate: .anotherWay, reason: "every path ends as it did, one of \(way) by another way")
    }
    return MutantResult(mutant: item.mutant, fate: .equivalent, reason: "the same log on every path")
  }
}
