/// Goal: `limen mutate` makes the mistakes that it says, catches those that a check catches, sets aside what a machine can see to be no
/// mistake, and says the same whoever asks and however often it was interrupted.
import Findings
import Foundation
import Testing

@Suite(.serialized) struct MutateTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  private func report(_ arguments: [String]) throws -> MutationReport {
    let ended = try limen.start(["mutate"] + arguments + ["--format", "json"]).ended()
    try #require(ended.status == 0, "\(ended.complaint)")
    return try JSONDecoder().decode(MutationReport.self, from: Data(ended.output.utf8))
  }

  /// The design with a line replaced.
  private func design(_ old: String, _ new: String) throws -> String {
    var text = try DesignTests.complete()
    text.replaceSubrange(try #require(text.range(of: old)), with: new)
    let file = folder.url.appendingPathComponent("edited.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return file.path
  }

  private func result(
    _ report: MutationReport, _ mutation: MutationOperator, _ symbol: String, _ offset: UInt64
  ) throws -> MutantResult {
    try #require(
      report.mutants.first {
        $0.mutant.mutation == mutation && $0.mutant.location.symbol == symbol && $0.mutant.location.offset == offset
      }, "there is no \(mutation) at \(symbol)+\(offset)")
  }

  /// The same mistakes as in the source of `EditedDesignTests.breaking`, which `limen check` catches.
  @Test func whatACheckCatchesIsCaught() throws {
    let report = try report(["design:complete", "--operator", "drop-guard,delete", "--event", "nmi"])
    let first = try result(report, .dropGuard, "entry_SYSCALL_64", 0)
    #expect(first.mutant.before.map(\.instruction) == ["swapgs"])
    #expect(first.fate == .caught)
    for guardian in ["sti", "cli", "swapgs"] {
      let own = report.mutants.filter { $0.mutant.before[0].instruction == guardian }
      #expect(!own.isEmpty && own.allSatisfy { $0.fate == .caught }, "\(guardian)")
    }
    // The kernel's stack is loaded behind SWAPGS and the store of RSP: 3 and 9 bytes.
    let stack = try result(report, .delete, "entry_SYSCALL_64", 12)
    #expect(stack.mutant.before[0].instruction.hasSuffix(", %rsp") && stack.fate == .caught)
  }

  /// What only a malicious host does is no question of a mutant's, as it is none of a check's where nobody says `--host malicious`: else the design
  /// itself would be violated, and nothing left to be mutated.
  @Test func noMutantMeetsAMaliciousHost() throws {
    let report = try report(["design:complete", "--operator", "skip-call"])
    #expect(!report.sections.isEmpty && report.sections.allSatisfy { $0.verdict == .held && $0.instructions > 0 })
    #expect(report.possible > 0)
  }

  /// A second `movq %rsp, %rdi` behind the first does nothing, and a jump to the next instruction is one that is always taken.
  @Test func whatDoesNothingIsSetAside() throws {
    let file = try design("  movq %rsp, %rdi\n", "  movq %rsp, %rdi\n  .globl again\nagain:\n  movq %rsp, %rdi\n")
    let report = try report([file, "--operator", "delete,swap,narrow", "--event", "nmi"])
    #expect(try result(report, .delete, "again", 0).fate == .equivalent)
    #expect(try result(report, .narrow, "again", 0).fate == .caught)
    // Nothing jumps to the second, but its name says that something might.
    #expect(
      !report.mutants.contains { $0.mutant.mutation == .swap && $0.mutant.before.last?.location.symbol == "again" })
  }

  @Test func theReportDoesNotDependOnTheThreads() throws {
    let question = ["mutate", "design:complete", "--limit", "24", "--event", "nmi", "--format", "json"]
    let one = try limen.start(question).ended()
    let two = try limen.start(question + ["-j", "3"]).ended()
    #expect(one.status == 0 && one == two)
  }

  @Test func whatWasInterruptedGoesOn() throws {
    let question = ["mutate", "design:complete", "--operator", "swap,narrow", "--event", "nmi"]
    let file = folder.url.appendingPathComponent("mutants").path
    let whole = try limen.start(question).ended()
    let running = try limen.start(question + ["--resume", file], before: ["env", "--default-signal=INT"])
    let deadline = Date(timeIntervalSinceNow: 60)
    func kept() -> Int { (try? String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count) ?? 0 }
    while kept() < 4 && Date() < deadline { usleep(5_000) }
    try running.signal(SIGINT)
    let cut = try running.ended()
    #expect(cut.status == 5 && cut.output.contains("were judged: interrupted (SIGINT)"))
    let known = kept()
    try #require(known >= 4)
    let resumed = try limen.start(question + ["--resume", file]).ended()
    #expect(resumed.complaint == "limen: \(file): \(known - 1) mutants are judged\n")
    #expect(resumed.output == whole.output && resumed.status == whole.status)
    let other = try limen.start(question + ["--limit", "3", "--resume", file]).ended()
    #expect(other.status == 2 && other.complaint.contains("--limit was '' and is '3'"))
  }

  @Test func theShareDecidesTheStatus() throws {
    // Every mistake in this one instruction's operator is caught: the first SWAPGS, and the last.
    let question = ["mutate", "design:complete", "--operator", "drop-guard", "--event", "nmi"]
    #expect(try limen.start(question + ["--at-least", "100"]).ended().status == 0)
    let all = ["mutate", "design:complete", "--event", "nmi", "--operator", "swap,always-taken,other-condition"]
    #expect(try limen.start(all + ["--at-least", "100"]).ended().status == 1)
  }

  /// Of a kernel that a check finds violated nothing can be said.
  @Test func aViolatedKernelHasNoMutants() throws {
    let ended = try limen.start(["mutate", "design:2015", "--platform", "xen-pv", "--event", "nmi-callback"]).ended()
    #expect(ended.status == 1 && ended.output.contains("violated, judges no mutant"))
    let away = try limen.start(["mutate", "design:complete", "--crossing", "sysenter", "--profile", "amd"]).ended()
    #expect(away.status == 4 && away.output.contains("not applicable"))
  }

  @Test(arguments: [
    ["--limit", "0"], ["--at-least", "101"], ["--operator", "magic"], ["--posture", "magic"], ["-j", "0"],
  ])
  func wrongUsage(options: [String]) throws {
    let ended = try limen.start(["mutate", "design:complete"] + options).ended()
    #expect(ended.status == 2 && !ended.complaint.isEmpty && ended.output.isEmpty)
  }
}
