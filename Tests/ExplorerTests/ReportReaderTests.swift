/// Goal: the reports for other programs say to those programs what the check found.
///
/// The readers are other people's: KUnit's parser of KTAP, junitparser, SARIF's schema with jsonschema, and markdown-it. `Scripts/readers.sh` fetches them.
import Findings
import Foundation
import Invariants
import Reports
import Testing

@Suite struct ReportReaderTests {
  /// What a reader understood, by its own names.
  func read(_ format: ReportFormat, _ file: URL) throws -> [String: Int] {
    let script = Probe.root.appending(path: "Tests/ExplorerTests/Readers/read.py").path
    let folder = try run([Probe.root.appending(path: "Scripts/readers.sh").path])
    let text = try run(["python3", script, folder.trimmingCharacters(in: .newlines), format.rawValue, file.path])
    let answer = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    if let errors = answer["errors"] as? [String] { #expect(errors == [], "the schema's") }
    return answer.compactMapValues { $0 as? Int }
  }

  private func run(_ command: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command[0])")
    return String(decoding: output, as: UTF8.self)
  }

  // MARK: Every verdict, and names as bad as can be

  static let verdicts: [Verdict] = [
    .held, .violated, .notApplicable(reason: "no <such> & \"such\""),
    .unsupported(what: "x # TODO", where: "\u{1B}[31m"),
    .inconclusive(bound: "a bound\nin two lines"), .internalError(message: "]]>"),
  ]

  static let report: CheckReport = {
    let place = Location(address: 0xFFFF_FFFF_8100_0009, symbol: "a<b>::c # d\n\"e\"", offset: 9)
    let sections = zip(verdicts, CrossingKind.allCases).map { verdict, crossing in
      let isBroken = verdict == .violated
      return CheckSection(
        platform: .bareMetal, profile: .intel, crossing: crossing, posture: "normal # SKIP", verdict: verdict,
        invariants: verdict.kind == .notApplicable
          ? [] : [.init(invariant: "rsp-owned", verdict: verdict), .init(invariant: "unknown <&>", verdict: .held)],
        findings: isBroken
          ? [
            Finding(
              invariant: "rsp-owned", message: "not ok 1 & <b>", location: place,
              origin: Origin(location: Location(address: 1), explanation: "| a | table |"),
              path: Path([PathStep(boundary: 1, location: place, event: .debugBreakpoint)]),
              replay: "limen replay 'a b'"),
            Finding(
              invariant: "of another version", message: "m", location: Location(address: 2), path: Path(), replay: "r"),
          ] : [])
    }
    return CheckReport(
      kernel: KernelIdentity(name: "design:a b#c<&>\"%é\u{202E}", sha256: String(repeating: "0", count: 64)),
      sections: sections)
  }()

  func write(_ format: ReportFormat, _ document: Document, into folder: TemporaryFolder) throws -> URL {
    let file = folder.url.appending(path: "report.\(format.rawValue)")
    let text = Reporter(invariants: Monitors.descriptions).text(of: document, as: format)
    try text.write(to: file, atomically: true, encoding: .utf8)
    return file
  }

