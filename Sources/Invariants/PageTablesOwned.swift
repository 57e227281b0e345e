/// The kernel does not run into the limits of the user's page tables, nor the user on the kernel's.
///
/// SDM vol. 3A, "Paging"; Linux Documentation/arch/x86/pti.rst.
import Findings

struct PageTablesOwned: Invariant {
  let description = InvariantDescription(
    identifier: "page-tables-owned",
    claim: "Kernel and user each run on page tables of their own.",
    why:
      "With page-table isolation the user's tables map only the entry code. Whatever the kernel touches beyond it before "
      + "CR3 is switched, or after it is switched back, faults in kernel mode. User mode on the kernel's tables sees what "
      + "they were to hide.",
    citation: "Intel SDM vol. 3A, \"4-Level Paging\"; Linux Documentation/arch/x86/pti.rst",
    specimens: ["ablation user-cr3-kept-at-entry", "ablation kernel-page-tables-kept-for-user"])

  func judge(_ run: Evidence) -> Violation? {
    for delivery in run.deliveries
    where (delivery.vector == 14 || delivery.vector == 8) && delivery.fromKernel && !delivery.injected
      && delivery.ownership.contains(.userTables) && !delivery.ownership.contains(.userRSP)
    {
      return Violation(
        "kernel mode faulted on \(hex(delivery.cr2)) while the user's page tables were loaded", step: delivery.step,
        at: delivery.from,
        origin: run.boundary?.rip, run.boundary == nil ? nil : "the event was taken here")
    }
    guard run.end == .user, let tables = run.foreignTables else { return nil }
    return Violation(
      "user mode runs on page tables at \(hex(tables)), which are not its own", at: run.view?.rip ?? 0,
      origin: run.boundary?.rip, run.boundary == nil ? nil : "the event was taken here")
  }
}
