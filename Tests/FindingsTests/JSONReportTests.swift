import Findings
import Foundation
import Reports
import Testing

/// Goal: the JSON report holds what Documentation/Formats.md says, comes back equal, and its bytes depend on nothing but
/// the findings. The document expected below is written by hand.
@Suite struct JSONReportTests {
  @Test func matchesTheGoldenDocument() throws {
    try Golden.check(JSONReport.text(of: Sample.report), "check.json")
    try Golden.check(JSONReport.text(of: Sample.collection), "checks.json")
  }

  @Test func saysWhatTheSchemaSays() throws {
    let location = #"{"address": "0xffffffff81c00049", "symbol": "entry_SYSCALL_64", "offset": 9}"#
    let expected = """
      {"format": "limen-check", "version": 1, "limen": "0.1.0", "ablations": [], "verdict": {"kind": "violated"},
       "kernel": {"name": "k", "sha256": "00"},
       "sections": [
        {"platform": "bare-metal", "profile": "amd", "crossing": "syscall64", "posture": "normal",
         "verdict": {"kind": "violated"},
         "baseline": {"instructions": 10, "memoryReads": 4, "memoryWrites": 3, "privilegedOperations": 2},
         "boundaries": 9,
         "trials": [{"event": "nmi", "trials": 9, "unique": 8}],
         "invariants": [{"invariant": "rsp-owned", "verdict": {"kind": "violated"}}],
         "windows": [
          {"kind": "page-tables", "crossing": "syscall64", "direction": "in", "start": 0, "boundaries": 2,
           "first": \(location), "last": {"address": "0x1"},
           "events": [{"event": "nmi", "arrival": "own-stack", "boundaries": 2, "detail": "IST 2"},
                      {"event": "external-interrupt", "arrival": "masked", "boundaries": 0}]}],
         "findings": [
          {"invariant": "rsp-owned", "severity": "violation", "message": "m", "location": \(location),
           "origin": {"location": \(location), "explanation": "e"},
           "path": [{"boundary": 1, "location": \(location), "event": "nmi"}],
           "replay": "limen replay w", "registers": [{"name": "rsp", "value": "0xffffffffffffffff"}]}],
         "costs": {"instructions": 100, "forks": 9, "pagesRestored": 20, "known": 5}},
        {"platform": "bare-metal", "profile": "amd", "crossing": "sysenter", "posture": "normal",
         "verdict": {"kind": "unsupported", "what": "x", "where": "y"},
         "boundaries": 0, "trials": [], "invariants": [], "windows": [], "findings": [],
         "costs": {"instructions": 0, "forks": 0, "pagesRestored": 0, "known": 0}}],
       "totals": {"sections": 2, "held": 0, "violated": 1, "notApplicable": 0, "unsupported": 1, "inconclusive": 0,
        "internalErrors": 0, "boundaries": 9, "trials": 9, "uniqueTrials": 8, "windows": 1, "findings": 1,
        "costs": {"instructions": 100, "forks": 9, "pagesRestored": 20, "known": 5}}}
      """
    let place = Location(address: 0xffff_ffff_81c0_0049, symbol: "entry_SYSCALL_64", offset: 9)
    let section = CheckSection(
      platform: .bareMetal, profile: .amd, crossing: .syscall64, posture: "normal", verdict: .violated,
      baseline: Baseline(instructions: 10, memoryReads: 4, memoryWrites: 3, privilegedOperations: 2), boundaries: 9,
      trials: [EventTrials(event: .nmi, trials: 9, unique: 8)],
      invariants: [InvariantVerdict(invariant: "rsp-owned", verdict: .violated)],
      windows: [
        Window(
          kind: .pageTables, crossing: .syscall64, direction: .entry, start: 0, first: place,
          last: Location(address: 1), boundaries: 2,
          events: [
            WindowEvent(.externalInterrupt, .masked, boundaries: 0),
            WindowEvent(.nmi, .ownStack, boundaries: 2, detail: "IST 2"),
          ])
      ],
      findings: [
        Finding(
          invariant: "rsp-owned", message: "m", location: place, origin: Origin(location: place, explanation: "e"),
          path: Path([PathStep(boundary: 1, location: place, event: .nmi)]), replay: "limen replay w",
          registers: [RegisterValue("rsp", .max)])
      ], costs: Costs(instructions: 100, forks: 9, pagesRestored: 20, known: 5))
    let other = CheckSection(
      platform: .bareMetal, profile: .amd, crossing: .sysenter, posture: "normal",
      verdict: .unsupported(what: "x", where: "y"))
    let report = CheckReport(
      limen: "0.1.0", kernel: KernelIdentity(name: "k", sha256: "00"), sections: [other, section])
    // Foundation's parser reads both; ours has no say.
    let ours = try JSONSerialization.jsonObject(with: Data(JSONReport.text(of: report).utf8)) as? NSDictionary
    let hand = try JSONSerialization.jsonObject(with: Data(expected.utf8)) as? NSDictionary
    #expect(ours != nil && ours == hand)
  }

