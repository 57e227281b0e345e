/// A kernel that takes the user's values out of the registers does so on every way in.
///
/// Intel, "Analyzing Potential Bounds Check Bypass Vulnerabilities"; Linux arch/x86/entry/calling.h, CLEAR_REGS.
import Findings

struct RegistersCleared: Monitor {
  static let description = InvariantDescription(
    identifier: "registers-cleared",
    claim:
      "No crossing begins its work with a value of the user's in a register that most of the kernel's other crossings clear, nor in one of the few that "
      + "it does not clear itself.",
    why:
      "A value that user mode chose and that stands in a register while C code runs is there for whatever is executed speculatively: behind a branch "
      + "that is predicted wrongly it is an address or an index. So kernels store the registers and clear them, before they call the function that does "
      + "the work; what that needs it is given as arguments. The crossing is made again with other values in the user's registers, and a register that then differs is "
      + "not cleared. The function is the longest that the crossing calls. Where a crossing clears eight of "
      + "RBX, RBP and R8 to R15, none of them may hold such a value, but R8 and R9, which are arguments. A kernel that clears none is not asked.",
    citation:
      "Intel, \"Analyzing Potential Bounds Check Bypass Vulnerabilities\"; Linux 8e1eb3fa009a, 6b8cf5cc9965 (4.16)")

  func goesOn(as other: RegistersCleared) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    run.keptRegister.map {
      Violation(
        "the work begins with the user's value, or what is made of it, in \($0.register), \(hex($0.value)), \(words($0.clearing))",
        at: $0.rip)
    }
  }

  private func words(_ clearing: KeptRegister.Clearing) -> String {
    switch clearing {
    case .byOtherCrossings(let kinds): "which \(kinds) other kinds of crossings clear"
    case .ofOthersHere(let registers): "where the crossing clears \(registers) of RBX, RBP and R8 to R15"
    }
  }
}
