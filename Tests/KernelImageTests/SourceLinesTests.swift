/// Goal: an address has the file and line that its line tables give it, whoever wrote them, and tables that are broken say nothing.
///
/// The oracle is binutils' addr2line.
import Foundation
import KernelImage
import Testing

@Suite struct SourceLinesTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "limen-lines-\(UUID().uuidString)")
      .resolvingSymlinksInPath()
    try FileManager.default.createDirectory(at: folder.appending(path: "part"), withIntermediateDirectories: true)
  }

  private static let assembly = """
    .macro twice
      nop
      pause
    .endm
      .text
      .globl _start
    _start:
      twice
      call worker

    1: jmp 1b
      .section .entry.text, "ax"
      .globl entry
    entry:
      swapgs
    #include "part/shared.h"
      ret
    """

  private static let c = """
    int worker(int value)
    {
      if (value > 3)
        return value * 7;
      return value + 1;
    }
    """

  private func run(_ command: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = folder
    let file = folder.appending(path: "input")
    try input.write(to: file, atomically: true, encoding: .utf8)
    process.standardInput = try FileHandle(forReadingFrom: file)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command[0])")
    return String(decoding: output, as: UTF8.self)
  }

  /// The program, with the addresses of its code.
  private func program(_ options: [String], without section: String? = nil) throws -> (file: String, code: [UInt64]) {
    try Self.assembly.write(to: folder.appending(path: "a.S"), atomically: true, encoding: .utf8)
    try Self.c.write(to: folder.appending(path: "part/b.c"), atomically: true, encoding: .utf8)
    try "  sti\n  nop\n".write(to: folder.appending(path: "part/shared.h"), atomically: true, encoding: .utf8)
    _ = try run(
      ["gcc", "-O1", "-static", "-nostdlib", "-no-pie", "-fno-pie"] + options + ["a.S", "part/b.c", "-o", "a.elf"])
    if let section { _ = try run(["objcopy", "-R", section, "a.elf"]) }
    let names = try run(["nm", "a.elf"]).split(separator: "\n").map { $0.split(separator: " ") }
    let places = names.filter { ["_start", "entry", "worker"].contains($0.last ?? "") }.map {
      UInt64($0[0], radix: 16)!
    }
    try #require(places.count == 3)
    return (folder.appending(path: "a.elf").path, places.flatMap { place in (0..<12).map { place + $0 } })
  }

  /// `file:line`, or nil for what is not known, whole paths.
  private func addr2line(_ file: String, _ addresses: [UInt64]) throws -> [String?] {
    try run(["addr2line", "-e", file], input: addresses.map { String($0, radix: 16) + "\n" }.joined())
      .split(separator: "\n").map { line in
        // A line with several blocks has a note behind it.
        let place = String(line.split(separator: " ")[0])
        return place.hasPrefix("??") || place.hasSuffix(":?") || place.hasSuffix(":0") ? nil : place
      }
  }

  @Test(
    arguments: [
      (["-g"], nil), (["-gdwarf-4"], nil), (["-g", "-gz=zlib"], nil), (["-g"], ".debug_aranges"),
    ] as [([String], String?)])
  func addr2lineSaysTheSame(options: [String], section: String?) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (file, code) = try program(options, without: section)
    let lines = try #require(SourceLines(contentsOf: file))
    let expected = try addr2line(file, code)
    #expect(Set(expected.compactMap { $0 }).count >= 8, "the oracle knows them")
    for (address, line) in zip(code, expected) {
      let place = lines.place(of: address)
      let whole = place.map { "\($0.file.hasPrefix("/") ? "" : folder.path + "/")\($0.file):\($0.line)" }
      #expect(whole == line, "0x\(String(address, radix: 16))")
      // Below where the compiler was started nothing else is said of the folder.
      if let place { #expect(["a.S", "part/b.c", "part/shared.h", "./part/shared.h"].contains(place.file)) }
    }
    #expect(lines.place(of: 0) == nil && lines.place(of: .max) == nil)
  }

  @Test func bytesAreAsGoodAsAFile() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (file, code) = try program(["-g"])
    let fromFile = try #require(SourceLines(contentsOf: file, shift: 0x1000))
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: file)))
    let fromBytes = try #require(
      SourceLines(bytes: bytes, renaming: [("part/", "mine/"), ("\(folder.path)/part/", "mine/")]))
    for address in code {
      var place = fromFile.place(of: address + 0x1000)
      place?.file.replace("part/", with: "mine/")
      #expect(place == fromBytes.place(of: address))
    }
  }

  @Test func whatHasNoneSaysNothing() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (file, _) = try program(["-g0"])
    #expect(SourceLines(contentsOf: file) == nil)
    #expect(SourceLines(bytes: []) == nil)
    #expect(SourceLines(contentsOf: folder.path) == nil)
    #expect(SourceLines(contentsOf: folder.appending(path: "none").path) == nil)
  }

  /// Bytes of the tables changed at random: whatever is said, it is said and the program goes on.
  @Test func brokenTablesDoNoHarm() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (file, code) = try program(["-g"])
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: file)))
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func next(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(bound))
    }
    for _ in 0..<400 {
      var broken = bytes
      for _ in 0...next(6) { broken[next(broken.count)] = UInt8(next(256)) }
      if next(8) == 0 { broken.removeLast(next(broken.count)) }
      guard let lines = SourceLines(bytes: broken) else { continue }
      for address in code { if let place = lines.place(of: address) { #expect(place.line > 0) } }
    }
  }
}