  @Test func comesBackEqual() throws {
    for report in [Sample.report, Sample.held, CheckReport(kernel: Sample.kernel, sections: [])] {
      let back = try JSONDecoder().decode(CheckReport.self, from: Data(JSONReport.text(of: report).utf8))
      #expect(back == report)
      #expect(JSONReport.text(of: back) == JSONReport.text(of: report))
    }
  }

  @Test(arguments: [
    ("limen-check", "limen-chess"), ("\"version\" : 1", "\"version\" : 2"), ("\"violated\" : 1", "\"violated\" : 0"),
    ("\"kind\" : \"held\"", "\"kind\" : \"fine\""), ("\"0xffffffff81c00040\"", "\"81c00040\""),
  ])
  func refusesADocumentThatIsNotOne(old: String, new: String) throws {
    let text = JSONReport.text(of: Sample.report)
    try #require(text.contains(old))
    let changed = text.replacing(old, with: new, maxReplacements: 1)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(CheckReport.self, from: Data(changed.utf8)) }
  }

  @Test func bytesDoNotDependOnWhoFoundWhatFirst() {
    var random = Xorshift(seed: 7)
    let expected = JSONReport.text(of: Sample.report)
    let terminal = TerminalReport().text(of: Sample.report)
    for _ in 0..<50 {
      let sections = Sample.sections.shuffled(using: &random).map { section in
        CheckSection(
          platform: section.platform, profile: section.profile, crossing: section.crossing, posture: section.posture,
          verdict: section.verdict, baseline: section.baseline, boundaries: section.boundaries,
          trials: section.trials.shuffled(using: &random), invariants: section.invariants.shuffled(using: &random),
          windows: section.windows.shuffled(using: &random), findings: section.findings.shuffled(using: &random),
          costs: section.costs)
      }
      let report = CheckReport(
        limen: "0.1.0", kernel: Sample.kernel, ablations: ["nmi-without-ist"], sections: sections)
      #expect(JSONReport.text(of: report) == expected)
      #expect(TerminalReport().text(of: report) == terminal)
    }
  }

  @Test func namesAreSortedInEveryObject() {
    // By indentation: within one object the names at one depth ascend.
    var last: [Int: String] = [:]
    for line in JSONReport.text(of: Sample.report).split(separator: "\n") {
      let depth = line.prefix { $0 == " " }.count
      for deeper in last.keys where deeper > depth { last[deeper] = nil }
      let rest = line.dropFirst(depth)
      guard rest.first == "\"", let colon = rest.range(of: "\" : ") else {
        last[depth] = nil
        continue
      }
      let name = String(rest[rest.index(after: rest.startIndex)..<colon.lowerBound])
      if let before = last[depth] { #expect(before < name) }
      last[depth] = name
    }
  }

  @Test func sectionsComeInTheOrderOfTheirNames() {
    let order = Sample.report.sections.map {
      "\($0.platform.rawValue) \($0.profile.rawValue) \($0.crossing) \($0.posture)"
    }
    #expect(
      order == [
        "bare-metal intel syscall64 normal", "bare-metal intel int80 rsp-zero", "bare-metal amd syscall64 ac",
        "bare-metal amd syscall64 normal", "bare-metal amd sysenter normal", "xen-pv intel syscall64 normal",
      ])
  }

  @Test func hostileTotalsDoNotTrap() {
    let section = CheckSection(
      platform: .bareMetal, profile: .amd, crossing: .nmi, posture: "normal", verdict: .held, boundaries: .max)
    #expect(Totals([section, section]).boundaries == -2)
  }
}

extension JSONReportTests {
  @Test func answersAreGolden() throws {
    try Golden.check(JSONReport.text(of: Sample.thread), "thread.json")
    try Golden.check(ThreadPage.text(of: Sample.thread), "thread.md")
    #expect(Sample.thread.exitStatus == .allHeld)
  }

  /// Where a hypervisor's own bytes ran, every page says whose.
  @Test func theThreadNamesItsHypervisor() throws {
    let report = ThreadReport(
      limen: "0.1.0", designs: ["2015"], kernels: [], hypervisor: "xen-4.17-amd64", answers: Sample.thread.answers,
      costs: Sample.thread.costs)
    #expect(JSONReport.text(of: report).contains("\"hypervisor\" : \"xen-4.17-amd64\""))
    #expect(!JSONReport.text(of: Sample.thread).contains("hypervisor"))
    for format in [ReportFormat.markdown, .html, .terminal] {
      #expect(Reporter().text(of: .thread(report), as: format).contains("xen-4.17-amd64"), "\(format.rawValue)")
    }
  }
}
