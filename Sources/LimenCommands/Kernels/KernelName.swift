/// How the command line names a kernel: an image file, a design of the reference kernel, a specimen, or an assembly file with a
/// threshold that is linked against it. Documentation/Designs.md is its page.
import Findings

enum KernelName: Equatable {
  case file(String)
  /// `design:NAME` or `design:NAME:CELL`.
  case design(name: String, cell: String?)
  /// `specimen:NAME`, with the defect, or `specimen:NAME:fixed`.
  case specimen(Specimen)
  /// A path that ends in `.S` or `.s`.
  case assembly(String)

  init(_ text: String) throws(CommandFailure) {
    if let parts = try Self.parts(
      of: text, behind: "design:", "a design is named design:NAME or design:NAME:CELL; see 'limen list designs'")
    {
      self = .design(name: parts[0], cell: parts.count == 2 ? parts[1] : nil)
    } else if let parts = try Self.parts(of: text, behind: "specimen:", Specimen.grammar) {
      guard parts.count == 1 || parts[1] == "fixed" else { throw CommandFailure(.badInput, text, Specimen.grammar) }
      self = .specimen(Specimen(name: parts[0], isFixed: parts.count == 2))
    } else {
      self = text.hasSuffix(".S") || text.hasSuffix(".s") ? .assembly(text) : .file(text)
    }
  }

  /// The one or two names behind the prefix; nil without it.
  private static func parts(of text: String, behind prefix: String, _ grammar: String) throws(CommandFailure)
    -> [String]?
  {
    guard text.hasPrefix(prefix) else { return nil }
    let parts = text.dropFirst(prefix.count).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, parts.allSatisfy(SpecimenDescription.isName) else {
      throw CommandFailure(.badInput, text, grammar)
    }
    return parts
  }

  /// What is about to be done with a file of somebody's, for a message; nil for what Limen has built itself.
  var reads: String? {
    switch self {
    case .file(let path): "reads the kernel \(path)"
    case .assembly(let path): "assembles \(path)"
    case .design, .specimen: nil
    }
  }

  /// It is, or will be, linked from the reference kernel.
  var isReference: Bool {
    if case .file = self { false } else { true }
  }
}

/// A design of the reference kernel, or one cell of a design that has several.
struct Design: Equatable {
  var name: String
  var cell: String?

  /// As `limen list designs` prints it, behind `design:` on the command line.
  var title: String { cell.map { "\(name):\($0)" } ?? name }
  /// Of its image, without the extension.
  var fileName: String { cell.map { "\(name).\($0)" } ?? name }
}

/// A kernel with one known defect, or its twin without it. `Specimens/` has one folder for each.
struct Specimen: Equatable {
  var name: String
  var isFixed = false

  static let grammar = "a specimen is named specimen:NAME or specimen:NAME:fixed; see 'limen list specimens'"

  var title: String { isFixed ? "\(name):fixed" : name }
  /// Of its image, without the extension.
  var fileName: String { isFixed ? "\(name).fixed" : name }
}
