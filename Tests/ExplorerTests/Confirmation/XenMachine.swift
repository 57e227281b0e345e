import Foundation

/// Debian's Xen under QEMU with a kernel as dom0, its processor held by the gdb stub. Scripts/xen.sh starts it, and ends it
/// whatever becomes of this process: when the guest stops, when it is told to, and after its own bound.
final class XenMachine {
  let stub: GDBStub
  /// Its path is a word of the command that runs QEMU.
  let socket: String
  private let process = Process()
  private let directory: URL
  private var output: URL { directory.appendingPathComponent("output") }
  private var log: URL { directory.appendingPathComponent("log") }

  /// Runs one for as long as the body does. `profile` is intel or amd.
  static func run<Result>(
    kernel: String, initramfs: String?, profile: String, seconds: Int = 300, _ body: (XenMachine) throws -> Result
  ) throws -> Result {
    let machine = try XenMachine(kernel: kernel, initramfs: initramfs, profile: profile, seconds: seconds)
    defer { machine.end() }
    return try body(machine)
  }

  private init(kernel: String, initramfs: String?, profile: String, seconds: Int) throws {
    // A socket's path is short: not the temporary directory of whatever length.
    let directory = URL(fileURLWithPath: "/tmp/limen-\(UUID().uuidString.prefix(8))")
    self.directory = directory
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    socket = directory.appendingPathComponent("gdb").path
    let files = ["output", "complaint"].map { directory.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [Probe.root.appendingPathComponent("Scripts/xen.sh").path, "run", kernel, profile]
    process.environment = ProcessInfo.processInfo.environment.merging([
      "LIMEN_XEN_INITRD": initramfs ?? "", "LIMEN_XEN_GDB": socket, "LIMEN_XEN_SECONDS": String(seconds),
      "LIMEN_XEN_LOG": directory.appendingPathComponent("log").path,
    ]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    do {
      // On a fresh machine the hypervisor is fetched first, for as long as that takes.
      stub = try GDBStub(path: socket, patience: Double(seconds)) { [process] in process.isRunning }
    } catch {
      process.terminate()
      process.waitUntilExit()
      let complaint = (try? String(contentsOf: files[1], encoding: .utf8)) ?? ""
      try? FileManager.default.removeItem(at: directory)
      throw ProgramFailure(description: "xen.sh: \(error) \(complaint)")
    }
  }

  private func end() {
    // xen.sh ends QEMU when it is itself told to end.
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: directory)
  }

  /// What the guest printed, once it has ended by itself; `XEN crashed` is the last line if Xen ended it.
  func guestLines() throws -> [String] {
    process.waitUntilExit()
    return try String(contentsOf: output, encoding: .utf8).split(whereSeparator: \.isNewline).map(String.init)
  }

  /// What Xen printed so far.
  func xenLines() throws -> [String] {
    try String(contentsOf: log, encoding: .utf8).split(whereSeparator: \.isNewline).map(String.init)
      .filter { $0.hasPrefix("(XEN)") }
  }
}
