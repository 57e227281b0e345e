/// Every path of up to so many events: each event at each boundary of the crossing, and again at each boundary of what follows it.
///
/// What may nest the platform says: an event that the architecture holds back at a boundary is not injected there. Below a path that
/// broke an invariant nothing is looked for: it would only say the same again, and longer.
import Execution
import Findings
import Invariants
import Machine
import Platform
import Subjects

package final class Search {
  let question: Question
  let run: Run
  let expected: UserView?
  private var found: [Found] = []
  /// Boundaries of the crossing, and how many behind events were passed.
  private var boundaryCount = 0
  private var followed = 0
  /// By event, of paths of one event.
  private var counts: [EventKind: Count] = [:]
  /// By depth, from 2 on.
  private var nestedCounts: [Count]
  /// What need not be run; nil where everything is to be.
  var continuation: Continuation?
  /// The crossing without events, and the last boundary at which it broke something.
  private var baseline: (course: Course, lastBreak: Int?)?

  private struct Count {
    var trials = 0
    var distinct: Set<UInt64> = []
    var notTried = 0
  }

  /// When the trials in which a sequence of several events did harm have cost so many instructions it has been shown to; the rest are
  /// given up. A trial that does not come back costs `Run.bound`.
  private static let harmBound = 4 * Run.bound
  /// What the harmful trials of each sequence of several events have cost.
  private var harm: [[EventKind]: Int] = [:]

  /// How often it was asked of an event whether it leaves a count, and how often it is: on a way that does so it does at many boundaries.
  private var asked: [EventKind: Int] = [:]
  private static let mostAsked = 256

  let footprint = Footprint()
  /// Of the rest of a trial that others may have.
  let sequelFootprint = Footprint()
  /// The last trial stored to a page table, and so may the next.
  var tablesChange = false
  /// The fork at the crossing.
  let crossingFork: Int

  var machine: ReadyMachine { question.machine }
  var computer: any PlatformComputer { question.computer }
  private var events: [EventKind] { question.events }

  /// - Parameter expected: what the user sees behind the crossing without events.
  package init(_ question: Question, _ user: UserSide, swapgs: Int, expected: UserView?) {
    self.question = question
    self.expected = expected
    crossingFork = question.computer.processor.memory.depth
    question.computer.restore()
    run = question.machine.run(user, question.crossing, question.ablations, swapgs)
    run.monitors.knownFalselyOn = question.knownFalselyOn
    run.monitors.heldReturns = question.heldReturns
    nestedCounts = Array(repeating: Count(), count: question.depth - 1)
    if question.prunes {
      continuation = Continuation(
        computer, userPages: machine.userMemory.pageNumbers, stackWord: user.stackWord, counts: question.counts)
    }
  }

  /// How often each event was injected into the crossing itself.
  package var trials: [EventTrials] {
    events.map { EventTrials(event: $0, trials: counts[$0]?.trials ?? 0, unique: counts[$0]?.distinct.count ?? 0) }
  }

  /// How often an event was injected behind another; nil where none was to be.
  package var nested: [NestedTrials]? {
    if nestedCounts.isEmpty { return nil }
    return nestedCounts.enumerated().map {
      NestedTrials(depth: $0 + 2, trials: $1.trials, unique: $1.distinct.count, notTried: $1.notTried)
    }
  }

  private var paths: Int { counts.values.reduce(0) { $0 + $1.trials } + nestedCounts.reduce(0) { $0 + $1.trials } }

  // MARK: The crossing

  /// Tries everything, and notes for each boundary what became of each event there.
  package func explore(_ boundaries: inout [Boundary]) {
    boundaryCount = boundaries.count
    takeDownBaseline()
    let footprint = continuation == nil ? nil : Footprint()
    computer.processor.footprint = footprint
    defer { computer.processor.footprint = nil }
    var end: RunEnd?
    // The boundary in user mode behind the crossing is the last.
    var isLast = false
    while !isLast && (end == nil || end == .user) {
      isLast = end == .user
      // No event returns to an address that is not canonical, to which only AMD's SYSRET leads: the user's next step is a #GP.
      if isLast && !Processor.isCanonical(computer.processor.rip) { break }
      let index = run.boundary
      if isOver(at: index, of: boundaries.count) {
        for i in boundaries.indices.dropFirst(index) {
          for event in events { boundaries[i].arrivals[event] = .notTried }
        }
        break
      }
      if let footprint { baseline?.course.advance(to: footprint.accesses) }
      noteSilence()
      let arrivals = tryEvents(after: [], along: baseline?.course)
      if index < boundaries.count { boundaries[index].arrivals = arrivals }
      if !isLast { end = run.step() }
    }
    question.costs.instructions += run.instructions
  }

  /// Notes what keeps events out here although none of the kind is being handled: the kernel's own trace of one that is over, or a mistake
  /// of its. No trial says anything of a boundary that is closed so.
  private func noteSilence() {
    for event in events where computer.obstacle(to: event) != nil {
      guard let why = computer.leftover(against: event) else { continue }
      let vector = computer.vector(of: event)
      if !run.deliveries.contains(where: { vector == nil ? $0.isMaskable : $0.vector == vector }) {
        question.silences[event, default: (why, 0)].boundaries += 1
      }
    }
  }

  /// The same behind the events of a path; to ask costs more than a boundary.
  private func isOver(behind path: [PathStep]) -> Bool {
    followed &+= 1
    return followed % 64 == 0 ? isOver(at: path[0].boundary, of: boundaryCount) : question.cut != nil || hasEnough
  }

  private var hasEnough: Bool { question.stopsAtFirst && !found.isEmpty }

  /// Whether the section ends before it is complete.
  private func isOver(at boundary: Int, of count: Int) -> Bool {
    if hasEnough { return true }
    if question.cut == nil {
      question.cut = question.supervision.end(
        at: boundary, of: count, spent: question.costs.instructions + run.instructions, paths: paths)
    }
    return question.cut != nil
  }

  // MARK: One boundary

  /// Tries every event at the boundary at which the run stands, and what can follow it, and comes back here.
  ///
  /// - Parameter course: the run as it is without another event here, where it was taken down.
  private func tryEvents(after path: [PathStep], along course: Course?) -> [EventKind: Arrival] {
    // Asked for behind no other event alone.
    var arrivals: [EventKind: Arrival]? = path.isEmpty ? [:] : nil
    var start: Run.Mark?
    var place: Prospect?
    for event in events {
      // Before the crossing the alarm's signal is nobody's question.
      if machine.hasAlarm && run.boundary == 0 { continue }
      let obstacle = computer.obstacle(to: event)
      if let obstacle, !computer.canBecomePending(event) {
        arrivals?[event] = obstacle
        continue
      }
      if !harm.isEmpty && harm[path.map(\.event) + [event], default: 0] >= Self.harmBound {
        nestedCounts[path.count - 1].notTried += 1
        continue
      }
      if course != nil && place == nil { place = Prospect(run, on: computer) }
      if let course, let place, path.count + 1 == question.depth, path.count > 0,
        let known = continuation?.known(event, at: place, along: course)
      {
        arrivals?[event] = obstacle ?? (known.trial.onOwnStack ? .ownStack : .recovered)
        count(known.trial, known.rest)
        continue
      }
      if start == nil {
        start = run.mark
        machine.fork()
        question.costs.forks += 1
      }
      let costs = question.costs
      let footprint = computer.processor.footprint
      computer.processor.footprint = nil
      var trial = fastTrial(event, after: path, at: place, along: course, from: start!, costs)
      if trial.found?.invariant == Monitors.interruptsAsClaimed && !question.stepped && !machine.claims.isEmpty {
        // Since when the kernel was mistaken only a run says that sees every boundary.
        comeBack(start!)
        question.costs = costs
        trial = self.trial(event, after: path, stepped: true, at: nil, along: nil)!
      }
      if trial.found == nil, let drift = trial.drift, let left = left(drift, by: event, from: start!) {
        question.costs = costs
        trial = self.trial(event, after: path, stepped: question.stepped, at: nil, along: nil, left: left)!
      }
      count(trial, of: event)
      if trial.found != nil && !path.isEmpty { harm[path.map(\.event) + [event], default: 0] += run.instructions }
      // What falls due here arrives elsewhere, and so does its harm.
      arrivals?[event] = obstacle ?? trial.arrival
      comeBack(start!)
      if trial.found == nil && trial.path.count < question.depth {
        followUp(event, trial.path, along: trial.course)
        comeBack(start!)
      }
      computer.processor.footprint = footprint
    }
    if start != nil { machine.drop() }
    return arrivals ?? [:]
  }

  /// Whether the event, taken twice here, leaves the count twice as far from what it is without; comes back here where it was asked.
  private func left(_ drift: CountDrift, by event: EventKind, from start: Run.Mark) -> LeftCount? {
    guard asked[event, default: 0] < Self.mostAsked else { return nil }
    asked[event, default: 0] += 1
    comeBack(start)
    defer { comeBack(start) }
    let end = run.takeTwice(event)
    question.costs.instructions += run.instructions
    guard end == .user else { return nil }
    return machine.left(drift, of: question.counts, since: question.countsBehind)
  }

  func comeBack(_ start: Run.Mark) {
    question.costs.pagesRestored += computer.processor.memory.dirtyPageCount
    computer.restore()
    run.mark = start
    run.resetInstructions()
  }

  /// Injects the last event of the path here, and tries every event at each boundary of what follows.
  private func followUp(_ event: EventKind, _ path: [PathStep], along course: Course?) {
    let footprint = course == nil ? nil : Footprint()
    computer.processor.footprint = footprint
    var end = run.inject(event)
    while end == nil && !isOver(behind: path) {
      if let footprint { course?.advance(to: footprint.accesses) }
      _ = tryEvents(after: path, along: course)
      let (uses, deliveries) = (computer.platformUses, run.deliveries.count)
      end = run.step()
      // What an event has left is asked for, or goes on otherwise.
      if computer.platformUses != uses || run.deliveries.count != deliveries { course?.endSequels() }
    }
    computer.processor.footprint = nil
  }

  // MARK: What is known

  /// Takes down the crossing without events.
  private func takeDownBaseline() {
    guard let continuation else { return }
    let start = run.mark
    let footprint = Footprint()
    let stores = Continuation.Stores(computer.processor)
    computer.processor.footprint = footprint
    let end = run.crossAndFinish(stepped: false)
    computer.processor.footprint = nil
    var outcome = run.outcome(end)
    outcome.expected = outcome.expected ?? expected
    let ending = RunDigest.ending(outcome.end, outcome.view)
    if end == .user, outcome.view == expected,
      let course = continuation.course(footprint, of: run, ending: ending, stores: stores)
    {
      baseline = (course, run.monitors.lastBreak(outcome))
    } else {
      self.continuation = nil
    }
    question.costs.instructions += run.instructions
    comeBack(start)
  }

  /// Without events something breaks behind the boundary, so that no trial can be said to break nothing.
  func breaks(from boundary: Int) -> Bool {
    guard let baseline else { return true }
    return baseline.lastBreak.map { $0 >= boundary } ?? false
  }

  private func count(_ known: KnownTrial, _ rest: Continuation.Rest) {
    question.costs.known += 1
    var digest = run.digest
    digest.append(known.digest)
    digest.append(rest.digest)
    nestedCounts[question.depth - 2].trials += 1
    nestedCounts[question.depth - 2].distinct.insert(digest.closed(by: rest.ending))
  }

  private func count(_ trial: Trial, of event: EventKind) {
    if let one = trial.found { found.append(one) }
    let depth = trial.path.count
    if depth == 1 {
      counts[event, default: Count()].trials += 1
      counts[event]!.distinct.insert(trial.digest)
    } else {
      nestedCounts[depth - 2].trials += 1
      nestedCounts[depth - 2].distinct.insert(trial.digest)
    }
  }

  /// What was found, without what a shorter path breaks in the same place: that may have been met later.
  package var news: [Found] {
    if question.depth == 1 { return found }
    var shortest: [Place: Int] = [:]
    for one in found { shortest[Place(one)] = min(shortest[Place(one)] ?? .max, one.path.steps.count) }
    return found.filter { $0.path.steps.count == shortest[Place($0)] }
  }

  /// What broke, where, and which event did it last.
  private struct Place: Hashable {
    var invariant: InvariantName
    var rip: UInt64
    var event: EventKind?

    init(_ one: Found) {
      invariant = one.invariant
      rip = one.violation.rip
      event = one.path.steps.last?.event
    }
  }
}
