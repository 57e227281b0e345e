/// Kernel code does not run with flags that the user chose.
///
/// SDM vol. 2B, "SYSCALL" (IA32_FMASK); vol. 1, "EFLAGS Register".
import Findings

struct FlagsSanitised: Invariant {
  let description = InvariantDescription(
    identifier: "flags-sanitised",
    claim: "Beyond the entry window kernel code runs without the user's TF, DF and NT.",
    why:
      "DF turns every string copy around, NT makes IRET fault, TF single-steps the kernel. The entry code, or the SYSCALL "
      + "mask, must clear them before anything depends on them.",
    citation: "Intel SDM vol. 2B, \"SYSCALL\"; vol. 1, \"EFLAGS Register\"",
    specimens: ["ablation tf-not-masked-at-syscall"])

  func judge(_ run: Evidence) -> Violation? {
    guard let bad = run.badFlags else { return nil }
    return Violation(
      "kernel code runs with RFLAGS \(hex(bad.flags.rawValue)), which the user chose", step: bad.step, at: bad.rip)
  }
}
