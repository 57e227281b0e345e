import Findings
import Foundation
import Testing

/// Goal: paths of two events are searched. A specimen of nesting is condemned at the depth that its page says, by the invariant that it says, and its
/// twin holds there; the stepped search says the same.
@Suite(.serialized) struct NestingTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  private func section(_ kernel: String, _ more: [String]) throws -> [String: Any] {
    let ended = try limen.start(
      ["check", kernel, "--crossing", "syscall64", "--profile", "intel", "--event", "nmi", "--depth", "2"]
        + ["--format", "json", "--witnesses", folder.url.appendingPathComponent("witnesses").path] + more
    ).ended()
    let report = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    return try #require((report["sections"] as? [[String: Any]])?.first, "\(ended.complaint)")
  }

  private func kind(_ section: [String: Any]) -> String? { (section["verdict"] as? [String: Any])?["kind"] as? String }

  private func nested(_ section: [String: Any]) -> [String: Int]? {
    (section["nested"] as? [[String: Any]])?.first?.mapValues { $0 as? Int ?? 0 }
  }

  @Test(arguments: ["nmi-reentered", "nmi-handler-faults", "nmi-leaving"])
  func aSecondNMIIsFound(specimen: String) throws {
    let defective = try section("specimen:\(specimen)", [])
    #expect(kind(defective) == "violated")
    let findings = defective["findings"] as? [[String: Any]] ?? []
    #expect(findings.compactMap { $0["invariant"] as? String } == ["frame-intact"])
    #expect(findings.allSatisfy { ($0["path"] as? [Any])?.count == 2 })

    let twin = try section("specimen:\(specimen):fixed", [])
    #expect(kind(twin) == "held" && nested(twin)?["notTried"] == 0)
    #expect(try #require(nested(twin)?["trials"]) > 1000)
  }

  /// Where neither crossing, posture nor depth is named.
  @Test func onlySYSCALLOnBareMetalFromNormalNestsByDefault() throws {
    let ended = try limen(
      "check", "design:complete", "--profile", "intel", "--event", "nmi,nmi-callback", "--format", "json",
      "--no-witnesses")
    let report = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    let sections = try #require(report["sections"] as? [[String: Any]])
    #expect(Set(sections.compactMap { $0["platform"] as? String }) == ["bare-metal", "xen-pv"] && sections.count > 100)
    let nesting = sections.filter { $0["nested"] != nil }
    #expect(nesting.count == 1)
    let section = try #require(nesting.first)
    #expect(
      ["platform", "crossing", "posture"].map { section[$0] as? String } == ["bare-metal", "syscall64", "normal"])
    #expect(kind(section) == "held" && (nested(section)?["trials"] ?? 0) > 1000)
  }

  @Test func steppedSaysTheSame() throws {
    func answer(_ more: [String]) throws -> NSDictionary {
      var section = try section("specimen:nmi-leaving:fixed", more)
      section["costs"] = nil
      return section as NSDictionary
    }
    #expect(try answer([]) == answer(["--stepped"]))
  }
}
