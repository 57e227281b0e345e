/// Goal: a trial is judged by everything that happens in it, up to the user's next instruction, and not by its end alone; whose RSP
/// it is has one answer.
///
/// The edits do harm that leaves no trace in what user mode sees, long after the handler of the event has returned.
import Foundation
import Testing

@Suite struct WatchedToTheEndTests {
  struct Edit: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var platform: String
    var old: String
    var new: String
    var expected: String
  }

  /// An event that is pushed on the kernel's stack between the first two instructions overwrites the word, and something more
  /// is done.
  private static func afterAnInterrupt(_ harm: String) -> String {
    """
      movq %rsp, %rdi
      movq $1, -16(%rsp)
      nop
      cmpq $1, -16(%rsp)
      je 1f
    \(harm)
    1:
      call do_syscall_64

    """
  }

  static let edits = [
    Edit(
      testDescription: "a stray GS access after the handler's return", platform: "bare-metal",
      old: "  movq %rsp, %rdi\n  call do_syscall_64\n",
      new: afterAnInterrupt("  swapgs\n  movq %gs:(%rsp), %rdx\n  swapgs\n"), expected: "gs-owned: violated"),
    Edit(
      testDescription: "NT set after the handler's return", platform: "bare-metal",
      old: "  movq %rsp, %rdi\n  call do_syscall_64\n",
      new: afterAnInterrupt("  pushfq\n  orq $FLAGS_NT, (%rsp)\n  popfq\n"), expected: "flags-sanitised: violated"),
    Edit(
      testDescription: "interrupts off for a moment after the handler's return", platform: "bare-metal",
      old: "  movq %rsp, %rdi\n  call do_syscall_64\n", new: afterAnInterrupt("  cli\n  nop\n  sti\n"),
      expected: "interrupts-as-claimed: violated"),
    // The upcall moves neither RIP nor RSP where it falls due.
    Edit(
      testDescription: "an upcall that fell due while masked, delivered where events are claimed to be off",
      platform: "xen-pv", old: "  popq %rcx\n  popq %r11\n",
      new: """
          popq %rcx
          popq %r11
          cmpb $0, PER_CPU(upcall_pending)
          je 1f
          pushq %rax
          pushq %rcx
          pushq %r11
          pushq %rdi
          movb $0, PER_CPU(upcall_mask)
          movl $XEN_xen_version, %eax
          xorl %edi, %edi
          syscall
          DISABLE_INTERRUPTS
          popq %rdi
          popq %r11
          popq %rcx
          popq %rax
        1:

        """, expected: "interrupts-as-claimed: violated"),
    // RSP never has the user's value, and is never the kernel's.
    Edit(
      testDescription: "a moved RSP of the user's", platform: "xen-pv", old: "  jmp entry_join\n",
      new: """
          subq $64, 24(%rsp)
          movq 24(%rsp), %rsp
          nop
          movq PER_CPU(top_of_stack), %rsp
          subq $40, %rsp
          addq $64, 24(%rsp)
          jmp entry_join

        """, expected: "rsp-owned: violated"),
    Edit(
      testDescription: "one PUSH on the user's stack", platform: "xen-pv", old: "  jmp entry_join\n",
      new: """
          movq 24(%rsp), %rsp
          pushq %rax
          movq PER_CPU(top_of_stack), %rsp
          subq $40, %rsp
          jmp entry_join

        """, expected: "rsp-owned: violated"),
  ]

  private func check(_ edit: Edit) throws -> LimenProgram.Ended {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let text = try DesignTests.complete()
    #expect(text.contains(edit.old), "the design has no such line any more")
    let file = folder.url.appendingPathComponent("edited.S")
    try text.replacingOccurrences(of: edit.old, with: edit.new).write(to: file, atomically: true, encoding: .utf8)
    return try limen(
      "check", file.path, "--platform", edit.platform, "--profile", "intel", "--crossing", "syscall64", "--witnesses",
      folder.url.appendingPathComponent("witnesses").path)
  }

  @Test(arguments: edits) func isSeen(edit: Edit) throws {
    let ended = try check(edit)
    #expect(ended.status == 1 && ended.output.contains(edit.expected), "\(ended.output)\(ended.complaint)")
  }

  /// Each of the three boundaries of the user's RSP, the one behind the PUSH too, is one at which the map and the verdict agree.
  @Test func theMapAndTheVerdictAgreeAfterAPush() throws {
    let ended = try check(Self.edits.last!)
    let window = try #require(ended.output.split(separator: "\n").first { $0.hasPrefix("  rsp ") })
    let words = window.split(separator: " ")
    #expect(words[2] == "2" && words.filter { $0 == "HARMFUL" }.count == 3, "\(window)")
    #expect(
      ended.output.components(separatedBy: "(and at 1 more boundaries) [rsp-owned]").count == 4, "\(ended.output)")
  }
}
