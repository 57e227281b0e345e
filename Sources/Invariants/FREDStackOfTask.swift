/// In user mode the stack of level 0 is the one that the task had.
///
/// SDM, "ERETU"; Linux arch/x86/include/asm/fred.h, `fred_update_rsp0`.
import Findings

struct FREDStackOfTask: Monitor {
  static let description = InvariantDescription(
    identifier: "fred-stack-of-task",
    claim: "User mode runs with the top of its task's stack in IA32_FRED_RSP0.",
    why:
      "Every event of user mode begins there. Kernels write the register only where it seems to differ, and what they remember "
      + "of it may be wrong: the next event then lands on another task's stack, or becomes a double fault.",
    citation: "Linux fe85ee391966, de31b3cd7063; Documentation/FRED.md")

  /// What user mode had in the register when it crossed.
  var top: UInt64?
  private var violation: Violation?

  mutating func leave(_ back: FREDReturn) {
    guard violation == nil, !back.isKernel, let top, back.sight.taskStack != top else { return }
    violation = Violation(
      "user mode runs with \(hex(back.sight.taskStack)) in IA32_FRED_RSP0, and its task's stack ends at \(hex(top))",
      step: back.step, at: back.rip, origin: back.from, "the return")
  }

  func goesOn(as other: FREDStackOfTask) -> Bool {
    violation == nil && other.violation == nil && top == other.top
  }

  func judge(_ run: Outcome) -> Violation? { violation }
}
