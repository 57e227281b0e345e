/// Goal: what a diff counts is what a trace of the same crossing shows, and its parts are cut where the rule says.
import Explorer
import Findings
import Testing

@Suite(.serialized) struct DiffTests {
  private static func compared(_ crossings: [CrossingKind]) throws -> (checker: Checker, report: DiffReport) {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", profiles: ProfileName.plain, crossings: crossings, events: [])
    return (checker, try Comparison(checkers: [checker]).compare { _ in }.report)
  }

  @Test func partsAddUpToTheBaseline() throws {
    let (_, report) = try Self.compared([.syscall64, .nmi])
    #expect(report.sides.map(\.profile) == [.intel, .amd])
    #expect(report.crossings.map(\.crossing) == [.syscall64, .nmi])
    for cell in report.crossings.flatMap(\.sides) {
      let parts = try #require(cell.parts)
      let baseline = try #require(cell.section.baseline)
      let all = [parts.wayIn, parts.work, parts.wayOut]
      #expect(all.reduce(0) { $0 + $1.instructions } == baseline.instructions)
      #expect(all.reduce(0) { $0 + $1.memoryReads } == baseline.memoryReads)
      #expect(all.reduce(0) { $0 + $1.memoryWrites } == baseline.memoryWrites)
      #expect(all.reduce(0) { $0 + $1.privilegedOperations } == baseline.privilegedOperations)
      #expect(parts.hypercallCount == 0)
    }
  }

  /// The trace says for each boundary whose state it runs on, and disassembles the instruction.
  @Test func partsAreCutAtTheFirstCallAndBehindTheLastReturn() throws {
    let (_, report) = try Self.compared([.syscall64])
    for (index, profile) in ProfileName.plain.enumerated() {
      let tracer = try KernelUnderTest.checker("debian-6.1-cloud", profiles: [profile], crossings: [.syscall64])
      let steps = try tracer.trace([:], accesses: false) { _ in }.steps
      func isOwn(_ step: TraceStep) -> Bool {
        step.isKernel && step.rspOwner == .kernel && step.gsOwner == .kernel && step.pageTables != .user
      }
      let call = try #require(steps.firstIndex { isOwn($0) && $0.instruction?.hasPrefix("call") == true })
      let last = try #require(steps.lastIndex { isOwn($0) && $0.instruction?.hasPrefix("ret") == true })
      let parts = try #require(report.crossings[0].sides[index].parts)
      #expect(parts.wayIn.instructions == call)
      #expect(parts.work.instructions == last + 1 - call)
      // The last step is the user's boundary, where nothing is executed any more.
      #expect(parts.wayOut.instructions == steps.count - 1 - (last + 1))
      // Linux's entry code makes its first call with the registers saved: on AMD UNTRAIN_RET's, else that of the C code.
      #expect(steps[call].location.symbol == "entry_SYSCALL_64_after_hwframe")
      #expect(steps[call].target?.symbol == (profile == .amd ? "entry_untrain_ret" : "do_syscall_64"))
    }
  }
}
