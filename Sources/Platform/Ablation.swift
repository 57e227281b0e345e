/// Guards that can be taken away from the running kernel's world, to see that the invariants notice.
///
/// Each removes one thing that keeps a window harmless. A check that has never fired is not a check. One removes what does harm instead,
/// a defect of the hypervisor's, to see that without it the kernel holds.
import Findings

public enum Ablation: String, CaseIterable, Sendable {
  case nmiWithoutIST = "nmi-without-ist"
  case dbWithoutIST = "db-without-ist"
  case mcWithoutIST = "mc-without-ist"
  case ifNotMaskedAtSyscall = "if-not-masked-at-syscall"
  case tfNotMaskedAtSyscall = "tf-not-masked-at-syscall"
  case swapgsSkippedAtEntry = "swapgs-skipped-at-entry"
  case swapgsSkippedAtExit = "swapgs-skipped-at-exit"
  case userCR3KeptAtEntry = "user-cr3-kept-at-entry"
  case kernelStackPointerUser = "kernel-stack-pointer-user"
  case kernelStackShort = "kernel-stack-short"
  case nmiGateAbsent = "nmi-gate-absent"
  case registerNotRestored = "register-not-restored"
  case frameSlotUnwritten = "frame-slot-unwritten"
  case returnLoops = "return-loops"
  case ibrsNotWritten = "ibrs-not-written"
  case swapgsFenceSkipped = "swapgs-fence-skipped"
  case verwSkipped = "verw-skipped"

  // What the hypervisor does for a PV guest.
  case upcallMaskNotSetAtSyscall = "upcall-mask-not-set-at-syscall"
  case frameAtUserRSP = "frame-at-user-rsp"
  case stackSwitchIgnored = "stack-switch-ignored"
  case maskNotRestoredAtIret = "mask-not-restored-at-iret"
  case nmiMaskNeverCleared = "nmi-mask-never-cleared"
  case kernelPageTablesKeptForUser = "kernel-page-tables-kept-for-user"
  case xenSyscallMaskLost = "xen-syscall-mask-lost"

  public var name: AblationName { AblationName(rawValue: rawValue) }

  /// Whose guard it is.
  public var platform: PlatformName {
    switch self {
    case .upcallMaskNotSetAtSyscall, .frameAtUserRSP, .stackSwitchIgnored, .maskNotRestoredAtIret,
      .nmiMaskNeverCleared, .kernelPageTablesKeptForUser, .xenSyscallMaskLost:
      .xenPV
    default: .bareMetal
    }
  }

  /// Whether it takes a defect away, and not a guard.
  public var mends: Bool { self == .xenSyscallMaskLost }

  /// The posture that shows it, where the usual one does not.
  public var posture: PostureName? { self == .tfNotMaskedAtSyscall ? "flags-tf" : nil }

  /// Whether the crossing passes the guard: those of SYSCALL stand at SYSCALL alone, by which signal frames are left too.
  package func stands(at crossing: CrossingKind) -> Bool {
    switch self {
    case .ifNotMaskedAtSyscall, .tfNotMaskedAtSyscall, .upcallMaskNotSetAtSyscall, .xenSyscallMaskLost:
      [.syscall64, .syscall32, .sigreturn].contains(crossing)
    default: true
    }
  }

  /// The guard was not there to be taken away, so the kernel without it is the kernel as it is.
  package func isAbsent(_ why: String) -> Verdict { .notApplicable(reason: "\(rawValue) takes nothing away: \(why)") }

  /// The guard may be there, and stands.
  package func isOutOfReach(_ what: String) -> Verdict {
    .inconclusive(bound: "\(rawValue) took nothing away: \(what) cannot be reached")
  }

  /// Whether instructions are watched while the crossing runs.
  package var watchesInstructions: Bool {
    switch self {
    case .swapgsSkippedAtEntry, .swapgsSkippedAtExit, .userCR3KeptAtEntry, .registerNotRestored, .frameSlotUnwritten,
      .ibrsNotWritten, .swapgsFenceSkipped, .verwSkipped:
      true
    default: false
    }
  }
}
