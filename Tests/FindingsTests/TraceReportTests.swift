import Findings
import Foundation
import Reports
import Testing

/// Goal: a trace reads as a table with its frames drawn as the manual draws them, and its document has exactly the
/// fields that Documentation/Formats.md describes.
@Suite struct TraceReportTests {
  @Test func matchesTheGoldenText() throws {
    try Golden.check(TraceReport().text(of: Sample.trace), "trace.txt")
    try Golden.check(TraceReport().text(of: Sample.deadTrace), "trace-dead.txt")
    try Golden.check(JSONReport.text(of: Sample.trace), "trace.json")
    try Golden.check(TraceReport().text(of: Sample.pvTrace), "trace-xen-pv.txt")
    try Golden.check(JSONReport.text(of: Sample.pvTrace), "trace-xen-pv.json")
  }

  /// On a narrow terminal a symbol has a line of its own, and nothing is lost.
  @Test func aSymbolIsSaidOnceWhereThereIsNoRoom() {
    let wide = TraceReport().text(of: Sample.trace)
    #expect(TraceReport(columns: 200).text(of: Sample.trace) == wide)
    let lines = TraceReport(columns: 64).text(of: Sample.trace).split(separator: "\n").map(String.init)
    #expect(lines.contains("entry_SYSCALL_64:") && lines.contains("asm_exc_nmi:"))
    #expect(lines.contains { $0.hasPrefix("3    0  off  kernel  kernel  kernel  +0x1 ") && $0.contains("  call 0x") })
    #expect(lines.contains { $0.hasPrefix("0    3  on   user    user    user    0x10001234") })
    let table = lines.filter { $0.wholeMatch(of: /\d+ +\d .*/) != nil }
    #expect(table.count == Sample.trace.steps.count)
    #expect(TraceReport(colour: true, columns: 64).text(of: Sample.trace).contains("asm_exc_nmi:\n"))
  }

