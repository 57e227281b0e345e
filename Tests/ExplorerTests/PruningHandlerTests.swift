/// Goal: a handler that leaves something behind, or seems to, is said to have done what it did.
///
/// Each is the sound design `complete` with a handler of NMIs that does something and a system call to which it matters. `--no-pruning` is the
/// oracle.
import Foundation
import Testing

@Suite struct PruningHandlerTests {
  struct Handler: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Code of the system call, and of the handler.
    var crossing: String
    var handler: String
    /// What the kernel does when it starts, and what else stands in the file.
    var start = ""
    var rest = ""
    /// Some trials break an invariant.
    var matters = true
  }

  static let handlers = [
    Handler(
      testDescription: "a flag that is read later", crossing: "testb $1, left(%rip); jz 8f; ud2; 8: nop",
      handler: "movb $1, left(%rip)"),
    Handler(
      testDescription: "a byte of what a string instruction compares",
      crossing:
        "pushq %rdi; leaq left(%rip), %rdi; xorl %eax, %eax; movl $64, %ecx; repe scasb; popq %rdi; je 8f; ud2; 8: nop",
      handler: "movb $1, left+40(%rip)"),
    Handler(
      testDescription: "CR2", crossing: "movq %cr2, %rax; cmpq $7, %rax; jne 8f; ud2; 8: nop",
      handler: "pushq %rax; movl $7, %eax; movq %rax, %cr2; popq %rax"),
    Handler(
      testDescription: "code on a page of its own", crossing: "call late", handler: "movw $0x0b0f, late(%rip)",
      rest: ".section .entry.text.late, \"ax\"\n.balign 4096\nlate: nop\nnop\nret\n.balign 4096\n"),
    Handler(
      testDescription: "a translation that outlives the page table entry it was made from",
      crossing: "cmpb $1, -0x3fe00000; jne 8f; ud2; 8: nop",
      handler: """
        pushq %rax
        pushq DEMAND_ENTRY(0)
        movq $0x2000083, DEMAND_ENTRY(0)
        invlpg DEMAND_PAGE(0)
        movb DEMAND_PAGE(0), %al
        popq DEMAND_ENTRY(0)
        popq %rax
        """,
      start: """
        movq $0x2000083, DEMAND_ENTRY(1)
        movq $0x4000083, DEMAND_ENTRY(0)
        invlpg DEMAND_PAGE(0)
        invlpg DEMAND_PAGE(1)
        movb $1, DEMAND_PAGE(1)
        movb $0, DEMAND_PAGE(0)
        """),
    Handler(
      testDescription: "a counter that nobody reads", crossing: "nop", handler: "incq left(%rip)", matters: false),
  ]

  @Test(arguments: handlers) func prunedSaysWhatUnprunedSays(handler: Handler) throws {
    let gates = "GATE 2, left_by_nmi, stack=1\n\(handler.start)"
    let code = "left_by_nmi:\n\(handler.handler)\n  iretq\n\(handler.rest)"
    try compare(
      handler.crossing, gates, code, ["--event", "nmi"], status: handler.matters ? 1 : 0, handler.testDescription)
  }

  /// The handler of a breakpoint is the same wherever it comes, and so is what an NMI does in it, but where the crossing wrote meanwhile what the NMI's
  /// handler reads, or reads what that writes.
  @Test(arguments: [
    (
      "what a page holds that the crossing had not written yet",
      "nop; nop; nop; nop; movb $1, left(%rip); nop; nop; nop",
      "cmpb $1, left(%rip); jne 8f; ud2; 8: nop"
    ),
    (
      "what a page holds that it had", "movb $1, left+8(%rip); nop; nop; nop; nop; movb $1, left(%rip); nop; nop; nop",
      "cmpb $1, left(%rip); jne 8f; ud2; 8: nop"
    ),
    (
      "what is written before it is read, and then is not",
      "nop; nop; nop; nop; movb $0, left(%rip); nop; nop; nop; testb $1, left(%rip); jz 8f; ud2; 8: nop",
      "movb $1, left(%rip)"
    ),
  ]) func aTrialIsNotKnownByItsEventAlone(what: String, crossing: String, handler: String) throws {
    // Only inside the other handler it matters.
    let code = """
      left_by_nmi:
        cmpb $1, inside(%rip)
        jne 9f
        \(handler)
      9:
        iretq
      left_by_db:
        movb $1, inside(%rip)
        nop
        nop
        nop
        pushq %rax
        xorl %eax, %eax
        movq %rax, %db6
        popq %rax
        movb $0, inside(%rip)
        iretq
        .data
        .balign 4096
      inside: .skip 4096
      """
    try compare(
      crossing, "GATE 2, left_by_nmi, stack=1\n  GATE 1, left_by_db, stack=2", code,
      ["--event", "debug-breakpoint,nmi", "--depth", "2"], status: 1, what)
  }

  /// The design with this in its system call, with these gates and this code, says the same with and without pruning.
  private func compare(
    _ crossing: String, _ gates: String, _ code: String, _ events: [String], status: Int32, _ what: String
  ) throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let text = try DesignTests.complete()
    #expect(text.contains("\nsyscall_disable:\n"), "the design has no such line any more")
    let head = "\nsyscall_disable:\n"
    let edited =
      text.replacingOccurrences(of: head, with: "\(head)  \(crossing)\n") + """

        #include "parts/Start.h"
        #include "parts/DemandPages.h"
          THRESHOLD_START
          \(gates)
          THRESHOLD_START_END
        \(code)
          .data
          .balign 4096
        left: .skip 4096

        """
    let file = folder.url.appendingPathComponent("edited.S")
    try edited.write(to: file, atomically: true, encoding: .utf8)
    func report(_ more: String...) throws -> LimenProgram.Ended {
      let ended = try limen.start(
        [
          "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "syscall64", "--format",
          "json", "--witnesses", folder.url.appendingPathComponent("witnesses").path,
        ] + events + more
      ).ended()
      #expect(ended.status == status, "\(what): \(ended.complaint)")
      return ended
    }
    #expect(try WithoutCosts.of(report().output) == WithoutCosts.of(report("--no-pruning").output), "\(what)")
  }
}
