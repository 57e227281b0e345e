/// The loop that plays a run to its end.
import Invariants

extension Run {
  /// Goes on to the end; where `stepped`, step by step.
  package func finish(stepped: Bool) -> RunEnd {
    var end: RunEnd?
    while end == nil { end = stepped ? step() : proceed() }
    return end!
  }
}
