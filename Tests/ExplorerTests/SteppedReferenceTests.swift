/// Goal: the exploration that leaves nothing out is the reference. What `limen check` does by default gives the same bytes, and every
/// later engine must; its answers stand in `Stepped.expected`, one line a section, with exact counts and a digest of all the rest.
///
/// What is left out because it is known changes the costs alone.
///
/// `./dev test` runs SYSCALL of every design. `./dev stepped` runs every crossing of every design, and of Debian's 6.1; `./dev stepped
/// PIECE ...` a part of that. With LIMEN_BLESS=1 each rewrites the lines that it ran.
import Findings
import Foundation
import KernelImage
import Testing

@Suite(.serialized) struct SteppedReferenceTests {
  /// What is wanted in place of the suite's part.
  private static let wanted = ProcessInfo.processInfo.environment["LIMEN_STEPPED"]?.split(separator: " ").map {
    Piece($0)
  }
  private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Stepped.expected")

  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  /// A part of the reference, as `KERNEL[/CROSSING[/PLATFORM[/PROFILE]]]`: `designs`, `debian-6.1/syscall64/xen-pv`. What is left out
  /// means all; each part but the kernel may be a list.
  struct Piece {
    /// `designs`, a design, or a kernel of `./dev kernels`.
    var kernel: String
    var crossings: [String]
    var platforms: [String]
    var profiles: [String]

    init(_ text: Substring) {
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      func list(_ index: Int, all: [String]) -> [String] {
        guard parts.count > index, parts[index] != "all" else { return all }
        return parts[index].split(separator: ",").map(String.init)
      }
      kernel = String(parts[0])
      crossings = list(1, all: CrossingKind.allCases.map(\.rawValue))
      platforms = list(2, all: ["bare-metal", "xen-pv"])
      profiles = list(3, all: ["intel", "amd"])
    }

    /// Its sections, at least: there are twelve designs.
    var sections: Int {
      (kernel == "designs" ? 12 : 1) * crossings.count * platforms.count * profiles.count
    }

    /// What `limen check` is asked.
    func arguments() throws -> [String] {
      let kernels: [String] =
        switch kernel {
        case "designs": []
        case let name where name.hasPrefix("design:"): [name]
        default: [try KernelUnderTest.path(kernel)]
        }
      return kernels + [
        "--crossing", crossings.joined(separator: ","), "--platform", platforms.joined(separator: ","),
        "--profile", profiles.joined(separator: ","),
      ]
    }
  }

  /// One section of the reference.
  struct Line: Equatable {
    /// Kernel, platform, profile, crossing, posture.
    var subject: String
    /// SHA-256 of the kernel, its first half a dozen bytes.
    var kernel: String
    /// What the threshold's own instructions decide.
    var answer: String
    /// What hangs on every instruction of the kernel.
    var counts: String

    init(_ section: [String: Any], of kernel: [String: Any]) throws {
      func name(_ key: String) -> String { section[key] as? String ?? "?" }
      func total(_ key: String, of array: String) -> Int {
        (section[array] as? [[String: Any]] ?? []).reduce(0) { $0 + ($1[key] as? Int ?? 0) }
      }
      func count(_ key: String) -> Int { (section[key] as? [Any])?.count ?? 0 }
      let kind = (section["verdict"] as? [String: Any])?["kind"] as? String ?? "?"
      let kernelName = kernel["name"] as? String ?? "?"
      subject = "\(kernelName) \(name("platform")) \(name("profile")) \(name("crossing")) \(name("posture"))"
      self.kernel = String((kernel["sha256"] as? String ?? "?").prefix(12))
      answer = "\(kind), \(count("windows")) windows, \(count("findings")) findings"
      // What the answers cost is no part of them. Which trials are distinct, an engine may see better than another; the count stands
      // beside the digest. The folder in a replay line depends on how many kernels are checked at once.
      var rest = section
      rest["costs"] = nil
      rest["trials"] = (section["trials"] as? [[String: Any]])?.map { $0.filter { $0.key != "unique" } }
      rest["findings"] = (section["findings"] as? [[String: Any]])?.map { finding in
        var finding = finding
        finding["replay"] = (finding["replay"] as? String)?.split(separator: "/").last.map(String.init)
        return finding
      }
      let bytes = try JSONSerialization.data(withJSONObject: rest, options: .sortedKeys)
      counts =
        "\(section["boundaries"] ?? "?") boundaries, \(total("trials", of: "trials")) trials, "
        + "\(total("unique", of: "trials")) distinct, \(SHA256.hexadecimal(of: [UInt8](bytes)).prefix(16))"
    }

    init?(_ text: Substring) {
      let parts = text.components(separatedBy: " | ")
      guard parts.count == 4 else { return nil }
      (subject, kernel, answer, counts) = (parts[0], parts[1], parts[2], parts[3])
    }

    var text: String { "\(subject) | \(kernel) | \(answer) | \(counts)" }
  }

  private func explore(_ piece: Piece) throws -> [Line] {
    let asked = try piece.arguments()
    func json(_ more: [String]) throws -> String {
      // Replay lines name the folder, so it has the same name on every machine.
      let ended = try limen.start(
        ["check"] + asked + ["--format", "json", "-j", "2"] + more, before: ["env", "-C", folder.url.path]
      ).ended()
      // 4: a crossing that the processor does not have, alone.
      #expect([0, 1, 4].contains(ended.status), "\(ended.complaint)")
      return ended.output
    }
    let stepped = try json(["--stepped"])
    #expect(try json(["--no-pruning"]) == stepped, "the exploration differs from the stepped one")
    #expect(
      try WithoutCosts.of(json([])) == WithoutCosts.of(stepped),
      "with what is known left out, it differs from the stepped one")
    let document = try #require(try JSONSerialization.jsonObject(with: Data(stepped.utf8)) as? [String: Any])
    return try (document["reports"] as? [[String: Any]] ?? [document]).flatMap { report in
      let kernel = try #require(report["kernel"] as? [String: Any])
      return try (report["sections"] as? [[String: Any]] ?? []).map { try Line($0, of: kernel) }
    }
  }

  @Test func theStepwiseExplorationIsAsItWas() throws {
    var found: [Line] = []
    for piece in Self.wanted ?? [Piece("designs/syscall64")] {
      let lines = try explore(piece)
      #expect(lines.count >= piece.sections, "every kernel, crossing, platform and profile")
      found += lines
    }
    let text = try? String(contentsOf: Self.file, encoding: .utf8)
    var expected: [String: Line] = [:]
    for line in (text ?? "").split(separator: "\n").compactMap({ Line($0) }) { expected[line.subject] = line }
    if ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" {
      for line in found { expected[line.subject] = line }
      let lines = expected.values.map(\.text).sorted().map { $0 + "\n" }.joined()
      try lines.write(to: Self.file, atomically: true, encoding: .utf8)
    }
    for line in found {
      guard let wanted = expected[line.subject] else {
        Issue.record("Stepped.expected lacks \(line.subject); './dev bless' writes it")
        continue
      }
      // Another toolchain compiles another kernel around the same threshold; its counts are its own.
      if line.kernel == wanted.kernel {
        #expect(line == wanted)
      } else {
        #expect(line.answer == wanted.answer, "\(line.subject)")
      }
    }
  }
}
