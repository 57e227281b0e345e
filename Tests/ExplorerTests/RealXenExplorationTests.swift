/// Goal: `--platform xen` explores a crossing through the hypervisor's own bytes, from the user through Xen into the kernel and back, and
/// says of the reference kernel's designs what the model says: the finished one holds, that of 2015 is broken at the boundaries where RSP
/// is the user's. What is missing, or is no hypervisor, is refused in one line.
import Explorer
import Findings
import Foundation
import KernelImage
import Platform
import Subjects
import Testing

@Suite(.serialized) struct RealXenExplorationTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  /// Debian's 4.17.
  static let xen: String? = try? run("bash", [Probe.root.appendingPathComponent("Scripts/xen.sh").path]).output
    .trimmingCharacters(in: .whitespacesAndNewlines)

  private func checker(_ design: String, _ profile: ProfileName, _ crossings: [CrossingKind], _ events: [EventKind])
    throws -> Checker
  {
    let path = try Design(design).path
    let xen = try #require(Self.xen)
    var checker = Checker(
      kernel: try KernelImage(contentsOf: path), kernelPath: path, probe: try ProbeImage(bytes: Probe.built().elf),
      memory: 512, append: "", platforms: [.xen], profiles: [profile], crossings: crossings, postures: ["normal"],
      events: events, ablations: [], jobs: 1, witnessFolder: "witnesses", judgesBoot: true)
    checker.hypervisor = (Guest.Hypervisor(image: try KernelImage(contentsOf: xen), commandLine: ""), xen)
    return checker
  }

  @Test func theFinishedDesignHolds() throws {
    let checker = try checker("complete", .intel, [.syscall64, .int80, .nmi], EventKind.allCases)
    for section in try checker.check(progress: { _ in }).report.sections {
      #expect(section.verdict == .held && section.findings.isEmpty)
      #expect(Set(section.trials.map(\.event)) == [.nmi, .externalInterrupt, .machineCheck])
      // An NMI's handler in Xen leaves the kernel's part to an interrupt of its own, which belongs to the crossing.
      #expect(section.boundaries > 500)
    }
  }

  /// Xen pushes the frame of the NMI that it passes on where the kernel's RSP points: at the three boundaries on the way in before the
  /// kernel's stack is loaded, as in the model.
  @Test func theDesignOf2015IsBrokenWhereRSPIsTheUsers() throws {
    let report = try checker("2015", .amd, [.syscall64], [.nmi]).check(progress: { _ in }).report
    let section = try #require(report.sections.first)
    #expect(section.verdict == .violated)
    #expect(section.findings.allSatisfy { $0.invariant == "user-state-preserved" })
    let inKernel = section.windows.filter { $0.first.symbol?.hasPrefix("xen_syscall_target") == true }
    let window = try #require(inKernel.first)
    #expect(inKernel.count == 1 && window.kind == .rsp && window.boundaries == 3)
  }

  @Test func aTraceSaysWhereTheHypervisorRuns() throws {
    let record = try checker("complete", .intel, [.syscall64], []).trace([:], accesses: false) { _ in }
    let modes = record.steps.compactMap(\.mode)
    #expect(modes.count == record.steps.count && record.end.kind == .user)
    // In through SYSCALL and IRET, back by a hypercall and IRET.
    var turns: [TraceStep.Mode] = []
    for mode in modes where mode != turns.last { turns.append(mode) }
    #expect(turns == [.user, .hypervisor, .kernel, .hypervisor, .user])
    #expect(record.steps.contains { $0.location.symbol == "lstar_enter" })
    #expect(record.steps.contains { $0.location.symbol == "xen_syscall_target" })
  }

  // MARK: Refusals

  @Test func whatIsMissingIsSaid() throws {
    for verb in [
      ["check", "design:complete"], ["trace", "design:complete", "--crossing", "syscall64"],
      ["boot", "design:complete"],
    ] {
      let ended = try limen.start(verb + ["--platform", "xen"]).ended()
      #expect(ended.status == 2 && ended.complaint.split(separator: "\n").count == 1)
      #expect(ended.complaint.hasSuffix("platform xen runs a hypervisor's own bytes: --hypervisor names its image\n"))
    }
  }

  @Test func whatIsNoHypervisorIsRefused() throws {
    let design = try Design("complete").path
    let ended = try limen("boot", "design:complete", "--platform", "xen", "--hypervisor", design)
    #expect(ended.status == 3 && !ended.bySignal, "\(ended)")
    #expect(ended.complaint.contains("a hypervisor is started by multiboot"))
    let absent = try limen("boot", "design:complete", "--platform", "xen", "--hypervisor", "/nowhere/xen")
    #expect(absent.status == 2 && absent.complaint.contains("/nowhere/xen"))
  }

  /// Xen refuses a domain 0 that is none, and says why.
  @Test func aHypervisorThatRefusesItsDomainIsHeard() throws {
    let probe = Probe.root.appendingPathComponent(".build-probe/probe.elf").path
    let ended = try limen(
      "boot", probe, "--platform", "xen", "--hypervisor", try #require(Self.xen), "--limit", "3000")
    #expect(!ended.bySignal && ended.status != 0)
    #expect(ended.complaint.split(separator: "\n").count == 1, "\(ended.complaint)")
  }
}
