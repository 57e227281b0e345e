/// What the handlers of events count up and down again, found on the crossing from which they are asked.
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension ReadyMachine {
  /// A handler that takes more is not followed any further.
  private static let longest = 20_000

  /// How far from a boundary one is that lets an event in: an instruction that unmasks keeps it out for one more.
  static let nearby = 8

  /// What the crossings and the platform's events count. To be asked at the crossing, to which the machine comes back.
  package func counts(_ crossing: CrossingKind, _ user: UserSide, _ boundaries: [Boundary]) -> [NestingCount] {
    let events = type(of: computer).events.filter { !$0.isFromHost && $0 != .pageFault }
    var found = counts ?? []
    let own = boundaries.indices.filter {
      boundaries[$0].state.isKernel && boundaries[$0].ownership.isDisjoint(with: .notKernelStack)
    }
    let open = own.first { boundaries[$0].state.interruptsOpen } ?? own.first
    for place in [0] + (open.map { [$0] } ?? []) {
      for event in events { found += counts(of: event, at: place, crossing, user) }
    }
    computer.restore()
    return found.withoutRepeats
  }

  /// Of one event's handler, up to where it is back.
  private func counts(
    of event: EventKind, at place: Int, _ crossing: CrossingKind, _ user: UserSide
  ) -> [NestingCount] {
    computer.restore()
    let run = run(user, crossing, [], 0)
    run.waits = false
    if place > 0, run.cross() != nil || run.proceed(to: place) != nil { return [] }
    guard run.boundary == place else { return [] }
    if place > 0 {
      for _ in 0..<Self.nearby where computer.obstacle(to: event) != nil { if run.step() != nil { return [] } }
    }
    guard computer.obstacle(to: event) == nil else { return [] }
    let processor = computer.processor
    let (rip, rsp) = (processor.rip, processor[.rsp])
    var words = CountedWords()
    var end = run.inject(event)
    for _ in 0..<Self.longest where end == nil {
      if processor.rip == rip && processor[.rsp] == rsp { break }
      if computer.isInKernel { words.arrive(processor) }
      end = run.step()
    }
    words.settle(processor)
    return (end == nil || end == .user) && processor.rip == rip && processor[.rsp] == rsp ? words.counts : []
  }

  /// What they are where the machine stands.
  package func values(of counts: [NestingCount]) -> [UInt64] { counts.map { $0.value(computer.processor.memory) } }

  /// The first that is not what it was; nil where all are.
  package func drift(of counts: [NestingCount], since values: [UInt64]) -> CountDrift? {
    for (index, (count, value)) in zip(counts, values).enumerated() {
      let change = count.difference(count.value(computer.processor.memory), from: value)
      if change != 0 { return CountDrift(index: index, change: change) }
    }
    return nil
  }

  /// The count of a drift that an event left, where the machine stands at the end of the same run with the event twice; nil where it is not left twice.
  package func left(_ drift: CountDrift, of counts: [NestingCount], since values: [UInt64]) -> LeftCount? {
    let count = counts[drift.index]
    let change = count.difference(count.value(computer.processor.memory), from: values[drift.index])
    return change == drift.change &* 2 ? LeftCount(rip: count.rip, change: drift.change) : nil
  }
}

/// A count, by its place among those that are asked, and how much more it is than it was.
package struct CountDrift: Hashable, Sendable {
  package var index: Int
  package var change: Int64
}

extension Run {
  /// Injects the event here and, as soon as its handler is back, once more; the run's end. Nil where that cannot be.
  package func takeTwice(_ event: EventKind) -> RunEnd? {
    let place = (rip: processor.rip, rsp: processor[.rsp])
    func isBack(_ end: RunEnd?) -> Bool {
      (end == nil || end == .user) && processor.rip == place.rip && processor[.rsp] == place.rsp
    }
    meeting = place
    defer { meeting = nil }
    var end = inject(event) ?? proceed()
    guard isBack(end) else { return nil }
    meeting = nil
    // What has just come back may not come at once: a breakpoint with RF set.
    for _ in 0..<ReadyMachine.nearby where computer.obstacle(to: event) != nil && end == nil { end = step() }
    guard computer.obstacle(to: event) == nil, end == nil || isBack(end) else { return nil }
    return inject(event) ?? finish(stepped: false)
  }
}
