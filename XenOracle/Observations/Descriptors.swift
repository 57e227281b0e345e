// The guest's GDT and LDT: xen/arch/x86/pv/descriptor-tables.c, do_update_descriptor, check_descriptor; MMUEXT_SET_LDT.

private let bad: UInt = 0x1000
private let data0: UInt = 0x00CF_9300_0000_FFFF
private let data3: UInt = 0x00CF_F300_0000_FFFF
private let code3: UInt = 0x00AF_FB00_0000_FFFF
private let code32: UInt = 0x00CF_FB00_0000_FFFF
private let absent: UInt = 0x00CF_7300_0000_FFFF
private let tss: UInt = 0x0000_8900_0000_0067

private func table(_ index: UInt) -> UInt { spare_pages_address() + (6 + index) * 4096 }
private func readOnly(_ page: UInt) -> Int { Memory.map(page, Memory.machine(page) | 0x21) }
private func writable(_ page: UInt) -> Int { Memory.map(page, Memory.machine(page) | 0x63) }
private func frame(_ page: UInt) -> UInt { Memory.machine(page) >> 12 }

private func setGDT(_ page: UInt, _ entries: UInt = 16) -> Int { Hypercall.setGDT(words(frame(page)), entries) }
private func setLDT(_ address: UInt, _ entries: UInt) -> Int { ExtendedMMU.setLDT(address, entries) }

