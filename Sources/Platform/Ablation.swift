/// Guards that can be taken away from the running kernel's world, to see that the invariants notice.
///
/// Each removes one thing that keeps a window harmless. A check that has never fired is not a check. One removes what does harm instead,
/// a defect of the hypervisor's, to see that without it the kernel holds.
import Findings
import Machine

public enum Ablation: String, CaseIterable, Sendable {
  case nmiWithoutIST = "nmi-without-ist"
  case dbWithoutIST = "db-without-ist"
  case mcWithoutIST = "mc-without-ist"
  case ifNotMaskedAtSyscall = "if-not-masked-at-syscall"
  case tfNotMaskedAtSyscall = "tf-not-masked-at-syscall"
  case swapgsSkippedAtEntry = "swapgs-skipped-at-entry"
  case swapgsSkippedAtExit = "swapgs-skipped-at-exit"
  case userCR3KeptAtEntry = "user-cr3-kept-at-entry"
  case nmiUnblockedEarly = "nmi-unblocked-early"
  case kernelStackPointerUser = "kernel-stack-pointer-user"
  case kernelStackShort = "kernel-stack-short"
  case nmiGateAbsent = "nmi-gate-absent"
  case registerNotRestored = "register-not-restored"
  case frameSlotUnwritten = "frame-slot-unwritten"
  case returnLoops = "return-loops"

  // What the hypervisor does for a PV guest; Ablation+XenPV.swift takes them away.
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

  /// Changes the guest once, at the crossing. Nil when the guard is gone.
  package func prepare(_ processor: Processor) -> Verdict? {
    switch self {
    case .nmiWithoutIST: takeInterruptStack(of: .nmi, processor)
    case .dbWithoutIST: takeInterruptStack(of: .debug, processor)
    case .mcWithoutIST: takeInterruptStack(of: .machineCheck, processor)
    case .ifNotMaskedAtSyscall: unmask(.interruptEnable, "IF", processor)
    case .tfNotMaskedAtSyscall: unmask(.trap, "TF", processor)
    case .nmiGateAbsent:
      switch processor.isGatePresent(of: .nmi) {
      case true? where processor.setGateAbsent(of: .nmi): nil
      case false?: isAbsent("the NMI gate is not present")
      default: isOutOfReach("the NMI gate")
      }
    default: nil
    }
  }

  private func takeInterruptStack(of vector: Vector, _ processor: Processor) -> Verdict? {
    guard let index = processor.interruptStack(of: vector) else { return isOutOfReach("the gate") }
    if index == 0 { return isAbsent("the gate uses no interrupt stack") }
    return processor.setInterruptStack(of: vector, to: 0) ? nil : isOutOfReach("the gate")
  }

  private func unmask(_ flag: RFLAGS, _ name: String, _ processor: Processor) -> Verdict? {
    if processor.syscallMask & flag.rawValue == 0 { return isAbsent("IA32_FMASK does not clear \(name)") }
    processor.syscallMask &= ~flag.rawValue
    return nil
  }

  /// The guard was not there to be taken away, so the kernel without it is the kernel as it is.
  package func isAbsent(_ why: String) -> Verdict { .notApplicable(reason: "\(rawValue) takes nothing away: \(why)") }

  /// The guard may be there, and stands.
  package func isOutOfReach(_ what: String) -> Verdict {
    .inconclusive(bound: "\(rawValue) took nothing away: \(what) cannot be reached")
  }

  /// Whether it strikes while a run goes on, not before.
  package var watchesRuns: Bool { watchesInstructions || self == .nmiUnblockedEarly }

  /// Whether instructions are watched while the crossing runs.
  package var watchesInstructions: Bool {
    switch self {
    case .swapgsSkippedAtEntry, .swapgsSkippedAtExit, .userCR3KeptAtEntry, .registerNotRestored, .frameSlotUnwritten:
      true
    default: false
    }
  }

  package static let swapgs: [UInt8] = [0x0F, 0x01, 0xF8]
  package static let iretq: [UInt8] = [0x48, 0xCF]
  /// JMP to itself.
  package static let loop: [UInt8] = [0xEB, 0xFE]

  /// PUSH of R8, R9 or R10: 50 to 52 behind REX.B. (SYSCALL leaves the flags in R11.)
  package static func pushesArgument(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 2 && bytes[0] == 0x41 && (0x50...0x52).contains(bytes[1])
  }

  /// MOV to CR3: 0F 22 with ModRM 11 011 xxx, perhaps behind a REX prefix.
  package static func writesCR3(_ bytes: [UInt8]) -> Int? {
    let rex = bytes.first.map { $0 & 0xF0 == 0x40 } ?? false
    let at = rex ? 1 : 0
    guard bytes.count >= at + 3, bytes[at] == 0x0F, bytes[at + 1] == 0x22, bytes[at + 2] & 0xF8 == 0xD8 else {
      return nil
    }
    return at + 3
  }
}
