import Foundation
import Testing

/// An image of the reference kernel's, as Scripts/reference-kernel.sh leaves it.
struct Design {
  let path: String
  let symbols: [String: UInt64]

  /// By the design's name, or NAME.CELL.
  init(_ name: String) throws {
    try self.init(path: Probe.root.appendingPathComponent(".build-reference/designs/\(name).elf").path)
  }

  init(path: String) throws {
    self.path = path
    var symbols: [String: UInt64] = [:]
    for line in try run("llvm-nm", [path]).output.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 3 { symbols[String(fields[2])] = UInt64(fields[0], radix: 16) }
    }
    self.symbols = symbols
  }

  func symbol(_ name: String) throws -> UInt64 { try #require(symbols[name], "\(path) has no \(name)") }
}
