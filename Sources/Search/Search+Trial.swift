/// One trial of a search: an event at a boundary, what becomes of it, and what is said of it.
import Execution
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension Search {
  struct Trial {
    var path: [PathStep]
    var arrival: Arrival
    var found: Found?
    var digest: UInt64
    /// What is to be followed up, where it was taken down.
    var course: Course?
    /// The end of one that broke nothing and is back in user mode: see `RunDigest.ending`.
    var ending: UInt64?
    /// A count that it left as another one than the crossing without events does.
    var drift: CountDrift?
  }

  /// An event that was injected, and what it is judged by.
  private struct Shot {
    let event: EventKind
    let path: [PathStep]
    let state: BoundaryState
    /// What had happened before it.
    let before: RunDigest
    let stores: Continuation.Stores
    /// What the trial reads and writes, where somebody asks.
    let footprint: Footprint?
    /// Its frame does not lie on the stack that it found.
    let onOwnStack: Bool

    var arrival: Arrival { onOwnStack ? .ownStack : .recovered }
  }

  /// A trial as fast as it can be had from the fork `start`, where what was asked so far cost as much. Nothing is said of a run that kept
  /// translations and stored to a page table: it is made again without.
  func fastTrial(
    _ event: EventKind, after path: [PathStep], at place: Prospect?, along course: Course?, from start: Run.Mark,
    _ costs: Costs
  ) -> Trial {
    let processor = computer.processor
    defer { processor.keepsTranslations = false }
    if !question.stepped && !tablesChange {
      processor.keepsTranslations = true
      if let trial = trial(event, after: path, stepped: false, at: place, along: course) { return trial }
      processor.keepsTranslations = false
      comeBack(start)
      question.costs = costs
    }
    let stores = processor.tableStores
    let trial = trial(event, after: path, stepped: question.stepped, at: place, along: course)!
    tablesChange = processor.tableStores != stores
    return trial
  }

  /// Injects one event here, runs until the end is reached or known, and judges. Nil where the run kept translations that it should not have.
  ///
  /// - Parameters:
  ///   - place: the boundary, where the rest may turn out to be known.
  ///   - course: the run as it is without the event.
  ///   - left: a count that the event is known to leave.
  func trial(
    _ event: EventKind, after path: [PathStep], stepped: Bool, at place: Prospect?, along course: Course?,
    left: LeftCount? = nil
  ) -> Trial? {
    defer { computer.processor.footprint = nil }
    var (shot, end) = fire(event, after: path, at: place)
    var sequel: Sequel.Start?
    let isLast = shot.path.count == question.depth
    if isLast, !stepped, let place, let course, !breaks(from: shot.path[0].boundary),
      let known = rest(of: shot, since: place, along: course, until: &end, or: &sequel)
    {
      return known
    }
    let last = end ?? run.finish(stepped: stepped)
    if computer.processor.storedToTables { return nil }
    let trial = judge(shot, last, left)
    if let course, let sequel { keep(sequel, of: trial, along: course) }
    return trial
  }

  private func fire(_ event: EventKind, after path: [PathStep], at place: Prospect?) -> (Shot, RunEnd?) {
    let state = BoundaryState(computer)
    let step = PathStep(boundary: run.boundary, location: machine.location(state.rip), event: event)
    let before = run.digest
    run.resetInstructions()
    run.stackPointers.removeAll(keepingCapacity: true)
    var footprint: Footprint?
    if let place, path.count + 1 < question.depth || !path.isEmpty && continuation!.isWanted(event, at: place) {
      footprint = self.footprint
      self.footprint.clear()
      computer.processor.footprint = footprint
    }
    let stores = Continuation.Stores(computer.processor)
    let end = run.inject(event)
    let shot = Shot(
      event: event, path: path + [step], state: state, before: before, stores: stores, footprint: footprint,
      onOwnStack: state.rsp &- computer.processor[.rsp] > 64)
    return (shot, end)
  }

  /// Runs until the rest is that of the course, or of a sequel. Nil where it is of none, and the run is at its end or, with a `sequel`, is to be
  /// run to it.
  private func rest(
    of shot: Shot, since place: Prospect, along course: Course, until end: inout RunEnd?, or sequel: inout Sequel.Start?
  ) -> Trial? {
    let continuation = continuation!
    run.meeting = (shot.state.rip, shot.state.rsp)
    defer { run.meeting = nil }
    var footprint = shot.footprint
    var isFirst = shot.path.count > 1
    // What falls due and is kept out leaves the run where it stands.
    if isFirst, end == nil, computer.obstacle(to: shot.event) != nil, BoundaryState(computer) == shot.state {
      if continuation.isSound(since: shot.stores) {
        let known = sequelRest(of: shot, nil, Prospect(run, on: computer), since: place, along: course, or: &sequel)
        if known != nil || sequel != nil { return known }
      }
      isFirst = false
    }
    while end == nil {
      end = run.proceed()
      guard end == nil else { continue }
      if continuation.isSound(since: shot.stores) {
        let back = Prospect(run, on: computer)
        if continuation.isKnown(back, since: place, along: course) {
          let rest = Continuation.Rest(course.digest.rest(behind: shot.before), course.ending)
          return known(shot, rest, footprint, from: place, until: back, isOver: true)
        }
        if isFirst {
          let known = sequelRest(of: shot, footprint, back, since: place, along: course, or: &sequel)
          if known != nil || sequel != nil { return known }
        }
      }
      isFirst = false
      // What did not lead back at once hardly will later, and to take a run down takes several times as long as to run it. Where a table was
      // stored to a translation may be older than its entry, and must not be dropped.
      if footprint != nil && Continuation.Stores(computer.processor) == shot.stores {
        (footprint, computer.processor.footprint) = (nil, nil)
      }
    }
    if shot.path.count > 1 { continuation.note(shot.event, at: place, wasBack: false) }
    return nil
  }

  /// The same where the trial stands where it was injected, and is not over: its rest is that of a `sequel` that there is, or is to become one.
  private func sequelRest(
    of shot: Shot, _ footprint: Footprint?, _ back: Prospect, since place: Prospect, along course: Course,
    or sequel: inout Sequel.Start?
  ) -> Trial? {
    guard let aftermath = continuation!.aftermath(back, since: place) else { return nil }
    let memory = computer.processor.memory
    if let rest = continuation!.rest(of: shot.event, aftermath, at: place, along: course, { memory.wordAtFork($0) }) {
      return known(shot, rest, footprint, from: place, until: back, isOver: false)
    }
    if course.sequels[shot.event, default: Sequels()].areWanted(at: shot.path.last!.boundary) {
      sequel = begin(aftermath, at: place, along: course)
    }
    return nil
  }

  /// The trial's rest is known, and where it was taken down so far it is kept.
  private func known(
    _ shot: Shot, _ rest: Continuation.Rest, _ footprint: Footprint?, from place: Prospect, until back: Prospect,
    isOver: Bool
  ) -> Trial {
    if shot.path.count > 1 { continuation!.note(shot.event, at: place, wasBack: true) }
    if let footprint {
      continuation!.keep(
        shot.event, at: place, footprint, until: back, digest: run.digest.rest(behind: shot.before),
        stackPointers: run.stackPointers, onOwnStack: shot.onOwnStack, isOver: isOver)
    }
    question.costs.instructions += run.instructions
    question.costs.known += 1
    var digest = run.digest
    digest.append(rest.digest)
    return Trial(path: shot.path, arrival: shot.arrival, digest: digest.closed(by: rest.ending))
  }

  /// From here on the run is taken down, for other trials that have left the same.
  private func begin(_ aftermath: Aftermath, at place: Prospect, along course: Course) -> Sequel.Start {
    let processor = computer.processor
    sequelFootprint.clear()
    processor.footprint = sequelFootprint
    return Sequel.Start(
      aftermath: aftermath, place: place, behind: course.cursor, digest: run.digest,
      stores: Continuation.Stores(processor), deliveries: run.deliveries.count, boundary: run.boundary)
  }

  private func keep(_ start: Sequel.Start, of trial: Trial, along course: Course) {
    guard let ending = trial.ending, trial.drift == nil,
      let rest = continuation!.course(sequelFootprint, of: run, ending: ending, stores: start.stores)
    else { return }
    let delivered = run.deliveries.dropFirst(start.deliveries).first?.step
    course.sequels[trial.path.last!.event]!.add(Sequel(start, rest: rest, delivered: delivered))
  }

  private func judge(_ shot: Shot, _ end: RunEnd, _ left: LeftCount?) -> Trial {
    question.note(run)
    question.costs.instructions += run.instructions
    var outcome = run.outcome(end)
    outcome.leftCount = left
    question.complete(&outcome, expected: expected)
    if case .unsupported(let what) = end, question.unsupported == nil {
      question.unsupported = .unsupported(what: what, where: "\(machine.location(outcome.stoppedAt ?? 0))")
    }
    // Where the clock went on for the alarm, it may be as well: then no answer is one.
    let isAnothersTurn =
      outcome.isAnothersTurn || outcome.alarmIsDue && (outcome.foreignTables != nil || outcome.isAtBound)
    if isAnothersTurn, question.unsupported == nil {
      question.unsupported = .inconclusive(
        bound: outcome.alarmIsDue
          ? "with the alarm due the kernel turns to another task"
          : "another task has the processor \(run.instructions) instructions after the event")
    }
    let found = isAnothersTurn ? nil : Found(run, outcome, Path(shot.path), shot.state)
    let ending = RunDigest.ending(outcome.end, outcome.view)
    question.log?.add(shot.state.rip, shot.event, ending, run, sinceFork: crossingFork)
    var course: Course?
    if let footprint = shot.footprint, shot.path.count < question.depth, found == nil, end == .user {
      course = continuation!.course(footprint, of: run, ending: ending, stores: shot.stores)
    }
    return Trial(
      path: shot.path, arrival: found != nil ? .harmful : shot.arrival, found: found,
      digest: run.digest.closed(by: ending), course: course,
      ending: found == nil && !isAnothersTurn && end == .user ? ending : nil,
      drift: end == .user ? question.drift : nil)
  }
}
