/// The runs of boundaries on which some state is the user's, or the kernel mistaken about its interrupts, and what can arrive
/// there.
import Execution
import Findings
import Invariants
import Subjects

struct WindowMap {
  var windows: [Window] = []

  /// - Parameters:
  ///   - firstCall: the boundary at which the kernel's way in ends, where it has one.
  ///   - lastReturn: the boundary at which its way out starts.
  init(
    _ boundaries: [Boundary], _ crossing: CrossingKind, _ machine: ReadyMachine, firstCall: Int?,
    lastReturn: Int
  ) {
    for kind in WindowKind.allCases {
      var start: Int?
      var isFirst = true
      for i in 0...boundaries.count {
        let inside = i < boundaries.count && boundaries[i].state.isKernel && Self.holds(kind, at: boundaries[i])
        if inside && start == nil { start = i }
        guard !inside, let from = start else { continue }
        start = nil
        let part = boundaries[from..<i]
        let isEntry = kind.isUserState ? (isFirst && from <= 2) || from < firstCall ?? 0 : i <= lastReturn
        windows.append(
          Window(
            kind: kind, crossing: crossing, direction: isEntry ? .entry : .exit, start: from,
            first: machine.location(part.first!.state.rip), last: machine.location(part.last!.state.rip),
            boundaries: part.count, events: Self.events(part)))
        isFirst = false
      }
    }
  }

  private static func holds(_ kind: WindowKind, at boundary: Boundary) -> Bool {
    switch kind {
    case .rsp: !boundary.ownership.isDisjoint(with: .notKernelStack)
    case .gs: boundary.ownership.contains(.userGS)
    case .pageTables: boundary.ownership.contains(.userTables)
    case .interrupts: boundary.claimedOn == false && boundary.state.interruptsOpen
    case .interruptTrace: boundary.tracedOn.map { $0 != boundary.state.interruptsOpen } ?? false
    }
  }

  private static func events(_ part: ArraySlice<Boundary>) -> [WindowEvent] {
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
