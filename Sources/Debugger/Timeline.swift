/// The positions of one run, in both directions: a run is what its path makes of it, so that going back is going to a checkpoint and on to
/// the boundary before.
///
/// A checkpoint is a fork of the machine every few thousand boundaries, the first the crossing itself. A fork empties the translation caches,
/// so a run of more boundaries than that has them empty there, where a replay has not: it matters to a kernel alone that relies on a
/// translation which is older than its page-table entry.
import Execution
import Explorer
import Findings
import Invariants
import Machine
import Platform
import Subjects

package final class Timeline {
  package let crossing: PreparedCrossing
  /// What happens at which boundary.
  package private(set) var steps: [Int: PathStep] { didSet { events = steps.mapValues(\.event) } }
  private var events: [Int: EventKind]
  package private(set) var run: Run
  /// How the run ended; nil while it has not, or has more to do.
  package private(set) var end: RunEnd?
  /// What the step that led to this boundary did to something that is watched.
  package private(set) var touch: Touch?

  private var checkpoints: [(boundary: Int, mark: Run.Mark)]
  private let watcher = Watcher()

  /// Boundaries from one checkpoint to the next.
  static let spacing = 4096

  package init(_ crossing: PreparedCrossing, _ path: Path) {
    self.crossing = crossing
    steps = Dictionary(path.steps.map { ($0.boundary, $0) }) { first, _ in first }
    events = steps.mapValues(\.event)
    run = crossing.run()
    checkpoints = [(0, run.mark)]
  }

  /// What happens in the run, outermost first.
  package var path: Path { Path(steps.values.sorted()) }

  /// The run in which the events happen; where each does is found by running it.
  package convenience init(_ crossing: PreparedCrossing, events: [Int: EventKind]) {
    self.init(
      crossing,
      Path(events.map { PathStep(boundary: $0, location: Location(address: 0), event: $1) }))
    for boundary in events.keys.sorted() where go(to: boundary) {
      steps[boundary]?.location = crossing.machine.location(processor.rip)
    }
    go(to: 0)
  }

  package var boundary: Int { run.boundary }
  package var computer: any PlatformComputer { crossing.computer }
  package var processor: Processor { computer.processor }

  /// The run has a next step.
  package var goesOn: Bool { end == nil || end == .user && run.hasEvent(events) }

  package var watchpoints: [Stops.Watchpoint] {
    get { watcher.watchpoints }
    set {
      watcher.watchpoints = newValue
      // Whoever sets the observer empties the translation caches.
      if (processor.observer == nil) != newValue.isEmpty { processor.observer = newValue.isEmpty ? nil : watcher }
    }
  }

  // MARK: Forwards

  /// Takes steps until `stops` says so at the boundary behind one, or the run ends.
  package func advance(until stops: () -> Bool) {
    guard goesOn else { return }
    var isFirst = true
    var last: Int?
    end = run.play(
      goesOn: { run.hasEvent(events) },
      choosing: {
        if !isFirst {
          arrive()
          if stops() { return .stop }
        }
        isFirst = false
        // What only fell due is not made to happen again.
        if last == boundary { return .step }
        last = boundary
        return run.choice(events)
      })
    if end != nil { arrive() }
  }

  /// Takes in the step that led here.
  private func arrive() {
    touch = watcher.take()
    if touch == nil, let delivery = run.deliveries.last, delivery.step == boundary, !watcher.watchpoints.isEmpty {
      // A hypervisor's push of a frame is no access of the processor's.
      watcher.note(delivery.frame, UInt64(delivery.wordCount) * 8, isWrite: true)
      touch = watcher.take()
    }
    guard end == nil, boundary >= checkpoints[checkpoints.count - 1].boundary + Self.spacing else { return }
    computer.fork()
    checkpoints.append((boundary, run.mark))
  }

  /// Goes to the boundary. False, and the run at its end, where it has none of the number; `isInterrupted` is asked now and then, and
  /// leaves it where it is.
  @discardableResult
  package func go(to target: Int, isInterrupted: () -> Bool = { false }) -> Bool {
    if target == boundary { return true }
    if target < boundary { back(toCheckpoint: checkpoint(before: target + 1)) }
    if target > boundary { advance { boundary >= target || isInterrupted() } }
    return boundary == target
  }

  // MARK: Backwards

  /// The last checkpoint below the boundary.
  private func checkpoint(before boundary: Int) -> Int { checkpoints.lastIndex { $0.boundary < boundary } ?? 0 }

  private func back(toCheckpoint index: Int) {
    while checkpoints.count > index + 1 {
      checkpoints.removeLast()
      computer.restore()
      computer.drop()
    }
    computer.restore()
    run.mark = checkpoints[index].mark
    end = nil
    touch = nil
    _ = watcher.take()
  }

  /// The last boundary before this one that is looked for, and the machine at it; nil, and the machine at boundary 0, where there is none.
  /// Where `isInterrupted` says so the machine is where it was.
  ///
  /// - Parameter isWanted: asked at each boundary, where the machine stands, in ascending order.
  package func retreat(
    isInterrupted: () -> Bool, to isWanted: () -> Bool
  ) -> (boundary: Int, touch: Touch?)? {
    let here = boundary
    var limit = here
    while limit > 0 {
      let index = checkpoint(before: limit)
      let start = checkpoints[index].boundary
      back(toCheckpoint: index)
      var found: (boundary: Int, touch: Touch?)? = isWanted() ? (start, nil) : nil
      var wasInterrupted = false
      if start < limit {
        advance {
          // The step that led here is undone by going back to where it began.
          if let touch { found = (boundary - 1, touch) }
          if boundary < limit && isWanted() { found = (boundary, nil) }
          wasInterrupted = isInterrupted()
          return boundary >= limit || wasInterrupted
        }
        if end != nil, let touch { found = (boundary - 1, touch) }
      }
      if wasInterrupted {
        go(to: here)
        return nil
      }
      if let found {
        go(to: found.boundary)
        return found
      }
      limit = start
    }
    go(to: 0)
    return nil
  }

  // MARK: Another path

  /// Why the event cannot be made to happen at this boundary; nil where it can.
  package func obstacle(to event: EventKind) -> String? {
    guard type(of: computer).events.contains(event) else {
      return "\(event.rawValue) does not exist on \(computer.platform.rawValue)"
    }
    if computer.takes(event) { return nil }
    let obstacle = computer.obstacle(to: event)
    return "\(event.rawValue) cannot be taken here: "
      + (obstacle == .noSource ? "nothing can raise it" : "it is \(obstacle?.rawValue ?? "kept out")")
  }

  /// What happens at this boundary from now on; nil for nothing. What the path says of later ones is forgotten: they are others.
  package func setEvent(_ event: EventKind?) {
    steps = steps.filter { $0.key < boundary }
    if let event {
      steps[boundary] = PathStep(boundary: boundary, location: crossing.machine.location(processor.rip), event: event)
    }
  }

  /// What the invariants say of the path, by the replay's own rules; the machine is where it was.
  package func judge() -> PreparedCrossing.Judgement {
    let here = boundary
    let watched = watchpoints
    watchpoints = []
    back(toCheckpoint: 0)
    let judgement = crossing.judge(self.path)
    run = crossing.run()
    checkpoints = [(0, run.mark)]
    end = nil
    watchpoints = watched
    go(to: here)
    return judgement
  }
}
