import Findings
import Foundation
import Testing

/// Goal: a word that is printed for a shell comes back from one as it was. The oracle is sh.
@Suite struct ShellQuotedTests {
  @Test(arguments: [
    "a", "a b", "it's", "''", "$HOME", "`id`", "a\nb", "*", "~", "#x", "a\\", "\"", "!", "ä", "", "a;b",
    "/x/y-z_1.json",
  ])
  func comesBackFromAShell(word: String) throws {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "printf %s \(shellQuoted(word))"]
    process.standardOutput = output
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(String(decoding: said, as: UTF8.self) == word)
  }

  @Test func whatNeedsNoQuotesHasNone() {
    #expect(shellQuoted("limen-witnesses/bare-metal_intel.json") == "limen-witnesses/bare-metal_intel.json")
    #expect(shellQuoted("-rf") == "./-rf")
  }
}
