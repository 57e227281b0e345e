/// No return and no indirect branch of the kernel's ends in the half of a cache line in which it may be predicted wrongly.
///
/// Intel, "Indirect Target Selection"; Linux Documentation/admin-guide/hw-vuln/indirect-target-selection.rst.
import Findings
import Machine

struct BranchesAligned: Monitor {
  static let description = InvariantDescription(
    identifier: "branches-aligned",
    claim:
      "Where the part may confuse the targets of branches in the lower half of a cache line, the last byte of every return and indirect branch "
      + "that the kernel executes lies in the upper half.",
    why:
      "Indirect branches and returns whose last byte is among the first 32 of a line may be predicted by what another branch there has left "
      + "(CVE-2024-28956). Kernels move them to thunks. A return that nobody moved is as bad as all: Xen's loop that clears the branch history "
      + "ended in one (XSA-469).",
    citation: "Intel, \"Indirect Target Selection\"",
    specimens: [])

  let isOwed: Bool
  private var broken: Violation?

  init(isOwed: Bool) { self.isOwed = isOwed }

  /// The processor notes the branches that are not where they should be.
  mutating func watch(_ transition: Transition, step: Int) {
    guard isOwed, broken == nil, transition.kind == .lowBranch else { return }
    broken = Violation(
      "a return or an indirect branch is made in the lower half of its cache line", step: step, at: transition.rip)
  }

  func goesOn(as other: BranchesAligned) -> Bool { broken == nil && other.broken == nil }

  func judge(_ run: Outcome) -> Violation? { broken }
}
