import Findings

/// The line in a report's head that says where the names of places come from, when not from the image itself.
enum SymbolLine {
  /// The image's name, and the kernel's release where the name does not say it.
  static func title(of kernel: KernelIdentity) -> String {
    guard let release = kernel.release, !kernel.name.contains(release) else { return printable(kernel.name) }
    return "\(printable(kernel.name)) (Linux \(printable(release)))"
  }

  static func text(of kernel: KernelIdentity) -> String? {
    switch kernel.symbols {
    case .nowhere?: "no symbols: the image has none that can be decoded, places are addresses (see --symbols)"
    case .file?: "symbols: from a file given with --symbols"
    case nil: nil
    }
  }
}
