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
    /// The most events of a path.
    var depth = 1
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
      testDescription: "DR6", crossing: "pushq %rax; movq %dr6, %rax; testb $1, %al; popq %rax; jz 8f; ud2; 8: nop",
      handler: "pushq %rax; movl $0xffff0ff1, %eax; movq %rax, %dr6; popq %rax"),
    // The first NMI's handler finds what the second has left, at each boundary of the crossing: what the second does is known by then.
    Handler(
      testDescription: "DR6, behind another event",
      crossing: "nop; nop; nop; nop; pushq %rax; movq %dr6, %rax; testb $1, %al; popq %rax; jz 8f; ud2; 8: nop",
      handler: "pushq %rax; movl $0xffff0ff1, %eax; movq %rax, %dr6; popq %rax", depth: 2),
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
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let text = try DesignTests.complete()
    #expect(text.contains("\nsyscall_disable:\n"), "the design has no such line any more")
    let head = "\nsyscall_disable:\n"
    let edited =
      text.replacingOccurrences(of: head, with: "\(head)  \(handler.crossing)\n") + """

        #include "parts/Start.h"
        #include "parts/DemandPages.h"
          THRESHOLD_START
          GATE 2, left_by_nmi, stack=1
        \(handler.start)
          THRESHOLD_START_END
        left_by_nmi:
        \(handler.handler)
          iretq
        \(handler.rest)
          .data
          .balign 4096
        left: .skip 4096

        """
    let file = folder.url.appendingPathComponent("edited.S")
    try edited.write(to: file, atomically: true, encoding: .utf8)
    func report(_ more: String...) throws -> LimenProgram.Ended {
      let ended = try limen.start(
        [
          "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "syscall64", "--event",
          "nmi", "--depth", "\(handler.depth)", "--format", "json", "--witnesses",
          folder.url.appendingPathComponent("witnesses").path,
        ] + more
      ).ended()
      #expect(ended.status == (handler.matters ? 1 : 0), "\(ended.complaint)")
      return ended
    }
    #expect(try WithoutCosts.of(report().output) == WithoutCosts.of(report("--no-pruning").output))
  }

  /// With FRED nobody looks at DR6 in the end, and the handler of NMIs leaves a cause there. What is known of the trials says that it decides nothing
  /// where nobody reads it; a crossing that dies of it says that it does where somebody does, behind one NMI and behind two.
  @Test(arguments: [(false, 1), (false, 2), (true, 1), (true, 2)])
  func ofWhatDR6Holds(isRead: Bool, depth: Int) throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let text =
      try DesignTests.complete() + """

        #define FRED_IN_NMI LEAVE_CAUSE
        #define FRED_BEHIND_SYSCALL READ_CAUSES
        #include "parts/Start.h"
        #include "parts/FRED.h"
        .macro LEAVE_CAUSE
          movl $0xffff0ff1, %eax
          movq %rax, %dr6
        .endm
        .macro READ_CAUSES
        \(isRead ? "movq %dr6, %rax; testb $1, %al; jz .Lclear; ud2; .Lclear:" : "")
        .endm
          THRESHOLD_START
          FRED_START
          THRESHOLD_START_END
          FRED_ENTRY

        """
    let file = folder.url.appendingPathComponent("edited.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    func report(_ more: String...) throws -> String {
      let ended = try limen.start(
        [
          "check", file.path, "--platform", "bare-metal", "--profile", "wildcat-lake", "--crossing", "syscall64",
          "--event", depth == 1 ? "nmi" : "nmi,debug-breakpoint", "--depth", "\(depth)", "--format", "json",
          "--witnesses", folder.url.appendingPathComponent("witnesses").path,
        ] + more
      ).ended()
      #expect(ended.status == (isRead ? 1 : 0), "\(ended.complaint)")
      return ended.output
    }
    let pruned = try report()
    #expect(try WithoutCosts.of(pruned) == WithoutCosts.of(report("--no-pruning")))
    let document = try #require(try JSONSerialization.jsonObject(with: Data(pruned.utf8)) as? [String: Any])
    let totals = try #require(document["totals"] as? [String: Any])
    #expect(try #require((totals["costs"] as? [String: Any])?["known"] as? Int) > 0)
  }
}
