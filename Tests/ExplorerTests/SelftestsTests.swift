import Foundation
import Testing

/// Goal: the kernel's own x86 selftests, run in a booted guest under both profiles, give what real processors of that
/// vendor give. The exit statuses are `Selftests.expected`; where a status would not show how the processor went about
/// it, what the programs print is compared as well. Reasons and manuals: `Documentation/Selftests.md`.
@Suite struct SelftestsTests {
  /// One boot answers everything, so that no other test waits for it.
  @Test(arguments: SelftestExpectation.profiles)
  func theGuestIsTheVendors(profile: String) throws {
    let run = try SelftestRun(kernel: "debian-6.1-cloud", profile: profile)
    #expect(run.isComplete, "\(run.end)")
    try statusesAreTheProcessors(run, profile)
    aNullSelectorAndItsBase(run, profile)
    for bits in [64, 32] {
      aBreakpointOnMOVSSWaits(run, profile, bits)
      fastSystemCallsAreTheVendors(run, profile, bits)
      badFramesFaultInIRET(run, bits)
    }
  }

  /// Under Xen PV: what these programs answered on Debian's Xen 4.17 under QEMU, `Documentation/Selftests.md`. The others take
  /// minutes, or end otherwise there because of QEMU.
  @Test(arguments: SelftestExpectation.profiles)
  func theGuestIsXens(profile: String) throws {
    let programs = [
      "sysret_rip_64", "sysret_ss_attrs_64", "syscall_nt_64", "sigreturn_64", "single_step_syscall_64", "fsgsbase_64",
      "fsgsbase_restore_64", "ptrace_syscall_64", "iopl_64", "ioperm_64", "test_vsyscall_64",
      "check_initial_reg_state_64", "sigtrap_loop_64", "sigaltstack_64", "syscall_arg_fault_64",
      "sysret_ss_attrs_32", "syscall_nt_32", "single_step_syscall_32", "mov_ss_trap_32", "ptrace_syscall_32",
      "sigtrap_loop_32", "sigaltstack_32", "entry_from_vm86_32", "syscall_arg_fault_32",
    ]
    let run = try SelftestRun(kernel: "debian-6.1-cloud", profile: profile, platform: "xen-pv", programs: programs)
    #expect(run.isComplete, "\(run.end)")
    for program in programs { #expect(run.status[program] == 0, "\(program)") }
  }

  private func statusesAreTheProcessors(_ run: SelftestRun, _ profile: String) throws {
    for expectation in try SelftestExpectation.all() {
      let program = expectation.program
      #expect(run.status[program] == expectation.status[profile], "\(program)")
      // Some programs count a failure without saying so in their status.
      let failures = (run.output[program] ?? []).filter { $0.contains("[FAIL]") || $0.contains("[BAD]") }
      #expect(failures == [], "\(program)")
    }
  }

  /// The #DB of a data breakpoint that MOV SS meets waits for the next instruction. An instruction that enters the
  /// kernel takes it there, where Linux drops it; a fault or INT1 loses it; anything else is followed by it.
  /// SDM vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks"; the rules at the top of mov_ss_trap.c.
  private func aBreakpointOnMOVSSWaits(_ run: SelftestRun, _ profile: String, _ bits: Int) {
    let overflow = bits == 32 ? ["MOV SS; INTO: SIGTRAP"] : []
    let systemCall = bits == 64 ? ["MOV SS; SYSCALL:"] : []
    #expect(
      run.signals(of: "mov_ss_trap_\(bits)") == [
        "Read from watched memory (should get SIGTRAP): SIGTRAP",
        "MOV SS; INT3: SIGTRAP", "MOV SS; INT 3: SIGTRAP", "MOV SS; CS CS INT3: SIGTRAP", "MOV SS; CSx14 INT3: SIGTRAP",
        "MOV SS; INT 4: SIGSEGV",
      ] + overflow + [
        "MOV SS; ICEBP: SIGTRAP", "MOV SS; CLI: SIGSEGV", "MOV SS; #PF: SIGSEGV", "MOV SS; INT 1: SIGSEGV",
      ] + systemCall + [
        "MOV SS; breakpointed NOP: SIGTRAP",
        // AMD's SYSENTER is #UD in long mode.
        "MOV SS; SYSENTER: \(profile == "intel" ? "SIGSEGV" : "SIGILL")",
        "MOV SS; INT $0x80:",
      ])
  }

