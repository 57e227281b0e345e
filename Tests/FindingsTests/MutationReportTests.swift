/// Goal: the report of `limen mutate` has exactly the fields that Documentation/Formats.md describes, shares are of what counts, and the
/// exit status follows from them.
import Findings
import Foundation
import Reports
import Testing

@Suite struct MutationReportTests {
  static func mutant(_ number: Int, _ mutation: MutationOperator) -> Mutant {
    let place = Location(address: 0xFFFF_FFFF_8100_0000 + UInt64(number), symbol: "entry", offset: UInt64(number))
    return Mutant(
      number: number, mutation: mutation, location: place,
      before: [MutantLine(location: place, instruction: "swapgs")],
      after: [MutantLine(location: place, instruction: "nop %eax, (%rax)")])
  }

  static let results = [
    MutantResult(mutant: mutant(3, .narrow), fate: .sameEffect, reason: "the register is cleared either way"),
    MutantResult(
      mutant: mutant(0, .dropGuard), fate: .caught, section: "bare-metal intel syscall64 normal", invariant: "gs-owned",
      events: 1),
    MutantResult(
      mutant: mutant(1, .dropGuard), fate: .survived,
      reason: "a path of bare-metal intel syscall64 normal ends otherwise",
      seenFrom: "bare-metal intel sigreturn normal"),
    MutantResult(mutant: mutant(2, .narrow), fate: .equivalent, reason: "the same log on every path"),
    MutantResult(mutant: mutant(4, .delete), fate: .anotherWay, reason: "every path ends as it did"),
    MutantResult(
      mutant: mutant(5, .delete), fate: .undecided, section: "bare-metal intel syscall64 normal",
      reason: "inconclusive: a bound"),
  ]

  static func report(
    _ results: [MutantResult] = results, verdicts: [Verdict] = [.held, .inconclusive(bound: "a bound")],
    interruption: String? = nil
  ) -> MutationReport {
    MutationReport(
      kernel: KernelIdentity(name: "vmlinuz", sha256: String(repeating: "0a", count: 32)),
      entryCode: "what is executed",
      sections: verdicts.map {
        UneditedSection(title: "bare-metal intel syscall64 normal", verdict: $0, instructions: 2)
      },
      instructions: 2, possible: 12, wanted: 6, interruption: interruption, mutants: results, limen: "0.1.0")
  }

  @Test func matchesTheGoldenText() throws {
    try Golden.check(MutationTable(colour: false).text(of: Self.report()), "mutants.txt")
    try Golden.check(JSONReport.text(of: Self.report()), "mutants.json")
  }

  @Test func whatIsSetAsideDoesNotCount() {
    let totals = Self.report().totals
    #expect(totals.all == 6 && totals.judged == 3)
    // One of three, and one of four where those count that come to the same end by another way.
    #expect(totals.share == 3333 && totals.strictShare == 2500)
    #expect(totals.shareText == "33.33 %" && totals.strictShareText == "25.00 %")
    #expect(MutantCounts([]).share == nil && MutantCounts([]).shareText == "-")
  }

  @Test func mutantsComeByNumber() {
    #expect(Self.report().mutants.map(\.mutant.number) == [0, 1, 2, 3, 4, 5])
    #expect(Self.report() == Self.report(Self.results.reversed()))
  }

  @Test func theStatusFollows() {
    #expect(Self.report().exitStatus(atLeast: nil) == .allHeld)
    #expect(Self.report().exitStatus(atLeast: 3333) == .allHeld)
    #expect(Self.report().exitStatus(atLeast: 3334) == .violation)
    #expect(Self.report([]).exitStatus(atLeast: nil) == .nothingApplied)
    #expect(Self.report(interruption: "interrupted").exitStatus(atLeast: nil) == .inconclusive)
    // Nothing can be said of mutants of a kernel that is itself violated.
    #expect(Self.report([], verdicts: [.violated]).exitStatus(atLeast: nil) == .violation)
    #expect(Self.report([], verdicts: [.unsupported(what: "x", where: "y")]).exitStatus(atLeast: nil) == .unsupported)
  }

  @Test func comesBackEqual() throws {
    for result in Self.results {
      let line = documentLine(MutationProgress.Entry(result: result))
      #expect(!line.contains { $0.isNewline })
      #expect(try JSONDecoder().decode(MutationProgress.Entry.self, from: Data(line.utf8)).result == result)
    }
  }
}
