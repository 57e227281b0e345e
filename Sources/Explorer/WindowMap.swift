/// The runs of boundaries on which some state is the user's, and what can arrive there.
import Findings
import Invariants

struct WindowMap {
  var windows: [Window] = []

  init(_ boundaries: [Exploration.Boundary], _ crossing: CrossingKind, _ machine: ReadyMachine) {
    for (kind, owner) in [(WindowKind.rsp, Ownership.notKernelStack), (.gs, .userGS), (.pageTables, .userTables)] {
      var start: Int?
      var isFirst = true
      for i in 0...boundaries.count {
        let inside =
          i < boundaries.count && boundaries[i].state.isKernel && !boundaries[i].ownership.isDisjoint(with: owner)
        if inside && start == nil { start = i }
        guard !inside, let from = start else { continue }
        start = nil
        let part = boundaries[from..<i]
        windows.append(
          Window(
            kind: kind, crossing: crossing, direction: isFirst && from <= 2 ? .entry : .exit, start: from,
            first: machine.location(part.first!.state.rip), last: machine.location(part.last!.state.rip),
            boundaries: part.count, events: Self.events(part)))
        isFirst = false
      }
    }
  }

  private static func events(_ part: ArraySlice<Exploration.Boundary>) -> [WindowEvent] {
    var counts: [EventKind: [Arrival: Int]] = [:]
    for boundary in part {
      for (event, arrival) in boundary.arrivals { counts[event, default: [:]][arrival, default: 0] += 1 }
    }
    return counts.flatMap { event, arrivals in
      arrivals.map { arrival, count in
        let arrives = arrival == .ownStack || arrival == .recovered || arrival == .harmful
        return WindowEvent(event, arrival, boundaries: arrives ? count : 0)
      }
    }
  }
}
