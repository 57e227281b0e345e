/// The kernel makes GS-relative accesses on its own GS base alone.
///
/// SDM vol. 2B, "SWAPGS".
import Findings

struct GSOwned: Monitor {
  static let description = InvariantDescription(
    identifier: "gs-owned",
    claim: "The kernel makes GS-relative accesses on its own GS base alone, not on the user's nor on any other.",
    why:
      "Kernels keep per-CPU data behind GS. One SWAPGS too few or too many makes every such access go where the user chose; a "
      + "handler that loads the base of another processor works on that one's data. The kernel's bases are those on which "
      + "the crossing without events works, whatever the user's is.",
    citation: "Intel SDM vol. 2B, \"SWAPGS\"; AMD APM vol. 2, \"SWAPGS Instruction\"",
    specimens: ["ablation swapgs-skipped-at-entry"])

  private var stray: (step: Int, rip: UInt64, gsBase: UInt64, isUsers: Bool)?

  /// The instruction is looked at while it still stands there.
  mutating func execute(_ sight: Sight) {
    guard stray == nil, needsEveryBoundary(sight), sight.nextInstructionUsesGS else { return }
    stray = (sight.step, sight.rip, sight.gsBase, sight.gsIsUser)
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { sight.isKernel && (sight.gsIsUser || sight.gsIsForeign) }

  func goesOn(as other: GSOwned) -> Bool { stray == nil && other.stray == nil }

  func judge(_ run: Outcome) -> Violation? {
    stray.map {
      Violation(
        $0.isUsers
          ? "a GS-relative access in kernel mode used the user's GS base \(hex($0.gsBase))"
          : "a GS-relative access used GS base \(hex($0.gsBase)), which is neither the kernel's nor the user's",
        step: $0.step, at: $0.rip, of: StateUse(.gsBase, at: $0.step))
    }
  }
}
