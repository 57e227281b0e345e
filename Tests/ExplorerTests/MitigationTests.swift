/// Goal: under each part's profile Debian's kernels report and patch in what is known of that part: the kernel's own vulnerability table and
/// selection (Linux arch/x86/kernel/cpu/bugs.c and common.c; Documentation/admin-guide/hw-vuln). `Documentation/Mitigations.md` explains what
/// is otherwise than on the real part.
import Explorer
import Findings
import Testing

@Suite(.serialized) struct MitigationTests {
  /// What sysfs says begins so; and of the instructions of the entry code that are not the image's, or that a jump of the image's no longer goes
  /// around, these are there and these are not.
  struct Expected: Sendable {
    var statuses: [String: String]
    var has: [String]
    var hasNot: [String]
  }

  static let parts: [ProfileName: Expected] = [
    .skylake: Expected(
      statuses: [
        "meltdown": "Mitigation: PTI", "retbleed": "Mitigation: IBRS", "mds": "Mitigation: Clear CPU buffers",
        "l1tf": "Mitigation: PTE Inversion", "spec_rstack_overflow": "Not affected", "tsa": "Not affected",
      ], has: ["lfence", "wrmsr", "verw", "mov to cr3"], hasNot: ["untrain", "clear_bhb_loop"]),
    .iceLake: Expected(
      statuses: [
        "meltdown": "Not affected", "mds": "Not affected", "retbleed": "Mitigation: Enhanced IBRS",
        "spectre_v2": "Mitigation: Enhanced / Automatic IBRS", "srbds": "Mitigation: Microcode",
        "indirect_target_selection": "Mitigation: Aligned branch/return thunks",
      ], has: ["lfence", "clear_bhb_loop"], hasNot: ["untrain", "verw", "wrmsr", "mov to cr3"]),
    .raptorLake: Expected(
      statuses: [
        "meltdown": "Not affected", "retbleed": "Not affected", "mds": "Not affected",
        "reg_file_data_sampling": "Mitigation: Clear Register File", "indirect_target_selection": "Not affected",
      ], has: ["lfence", "verw"], hasNot: ["untrain", "clear_bhb_loop", "wrmsr"]),
    .wildcatLake: Expected(
      statuses: [
        "meltdown": "Not affected", "retbleed": "Not affected", "mds": "Not affected", "tsa": "Not affected",
        "reg_file_data_sampling": "Not affected", "indirect_target_selection": "Not affected",
        "spectre_v2": "Mitigation: Enhanced / Automatic IBRS",
      ], has: ["lfence"], hasNot: ["untrain", "clear_bhb_loop", "verw", "wrmsr", "mov to cr3"]),
    .zen2: Expected(
      statuses: [
        "meltdown": "Not affected", "retbleed": "Mitigation: untrained return thunk", "tsa": "Not affected",
        "spec_rstack_overflow": "Mitigation: ",
      ], has: ["return_thunk"], hasNot: ["verw", "clear_bhb_loop", "wrmsr"]),
    .zen3: Expected(
      statuses: [
        "retbleed": "Not affected", "tsa": "Mitigation: Clear CPU buffers", "spec_rstack_overflow": "Mitigation: ",
      ],
      has: ["return_thunk", "verw"], hasNot: ["clear_bhb_loop", "wrmsr"]),
    .zen4: Expected(
      statuses: [
        "retbleed": "Not affected", "tsa": "Mitigation: Clear CPU buffers", "spec_rstack_overflow": "Mitigation: ",
        "spectre_v2": "Mitigation: Enhanced / Automatic IBRS",
      ], has: ["return_thunk", "verw"], hasNot: ["clear_bhb_loop", "wrmsr"]),
    .zen5: Expected(
      statuses: [
        "retbleed": "Not affected", "spectre_v2": "Mitigation: Enhanced / Automatic IBRS", "meltdown": "Not affected",
      ],
      has: [], hasNot: ["untrain", "clear_bhb_loop", "wrmsr"]),
    // As Zen 5: no table of Linux's has more of family 1AH.
    .zen6: Expected(
      statuses: [
        "retbleed": "Not affected", "spectre_v2": "Mitigation: Enhanced / Automatic IBRS", "meltdown": "Not affected",
      ],
      has: [], hasNot: ["untrain", "clear_bhb_loop", "wrmsr"]),
  ]

