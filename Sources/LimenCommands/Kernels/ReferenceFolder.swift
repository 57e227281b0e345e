/// What the build leaves of the reference kernel: `$LIMEN_REFERENCE`, where it is installed, or `.build-reference` beside the program or
/// above it.
import Findings
import Foundation

struct ReferenceFolder {
  let url: URL

  /// As messages and errors name it.
  static let remedy = "build it with ./dev build, or set LIMEN_REFERENCE"

  static func find() throws(CommandFailure) -> ReferenceFolder {
    if let given = ProcessInfo.processInfo.environment["LIMEN_REFERENCE"], !given.isEmpty {
      return try ReferenceFolder(url: URL(filePath: given, directoryHint: .isDirectory)).checked()
    }
    if let folder = ProgramFolder.find(["lib/limen/reference", ".build-reference"]) {
      return try ReferenceFolder(url: folder).checked()
    }
    throw CommandFailure(
      .badInput, "reference kernel", "no .build-reference beside \(ProgramFolder.program.path) or above; \(remedy)")
  }

  private func checked() throws(CommandFailure) -> ReferenceFolder {
    guard FileManager.default.fileExists(atPath: path("designs.txt")) else {
      throw CommandFailure(
        .badInput, "reference kernel", "\(url.path) holds no designs.txt; \(Self.remedy)")
    }
    return self
  }

  func path(_ name: String) -> String { Files.wholePath(url.appending(path: name).path) }

  /// In the order in which they are to be presented.
  func designs() throws(CommandFailure) -> [Design] {
    let file = path("designs.txt")
    let text = String(decoding: try Files.read(file, limit: 1 << 16), as: UTF8.self)
    var designs: [Design] = []
    for (index, line) in text.split(separator: "\n").enumerated() {
      let parts = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard parts.count <= 2, parts.allSatisfy(SpecimenDescription.isName) else {
        throw CommandFailure(.badInput, file, "line \(index + 1) is not NAME or NAME:CELL; \(Self.remedy)")
      }
      designs.append(Design(name: parts[0], cell: parts.count == 2 ? parts[1] : nil))
    }
    guard !designs.isEmpty else { throw CommandFailure(.badInput, file, "names no design; \(Self.remedy)") }
    return designs
  }

  /// The names of the specimens, in the alphabet's order.
  func specimens() throws(CommandFailure) -> [String] {
    let file = path("specimens.txt")
    let bytes: [UInt8]
    do { bytes = try Files.read(file, limit: 1 << 16) } catch {
      throw CommandFailure(.badInput, "reference kernel", "\(url.path) holds no specimens.txt; \(Self.remedy)")
    }
    let names = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    guard names.allSatisfy(SpecimenDescription.isName) else {
      throw CommandFailure(.badInput, file, "a line is no NAME; \(Self.remedy)")
    }
    return names
  }

  /// The specimen's page.
  func specimen(named name: String) throws(CommandFailure) -> SpecimenDescription {
    let names = try specimens()
    guard names.contains(name) else {
      throw CommandFailure(
        .badInput, "specimen:\(name)", "there is no such specimen (specimens: \(names.joined(separator: ", ")))")
    }
    let file = path("specimens/\(name).S")
    let source = String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
    do { return try SpecimenDescription(name: name, source: source) } catch {
      throw CommandFailure(.badInput, file, "\(error)")
    }
  }

  /// What the comment at the head of a design's assembly says of it, without its name; nil where the file is not there.
  func opening(of design: Design) -> String? {
    guard let bytes = try? Files.read(path("include/designs/\(design.name)/Entry.S"), limit: 1 << 20) else {
      return nil
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { $0.hasPrefix("// ") }
    let text = lines.map { $0.dropFirst(3) }.joined(separator: " ").trimmingPrefix("\(design.name): ")
    guard let first = text.first else { return nil }
    return first.uppercased() + text.dropFirst()
  }

  /// The design of that name, in all its cells or in one.
  func designs(named name: String, cell: String?) throws(CommandFailure) -> [Design] {
    let all = try designs()
    let cells = all.filter { $0.name == name }
    guard !cells.isEmpty else {
      var names: [String] = []
      for design in all where !names.contains(design.name) { names.append(design.name) }
      throw CommandFailure(
        .badInput, "design:\(name)", "there is no such design (designs: \(names.joined(separator: ", ")))")
    }
    guard let cell else { return cells }
    let chosen = cells.filter { $0.cell == cell }
    guard !chosen.isEmpty else {
      let known = cells.compactMap(\.cell)
      throw CommandFailure(
        .badInput, "design:\(name):\(cell)",
        known.isEmpty
          ? "the design \(name) has no cells" : "there is no such cell (cells: \(known.joined(separator: ", ")))")
    }
    return chosen
  }
}
