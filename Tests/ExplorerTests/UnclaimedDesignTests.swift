import Foundation
import Testing

/// Goal: what is run at full speed is judged as what is stepped. Where a kernel makes claims, as every design does, each boundary is looked
/// at anyway; so these are `complete` without its claims, with code behind its system call that does what a run must stop for.
@Suite struct UnclaimedDesignTests {
  struct Edit: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: String
    var platforms = "all"
  }

  static let edits = [
    Edit(testDescription: "nothing", code: ""),
    Edit(
      testDescription: "STD and CLD amid pushes",
      code: "std; nop; pushq %rax; pushq %rbx; subq $64, %rsp; addq $64, %rsp; popq %rbx; popq %rax; cld; nop"),
    Edit(
      testDescription: "the user's GS base for a while, and an access",
      code: "cli; swapgs; nop; movq %gs:(%rsp), %rdx; swapgs; sti",
      platforms: "bare-metal"),
    Edit(
      testDescription: "NT for a while",
      code: "pushfq; orq $FLAGS_NT, (%rsp); popfq; nop; nop; pushfq; andq $~FLAGS_NT, (%rsp); popfq"),
    Edit(
      testDescription: "the user's RSP, events masked",
      code: "cli; movq %rsp, %rbx; movq PT_RSP(%rsp), %rsp; nop; nop; movq %rbx, %rsp; sti", platforms: "bare-metal"),
    Edit(
      testDescription: "the user's RSP, events let in",
      code: "movq %rsp, %rbx; movq PT_RSP(%rsp), %rsp; nop; nop; movq %rbx, %rsp"),
    Edit(
      testDescription: "IRETQ to itself",
      code:
        "movq %rsp, %rbx; movl %ss, %eax; pushq %rax; pushq %rbx; pushfq; movl %cs, %eax; pushq %rax; leaq 7f(%rip), %rax; "
        + "pushq %rax; iretq; 7: nop"),
    Edit(
      testDescription: "a long repetition",
      code: "movl $200000, %ecx; leaq entry_SYSCALL_64(%rip), %rsi; rep lodsb; nop"),
    Edit(
      testDescription: "CR3 with another bit",
      code: "cli; movq %cr3, %rax; xorq $8, %rax; movq %rax, %cr3; nop; xorq $8, %rax; movq %rax, %cr3; sti",
      platforms: "bare-metal"),
    Edit(testDescription: "STI, HLT", code: "sti; hlt; nop", platforms: "bare-metal"),
  ]

  @Test(arguments: edits) func fullSpeedSaysWhatStepsSay(edit: Edit) throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let lines = try DesignTests.complete().split(separator: "\n", omittingEmptySubsequences: false)
    let text = lines.filter { !$0.contains("CLAIM_IRQS") }.joined(separator: "\n")
    #expect(text.contains("\nsyscall_disable:\n"), "the design has no such line any more")
    let file = folder.url.appendingPathComponent("edited.S")
    try text.replacingOccurrences(of: "\nsyscall_disable:\n", with: "\nsyscall_disable:\n  \(edit.code)\n")
      .write(to: file, atomically: true, encoding: .utf8)
    func check(_ more: String...) throws -> LimenProgram.Ended {
      try limen.start(
        [
          "check", file.path, "--platform", edit.platforms, "--profile", "intel", "--crossing", "syscall64", "--format",
          "json", "--witnesses", folder.url.appendingPathComponent("witnesses").path,
        ] + more
      ).ended()
    }
    let free = try check("--no-pruning")
    let stepped = try check("--stepped")
    #expect(free.status <= 1, "\(free.complaint)")
    #expect(free.status == stepped.status && free.output == stepped.output)
    let pruned = try check()
    #expect(try pruned.status == stepped.status && WithoutCosts.of(pruned.output) == WithoutCosts.of(stepped.output))
  }
}
