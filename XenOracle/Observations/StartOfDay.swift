// What the kernel is entered with: xen/arch/x86/pv/dom0_build.c, dom0_construct_pv; xen/include/public/xen.h, "Start-of-day memory layout".
// What differs between dom0's builder and the toolstack's (the order of the parts, the magic word, flags) is left out.

struct StartState {
  private func register(_ index: UInt) -> UInt { load(start_registers_address() + 8 * index) }

  func report() {
    topic = "start"
    result("rflags", register(16))
    result("cs", register(17))
    result("ss", register(18))
    result("ds", register(19))
    result("es", register(20))
    result("fs", register(21))
    result("gs", register(22))
    result("rax", register(0))
    result("rcx", register(1))
    result("rdx", register(2))
    result("rbx", register(3))
    result("rbp", register(5))
    result("rdi", register(7))
    result("rsp-page-offset", register(4) & 0xFFF)
    result("start-info-page-offset", register(6) & 0xFFF)
    let tablesEnd = load(start_info + 88) + load(start_info + 96) * 4096
    result("stack-behind-page-tables", register(4) == tablesEnd + 4096 ? 1 : 0)
    result("page-tables-mapped-read-only", Memory.map(Memory.kernelL4, Memory.machine(Memory.kernelL4) | 0x63))
    result("shared-info-page-offset", load(start_info + 40) & 0xFFF)
    result("mask-of-vcpu-1", UInt(load_byte(vcpu_info + 65)))
    result("mask-of-vcpu-31", UInt(load_byte(vcpu_info + 31 * 64 + 1)))
    result("pending-of-vcpu-1", UInt(load_byte(vcpu_info + 64)))
    result("ports-pending", load(shared_page_address() + 2048))
    result("ports-masked", load(shared_page_address() + 2560))
    let m2p: UInt = 0xFFFF_8000_0000_0000
    result("m2p-inverse", load(m2p + Memory.machine(user_l4_address()) / 4096 * 8) == pseudoPhysical ? 1 : 0)
    result("module-length", load(start_info + 120))
    result("l4-used-slots", slots())
  }

  private var pseudoPhysical: UInt { (user_l4_address() - Memory.imageBase) / 4096 }

  /// Of the guest's own L4 slots, how many are present at start: one, and the user window's.
  private func slots() -> UInt {
    var (index, count): (UInt, UInt) = (0, 0)
    while index < 512 {
      if (index < 256 || index > 271) && load(Memory.kernelL4 + index * 8) & 1 == 1 { count += 1 }
      index += 1
    }
    return count
  }
}
