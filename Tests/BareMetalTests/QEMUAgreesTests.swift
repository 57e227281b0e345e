import BareMetal
import Foundation
import KernelImage
import Machine
import Testing

/// Goal: Limen's machine and QEMU's TCG print the same for every image of Tests/Privileged, under both profiles; where QEMU is
/// known to differ from the manual, Limen prints what the manual demands (Tests/Privileged/exceptions, with its sections).
///
/// The images are built by Scripts/privileged.sh with the toolchain's clang and ld.lld.
@Suite(.serialized) struct QEMUAgreesTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let scripts = root.appendingPathComponent("Tests/Privileged").path
  static let build = root.appendingPathComponent(".build-privileged").path
  static let images: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: scripts + "/images")) ?? []
    return files.filter { $0.hasSuffix(".S") }.map { String($0.dropLast(2)) }.sorted()
  }()

  /// Built once, by whichever test asks first. Nil, or what the build complained about.
  static let buildFailure: String? = {
    let (status, output) = run("/bin/sh", [root.appendingPathComponent("Scripts/privileged.sh").path, build])
    return status == 0 ? nil : output
  }()

  static var hasQEMU: Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .contains { FileManager.default.isExecutableFile(atPath: $0 + "/qemu-system-x86_64") }
  }

  static func run(_ program: String, _ arguments: [String]) -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    // A file and no pipe: Foundation may close a pipe's end that is being read while other processes end.
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    guard FileManager.default.createFile(atPath: file.path, contents: nil),
      let handle = FileHandle(forWritingAtPath: file.path)
    else { return (-1, "\(file.path): not writable") }
    process.standardOutput = handle
    process.standardError = handle
    do { try process.run() } catch { return (-1, "\(program): \(error)") }
    process.waitUntilExit()
    let output = (try? Data(contentsOf: file)) ?? Data()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  /// What the image prints in Limen, and how it ended.
  static func limen(_ image: String, _ profile: Profile) throws -> (lines: [String], end: BareMetalComputer.End) {
    let kernel = try KernelImage(contentsOf: "\(build)/\(image)")
    let computer = try BareMetalComputer(memorySize: 64 << 20, profile: profile)
    var bytes: [UInt8] = []
    computer.console = { bytes.append($0) }
    let segments = kernel.loadSegments.map {
      BareMetalComputer.Segment(
        address: $0.physicalAddress, bytes: kernel.contents(of: $0), memorySize: $0.memorySize)
    }
    try computer.start(segments: segments, entry: try #require(kernel.pvhEntry), initrd: [], commandLine: "")
    let end = computer.run(200_000_000)
    return (lines(String(decoding: bytes, as: UTF8.self)), end)
  }

  static func lines(_ text: String) -> [String] {
    text.replacingOccurrences(of: "\r", with: "").split(separator: "\n").map(String.init)
  }

  /// `name.1: …`, `name.end: …` and `name: …` belong to the case `name`.
  static func caseName(_ line: String) -> String {
    let name = line.prefix { $0 != ":" }
    guard let dot = name.lastIndex(of: ".") else { return String(name) }
    return String(name[..<dot])
  }

  /// The lines of each case, in order of first appearance.
  static func cases(_ lines: [String]) -> (order: [String], lines: [String: [String]]) {
    var order: [String] = []
    var grouped: [String: [String]] = [:]
    for line in lines {
      let name = caseName(line)
      if grouped[name] == nil { order.append(name) }
      grouped[name, default: []].append(line)
    }
    return (order, grouped)
  }

  @Test(.enabled(if: QEMUAgreesTests.hasQEMU), arguments: QEMUAgreesTests.images, ["intel", "amd"])
  func printsTheSame(image: String, profile: String) throws {
    try #require(Self.buildFailure == nil, "\(Self.buildFailure ?? "")")
    let wanted = Self.run("/bin/sh", [Self.scripts + "/expected.sh", "\(Self.build)/\(image)", profile])
    try #require(wanted.status == 0, "expected.sh: \(wanted.output)")
    let expected = Self.cases(Self.lines(wanted.output))
    try #require(!expected.order.isEmpty, "the image printed nothing")
    let actual = try Self.limen(image, try #require(Profile.named(profile)))
    let actualCases = Self.cases(actual.lines)
    #expect(actualCases.order == expected.order)
    #expect(Self.isWhole(actual.end, image), "Limen ended with \(actual.end)")
    for name in expected.order where name != "done" {
      guard let lines = expected.lines[name], lines != ["\(name): *"] else { continue }
      let found = actualCases.lines[name] ?? []
      withKnownIssue("known hole", isIntermittent: true) {
        #expect(found == lines)
      } when: {
        Self.knownHoles.contains("\(image):\(name)")
      }
    }
  }

  /// The instructions that the plain profiles have not, where there are parts that have them.
  @Test(.enabled(if: QEMUAgreesTests.hasQEMU), arguments: ["skylake", "zen3"])
  func extensionsPrintTheSame(profile: String) throws {
    try printsTheSame(image: "extensions", profile: profile)
    try exceptionsAreNeeded(image: "extensions", profile: profile)
  }

  /// Every image writes 0 to the debug-exit port at its end, but for the one about shutdown.
  static func isWhole(_ end: BareMetalComputer.End, _ image: String) -> Bool {
    switch end {
    case .debugExit(status: 0): image != "triple"
    case .reset(byShutdown: true): image == "triple"
    default: false
    }
  }

  /// Cases in which Limen does not yet do what the manual demands.
  static let knownHoles: Set<String> = []

  /// The list of exceptions is honest: each names a case that exists and that QEMU gets wrong.
  @Test(.enabled(if: QEMUAgreesTests.hasQEMU), arguments: QEMUAgreesTests.images, ["intel", "amd"])
  func exceptionsAreNeeded(image: String, profile: String) throws {
    try #require(Self.buildFailure == nil, "\(Self.buildFailure ?? "")")
    let wholly = FileManager.default.fileExists(atPath: "\(Self.scripts)/expected/\(image).txt")
    guard !wholly else { return }
    let complaints = Self.run("/bin/sh", [Self.scripts + "/expected.sh", "\(Self.build)/\(image)", profile, "check"])
    #expect(complaints.status == 0)
    #expect(complaints.output == "")
  }
}
