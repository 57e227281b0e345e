/// Every mutant of a kernel's entry code, judged: how many small mistakes a check of these crossings sees.
///
/// The kernel as it is comes first: what its crossings execute, that its sections hold, and what every path does. Then threads take one mutant
/// after the other. What a mutant is judged to be depends on nothing but the question, so the report does not depend on how many they are.
import Explorer
import Findings
import Foundation
import Subjects
import Synchronization

public struct Campaign: Sendable {
  public let checker: Checker
  public let operators: [MutationOperator]
  /// At most so many mutants, spread evenly over all.
  public let limit: Int?
  /// Mutants of the same question that are judged.
  public var known: [MutantResult] = []
  /// Hears of each mutant as soon as it is judged, on the thread that did.
  public var keep: @Sendable (MutantResult) -> Void = { _ in }

  public init(checker: Checker, operators: [MutationOperator], limit: Int?) {
    self.checker = checker
    self.operators = operators
    self.limit = limit
  }

  private final class Shared: Sendable {
    struct State {
      var prepared: Preparation?
      var next = 0
      var results: [MutantResult] = []
      var running = 0
      var failure: (any Error)?
      /// Why nobody waits any more.
      var left: String?
      var isOver = false
    }
    let state = Mutex(State())
    let news = DispatchSemaphore(value: 0)

    var reason: String? { state.withLock(\.left) }
  }

  private static let interval = DispatchTimeInterval.milliseconds(20)
  private static let grace = Duration.seconds(2)

  /// Judges everything. A reason that `stop` gives ends it; the report then holds what was judged.
  public func run(
    stop: () -> String?, progress: @escaping @Sendable (MutationStage) -> Void
  ) throws -> MutationReport {
    let shared = Shared()
    try OwnThread.start { self.work(shared, progress) }
    var end: ContinuousClock.Instant?
    while true {
      let (isOver, failure) = shared.state.withLock { ($0.isOver, $0.failure) }
      if let failure { throw failure }
      if isOver || end.map({ ContinuousClock.now > $0 }) ?? false { break }
      _ = shared.news.wait(timeout: .now() + Self.interval)
      if end == nil, let reason = stop() {
        end = ContinuousClock.now + Self.grace
        shared.state.withLock { $0.left = reason }
      }
    }
    return report(shared)
  }

  private func report(_ shared: Shared) -> MutationReport {
    let (prepared, results, left) = shared.state.withLock { ($0.prepared, $0.results, $0.left) }
    let wanted = prepared?.mutants.count ?? 0
    let reason = left ?? (prepared == nil ? "nothing was prepared" : nil)
    let isWhole = prepared != nil && results.count == wanted
    return MutationReport(
      kernel: checker.identity, entryCode: prepared?.explanation ?? "", sections: prepared?.sections ?? [],
      instructions: prepared?.instructions ?? 0, possible: prepared?.possible ?? 0, wanted: wanted,
      interruption: isWhole ? nil : reason, mutants: results)
  }

  // MARK: The threads

  private func work(_ shared: Shared, _ progress: @escaping @Sendable (MutationStage) -> Void) {
    do {
      let prepared = try Preparation(self, reason: { shared.reason }, progress)
      let numbers = Dictionary(uniqueKeysWithValues: known.map { ($0.mutant.number, $0) })
      shared.state.withLock { state in
        state.prepared = prepared
        state.results = prepared.mutants.compactMap { item in
          numbers[item.mutant.number].flatMap { $0.mutant == item.mutant ? $0 : nil }
        }
      }
      let done = Set(shared.state.withLock { $0.results.map(\.mutant.number) })
      let rest = prepared.mutants.filter { !done.contains($0.mutant.number) }
      let threads = max(1, min(checker.jobs, rest.count))
      shared.state.withLock { $0.running = threads }
      for _ in 1..<threads {
        do { try OwnThread.start { self.judge(rest, prepared, shared, progress) } } catch {
          shared.state.withLock { $0.running -= 1 }
        }
      }
      judge(rest, prepared, shared, progress)
    } catch {
      shared.state.withLock {
        $0.isOver = true
        if $0.left == nil { $0.failure = error }
      }
      shared.news.signal()
    }
  }

  private func judge(
    _ rest: [Preparation.Item], _ prepared: Preparation, _ shared: Shared,
    _ progress: @Sendable (MutationStage) -> Void
  ) {
    defer {
      shared.state.withLock {
        $0.running -= 1
        if $0.running == 0 { $0.isOver = true }
      }
      shared.news.signal()
    }
    let judge = Judge(checker, prepared, reason: { shared.reason })
    do {
      while let item = shared.state.withLock({ state -> Preparation.Item? in
        guard state.next < rest.count, state.left == nil, state.failure == nil else { return nil }
        defer { state.next += 1 }
        return rest[state.next]
      }) {
        guard let result = try judge.result(of: item) else { return }
        keep(result)
        let (count, survived) = shared.state.withLock {
          $0.results.append(result)
          return ($0.results.count, $0.results.count { $0.fate == .survived })
        }
        progress(.judging(done: count, wanted: prepared.mutants.count, survived: survived))
      }
    } catch {
      shared.state.withLock { $0.failure = $0.failure ?? error }
    }
  }
}
