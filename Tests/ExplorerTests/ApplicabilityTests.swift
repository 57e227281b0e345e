/// Goal: what `limen list KIND KERNEL` says applies is what a check can ask of the kernel, and the reason is the check's.
///
/// Which crossings a processor has: SDM vol. 2, "SYSCALL", "SYSENTER"; APM vol. 3, the same. Which invariants FRED has: their names.
import Foundation
import Testing

@Suite struct ApplicabilityTests {
  private let folder: TemporaryFolder
  private let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.appending(path: "cache").path)
  }

  private func list(_ arguments: String...) throws -> [String] {
    let ended = try limen.start(["list"] + arguments).ended()
    #expect(ended.status == 0 && ended.complaint.isEmpty, "\(ended)")
    return ended.output.split(separator: "\n").map(String.init)
  }

  /// For each crossing and posture the verdict of a check that injects nothing that exists there but NMIs.
  @Test(arguments: [("intel", "syscall32", "sysenter"), ("amd", "sysenter", "syscall32")])
  func crossingsAreThoseOfACheck(profile: String, absent: String, present: String) throws {
    let names = try list("crossings", "design:complete", "--profile", profile)
    #expect(!names.contains(absent) && names.contains(present))
    let event = ["--event", "machine-check", "--platform", "bare-metal", "--profile", profile, "--no-witnesses"]
    let ended = try limen.start(
      ["check", "design:complete", "--crossing", "all", "--posture", "normal", "--format", "json"] + event
    ).ended()
    let document = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    let verbose = try list("crossings", "design:complete", "--profile", profile, "--verbose").joined(separator: " ")
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for section in try #require(document["sections"] as? [[String: Any]]) {
      let crossing = try #require(section["crossing"] as? String)
      let verdict = try #require(section["verdict"] as? [String: Any])
      let applies = verdict["kind"] as? String != "not-applicable"
      #expect(names.contains(crossing) == applies, "\(crossing)")
      if let reason = verdict["reason"] as? String {
        #expect(verbose.contains("\(crossing) Does not apply: \(reason)."), "\(crossing)")
      }
    }
  }

  @Test func aPlatformHasItsEvents() throws {
    let native = try list("events", "design:complete")
    let guest = try list("events", "design:complete", "--platform", "xen-pv")
    #expect(native.contains("nmi") && !native.contains("event-upcall"))
    #expect(guest.contains("event-upcall") && !guest.contains("nmi"))
    let verbose = try list("events", "design:complete", "--verbose").joined(separator: " ")
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(verbose.contains("event-upcall Does not apply: not an event of bare-metal: of xen-pv, xen alone."))
    #expect(verbose.contains("page-fault Applies where --event names it."))
    #expect(verbose.contains("nmi Applies. "))
  }

  @Test func aProcessorOwesInvariants() throws {
    let plain = try list("invariants", "design:complete")
    let fred = try list("invariants", "design:fred", "--profile", "wildcat-lake")
    #expect(plain.contains("rsp-owned") && !plain.contains { $0.hasPrefix("fred-") })
    #expect(fred.contains("rsp-owned") && fred.contains { $0.hasPrefix("fred-") })
    // What Skylake's users are owed is owed nobody on a processor that says nothing of its kind.
    #expect(try list("invariants", "design:complete", "--profile", "skylake").contains("buffers-cleared"))
    #expect(!plain.contains("buffers-cleared"))
    let guest = try list("ablations", "design:complete", "--platform", "xen-pv")
    #expect(guest.contains("frame-at-user-rsp") && !guest.contains("nmi-without-ist"))
    #expect(try list("ablations", "design:complete").contains("nmi-without-ist"))
  }

  @Test func whatDependsOnNoKernelIsRefused() throws {
    let refused = try limen("list", "windows", "design:complete")
    #expect(refused.status == 2 && refused.output.isEmpty)
    #expect(refused.complaint.contains("only about crossings, postures, events, invariants, ablations"))
    #expect(try limen("list", "events", "/nonexistent").status == 2)
    #expect(try limen("list", "events", "design:complete", "--platform", "xen").status != 0)
  }

  @Test func everyDesignHasASentence() throws {
    for line in try list("designs", "--verbose") { #expect(line.hasPrefix(" ") || line.contains("  "), "\(line)") }
    #expect(try limen("explain", "complete").output.contains("both halves of what the mail asks for".dropFirst()))
  }
}
