/// Goal: the runs that README.md shows are what its commands say, in the form in which they stand there; a shell runs them. A line `...` stands
/// for whatever is left out.
import Foundation
import Testing

@Suite struct ReadmeTests {
  private let folder: TemporaryFolder

  /// A folder in which `./dev` and `limen` are what they are in the checkout.
  init() throws {
    folder = try TemporaryFolder()
    let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "limen").path
    for (name, command) in [("dev", "bash '\(Probe.root.path)/dev'"), ("limen", "'\(program)'")] {
      let file = folder.url.appending(path: name)
      try "#!/bin/sh\nexec \(command) \"$@\"\n".write(to: file, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }
  }

  struct Shown: CustomTestStringConvertible, Sendable {
    var command: String
    var lines: [String]
    var testDescription: String { command }
  }

  /// An indented line `$ limen ...`, and the indented or empty lines behind it.
  static let runs: [Shown] = {
    let page = (try? String(contentsOf: Probe.root.appending(path: "README.md"), encoding: .utf8)) ?? ""
    var runs: [Shown] = []
    var isInside = false
    for line in page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("    $ limen ") {
        runs.append(Shown(command: String(line.dropFirst(6)), lines: []))
        isInside = true
      } else if line.isEmpty || line.hasPrefix("    ") {
        if isInside { runs[runs.count - 1].lines.append(String(line.dropFirst(4))) }
      } else {
        isInside = false
      }
    }
    for index in runs.indices {
      while runs[index].lines.last?.isEmpty == true { runs[index].lines.removeLast() }
    }
    return runs
  }()

  @Test func thereAreRuns() { #expect(Self.runs.count >= 5 && Self.runs.allSatisfy { $0.lines.count > 3 }) }

  @Test(arguments: runs)
  func aRunSaysWhatIsShown(shown: Shown) throws {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", shown.command]
    process.currentDirectoryURL = folder.url
    process.environment = ProcessInfo.processInfo.environment.merging([
      "PATH": "\(folder.url.path):/usr/bin:/bin", "LIMEN_CONFIG": "", "NO_COLOR": "1",
    ]) { $1 }
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == (shown.lines.contains { $0.hasSuffix(" violated") } ? 1 : 0))
    let lines = said.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).dropLast()
    // Debian goes on: another kernel of the series has other addresses.
    let digest = #/sha256 [0-9a-f]{64}/#
    let (expected, found) = (
      shown.lines.compactMap { $0.firstMatch(of: digest)?.output },
      lines.compactMap { $0.firstMatch(of: digest)?.output }
    )
    if !expected.isEmpty && expected != found { return }
    var rest = lines[...]
    for part in shown.lines.split(separator: "...", omittingEmptySubsequences: false) {
      let part = Array(part)
      let start = part.isEmpty ? rest.startIndex : try #require(rest.firstRange(of: part)?.lowerBound, "\(part)")
      if !shown.lines.contains("...") { #expect(Array(rest) == part) }
      rest = rest[(start + part.count)...]
    }
  }
}
