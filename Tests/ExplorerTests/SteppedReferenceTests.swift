/// Goal: the exploration that leaves nothing out is the reference. What `limen check` does by default gives the same bytes, and every
/// later engine must; its answers stand in `Stepped.expected`, one line a section, with exact counts and a digest of all the rest.
///
/// `./dev test` runs SYSCALL of every design. `./dev stepped` runs every crossing of every design, and of Debian's 6.1; `./dev stepped
/// NAME ...` those of the named kernels. With LIMEN_BLESS=1 each rewrites the lines that it ran.
import Foundation
import KernelImage
import Testing

@Suite(.serialized) struct SteppedReferenceTests {
  /// Kernels of which every crossing is wanted.
  private static let wanted = ProcessInfo.processInfo.environment["LIMEN_STEPPED"]?.split(separator: " ").map(
    String.init)
  private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Stepped.expected")

  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
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
      // What the answers cost is no part of them.
      var rest = section
      rest["costs"] = nil
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

  private func explore(_ kernel: [String], _ crossings: String) throws -> [Line] {
    func json(_ more: [String]) throws -> String {
      // Replay lines name the folder, so it has the same name on every machine.
      let ended = try limen.start(
        ["check"] + kernel + [
          "--crossing", crossings, "--format", "json", "--platform", "bare-metal,xen-pv", "-j", "2",
        ]
          + more, before: ["env", "-C", folder.url.path]
      ).ended()
      #expect([0, 1].contains(ended.status), "\(ended.complaint)")
      return ended.output
    }
    let stepped = try json(["--stepped"])
    #expect(try json([]) == stepped, "the default exploration differs from the stepped one")
    let document = try #require(try JSONSerialization.jsonObject(with: Data(stepped.utf8)) as? [String: Any])
    return try (document["reports"] as? [[String: Any]] ?? [document]).flatMap { report in
      let kernel = try #require(report["kernel"] as? [String: Any])
      return try (report["sections"] as? [[String: Any]] ?? []).map { try Line($0, of: kernel) }
    }
  }

  @Test func theStepwiseExplorationIsAsItWas() throws {
    let found =
      try Self.wanted?.flatMap { name in
        let kernel = name == "designs" ? [] : [name.hasPrefix("design:") ? name : try KernelUnderTest.path(name)]
        return try explore(kernel, "all")
      } ?? explore([], "syscall64")
    #expect(found.count >= 44, "four machines and eleven designs, or thirteen crossings")
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
