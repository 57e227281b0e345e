import Foundation

/// The built `limen`, which lies beside the tests.
struct LimenProgram {
  struct Ended: Equatable {
    var status: Int32
    /// It was ended by a signal, whose number is the status.
    var bySignal = false
    var output: String
    var complaint: String
  }

  /// The program that probes where a test does not build one.
  let probe: String
  let cache: String

  private static let path = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "limen").path

  /// A run that was started.
  final class Running {
    let process = Process()
    private let output: URL
    private let complaint: URL

    init(_ command: [String], environment: [String: String]) throws {
      (output, complaint) = try (Self.emptyFile(), Self.emptyFile())
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = command
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      process.currentDirectoryURL = FileManager.default.temporaryDirectory
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try FileHandle(forWritingTo: complaint)
      try process.run()
    }

    private static func emptyFile() throws -> URL {
      let url = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
      try Data().write(to: url)
      return url
    }

    func ended() throws -> Ended {
      process.waitUntilExit()
      defer { for url in [output, complaint] { try? FileManager.default.removeItem(at: url) } }
      return Ended(
        status: process.terminationStatus, bySignal: process.terminationReason == .uncaughtSignal,
        output: try String(contentsOf: output, encoding: .utf8),
        complaint: try String(contentsOf: complaint, encoding: .utf8))
    }
  }

  /// `before` is a command that starts the program: `["env", "--default-signal=INT"]`.
  func start(_ arguments: [String], before: [String] = []) throws -> Running {
    try Running(before + [Self.path] + arguments, environment: ["LIMEN_PROBE": probe, "LIMEN_CACHE": cache])
  }

  func callAsFunction(_ arguments: String..., before: [String] = []) throws -> Ended {
    try start(arguments, before: before).ended()
  }
}
