/// The loop in which a run is played. Who plays it says at each boundary what happens there; every step of a run that is not one of a
/// search is taken here.
import Findings
import Invariants
import Platform

/// What happens at a boundary.
package enum Choice {
  /// One step: at the first boundary the crossing, behind it an instruction or the delivery of an event that is due.
  case step
  /// The event, which the platform lets in here or takes note of.
  case event(EventKind)
  /// The run is left where it stands.
  case stop
}

extension Run {
  /// Plays a run that stands at its first boundary. Nil where it was stopped before its end.
  ///
  /// - Parameter goesOn: asked in user mode behind the crossing, whether something is to happen there.
  @discardableResult
  package func play(goesOn: () -> Bool = { false }, choosing choose: () throws -> Choice) rethrows -> RunEnd? {
    while true {
      let end: RunEnd?
      switch try choose() {
      case .step: end = step()
      case .event(let event): end = inject(event)
      case .stop: return nil
      }
      if let end, end != .user || !goesOn() { return end }
    }
  }

  /// What a path says of the boundary: the event that it names, where that can be taken, or a step.
  package func choice(_ path: [Int: EventKind]) -> Choice {
    guard let event = path[boundary], computer.takes(event) else { return .step }
    return .event(event)
  }

  /// The path names an event for the boundary, and it can be taken.
  package func hasEvent(_ path: [Int: EventKind]) -> Bool { path[boundary].map(computer.takes) ?? false }

  /// Plays to the end without a look: as fast as the machine can or, where `stepped`, step by step.
  package func crossAndFinish(stepped: Bool) -> RunEnd { cross() ?? finish(stepped: stepped) }

  /// The same from anywhere behind the crossing.
  package func finish(stepped: Bool) -> RunEnd {
    var end: RunEnd?
    while end == nil { end = stepped ? step() : proceed() }
    return end!
  }
}
