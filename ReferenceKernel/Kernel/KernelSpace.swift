// The kernel's own mappings on bare metal, beyond what its first instructions have made: guard pages below the stacks, and what user mode's
// page tables have of the kernel where a design keeps the two apart. SDM vol. 3A, "4-Level Paging".

enum KernelSpace {
  /// The table of the last 512 GiB for user mode; 0 where it has what the kernel has.
  nonisolated(unsafe) private static var userL3: UInt = 0

  static func start() {
    // Below each of the stacks of tasks, and of interrupts.
    for stack in UInt(0)..<UInt(TASKS) { unmap(kernel_stacks_address() + stack * 3 * 4096) }
    for stack in UInt(0)..<4 { unmap(interrupt_stacks_address() + stack * 2 * 4096) }
    if fred_stacks_address() != 0 { for level in UInt(0)..<3 { unmap(fred_stacks_address() + level * 2 * 4096) } }
    if page_table_isolation_address() != 0 { isolate() }
  }

  private static func physical(_ address: UInt) -> UInt { address - Memory.imageBase }

  /// What lies there faults from now on. The first pages are of 2 MiB (Start/StartPVH.S).
  private static func unmap(_ address: UInt) {
    let entry = boot_l2_address() + (address >> 21) % 512 * 8
    let value = load(entry)
    if value & 1 << 7 != 0 {
      let table = Memory.take()
      for index in UInt(0)..<512 { store(table + index * 8, value & ~(1 << 7) + index * 4096) }
      store(entry, physical(table) | 3)
    }
    store(Memory.imageBase + load(entry) & Page.addressMask + (address >> 12) % 512 * 8, 0)
  }

  // MARK: Page-table isolation

  /// Code, constants, and the data from `percpu` on, that is descriptor tables and stacks. Everything else is out of user mode's reach, and of the
  /// kernel's on user mode's tables. KAISER, from which Linux has it (4.15), mapped the stacks too.
  private static func isolate() {
    userL3 = Memory.take()
    let l2 = Memory.take()
    store(userL3 + 510 * 8, physical(l2) | 3)
    expose(Memory.imageBase + 0x100000, rodata_end_address(), l2)
    expose(percpu_address(), entry_end_address(), l2)
  }

  private static func expose(_ start: UInt, _ end: UInt, _ l2: UInt) {
    for address in stride(from: start & ~4095, to: end, by: 4096) {
      let entry = l2 + (address >> 21) % 512 * 8
      if load(entry) == 0 { store(entry, physical(Memory.take()) | 3) }
      let place = Memory.imageBase + load(entry) & Page.addressMask + (address >> 12) % 512 * 8
      if !isGuard(address) { store(place, physical(address) | 3) }
    }
  }

  private static func isGuard(_ address: UInt) -> Bool {
    let (tasks, interrupts) = (address &- kernel_stacks_address(), address &- interrupt_stacks_address())
    return tasks < UInt(TASKS) * 3 * 4096 && tasks % (3 * 4096) == 0 || interrupts < 8 * 4096 && interrupts % 8192 == 0
  }

  /// The entry of the last 512 GiB in user mode's tables.
  static func userEntry(_ kernels: UInt) -> UInt { userL3 == 0 ? kernels : physical(userL3) | 3 }

  /// What the entry code loads: Parts/PageTables.h.
  static func use(_ task: UnsafeMutablePointer<task>) {
    store(percpu_address() + UInt(PCPU_kernel_cr3), physical(task.pointee.kernel_l4))
    store(percpu_address() + UInt(PCPU_user_cr3), physical(task.pointee.user_l4))
  }
}
