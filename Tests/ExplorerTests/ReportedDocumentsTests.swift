/// Goal: the reports of what is no check, a diff, the thread and a trace, say to other people's readers what the document says.
///
/// What is expected is counted in the JSON of the same run, by Foundation's reader.
import Findings
import Foundation
import Invariants
import Reports
import Testing

extension ReportReaderTests {
  static let readFormats: [ReportFormat] = [.json, .ktap, .junit, .sarif, .markdown]

  /// Runs the verb with a file for each format. The JSON, and what each reader understood.
  private func reports(of arguments: [String], status: Int32, in folder: TemporaryFolder) throws -> (
    document: [String: Any], read: [ReportFormat: [String: Int]]
  ) {
    let limen = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.appending(path: "cache").path)
    let files = Self.readFormats.map { folder.url.appending(path: "report.\($0.rawValue)") }
    let ended = try limen.start(
      arguments + zip(Self.readFormats, files).flatMap { ["--report", "\($0.rawValue)=\($1.path)"] }
    ).ended()
    #expect(ended.status == status, "\(ended.complaint)")
    let document = try JSONSerialization.jsonObject(with: Data(contentsOf: files[0])) as? [String: Any]
    let read = try zip(Self.readFormats, files).dropFirst().map { ($0, try self.read($0, $1)) }
    return (try #require(document), Dictionary(uniqueKeysWithValues: read))
  }

  // MARK: A trace

