/// Goal: a kernel that knows FRED delivers by it where the processor has it, and holds; told not to, it has the IDT. A design of the reference
/// kernel does the same without a download.
import Findings
import Foundation
import Platform
import Testing

@Suite(.serialized) struct FREDKernelTests {
  private static let kernel = "debian-7.3.4-cloud"

  private func trace(_ crossing: CrossingKind, _ events: [Int: EventKind] = [:], profile: ProfileName = .wildcatLake)
    throws -> TraceRecord
  {
    let checker = try KernelUnderTest.checker(Self.kernel, profiles: [profile], crossings: [crossing])
    return try checker.trace(events, accesses: false) { _ in }
  }

  /// Linux arch/x86/entry/entry_64_fred.S: two entries, 256 bytes apart, ERETU and ERETS.
  @Test(
    arguments: [
      (.syscall64, .syscall), (.int80, .softwareInterrupt), (.sysenter, .sysenter), (.bp, .softwareException),
      (.pf, .hardwareException), (.irq, .externalInterrupt), (.nmi, .nmi),
    ] as [(CrossingKind, TraceFRED.Kind)])
  func entersByFRED(crossing: CrossingKind, kind: TraceFRED.Kind) throws {
    let trace = try trace(crossing)
    let delivery = try #require(trace.steps[0].delivery)
    #expect(delivery.fred == TraceFRED(kind, stackLevel: 0, previousStackLevel: 0, nested: false))
    #expect(delivery.words.count == 8 && delivery.words[7].value == 0)
    #expect(trace.steps[1].location.symbol == "asm_fred_entrypoint_user" && trace.steps[1].location.offset == 0)
    #expect(trace.steps.last { $0.isKernel }?.instruction == "eretu")
    // Nothing of the kernel runs on the user's state.
    #expect(trace.steps.allSatisfy { !$0.isKernel || $0.rspOwner == .kernel && $0.gsOwner == .kernel })
    #expect(trace.end.kind == .user)
  }

  /// Linux arch/x86/kernel/fred.c: #DB has level 1, NMI and #MC level 2.
  @Test(arguments: [(.nmi, 2, 2), (.debugBreakpoint, 1, 1), (.machineCheck, 18, 2)] as [(EventKind, Int, Int)])
  func nestsOnItsLevels(event: EventKind, vector: Int, level: Int) throws {
    let trace = try trace(.syscall64, [40: event])
    let delivery = try #require(trace.steps[40].delivery)
    #expect(delivery.vector == vector && delivery.fred?.stackLevel == level && delivery.fred?.previousStackLevel == 0)
    #expect(trace.steps[41].location.symbol == "asm_fred_entrypoint_kernel")
    #expect(trace.steps.contains { $0.instruction == "erets" } && trace.end.kind == .user)
  }

  @Test func holdsAtDepthOne() throws {
    let checker = try KernelUnderTest.checker(
      Self.kernel, profiles: [.wildcatLake], crossings: [.syscall64, .int80, .irq, .nmi], jobs: 2)
    let report = try checker.check { _ in }.report
    for section in report.sections {
      #expect(section.verdict.kind == .held, "\(section.crossing.rawValue): \(section.findings.map(\.message))")
    }
  }

  /// FRED takes the windows away: SDM vol. 2, "SYSCALL", against what IA32_FMASK and SWAPGS leave open.
  @Test func otherProcessorsHaveTheIDT() throws {
    let trace = try trace(.syscall64, profile: .raptorLake)
    #expect(trace.steps.allSatisfy { $0.delivery == nil } && trace.steps.contains { $0.instruction == "swapgs" })
  }

  @Test func offIsTheIDT() throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let ended = try limen(
      "trace", try KernelUnderTest.path(Self.kernel), "--profile", "wildcat-lake", "--crossing", "syscall64",
      "--append",
      "fred=off")
    #expect(ended.status == 0 && ended.output.contains("swapgs") && !ended.output.contains("fred"))
  }

  /// The same part without FRED has the windows of the IDT's entries, none of which does harm.
  @Test func offHoldsThroughTheIDT() throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let ended = try limen(
      "check", try KernelUnderTest.path(Self.kernel), "--profile", "wildcat-lake", "--crossing", "syscall64,int80",
      "--append", "fred=off", "--witnesses", folder.url.appendingPathComponent("witnesses").path)
    #expect(ended.status == 0 && ended.output.contains("entry_SYSCALL_64"), "\(ended.output)")
  }

  /// Side by side: SYSCALL's windows of RSP, GS base and page tables (SDM vol. 2, "SYSCALL", "SWAPGS"; Linux Documentation/arch/x86/pti.rst) are there
  /// with the IDT, and there is none with FRED, by which the way in costs less of everything.
  @Test func standsBesideTheIDT() throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let ended = try limen(
      "diff", try KernelUnderTest.path(Self.kernel), "--profile", "skylake,wildcat-lake", "--event", "nmi",
      "--witnesses", folder.url.appendingPathComponent("witnesses").path)
    #expect(ended.status == 0, "\(ended.output)")
    func row(_ title: String) throws -> [Int] {
      let line = try #require(ended.output.split(separator: "\n").first { $0.hasPrefix(title) })
      return line.split(separator: " ").compactMap { Int($0) }
    }
    for title in ["RSP window", "GS base window", "page-table window"] {
      let cells = try row(title)
      #expect(cells.count == 2 && cells[0] > 0 && cells[1] == 0, "\(title): \(cells)")
    }
    for title in ["instructions", "memory reads", "privileged operations"] {
      let cells = try row(title)
      #expect(cells.count == 2 && cells[0] > cells[1], "\(title): \(cells)")
    }
  }

  /// Linux 7.3 takes AMD's processors with FRED as it takes Intel's.
  @Test func amdEntersByFRED() throws {
    let trace = try trace(.syscall64, [40: .nmi], profile: .zen6)
    #expect(trace.steps[0].delivery?.fred == TraceFRED(.syscall, stackLevel: 0, previousStackLevel: 0, nested: false))
    #expect(trace.steps[40].delivery?.fred?.stackLevel == 2)
    #expect(trace.steps.last { $0.isKernel }?.instruction == "eretu" && trace.end.kind == .user)
  }

  @Test func theDesignHolds() throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    for profile in ["wildcat-lake", "zen6", "intel"] {
      let ended = try limen(
        "check", "design:fred", "--platform", "bare-metal", "--profile", profile, "--posture", "normal", "--witnesses",
        folder.url.appendingPathComponent("witnesses").path)
      #expect(ended.status == 0, "\(ended.output)")
    }
  }

  /// A #DB that ERETU owes the user goes before an NMI or an interrupt there (SDM vol. 3A, "Priority Among Concurrent Events"), and is no harm
  /// that those do; nor is it one that ERETU clears RSP 63:32 of compatibility code (SDM vol. 2, "ERETU").
  @Test(arguments: [
    ("syscall64,sysenter,int80", "flags-tf,flags-all"), ("sysenter", "rsp-chosen,rsp-kernel-direct,rsp-noncanonical"),
  ])
  func theDesignIsNotBlamedForTheProcessor(crossings: String, postures: String) throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let ended = try limen(
      "check", "design:fred", "--platform", "bare-metal", "--profile", "wildcat-lake", "--crossing", crossings,
      "--posture", postures, "--witnesses", folder.url.appendingPathComponent("witnesses").path)
    #expect(ended.status == 0, "\(ended.output)")
  }
}
