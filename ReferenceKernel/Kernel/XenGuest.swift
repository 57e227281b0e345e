// What a kernel sets up as a Xen PV guest: the same things as on bare metal, by hypercalls. xen/include/public/xen.h, callback.h,
// event_channel.h, vcpu.h.

enum XenGuest {
  /// In the frame that the kernel keeps vcpu_info in.
  private static var vcpuInfo: UInt { percpu_address() + UInt(PCPU_vcpu_info) }

  static func start() {
    // GS_KERNEL: the base that is active now.
    Hypercall.setSegmentBase(2, percpu_address())
    // Masked before it moves and after.
    let info = words(Memory.machine(percpu_address()) >> 12, UInt(PCPU_vcpu_info))
    guard Hypercall.virtualCPUOperation(10, 0, info) == 0 else { panic("register_vcpu_info") }
    store_byte(vcpuInfo + 1, 1)
    Memory.remap(shared_page_address(), load(kernel.start_info + 40) | Page.all)
    startDescriptors()
    startCallbacks()
    startEvents()
    initialise_fpu()
    kernel.initramfs = load(kernel.start_info + 112)
    kernel.initramfs_size = load(kernel.start_info + 120)
  }

  private static func startDescriptors() {
    let gdt = gdt_address()
    Descriptors.user(gdt)
    Memory.remap(gdt, Memory.machine(gdt) | Page.readOnly)
    guard Hypercall.setGDT(words(Memory.machine(gdt) >> 12), 16) == 0 else { panic("set_gdt") }
  }

  /// struct trap_info { u8 vector, flags; u16 cs; unsigned long address; }: flags are the privilege level of INT n, and 4 to
  /// mask event upcalls as an interrupt gate masks interrupts.
  private static func startCallbacks() {
    let table = scratch_address() + 1024
    var place = table
    func add(_ vector: UInt, _ level: UInt, _ address: UInt) {
      store(place, vector | (level | 4) << 8 | 0xE033 << 16)
      store(place + 8, address)
      place += 16
    }
    var row = trap_table_address()
    while Int(bitPattern: load(row)) >= 0 {
      let vector = load(row)
      if load(row + 16) != 0 { add(vector, vector == 3 || vector == 4 ? 3 : 0, load(row + 16)) }
      row += 24
    }
    add(0x80, 3, xen_entry_INT80_address())
    store(place, 0)
    store(place + 8, 0)
    guard Hypercall.setTrapTable(table) == 0 else { panic("set_trap_table") }

    Callback.event.register(xen_event_callback_address(), maskEvents: true)
    Callback.failsafe.register(xen_failsafe_callback_address(), maskEvents: true)
    let masks = xen_callback_flags_address() & 1 != 0
    Callback.syscall.register(xen_syscall_target_address(), maskEvents: masks)
    // Only one of these exists on a processor.
    Callback.syscall32.register(xen_syscall32_target_address(), maskEvents: masks)
    Callback.sysenter.register(xen_sysenter_target_address(), maskEvents: masks)
  }

  // MARK: Events

  /// evtchn_pending and evtchn_mask of struct shared_info, 64 words each, and VIRQ_TIMER on its port.
  private static var pending: UInt { shared_page_address() + 2048 }
  private static var mask: UInt { shared_page_address() + 2560 }

  private static func startEvents() {
    for word in UInt(0)..<64 { store(mask + word * 8, ~0) }
    let bind = words(0)
    guard Hypercall.eventChannelOperation(1, bind) == 0 else { panic("bind_virq") }
    kernel.timer_port = UInt(load_half(bind + 8))
    Hypercall.virtualCPUOperation(7, 0)
    let word = mask + kernel.timer_port / 64 * 8
    store(word, load(word) & ~(1 << (kernel.timer_port % 64)))
    startTimer()
  }

  /// The next tick, by set_singleshot_timer: { u64 timeout_abs_ns; u32 flags; }.
  private static func startTimer() {
    // Not where `words` puts them: an upcall may come between that and the hypercall that it is for.
    let place = scratch_address() + 1024
    store(place, now + 1_000_000_000 / BareMetal.ticksPerSecond)
    store(place + 8, 0)
    Hypercall.virtualCPUOperation(8, 0, place)
  }

  /// struct vcpu_time_info: version, tsc_timestamp, system_time, tsc_to_system_mul, tsc_shift.
  static var now: UInt {
    let time = vcpuInfo + 32
    while true {
      let version = load_half(time)
      let shift = Int8(bitPattern: load_byte(time + 28))
      var ticks = read_tsc() &- load(time + 8)
      ticks = shift < 0 ? ticks >> UInt(-Int(shift)) : ticks << UInt(shift)
      let scaled = ticks.multipliedFullWidth(by: UInt(load_half(time + 24)))
      let result = load(time + 16) &+ (scaled.high << 32 | scaled.low >> 32)
      if version & 1 == 0, version == load_half(time) { return result }
    }
  }

  /// An upcall: every pending port that is not masked, lowest first.
  static func upcall() {
    store_byte(vcpuInfo, 0)
    let selected = exchange(vcpuInfo + 8, 0)
    for word in UInt(0)..<64 where selected >> word & 1 != 0 {
      let ports = load(pending + word * 8) & ~load(mask + word * 8)
      guard ports != 0 else { continue }
      clear_bits(pending + word * 8, ports)
      if kernel.timer_port / 64 == word, ports >> (kernel.timer_port % 64) & 1 != 0 {
        Clock.tick()
        startTimer()
      }
    }
  }
}