  /// SYSENTER is #UD in AMD's long mode, SYSCALL in Intel's compatibility mode. SDM vol. 2, "SYSCALL"; APM vol. 3,
  /// "SYSENTER". Where there is none, the program says that it skips the case.
  private func fastSystemCallsAreTheVendors(_ run: SelftestRun, _ profile: String, _ bits: Int) {
    for (heading, lines) in run.cases(of: "syscall_arg_fault_\(bits)") {
      let exists = heading.hasPrefix("SYSENTER") ? profile == "intel" : bits == 64 || profile == "amd"
      let says =
        !exists
        ? "[SKIP]\tIllegal instruction"
        : heading.hasPrefix("SYSCALL") && bits == 64 ? "[OK]\tSYSCALL returned normally" : "[OK]\tSeems okay"
      #expect(lines == [says], "\(heading)")
    }
    #expect(run.cases(of: "syscall_arg_fault_\(bits)").count == (bits == 64 ? 5 : 4))
    #expect(
      run.signals(of: "single_step_syscall_\(bits)").contains(
        "Set TF and check SYSENTER: \(profile == "intel" ? "SIGSEGV" : "SIGILL")"))
  }

  /// A null selector clears the hidden base on Intel's processors and keeps it on AMD's before Zen 2, as the profile is.
  /// APM vol. 2, "FS and GS Registers in 64-Bit Mode".
  private func aNullSelectorAndItsBase(_ run: SelftestRun, _ profile: String) {
    let cases = run.cases(of: "fsgsbase_64").filter { $0.heading.contains("then mov 0 to %gs") }
    let bases = profile == "intel" ? ["0x0", "0x0", "0x0"] : ["0x0", "0x1", "0x200000000"]
    #expect(cases.map(\.lines) == (bases + bases).map { ["[OK]\tGSBASE is \($0)"] })
  }

  /// Each bad frame faults in IRET with the selector that is bad: #GP for a stack segment that is not there or is no
  /// data segment, #NP for a code segment and #SS for a stack segment that is not present. SDM vol. 2,
  /// "IRET/IRETD/IRETQ", Operation.
  private func badFramesFaultInIRET(_ run: SelftestRun, _ bits: Int) {
    let got = run.cases(of: "sigreturn_\(bits)").flatMap(\.lines).filter { $0.hasPrefix("[OK]\tGot #") }
    let codeSelector = bits == 64 ? "#GP(0x30) (i.e. GDT index 6," : "#GP(0x20) (i.e. GDT index 4,"
    let faults = [
      "#GP(0x44) (i.e. LDT index 8,", "#GP(0x44) (i.e. LDT index 8,", codeSelector, codeSelector,
      "#NP(0x4c) (i.e. LDT index 9,", "#SS(0x54) (i.e. LDT index 10,",
    ]
    #expect(
      got.map { $0.dropFirst("[OK]\tGot ".count) }.map { $0.prefix { $0 != "," } + "," } == faults.map { $0[...] })
  }

  /// With a 16-bit stack segment IRET restores 16 bits of the stack pointer; Linux puts bits 31 to 16 there beforehand,
  /// and bits 63 to 32 are zero on Intel's processors and the kernel's on AMD's. The comments of sigreturn.c. Such
  /// segments are in Debian's generic kernel and not in the cloud kernel.
  @Test(arguments: SelftestExpectation.profiles)
  func sixteenBitStacks(profile: String) throws {
    let run = try SelftestRun(kernel: "debian-6.1", profile: profile, programs: ["sigreturn_64", "sigreturn_32"])
    #expect(run.isComplete && run.status == ["sigreturn_64": 0, "sigreturn_32": 0], "\(run.end)")
    let narrow = run.cases(of: "sigreturn_64").filter {
      $0.heading.hasPrefix("Valid sigreturn") && $0.heading.contains("16-bit SS") && !$0.heading.contains("64-bit CS")
    }
    #expect(narrow.count == 3)
    for (heading, lines) in narrow {
      let note = try #require(lines.first { $0.hasPrefix("[NOTE]\tSP: ") }, "\(heading)")
      let pointer = try #require(UInt64(note.split(separator: " ").last ?? "", radix: 16), "\(heading)")
      #expect(pointer & 0xFFFF_FFFF == 0x5AAD_C0DE, "\(heading)")
      #expect(profile == "intel" ? pointer >> 32 == 0 : pointer >> 40 == 0xFF_FFFF, "\(heading)")
    }
  }
}
