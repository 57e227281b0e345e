/// The kernel does not run into the limits of the user's page tables, nor the user on the kernel's.
///
/// SDM vol. 3A, "Paging"; Linux Documentation/arch/x86/pti.rst.
import Findings

struct PageTablesOwned: Monitor {
  static let description = InvariantDescription(
    identifier: "page-tables-owned",
    claim: "Kernel and user each run on page tables of their own.",
    why:
      "With page-table isolation the user's tables map only the entry code. Whatever the kernel touches beyond it before "
      + "CR3 is switched, or after it is switched back, faults in kernel mode. User mode on the kernel's tables sees what "
      + "they were to hide.",
    citation: "Intel SDM vol. 3A, \"4-Level Paging\"; Linux Documentation/arch/x86/pti.rst",
    specimens: ["ablation user-cr3-kept-at-entry", "ablation kernel-page-tables-kept-for-user"])

  private var fault: DeliveryRecord?

  mutating func take(_ delivery: DeliveryRecord) {
    guard fault == nil, delivery.vector == 14 || delivery.vector == 8, delivery.fromKernel, !delivery.injected,
      delivery.ownership.contains(.userTables), !delivery.ownership.contains(.userRSP)
    else { return }
    fault = delivery
  }

  func goesOn(as other: PageTablesOwned) -> Bool { fault == nil && other.fault == nil }

  func judge(_ run: Outcome) -> Violation? {
    if let fault {
      return Violation(
        "kernel mode faulted on \(hex(fault.cr2)) while the user's page tables were loaded", step: fault.step,
        at: fault.from, origin: run.eventOrigin, Outcome.eventWords)
    }
    guard run.end == .user, let tables = run.foreignTables else { return nil }
    return Violation(
      "user mode runs on page tables at \(hex(tables)), which are not its own", at: run.view?.rip ?? 0,
      origin: run.eventOrigin, Outcome.eventWords)
  }
}
