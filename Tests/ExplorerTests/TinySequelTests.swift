/// Goal: what one trial did after it came back, and was not over, another is said to do only where it would. The kernels are of a few instructions:
/// an NMI inside the handler of a breakpoint leaves something behind, and it hangs on where the NMI came whether the crossing's end
/// does harm by that. Documentation/Pruning.md, "The third rule"; the search that runs everything is the oracle.
import Explorer
import Findings
import Testing

extension TinyPathPruningTests {
  /// A handler of breakpoints that stands for a while with `inside` set, before and behind `middle`.
  private func debugHandler(around middle: String = "nop") -> String {
    "ON_DEBUG=pushq %rax; movb $1, inside; nop; nop; nop; nop; \(middle); nop; nop; nop; nop; movb $0, inside; popq %rax"
  }

  /// An NMI there.
  private func nmiHandler(_ action: String) -> String {
    "ON_NMI=cmpb $0, inside; je 1f; pushq %rax; \(action); popq %rax; 1:"
  }

  /// `one` is left, and the crossing's end looks at it.
  @Test func whatIsLeftAlikeGoesOnAlike() throws {
    let section = try section([
      "CROSSING=\(Self.bytes) nop; cmpb $0, one; nop", debugHandler(), nmiHandler("movb $1, one"),
    ])
    #expect(section.verdict == .held)
    let nested = try #require(section.nested?.first)
    // A trial that comes back with `one` set is not over, so that without the rule each of 54 would be run.
    #expect(section.costs.known > nested.trials - 20, "\(section.costs.known) of \(nested.trials)")
  }

  /// The breakpoint's handler looks at `one` in between, and notes in `two` that it was set.
  @Test func whatIsLeftMustNotBeReadInBetween() throws {
    let section = try section([
      "CROSSING=\(Self.bytes) cmpb $0, two; jne 2f; cmpb $0, one; je 2f; \(Self.harm); 2: nop",
      debugHandler(around: "cmpb $0, one; je 7f; movb $1, two; 7:"), nmiHandler("movb $1, one"),
    ])
    breaks(section, "user-state-preserved")
  }

  /// The same with a register of the local APIC, the logical destination: SDM vol. 3A, "Logical Destination Mode".
  @Test func thePlatformMustNotBeAskedInBetween() throws {
    let section = try section([
      "BOOT=movl $0xfee00083, directory + 24",
      "CROSSING=\(Self.bytes) pushq %rax; cmpb $0, two; jne 2f; movl 0x6000d0, %eax; testl %eax, %eax; je 2f; \(Self.harm); "
        + "2: popq %rax",
      debugHandler(around: "movl 0x6000d0, %eax; testl %eax, %eax; je 7f; movb $1, two; 7:"),
      nmiHandler("movl $0x1000000, 0x6000d0"),
    ])
    breaks(section, "user-state-preserved")
  }

  /// The local APIC asks for interrupt 31, by which `action` is done. SDM vol. 3A, "Issuing Interprocessor Interrupts"; "EOI Register".
  private func interrupts(_ action: String) -> String {
    "BOOT=movl $0xfee00083, directory + 24; movl $0x1ff, 0x6000f0; GATE 31, interrupt, 0; .pushsection .text.interrupt, \"ax\"; "
      + "interrupt: \(action); movl $0, 0x6000b0; iretq; .popsection"
  }
  private static let asks = "movl $0x4001f, 0x600300"
  private static let letsIn = "CROSSING=\(bytes) nop; nop; sti; nop; cli"

  /// An interrupt that the NMI asks for is kept out until the crossing's end.
  @Test func anInterruptThatIsAskedForGoesOnAlike() throws {
    let section = try section([Self.letsIn, interrupts("nop"), debugHandler(), nmiHandler(Self.asks)])
    #expect(section.verdict == .held)
    let nested = try #require(section.nested?.first)
    // Each NMI inside the breakpoint's handler leaves the interrupt asked for, and without the rule each is run.
    #expect(section.costs.known > nested.trials - 100, "\(section.costs.known) of \(nested.trials)")
  }

  /// It is let in inside the breakpoint's handler, which begins on the crossing's stack, and does harm where it comes later.
  @Test func anInterruptMustNotComeInBetween() throws {
    let section = try section([
      "CROSSING=sti; \(Self.bytes) nop; cli",
      interrupts("cmpb $0, inside; jne 4f; \(Self.harm); 4:") + "; GATE 1, debug, 0",
      debugHandler(around: "sti; nop; cli"), nmiHandler(Self.asks),
    ])
    // Where the crossing is not ready for the breakpoint that is a mistake of its own.
    let harms = section.findings.filter { $0.invariant == "user-state-preserved" }
    #expect(!harms.isEmpty && harms.allSatisfy { $0.path.steps.map(\.event) == [.debugBreakpoint, .nmi] })
  }

  /// The NMI leaves the address that it interrupted, and one of them does harm.
  @Test func whatIsLeftMustBeTheSame() throws {
    let section = try section([
      "CROSSING=\(Self.bytes) pushq %rax; movl $spot, %eax; cmpq %rax, alone; popq %rax; jne 2f; \(Self.harm); 2: nop",
      debugHandler(around: "spot: nop"), nmiHandler("movq 8(%rsp), %rax; movq %rax, alone"),
    ])
    breaks(section, "user-state-preserved")
  }

  /// What is left in `one` is written anew in between: it is not left any more. What is left in `two` the crossing's end only reads.
  @Test func whatIsWrittenInBetweenIsNotLeft() throws {
    let section = try section([
      "CROSSING=\(Self.bytes) cmpb $0, two; cmpb $0, one; je 2f; \(Self.harm); 2: nop",
      debugHandler(around: "movb $0, one"), nmiHandler("movb $1, one; movb $1, two"),
    ])
    breaks(section, "user-state-preserved")
  }

  /// A crossing whose end takes a time where `one` is set, each port a microsecond, and does harm where `isLate`.
  private func crossing(waiting microseconds: Int, harm isLate: String) -> String {
    "CROSSING=\(Self.bytes) .pushsection .bss; .balign 4096; first: .long 0; .popsection; pushq %rax; pushq %rdx; pushq %rcx; "
      + "rdtsc; movl %eax, first; cmpb $0, one; je 2f; movl $\(microseconds), %ecx; 3: outb %al, $0x80; decl %ecx; jnz 3b; "
      + "rdtsc; subl first, %eax; \(isLate); \(Self.harm); 2: popq %rcx; popq %rdx; popq %rax"
  }

  /// Between the places at which the NMI comes the clock moves no earlier and no later.
  @Test func theClockMovesAlikeBehindWhatTakesAsLong() throws {
    let section = try section([
      crossing(waiting: 70, harm: "jne 2f"), debugHandler(), nmiHandler("movb $1, one"),
    ])
    #expect(section.verdict == .held)
    let nested = try #require(section.nested?.first)
    // Without the rule where the clock moves each trial inside the breakpoint's handler would be run, a hundred of them.
    #expect(section.costs.known > nested.trials - 20, "\(section.costs.known) of \(nested.trials)")
  }

  /// An NMI that takes a microsecond more at one place.
  @Test func whatTakesLongerGoesOnLater() throws {
    let section = try section([
      crossing(waiting: 65, harm: "je 2f"), debugHandler(around: "spot: nop"),
      nmiHandler("movb $1, one; cmpq $spot, 8(%rsp); jne 5f; outb %al, $0x80; 5:"),
    ])
    breaks(section, "user-state-preserved")
  }
}
