/// The assembler and the linker: those of the Swift toolchain on PATH, which built the reference kernel, or any on PATH.
import Foundation

struct Toolchain {
  let clang: String
  let linker: String

  static func find() throws(CommandFailure) -> Toolchain {
    Toolchain(
      clang: try tool("clang", task: "assemble a threshold"), linker: try tool("ld.lld", task: "link a threshold"))
  }

  private static func tool(_ name: String, task: String) throws(CommandFailure) -> String {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    func isProgram(_ path: String) -> Bool { access(path, X_OK) == 0 }
    let swift = folders.lazy.map { "\($0)/swiftc" }.first(where: isProgram).map {
      URL(filePath: $0).resolvingSymlinksInPath().deletingLastPathComponent().path
    }
    for folder in [swift].compactMap({ $0 }) + folders where isProgram("\(folder)/\(name)") {
      return "\(folder)/\(name)"
    }
    throw CommandFailure(
      .badInput, name, "not found beside swiftc or on PATH; it is needed to \(task) (the Swift toolchain has it)")
  }

  struct Ended {
    var succeeded: Bool
    /// What it said, on whichever stream.
    var text: String
  }

  /// A hostile source can make an assembler spin, read from a pipe for ever or write without end.
  private static let seconds = 30
  private static let mostMemory = 4 << 20
  private static let largestFile = 64 << 11

  /// Runs a tool in a folder of its own, within bounds of time, memory (KiB) and file size (512 bytes).
  static func run(_ tool: String, _ arguments: [String], in folder: URL) throws(CommandFailure) -> Ended {
    let log = folder.appending(path: "said")
    guard FileManager.default.createFile(atPath: log.path, contents: nil),
      let output = try? FileHandle(forWritingTo: log)
    else {
      throw CommandFailure(.badInput, folder.path, "cannot be written")
    }
    defer { try? output.close() }
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments =
      [
        "-c", "ulimit -v \(mostMemory); ulimit -f \(largestFile); ulimit -t \(seconds); exec \"$@\"", "sh", tool,
      ] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    do { try process.run() } catch { throw CommandFailure(.badInput, tool, "cannot be started: \(error)") }
    if ended.wait(timeout: .now() + .seconds(seconds)) == .timedOut {
      kill(process.processIdentifier, SIGKILL)
      ended.wait()
      return Ended(
        succeeded: false, text: "\(URL(filePath: tool).lastPathComponent): not done after \(seconds) seconds\n")
    }
    let text = try Files.read(log.path, limit: largestFile * 512)
    return Ended(
      succeeded: process.terminationReason == .exit && process.terminationStatus == 0,
      text: String(decoding: text.prefix(1 << 16), as: UTF8.self))
  }
}
