/// How the command line names a kernel: an image file, a design of the reference kernel, or an assembly file with a
/// threshold that is linked against it. Documentation/Designs.md is its page.
import Findings

enum KernelName: Equatable {
  case file(String)
  /// `design:NAME` or `design:NAME:CELL`.
  case design(name: String, cell: String?)
  /// A path that ends in `.S` or `.s`.
  case assembly(String)

  init(_ text: String) throws(CommandFailure) {
    guard text.hasPrefix("design:") else {
      self = text.hasSuffix(".S") || text.hasSuffix(".s") ? .assembly(text) : .file(text)
      return
    }
    let parts = text.dropFirst(7).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, parts.allSatisfy(Design.isName) else {
      throw CommandFailure(
        .badInput, text, "a design is named design:NAME or design:NAME:CELL; see 'limen list designs'")
    }
    self = .design(name: parts[0], cell: parts.count == 2 ? parts[1] : nil)
  }

  /// What is about to be done with a file of somebody's, for a message; nil for what Limen has built itself.
  var reads: String? {
    switch self {
    case .file(let path): "reads the kernel \(path)"
    case .assembly(let path): "assembles \(path)"
    case .design: nil
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

  /// Lower-case letters, digits and hyphens: nothing that could lead out of the folder of images.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 64
      && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
  }
}