  /// Of three events one is taken, one is kept out by IF, and one comes behind the end.
  @Test func ofATrace() throws {
    let folder = try TemporaryFolder()
    let (document, read) = try reports(
      of: [
        "trace", "design:complete", "--crossing", "syscall64", "--inject", "1:nmi", "--inject", "2:external-interrupt",
        "--inject", "100000:nmi",
      ], status: 4, in: folder)
    let injections = try #require(document["injections"] as? [[String: Any]])
    let steps = try #require(document["steps"] as? [[String: Any]])
    let taken = injections.count { $0["outcome"] as? String == "taken" }
    try #require(injections.count == 3 && taken == 1)
    #expect((document["end"] as? [String: Any])?["kind"] as? String == "user")
    // The run itself is a test.
    #expect(
      read[.ktap] == ["cases": 4, "passed": 1 + taken, "failed": 0, "skipped": 3 - taken, "malformed": 0])
    #expect(read[.junit] == ["cases": 4, "failed": 0, "errors": 0, "skipped": 3 - taken])
    #expect(read[.sarif] == ["failed": 0, "results": 1, "steps": steps.count])
    #expect(read[.markdown] == ["headings": 1, "rows": 0, "blocks": 1, "markup": 0])
    #expect(steps.allSatisfy { $0["registers"] == nil && $0["accesses"] == nil })
  }

  /// Every end of a run.
  @Test func ofTracesThatEndOtherwise() throws {
    let folder = try TemporaryFolder()
    let ends: [(TraceEnd, ktap: String, sarif: Int)] = [
      (TraceEnd(.dead, detail: "<b> & # SKIP"), "failed", 1), (TraceEnd(.bound, detail: "long"), "failed", 0),
      (TraceEnd(.unsupported, detail: "what"), "skipped", 0), (TraceEnd(.user), "passed", 0),
    ]
    for (end, ktap, sarif) in ends {
      let trace = Document.trace(
        TraceRecord(
          kernel: Self.report.kernel, platform: .bareMetal, profile: .intel, crossing: .syscall64,
          posture: "a # b ``` c", steps: [], end: end))
      let heard = try read(.ktap, write(.ktap, trace, into: folder))
      #expect(heard[ktap] == 1 && heard["cases"] == 1 && heard["malformed"] == 0, "\(end)")
      #expect(try read(.junit, write(.junit, trace, into: folder))["cases"] == 1)
      #expect(try read(.sarif, write(.sarif, trace, into: folder)) == ["failed": sarif, "results": 1, "steps": 0])
      #expect(
        try read(.markdown, write(.markdown, trace, into: folder))
          == ["headings": 1, "rows": 0, "blocks": 1, "markup": 0])
    }
  }

  // MARK: A diff

  @Test func ofADiff() throws {
    let folder = try TemporaryFolder()
    let (document, read) = try reports(
      of: ["diff", "design:2015", "design:complete", "--platform", "xen-pv", "--no-witnesses"], status: 1, in: folder)
    let crossings = try #require(document["crossings"] as? [[String: Any]])
    let sections = try crossings.flatMap { try #require($0["sides"] as? [[String: Any]]) }.compactMap {
      $0["section"] as? [String: Any]
    }
    let invariants = sections.flatMap { $0["invariants"] as? [[String: Any]] ?? [] }
    let broken = invariants.count { ($0["verdict"] as? [String: Any])?["kind"] as? String == "violated" }
    let findings = sections.reduce(0) { $0 + ($1["findings"] as? [Any] ?? []).count }
    try #require(sections.count == 2 && broken > 0 && findings > 0)
    #expect(
      read[.ktap] == [
        "cases": invariants.count, "passed": invariants.count - broken, "failed": broken, "skipped": 0, "malformed": 0,
      ])
    #expect(read[.junit] == ["cases": invariants.count, "failed": broken, "errors": 0, "skipped": 0])
    #expect(read[.sarif]?["failed"] == findings && read[.sarif]?["results"] == findings)
    // The diff's heading, and a kernel's for each side; below them one for each finding.
    #expect(read[.markdown]?["headings"] == 3 + findings && read[.markdown]?["markup"] == 0)
  }

  /// Two kernels' agreements, one of which no report is of, with names as bad as can be.
  @Test func ofAnAgreement() throws {
    let folder = try TemporaryFolder()
    func agreement(_ kernel: KernelIdentity, _ verdict: Verdict, _ differences: Int) -> Agreement {
      Agreement(
        kernel: kernel, profile: .intel, crossing: .nmi, posture: "a|b # c", verdict: verdict,
        differences: (0..<differences).map {
          AgreementDifference(
            what: "rsp \($0)", model: "<b>", original: "\u{1B}[31m", from: Location(address: 1), event: nil, count: 2)
        })
    }
    let other = KernelIdentity(name: "other", sha256: "0")
    let diff = Document.diff(
      DiffReport(
        sides: [], crossings: [],
        agreements: [
          agreement(Self.report.kernel, .held, 0), agreement(other, .violated, 2),
          agreement(other, .inconclusive(bound: "x"), 0),
        ]), reports: [Self.report])
    // Those of the report are what `everyVerdictIsUnderstood` counts.
    let ktap = try read(.ktap, write(.ktap, diff, into: folder))
    #expect(ktap == ["cases": 14, "passed": 7, "failed": 5, "skipped": 2, "malformed": 0])
    let junit = try read(.junit, write(.junit, diff, into: folder))
    #expect(junit == ["cases": 14, "failed": 2, "errors": 4, "skipped": 1])
    #expect(try read(.sarif, write(.sarif, diff, into: folder))["failed"] == 4)
    #expect(try read(.markdown, write(.markdown, diff, into: folder))["markup"] == 0)
    for format in ReportFormat.allCases where format != .json {
      #expect(!Reporter().text(of: diff, as: format).contains("\u{1B}"), "\(format.rawValue)")
    }
  }

  // MARK: The thread

  static let thread: ThreadReport = {
    let evil = "</pre><script>x</script> | # ``` ]]> \u{202E}\u{1B}[31m & \"'"
    let answers = ThreadOutcome.allCases.map { outcome in
      ThreadAnswer(
        title: "Is it \(outcome.rawValue)? \(evil)", author: evil, words: evil, commands: ["limen check \(evil)"],
        outcome: outcome, answer: evil, evidence: [ThreadTable(evil, header: ["a", evil], rows: [[evil, "1"]])])
    }
    return ThreadReport(
      limen: evil, designs: [], kernels: [], hypervisor: evil, answers: answers,
      costs: ThreadTable(evil, header: ["", "cycles"], rows: [["one", "1"], [evil, evil]]))
  }()

  /// Three questions of four are settled; the costs are a test of their own.
  @Test func ofTheThread() throws {
    let folder = try TemporaryFolder()
    let thread = Document.thread(Self.thread)
    let ktap = try read(.ktap, write(.ktap, thread, into: folder))
    #expect(ktap == ["cases": 5, "passed": 4, "failed": 1, "skipped": 0, "malformed": 0])
    let junit = try read(.junit, write(.junit, thread, into: folder))
    #expect(junit == ["cases": 5, "failed": 0, "errors": 1, "skipped": 0])
    #expect(
      try read(.sarif, write(.sarif, thread, into: folder)) == ["failed": 0, "results": 4, "steps": 0])
    for format in ReportFormat.allCases where format != .json {
      let text = Reporter().text(of: thread, as: format)
      #expect(!text.contains("\u{1B}") && !text.contains("\u{202E}"), "\(format.rawValue)")
    }
  }

  /// Costs alone, and nothing at all.
  @Test func ofCosts() throws {
    let folder = try TemporaryFolder()
    for (rows, part) in [([["one", "1"]], "passed"), ([], "skipped")] as [([[String]], String)] {
      let thread = Document.thread(
        ThreadReport(
          designs: [], kernels: [], answers: [], costs: ThreadTable("c", header: ["", "cycles"], rows: rows)))
      let heard = try read(.ktap, write(.ktap, thread, into: folder))
      #expect(heard[part] == 1 && heard["cases"] == 1)
      #expect(try read(.sarif, write(.sarif, thread, into: folder)) == ["failed": 0, "results": 0, "steps": 0])
    }
  }

  // MARK: What is asked wrongly

  @Test(arguments: [
    ["trace", "design:complete", "--crossing", "nmi"], ["thread"], ["diff", "design:complete", "--platform", "all"],
  ])
  func noneIsMadeForAReportThatCannotBeWritten(arguments: [String]) throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.appending(path: "cache").path)
    let refused = try limen.start(arguments + ["--report", "sarif=/proc/nowhere/limen.sarif"]).ended()
    #expect(refused.status == 2 && refused.output == "" && refused.complaint.contains("/proc/nowhere/limen.sarif"))
    let twice = try limen.start(arguments + ["--report", "sarif=a", "--report", "ktap=a"]).ended()
    #expect(twice.status == 2 && twice.complaint.contains("names a twice"))
  }
}
