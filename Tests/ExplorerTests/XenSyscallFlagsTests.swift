/// Goal: the finding `Documentation/Findings/xen-pv-syscall-flags.md`, seen by the exploration. A stock kernel that relies on Xen's
/// clearing DF runs with the user's, whatever event comes; with that defect of the hypervisor's taken away the same kernel holds.
import Findings
import Platform
import Testing

@Suite(.serialized) struct XenSyscallFlagsTests {
  private static func report(_ ablations: [Ablation], _ profile: ProfileName) throws -> CheckReport {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [.xenPV], profiles: [profile], crossings: [.syscall64],
      postures: ["flags-df", "flags-all"], events: [.nmiCallback], ablations: ablations)
    return try checker.check { _ in }.report
  }

  @Test(arguments: ProfileName.plain) func theUsersDFIsFound(profile: ProfileName) throws {
    let sections = try Self.report([], profile).sections
    #expect(sections.map(\.posture) == ["flags-all", "flags-df"])
    for section in sections {
      #expect(section.verdict == .violated)
      #expect(Set(section.findings.map(\.invariant)) == ["flags-sanitised"])
    }
  }

  @Test(arguments: ProfileName.plain) func withoutTheDefectTheKernelHolds(profile: ProfileName) throws {
    let report = try Self.report([.xenSyscallMaskLost], profile)
    #expect(report.ablations == ["xen-syscall-mask-lost"])
    #expect(report.sections.map(\.posture) == ["flags-all", "flags-df"])
    for section in report.sections {
      #expect(section.verdict == .held && section.findings.isEmpty)
      #expect(section.trials.map(\.trials) == [section.boundaries + 2])
    }
  }

  /// With the defect the crossing dies by itself, and leaves nothing to compare with. Without it every boundary is tried,
  /// and the two in user mode around it.
  @Test func aCrossingThatDiesOfTheDefectIsTriedWithoutIt() throws {
    let report = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [.xenPV], profiles: [.intel], crossings: [.sigreturn], postures: ["flags-df"],
      events: [.eventUpcall], ablations: [.xenSyscallMaskLost]
    ).check { _ in }.report
    let section = try #require(report.sections.first)
    #expect(section.verdict == .held && section.boundaries > 100)
    #expect(section.trials.map(\.trials) == [section.boundaries + 2])
  }

  /// STD and rt_sigreturn on a processor with ERMS: the copy of the signal frame goes down, over the return address, and 6.1 jumps to
  /// 0, as it does on real Xen under QEMU (the page's "Who can do what").
  @Test func aCopyFromTheUserOverwritesAReturnAddress() throws {
    func trace(_ ablations: [Ablation]) throws -> TraceRecord {
      try KernelUnderTest.checker(
        "debian-6.1-cloud", platforms: [.xenPV], profiles: [.intel], crossings: [.sigreturn], postures: ["flags-df"],
        ablations: ablations
      ).trace([:], accesses: false) { _ in }
    }
    func jumpsToZero(_ trace: TraceRecord) -> Bool {
      trace.steps.contains { $0.isKernel && $0.location.address == 0 }
    }
    let asItIs = try trace([])
    #expect(jumpsToZero(asItIs) && asItIs.end.kind == .dead)
    let mended = try trace([.xenSyscallMaskLost])
    #expect(!jumpsToZero(mended) && mended.end.kind == .user)
  }
}
