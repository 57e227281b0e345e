/// The built `limen`, which lies beside the tests, and a folder for it, with a witness where that is asked for.
import Foundation
import Testing

struct Served {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
  static let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "limen").path

  /// Holds the witness and what runs leave.
  let folder: URL
  /// Empty where none was asked for.
  private(set) var witness = ""

  private var environment: [String: String] {
    [
      "LIMEN_PROBE": Self.root.appending(path: ".build-probe/probe.elf").path,
      "LIMEN_REFERENCE": Self.root.appending(path: ".build-reference").path, "LIMEN_CACHE": folder.path + "/cache",
      "PATH": (Self.program as NSString).deletingLastPathComponent + ":/usr/bin:/bin", "LC_ALL": "C",
    ]
  }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "limen-debug-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// Checks the specimen and takes the witness of the name.
  init(_ specimen: String, platform: String, event: String, witness name: String) throws {
    try self.init()
    witness = folder.path + "/witnesses/\(name)"
    let ended = try run(
      [
        Self.program, "check", specimen, "--platform", platform, "--profile", "intel", "--crossing", "syscall64",
        "--event", event, "--witnesses", folder.path + "/witnesses",
      ], input: nil)
    #expect(ended.status == 1, "\(ended.complaint)")
    try #require(FileManager.default.fileExists(atPath: witness), "\(String(decoding: ended.output, as: UTF8.self))")
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Runs a command to its end, which comes within a minute.
  func run(_ command: [String], input: [UInt8]?) throws -> (status: Int32, output: [UInt8], complaint: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments = ["--signal=KILL", "60"] + command
    process.environment = environment
    process.currentDirectoryURL = folder
    let (source, output, complaint) = (folder.path + "/input", folder.path + "/output", folder.path + "/complaint")
    for (file, bytes) in [(source, input ?? []), (output, []), (complaint, [])] {
      try Data(bytes).write(to: URL(filePath: file))
    }
    process.standardInput = try FileHandle(forReadingFrom: URL(filePath: source))
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: complaint))
    try process.run()
    process.waitUntilExit()
    return (
      process.terminationStatus, [UInt8](try Data(contentsOf: URL(filePath: output))),
      try String(contentsOfFile: complaint, encoding: .utf8)
    )
  }
}
