import Foundation
import Testing

/// Goal: a count that a kernel keeps of what it is in, and leaves on one way back, is found there, on ways of events and of crossings; one that all ways
/// leave is a statistic, and one that is balanced is none of either.
@Suite struct CountsBalancedTests {
  private let folder: TemporaryFolder
  private let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = .probing(in: folder)
  }

  private func check(_ text: String, _ options: [String] = []) throws -> LimenProgram.Ended {
    let file = folder.url.appendingPathComponent("counting.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    let witnesses = folder.url.appendingPathComponent("witnesses").path
    return try limen.start(
      ["check", file.path, "--platform", "bare-metal", "--profile", "amd", "--posture", "normal"] + options
        + ["--witnesses", witnesses]
    ).ended()
  }

  // MARK: Events

  /// The interrupt's handler, with what it does on its way in and on its ways back to user mode and to the kernel.
  private func interrupt(_ wayIn: String, user: String, kernel: String) -> String {
    """
    #include "threshold.h"
    #define DESIGN_NAME "counting"
    #include "designs/complete/Entry.S"
    #include "parts/Start.h"

      THRESHOLD_START
      GATE 0x20, interrupt_counted
      THRESHOLD_START_END

    interrupt_counted:
      cld
      pushq $0x20
      PUSH_REGISTERS
      testb $3, PT_CS(%rsp)
      jz 1f
      swapgs
      \(wayIn)
      movq %rsp, %rdi
      call do_interrupt
      \(user)
      jmp return_from_trap
    1:
      \(wayIn)
      movq %rsp, %rdi
      call do_interrupt
      \(kernel)
      jmp return_from_trap

    """
  }

  private static let crossing = ["--crossing", "syscall64", "--event", "external-interrupt"]
  private static let up = "incl PER_CPU(threshold)"
  private static let down = "decl PER_CPU(threshold)"

  /// By other instructions than INC, too, and in fields of a word as wide as Linux's preempt_count.
  @Test(arguments: [
    (up, down), ("addl $0x10000, PER_CPU(threshold)", "subl $0x10000, PER_CPU(threshold)"),
    ("lock incq PER_CPU(threshold) + 8", "lock decq PER_CPU(threshold) + 8"),
    ("addw $1, PER_CPU(threshold) + 2", "addw $-1, PER_CPU(threshold) + 2"),
    ("movl $1, %eax; lock xaddl %eax, PER_CPU(threshold)", "movl $-1, %eax; lock xaddl %eax, PER_CPU(threshold)"),
  ])
  func oneThatAWayBackLeavesIsFound(up: String, down: String) throws {
    for (user, kernel) in [(down, ""), ("", down)] {
      let ended = try check(interrupt(up, user: user, kernel: kernel), Self.crossing)
      #expect(ended.status == 1 && ended.output.contains("counts-balanced: violated"), "\(ended)")
    }
    let balanced = try check(interrupt(up, user: down, kernel: down), Self.crossing)
    #expect(balanced.status == 0, "\(balanced)")
  }

  /// Nothing tells it from a statistic.
  @Test func oneThatNobodyLowersIsNot() throws {
    let ended = try check(interrupt(Self.up, user: "", kernel: ""), Self.crossing)
    #expect(ended.status == 0, "\(ended)")
  }

  /// One that is set to what it was is balanced as well, by whatever instruction.
  @Test func oneThatIsSetBackIsNot() throws {
    let ended = try check(interrupt(Self.up, user: Self.down, kernel: "movl $0, PER_CPU(threshold)"), Self.crossing)
    #expect(ended.status == 0, "\(ended)")
  }

  /// What stays what it is however often the event comes is no count of it: here it goes up to one and no further.
  @Test func oneThatGrowsOnceIsNot() throws {
    let once = "cmpl $0, PER_CPU(threshold); jne 9f; incl PER_CPU(threshold); 9:"
    let ended = try check(
      interrupt(once, user: Self.down, kernel: ""), Self.crossing)
    #expect(ended.status == 0, "\(ended)")
  }

  @Test func aWitnessShowsItAgain() throws {
    let ended = try check(interrupt(Self.up, user: Self.down, kernel: ""), Self.crossing)
    let line = try #require(ended.output.split(separator: "\n").first { $0.contains("limen replay ") })
    let file = try #require(line.split(separator: " ").first { $0.hasSuffix(".json") })
    let again = try limen("replay", String(file))
    #expect(again.status == 1 && again.output.contains("counts-balanced"), "\(again)")
  }

  // MARK: Crossings

  private static let xen = "  .section .entry.text.xen, \"ax\"\n"

  /// A system call that counts itself in, and out where it leaves by SYSRET alone.
  @Test func oneThatACrossingLeavesIsFound() throws {
    func edited(_ slow: String) throws -> String {
      var text = try DesignTests.complete()
      for (old, new) in [
        ("  movq %rsp, %rdi\n  call do_syscall_64\n", "  \(Self.up)\n  movq %rsp, %rdi\n  call do_syscall_64\n"),
        ("OPPORTUNISTIC_SYSRET failed=return_to_user\n", "OPPORTUNISTIC_SYSRET failed=slowly\n  \(Self.down)\n"),
        (Self.xen, "slowly:\n  \(slow)\n  jmp return_to_user\n\n" + Self.xen),
      ] {
        let place = try #require(text.range(of: old), "the design has no such line any more")
        text.replaceSubrange(place, with: new)
      }
      return text
    }
    let left = try check(try edited(""), ["--crossing", "sigreturn"])
    #expect(left.status == 1 && left.output.contains("counts-balanced: violated"), "\(left)")
    let balanced = try check(try edited(Self.down), ["--crossing", "sigreturn"])
    #expect(balanced.status == 0, "\(balanced)")
  }
}
