import Findings
import Foundation
import Testing

/// Goal: the program itself ends with the statuses the README promises, puts answers on standard output and complaints
/// on standard error in one line, and never says 0 when nothing ran. Runs the built `limen`.
@Suite struct CommandLineTests {
  struct Ended {
    var status: Int32
    var output: String
    var complaint: String
  }

  static func limen(_ arguments: String...) throws -> Ended { try limen(arguments) }

  static func limen(_ arguments: [String]) throws -> Ended {
    let tests = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    let program = tests.deletingLastPathComponent().appending(path: "limen")
    let process = Process()
    let (output, complaint) = (Pipe(), Pipe())
    process.executableURL = program
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = complaint
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // Everything said here fits a pipe, so reading one after the other cannot block for ever.
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complained = String(decoding: complaint.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    return Ended(status: process.terminationStatus, output: said, complaint: complained)
  }

  @Test func helpAndVersionAreAnswers() throws {
    let help = try Self.limen("--help")
    #expect(help.status == 0 && help.complaint.isEmpty)
    for verb in ["boot", "check", "trace", "diff", "thread", "replay", "explain", "list"] {
      #expect(help.output.contains("\n  \(verb) "))
      let page = try Self.limen(verb, "--help")
      #expect(page.status == 0 && page.output.contains("EXAMPLE"))
    }
    #expect(try Self.limen("--version").output == "limen \(LimenVersion.current)\n")
  }

  @Test(arguments: [
    [], ["frobnicate"], ["check", "k", "--profile", "z80"], ["check", "k", "--event", "nmi,"],
    ["check", "k", "-j", "0"], ["check", "k", "--memory", "0"], ["list", "nonsense"], ["list"],
    ["trace", "k"], ["replay"], ["diff"], ["diff", "k"], ["diff", "a", "b", "-j", "0"], ["explain"], ["--frobnicate"],
  ])
  func wrongUsageIsTwo(arguments: [String]) throws {
    let ended = try Self.limen(arguments)
    #expect(ended.status == 2 && ended.output.isEmpty && ended.complaint.hasPrefix("limen: "))
  }

  @Test(arguments: ["/nonexistent/witness.json", "/", "/dev/zero", #filePath])
  func aBadWitnessIsTwoAndOneLine(path: String) throws {
    let ended = try Self.limen("replay", path)
    #expect(ended.status == 2 && ended.output.isEmpty)
    #expect(ended.complaint.hasPrefix("limen: \(path): "))
    #expect(ended.complaint.filter(\.isNewline).count == 1)
  }

  @Test func listsAreOneNameALine() throws {
    #expect(
      try Self.limen("list", "events").output.split(separator: "\n").map(String.init)
        == EventKind.allCases.map(\.rawValue))
    #expect(
      try Self.limen("list", "profiles").output.split(separator: "\n").map(String.init)
        == ProfileName.allCases.map(\.rawValue))
    #expect(try Self.limen("list", "platforms").output == "bare-metal\nxen-pv\n")
    #expect(try Self.limen("list", "crossings").output.split(separator: "\n").count == CrossingKind.allCases.count)
  }

  @Test func aFullDiskIsNoSuccess() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    let limen = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "limen").path
    process.arguments = ["-c", "\"$0\" list events > /dev/full 2> /dev/null", limen]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 2)
  }

  @Test func aReaderThatLeavesEndsLimenQuietly() throws {
    let limen = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "limen").path
    let process = Process()
    let complaint = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    // SIGPIPE, 13, ends it even when the parent ignores the signal; the shell adds 128. The reader is gone before it
    // starts, so that there is no race.
    process.arguments = [
      "-c", "trap '' PIPE; exec 3> >(exec true); wait $!; \"$0\" list events >&3", limen,
    ]
    process.standardError = complaint
    try process.run()
    let said = complaint.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    // Bash replaces itself by its last command or waits for it; the signal shows either way.
    #expect(process.terminationStatus == 141 || process.terminationStatus == 13)
    #expect(said.isEmpty || !String(decoding: said, as: UTF8.self).contains("limen: standard output"))
  }
}
