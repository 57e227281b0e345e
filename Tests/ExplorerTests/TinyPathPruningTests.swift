/// Goal: what an event did at one place it is said to do at another only where it would. On kernels of a few instructions an NMI inside the handler
/// of a breakpoint, or the other way round, does harm at some boundaries of the crossing, behind others at which it does none and has become
/// known. Documentation/Pruning.md, "The second rule"; the search that runs everything is the oracle.
import Explorer
import Findings
import Foundation
import Testing

@Suite struct TinyPathPruningTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Bytes of the kernel's: `one` and `two` on a page that the crossing writes first, `alone` on a page of its own.
  static let bytes =
    ".pushsection .bss; .balign 4096; one: .byte 0; two: .byte 0; inside: .byte 0; .balign 4096; alone: .byte 0; .balign 4096; .popsection; "
    + "movb $0, one; nop; nop; nop; nop; "
  /// Whether the NMI comes inside the handler of a breakpoint. What became known is not used where RSP is the place of a live frame.
  private static let debug = "ON_DEBUG=pushq %rax; movb $1, inside; nop; movb $0, inside; popq %rax"
  static let harm = "movb $1, user_stack + 8192"

  /// What two events do to the kernel, which is the same whether everything is run or not.
  func section(_ definitions: [String]) throws -> CheckSection {
    let kernel = try TinyKernel(definitions, in: folder.url)
    func section(prunes: Bool) throws -> CheckSection {
      let plain = try kernel.checker(.intel, events: [.nmi, .debugBreakpoint])
      var checker = Checker(
        kernel: plain.kernel, kernelPath: plain.kernelPath, probe: plain.probe, memory: plain.memory, append: "",
        profiles: plain.profiles, crossings: plain.crossings, postures: plain.postures, events: plain.events,
        ablations: [], jobs: 1, witnessFolder: plain.witnessFolder, prunes: prunes)
      checker.depth = 2
      return try #require(try checker.check { _ in }.report.sections.first)
    }
    let pruned = try section(prunes: true)
    var whole = try section(prunes: false)
    #expect(whole.costs.known == 0 && pruned.costs.known > 0)
    whole.costs = pruned.costs
    #expect(pruned == whole)
    return pruned
  }

  func breaks(_ section: CheckSection, _ invariant: InvariantName) {
    #expect(section.verdict == .violated)
    #expect(Set(section.findings.map(\.invariant)) == [invariant])
    // One event does no harm.
    #expect(section.findings.allSatisfy { $0.path.steps.count == 2 })
  }

  /// The handler reads a byte that holds something else than where it became known; the page was written before, or it was not.
  @Test(arguments: ["two", "alone"]) func whatIsReadIsCompared(byte: String) throws {
    let section = try section([
      "CROSSING=\(Self.bytes) movb $1, \(byte); nop; movb $0, \(byte); nop", Self.debug,
      "ON_NMI=cmpb $0, inside; je 1f; cmpb $0, \(byte); je 1f; \(Self.harm); 1:",
    ])
    breaks(section, "user-state-preserved")
  }

  /// The handler writes a byte that the crossing reads from there on, and did not where it became known.
  @Test func whatIsWrittenMustBeDead() throws {
    let section = try section([
      "CROSSING=\(Self.bytes) movb $0, two; nop; cmpb $0, two; je 2f; \(Self.harm); 2: nop", Self.debug,
      "ON_NMI=cmpb $0, inside; je 1f; movb $1, two; 1:",
    ])
    breaks(section, "user-state-preserved")
  }

  /// Inside an NMI's handler IRET lets NMIs in: it decides nothing until the handler sends itself another one.
  @Test func anNMIThatIsLetInEarlyMustNotCome() throws {
    let section = try section([
      // The local APIC's interrupt command register: SDM vol. 3A, "Issuing Interprocessor Interrupts".
      "BOOT=movl $0xfee00083, directory + 24",
      "CROSSING=\(Self.bytes) movb $1, two; nop; movb $0, two; nop",
      "ON_NMI=pushq %rax; nop; cmpb $0, two; je 1f; movb $0, two; movl $0x4400, 0x600300; nop; 1: popq %rax",
    ])
    #expect(section.verdict == .violated)
    #expect(section.findings.allSatisfy { $0.path.steps.map(\.event) == [.nmi, .debugBreakpoint] })
  }

  /// The breakpoint's frame lies where the crossing's stack ends, at every second boundary elsewhere, and its handler takes another stack: what
  /// an NMI does there is known although other frames are live. That the frame lies on the user's stack at first is another matter.
  @Test func framesThatNobodyComesNearNeedNotBeTheSame() throws {
    let section = try section([
      "BOOT=GATE 1, debug, 0",
      "CROSSING=\(Self.bytes) .rept 16; pushq %rax; nop; .endr; addq $128, %rsp",
      "ON_DEBUG=movq %rsp, alone; movq $debug_stack, %rsp; .rept 16; nop; .endr; movq alone, %rsp",
    ])
    #expect(Set(section.findings.map(\.invariant)) == ["rsp-owned"])
    let nested = try #require(section.nested?.first)
    // Each of the handler's boundaries is met behind every one of the crossing's, and asks for a fork the first times. Were the same
    // frames asked for, it would behind each that is on another place of the stack, and 828 were needed.
    #expect(section.costs.forks < 700, "\(section.costs.forks) for \(nested.trials)")
  }

  /// The handler goes onto a stack that is the user's at some boundaries: RSP was moved there from the user's when the first event came.
  @Test func whoseStackItIsIsCompared() throws {
    let section = try section([
      "BOOT=GATE 3, breakpoint, 0",
      "CROSSING=.pushsection .bss; .balign 16; keep: .skip 16; .skip 1024; place: .skip 64; .popsection; "
        + ".pushsection .text.breakpoint, \"ax\"; breakpoint: iretq; .popsection; \(Self.bytes) "
        + "movq %rsp, keep; movq user_rsp, %rsp; subq $user_stack, %rsp; addq $place, %rsp; nop; movq keep, %rsp; nop",
      Self.debug,
      "ON_NMI=cmpb $0, inside; je 1f; movq %rsp, keep + 8; movq $place, %rsp; subq $64, %rsp; int3; movq keep + 8, %rsp; 1:",
    ])
    breaks(section, "rsp-owned")
  }

  /// A page table that the kernel has outside RAM is none of the pages of RAM of which anything is taken down.
  @Test func aPageTableMayLieOutsideRAM() throws {
    let section = try section([
      "BOOT=GATE 14, missing, 0; movl $7, directory + 24; movl $0x7f, directory + 28",
      // TESTB takes eight bytes, and has all ones for its page-table entry: reserved bits are set (SDM vol. 3A, "4-Level Paging").
      "CROSSING=.pushsection .text.missing, \"ax\"; missing: addq $8, %rsp; addq $8, (%rsp); iretq; .popsection; \(Self.bytes) "
        + "testb $0, 0x600000; nop", Self.debug,
    ])
    #expect(section.verdict == .held)
  }
}
