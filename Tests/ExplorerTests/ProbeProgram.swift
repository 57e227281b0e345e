import Foundation
import Testing

/// What stands in the way of a test that needs another program; reported as a failure, never skipped.
struct ProgramFailure: Error, CustomStringConvertible {
  let description: String
}

/// Runs a program found on PATH to its end and returns what it printed.
@discardableResult
func run(
  _ program: String, _ arguments: [String], input: [UInt8] = [], directory: URL? = nil
) throws -> (output: String, bytes: [UInt8]) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [program] + arguments
  process.currentDirectoryURL = directory
  let files = try (0..<3).map { _ in
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    try Data(input).write(to: url)
    return url
  }
  defer { for url in files { try? FileManager.default.removeItem(at: url) } }
  process.standardInput = try FileHandle(forReadingFrom: files[0])
  for url in files[1...] { try Data().write(to: url) }
  process.standardOutput = try FileHandle(forWritingTo: files[1])
  process.standardError = try FileHandle(forWritingTo: files[2])
  try process.run()
  process.waitUntilExit()
  let bytes = try [UInt8](Data(contentsOf: files[1]))
  guard process.terminationStatus == 0 else {
    let errors = try String(decoding: Data(contentsOf: files[2]), as: UTF8.self)
    throw ProgramFailure(
      description: "\(program) \(arguments.joined(separator: " ")) ended with \(process.terminationStatus): \(errors)")
  }
  return (String(decoding: bytes, as: UTF8.self), bytes)
}

/// The probe as `Scripts/probe.sh` builds it, with its symbols as llvm-nm prints them.
struct Probe {
  let elf: [UInt8]
  let cpio: [UInt8]
  let symbols: [String: UInt64]

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Built once for all tests of a run.
  private static let shared = Result { try Probe() }

  static func built() throws -> Probe { try shared.get() }

  private init() throws {
    try run("bash", [Self.root.appendingPathComponent("Scripts/probe.sh").path])
    let products = Self.root.appendingPathComponent(".build-probe")
    let path = products.appendingPathComponent("probe.elf")
    elf = try [UInt8](Data(contentsOf: path))
    cpio = try [UInt8](Data(contentsOf: products.appendingPathComponent("probe.cpio")))
    var symbols: [String: UInt64] = [:]
    for line in try run("llvm-nm", [path.path]).output.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 3 { symbols[String(fields[2])] = UInt64(fields[0], radix: 16) }
    }
    self.symbols = symbols
  }

  private func word(at offset: Int, bytes: Int) throws -> UInt64 {
    guard offset >= 0, offset + bytes <= elf.count else {
      throw ProgramFailure(description: "probe.elf ends before byte \(offset + bytes)")
    }
    return (0..<bytes).reduce(0) { $0 | UInt64(elf[offset + $1]) << UInt64(8 * $1) }
  }

  /// Where a segment holds these addresses (ELF-64 Object File Format, "Program header table").
  private func fileOffset(of address: UInt64, count: Int) throws -> Int {
    let headers = Int(try word(at: 32, bytes: 8))
    for index in 0..<Int(try word(at: 56, bytes: 2)) {
      let header = headers + index * 56
      guard try word(at: header, bytes: 4) == 1 else { continue }
      let offset = try word(at: header + 8, bytes: 8)
      let start = try word(at: header + 16, bytes: 8)
      let size = try word(at: header + 32, bytes: 8)
      guard address >= start, address + UInt64(count) <= start + size else { continue }
      return Int(offset + address - start)
    }
    throw ProgramFailure(description: "no segment of probe.elf holds 0x\(String(address, radix: 16))")
  }

  /// Initial bytes in memory.
  func bytes(at address: UInt64, count: Int) throws -> [UInt8] {
    let first = try fileOffset(of: address, count: count)
    return Array(elf[first..<first + count])
  }

  /// A table of pointers to NUL-terminated names, ended by 0.
  func names(_ symbol: String) throws -> [String] {
    var address = try #require(symbols[symbol])
    var names: [String] = []
    while true {
      var pointer = try bytes(at: address, count: 8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
      if pointer == 0 { return names }
      var name: [UInt8] = []
      while let byte = try bytes(at: pointer, count: 1).first, byte != 0 {
        name.append(byte)
        pointer += 1
      }
      names.append(String(decoding: name, as: UTF8.self))
      address += 8
    }
  }

  /// The probe with other initial bytes at an address, as Limen writes them into memory.
  func poked(at address: UInt64, _ bytes: [UInt8]) throws -> [UInt8] {
    let first = try fileOffset(of: address, count: bytes.count)
    var poked = elf
    poked.replaceSubrange(first..<first + bytes.count, with: bytes)
    return poked
  }

  /// The lines that come from the console of Debian's cloud kernel.
  static func runUnderQEMU(processor: String, initramfs: [UInt8]) throws -> [String] {
    let image = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    try Data(initramfs).write(to: image)
    defer { try? FileManager.default.removeItem(at: image) }
    let kernel = try run("bash", [Self.root.appendingPathComponent("dev").path, "kernels", "debian-6.1-cloud"]).output
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let output = try run(
      "timeout",
      [
        "120", "qemu-system-x86_64", "-accel", "tcg", "-cpu", processor, "-m", "512", "-nographic", "-no-reboot",
        "-kernel", kernel, "-initrd", image.path,
        "-append", "console=ttyS0 panic=-1 quiet",
      ]
    ).output
    return output.split(whereSeparator: \.isNewline).map(String.init)
  }
}
