/// Goal: the page of `--report html` loads, draws and steps in a browser, says there what the traces say, asks nobody for anything, and takes no
/// name for markup.
///
/// The browser is Debian's Chromium, driven by `Readers/browse.py`; that the page is HTML says html5lib. `LIMEN_BLESS=1` takes the pictures of
/// `Documentation/Pictures` anew.
import Findings
import Foundation
import Reports
import Testing

@Suite(.serialized) struct HTMLReportTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.path + "/cache")
  }

  // MARK: The browser

  private func run(_ command: [String], input: String = "", environment: [String: String] = [:]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let file = folder.url.appending(path: "input")
    try input.write(to: file, atomically: true, encoding: .utf8)
    process.standardInput = try FileHandle(forReadingFrom: file)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command.prefix(3))")
    return String(decoding: output, as: UTF8.self)
  }

  /// The answers to what is asked of the page. It must not have complained, nor asked for anything but itself.
  func browse(_ page: URL, pictures: String = "-", _ steps: [[Any]]) throws -> [Any] {
    let script = Probe.root.appending(path: "Tests/ExplorerTests/Readers/browse.py").path
    let lines = try steps.map { String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self) + "\n" }
    let text = try run(["timeout", "120", "/usr/bin/python3", script, page.path, pictures], input: lines.joined())
    var answers = try text.split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
    }
    let end = try #require(answers.removeLast() as? [String: [String]])
    #expect(end["requests"] == ["file"] && end["complaints"] == [], "\(end)")
    return answers
  }

  func text(_ id: String) -> [Any] { ["ask", "document.getElementById('\(id)').innerText"] }

  /// What an HTML parser has to say: nothing.
  func parse(_ page: URL) throws {
    let readers = try run([Probe.root.appending(path: "Scripts/readers.sh").path]).trimmingCharacters(in: .newlines)
    let script =
      "import html5lib, sys; html5lib.HTMLParser(strict=True).parse(open(sys.argv[1], encoding='utf-8')); print('parsed')"
    let said = try run(
      ["/usr/bin/python3", "-c", script, page.path], environment: ["PYTHONPATH": "\(readers)/packages"])
    #expect(said == "parsed\n")
  }

  // MARK: A design

  private func check() throws -> (page: URL, report: CheckReport) {
    let page = folder.url.appending(path: "report.html")
    let json = folder.url.appending(path: "report.json")
    let ended = try limen.start(
      [
        "check", "design:2015", "--platform", "xen-pv", "--profile", "intel", "--crossing", "syscall64,sysenter",
        "--no-witnesses",
        "--report", "html=\(page.path)", "--report", "json=\(json.path)",
      ]
    ).ended()
    #expect(ended.status == 1 && ended.complaint.isEmpty, "\(ended.complaint)")
    return (page, try JSONDecoder().decode(CheckReport.self, from: Data(contentsOf: json)))
  }

  private func trace(_ events: [PathStep]) throws -> [[String: Any]] {
    let inject = events.flatMap { ["--inject", "\($0.boundary):\($0.event.rawValue)"] }
    let ended = try limen.start(
      [
        "trace", "design:2015", "--platform", "xen-pv", "--profile", "intel", "--crossing", "syscall64", "--accesses",
        "--format", "json",
      ] + inject
    ).ended()
    let document = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    return try #require(document["steps"] as? [[String: Any]])
  }

  @Test func aDesignsPageShowsItsRuns() throws {
    let (page, report) = try check()
    try parse(page)
    let section = try #require(report.sections.first { $0.verdict == .violated })
    let finding = try #require(section.findings.first)
    let event = try #require(finding.path.steps.last)
    let steps = try trace(finding.path.steps)
    let delivery = try #require(steps[event.boundary]["delivery"] as? [String: Any])
    let words = try #require(delivery["words"] as? [String])
    let frame = try #require(delivery["frame"] as? String)
    let title = try #require(delivery["bounce"] as? String)

    let bless = ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1"
    let pictures = Probe.root.appending(path: "Documentation/Pictures")
    if bless { try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true) }
    let colour = """
      (() => { const canvas = document.getElementById('canvas'), pen = canvas.getContext('2d'), seen = new Set();
      const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
      for (let i = 0; i < data.length; i += 4) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
      const probe = document.createElement('i'); probe.style.color = getComputedStyle(document.documentElement).getPropertyValue('--bad');
      document.body.append(probe); const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
      return [seen.size > 5, seen.has(r << 16 | g << 8 | b)]; })()
      """
    let answers = try browse(
      page, pictures: bless ? pictures.path : "-",
      [
        ["size", 1280, 1300], ["ask", "document.querySelectorAll('tbody tr').length"], text("title"), text("here"),
        ["ask", colour], ["key", "j"], text("here"), text("registers"), text("stack"), ["picture", "html-finding.png"],
        ["key", "k"], ["key", "k"], text("here"), ["key", "Home"], ["key", "e"], text("here"), ["key", "F"],
        text("here"),
        ["ask", colour], ["key", "e"], ["key", "c"], text("here"), ["picture", "html-crossing.png"],
        ["scheme", "dark"],
        ["key", "f"], ["picture", "html-dark.png"], ["size", 390, 844],
        ["ask", "document.documentElement.scrollWidth"], ["picture", "html-phone.png"],
      ])
    func said(_ index: Int) throws -> String { try #require(answers[index] as? String) }
    #expect(answers[0] as? Int == report.sections.count)
    #expect(try said(1) == "design:2015 · xen-pv · intel · syscall64 · normal")
    // It opens at the finding's event, which is red.
    #expect(try said(2).hasPrefix("boundary \(event.boundary) of \(steps.count - 1): \(event.location): \(title)"))
    #expect(answers[3] as? [Bool] == [true, true])
    // One step on: the handler, whose registers and stack are those of the trace.
    #expect(try said(4).hasPrefix("boundary \(event.boundary + 1) of "))
    let next = steps[event.boundary + 1]
    let registers = try said(5).split(whereSeparator: \.isWhitespace).map(String.init)
    for (name, field) in [("RSP", "rsp"), ("RFLAGS", "rflags"), ("CR3", "cr3"), ("base", "gsBase")] {
      let at = try #require(registers.firstIndex(of: name))
      #expect(registers[at + 1] == next[field] as? String, "\(name)")
    }
    #expect(!registers.contains("0x?"), "every register is known")
    let rows = try said(6).split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
    for (index, word) in words.enumerated() {
      let address = "0x" + String(UInt64(frame.dropFirst(2), radix: 16)! + UInt64(index) * 8, radix: 16)
      let row = try #require(rows.first { $0.first == address }, "\(address)")
      #expect(row[1] == word)
      #expect(row.contains("\(event.boundary)") && row.contains("\(event.location)"), "who wrote it: \(row)")
    }
    #expect(rows.contains { $0.contains("←") && $0[0] == next["rsp"] as? String })
    #expect(try said(7).hasPrefix("boundary \(event.boundary - 1) of "))
    #expect(try said(8).hasPrefix("boundary \(event.boundary) of ") || said(8).hasPrefix("boundary 0 of "))
    // The crossing, where the event would have been harmful.
    #expect(try said(9).hasPrefix("boundary 0 of "))
    #expect(answers[10] as? [Bool] == [true, true])
    #expect(try said(11).hasPrefix("boundary "))
    #expect(try #require(answers[12] as? Int) <= 390)
  }

  // MARK: Names as bad as can be

  static let evil =
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"&\u{202E}\\u003c"

  private static func record(_ count: Int) -> TraceRecord {
    let kernel = KernelIdentity(name: evil, sha256: evil)
    let steps = (0..<count).map { index in
      TraceStep(
        boundary: index,
        location: Location(address: UInt64(index), symbol: "\(evil)\(index / 40)", offset: UInt64(index % 40)),
        instruction: evil, cpl: index == 0 ? 3 : 0, interruptsEnabled: index % 300 < 100, rflags: 2,
        rsp: 0x8000 - UInt64(index % 64) * 8, rspOwner: index % 500 < 20 ? .user : .kernel, gsBase: UInt64(index / 100),
        gsOwner: .kernel,
        cr3: 0x1000, pageTables: .shared,
        accesses: [
          MemoryAccess(
            .write, location: Location(address: 0x8000 - UInt64(index % 64) * 8), size: 8, value: UInt64(index))
        ],
        delivery: index == 7
          ? TraceDelivery(
            vector: nil, bounce: evil, injected: true, interruptStack: 0, frame: 0x7fc8, words: [1, 2, 3]) : nil)
    }
    return TraceRecord(
      kernel: kernel, platform: .bareMetal, profile: .intel, crossing: .syscall64, posture: "normal", steps: steps,
      end: TraceEnd(.dead, detail: evil))
  }

  private func write(_ count: Int) throws -> URL {
    let place = Location(address: 1, symbol: Self.evil, offset: 1)
    let section = CheckSection(
      platform: .bareMetal, profile: .intel, crossing: .syscall64, posture: PostureName(rawValue: Self.evil),
      verdict: .violated, boundaries: count,
      windows: [
        Window(
          kind: .rsp, crossing: .syscall64, direction: .entry, start: 0, first: place, last: place, boundaries: 2,
          events: [WindowEvent(.nmi, .harmful, boundaries: 1, detail: Self.evil)])
      ],
      findings: [
        Finding(
          invariant: InvariantName(rawValue: Self.evil), message: Self.evil, location: place,
          origin: Origin(location: place, explanation: Self.evil),
          path: Path([PathStep(boundary: 7, location: place, event: .nmi)]), replay: Self.evil,
          registers: [RegisterValue(Self.evil, 1)])
      ])
    let report = CheckReport(
      limen: Self.evil, kernel: KernelIdentity(name: Self.evil, sha256: Self.evil, release: Self.evil),
      ablations: [AblationName(rawValue: Self.evil)], sections: [section])
    let record = Self.record(count)
    let arrivals = (0..<count).map { index -> [EventKind: Arrival] in
      [.nmi: Arrival.allCases[index / 9 % Arrival.allCases.count], .externalInterrupt: .masked]
    }
    let text = Reporter().text(
      of: .check(
        [report], records: [[SectionRecord(crossing: record, arrivals: arrivals, findings: [record])]]), as: .html)
    let page = folder.url.appending(path: "evil.html")
    try text.write(to: page, atomically: true, encoding: .utf8)
    return page
  }

  @Test func noNameIsMarkup() throws {
    let page = try write(60)
    try parse(page)
    let answers = try browse(
      page,
      [
        ["key", "j"], ["key", "f"], ["key", "e"], ["key", "End"], ["ask", "document.title"],
        ["ask", "document.querySelectorAll('img').length + document.scripts.length"], text("title"), text("here"),
        text("about"),
        text("note"),
      ])
    #expect((answers[0] as? String)?.hasPrefix("</script>") == true && (answers[0] as? String) != "owned")
    #expect(answers[1] as? Int == 2)
    for answer in answers[2...] { #expect((answer as? String)?.contains("<img src=x onerror=") == true) }
  }

  // MARK: A long crossing

  /// 5,000 boundaries: how large, how long until it is there, and what a key takes.
  @Test func fiveThousandBoundaries() throws {
    let page = try write(5_000)
    let size = try #require(try page.resourceValues(forKeys: [.fileSizeKey]).fileSize)
    let pace = """
      (() => { const key = (name) => document.dispatchEvent(new KeyboardEvent('keydown', { key: name }));
      const time = (name, count) => { const start = performance.now(); for (let i = 0; i < count; i++) key(name);
      return Math.round(10 * (performance.now() - start) / count) / 10; };
      key('F'); const loaded = performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd;
      const on = time('j', 100); key('End'); const back = time('k', 100); const scale = time('-', 4);
      return [Math.round(loaded), on, back, scale, document.querySelectorAll('.step').length]; })()
      """
    let answers = try browse(page, [["size", 1280, 1000], ["ask", pace], text("here")])
    let numbers = try #require(answers[0] as? [Double])
    print(
      "HTML, 5000 boundaries: \(size) bytes; there after \(numbers[0]) ms; on \(numbers[1]), back \(numbers[2]), scale \(numbers[3]) ms"
    )
    #expect(size < 8 << 20)
    // Bounds for a slow, busy machine without a graphics processor.
    #expect(numbers[0] < 5_000 && numbers[1] < 150 && numbers[2] < 150 && numbers[3] < 300)
    // Only what can be seen is in the list.
    #expect(numbers[4] < 100)
    #expect((answers[1] as? String)?.hasPrefix("boundary 4899 of 4999: ") == true)
  }
}
