import ArgumentParser
import Findings
import KernelImage

/// Names for places, for the verbs that name them.
struct SymbolOptions: ParsableArguments {
  @Option(
    help: """
      A System.map, or an ELF file with a symbol table (a vmlinux), of the kernel: names for places in an image that has none of its \
      own. With several kernels once for each, in their order.
      """, completion: .file())
  var symbols: [String] = []

  /// The kernels, with the symbols that were given for them.
  func naming(_ kernels: [NamedKernel]) throws(CommandFailure) -> [NamedKernel] {
    if symbols.isEmpty { return kernels }
    guard symbols.count == kernels.count else {
      throw CommandFailure(.badInput, "--symbols", "given \(symbols.count) times for \(kernels.count) kernels")
    }
    var named = kernels
    for (index, file) in symbols.enumerated() { try named[index].takeSymbols(of: file) }
    return named
  }

  func naming(_ kernel: NamedKernel) throws(CommandFailure) -> NamedKernel { try naming([kernel])[0] }
}
