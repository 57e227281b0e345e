/// Goal: the page of a diff has the numbers of its JSON, draws the sides beside each other and goes from one to the other by a key; and what a
/// crossing does against speculation is a band where its instructions are.
import Findings
import Foundation
import Testing

extension HTMLReportTests {
  @Test func aDiffsSidesStandBesideEachOther() throws {
    let page = folder.url.appending(path: "diff.html")
    let json = folder.url.appending(path: "diff.json")
    let ended = try limen.start(
      [
        "diff", "design:complete", "--platform", "bare-metal,xen-pv", "--no-witnesses", "--report", "html=\(page.path)",
        "--report", "json=\(json.path)",
      ]
    ).ended()
    #expect(ended.status == 0 && ended.complaint.isEmpty, "\(ended.complaint)")
    try parse(page)
    let document = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: json)) as? [String: Any])
    let crossing = try #require((document["crossings"] as? [[String: Any]])?.first)
    let sides = try #require(crossing["sides"] as? [[String: Any]])
    let wayIn = try sides.map { side -> String in
      let parts = try #require(side["parts"] as? [String: [String: Any]])
      return "\(try #require(parts["in"]?["instructions"] as? Int))"
    }

    let bless = ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1"
    let pictures = Probe.root.appending(path: "Documentation/Pictures")
    let answers = try browse(
      page, pictures: bless ? pictures.path : "-",
      [
        ["size", 1280, 1500],
        [
          "ask",
          "[...document.querySelectorAll('table.diff tbody tr')].find((row) => row.innerText.startsWith('instructions')).innerText",
        ],
        ["ask", "document.querySelectorAll('#strips canvas').length"], text("title"), ["key", "o"], text("title"),
        ["ask", "document.querySelectorAll('th.chosen').length"], ["key", "j"], ["key", "o"], text("title"),
        ["ask", "[...document.querySelectorAll('#strips canvas')].map((one) => one.width > 0 && one.height > 0)"],
        ["picture", "html-diff.png"], ["size", 390, 844], ["ask", "document.documentElement.scrollWidth"],
      ])
    let cells = try #require(answers[0] as? String).split(whereSeparator: \.isWhitespace).map(String.init)
    #expect(cells == ["instructions", "in"] + wayIn)
    #expect(answers[1] as? Int == 2)
    #expect(answers[2] as? String == "design:complete · bare-metal · intel · syscall64 · normal")
    #expect(answers[3] as? String == "design:complete · xen-pv · intel · syscall64 · normal")
    #expect(answers[4] as? Int == 1)
    #expect(answers[5] as? String == answers[2] as? String)
    #expect(answers[6] as? [Bool] == [true, true])
    #expect(try #require(answers[7] as? Int) <= 390)
  }

  /// By the disassembly alone: Skylake's IBRS is written on the way in and out, and VERW clears what buffers hold.
  @Test func mitigationsAreBands() throws {
    let kernel = try KernelUnderTest.path("debian-6.1-cloud")
    let page = folder.url.appending(path: "skylake.html")
    let machine = [kernel, "--profile", "skylake", "--crossing", "syscall64"]
    let checked = try limen.start(
      ["check"] + machine + ["--event", "nmi", "--no-witnesses", "--quiet", "--report", "html=\(page.path)"]
    ).ended()
    #expect(checked.status == 0 && checked.complaint.isEmpty, "\(checked.complaint)")
    let traced = try limen.start(["trace"] + machine + ["--format", "json"]).ended()
    let document = try #require(try JSONSerialization.jsonObject(with: Data(traced.output.utf8)) as? [String: Any])
    let steps = try #require(document["steps"] as? [[String: Any]])
    let instructions = steps.map { $0["instruction"] as? String ?? "" }
    let clearing = instructions.indices.filter { instructions[$0].hasPrefix("verw") }
    let barriers = instructions.indices.filter { instructions[$0].hasPrefix("lfence") }
    #expect(clearing.count == 1 && instructions.filter { $0.hasPrefix("wrmsr") }.count == 2)

    let run = "JSON.parse(document.getElementById('data').textContent).reports[0].sections[0].run"
    let back = Array(repeating: ["key", "k"] as [Any], count: steps.count - 1 - clearing[0])
    let answers = try browse(
      page, [["ask", "\(run).guards"], text("legend"), ["key", "End"]] + back + [text("here")])
    let letters = Array(try #require(answers[0] as? String))
    #expect(letters.count == steps.count)
    #expect(letters.indices.filter { letters[$0] == "v" } == clearing)
    #expect(letters.indices.filter { letters[$0] == "l" } == barriers)
    // On the way in it is set, on the way out cleared.
    #expect(String(letters.filter { $0 == "I" || $0 == "i" }) == "Ii")
    #expect((answers[1] as? String)?.contains("VERW clears buffers") == true)
    #expect((answers[2] as? String)?.contains("[VERW clears buffers]") == true)
  }
}
