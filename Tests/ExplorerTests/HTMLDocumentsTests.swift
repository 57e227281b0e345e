/// Goal: the page of a trace plays the run of its JSON, and that of the thread has its answers and tables; neither takes a name for markup.
import Findings
import Foundation
import Reports
import Testing

extension HTMLReportTests {
  private static let pictures = Probe.root.appending(path: "Documentation/Pictures")

  @Test func aTraceIsPlayed() throws {
    let page = folder.url.appending(path: "trace.html")
    let json = folder.url.appending(path: "trace.json")
    let ended = try limen.start(
      [
        "trace", "design:complete", "--crossing", "syscall64", "--inject", "1:nmi", "--report", "html=\(page.path)",
        "--report", "json=\(json.path)",
      ]
    ).ended()
    #expect(ended.status == 0 && ended.complaint.isEmpty, "\(ended.complaint)")
    // What the page shows is not the terminal's, which was not asked for it.
    #expect(!ended.output.contains("reads  ") && !ended.output.contains("writes "))
    try parse(page)
    let document = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: json)) as? [String: Any])
    let steps = try #require(document["steps"] as? [[String: Any]])
    let bless = ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1"
    let answers = try browse(
      page, pictures: bless ? Self.pictures.path : "-",
      [
        ["size", 1280, 1000], text("title"), text("here"), text("about"), ["key", "e"], text("here"),
        ["picture", "html-trace.png"], ["key", "j"],
        text("registers"), ["key", "End"], text("here"), ["key", "s"], ["key", "f"],
        ["ask", "document.getElementById('note').innerText"],
      ])
    func said(_ index: Int) throws -> String { try #require(answers[index] as? String) }
    #expect(try said(0) == "design:complete · bare-metal · intel · syscall64 · normal")
    #expect(try said(1).hasPrefix("boundary 0 of \(steps.count - 1): "))
    #expect(try said(2).contains("NMI at boundary 1: taken"))
    // The first event of the run is the one that was asked for.
    #expect(try said(3).hasPrefix("boundary 1 of "))
    let registers = try said(4).split(whereSeparator: \.isWhitespace).map(String.init)
    for (name, field) in [("RSP", "rsp"), ("CR3", "cr3"), ("base", "gsBase")] {
      let at = try #require(registers.firstIndex(of: name))
      #expect(registers[at + 1] == steps[2][field] as? String, "\(name)")
    }
    #expect(!registers.contains("0x?"), "every register is known")
    #expect(try said(5).hasPrefix("boundary \(steps.count - 1) of "))
    #expect(try said(6) == "")
  }

  @Test func theThreadIsRead() throws {
    let page = folder.url.appending(path: "thread.html")
    let report = ReportReaderTests.thread
    try Reporter().text(of: .thread(report), as: .html).write(to: page, atomically: true, encoding: .utf8)
    try parse(page)
    let answers = try browse(
      page,
      [
        ["ask", "document.title"], ["ask", "document.querySelectorAll('h2[id^=answer]').length"],
        ["ask", "document.querySelectorAll('main > .wide table').length"],
        ["ask", "document.querySelectorAll('script').length"],
        ["key", "j"], ["key", "s"], ["key", "f"], ["key", "o"], ["key", "t"], ["key", " "], ["key", "+"],
        ["ask", "document.getElementById('view').hidden"],
        [
          "ask", "[...document.querySelectorAll('a')].every((one) => document.querySelector(one.getAttribute('href')))",
        ],
        ["size", 390, 844], ["ask", "document.documentElement.scrollWidth"],
      ])
    #expect(answers[0] as? String == "The thread, answered")
    #expect(answers[1] as? Int == report.answers.count)
    // The answers' own, the summary and the costs.
    #expect(answers[2] as? Int == report.answers.count + 2)
    #expect(answers[3] as? Int == 2, "the data and the page's own")
    #expect(answers[4] as? Bool == true, "there is no run")
    #expect(answers[5] as? Bool == true)
    #expect(try #require(answers[6] as? Int) <= 390)
    guard ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" else { return }
    #expect(try limen("thread", "--report", "html=\(page.path)").status == 0)
    _ = try browse(page, pictures: Self.pictures.path, [["size", 1280, 1300], ["picture", "html-thread.png"]])
  }
}
