/// Goal: what `--resume` keeps is as Documentation/Formats.md has it, comes back equal, and says what keeps it from being an answer.
import Findings
import Foundation
import Testing

@Suite struct CheckProgressTests {
  static let head = CheckProgress.Head(
    limen: "0.1.0", build: "1f-20", kernels: [["--depth": "2", "kernel": "vmlinuz", "sha256": "ab"]])

  @Test func comesBackEqual() throws {
    try Golden.check(documentText(Self.head), "progress.json")
    let read = try JSONDecoder().decode(CheckProgress.Head.self, from: Data(documentText(Self.head).utf8))
    #expect(read == Self.head && read.difference(from: Self.head) == nil)
    for (kernel, section) in Sample.report.sections.enumerated() {
      let entry = CheckProgress.Entry(kernel: kernel, section: section)
      let line = documentLine(entry)
      #expect(!line.contains { $0.isNewline })
      #expect(try JSONDecoder().decode(CheckProgress.Entry.self, from: Data(line.utf8)) == entry)
    }
  }

  @Test func saysWhatDiffers() {
    func now(_ kernels: [[String: String]]) -> CheckProgress.Head {
      CheckProgress.Head(limen: "0.1.0", build: "1f-20", kernels: kernels)
    }
    var other = Self.head.kernels[0]
    other["--depth"] = "1"
    other["--symbols"] = "cd"
    #expect(
      Self.head.difference(from: now([other]))
        == "it is about another check: --depth was '2' and is '1', --symbols was '' and is 'cd'")
    #expect(Self.head.difference(from: now([])) == "it is about another number of kernels: 1, and now 0")
    #expect(
      Self.head.difference(from: CheckProgress.Head(limen: "0.2.0", build: "1f-20", kernels: Self.head.kernels))
        == "it was begun by limen 0.1.0, and this is 0.2.0")
    #expect(
      Self.head.difference(from: CheckProgress.Head(limen: "0.1.0", build: "20", kernels: Self.head.kernels))
        == "it was begun by another build of limen 0.1.0")
  }
}
