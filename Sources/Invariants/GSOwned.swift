/// The kernel makes no GS-relative access on the user's GS base.
///
/// SDM vol. 2B, "SWAPGS".
import Findings

struct GSOwned: Monitor {
  static let description = InvariantDescription(
    identifier: "gs-owned",
    claim: "The kernel makes no GS-relative access on the user's GS base.",
    why:
      "Kernels keep per-CPU data behind GS. One SWAPGS too few or too many makes every such access go where the user chose.",
    citation: "Intel SDM vol. 2B, \"SWAPGS\"; AMD APM vol. 2, \"SWAPGS Instruction\"",
    specimens: ["ablation swapgs-skipped-at-entry"])

  private var stray: (step: Int, rip: UInt64, gsBase: UInt64)?

  /// The instruction is looked at while it still stands there.
  mutating func execute(_ sight: Sight) {
    guard stray == nil, needsEveryBoundary(sight), sight.nextInstructionUsesGS else { return }
    stray = (sight.step, sight.rip, sight.gsBase)
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { sight.isKernel && sight.gsIsUser }

  func goesOn(as other: GSOwned) -> Bool { stray == nil && other.stray == nil }

  func judge(_ run: Outcome) -> Violation? {
    stray.map {
      Violation(
        "a GS-relative access in kernel mode used the user's GS base \(hex($0.gsBase))", step: $0.step, at: $0.rip,
        origin: run.eventOrigin, Outcome.eventWords)
    }
  }
}
