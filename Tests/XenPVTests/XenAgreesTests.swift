import Foundation
import Testing

/// Goal: the reference kernel's oracle sees the PV ABI on real Xen, today, as the recorded logs say. They are what Limen's
/// own Xen PV is held against, so they must come from Xen: Debian's 4.17 under QEMU's TCG, with the guest built by the
/// toolchain at hand.
///
/// `LIMEN_BLESS=1` writes the logs anew from what real Xen prints.
@Suite(.serialized) struct XenAgreesTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let image = root.appendingPathComponent(".build-reference/oracle.elf").path

  static let buildFailure: String? = {
    let built = run(["Scripts/reference-kernel.sh"])
    return built.status == 0 ? nil : built.complaint
  }()

  static var hasQEMU: Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .contains { FileManager.default.isExecutableFile(atPath: $0 + "/qemu-system-x86_64") }
  }

  /// Both streams go to files: a pipe that nobody reads would stop the program.
  static func run(_ command: [String]) -> (status: Int32, output: String, complaint: String) {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    do {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      let files = ["output", "complaint"].map { directory.appendingPathComponent($0) }
      for file in files { try Data().write(to: file) }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.currentDirectoryURL = root
      process.arguments = command
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: files[0])
      process.standardError = try FileHandle(forWritingTo: files[1])
      try process.run()
      process.waitUntilExit()
      let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
      return (process.terminationStatus, texts[0], texts[1])
    } catch {
      return (-1, "", "\(command): \(error)")
    }
  }

  static func boot(_ profile: String, _ word: String? = nil) throws -> String {
    try #require(buildFailure == nil, "\(buildFailure ?? "")")
    let ran = run(["Scripts/xen.sh", "run", image, profile] + (word.map { [$0] } ?? []))
    try #require(ran.status == 0, "\(ran.complaint)")
    return ran.output
  }

  /// Xen leaves a multicall that its own timer falls into, and lets the guest call it again for what is left
  /// (`hypercall_preempt_check`, `hypercall_create_continuation`): the registers of the arguments then differ. QEMU says
  /// when that is, so a line that is not the recorded one is asked of further boots, and one of them must print it.
  @Test(.enabled(if: XenAgreesTests.hasQEMU), arguments: ["amd", "intel"])
  func realXenPrintsWhatIsRecorded(profile: String) throws {
    var output = try Self.boot(profile)
    if ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" {
      try Data(output.utf8).write(to: OracleLog.recording(profile))
    }
    let recorded = try OracleLog.recorded(profile)
    var missing = recorded
    for boot in 1...3 where !missing.isEmpty {
      if boot > 1 { output = try Self.boot(profile) }
      let printed = OracleLog.lines(output)
      try #require(printed.map(OracleLog.name) == recorded.map(OracleLog.name))
      for (printed, recorded) in zip(printed, recorded) where printed != recorded {
        #expect(printed.hasPrefix("LIMEN multicall/"), "Xen printed \(printed), recorded is \(recorded)")
      }
      let all = Set(printed)
      missing.removeAll(where: all.contains)
    }
    #expect(missing == [])
  }

  static let crashes = [
    "iret-frame-absent", "iret-frame-half-absent", "iret-frame-in-xen", "iret-frame-non-canonical",
    "iret-no-user-tables", "stack-absent", "stack-read-only", "stack-half-read-only", "stack-half-absent", "stack-0",
    "stack-in-xen", "stack-non-canonical",
    "kernel-stack-absent", "kernel-stack-in-xen", "kernel-stack-user-only-mapping", "no-handler", "no-handler-kernel",
    "no-page-fault-handler", "no-syscall-handlers", "no-event-callback", "sysenter-kernel", "shutdown-crash",
  ]

  /// What kills a domain: after its name the kernel prints nothing, and Xen says that the domain crashed.
  @Test(
    .enabled(if: XenAgreesTests.hasQEMU),
    arguments: crashes)
  func realXenCrashesTheDomain(word: String) throws {
    let output = try Self.boot(word == "sysenter-kernel" ? "intel" : "amd", word)
    #expect(OracleLog.lines(output) == ["LIMEN start", "LIMEN crash/\(word)", "XEN crashed"])
  }

  /// There are many, and each has a name of its own.
  @Test(arguments: ["amd", "intel"]) func recordsEnoughObservations(profile: String) throws {
    let names = try OracleLog.recorded(profile).map(OracleLog.name)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 1000)
    #expect(names.first == "LIMEN start")
    #expect(names.last == "LIMEN end")
  }

  /// The list of exceptions is honest: each replaces a recorded line, by another.
  @Test(arguments: ["amd", "intel"]) func exceptionsAreNeeded(profile: String) throws {
    let recorded = Set(try OracleLog.recorded(profile))
    let names = Set(recorded.map(OracleLog.name))
    for line in try OracleLog.exceptions(profile) {
      #expect(names.contains(OracleLog.name(line)), "no such observation: \(line)")
      #expect(!recorded.contains(line), "QEMU agrees: \(line)")
    }
  }
}
