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

  static func limen(_ arguments: [String], environment: [String: String] = [:]) throws -> Ended {
    let tests = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    let program = tests.deletingLastPathComponent().appending(path: "limen")
    let process = Process()
    let (output, complaint) = (Pipe(), Pipe())
    process.executableURL = program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
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
    for verb in [
      "boot", "check", "trace", "diff", "compare", "thread", "replay", "debug", "mitigations", "explain", "list",
      "cache", "config", "doctor",
    ] {
      #expect(help.output.contains("\n  \(verb) "))
      let page = try Self.limen(verb, "--help")
      #expect(page.status == 0 && page.output.contains("EXAMPLE"))
    }
    // One line: version, commit where the build was told, and a digest of the program.
    let version = try Self.limen("--version").output
    let pattern = #/limen (\S+), commit (not recorded \(./dev build does\)|\S+), build [0-9a-f]+-[0-9]+\n/#
    #expect(try #require(version.wholeMatch(of: pattern)).1 == LimenVersion.current)
  }

  @Test(arguments: [
    [], ["frobnicate"], ["check", "k", "--profile", "z80"], ["check", "k", "--event", "nmi,"],
    ["check", "k", "-j", "0"], ["check", "k", "--memory", "0"], ["list", "nonsense"], ["list"],
    ["trace", "k"], ["replay"], ["diff"], ["diff", "k"], ["diff", "a", "b", "-j", "0"], ["explain"], ["--frobnicate"],
    ["cache", "burn"], ["check", "k", "--no-witnesses=yes"],
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
    #expect(try Self.limen("list", "platforms").output == "bare-metal\nxen-pv\nxen\n")
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

  /// As `./dev build` does: what stands in commit.h is what the program says, and without it nothing is made up.
  @Test func theCommitIsTheOneThatTheBuildWasTold() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "limen-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let sources = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/BuildIdentity").standardized
    for name in ["BuildIdentity.c", "include/BuildIdentity.h"] {
      let file = URL(filePath: name).lastPathComponent
      try FileManager.default.copyItem(at: sources.appending(path: name), to: folder.appending(path: file))
    }
    try Data(
      "#include \"BuildIdentity.h\"\nint puts(const char *);\nint main(void) { return puts(limen_commit()) < 0; }\n"
        .utf8
    )
    .write(to: folder.appending(path: "main.c"))
    func said() throws -> String {
      let process = Process()
      let output = Pipe()
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = ["-c", "cd \"$0\" && gcc -o told main.c BuildIdentity.c && ./told", folder.path]
      process.standardOutput = output
      try process.run()
      let text = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      return String(decoding: text, as: UTF8.self)
    }
    #expect(try said() == "\n")
    try Data("#define LIMEN_COMMIT \"0123456789ab-dirty\"\n".utf8).write(to: folder.appending(path: "commit.h"))
    #expect(try said() == "0123456789ab-dirty\n")
  }
}
