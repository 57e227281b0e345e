import Findings
import Foundation
import Testing

/// Goal: on kernels of a few instructions, whose defect is known, the explorer says what the manuals say.
@Suite struct TinyKernelTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// An event in the kernel loads SS from a descriptor that is not what SYSCALL takes it to be, and AMD's SYSRET restores the
  /// selector but not the hidden part. APM vol. 3, "SYSRET". Linux works around it (X86_BUG_SYSRET_SS_ATTRS); this kernel does not.
  @Test(arguments: [(ProfileName.intel, Findings.ExitStatus.allHeld), (.amd, .violation)])
  func hiddenStackSegmentAfterAnEvent(profile: ProfileName, status: Findings.ExitStatus) throws {
    let report = try TinyKernel(["KERNEL_DATA=0x0000930000000000"], in: folder.url)
      .checker(profile, events: [.nmi]).check { _ in }.report
    #expect(report.exitStatus == status)
    let blamed = Set(report.sections.flatMap(\.findings).map(\.invariant))
    #expect(blamed == (status == .violation ? ["user-state-preserved"] : []))
  }

  /// SYSCALL under TF: the trap comes before the kernel's first instruction. A machine check there is of higher priority,
  /// and what it overtakes is discarded. SDM vol. 3A, "Priority Among Concurrent Events".
  @Test func aMachineCheckOvertakesTheSingleStepTrap() throws {
    let kernel = try TinyKernel(["USER_FLAGS=0x302", "MASK=0x47600"], in: folder.url)
    let checker = try kernel.checker(.intel, events: [])
    let plain = try checker.trace([:], accesses: false) { _ in }
    #expect(plain.steps[1].location.description == "system_call" && plain.steps[1].delivery?.vector == 1)
    let overtaken = try checker.trace([1: .machineCheck], accesses: false) { _ in }
    #expect(overtaken.steps[1].delivery?.vector == 18)
    // The handler's return loads TF again, and the trap follows the instruction behind it.
    let back = try #require(overtaken.steps.firstIndex { $0.instruction == "iretq" })
    #expect(overtaken.steps[2...back].allSatisfy { $0.delivery == nil })
    let next = overtaken.steps[back + 1]
    #expect(next.location.description == "system_call" && next.delivery == nil)
    #expect(overtaken.steps[back + 2].delivery?.vector == 1)
  }

  /// The processor adds the causes of a #DB to those that DR6 has. SDM vol. 3B, "Debug Status Register (DR6)". While a kernel
  /// has not cleared them no breakpoint is met.
  @Test(arguments: [(5, InjectionOutcome.taken), (7, .noSource), (8, .noSource), (9, .noSource), (10, .taken)])
  func breakpointsWaitForDR6(boundary: Int, outcome: InjectionOutcome) throws {
    let kernel = try TinyKernel(
      ["CROSSING=movl $0x4000, %eax; movq %rax, %dr6; nop; xorl %eax, %eax; movq %rax, %dr6; nop"], in: folder.url)
    let trace = try kernel.checker(.intel, events: []).trace([boundary: .debugBreakpoint], accesses: false) { _ in }
    #expect(trace.injections.map(\.outcome) == [outcome])
    #expect(trace.steps[boundary].delivery?.vector == (outcome == .taken ? 1 : nil))
    let writes = trace.steps.filter { $0.instruction == "mov %rax, %dr6" && $0.executed }
    #expect(writes.count { $0.location.description.hasPrefix("system_call") } == 2 && trace.end.kind == .user)
  }

  /// Behind an NMI user mode is come to on other page tables: with the stack that the crossing was on it is a violation, and from the middle of
  /// another stack another task's, of which nothing is said.
  @Test(arguments: [("", true), ("leaq other_stack(%rsp), %rsp; subq $kernel_stack, %rsp", false)])
  func userModeOnOtherTables(switching: String, isViolated: Bool) throws {
    let kernel = try TinyKernel(
      [
        "BOOT=movq page_map, %rax; movq %rax, other_map",
        "CROSSING=.pushsection .bss; .balign 4096; other_map: .skip 4096; .skip 4096; other_stack: .skip 64; seen: .skip 8; .popsection; "
          + "cmpb $0, seen; je 2f; movq -8+kernel_stack, %rax; movq %rax, -8+other_stack; movq -16+kernel_stack, %rax; "
          + "movq %rax, -16+other_stack; movb $0, seen; movl $other_map, %eax; movq %rax, %cr3; \(switching); 2: nop",
        "ON_NMI=movb $1, seen",
      ], in: folder.url)
    let section = try #require(try kernel.checker(.intel, events: [.nmi]).check { _ in }.report.sections.first)
    if isViolated {
      #expect(Set(section.findings.map(\.invariant)) == ["page-tables-owned"])
    } else {
      #expect(section.findings.isEmpty)
      guard case .inconclusive(let bound) = section.verdict else {
        Issue.record("\(section.verdict)")
        return
      }
      #expect(bound.hasPrefix("another task has the processor"))
    }
  }

  /// What the kernel itself keeps out without an event of the kind is no silence: nothing was tried there. The three boundaries are those of
  /// `breakpointsWaitForDR6`.
  @Test func boundariesThatTheKernelClosesAreNotHeld() throws {
    let crossing = "CROSSING=movl $0x4000, %eax; movq %rax, %dr6; nop; xorl %eax, %eax; movq %rax, %dr6; nop"
    let section = try #require(
      try TinyKernel([crossing], in: folder.url).checker(.intel, events: [.debugBreakpoint]).check { _ in }.report
        .sections.first)
    guard case .inconclusive(let bound) = section.verdict else {
      Issue.record("\(section.verdict)")
      return
    }
    #expect(bound.contains("was kept out of 3 boundaries: DR6 holds causes"), "\(bound)")
  }

  /// SYSCALL leaves RSP alone, and IF where IA32_FMASK does not have it: SDM vol. 2B, "SYSCALL".
  @Test(arguments: [("0x47700", false), ("0x47500", true)])
  func interruptsOnTheUsersStackAreFound(mask: String, isFound: Bool) throws {
    let report = try TinyKernel(["MASK=\(mask)"], in: folder.url).checker(.intel, events: []).check { _ in }.report
    let findings = report.sections.flatMap(\.findings).filter { $0.invariant == "interrupts-as-claimed" }
    #expect(findings.map(\.location.description) == (isFound ? ["system_call"] : []))
    #expect(findings.allSatisfy { $0.message.hasPrefix("maskable interrupts are open while RSP 0x") })
  }

  /// A base that is wrong on every pass is wrong without an event to compare with. SDM vol. 2B, "SYSCALL", changes no base; System V ABI, AMD64
  /// supplement, "Registers and the Stack Frame": FS is the thread's.
  @Test func theThreadsBaseIsKept() throws {
    let crossing = "CROSSING=pushq %rax; pushq %rdx; WRITE_MSR 0xc0000100, 0, 0x5000; popq %rdx; popq %rax"
    let report = try TinyKernel([crossing], in: folder.url).checker(.intel, events: []).check { _ in }.report
    let finding = try #require(report.sections.first?.findings.first)
    #expect(finding.invariant == "user-state-preserved" && finding.message.contains("FS base is 0x5000, not 0x0"))
  }

  /// A kernel that loads other page tables inside the crossing, and goes on by an IRET where RSP is what it was before a RET. The first handler
  /// executes that RET, and the LEA before it, for the code that it interrupts (Linux 6.1: `handle_interrupted_saferet`), so that nobody
  /// returns to it by RSP; the second leaves the other tables.
  @Test(
    arguments: [
      (
        "pushq %rax; movq 32(%rsp), %rax; cmpq $leaf, 8(%rsp); jne 5f; addq $8, %rax; jmp 6f; 5: "
          + "cmpq $leaf_return, 8(%rsp); jne 4f; 6: pushq (%rax); popq 8(%rsp); addq $8, %rax; movq %rax, 32(%rsp); "
          + "4: popq %rax", false
      ),
      ("pushq %rax; movl $0x180000, %eax; movq %rax, %cr3; popq %rax", true),
    ] as [(String, Bool)])
  func interruptedCodeFindsItsTables(handler: String, isFound: Bool) throws {
    let crossing =
      "pushq %rax; call thunk; movl $0x180000, %eax; movq %rax, %cr3; subq $8, %rsp; movq %rsp, %rax; pushq $0x10; "
      + "pushq %rax; pushfq; pushq $8; pushq $2f; iretq; 2: addq $8, %rsp; movl $page_map, %eax; movq %rax, %cr3; "
      + "popq %rax; jmp 3f; thunk: call leaf; int3; leaf: leaq 8(%rsp), %rsp; leaf_return: ret; 3:"
    let boot = "movq page_map, %rax; movq %rax, 0x180000"
    let report = try TinyKernel(["BOOT=\(boot)", "CROSSING=\(crossing)", "ON_NMI=\(handler)"], in: folder.url)
      .checker(.intel, events: [.nmi]).check { _ in }.report
    let section = try #require(report.sections.first)
    #expect(section.findings.map(\.invariant) == (isFound ? ["page-tables-owned"] : []), "\(section.findings)")
    let message = "the kernel's code that was interrupted on page tables at 0x1"
    #expect(section.findings.allSatisfy { $0.message.hasPrefix(message) && $0.message.contains("those at 0x180000") })
  }

  /// An IRET by which a handler goes on where it is ends no handler (Linux: `sync_core`): the NMI came where interrupts were masked, and is
  /// still being handled when they are let in.
  @Test(arguments: [true, false]) func aReturnToWhereItIsEndsNoHandler(letsIn: Bool) throws {
    let handler =
      "pushq %rax; movq %rsp, %rax; pushq $0x10; pushq %rax; pushfq; pushq $8; pushq $2f; iretq; 2: "
      + (letsIn ? "sti; nop; cli; popq %rax" : "popq %rax")
    let report = try TinyKernel(["ON_NMI=\(handler)"], in: folder.url).checker(.intel, events: [.nmi]).check { _ in }
      .report
    let section = try #require(report.sections.first)
    #expect(section.findings.map(\.invariant) == (letsIn ? ["interrupts-as-claimed"] : []), "\(section.findings)")
    #expect(section.findings.allSatisfy { !$0.message.contains("NMIs are blocked") }, "the IRET has let them in")
  }

  /// A handler that does what the machine does not model has not been shown to survive. SDM vol. 1, "x87 FPU Exception Handling in Software":
  /// with CR0.NE clear an x87 error is reported by the FERR# pin.
  @Test func aTrialThatIsNotSupportedIsNotHeld() throws {
    let handler =
      "movq %cr0, %rax; andq $~0x2c, %rax; movq %rax, %cr0; fninit; pushq $0; fldcw (%rsp); fld1; fldz; fdivrp; fwait"
    let report = try TinyKernel(["ON_NMI=\(handler)"], in: folder.url).checker(.intel, events: [.nmi]).check { _ in }
      .report
    #expect(report.exitStatus == .unsupported)
    let section = try #require(report.sections.first)
    #expect("\(section.verdict)".contains("FERR#") && "\(section.verdict)".contains("nmi"))
  }

  /// An option that takes a list adds to it each time it is given.
  @Test func listsThatAreGivenAgainAdd() throws {
    let kernel = try TinyKernel(in: folder.url)
    let limen = LimenProgram(probe: kernel.path, cache: folder.url.path + "/cache")
    let ended = try limen(
      "check", kernel.path, "--memory", "16", "--crossing", "int80", "--crossing", "syscall64,nmi", "--profile", "amd",
      "--profile", "intel", "--event", "external-interrupt", "--event", "machine-check", "--platform", "bare-metal")
    #expect([0, 1].contains(ended.status), "\(ended)")
    for machine in ["intel", "amd"] {
      for section in ["int80 normal: not applicable", "syscall64 normal: ", "nmi normal: not applicable"] {
        #expect(ended.output.contains("bare-metal \(machine) \(section)"), "\(ended)")
      }
    }
    #expect(ended.output.contains("(interrupt 0, #MC 10)"), "\(ended)")
    let trace = try limen(
      "trace", kernel.path, "--memory", "16", "--crossing", "syscall64", "--ablate", "nmi-gate-absent", "--ablate",
      "if-not-masked-at-syscall")
    #expect(trace.output.contains("nmi-gate-absent") && trace.output.contains("if-not-masked-at-syscall"))
  }
}
