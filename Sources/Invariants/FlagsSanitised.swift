/// Kernel code does not run with flags that the user chose.
///
/// SDM vol. 2B, "SYSCALL" (IA32_FMASK); vol. 1, "EFLAGS Register".
import Findings
import Machine

struct FlagsSanitised: Monitor {
  static let description = InvariantDescription(
    identifier: "flags-sanitised",
    claim: "Beyond the entry window kernel code runs without the user's TF, DF and NT.",
    why:
      "DF turns every string copy around, NT makes IRET fault, TF single-steps the kernel. The entry code, or the SYSCALL "
      + "mask, must clear them before anything depends on them.",
    citation: "Intel SDM vol. 2B, \"SYSCALL\"; vol. 1, \"EFLAGS Register\"",
    specimens: ["ablation tf-not-masked-at-syscall"])

  /// SYSENTER leaves TF as the user had it, and the processor's trap finds kernel code.
  let allowsTrapFlag: Bool
  private var bad: (step: Int, rip: UInt64, flags: RFLAGS)?
  /// CALLs of the entry code on the kernel's stack, as far as they matter.
  private var calls = 0

  init(allowsTrapFlag: Bool) { self.allowsTrapFlag = allowsTrapFlag }

  /// The entry code has until it calls what does the work to clear DF and NT; its first call may be to the code that does that (Linux
  /// 5.10: `error_entry` and `paranoid_entry` begin with CLD).
  mutating func arrive(_ sight: Sight) {
    guard bad == nil else { return }
    if sight.rflags.contains(.trap) && !allowsTrapFlag {
      bad = (sight.step, sight.rip, sight.rflags)
    } else if sight.ownsRSP && calls < 2 && sight.nextInstructionIsCall {
      if calls == 1 && !sight.rflags.isDisjoint(with: [.direction, .nestedTask]) {
        bad = (sight.step, sight.rip, sight.rflags)
      }
      calls += 1
    }
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { calls < 2 || sight.rflags.contains(.trap) }

  /// The more calls were seen the less is asked.
  func goesOn(as other: FlagsSanitised) -> Bool {
    bad == nil && other.bad == nil && (calls == other.calls || calls == 2)
  }

  func judge(_ run: Outcome) -> Violation? {
    bad.map {
      Violation(
        "kernel code runs with RFLAGS \(hex($0.flags.rawValue)), which the user chose", step: $0.step, at: $0.rip)
    }
  }
}
