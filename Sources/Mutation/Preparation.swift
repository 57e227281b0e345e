/// The kernel as it is: what its crossings execute, what each of their paths does, and the mutants that follow from it.
import Explorer
import Findings
import KernelImage
import Search
import Subjects

struct Preparation: Sendable {
  /// A section that was asked for, and held.
  struct Ground: Sendable {
    var task: Checker.Task
    var log: PathLog
    /// Entry code that the crossing without events executes.
    var addresses: Set<UInt64>
  }

  /// A crossing and a posture that were not asked for, without events.
  struct Elsewhere: Sendable {
    var task: Checker.Task
    var log: PathLog
    /// All that it executes in the kernel.
    var addresses: Set<UInt64>
    var holds: Bool
  }

  struct Item: Sendable {
    var change: Change
    var mutant: Mutant
    /// Places in `grounds` of the sections that execute it.
    var grounds: [Int]
  }

  private(set) var sections: [UneditedSection] = []
  private(set) var grounds: [Ground] = []
  private(set) var elsewhere: [Elsewhere] = []
  private(set) var mutants: [Item] = []
  private(set) var instructions = 0
  private(set) var possible = 0
  let explanation: String

  init(_ campaign: Campaign, reason: @escaping @Sendable () -> String?, _ progress: @Sendable (MutationStage) -> Void)
    throws
  {
    let checker = campaign.checker
    let symbols = checker.kernel.symbols
    var code = EntryCode(symbols)
    explanation = code.explanation
    var changes: [Change] = []
    var name: ((UInt64) -> Location)?
    for combination in checker.combinations {
      progress(.preparing("\(combination.title): booting"))
      let machine = try checker.snapshot(combination).ready(warn: checker.warn)
      name = { machine.location($0) }
      for task in checker.tasks where task.machine == combination {
        progress(.preparing("the kernel as it is, \(task.title)"))
        let answer = try checker.section(task, on: machine, edits: [], log: PathLog(), reason: reason)
        if let reason = reason() { throw Interrupted(reason: reason) }
        var addresses: Set<UInt64> = []
        if answer.section.verdict == .held, let log = answer.log {
          addresses = code.add(answer.baseline, on: machine)
          grounds.append(Ground(task: task, log: log, addresses: addresses))
          if let tables = answer.baseline.first(where: { $0.state.isKernel })?.state.cr3 {
            code.findTargets(symbols, on: machine, tables: tables)
          }
        }
        sections.append(
          UneditedSection(title: task.title, verdict: answer.section.verdict, instructions: addresses.count))
      }
      elsewhere += try Self.elsewhere(checker, machine, combination, reason, progress)
    }
    instructions = code.instructions.count
    changes = Changes.all(of: code).filter { campaign.operators.contains($0.mutation) }
    possible = changes.count
    for number in Self.chosen(changes.count, campaign.limit) {
      let change = changes[number]
      mutants.append(
        Item(
          change: change, mutant: change.mutant(number, at: name!),
          grounds: grounds.indices.filter { index in
            change.before.contains { grounds[index].addresses.contains($0.address) }
          }))
    }
  }

  /// Every crossing from every posture that was not asked for, those of the crossings that were first.
  private static func elsewhere(
    _ checker: Checker, _ machine: ReadyMachine, _ combination: Checker.Combination,
    _ reason: @escaping @Sendable () -> String?, _ progress: @Sendable (MutationStage) -> Void
  ) throws -> [Elsewhere] {
    var found: [Elsewhere] = []
    let asked = Set(checker.tasks)
    for crossing in checker.crossings + CrossingKind.allCases.filter({ !checker.crossings.contains($0) }) {
      for posture in checker.probe.postures {
        let task = Checker.Task(machine: combination, crossing: crossing, posture: posture)
        if asked.contains(task) { continue }
        progress(.preparing("the kernel as it is, \(task.title)"))
        let answer = try checker.section(
          task, on: machine, edits: [], log: PathLog(), withEvents: false, reason: reason)
        if let reason = reason() { throw Interrupted(reason: reason) }
        guard let log = answer.log, !log.entries.isEmpty else { continue }
        found.append(
          Elsewhere(
            task: task, log: log,
            addresses: Set(answer.baseline.lazy.filter(\.state.isKernel).map(\.state.rip)),
            holds: answer.section.verdict == .held))
      }
    }
    return found
  }

  /// So many of the numbers below `count`, evenly spread.
  private static func chosen(_ count: Int, _ limit: Int?) -> [Int] {
    guard let limit, limit < count else { return Array(0..<count) }
    return (0..<limit).map { $0 * count / limit }
  }

  struct Interrupted: Error {
    var reason: String
  }
}

extension Checker.Task {
  var title: String {
    "\(machine.platform.rawValue) \(machine.profile.rawValue) \(crossing.rawValue) \(posture.rawValue)"
  }
}
