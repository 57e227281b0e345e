/// The assembler and the linker: those of the Swift toolchain on PATH, which built the reference kernel, or any on PATH; and what
/// they may do when they run on a file that somebody else wrote.
import Confinement
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
      return Files.wholePath("\(folder)/\(name)")
    }
    throw CommandFailure(
      .badInput, name,
      "not found beside swiftc or on PATH; it is needed to \(task) (apt install clang lld; Swift's toolchain has both)")
  }

  struct Ended {
    var succeeded: Bool
    /// What it said, on whichever stream.
    var text: String
  }

  /// A hostile source can make an assembler spin, read from a pipe for ever or write without end.
  private static let seconds = 30
  private static let mostMemory: UInt64 = 4 << 30
  private static let largestFile: UInt64 = 64 << 20

  /// Runs a tool in a folder of its own, with no environment of the user's, within bounds of time, memory and file size, where it can
  /// read the toolchain, the system's libraries and `readable` alone, and write in the folder.
  ///
  /// Its arguments must be options of ours and whole paths: clang and LLD take one that begins with `@` for a file of arguments.
  static func run(_ tool: String, _ arguments: [String], reading readable: [String], in folder: URL)
    throws(CommandFailure) -> Ended
  {
    let log = folder.appending(path: "said").path
    let output = open(log, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard output >= 0 else { throw CommandFailure(.badInput, folder.path, "cannot be written") }
    defer { close(output) }
    let process = start(tool, arguments, readable + own(tool), folder, output)
    guard process > 0 else {
      throw CommandFailure(.badInput, tool, "cannot be started: \(String(cString: strerror(-process)))")
    }
    let status = wait(for: process)
    // Whatever it left running.
    kill(-process, SIGKILL)
    guard let status else {
      if let reason = Interruption.reason { throw CommandFailure(.inconclusive, nil, reason) }
      let name = URL(filePath: tool).lastPathComponent
      return Ended(succeeded: false, text: "\(name): not done after \(seconds) seconds\n")
    }
    let text = try Files.read(log, limit: Int(largestFile))
    return Ended(succeeded: status == 0, text: String(decoding: text.prefix(1 << 16), as: UTF8.self))
  }

  /// The toolchain that the tool belongs to, and the libraries of the system that it is linked with.
  private static func own(_ tool: String) -> [String] {
    let place = URL(filePath: tool).resolvingSymlinksInPath()
    return [
      place.deletingLastPathComponent().deletingLastPathComponent().path, "/lib", "/lib64", "/usr/lib", "/usr/lib64",
      "/etc/ld.so.cache",
    ]
  }

  private static func start(
    _ tool: String, _ arguments: [String], _ readable: [String], _ folder: URL, _ output: Int32
  ) -> pid_t {
    // Where libraries lie is the one thing of the environment that a toolchain may need.
    let libraries = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"].map { ["LD_LIBRARY_PATH=\($0)"] } ?? []
    let environment = ["TMPDIR=\(folder.path)", "HOME=\(folder.path)", "LC_ALL=C"] + libraries
    return withStrings([tool] + arguments) { arguments in
      withStrings(environment) { environment in
        withStrings(readable) { readable in
          folder.path.withCString { folder in
            var bounds = confinement(
              readable: readable, folder: folder, memory: mostMemory, file_size: largestFile, seconds: UInt64(seconds))
            return confinement_start(tool, arguments, environment, output, &bounds)
          }
        }
      }
    }
  }

  /// The exit status, or the number of the signal that ended it and 128; nil when it had to be ended.
  private static func wait(for process: pid_t) -> Int32? {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var status: Int32 = 0
    while true {
      let ended = waitpid(process, &status, WNOHANG)
      if ended == process { return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F }
      if ContinuousClock.now > deadline || Interruption.reason != nil || ended < 0 && errno != EINTR {
        kill(-process, SIGKILL)
        waitpid(process, &status, 0)
        return nil
      }
      usleep(2000)
    }
  }

  /// The strings as C has lists of them, ended by a null pointer.
  private static func withStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
  ) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let list = copies.map { UnsafePointer<CChar>($0) } + [nil]
    return list.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}
