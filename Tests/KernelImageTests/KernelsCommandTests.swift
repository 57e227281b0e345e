import Foundation
import Testing

/// Goal: `./dev kernels` prints names or one path and nothing else on standard output, uses what is cached without a network, and refuses what
/// it does not know. Expected values: its documented list and exit codes.
@Suite struct KernelsCommandTests {
  static func kernels(
    _ arguments: [String], environment changes: [String: String] = [:]
  ) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = RealKernelTests.root.appending(path: "dev")
    process.arguments = ["kernels"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(changes) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
  }

  /// A cache of its own, and an apt-get in front of the real one that always fails, as without a network.
  static func withOfflineCache(_ body: (URL, [String: String]) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "limen-kernels-\(UUID().uuidString)")
    let cache = folder.appending(path: "cache")
    let programs = folder.appending(path: "bin")
    for directory in [cache, programs] {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    let apt = programs.appending(path: "apt-get")
    try Data("#!/bin/sh\nexit 100\n".utf8).write(to: apt)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: apt.path)
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    try body(cache, ["LIMEN_CACHE": cache.path, "PATH": "\(programs.path):\(path)"])
  }

  @Test func listsNames() throws {
    let answer = try Self.kernels([])
    #expect(answer.status == 0)
    #expect(
      answer.output.split(separator: "\n")
        == ["debian-6.1-cloud", "debian-6.1", "debian-5.10-cloud", "debian-5.10", "debian-6.12-cloud", "debian-6.12"])
  }

  @Test func refusesAnUnknownName() throws {
    for arguments in [["debian-2.4"], ["debian-6.1", "debian-6.1"], ["../debian-6.1"], [""]] {
      let answer = try Self.kernels(arguments)
      #expect(answer.status == 2)
      #expect(answer.output.isEmpty)
    }
  }

  @Test func printsTheNewestCachedImageWithoutANetwork() throws {
    try Self.withOfflineCache { cache, environment in
      let directory = cache.appending(path: "kernels/debian-6.1")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      for version in ["6.1.0-9-amd64", "6.1.0-56-amd64"] {
        try Data().write(to: directory.appending(path: "vmlinuz-\(version)"))
      }
      let answer = try Self.kernels(["debian-6.1"], environment: environment)
      #expect(answer.status == 0)
      #expect(answer.output == "\(directory.path)/vmlinuz-6.1.0-56-amd64\n")
    }
  }

  @Test func failsCleanlyWithoutANetwork() throws {
    try Self.withOfflineCache { cache, environment in
      let answer = try Self.kernels(["debian-6.12-cloud"], environment: environment)
      #expect(answer.status == 1)
      #expect(answer.output.isEmpty)
      let left = try FileManager.default.subpathsOfDirectory(atPath: cache.path).sorted()
      #expect(left == ["kernels", "kernels/debian-6.12-cloud"], "nothing half-done stays behind")
    }
  }

  @Test func refusesARelativeCache() throws {
    let answer = try Self.kernels(["debian-6.1"], environment: ["LIMEN_CACHE": "cache"])
    #expect(answer.status == 1)
    #expect(answer.output.isEmpty)
  }
}
