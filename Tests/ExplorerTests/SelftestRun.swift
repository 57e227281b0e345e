import Foundation
import Testing

/// One boot of the selftests' initramfs by the built `limen`: what each program printed, and its exit status.
struct SelftestRun {
  private(set) var status: [String: Int] = [:]
  private(set) var output: [String: [String]] = [:]
  /// The last program ended and the initramfs turned the power off.
  private(set) var isComplete = false
  /// The console's last lines, for a failure's message.
  private(set) var end = ""

  /// The initramfs's path, as `./dev selftests` prints it.
  private static let initramfs = Result { try printed("Scripts/selftests.sh") }

  private static func printed(_ script: String, _ arguments: String...) throws -> String {
    try run("bash", [Probe.root.appendingPathComponent(script).path] + arguments).output
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// - Parameter programs: those to run; all when empty.
  init(kernel: String, profile: String, platform: String = "bare-metal", programs: [String] = []) throws {
    let limen = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "limen").path
    let selection = programs.isEmpty ? "" : " selftests=\(programs.joined(separator: ","))"
    // Twice what a whole run takes, so that a guest that goes on for ever is a failure.
    let console = try run(
      limen,
      [
        "boot", Self.printed("Scripts/kernels.sh", kernel), "--profile", profile, "--platform", platform,
        "--initrd", Self.initramfs.get(),
        "--append", "quiet\(selection)", "--limit", "8000",
      ]
    ).output.split(whereSeparator: \.isNewline).map(String.init)
    end = console.suffix(12).joined(separator: "\n")
    var program: String?
    for line in console {
      // What the kernel says may stand before a marker.
      let words = line.split(separator: " ").map(String.init)
      guard let marker = words.firstIndex(of: "LIMEN-SELFTEST"), words.count > marker + 2 else {
        if let program { output[program, default: []].append(line) }
        continue
      }
      let name = words[marker + 1]
      switch words[marker + 2] {
      case "begin": program = name
      case "exit":
        program = nil
        if words.count > marker + 3 { status[name] = Int(words[marker + 3]) }
      case "done": isComplete = true
      default: break
      }
    }
  }

  /// What a program printed under each of its headings, which begin with `[RUN]`, in their order.
  func cases(of program: String) -> [(heading: String, lines: [String])] {
    var cases: [(heading: String, lines: [String])] = []
    for line in output[program] ?? [] {
      if line.hasPrefix("[RUN]") {
        cases.append((line.dropFirst(5).trimmingCharacters(in: .whitespaces), []))
      } else if !cases.isEmpty {
        cases[cases.count - 1].lines.append(line.trimmingCharacters(in: .whitespaces))
      }
    }
    return cases
  }

  /// The signals that a program says it got in each case: `Got SIGSEGV with RIP=...`.
  func signals(of program: String) -> [String] {
    cases(of: program).map { heading, lines in
      let got = lines.filter { $0.hasPrefix("Got SIG") }.map { $0.split(separator: " ")[1] }
      return "\(heading): \(got.joined(separator: " "))".trimmingCharacters(in: .whitespaces)
    }
  }
}
