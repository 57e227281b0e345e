/// The kernel makes no GS-relative access on the user's GS base.
///
/// SDM vol. 2B, "SWAPGS".
import Findings

struct GSOwned: Invariant {
  let description = InvariantDescription(
    identifier: "gs-owned",
    claim: "The kernel makes no GS-relative access on the user's GS base.",
    why:
      "Kernels keep per-CPU data behind GS. One SWAPGS too few or too many makes every such access go where the user chose.",
    citation: "Intel SDM vol. 2B, \"SWAPGS\"; AMD APM vol. 2, \"SWAPGS Instruction\"",
    specimens: ["ablation swapgs-skipped-at-entry"])

  func judge(_ run: Evidence) -> Violation? {
    guard let stray = run.strayGS else { return nil }
    return Violation(
      "a GS-relative access in kernel mode used the user's GS base \(hex(stray.gsBase))", step: stray.step,
      at: stray.rip,
      origin: run.boundary?.rip, run.boundary == nil ? nil : "the event was taken here")
  }
}
