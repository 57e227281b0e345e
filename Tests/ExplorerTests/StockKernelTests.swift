/// Goal: an unmodified kernel holds, the report is the same bytes each time and with any number of threads, and a witness
/// replays to the finding that it was written for.
import Findings
import Reports
import Testing

@Suite(.serialized) struct StockKernelTests {
  @Test func sameBytesWithAnyNumberOfThreads() throws {
    func json(_ jobs: Int) throws -> String {
      let checker = try KernelUnderTest.checker(
        "debian-6.1-cloud", profiles: [.intel, .amd], crossings: [.syscall64, .int80], jobs: jobs)
      let report = try checker.check { _ in }.report
      #expect(report.exitStatus == .allHeld)
      return JSONReport.text(of: report)
    }
    let once = try json(1)
    #expect(once == (try json(1)))
    #expect(once == (try json(2)))
  }

  /// Events at every boundary of the crossings that do not end in a signal, whose way back is short.
  @Test func everyEventAtEveryBoundaryIsSurvived() throws {
    try expectToHold([.syscall64, .syscall32, .sysenter, .int80, .irq, .nmi, .sigreturn], events: EventKind.usual)
  }

  /// The baselines of the others; `limen check` explores them too, in minutes.
  @Test func everyCrossingHoldsWithoutEvents() throws {
    try expectToHold([.ud, .bp, .de, .gp, .pf, .db], events: [])
  }

  /// In 6.12.118 every interrupt here ends in the turn of a kernel thread that verifies a signature and asks nobody whether it may go on, for more than
  /// the bound of a run. The process comes back behind it.
  @Test func aProcessThatWaitsForItsTurnComesBack() throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.12-cloud", profiles: [.skylake], crossings: [.db], events: [.externalInterrupt])
    let section = try #require(try checker.check { _ in }.report.sections.first)
    #expect(section.verdict == .held, "\(section.findings.map(\.message))")
  }

  /// The frame to return by is not there, and the process gets SIGSEGV: its registers are written where a moved stack is not.
  @Test func aSignalInPlaceOfAReturnLeaksNothing() throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", profiles: [.intel], crossings: [.sigreturn], postures: ["rsp-unmapped", "rsp-zero"],
      events: [])
    let report = try checker.check { _ in }.report
    for section in report.sections {
      #expect(section.verdict == .held, "\(section.posture): \(section.findings.map(\.message))")
    }
  }

  /// Single-stepping, and a second debug exception in the handler of its trap.
  @Test func theDebugExceptionHoldsWithBreakpoints() throws {
    let report = try expectToHold(
      [.db], events: [.debugBreakpoint], platforms: [.bareMetal, .xenPV], profiles: [.intel])
    for section in report.sections {
      let trials = Dictionary(uniqueKeysWithValues: section.trials.map { ($0.event, $0.trials) })
      // User mode takes no breakpoint, and neither does the stretch up to the handler's store to DR6.
      let breakpoints = try #require(trials[.debugBreakpoint])
      #expect(breakpoints > section.boundaries - 120 && breakpoints < section.boundaries)
    }
  }

  /// A machine check would discard the trap that the user is due, and no kernel could bring it back.
  @Test func noMachineCheckOvertakesTheUsersTrap() throws {
    let checker = try KernelUnderTest.checker("debian-6.1", profiles: [.amd], crossings: [.db])
    let trace = try checker.trace([1: .machineCheck], accesses: false) { _ in }
    #expect(trace.injections.map(\.outcome) == [.noSource])
    #expect(trace.steps[1].cpl == 3 && trace.steps[1].delivery?.vector == 1)
  }

  @discardableResult private func expectToHold(
    _ crossings: [CrossingKind], events: [EventKind], platforms: [PlatformName] = [.bareMetal],
    profiles: [ProfileName] = ProfileName.plain
  ) throws -> CheckReport {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: platforms, profiles: profiles, crossings: crossings, events: events, jobs: 2)
    let report = try checker.check { _ in }.report
    for section in report.sections {
      let name = "\(section.profile.rawValue) \(section.crossing.rawValue)"
      #expect(section.findings.isEmpty, "\(name): \(section.findings.map(\.message))")
      #expect(section.verdict.kind == .held || section.verdict.kind == .notApplicable, "\(name): \(section.verdict)")
    }
    return report
  }

  /// Other major versions reach the probe, and a crossing holds there.
  @Test(arguments: [("debian-5.10-cloud", ProfileName.amd), ("debian-6.12-cloud", .intel)])
  func otherVersions(kernel: String, profile: ProfileName) throws {
    let checker = try KernelUnderTest.checker(kernel, profiles: [profile], crossings: [.syscall64], events: [])
    #expect(try checker.check { _ in }.report.exitStatus == .allHeld)
  }

  @Test func aWitnessReplays() throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", profiles: [.intel], crossings: [.syscall64], events: [.nmi], ablations: [.nmiWithoutIST])
    let result = try checker.check { _ in }
    let finding = try #require(result.report.sections[0].findings.first)
    let witness = try #require(result.witnesses.first)
    #expect(witness.path == finding.path)
    func replay() throws -> CheckReport { try checker.replay(witness.path, line: finding.replay) { _ in } }
    let report = try replay()
    #expect(report.exitStatus == .violation)
    let again = try #require(report.sections[0].findings.first)
    #expect(again.invariant == finding.invariant)
    #expect(again.location == finding.location)
    #expect(JSONReport.text(of: report) == JSONReport.text(of: try replay()))
  }
}