  /// Of six sections one does not apply and has one case; the others have two, of which the second holds.
  @Test func everyVerdictIsUnderstood() throws {
    let folder = try TemporaryFolder()
    let junit = try read(.junit, write(.junit, .check([Self.report]), into: folder))
    #expect(junit == ["cases": 11, "failed": 1, "errors": 3, "skipped": 1])
    // A directive decides in KUnit's reader, not what stands before it; TIMEOUT and ERROR it does not know, and `not ok` is left.
    let ktap = try read(.ktap, write(.ktap, .check([Self.report]), into: folder))
    #expect(ktap == ["cases": 11, "passed": 6, "failed": 3, "skipped": 2, "malformed": 0])
    #expect(
      try read(.sarif, write(.sarif, .check([Self.report]), into: folder)) == ["failed": 2, "results": 2, "steps": 3])
  }

  @Test func noNameBreaksOutOfItsPlace() throws {
    for format in ReportFormat.allCases where format != .json {
      let text = Reporter().text(of: .check([Self.report]), as: format)
      #expect(!text.contains("\u{1B}") && !text.contains("\u{202E}"), "\(format.rawValue)")
    }
    let ktap = Reporter().text(of: .check([Self.report]), as: .ktap)
    // KTAP 1: a description holds no '#'.
    #expect(ktap.contains("  not ok 2 bare-metal intel syscall32 normal _ SKIP\n"))
    #expect(ktap.contains("ok 3 bare-metal intel sysenter normal _ SKIP # SKIP not applicable: no <such> & \"such\"\n"))
    let markdown = Reporter().text(of: .check([Self.report]), as: .markdown)
    #expect(markdown.contains("\\| a \\| table \\|"))
    let folder = try TemporaryFolder()
    let read = try read(.markdown, write(.markdown, .check([Self.report]), into: folder))
    #expect(read == ["headings": 3, "rows": 7, "blocks": 2, "markup": 0])
  }

  // MARK: What a check found

  @Test func ofAKernel() throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.appending(path: "cache").path)
    let formats: [ReportFormat] = [.json, .ktap, .junit, .sarif, .markdown]
    let files = formats.map { folder.url.appending(path: "report.\($0.rawValue)") }
    let asked =
      ["check", "design:2015", "design:complete", "--crossing", "syscall64,sysenter", "--witnesses", folder.url.path]
      + zip(formats, files).flatMap { ["--report", "\($0.rawValue)=\($1.path)"] }
    #expect(try limen.start(asked).ended().status == 1)

    let document = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: files[0])) as? [String: Any])
    let sections = try (try #require(document["reports"] as? [[String: Any]]))
      .flatMap { try #require($0["sections"] as? [[String: Any]]) }
    func count(_ kind: String, of list: [[String: Any]]) -> Int {
      list.count { ($0["verdict"] as? [String: Any])?["kind"] as? String == kind }
    }
    let invariants = sections.flatMap { $0["invariants"] as? [[String: Any]] ?? [] }
    let findings = sections.reduce(0) { $0 + ($1["findings"] as? [Any] ?? []).count }
    // SYSENTER does not exist in AMD's long mode, and so has one case that is skipped.
    let skipped = count("not-applicable", of: sections)
    let broken = count("violated", of: invariants)
    try #require(skipped > 0 && broken > 0 && findings > 0)
    #expect(
      try read(.ktap, files[1]) == [
        "cases": invariants.count + skipped, "passed": invariants.count - broken, "failed": broken, "skipped": skipped,
        "malformed": 0,
      ])
    #expect(
      try read(.junit, files[2])
        == ["cases": invariants.count + skipped, "failed": broken, "errors": 0, "skipped": skipped])
    let sarif = try read(.sarif, files[3])
    #expect(sarif["failed"] == findings && sarif["results"] == findings)
    #expect(try String(contentsOf: files[4], encoding: .utf8).contains("## design:2015: violated"))
    // A heading for each kernel and each finding; a row for each section, and two for the heads of the tables.
    #expect(
      try read(.markdown, files[4])
        == ["headings": 2 + findings, "rows": 2 + sections.count, "blocks": findings, "markup": 0])
  }

  @Test func aReportThatCannotBeWrittenIsRefusedBeforeTheCheck() throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.appending(path: "cache").path)
    let refused = try limen("check", "design:complete", "--report", "sarif=/proc/nowhere/limen.sarif")
    #expect(refused.status == 2)
    #expect(refused.output == "")
    #expect(refused.complaint.contains("/proc/nowhere/limen.sarif"))
    for bad in ["sarif", "sarif=", "pdf=x", "=x"] {
      let refused = try limen("check", "design:complete", "--report", bad)
      #expect(refused.status == 2 && refused.output == "", "\(bad)")
    }
    let twice = try limen("check", "design:complete", "--report", "sarif=a", "--report", "ktap=a")
    #expect(twice.status == 2)
    #expect(twice.complaint.contains("names a twice"))
  }
}