  /// SDM vol. 3A, "64-Bit Mode Stack Frame": from the highest address SS, RSP, RFLAGS, CS, RIP and the error code.
  @Test func framesAreDrawnAsTheManualDrawsThem() throws {
    let lines = TraceReport().text(of: Sample.trace).split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    let nmi = try #require(lines.firstIndex { $0.hasPrefix("NMI (vector 2), injected: frame at") })
    #expect(lines[nmi].hasSuffix("0xfffffe0000006fd8 on IST 2"))
    #expect(
      lines[(nmi + 1)...].prefix(5) == [
        "0xfffffe0000006ff8 SS 0x18", "0xfffffe0000006ff0 RSP 0x7fff00001000", "0xfffffe0000006fe8 RFLAGS 0x46",
        "0xfffffe0000006fe0 CS 0x10", "0xfffffe0000006fd8 RIP 0xffffffff81c00040",
      ])
    let fault = try #require(lines.firstIndex { $0.hasPrefix("#PF (vector 14), error code 0x10: frame at") })
    #expect(lines[fault + 6] == "0xfffffe0000006fa8 error code 0x10")
  }

  /// Xen xen/arch/x86/x86_64/entry.S, create_bounce_frame: SS, RSP, RFLAGS, CS, RIP, the error code, R11, RCX.
  @Test func bounceFramesAreDrawnAsXenMakesThem() throws {
    let lines = TraceReport().text(of: Sample.pvTrace).split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    let call = try #require(lines.firstIndex { $0 == "hypercall iret" })
    #expect(lines[call + 1] == "bounce frame of vector 14, error code 0x10: frame at 0xffffc90000003f80")
    #expect(
      lines[(call + 2)...].prefix(8).map { $0.split(separator: " ").dropFirst().joined(separator: " ") } == [
        "SS 0xe02b", "RSP 0x7fff00001000", "RFLAGS 0x246", "CS 0xe033", "RIP 0x10001236", "error code 0x14", "R11 0x0",
        "RCX 0x0",
      ])
  }

  @Test func columnsAreAligned() throws {
    let lines = TraceReport().text(of: Sample.trace).split(separator: "\n").map(String.init)
    let header = try #require(lines.first { $0.contains("place") && $0.contains("instruction") })
    let place = header.distance(from: header.startIndex, to: try #require(header.firstRange(of: "place")).lowerBound)
    #expect(lines.filter { $0.dropFirst(place).hasPrefix("asm_exc_nmi") }.count == 3)
  }

  @Test func colourIsOnlyColour() {
    let coloured = TraceReport(colour: true).text(of: Sample.trace)
    #expect(coloured.contains("\u{1B}["))
    #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == TraceReport().text(of: Sample.trace))
  }

  @Test func hostileNamesStayText() {
    let evil = "x\u{1B}]0;owned\u{7}\nkernel: fine"
    var trace = Sample.trace
    trace.kernel.name = evil
    trace.steps[1].location.symbol = evil
    trace.steps[1].instruction = evil
    trace.steps[1].target = Location(address: 1, symbol: evil)
    trace.steps[1].accesses = [MemoryAccess(.read, location: Location(address: 1, symbol: evil), size: 1, value: 1)]
    trace.end = TraceEnd(.dead, detail: evil)
    let text = TraceReport().text(of: trace)
    #expect(!text.contains("\u{1B}") && !text.contains("\u{7}") && !text.contains("\nkernel: fine"))
  }

  @Test func statusFollowsFromTheEnd() {
    var trace = Sample.trace
    #expect(trace.exitStatus == .nothingApplied)
    trace.injections = [TraceInjection(boundary: 1, event: .nmi, outcome: .taken)]
    #expect(trace.exitStatus == .allHeld)
    let ends: [(TraceEnd.Kind, Findings.ExitStatus)] = [
      (.bound, .inconclusive), (.dead, .violation), (.unsupported, .unsupported),
    ]
    for (kind, status) in ends {
      trace.end = TraceEnd(kind)
      #expect(trace.exitStatus == status)
    }
  }

  /// The names in the first column of the section's tables, and those of the kernel and of locations, which every
  /// format shares, are the names in a record that leaves nothing out.
  @Test func theFieldsAreTheDocumentedOnes() throws {
    let page = try FormatsPageTests.page()
    #expect(page.contains("`limen-trace`, version \(TraceRecord.currentVersion)"))
    let start = try #require(page.firstRange(of: "## Trace: `limen-trace`")).upperBound
    let end = page[start...].firstRange(of: "\n## ")?.lowerBound ?? page.endIndex
    var documented: Set<String> = []
    for line in page[start..<end].split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|")
      for match in cells[0].matches(of: /`([A-Za-z0-9]+)`/) { documented.insert(String(match.1)) }
    }
    documented.formUnion(["name", "sha256", "address", "symbol", "offset"])
    var trace = Sample.trace
    trace.end.detail = "x"
    trace.ablations = ["nmi-without-ist"]
    trace.steps[1].outerDeliveries = [try #require(trace.steps[1].delivery)]
    trace.steps[1].writes = [.rsp]
    trace.steps[1].outerDeliveries?[0].fred = TraceFRED(.nmi, stackLevel: 2, previousStackLevel: 0, nested: false)
    let produced = try [trace, Sample.pvTrace].reduce(into: Set<String>()) { names, record in
      names.formUnion(FormatsPageTests.names(try JSONValue(reading: Array(JSONReport.text(of: record).utf8))))
    }
    #expect(produced == documented)
    let words =
      InjectionOutcome.allCases.map(\.rawValue) + TraceEnd.Kind.allCases.map(\.rawValue)
      + Owner.allCases.map(\.rawValue) + TracePart.allCases.map(\.rawValue) + MemoryAccess.Kind.allCases.map(\.rawValue)
      + TraceFRED.Kind.allCases.map(\.rawValue)
    for word in words { #expect(page[start..<end].contains("`\(word)`"), "\(word) is not described") }
  }

  /// Documentation/FRED.md, "The frame".
  @Test func framesOfFREDAreDrawnWithTheirFields() throws {
    var trace = Sample.trace
    trace.steps[1].delivery = TraceDelivery(
      vector: 14, injected: false, interruptStack: 0, frame: 0xFFFF_8000_0000_0FC0,
      words: [2, 0x1234, 0x10 | 1 << 16, 0x10246, 0x5678, 0x18 | 1 << 16 | 14 << 32 | 3 << 48 | 3 << 57, 0xDEAD, 0],
      fred: TraceFRED(.hardwareException, stackLevel: 2, previousStackLevel: 1, nested: true))
    trace.steps[2].delivery = TraceDelivery(
      vector: nil, injected: false, interruptStack: 0, frame: 0x1000,
      words: [0, 0, 0x33, 2, 0, 0x2B | 1 << 17 | 1 << 32 | 7 << 48 | 1 << 57 | 2 << 60, 0, 0],
      fred: TraceFRED(.syscall, stackLevel: 0, previousStackLevel: 0, nested: false))
    let lines = TraceReport().text(of: trace).split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    let fault = try #require(
      lines.firstIndex { $0.hasPrefix("#PF (vector 14): frame at 0xffff800000000fc0 on stack level 2") })
    #expect(
      lines[(fault + 1)...].prefix(8) == [
        "0xffff800000000ff8 0x0", "0xffff800000000ff0 event data 0xdead",
        "0xffff800000000fe8 SS+ 0x18, hardware exception, vector 14, blocked by STI, 64-bit code, nested",
        "0xffff800000000fe0 RSP 0x5678", "0xffff800000000fd8 RFLAGS 0x10246",
        "0xffff800000000fd0 CS+ 0x10, stack level 1",
        "0xffff800000000fc8 RIP 0x1234", "0xffff800000000fc0 error code 0x2",
      ])
    let call = try #require(lines.firstIndex { $0 == "SYSCALL: frame at 0x1000 on stack level 0" })
    #expect(lines[call + 3].hasSuffix("SS+ 0x2b, SYSCALL, vector 1, software event, 64-bit code, length 2"))
  }

  @Test func guardsAndOuterFramesAreNamed() throws {
    var trace = Sample.trace
    trace.ablations = ["nmi-without-ist"]
    let inner = try #require(trace.steps[1].delivery)
    trace.steps[1].outerDeliveries = [
      TraceDelivery(vector: 1, injected: false, interruptStack: 0, frame: 0x1234_5000, words: inner.words.map(\.value))
    ]
    let text = TraceReport().text(of: trace)
    #expect(text.contains("bare-metal intel syscall64 normal, without nmi-without-ist, "))
    let outer = try #require(text.firstRange(of: "#DB (vector 1): frame at 0x12345000\n"))
    let nested = try #require(text.firstRange(of: "NMI (vector 2), injected: frame at "))
    #expect(outer.lowerBound < nested.lowerBound)
  }

  @Test func sameRecordSameBytes() {
    #expect(JSONReport.text(of: Sample.trace) == JSONReport.text(of: Sample.trace))
    var shuffled = Sample.trace.injections
    shuffled.reverse()
    let again = TraceRecord(
      limen: Sample.trace.limen, kernel: Sample.kernel, platform: .bareMetal, profile: .intel, crossing: .syscall64,
      posture: "normal", injections: shuffled, steps: Sample.trace.steps, end: Sample.trace.end)
    #expect(JSONReport.text(of: again) == JSONReport.text(of: Sample.trace))
  }
}
