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

  static let path = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "limen").path

  /// A run that was started.
  final class Running {
    let process = Process()
    private let output: URL
    private let complaint: URL

    /// Standard error goes to `other`, where there is one, and is not kept.
    init(_ command: [String], environment: [String: String], input: FileHandle, complaint other: FileHandle?) throws {
      (output, complaint) = try (Self.emptyFile(), Self.emptyFile())
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = command
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      process.currentDirectoryURL = FileManager.default.temporaryDirectory
      process.standardInput = input
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try other ?? FileHandle(forWritingTo: complaint)
      try process.run()
    }

    private static func emptyFile() throws -> URL {
      let url = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
      try Data().write(to: url)
      return url
    }

    /// Sends the signal once the program catches it and has printed the text.
    func signal(_ number: Int32, afterOutput text: String = "") throws {
      func isReady() throws -> Bool {
        // proc(5), /proc/[pid]/status: SigCgt, a mask in hexadecimal whose bit 0 is signal 1.
        let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
        let caught = line.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) } ?? 0
        return try caught >> (number - 1) & 1 != 0
          && (text.isEmpty || String(contentsOf: output, encoding: .utf8).contains(text))
      }
      while try process.isRunning && !isReady() { usleep(10_000) }
      kill(process.processIdentifier, number)
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
  func start(
    _ arguments: [String], before: [String] = [], input: FileHandle = .nullDevice, complaint: FileHandle? = nil
  ) throws -> Running {
    try Running(
      before + [Self.path] + arguments, environment: ["LIMEN_PROBE": probe, "LIMEN_CACHE": cache], input: input,
      complaint: complaint)
  }

  func callAsFunction(_ arguments: String..., before: [String] = []) throws -> Ended {
    try start(arguments, before: before).ended()
  }
}
