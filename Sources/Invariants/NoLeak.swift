/// What user mode sees does not depend on what the kernel keeps secret.
///
/// CVE-2009-2910, CVE-2014-8133: registers and stack words of the kernel that reached user mode.
import Findings

struct NoLeak: Monitor {
  static let description = InvariantDescription(
    identifier: "no-leak",
    claim: "User mode sees nothing that depends on what is left on the kernel's stacks.",
    why:
      "The crossing is run twice with different bytes in the unused part of the kernel's stack, and of the stacks that the "
      + "task state segment names. If anything that the user can see differs, kernel memory reached it.",
    citation: "AMD APM vol. 2, \"Long-Mode Stack Switches\"; CVE-2009-2910",
    specimens: ["ablation frame-slot-unwritten"])

  func goesOn(as other: NoLeak) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard let view = run.view, let other = run.secretView, let difference = other.difference(from: view) else {
      return nil
    }
    return Violation("user mode depends on what was left on the kernel's stacks: \(difference)", at: view.rip)
  }
}
