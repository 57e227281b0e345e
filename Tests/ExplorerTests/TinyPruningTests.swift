/// Goal: what is dead and what is not decides whether a trial need be run. On kernels of a few instructions what must be found is found, and what
/// need not be run is not. Documentation/Pruning.md, "The first rule"; the search that runs everything is the oracle.
import Explorer
import Findings
import Foundation
import Testing

@Suite struct TinyPruningTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What NMIs do to the kernel, which is the same whether everything is run or not.
  private func section(_ definitions: [String]) throws -> CheckSection {
    let kernel = try TinyKernel(definitions, in: folder.url)
    let plain = try kernel.checker(.intel, events: [.nmi])
    let all = Checker(
      kernel: plain.kernel, kernelPath: plain.kernelPath, probe: plain.probe, memory: plain.memory, append: "",
      profiles: plain.profiles, crossings: plain.crossings, postures: plain.postures, events: plain.events,
      ablations: [], jobs: 1, witnessFolder: plain.witnessFolder, prunes: false)
    let pruned = try #require(try plain.check { _ in }.report.sections.first)
    var whole = try #require(try all.check { _ in }.report.sections.first)
    #expect(whole.costs.known == 0)
    whole.costs = pruned.costs
    #expect(pruned == whole)
    return pruned
  }

  /// Nobody in the kernel reads it, and the user may. No code lies on the page.
  @Test func whatTheUserCanWriteIsNotDead() throws {
    let section = try section(["ON_NMI=movb $1, user_stack + 8192"])
    #expect(section.verdict == .violated)
    #expect(Set(section.findings.map(\.invariant)) == ["user-state-preserved"])
  }

  /// What is written before it is read is dead: it costs the one trial between the write and the read.
  @Test func whatIsWrittenAnewIsDead() throws {
    let page = ".pushsection .bss; .balign 4096; left: .skip 4096; .popsection;"
    func known(_ handler: String) throws -> Int {
      let section = try section(
        ["CROSSING=\(page) nop; nop; movb $0, left; cmpb $0, left; nop", "ON_NMI=\(handler)"])
      #expect(section.verdict == .held)
      return section.costs.known
    }
    let all = try known("nop")
    #expect(try all > 5 && known("movb $1, left") == all - 1)
  }

  /// A port takes its time, and the clock stands still no longer for it: behind an NMI that takes 30 microseconds it moves in a crossing that
  /// takes 60, whose end does harm by that.
  @Test func thatTheClockMovesIsNotLeftOut() throws {
    let first = ".pushsection .bss; .balign 4096; first: .long 0; .popsection;"
    func wait(_ microseconds: Int) -> String { "movl $\(microseconds), %ecx; 3: outb %al, $0x80; decl %ecx; jnz 3b" }
    let section = try section([
      "CROSSING=\(first) pushq %rax; pushq %rdx; rdtsc; movl %eax, first; \(wait(60)); rdtsc; cmpl first, %eax; je 2f; "
        + "movb $1, user_stack + 8192; 2: popq %rdx; popq %rax",
      "ON_NMI=pushq %rax; pushq %rcx; \(wait(30)); popq %rcx; popq %rax",
    ])
    #expect(section.verdict == .violated)
    #expect(Set(section.findings.map(\.invariant)) == ["user-state-preserved"])
  }
}
