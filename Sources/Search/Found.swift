/// A run that broke an invariant, and the path that names it.
import Execution
import Findings
import Invariants
import Platform

package struct Found {
  package var invariant: InvariantName
  package var violation: Violation
  package var path: Path
  package var boundary: BoundaryState

  /// What broke first in the run; nil when everything held.
  package init?(_ run: Run, _ outcome: Outcome, _ path: Path, _ boundary: BoundaryState) {
    guard let (invariant, broken) = run.monitors.blame(outcome, from: path.steps.first?.boundary ?? 0) else {
      return nil
    }
    var violation = broken
    if let use = violation.use {
      let origin = run.writes.origin(of: use)
      (violation.origin, violation.originText) = (origin.rip, origin.words)
    }
    self.invariant = invariant
    self.violation = violation
    self.path = path
    self.boundary = boundary
  }
}
