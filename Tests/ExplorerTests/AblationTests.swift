/// Goal: the checks can fire. Taking one guard away turns the verdict red, and the invariant that says why is the right one.
import Findings
import Invariants
import Platform
import Testing

@Suite(.serialized) struct AblationTests {
  /// What each ablation must be blamed on, from what it removes. `StockKernelTests` has all events on a sound kernel; here one
  /// that does harm is enough, as harm is the long way round.
  static let expected: [(Ablation, String, InvariantName)] = [
    (.nmiWithoutIST, "debian-6.1-cloud", "rsp-owned"),
    (.dbWithoutIST, "debian-6.1-cloud", "rsp-owned"),
    // The cloud kernel has no machine-check support.
    (.mcWithoutIST, "debian-6.1", "rsp-owned"),
    (.ifNotMaskedAtSyscall, "debian-6.1-cloud", "interrupts-as-claimed"),
    (.tfNotMaskedAtSyscall, "debian-6.1-cloud", "flags-sanitised"),
    (.swapgsSkippedAtEntry, "debian-6.1-cloud", "gs-owned"),
    (.swapgsSkippedAtExit, "debian-6.1-cloud", "clean-exit"),
    (.userCR3KeptAtEntry, "debian-6.1-cloud", "page-tables-owned"),
    (.kernelStackPointerUser, "debian-6.1-cloud", "rsp-owned"),
    (.kernelStackShort, "debian-6.1-cloud", "stack-bounded"),
    (.nmiGateAbsent, "debian-6.1-cloud", "no-kernel-death"),
    (.registerNotRestored, "debian-6.1-cloud", "user-state-preserved"),
    (.frameSlotUnwritten, "debian-6.1-cloud", "no-leak"),
    (.returnLoops, "debian-6.1-cloud", "progress"),
    (.ibrsNotWritten, "debian-6.1-cloud", "branches-restricted"),
    (.swapgsFenceSkipped, "debian-6.1-cloud", "swapgs-fenced"),
    (.verwSkipped, "debian-6.1-cloud", "buffers-cleared"),
    (.historyLoopSkipped, "debian-6.1-cloud", "history-cleared"),
    (.untrainingSkipped, "debian-6.1-cloud", "returns-untrained"),
    (.upcallMaskNotSetAtSyscall, "debian-6.1-cloud", "interrupts-as-claimed"),
    (.frameAtUserRSP, "debian-6.1-cloud", "rsp-owned"),
    // The stack that the domain started with is gone once Linux runs: nothing can be pushed there.
    (.stackSwitchIgnored, "debian-6.1-cloud", "no-kernel-death"),
    (.maskNotRestoredAtIret, "debian-6.1-cloud", "interrupts-as-claimed"),
    (.nmiMaskNeverCleared, "debian-6.1-cloud", "interrupts-as-claimed"),
    (.kernelPageTablesKeptForUser, "debian-6.1-cloud", "page-tables-owned"),
  ]

  /// The event that an ablation needs to do harm; none where the crossing alone shows it.
  private static func events(_ ablation: Ablation) -> [EventKind] {
    switch ablation {
    case .nmiWithoutIST, .nmiGateAbsent, .registerNotRestored: [.nmi]
    case .dbWithoutIST: [.debugBreakpoint]
    case .mcWithoutIST: [.machineCheck]
    case .kernelStackShort: [.externalInterrupt]
    case .nmiMaskNeverCleared: [.nmiCallback]
    default: []
    }
  }

  /// The processor on which a kernel has the guard, and a way in that passes it.
  private static func place(_ ablation: Ablation) -> (profile: ProfileName, crossing: CrossingKind) {
    switch ablation {
    case .ibrsNotWritten, .verwSkipped: (.skylake, .syscall64)
    case .swapgsFenceSkipped: (.iceLake, .ud)
    // Behind SYSCALL getpid(2) makes no indirect branch.
    case .historyLoopSkipped: (.iceLake, .int80)
    case .untrainingSkipped: (.zen3, .syscall64)
    default: (.intel, .syscall64)
    }
  }

  @Test(arguments: expected.indices)
  func fires(index: Int) throws {
    let (ablation, kernel, invariant) = Self.expected[index]
    let checker = try KernelUnderTest.checker(
      kernel, platforms: [ablation.platform], profiles: [Self.place(ablation).profile],
      crossings: [Self.place(ablation).crossing], events: Self.events(ablation), ablations: [ablation])
    let report = try checker.check { _ in }.report
    #expect(report.exitStatus == .violation, "\(ablation)")
    let blamed = Set(report.sections.flatMap(\.findings).map(\.invariant))
    #expect(blamed.contains(invariant), "\(ablation) was blamed on \(blamed)")
  }

  /// A guard of SYSCALL's, taken away, says nothing of a crossing that does not pass it.
  @Test(arguments: [
    (PlatformName.bareMetal, Ablation.ifNotMaskedAtSyscall), (.xenPV, .upcallMaskNotSetAtSyscall),
  ])
  func aGuardThatTheCrossingDoesNotPassNeverHolds(platform: PlatformName, ablation: Ablation) throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [platform], profiles: [.intel], crossings: [.int80], events: [],
      ablations: [ablation])
    #expect(try checker.check { _ in }.report.exitStatus == .nothingApplied)
  }

  /// An invariant names as its specimens exactly the ablations that were seen to be blamed on it.
  @Test func specimensAreTheOnesThatFire() {
    for invariant in Monitors.descriptions {
      let fired = Self.expected.filter { $0.2 == invariant.identifier }.map { "ablation \($0.0.rawValue)" }
      #expect(Set(invariant.specimens) == Set(fired), "\(invariant.identifier)")
    }
  }

  /// What takes a defect away turns nothing red: `XenSyscallFlagsTests` sees it turn green.
  @Test func everyAblationIsTried() {
    #expect(Set(Self.expected.map(\.0)) == Set(Ablation.allCases.filter { !$0.mends }))
  }
}