func observeDescriptors() {
  topic = "gdt"
  let gdt = table(0)
  var index: UInt = 0
  while index < 512 {
    store(gdt + index * 8, 0)
    index += 1
  }
  store(gdt + 8, data0)
  store(gdt + 16, data3)
  store(gdt + 24, code3)
  store(gdt + 32, code32)
  store(gdt + 40, absent)
  result("writable", setGDT(gdt))
  result("map-read-only", readOnly(gdt))
  result("set", setGDT(gdt))
  result("level-forced", load(gdt + 8))
  result("map-writable", writable(gdt))
  result("entries-7169", setGDT(gdt, 7169))
  result("bad-pointer", Hypercall.setGDT(bad, 16))
  result("bad-pointer-entries-7169", Hypercall.setGDT(bad, 7169))
  result("frame-far", Hypercall.setGDT(words(1 << 40), 16))
  result("two-frames-second-writable", Hypercall.setGDT(words(frame(gdt), frame(table(1))), 513))
  result("page-table", setGDT(user_l1_address()))

  everywhere("load-level-0", code_load_ds()) { _ in case_start.rdx = 0xB }
  everywhere("load-level-3", code_load_ds()) { _ in case_start.rdx = 0x13 }
  everywhere("load-code", code_load_ds()) { _ in case_start.rdx = 0x1B }
  everywhere("load-absent", code_load_ds()) { _ in case_start.rdx = 0x2B }
  everywhere("load-empty", code_load_ds()) { _ in case_start.rdx = 0x33 }
  observe("load-null", .user, code_load_ds()) { _ in case_start.rdx = 0 }
  observe("lar", .kernel, code_lar()) { _ in case_start.rdx = 0xB }
  observe("lar-absent", .kernel, code_lar()) { _ in case_start.rdx = 0x2B }

  // Code on the guest's own selectors: true in the frames of exceptions, lost in those of SYSCALL.
  everywhere("own-code-int3", code_int3()) { $0.frame.cs = 0x18 | $0.frame.cs & 3 }
  observe("own-code-syscall", .user, code_syscall()) { $0.frame.cs = 0x1B }
  observe("own-stack-int3", .user, code_int3()) { $0.frame.ss = 0x13 }
  observe("own-stack-syscall", .user, code_syscall()) { $0.frame.ss = 0x13 }
  observe("own-code-32-int3", .compatibility, code_int3_32()) { $0.frame.cs = 0x23 }
  observe("own-code-32-int80", .compatibility, code_int80_32()) { $0.frame.cs = 0x23 }
  observe("own-code-32-syscall", .compatibility, code_syscall32()) { $0.frame.cs = 0x23 }
  everywhere("own-code-absent", code_int3()) { $0.frame.cs = 0x28 | $0.frame.cs & 3 }
  observe("own-stack-absent", .user, code_int3()) { $0.frame.ss = 0x2B }
  everywhere("own-code-page-fault", code_load_rdx()) {
    $0.frame.cs = 0x18 | $0.frame.cs & 3
    case_start.rdx = Memory.window + 0x3000
  }
  everywhere("own-code-ud2", code_ud2()) { $0.frame.cs = 0x18 | $0.frame.cs & 3 }

  topic = "update_descriptor"
  let place = Memory.machine(gdt)
  result("data", Hypercall.updateDescriptor(place + 48, data0))
  result("data-read", load(gdt + 48))
  result("absent", Hypercall.updateDescriptor(place + 48, absent))
  result("absent-read", load(gdt + 48))
  result("zero", Hypercall.updateDescriptor(place + 48, 0))
  result("tss", Hypercall.updateDescriptor(place + 48, tss))
  result("ldt", Hypercall.updateDescriptor(place + 48, 0x0000_8200_0000_0067))
  result("interrupt-gate", Hypercall.updateDescriptor(place + 48, 0x0000_8E00_0018_0000))
  result("call-gate", Hypercall.updateDescriptor(place + 48, 0x0000_EC00_0018_1234))
  result("call-gate-read", load(gdt + 48))
  result("call-gate-null-target", Hypercall.updateDescriptor(place + 48, 0x0000_EC00_0000_1234))
  result("call-gate-xen-target", Hypercall.updateDescriptor(place + 48, 0x0000_EC00_E008_1234))
  result("call-gate-reserved", Hypercall.updateDescriptor(place + 48, 0x0000_EC01_0018_1234))
  result("type-0", Hypercall.updateDescriptor(place + 56, 0x0000_8000_0000_0000))
  result("unaligned", Hypercall.updateDescriptor(place + 52, data3))
  result("frame-far", Hypercall.updateDescriptor(1 << 50, data3))
  result("page-table", Hypercall.updateDescriptor(Memory.machineLeaf(Memory.window), data3))
  result("data-page", Hypercall.updateDescriptor(Memory.machine(spare_pages_address()), data3))
  result("data-page-read", load(spare_pages_address()))
  Hypercall.updateDescriptor(place + 48, 0)
  Hypercall.updateDescriptor(place + 56, 0)

  topic = "gdt"
  result("none", Hypercall.setGDT(0, 0))
  everywhere("load-after-none", code_load_ds()) { _ in case_start.rdx = 0x13 }
  result("map-writable-after", writable(gdt))
  store(gdt + 48, tss)
  result("map-read-only-after", readOnly(gdt))
  result("bad-descriptor", setGDT(gdt))
  result("map-writable-again", writable(gdt))
  store(gdt + 48, 0)

  topic = "ldt"
  let ldt = table(1)
  store(ldt, data3)
  store(ldt + 8, code3)
  store(ldt + 16, data0)
  result("unaligned", setLDT(ldt + 8, 2))
  result("too-many", setLDT(ldt, 8193))
  result("non-canonical", setLDT(0x8000_0000_0000, 1))
  result("in-xen", setLDT(0xFFFF_8300_0000_0000, 1))
  // The table is looked at when it is first used.
  result("set-writable", setLDT(ldt, 3))
  observe("load-writable", .kernel, code_load_ldt_selector()) { _ in case_start.rdx = 7 }
  result("map-read-only", readOnly(ldt))
  result("set", setLDT(ldt, 3))
  everywhere("load", code_load_ldt_selector()) { _ in case_start.rdx = 7 }
  everywhere("load-level-0", code_load_ldt_selector()) { _ in case_start.rdx = 0x17 }
  everywhere("load-beyond-limit", code_load_ldt_selector()) { _ in case_start.rdx = 0x1F }
  everywhere("code", code_int3()) { $0.frame.cs = 0xC | $0.frame.cs & 3 }
  observe("stack", .user, code_int3()) { $0.frame.ss = 7 }
  observe("sldt", .kernel, code_sldt())
  result("map-writable-while-used", writable(ldt))
  observe("load-null", .user, code_load_selectors()) { _ in
    case_start.rdx = 0
    case_start.rsi = 0
    case_start.rdi = 0
    case_start.rbp = 0
  }
  result("none", setLDT(0, 0))
  everywhere("load-after-none", code_load_ldt_selector()) { _ in case_start.rdx = 7 }
  result("map-writable-after", writable(ldt))
}