  @Test(arguments: ["debian-6.1-cloud", "debian-6.12-cloud", "debian-7.3.4-cloud"])
  func areThoseOfThePart(kernel: String) throws {
    let checker = try KernelUnderTest.checker(kernel, profiles: Self.parts.keys.sorted(), crossings: [])
    let reports = try checker.mitigations()
    #expect(reports.map(\.profile) == Self.parts.keys.sorted())
    for report in reports {
      let expected = Self.parts[report.profile]!
      for (name, status) in expected.statuses {
        let said = report.status(of: name)
        #expect(said?.hasPrefix(status) == true, "\(kernel) \(report.profile) \(name): \(said ?? "nothing")")
      }
      let patched = try #require(report.patched)
      for one in expected.has {
        #expect(patched.contains { $0.what.contains(one) }, "\(kernel) \(report.profile): \(one)")
      }
      for one in expected.hasNot {
        #expect(!patched.contains { $0.what.contains(one) }, "\(kernel) \(report.profile): \(one)")
      }
    }
  }

  /// AMD-SB-7061: the kernel before the fix lets events into the window of Safe-RET, the one after it finishes the return in their frames
  /// (6.12.102); but for NMIs, whose handler returns by a copy of the frame: `Documentation/Findings/linux-safe-ret-nmi.md`.
  @Test(arguments: [ProfileName.zen3, .zen4]) func theWindowOfSafeRETIsFoundWhereItIsOpen(profile: ProfileName) throws {
    let all: Set<EventKind> = [.nmi, .externalInterrupt, .machineCheck, .debugBreakpoint]
    for (kernel, open) in [("debian-6.12.101-cloud", all), ("debian-6.12.105-cloud", [.nmi])] {
      let checker = try KernelUnderTest.checker(kernel, profiles: [profile], crossings: [.syscall64])
      let section = try #require(try checker.check { _ in }.report.sections.first)
      #expect(Set(section.findings.map(\.invariant)) == ["defence-holds"])
      #expect(Set(section.findings.compactMap { $0.path.steps.last?.event }) == open, "\(kernel)")
      // The window lies in Safe-RET's code, by the kernel's own names.
      for one in section.findings { #expect(one.location.symbol?.contains("safe_ret") == true, "\(one.location)") }
    }
  }

  /// Without events every part's kernel has what it owes, by every way in. (An NMI in Safe-RET's window is another question: above.)
  @Test(arguments: ["debian-6.1-cloud", "debian-6.12-cloud", "debian-7.3.4-cloud"])
  func nothingIsOwed(kernel: String) throws {
    let checker = try KernelUnderTest.checker(
      kernel, profiles: Self.parts.keys.sorted(), crossings: CrossingKind.allCases, events: [])
    let report = try checker.check { _ in }.report
    for section in report.sections where !Self.isKnown(kernel, section) {
      #expect(
        section.findings.isEmpty,
        "\(kernel) \(section.profile.rawValue) \(section.crossing.rawValue): \(section.findings.map(\.message))")
    }
  }

  /// The sites of empty static calls are not among those that get return thunks before Linux 6.6 (aee9d30b9744), and `irqentry_exit` ends in one:
  /// `Documentation/Findings/linux-6.1-static-call-returns.md`.
  @Test(arguments: [("debian-6.1-cloud", ["irqentry_exit"]), ("debian-6.12-cloud", [])] as [(String, Set<String>)])
  func aReturnIsLeftWhereAStaticCallWasEmpty(kernel: String, functions: Set<String>) throws {
    let checker = try KernelUnderTest.checker(
      kernel, profiles: [.iceLake], crossings: [.syscall64], events: [.externalInterrupt])
    let section = try #require(try checker.check { _ in }.report.sections.first)
    #expect(Set(section.findings.compactMap(\.location.symbol)) == functions)
    #expect(section.findings.allSatisfy { $0.invariant == "branches-aligned" })
  }

  /// 7.3.4 asks the wrong byte of an indirect call where it lies: `Documentation/Findings/linux-its-prefixed-branches.md`.
  /// And by FRED it has no SYSCALL for compatibility code: `Documentation/FRED.md`.
  private static func isKnown(_ kernel: String, _ section: CheckSection) -> Bool {
    if kernel == "debian-7.3.4-cloud" && section.profile == .zen6 && section.crossing == .syscall32 { return true }
    return kernel == "debian-7.3.4-cloud" && section.profile == .iceLake
      && [.ud, .bp, .de, .of, .ss, .ac, .irq, .db].contains(section.crossing)
      && Set(section.findings.map(\.invariant)) == ["branches-aligned"]
  }
}
