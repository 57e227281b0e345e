/// Bytes of RAM that many trials have in common. Trials of an event read much the same, wherever they begin, so what they read of a page is
/// kept once for all that read the same of it.

final class SharedBytes {
  /// Some bytes of words of one page, ascending.
  final class OfPage {
    let bytes: ArraySlice<Bytes>

    fileprivate init(_ bytes: ArraySlice<Bytes>) { self.bytes = bytes }
  }

  private var pages: [ArraySlice<Bytes>: OfPage] = [:]
  /// Words that all of them hold.
  private(set) var words = 0

  /// The same bytes, page by page.
  ///
  /// - Parameter bytes: ascending.
  func share(_ bytes: [Bytes]) -> [OfPage] {
    var shared: [OfPage] = []
    var start = 0
    for i in bytes.indices where i + 1 == bytes.count || bytes[i + 1].word >> 9 != bytes[i].word >> 9 {
      shared.append(share(piece: bytes[start...i]))
      start = i + 1
    }
    return shared
  }

  private func share(piece: ArraySlice<Bytes>) -> OfPage {
    if let known = pages[piece] { return known }
    // The rest of the array is not kept with it.
    let page = OfPage(Array(piece)[...])
    pages[page.bytes] = page
    words += piece.count
    return page
  }
}
