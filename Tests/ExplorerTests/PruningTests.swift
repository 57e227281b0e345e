/// Goal: what is left out of an exploration because it is known changes no answer, also behind two events.
///
/// `--no-pruning` runs every trial to its end and is the oracle; the rules and their proof are in Documentation/Pruning.md.
import Foundation
import KernelImage
import Testing

@Suite struct PruningTests {
  private func report(_ arguments: [String]) throws -> String {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let ended = try limen.start(["check"] + arguments + ["--format", "json"], before: ["env", "-C", folder.url.path])
      .ended()
    #expect([0, 1].contains(ended.status), "\(ended.complaint)")
    return ended.output
  }

  /// Trials that were not run to their end, of all sections.
  private func known(_ report: String) throws -> Int {
    let document = try #require(try JSONSerialization.jsonObject(with: Data(report.utf8)) as? [String: Any])
    let totals = try #require(document["totals"] as? [String: Any])
    return try #require((totals["costs"] as? [String: Any])?["known"] as? Int)
  }

  @Test(arguments: [
    ["specimen:nmi-reentered"], ["specimen:nmi-reentered:fixed"], ["specimen:debug-in-nmi"],
    ["specimen:debug-in-nmi:fixed"],
    ["specimen:nmi-unblocked"], ["specimen:frame-below-rsp"],
  ])
  func ofTwoEvents(_ kernel: [String]) throws {
    let asked = kernel + ["--crossing", "nmi", "--profile", "intel", "--depth", "2"]
    let pruned = try report(asked)
    #expect(try WithoutCosts.of(pruned) == WithoutCosts.of(report(asked + ["--no-pruning"])))
    #expect(try known(pruned) > 0, "something was known")
  }

  @Test(arguments: ["bare-metal", "xen-pv"])
  func ofOneEvent(_ platform: String) throws {
    let asked = [
      "design:complete", "--platform", platform, "--crossing", "syscall64,int80,nmi,db", "--profile", "intel,amd",
    ]
    let pruned = try report(asked)
    #expect(try WithoutCosts.of(pruned) == WithoutCosts.of(report(asked + ["--stepped"])))
    #expect(try known(pruned) > 0, "something was known")
  }

  /// The rest of a crossing does not read by what the kernel is entered next, but what is said of the trial hangs on it.
  @Test func ofWhatOnlyTheNextEntryReads() throws {
    let asked = [
      "specimen:debug-shifts-ist", "--crossing", "syscall64", "--profile", "intel", "--event", "debug-breakpoint",
    ]
    let pruned = try report(asked)
    #expect(pruned.contains("entries-kept"))
    #expect(try WithoutCosts.of(pruned) == WithoutCosts.of(report(asked + ["--no-pruning"])))
  }

  /// Nor does it read a count that a handler has left.
  @Test func ofACountThatNothingReads() throws {
    let asked = ["specimen:nmi-count-kept", "--crossing", "syscall64", "--profile", "intel", "--event", "nmi"]
    let pruned = try report(asked)
    #expect(pruned.contains("counts-balanced"))
    #expect(try WithoutCosts.of(pruned) == WithoutCosts.of(report(asked + ["--no-pruning"])))
  }
}
