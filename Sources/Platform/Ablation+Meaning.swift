/// What each ablation takes away, in a sentence.
import Findings

extension Ablation: Explained {
  public var meaning: String {
    switch self {
    case .nmiWithoutIST: "The NMI's gate names no interrupt stack any more: NMIs arrive on whatever RSP is."
    case .dbWithoutIST: "The #DB gate names no interrupt stack any more."
    case .mcWithoutIST: "The #MC gate names no interrupt stack any more."
    case .ifNotMaskedAtSyscall: "IA32_FMASK does not clear IF any more: interrupts stay on behind SYSCALL."
    case .tfNotMaskedAtSyscall: "IA32_FMASK does not clear TF any more: a single step goes on into the kernel."
    case .swapgsSkippedAtEntry: "The crossing's first SWAPGS is skipped: the kernel keeps the user's GS base."
    case .swapgsSkippedAtExit: "The crossing's last SWAPGS is skipped: the user gets the kernel's GS base."
    case .userCR3KeptAtEntry: "The first load of CR3 is skipped: the kernel keeps the user's page tables."
    case .kernelStackPointerUser: "The word from which the entry code loads RSP holds the user's RSP."
    case .kernelStackShort: "The kernel's stack has room for the crossing, and not for an event on top of it."
    case .nmiGateAbsent: "The NMI's gate is not present."
    case .registerNotRestored: "A register that the crossing saved is not restored."
    case .frameSlotUnwritten: "A word of the register frame is not written, and keeps what was there before."
    case .returnLoops: "A jump to itself stands where the crossing leaves the kernel."
    case .ibrsNotWritten: "The write of IA32_SPEC_CTRL that sets IBRS on entry is skipped."
    case .swapgsFenceSkipped: "The fence behind the test that decides a SWAPGS is skipped."
    case .verwSkipped: "The VERW that clears the processor's buffers on the way out is skipped."
    case .upcallMaskNotSetAtSyscall:
      "Xen does not set evtchn_upcall_mask when it enters the guest at its syscall callback."
    case .frameAtUserRSP: "Xen pushes bounce frames at the user's RSP."
    case .stackSwitchIgnored: "Xen ignores the guest's stack_switch."
    case .maskNotRestoredAtIret: "Xen's iret hypercall leaves evtchn_upcall_mask as it is."
    case .nmiMaskNeverCleared: "Xen never unmasks NMIs again behind the first."
    case .kernelPageTablesKeptForUser: "Xen leaves the kernel's page tables loaded in user mode."
    case .xenSyscallMaskLost: "A defect of Xen's is taken away: the flags that SYSCALL is to clear are no longer lost."
    }
  }
}
