/// The sections of one check: explored by threads of their own, handed out in the report's order as they come.
///
/// Whoever waits may stop waiting at any time, whatever the threads are doing: a section that is not done by then is inconclusive,
/// with the reason, and what was done is kept. A machine that cannot be started has sections that say so.
import Findings
import Foundation
import Search
import Subjects
import Synchronization

final class Survey: Sendable {
  private struct State {
    /// Index of the next task that no thread has.
    var next = 0
    /// By index of the task, until the side that waits has it.
    var answers: [Int: Answer] = [:]
    /// Tasks that no thread is to explore: they have answers without.
    var settled: Set<Int> = []
    /// How many of the others are done.
    var finished = 0
    /// Why nobody waits any more.
    var left: String?
    /// What no section can tell: bad input, or a bug.
    var failure: (any Error)?
  }

  struct Answer {
    var section: CheckSection
    var parts: CrossingParts?
    var arrivals: [[EventKind: Arrival]] = []
  }

  private let checker: Checker
  /// In the report's order.
  let tasks: [Checker.Task]
  private let progress: @Sendable (CheckStage) -> Void
  private let state: Mutex<State>
  private let news = DispatchSemaphore(value: 0)

  init(_ checker: Checker, progress: @escaping @Sendable (CheckStage) -> Void) {
    self.checker = checker
    self.progress = progress
    tasks = checker.tasks
    var known: [Checker.Task: CheckSection] = [:]
    for section in checker.known { known[Checker.Task(section)] = section }
    var state = State()
    for (index, task) in tasks.enumerated() {
      guard let section = known[task] else { continue }
      state.answers[index] = Answer(section: section)
      state.settled.insert(index)
    }
    self.state = Mutex(state)
  }

  // MARK: The side that waits

  /// How often the reason to stop is asked for, and how long a thread that explores is given to come to an end.
  private static let interval = DispatchTimeInterval.milliseconds(20)
  private static let grace = Duration.seconds(2)

  /// Explores everything, unless `stop` has a reason not to go on. `each` is given every section, in order.
  func answers(stop: () -> String?, each: (CheckSection) throws -> Void) throws -> [Checker.Task: Answer] {
    var taken: [Checker.Task: Answer] = [:]
    var left: String? = stop()
    defer { state.withLock { $0.left = $0.left ?? "" } }
    if left == nil { begin() }
    var end: ContinuousClock.Instant?
    for (index, task) in tasks.enumerated() {
      while true {
        let (answer, failure) = state.withLock { ($0.answers.removeValue(forKey: index), $0.failure) }
        if let failure { throw failure }
        if let answer {
          taken[task] = answer
          break
        }
        if let left, end == nil || ContinuousClock.now > end! {
          taken[task] = Answer(section: checker.section(task, .inconclusive(bound: left)))
          break
        }
        _ = news.wait(timeout: .now() + Self.interval)
        if left == nil, let reason = stop() {
          left = reason
          end = ContinuousClock.now + Self.grace
          state.withLock { $0.left = reason }
        }
      }
      let section = taken[task]!.section
      if case .notApplicable = section.verdict, checker.isOptional(task) {
        taken[task] = nil
      } else {
        try each(section)
      }
    }
    return taken
  }

  // MARK: The threads

  private func begin() {
    do {
      try OwnThread.start {
        // One boot of each machine first, so that the threads find its snapshot.
        do { try self.boot() } catch { return self.fail(error) }
        let wanted = min(self.checker.jobs, self.tasks.count)
        for _ in 1..<max(1, wanted) { try? OwnThread.start { self.explore() } }
        self.explore()
      }
    } catch { fail(error) }
  }

  private var reason: String? { state.withLock(\.left) }

  private func fail(_ error: any Error) {
    state.withLock { $0.failure = $0.failure ?? error }
    news.signal()
  }

  private func answer(_ index: Int, _ answer: Answer) {
    state.withLock {
      $0.answers[index] = answer
      $0.finished += 1
    }
    news.signal()
  }

  /// Answers what cannot be explored.
  private func settle(_ index: Int, _ section: CheckSection) {
    state.withLock { state in
      guard state.settled.insert(index).inserted else { return }
      state.answers[index] = Answer(section: section)
    }
    news.signal()
  }

  private func boot() throws {
    for machine in checker.combinations where reason == nil {
      let own = tasks.indices.filter { tasks[$0].machine == machine }
      if state.withLock({ $0.settled.isSuperset(of: own) }) { continue }
      do {
        _ = try checker.snapshot(machine).ready(
          progress: { progress(.booting(machine: machine.title, instructions: $0)) }, warn: checker.warn)
      } catch {
        let first = own.first { !checker.isOptional(tasks[$0]) }
        let sections = try own.map { try checker.section(tasks[$0], after: error, isFirst: $0 == first) }
        for (index, section) in zip(own, sections) {
          settle(
            index,
            checker.isOptional(tasks[index])
              ? checker.section(tasks[index], .notApplicable(reason: "the kernel does not run")) : section)
        }
      }
    }
  }

  private func explore() {
    var machines: [Checker.Combination: ReadyMachine] = [:]
    while let index = nextTask() {
      let task = tasks[index]
      do {
        let machine = try machines[task.machine] ?? checker.snapshot(task.machine).ready(warn: checker.warn)
        machines[task.machine] = machine
        let exploration = checker.exploration(task, on: machine)
        exploration.question.supervision = Supervision(
          bound: checker.sectionBound, reason: { self.reason },
          progress: { self.progress(.exploring(self.advance(index, boundary: $0, of: $1, paths: $2))) })
        let section = try exploration.section()
        // Cut while nobody wanted it to end, it came to its own bound, as it would again.
        if exploration.question.cut == nil || reason == nil { checker.keep(section) }
        answer(index, Answer(section: section, parts: exploration.parts, arrivals: exploration.arrivals))
      } catch {
        do {
          answer(index, Answer(section: try checker.section(task, after: error, isFirst: true)))
        } catch {
          return fail(error)
        }
      }
    }
  }

  private func advance(_ index: Int, boundary: Int, of boundaries: Int, paths: Int) -> CheckAdvance {
    let (finished, wanted) = state.withLock { ($0.finished, tasks.count - $0.settled.count) }
    let task = tasks[index]
    return CheckAdvance(
      title: "\(task.machine.title) \(task.crossing.rawValue)/\(task.posture)", section: index + 1,
      sections: tasks.count, finished: finished, wanted: wanted, boundary: boundary, boundaries: boundaries,
      paths: paths)
  }

  /// Nil when there is none, or nobody waits any more.
  private func nextTask() -> Int? {
    state.withLock { state in
      while state.settled.contains(state.next) { state.next += 1 }
      guard state.next < tasks.count, state.failure == nil, state.left == nil else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }
}
