import Foundation
import Testing

/// Goal: every verb that names places says in its head when a kernel has no names, and takes them from `--symbols`. Expected values: the names
/// that the same kernel has when it is not stripped.
@Suite struct SymbolFileCommandTests {
  let folder: TemporaryFolder
  let limen: LimenProgram
  let kernel: String
  let stripped: String
  let map: String

  init() throws {
    folder = try TemporaryFolder()
    kernel = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url).path
    limen = LimenProgram(probe: kernel, cache: folder.url.path + "/cache")
    stripped = folder.url.path + "/stripped.elf"
    try run("strip", ["-o", stripped, kernel])
    map = folder.url.path + "/System.map"
    try run("nm", ["-n", kernel]).output.write(toFile: map, atomically: true, encoding: .utf8)
  }

  /// Without the lines that tell the images apart.
  private func body(_ text: String) -> [Substring] {
    text.replacing("stripped.elf", with: "tiny.elf").split(separator: "\n", omittingEmptySubsequences: false).filter {
      !$0.contains("sha256") && !$0.hasPrefix("symbols:") && !$0.contains("replay")
    }
  }

  private static let none = "no symbols: the image has none that can be decoded, places are addresses (see --symbols)\n"

  @Test func aTraceNamesItsPlaces() throws {
    let arguments = ["--crossing", "syscall64", "--memory", "16"]
    let own = try limen.start(["trace", kernel] + arguments).ended()
    #expect(own.status == 0 && own.output.contains("system_call") && !own.output.contains("symbols:"))
    let bare = try limen.start(["trace", stripped] + arguments).ended()
    #expect(bare.status == 0 && bare.output.contains(Self.none) && !bare.output.contains("system_call"))
    for file in [map, kernel] {
      let named = try limen.start(["trace", stripped, "--symbols", file] + arguments).ended()
      #expect(named.status == 0 && named.output.contains("symbols: from a file given with --symbols\n"))
      #expect(body(named.output) == body(own.output))
    }
    let document = try limen.start(["trace", stripped, "--symbols", map, "--format", "json"] + arguments).ended()
    #expect(document.output.contains(#""symbols" : "file""#))
  }

  @Test func aCheckAndItsReplayNameTheirPlaces() throws {
    let witnesses = folder.url.path + "/witnesses"
    let arguments = [
      "--crossing", "syscall64", "--memory", "16", "--profile", "amd", "--event", "nmi", "--witnesses", witnesses,
    ]
    let own = try limen.start(["check", kernel] + arguments).ended()
    #expect(own.status == 1 && own.output.contains("system_call"), "\(own)")
    let bare = try limen.start(["check", stripped] + arguments).ended()
    #expect(bare.status == 1 && bare.output.contains(Self.none) && !bare.output.contains("system_call"))
    let named = try limen.start(["check", stripped, "--symbols", map] + arguments).ended()
    #expect(named.status == 1 && body(named.output) == body(own.output))
    let witness = try #require(try FileManager.default.contentsOfDirectory(atPath: witnesses).first)
    let again = try limen("replay", "\(witnesses)/\(witness)", "--symbols", map)
    #expect(again.status == 1 && again.output.contains("system_call"), "\(again)")
  }

  @Test func aDiffTakesAFileForEachKernel() throws {
    let arguments = ["--memory", "16", "--event", "nmi", "--witnesses", folder.url.path + "/witnesses"]
    let bare = try limen.start(["diff", stripped, kernel] + arguments).ended()
    #expect(bare.output.contains("  A: " + Self.none) && !bare.output.contains("  B: "), "\(bare)")
    let named = try limen.start(["diff", stripped, kernel, "--symbols", map, "--symbols", kernel] + arguments).ended()
    #expect(!named.output.contains(Self.none) && named.output.contains("  B: symbols: from a file"), "\(named)")
    let few = try limen.start(["diff", stripped, kernel, "--symbols", map] + arguments).ended()
    #expect(few.status == 2 && few.complaint == "limen: --symbols: given 1 times for 2 kernels\n", "\(few)")
  }

  @Test func aBootNamesWhereItStopped() throws {
    let dead = try TinyKernel(["BOOT=ud2"], in: folder.url, named: "dead.elf").path
    let bare = folder.url.path + "/bare.elf"
    try run("strip", ["-o", bare, dead])
    let own = try limen("boot", dead, "--memory", "16")
    #expect(own.status == 1 && own.complaint.contains(#/ at [a-z_0-9]+\+0x[0-9a-f]+, RIP 0x/#), "\(own)")
    let unnamed = try limen("boot", bare, "--memory", "16")
    #expect(unnamed.status == 1 && unnamed.complaint.contains(" at RIP 0x"), "\(unnamed)")
    let named = try limen("boot", bare, "--memory", "16", "--symbols", dead)
    #expect(named.complaint == own.complaint.replacing("dead.elf", with: "bare.elf"))
  }

  @Test func aFileThatIsNoneIsTwo() throws {
    let torn = folder.url.path + "/torn"
    try "0000000000100000 T start\nnothing\n".write(toFile: torn, atomically: true, encoding: .utf8)
    for (file, text) in [
      (torn, "byte 0x19: line 2 is not an address, a letter and a name"),
      (stripped, "byte 0x28: an ELF file without .symtab"),
      ("/", "not a regular file"), ("/nonexistent", "No such file"),
    ] {
      for verb in [["check", kernel], ["boot", kernel], ["trace", kernel, "--crossing", "syscall64"]] {
        let ended = try limen.start(verb + ["--symbols", file]).ended()
        #expect(
          ended.status == 2 && ended.output.isEmpty && ended.complaint.hasPrefix("limen: \(file): \(text)"), "\(ended)")
      }
    }
  }

  // MARK: Files and lines

  /// `file:line` of each address, as binutils' addr2line reads the file's tables.
  private func addr2line(_ file: String, _ addresses: [String]) throws -> [String] {
    try run("addr2line", ["-e", file] + addresses).output.split(separator: "\n").map {
      String($0.split(separator: " ")[0])
    }
  }

  /// The JSON's places that have a file, each with its address.
  private func places(_ value: Any) -> [(address: String, source: String)] {
    if let list = value as? [Any] { return list.flatMap(places) }
    guard let object = value as? [String: Any] else { return [] }
    let own = (object["address"] as? String).flatMap { address in
      (object["file"] as? String).map { (address: address, source: "\($0):\(object["line"] ?? "")") }
    }
    return (own.map { [$0] } ?? []) + object.values.flatMap(places)
  }

  /// A stripped kernel, and the file of its debug package: the finding has its line in every format.
  @Test func aFindingHasItsLine() throws {
    let debug = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url, named: "debug.elf", options: ["-g"]).path
    let (json, sarif) = (folder.url.path + "/report.json", folder.url.path + "/report.sarif")
    let witnesses = folder.url.path + "/witnesses"
    let ended = try limen(
      "check", stripped, "--symbols", debug, "--crossing", "syscall64", "--memory", "16", "--profile", "amd",
      "--event", "nmi", "--witnesses", witnesses, "--report", "json=\(json)", "--report", "sarif=\(sarif)")
    #expect(ended.status == 1, "\(ended)")
    let found = places(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: json))))
    try #require(found.count >= 3, "where it broke, where it came from, and where the event came")
    let expected = try addr2line(debug, found.map(\.address))
    for (place, line) in zip(found, expected) {
      #expect(line.hasSuffix("/" + place.source) || line == place.source, "\(place)")
      #expect(place.source.contains("TinyKernel.S:"))
    }
    #expect(ended.output.contains("  source     \(found[0].source.split(separator: ":")[0])"))
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: sarif))) as? [String: Any])
    let results = try #require((document["runs"] as? [[String: Any]])?.first?["results"] as? [[String: Any]])
    let place = try #require(
      (results[0]["locations"] as? [[String: Any]])?.first?["physicalLocation"] as? [String: Any])
    #expect((place["artifactLocation"] as? [String: Any])?["uri"] as? String != "stripped.elf")
    #expect(((place["region"] as? [String: Any])?["startLine"] as? Int ?? 0) > 0)
    // A witness is read strictly: it has no lines, and its run has them again.
    let witness = try #require(try FileManager.default.contentsOfDirectory(atPath: witnesses).first)
    let again = try limen("replay", "\(witnesses)/\(witness)", "--symbols", debug)
    #expect(again.status == 1 && again.output.contains("  source     "), "\(again)")
    let plain = try limen("replay", "\(witnesses)/\(witness)")
    #expect(plain.status == 1 && !plain.output.contains("  source     "), "\(plain)")
  }

  /// The image's own tables, at every boundary of a trace.
  @Test func aTraceHasItsLines() throws {
    let debug = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url, named: "debug.elf", options: ["-g"]).path
    let ended = try limen("trace", debug, "--crossing", "syscall64", "--memory", "16", "--format", "json")
    let document = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    let steps = try #require(document["steps"] as? [[String: Any]])
    let found = places(steps.compactMap { $0["location"] })
    #expect(found.count == steps.count && steps.count > 4)
    for (place, line) in zip(found, try addr2line(debug, found.map(\.address))) {
      #expect(line.hasSuffix("/" + place.source) || line == place.source, "\(place)")
    }
  }
}
