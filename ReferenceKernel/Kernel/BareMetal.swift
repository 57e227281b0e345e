// What a kernel sets up on bare metal: descriptor tables, system-call registers, interrupt controllers and the tick.
// SDM vol. 3A, "64-Bit Mode Stack Frame", "Task Management in 64-Bit Mode", "System-Call Entry"; Intel 8259A and 8254 data sheets.

enum BareMetal {
  private static let apic: UInt = 0xFFFF_FFFF_C000_0000
  static let ticksPerSecond: UInt = 100

  static func start() {
    let percpu = percpu_address()
    write_msr(0xC000_0101, percpu)
    write_msr(0xC000_0102, 0)
    startDescriptors()
    startSystemCalls()
    startControlRegisters()
    startInterrupts()
    initialise_fpu()
    // Nothing below 2^47 is the kernel's from here on.
    store(boot_l4_address(), 0)
    KernelSpace.start()
    write_cr3(boot_l4_address() - Memory.imageBase)
    takeModule()
  }

  private static func startDescriptors() {
    let gdt = gdt_address()
    store(gdt + 0x10, 0x00AF_9B00_0000_FFFF)
    store(gdt + 0x18, 0x00CF_9300_0000_FFFF)
    Descriptors.user(gdt)
    let tss = tss_address()
    // RSP0 is set with each task. IST1 to IST4 are the interrupt stacks.
    for number in UInt(1)...4 { store(tss + 0x1C + number * 8, interrupt_stacks_address() + number * 8192) }
    store_half(tss + 0x64, 104 << 16)
    store(gdt + 0x40, tss << 16 & 0xFF_FFFF_0000 | (tss >> 24) << 56 | 0x8900_0000_0000 | 103)
    store(gdt + 0x48, tss >> 32)
    let ldt = ldt_address()
    store(gdt + 0x50, ldt << 16 & 0xFF_FFFF_0000 | (ldt >> 24) << 56 | 0x8200_0000_0000 | UInt(LDT_ENTRIES) * 8 - 1)
    store(gdt + 0x58, ldt >> 32)
    load_gdt(pointer(gdt, limit: 0x5F))
    reload_segments()
    load_task_register()
    if user_ldt_address() != 0 { load_ldt() }

    var row = trap_table_address()
    while Int(bitPattern: load(row)) >= 0 {
      let vector = load(row)
      gate(vector, load(row + 8), stack: interruptStack(vector), level: vector == 3 || vector == 4 ? 3 : 0)
      row += 24
    }
    for line in UInt(0)..<16 { gate(0x20 + line, interrupt_stubs_address() + line * 16) }
    gate(0x80, entry_INT80_address(), level: 3)
    gate(0xFF, interrupt_spurious_address())
    load_idt(pointer(idt_address(), limit: 4095))
  }

  private static func interruptStack(_ vector: UInt) -> UInt {
    switch vector {
    case 2: 1
    case 1: 2
    case 18: 3
    case 8: 4
    default: 0
    }
  }

  private static func gate(_ vector: UInt, _ target: UInt, stack: UInt = 0, level: UInt = 0) {
    let place = idt_address() + vector * 16
    let low = target & 0xFFFF | UInt(KERNEL_CS) << 16
    store(place, low | stack << 32 | (0x8E | level << 5) << 40 | (target >> 16) << 48)
    store(place + 8, target >> 32)
  }

  /// The operand of LGDT and LIDT.
  private static func pointer(_ base: UInt, limit: UInt) -> UInt {
    let place = scratch_address()
    store(place, limit | base << 16)
    store(place + 8, base >> 48)
    return place
  }

  private static func startSystemCalls() {
    write_msr(0xC000_0081, UInt(USER32_CS) << 48 | UInt(KERNEL_CS) << 32)
    write_msr(0xC000_0082, entry_SYSCALL_64_address())
    write_msr(0xC000_0083, entry_SYSCALL_compat_address())
    write_msr(0xC000_0084, UInt(FLAGS_TF | FLAGS_DF | FLAGS_IF | 0x3000 | FLAGS_AC | FLAGS_NT))
    write_msr(0x174, UInt(KERNEL_CS))
    write_msr(0x175, sysenter_stack_top_address())
    write_msr(0x176, entry_SYSENTER_compat_address())
  }

  private static func startControlRegisters() {
    var (a, b, c, d): (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    cpuid(0, &a, &b, &c, &d)
    let highest = a
    cpuid(1, &a, &b, &c, &d)
    var cr4 = read_cr4()
    if d & 1 << 7 != 0 { cr4 |= 1 << 6 }  // MCE
    if highest >= 7 {
      cpuid(7, &a, &b, &c, &d)
      if b & 1 << 7 != 0 { cr4 |= 1 << 20 }  // SMEP
      if b & 1 != 0 && fsgsbase_address() != 0 { cr4 |= 1 << 16 }  // FSGSBASE
    }
    write_cr4(cr4)
  }

  /// The 8259s at vectors 0x20 and 0x28, all masked but the timer; the local APIC lets them through, as a "virtual wire"
  /// (Intel MultiProcessor Specification, "Virtual Wire Mode"); counter 0 of the 8254 as a rate generator.
  private static func startInterrupts() {
    startController(0x20, vectors: 0x20, wiring: 4, mask: 0xFE)
    startController(0xA0, vectors: 0x28, wiring: 2, mask: 0xFF)
    if read_msr(0x1B) & 1 << 11 != 0 {
      store_half(apic + 0xF0, 0x1FF)
      store_half(apic + 0x350, 0x700)
    }
    let count = 1_193_182 / ticksPerSecond
    out(0x43, 0x34)
    out(0x40, UInt8(truncatingIfNeeded: count))
    out(0x40, UInt8(truncatingIfNeeded: count >> 8))
  }

  private static func startController(_ port: UInt16, vectors: UInt8, wiring: UInt8, mask: UInt8) {
    out(port, 0x11)
    out(port + 1, vectors)
    out(port + 1, wiring)
    out(port + 1, 1)
    out(port + 1, mask)
  }

  /// The first module of struct hvm_start_info (xen/include/public/arch-x86/hvm/start_info.h) is the initramfs.
  private static func takeModule() {
    let info = Memory.imageBase + kernel.start_info
    guard load_half(info + 12) > 0 else { return }
    let module = Memory.imageBase + load(info + 16)
    guard load(module) + load(module + 8) <= 1 << 30 else { panic("the initramfs lies above the first GiB") }
    kernel.initramfs = Memory.imageBase + load(module)
    kernel.initramfs_size = load(module + 8)
  }

  /// An interrupt of the 8259s. Lines 7 and 15 may be spurious: then nothing is in service.
  static func interrupt(_ vector: UInt) {
    let line = vector - 0x20
    if line == 7 || line == 15 {
      let port: UInt16 = line == 7 ? 0x20 : 0xA0
      out(port, 0x0B)
      if `in`(port) & 0x80 == 0 {
        if line == 15 { out(0x20, 0x20) }
        return
      }
    }
    if line >= 8 { out(0xA0, 0x20) }
    out(0x20, 0x20)
    if line == 0 { Clock.tick() }
  }
}

enum Descriptors {
  /// The user's segments, the same on both platforms: 32-bit code, data, 64-bit code.
  static func user(_ gdt: UInt) {
    store(gdt + 0x20, 0x00CF_FB00_0000_FFFF)
    store(gdt + 0x28, 0x00CF_F300_0000_FFFF)
    store(gdt + 0x30, 0x00AF_FB00_0000_FFFF)
  }
}
