/// User mode cannot raise by INT n what only hardware raises.
///
/// SDM vol. 3A, "Protection of Exception- and Interrupt-Handler Procedures"; Xen `xen/include/public/arch-x86/xen.h`, `trap_info`, TI_GET_DPL.
import Findings

struct GatesClosed: Monitor {
  static let description = InvariantDescription(
    identifier: "gates-closed",
    claim:
      "INT n of user mode reaches the handlers of #BP, #OF and vector 80H, and no other.",
    why:
      "A gate whose DPL is 3 may be used by any program. The handler of an exception or an interrupt then runs although there was none: without the "
      + "error code that it takes off the stack, with an old CR2, on a stack where nobody may be twice, and ends an interrupt that nobody "
      + "sent. So it is with the privilege level that a PV guest gives a vector of its trap table. INT n is "
      + "executed in user mode at the crossing, for each n; all but those that are there for programs must be #GP.",
    citation:
      "Intel SDM vol. 3A, \"Protection of Exception- and Interrupt-Handler Procedures\"; Xen public/arch-x86/xen.h, struct trap_info"
  )

  func goesOn(as other: GatesClosed) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard let gate = run.openGate else { return nil }
    let more = gate.others == 0 ? "" : " (and \(gate.others) more vectors are open)"
    return Violation(
      "INT \(hex(UInt64(gate.vector))) of user mode reaches the handler of that vector\(more)", at: gate.handler)
  }
}
