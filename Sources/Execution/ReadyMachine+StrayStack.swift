/// Whether a crossing comes to the task's kernel stack at all, which is where most other kinds of crossings work.
import Findings
import Invariants
import Machine
import Subjects

extension ReadyMachine {
  /// Nil where it does, or nothing can be said: an NMI and a #DB may be handled on interrupt stacks alone.
  package func strayStack(_ crossing: CrossingKind, _ boundaries: [Boundary]) -> StrayStack? {
    let (pages, kinds) = commonWorkplaces(without: crossing)
    let owned = boundaries.indices.filter {
      boundaries[$0].state.isKernel && boundaries[$0].ownership.isDisjoint(with: .notKernelStack)
    }
    guard !pages.isEmpty, let first = owned.first else { return nil }
    for index in owned {
      let rsp = boundaries[index].state.rsp
      if pages.contains((rsp &- 8) >> 12) { return nil }
      if (crossing == .nmi || crossing == .db) && computer.processor.isOnInterruptStack(rsp) { return nil }
    }
    return StrayStack(
      rsp: boundaries[first].state.rsp, page: pages.min()! << 12, others: kinds,
      rip: boundaries[first].state.rip)
  }
}
