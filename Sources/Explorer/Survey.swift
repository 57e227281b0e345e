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
    /// By index of the task.
    var answers: [Int: Answer] = [:]
    /// Why nobody waits any more.
    var left: String?
    /// What no section can tell: bad input, or a bug.
    var failure: (any Error)?
  }

  struct Answer {
    var section: CheckSection
    var parts: CrossingParts?
  }

  private let checker: Checker
  /// In the report's order.
  let tasks: [Checker.Task]
  private let progress: @Sendable (String) -> Void
  private let state = Mutex(State())
  private let news = DispatchSemaphore(value: 0)

  init(_ checker: Checker, progress: @escaping @Sendable (String) -> Void) {
    self.checker = checker
    self.progress = progress
    tasks = checker.tasks
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
      try each(taken[task]!.section)
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
    state.withLock { $0.answers[index] = answer }
    news.signal()
  }

  private func boot() throws {
    for machine in checker.combinations where reason == nil {
      do {
        _ = try checker.snapshot(machine).ready(
          progress: { progress("booting (\(machine.title)): \($0 / 1_000_000) million instructions") },
          warn: checker.warn)
      } catch {
        let own = tasks.indices.filter { tasks[$0].machine == machine }
        let sections = try own.map { try checker.section(tasks[$0], after: error, isFirst: $0 == own.first) }
        for (index, section) in zip(own, sections) { answer(index, Answer(section: section)) }
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
        let title = "\(task.machine.title) \(task.crossing.rawValue)/\(task.posture) (\(index + 1) of \(tasks.count))"
        progress(title)
        let exploration = checker.exploration(task, on: machine)
        exploration.question.supervision = Supervision(
          bound: checker.sectionBound, reason: { self.reason },
          progress: { self.progress("\(title), boundary \($0) of \($1)") })
        let section = try exploration.section()
        answer(index, Answer(section: section, parts: exploration.parts))
      } catch {
        do {
          answer(index, Answer(section: try checker.section(task, after: error, isFirst: true)))
        } catch {
          return fail(error)
        }
      }
    }
  }

  /// Nil when there is none, or nobody waits any more.
  private func nextTask() -> Int? {
    state.withLock { state in
      // A machine that did not start has answers already.
      while state.next < tasks.count && state.answers[state.next] != nil { state.next += 1 }
      guard state.next < tasks.count, state.failure == nil, state.left == nil else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }
}
