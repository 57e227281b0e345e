/// What Xen keeps of one virtual CPU. Xen `xen/arch/x86/include/asm/domain.h`, `struct pv_vcpu`, `struct arch_vcpu`.
///
/// The registers are the processor's own while the guest runs: nothing is copied in or out.

import Machine

/// One entry of the virtual IDT. Xen `xen/include/public/arch-x86/xen.h`, `struct trap_info`.
public struct TrapInfo: Sendable, Codable, Hashable {
  /// Zero where no handler is registered.
  public var address: UInt64 = 0
  public var cs: UInt16 = 0
  /// Bits 0 and 1: DPL. Bit 2: set the upcall mask on entry.
  public var flags: UInt8 = 0

  public var dpl: UInt8 { flags & 3 }
  public var masksEvents: Bool { flags & 4 != 0 }
}

/// A registered entry point. Xen `xen/include/public/callback.h`.
public struct Callback: Sendable, Codable, Hashable {
  /// Zero where none is registered.
  public var address: UInt64 = 0
  /// CALLBACKF_mask_events.
  public var masksEvents = false
}

/// An exception that waits to be pushed on the guest's stack. Xen `struct trap_bounce`.
public struct TrapBounce: Sendable, Codable, Hashable {
  public var vector: UInt8
  public var errorCode: UInt32?
  public var address: UInt64
  /// TBF_INTERRUPT: the upcall mask is set once the frame is made.
  public var masksEvents: Bool
}

/// Why an asynchronous exception is held back, and which mask its delivery replaced. Xen `struct async_exception_state`.
public struct AsyncException: Sendable, Codable, Hashable {
  public var isPending = false
  /// The mask before this exception was delivered.
  public var oldMask: UInt8 = 0
}

public struct VirtualCPU: Sendable, Codable, Hashable {
  /// TF_kernel_mode: the guest runs its kernel. Both kernel and user are at privilege 3.
  public var isInKernel = true
  /// guest_table: the kernel's CR3.
  public var guestTable: UInt64 = 0
  /// guest_table_user: the user's CR3; zero until MMUEXT_NEW_USER_BASEPTR.
  public var guestTableUser: UInt64 = 0
  public var kernelSS: UInt16 = 0
  public var kernelSP: UInt64 = 0
  /// What it was before the first stack_switch, for the sake of `Ablations.stackSwitchIgnored`.
  public var initialKernelSP: UInt64 = 0
  public var traps = [TrapInfo](repeating: TrapInfo(), count: 256)
  public var eventCallback = Callback()
  public var failsafeCallback = Callback()
  public var syscallCallback = Callback()
  public var syscall32Callback = Callback()
  public var sysenterCallback = Callback()
  /// The GS base of the mode that does not run now: SWAPGS exchanges it with the processor's.
  public var inactiveGSBase: UInt64 = 0
  /// Virtual IOPL, 0 to 3, in the place that RFLAGS has it: bits 12 and 13.
  public var iopl: UInt64 = 0
  /// Virtual DR6 and DR7, and CR4 as the guest asked for it.
  public var dr6: UInt64 = 0xFFFF_0FF0
  public var dr7: UInt64 = 0x400
  /// Enable bits of the breakpoints on ports, which are watched for here. dr7_emul.
  public var dr7Emulated: UInt64 = 0
  public var cr4: UInt64 = 0
  /// CR2 of the last page fault that the guest was told of, or what it wrote there.
  public var cr2: UInt64 = 0
  var machineCheckBanks = VirtualMachineCheck()
  public var trapBounce: TrapBounce?
  public var nmi = AsyncException()
  public var machineCheck = AsyncException()
  /// async_exception_mask: bit 1 NMI, bit 2 MCE, as VCPU_TRAP_NMI and VCPU_TRAP_MCE shifted.
  public var asyncExceptionMask: UInt8 = 0
  /// Machine address of the guest's vcpu_info.
  public var vcpuInfo: UInt64 = 0
  /// Linear address of the guest's runstate area; zero where none is registered.
  public var runstateArea: UInt64 = 0
  /// The frames of the guest's GDT, and its size in entries.
  public var gdtFrames: [UInt64] = []
  public var gdtEntries = 0
  public var ldtBase: UInt64 = 0
  public var ldtEntries = 0
  /// Machine address of the vcpu_info was set by VCPUOP_register_vcpu_info, which works once.
  public var hasOwnVCPUInfo = false
  /// Linear address of the copy of the time that user mode reads; zero where none is registered.
  public var timeArea: UInt64 = 0
  public var runstate = Runstate()
  /// Linear address of the I/O bitmap, and the first port that it does not cover. PHYSDEVOP_set_iobitmap.
  public var ioBitmap: UInt64 = 0
  public var ioBitmapLimit: UInt32 = 0
  /// SCHEDOP_block: nothing runs until an event is pending.
  public var isBlocked = false
  /// Ports that SCHEDOP_poll waits for, pending or not masked; nil where it does not.
  public var polledPorts: [UInt32]?
  public var timers = Timers()

  public init() {}

  /// Masks NMIs as the delivery of one does, where nothing is masked.
  mutating func blockNMIs() {
    if asyncExceptionMask == 0 && nmi.oldMask == 0 { asyncExceptionMask = AsyncMask.nmi }
  }
}

extension VirtualCPU {
  /// What the guest asked for of the ways into its kernel, by the names of struct pv_vcpu, and what is loaded there.
  var entryState: EntryState {
    var callbacks = WordDigest()
    for callback in [eventCallback, failsafeCallback, syscallCallback, syscall32Callback, sysenterCallback] {
      callbacks.add(callback.address)
      callbacks.add(callback.masksEvents ? 1 : 0)
    }
    var table = WordDigest()
    for trap in traps {
      table.add(trap.address)
      table.add(UInt64(trap.flags) << 16 | UInt64(trap.cs))
    }
    return EntryState([
      EntryState.Word("guest_table", guestTable), EntryState.Word("kernel_ss", UInt64(kernelSS)),
      EntryState.Word("kernel_sp", kernelSP), EntryState.Word("gs_base_kernel", inactiveGSBase),
      EntryState.Word("ctrlreg[4]", cr4), EntryState.Word("the digest of the callbacks", callbacks.value),
      EntryState.Word("the digest of the trap table", table.value),
    ])
  }
}
