/// Goal: each condition under which a trial need not be run decides something. On kernels of a few instructions, in which it is the one condition
/// that fails, what must be found is found; and where it holds the trial is not run. Documentation/Pruning.md; the search that runs everything is
/// the oracle.
import Explorer
import Findings
import Foundation
import Testing

@Suite struct TinyPruningTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A page that nothing else lies on.
  private static let page =
    ".pushsection .bss; .balign 4096; left: .skip 1; flag: .skip 4095; .popsection;"

  private func section(_ definitions: [String], _ events: [EventKind], depth: Int = 1) throws -> CheckSection {
    let kernel = try TinyKernel(definitions, in: folder.url)
    func ask(prunes: Bool) throws -> CheckSection {
      let plain = try kernel.checker(.intel, events: events)
      var checker = Checker(
        kernel: plain.kernel, kernelPath: plain.kernelPath, probe: plain.probe, memory: plain.memory, append: "",
        profiles: plain.profiles, crossings: plain.crossings, postures: plain.postures, events: events, ablations: [],
        jobs: 1, witnessFolder: plain.witnessFolder, prunes: prunes)
      checker.depth = depth
      return try #require(try checker.check { _ in }.report.sections.first)
    }
    let pruned = try ask(prunes: true)
    var whole = try ask(prunes: false)
    #expect(whole.costs.known == 0)
    whole.costs = pruned.costs
    #expect(pruned == whole)
    return pruned
  }

  /// Nobody in the kernel reads it, and the user may. No code lies on the page.
  @Test func whatTheUserCanWriteIsNotDead() throws {
    let section = try section(["ON_NMI=movb $1, user_stack + 8192"], [.nmi])
    #expect(section.verdict == .violated)
    #expect(Set(section.findings.map(\.invariant)) == ["user-state-preserved"])
  }

  /// The handler counts, and dies of the second. Its page is untouched where it came behind another event, and written where it came behind itself; or
  /// the crossing has written to it before, and the byte decides.
  @Test(arguments: ["", "movb $0, flag;"])
  func whatTheHandlerReadsIsCompared(first: String) throws {
    let section = try section(
      ["CROSSING=\(Self.page) \(first) nop; nop; nop", "ON_NMI=incb left; cmpb $2, left; jne 8f; ud2; 8:"],
      [.debugBreakpoint, .nmi], depth: 2)
    #expect(section.costs.known > 0)
    #expect(section.verdict == .violated)
    #expect(Set(section.findings.map { $0.path.steps.map(\.event) }) == [[.nmi, .nmi]])
  }

  /// Behind an NMI alone the crossing reads what the handler of #DB writes.
  @Test func whatIsReadInAnotherCourseIsNotDead() throws {
    let crossing = "nop; nop; nop; cmpb $0, flag; je 8f; cmpb $0, left; je 8f; ud2; 8: nop"
    let section = try section(
      ["CROSSING=\(Self.page) \(crossing)", "ON_NMI=movb $1, flag", "ON_DEBUG=movb $1, left"],
      [.nmi, .debugBreakpoint], depth: 2)
    #expect(section.costs.known > 0)
    #expect(section.verdict == .violated)
    let paths = Set(section.findings.map { $0.path.steps.map(\.event) })
    #expect(paths == [[.nmi, .debugBreakpoint], [.debugBreakpoint, .nmi]])
  }

  /// What is written before it is read is dead: it costs the one trial between the write and the read.
  @Test func whatIsWrittenAnewIsDead() throws {
    func known(_ handler: String) throws -> Int {
      let section = try section(
        ["CROSSING=\(Self.page) nop; nop; movb $0, left; cmpb $0, left; nop", "ON_NMI=\(handler)"], [.nmi])
      #expect(section.verdict == .held)
      return section.costs.known
    }
    let all = try known("nop")
    #expect(try all > 5 && known("movb $1, left") == all - 1)
  }
}
