// FS and GS bases of the two modes, selectors, descriptor-table registers: toggle_guest_mode in xen/arch/x86/pv/domain.c; do_set_segment_base
// in pv/misc-hypercalls.c; read_msr in pv/emul-priv-op.c.

private enum Base: UInt {
  case fs = 0
  case userGS = 1
  case kernelGS = 2
  case userSelector = 3

  @discardableResult
  func callAsFunction(_ value: UInt) -> Int { Hypercall.setSegmentBase(rawValue, value) }
}

private func loadNull(_ current: inout Case) {
  case_start.rdx = 0
  case_start.rsi = 0
  case_start.rdi = 0
  case_start.rbp = 0
}

func observeSegments() {
  topic = "segment"
  // Three words of the window, told apart by what they hold.
  let place = Memory.window + 0x100
  store(window_pages_address() + 0x100, 0xF5)
  store(window_pages_address() + 0x108, 0x65)
  store(window_pages_address() + 0x110, 0x6B)
  result("set-fs", Base.fs(place))
  result("set-user-gs", Base.userGS(place + 8))
  result("set-kernel-gs", Base.kernelGS(place + 16))
  // FS is common to both modes, GS is not; an entry swaps GS as an exit does.
  everywhere("bases", code_read_fs_gs())
  observe("bases-syscall", .kernel, code_read_fs_gs()) { $0.frame.flags = 0x100 }
  result("set-fs-non-canonical", Base.fs(0x8000_0000_0000))
  result("set-user-gs-non-canonical", Base.userGS(0x8000_0000_0000))
  result("set-kernel-gs-non-canonical", Base.kernelGS(0x8000_0000_0000))
  result("set-unknown", Hypercall.setSegmentBase(4, 0))
  everywhere("bases-kept-on-error", code_read_fs_gs())
  observe("fs-base-xen", .kernel, code_read_fs_gs()) { _ in Base.fs(0xFFFF_8300_0000_0000) }
  Base.fs(place)

  // By MSR, in kernel mode alone.
  everywhere("rdmsr-fs", code_rdmsr_ecx()) { $0.frame.rcx = 0xC000_0100 }
  everywhere("rdmsr-gs", code_rdmsr_ecx()) { $0.frame.rcx = 0xC000_0101 }
  everywhere("rdmsr-inactive-gs", code_rdmsr_ecx()) { $0.frame.rcx = 0xC000_0102 }
  everywhere("wrmsr-fs", code_wrmsr_ecx()) {
    $0.frame.rcx = 0xC000_0100
    case_start.rdx = place + 8
  }
  observe("wrmsr-inactive-gs", .kernel, code_wrmsr_ecx()) {
    $0.frame.rcx = 0xC000_0102
    case_start.rdx = place
  }
  observe("wrmsr-gs", .kernel, code_write_gs_read()) { _ in case_start.rdx = place + 8 }
  observe("wrmsr-gs-non-canonical", .kernel, code_wrmsr_ecx()) {
    $0.frame.rcx = 0xC000_0101
    case_start.rdx = 0x8000_0000_0000
  }
  observe("wrmsr-fs-non-canonical", .kernel, code_wrmsr_ecx()) {
    $0.frame.rcx = 0xC000_0100
    case_start.rdx = 0x8000_0000_0000
  }
  everywhere("bases-after-wrmsr", code_read_fs_gs())
  Base.fs(place)
  Base.userGS(place + 8)
  Base.kernelGS(place + 16)

  // A selector for the user's GS: an error is not reported, the selector becomes null.
  result("user-selector", Base.userSelector(Selector.data))
  observe("user-selector", .user, code_nothing())
  result("user-selector-null", Base.userSelector(0))
  observe("user-selector-null", .user, code_nothing())
  result("user-selector-1", Base.userSelector(1))
  result("user-selector-code", Base.userSelector(Selector.code64 & ~3))
  observe("user-selector-code", .user, code_nothing())
  result("user-selector-bad", Base.userSelector(0x1238))
  observe("user-selector-bad", .user, code_nothing())
  result("user-selector-ldt", Base.userSelector(0xF))
  result("user-selector-tss", Base.userSelector(0xE040))
  observe("kernel-after-user-selector", .kernel, code_read_gs())
  Base.userSelector(0)
  Base.userGS(place + 8)

  // Selectors that code loads are not touched by entries and exits.
  observe("loaded", .user, code_load_selectors()) { _ in
    case_start.rdx = Selector.data
    case_start.rsi = Selector.data
    case_start.rdi = Selector.data
    case_start.rbp = Selector.data
  }
  observe("loaded-after", .user, code_nothing())
  observe("loaded-null", .user, code_load_selectors(), loadNull)
  Base.fs(place)
  Base.userGS(place + 8)
  Base.kernelGS(place + 16)
  everywhere("load-gs", code_load_gs()) { _ in case_start.rdx = Selector.data }
  everywhere("load-gs-null", code_load_selectors(), loadNull)
  Base.fs(place)
  Base.userGS(place + 8)
  Base.kernelGS(place + 16)
  everywhere("load-code", code_load_fs()) { _ in case_start.rdx = Selector.code64 }
  everywhere("load-bad", code_load_fs()) { _ in case_start.rdx = 0x1238 }
  everywhere("load-beyond-limit", code_load_fs()) { _ in case_start.rdx = 0xFFFB }
  everywhere("load-tss", code_load_fs()) { _ in case_start.rdx = 0xE040 }
  everywhere("load-ldt", code_load_fs()) { _ in case_start.rdx = 0xF }
  everywhere("load-xen-data", code_load_fs()) { _ in case_start.rdx = 0xE010 }
  everywhere("load-ss-null", code_load_ss()) { _ in case_start.rdx = 3 }
  everywhere("load-ss-data", code_load_ss()) { _ in case_start.rdx = Selector.data }
  everywhere("load-ss-kernel", code_load_ss()) { _ in case_start.rdx = 0xE028 }
  everywhere("swapgs", code_swapgs())

  observe("load-null", .kernel, code_load_selectors(), loadNull)
  Base.fs(place)
  Base.kernelGS(place + 16)

  observe("lar-code64", .kernel, code_lar()) { _ in case_start.rdx = Selector.code64 }
  observe("lar-code32", .kernel, code_lar()) { _ in case_start.rdx = Selector.code32 }
  observe("lar-data", .kernel, code_lar()) { _ in case_start.rdx = Selector.data }
  observe("lar-xen-code", .kernel, code_lar()) { _ in case_start.rdx = 0xE008 }
  observe("lar-tss", .kernel, code_lar()) { _ in case_start.rdx = 0xE040 }
  observe("lar-ring-1-code", .kernel, code_lar()) { _ in case_start.rdx = 0xE019 }
  observe("lar-ring-1-data", .kernel, code_lar()) { _ in case_start.rdx = 0xE021 }
  observe("lsl-data", .kernel, code_lsl()) { _ in case_start.rdx = Selector.data }
  observe("lsl-code32", .kernel, code_lsl()) { _ in case_start.rdx = Selector.code32 }
  observe("verr-code64", .kernel, code_verr()) { _ in case_start.rdx = Selector.code64 }
  observe("verw-data", .kernel, code_verw()) { _ in case_start.rdx = Selector.data }
  observe("verw-xen-data", .kernel, code_verw()) { _ in case_start.rdx = 0xE010 }
  everywhere("sldt", code_sldt())
  everywhere("str", code_str())
  everywhere("sgdt", code_sgdt())
  everywhere("sidt", code_sidt())
  everywhere("smsw", code_smsw())
}
