/// No event's frame is overwritten while somebody still needs it.
///
/// SDM vol. 3A, "Interrupt Stack Table": an IST stack is entered at the same address each time, so a second event on it
/// overwrites the first one's frame (CVE-2015-3290, CVE-2015-3291).
import Findings

struct FrameIntact: Monitor {
  static let description = InvariantDescription(
    identifier: "frame-intact",
    claim: "No live frame is overwritten by another event.",
    why:
      "An IST stack starts at the same address for every event. When a second one arrives before the first has moved its "
      + "frame away, the first returns to where the second was taken.",
    citation: "Intel SDM vol. 3A, \"Interrupt Stack Table\", \"Handling Multiple NMIs\"")

  /// Frames whose handlers have not returned.
  private var frames: [DeliveryRecord] = []
  private var violation: Violation?

  mutating func take(_ later: DeliveryRecord) {
    guard !later.isLost else { return }
    if violation == nil, later.fromKernel, let earlier = frames.last(where: { $0.frame == later.frame }) {
      violation = Violation(
        "the frame of \(later.name) at \(hex(later.frame)) overwrote that of \(earlier.name)", step: later.step,
        at: later.from, origin: earlier.from, "the first of the two was taken here")
    }
    frames.append(later)
  }

  /// A return gives RSP back as the event found it, and the frame is done with; in user mode all are.
  mutating func leave(to rsp: UInt64, isKernel: Bool) {
    if !isKernel {
      frames.removeAll(keepingCapacity: true)
    } else if let done = Interruption.ended(byReturnTo: rsp, of: frames.lazy.map { $0.previousRSP }) {
      frames.remove(at: done)
    }
  }

  /// A handler that has not returned would return to there.
  func isInterrupted(at rsp: UInt64) -> Bool { frames.contains { $0.previousRSP == rsp } }

  func goesOn(as other: FrameIntact) -> Bool { goesOn(as: other, apart: false) }

  /// - Parameter apart: what follows is apart from the frames of both.
  func goesOn(as other: FrameIntact, apart: Bool) -> Bool {
    violation == nil && other.violation == nil
      && (apart || frames.elementsEqual(other.frames) { $0.delivery.frame == $1.delivery.frame })
  }

  /// None of the live frames lies at one of the places, and a return to one of those ends none of them.
  func isApart(from places: [UInt64]) -> Bool {
    !frames.contains { frame in
      places.contains {
        $0 == frame.delivery.frame || Interruption.mayEnd(byReturnTo: $0, at: frame.delivery.previousRSP)
      }
    }
  }

  /// A frame that nobody needed any more may be overwritten: the run shows it.
  func judge(_ run: Outcome) -> Violation? {
    run.end != .user || !run.isAsExpected ? violation : nil
  }
}
