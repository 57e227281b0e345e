/// Goal: the same kernel, the same crossings, Xen's rules. A PV guest has no RSP, GS or page-table windows, since the hypervisor
/// switches all three before the kernel's first instruction; what it reports beside that is explained here.
import Explorer
import Findings
import Testing

@Suite(.serialized) struct XenPVExplorationTests {
  /// Everything but the virtual machine check, for which the cloud kernel has no handler.
  static let events: [EventKind] = [.debugBreakpoint, .eventUpcall, .nmiCallback]

  @Test(arguments: ProfileName.plain)
  func stockKernelHoldsWithoutWindows(profile: ProfileName) throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [.xenPV], profiles: [profile], crossings: [.syscall64, .int80, .irq],
      events: Self.events)
    let report = try checker.check { _ in }.report
    #expect(report.sections.map(\.crossing) == [.syscall64, .int80, .irq])
    for section in report.sections {
      #expect(section.verdict == .held && section.findings.isEmpty && section.windows.isEmpty)
      // NMI callbacks ignore the upcall mask and so arrive everywhere; upcalls obey it, but fall due everywhere, unless one has.
      // Before and behind the crossing both come to user mode, which lets everything in.
      let trials = Dictionary(uniqueKeysWithValues: section.trials.map { ($0.event, $0.trials) })
      #expect(trials[.nmiCallback] == section.boundaries + 2)
      if section.crossing == .irq {
        #expect(trials[.eventUpcall]! > 0 && trials[.eventUpcall]! < section.boundaries)
      } else {
        #expect(trials[.eventUpcall] == section.boundaries + 2)
      }
    }
  }

  /// Xen looks at five bytes of an invalid instruction: behind the last page of a task's a page fault is told of instead, and that is no
  /// kernel's mistake (xen/arch/x86/pv/emul-inv-op.c).
  @Test func anInvalidInstructionAtTheEndOfWhatIsMappedIsAPageFault() throws {
    for platform in [PlatformName.bareMetal, .xenPV] {
      let checker = try KernelUnderTest.checker(
        "debian-6.1-cloud", platforms: [platform], profiles: [.intel], crossings: [.ud], postures: ["code-top"],
        events: [])
      let section = try #require(try checker.check { _ in }.report.sections.first)
      #expect(section.verdict == .held, "\(platform.rawValue): \(section.findings.map(\.message))")
    }
  }

  /// Linux arch/x86/kernel/idt.c fills every gate with an early handler, and without CONFIG_X86_MCE nothing replaces that of
  /// #MC; arch/x86/xen/enlighten_pv.c, `get_trap_addr`, registers its Xen twin. Both lie in memory that is freed after init.
  @Test func theCloudKernelHasNoMachineCheckHandler() throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [.xenPV], profiles: [.intel], crossings: [.syscall64],
      events: [.virtualMachineCheck])
    let section = try #require(try checker.check { _ in }.report.sections.first)
    let finding = try #require(section.findings.first)
    #expect(finding.invariant == "no-kernel-death")
    #expect(finding.location.symbol == "xen_early_idt_handler_array")
  }

  @Test func aDiffShowsWhatTheHypervisorDoes() throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [.bareMetal, .xenPV], profiles: [.intel], crossings: [.syscall64], events: [])
    let report = try Comparison(checkers: [checker]).compare { _ in }.report
    #expect(report.sides.map(\.platform) == [.bareMetal, .xenPV])
    let cells = try #require(report.crossings.first).sides
    let parts = try cells.map { try #require($0.parts) }
    #expect(parts[0].hypercallCount == 0)
    // Linux arch/x86/xen/xen-asm.S, xen_iret: a PV guest's one way out.
    #expect(parts[1].wayIn.hypercalls.isEmpty)
    #expect(parts[1].wayOut.hypercalls == [HypercallCount("iret", 1)])
    #expect(cells[0].section.windows.contains { $0.kind == .rsp } && cells[1].section.windows.isEmpty)
  }

  @Test func aTraceShowsBounceFramesAndHypercalls() throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [.xenPV], profiles: [.intel], crossings: [.syscall64])
    let trace = try checker.trace([:], accesses: false) { _ in }
    let first = try #require(trace.steps.first)
    let frame = try #require(first.delivery)
    #expect(first.mode == .user && frame.bounce == "SYSCALL" && frame.vector == nil)
    // Xen xen/arch/x86/x86_64/entry.S, create_bounce_frame and lstar_enter: RCX, R11, RIP, CS, RFLAGS, RSP, SS.
    let words = frame.words.map(\.value)
    #expect(words.count == 7)
    #expect(words[0] == words[2] && words[2] == first.location.address + 2)
    #expect(words[3] == 0xE033 && words[6] == 0xE02B)
    #expect(words[5] == first.rsp.value && words[4] & 0x200 != 0)
    #expect(frame.frame.value & 0xF == 8)
    let last = try #require(trace.steps.last { $0.isKernel })
    #expect(last.hypercalls == ["iret"] && last.location.symbol == "xen_iret")
    #expect(trace.end.kind == .user)
  }

  @Test func aWitnessReplaysTheSame() throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: [.xenPV], profiles: [.intel], crossings: [.syscall64], events: [.nmiCallback],
      ablations: [.nmiMaskNeverCleared])
    let result = try checker.check { _ in }
    let finding = try #require(result.report.sections.first?.findings.first)
    let witness = try #require(result.witnesses.first)
    #expect(witness.platform == .xenPV && witness.path == finding.path)
    let replayed = try checker.replay(witness.path, line: finding.replay) { _ in }
    let same = try #require(replayed.sections.first?.findings.first)
    #expect(same.invariant == finding.invariant && same.location == finding.location && same.path == finding.path)
  }
}
