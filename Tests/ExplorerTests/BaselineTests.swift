/// Goal: what is known does not fail a check, in this build of a kernel and in the next, where every address is another; what is new does; and
/// two reports are compared by the same names.
///
/// The other build is the same design with what is linked before it grown: every address of the threshold moves, and no distance from a symbol.
import Findings
import Foundation
import Testing

@Suite struct BaselineTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.path + "/cache")
  }

  /// The design of 2015, which an NMI under Xen breaks, as an assembly file of one's own.
  private func design(_ edit: (String) -> String = { $0 }) throws -> String {
    let source = Probe.root.appending(path: "ReferenceKernel/Designs/2015/Entry.S")
    var text = try String(contentsOf: source, encoding: .utf8)
    let wayIn = source.deletingLastPathComponent().appending(path: "Enter64.h")
    text = text.replacing("#include \"Enter64.h\"\n", with: try String(contentsOf: wayIn, encoding: .utf8))
    for part in ["Call64", "Compat", "Exit64", "Hooks"] {
      text = text.replacing("#include \"\(part).h\"", with: "#include \"designs/2015/\(part).h\"")
    }
    return edit(text)
  }

  private static let entry = "  .section .entry.text, \"ax\"\n"

  /// Every address of the entry code is another.
  private func shifted(_ text: String) throws -> String {
    try #require(text.contains(Self.entry))
    return text.replacing(
      Self.entry,
      with: Self.entry + "  .skip 192, 0x90\n  .pushsection .entry.text.xen, \"ax\"\n  .skip 64, 0x90\n  .popsection\n",
      maxReplacements: 1)
  }

  private func write(_ text: String, _ name: String = "build/my-entry.S") throws {
    let url = folder.url.appending(path: name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: true, encoding: .utf8)
  }

  private func check(_ more: String...) throws -> LimenProgram.Ended {
    try limen.start(
      [
        "check", "build/my-entry.S", "--crossing", "syscall64", "--profile", "intel", "--no-witnesses",
      ] + more, before: ["env", "-C", folder.url.path]
    ).ended()
  }

  private func ask(_ arguments: String...) throws -> LimenProgram.Ended {
    try limen.start(arguments, before: ["env", "-C", folder.url.path]).ended()
  }

  // MARK: A baseline

  @Test func aBaselineSurvivesAnotherBuildAndCatchesARegression() throws {
    let first = try design()
    try write(first)
    let broken = try check("--write-baseline", "known.json", "--report", "json=old.json")
    #expect(broken.status == 1)
    let known = try check("--baseline", "known.json")
    #expect(known.status == 0 && known.complaint.isEmpty, "\(known)")
    #expect(known.output.contains(", known]") && known.output.contains("violated, all known"))

    try write(try shifted(first))
    let again = try check("--baseline", "known.json", "--report", "json=new.json")
    #expect(again.status == 0 && again.complaint.isEmpty, "\(again)")
    // The addresses are others, and only they.
    func places(_ name: String) throws -> [(String, UInt64)] {
      let report = try JSONDecoder().decode(
        CheckReport.self, from: Data(contentsOf: folder.url.appending(path: name)))
      // User code is the probe's, and no other than before.
      return report.sections.flatMap(\.findings).filter { $0.location.symbol != nil }.map {
        ($0.location.description, $0.location.address)
      }
    }
    let (old, new) = (try places("old.json"), try places("new.json"))
    #expect(!old.isEmpty && old.map(\.0) == new.map(\.0))
    #expect(zip(old, new).allSatisfy { $0.1 != $1.1 })
    let alike = try ask("compare", "old.json", "new.json")
    #expect(alike.status == 0 && alike.output.contains("findings: 0 new, 0 gone, 0 moved, 0 unanswered"), "\(alike)")

    // A regression: interrupts come on before the stack is the kernel's.
    let guardLine = "  movq %rsp, PER_CPU(rsp_scratch)\n"
    let worse = try shifted(first)
    try #require(worse.contains(guardLine))
    try write(worse.replacing(guardLine, with: guardLine + "  sti\n", maxReplacements: 1))
    let caught = try check("--baseline", "known.json", "--report", "json=worse.json")
    #expect(caught.status == 1 && caught.output.contains("interrupt"))
    let compared = try ask("compare", "old.json", "worse.json")
    #expect(compared.status == 1 && compared.output.contains("  new: "), "\(compared)")
    #expect(try ask("compare", "worse.json", "old.json").output.contains("  gone: "))
  }

  /// Two of Debian's builds of one series, where somebody has fetched them: without its guards each breaks in the same way, and what breaks in
  /// the second alone, because nothing was asked of machine checks before, is new.
  @Test(.enabled(if: series.count == 2)) func aBaselineSurvivesDebiansNextBuild() throws {
    func check(_ kernel: String, _ events: String, _ more: String...) throws -> LimenProgram.Ended {
      try limen.start(
        [
          "check", kernel, "--crossing", "syscall64", "--profile", "intel", "--event", events, "--ablate",
          "nmi-without-ist,mc-without-ist", "--no-witnesses", "-q",
        ] + more, before: ["env", "-C", folder.url.path]
      ).ended()
    }
    #expect(try check(Self.series[0], "nmi", "--write-baseline", "known.json", "--report", "json=old.json").status == 1)
    #expect(
      try check(Self.series[1], "nmi", "--baseline", "known.json", "--report", "json=new.json")
        == .init(status: 0, output: "", complaint: ""))
    #expect(try ask("compare", "old.json", "new.json").output.contains("findings: 0 new, 0 gone, 0 moved"))
    let worse = try check(
      Self.series[1], "nmi,machine-check", "--baseline", "known.json", "--report", "json=worse.json")
    #expect(worse.status == 1)
    let compared = try ask("compare", "new.json", "worse.json").output
    #expect(compared.contains("  new: ") && compared.contains("0 gone, 0 moved"), "\(compared)")
  }

  private static let series = ["debian-6.12.101-cloud", "debian-6.12.105-cloud"].compactMap { name -> String? in
    let environment = ProcessInfo.processInfo.environment
    let caches = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
    let folder = (environment["LIMEN_CACHE"] ?? caches + "/limen") + "/kernels/" + name
    return (try? FileManager.default.contentsOfDirectory(atPath: folder))?.first.map { "\(folder)/\($0)" }
  }

  @Test func whatIsFoundNoLongerIsSaid() throws {
    try write(try design())
    #expect(try check("--write-baseline", "known.json").status == 1)
    let text = try String(contentsOf: folder.url.appending(path: "known.json"), encoding: .utf8)
    let entries = text.components(separatedBy: "\"fingerprint\"").count - 1
    try write(try DesignTests.complete())
    let mended = try check("--baseline", "known.json", "--quiet")
    #expect(mended.status == 0 && mended.output.isEmpty)
    let lines = mended.complaint.split(separator: "\n")
    #expect(lines.count == entries && lines.allSatisfy { $0.contains("known.json: stale, no longer found: ") })
    // Of a section that nobody asked about nothing is said.
    #expect(try check("--baseline", "known.json", "--platform", "bare-metal").complaint.isEmpty)
  }

  /// Each in one line that names the file, before anything runs.
  @Test(arguments: [
    "", "{}", "[]", "{\"format\":\"limen-witness\"}", "{\"format\":\"limen-baseline\",\"version\":2}",
    "{\"format\":\"limen-baseline\",\"version\":1,\"limen\":\"0\"}",
    "{\"format\":\"limen-baseline\",\"version\":1,\"limen\":\"0\",\"findings\":[1]}",
    "{\"format\":\"limen-baseline\",\"version\":1,\"limen\":\"0\",\"findings\":[],\"more\":1}",
    "{\"format\":\"limen-baseline\",\"version\":1,\"limen\":\"0\",\"findings\":[{\"fingerprint\":\"a\",\"more\":1}]}",
  ])
  func whatIsNoBaselineIsRefused(text: String) throws {
    try write(try design())
    try write(text, "bad.json")
    let refused = try check("--baseline", "bad.json")
    #expect(refused.status == 2 && refused.output.isEmpty)
    #expect(refused.complaint.hasPrefix("limen: bad.json: ") && refused.complaint.filter(\.isNewline).count == 1)
  }

  @Test func whatCannotBeWrittenIsRefusedBeforeTheCheck() throws {
    try write(try design())
    let refused = try check("--write-baseline", "/proc/nowhere/known.json")
    #expect(refused.status == 2 && refused.output.isEmpty && refused.complaint.contains("/proc/nowhere/known.json"))
  }

  // MARK: Two reports

  @Test(arguments: [
    "", "{}", "[]", "{\"format\":\"limen-trace\"}", "{\"format\":\"limen-check\",\"version\":1}", "\u{0}",
  ])
  func whatIsNoReportIsRefused(text: String) throws {
    try write(text, "bad.json")
    for pair in [["bad.json", "bad.json"], ["missing.json", "bad.json"]] {
      let refused = try ask("compare", pair[0], pair[1])
      #expect(refused.status == 2 && refused.output.isEmpty)
      #expect(refused.complaint.hasPrefix("limen: \(pair[0]): ") && refused.complaint.filter(\.isNewline).count == 1)
    }
  }

  @Test func collectionsAreComparedKernelByKernel() throws {
    func check(_ kernels: [String], _ file: String) throws -> Int32 {
      try limen.start(
        ["check"] + kernels + [
          "--platform", "xen-pv", "--profile", "intel", "--crossing", "syscall64", "--no-witnesses", "--report",
          "json=\(file)",
        ],
        before: ["env", "-C", folder.url.path]
      ).ended().status
    }
    #expect(try check(["design:complete", "design:2015"], "a.json") == 1)
    #expect(try check(["design:2015", "design:complete"], "b.json") == 1)
    let same = try ask("compare", "a.json", "b.json", "--format", "json")
    #expect(same.status == 0 && same.output.contains("\"sections\" : [\n\n  ]"), "\(same)")
    #expect(try check(["design:complete"], "c.json") == 0)
    let lost = try ask("compare", "a.json", "c.json")
    #expect(lost.status == 5 && lost.output.contains("-> not asked") && lost.output.contains("unanswered: "), "\(lost)")
  }
}
