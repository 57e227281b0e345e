/// Which bytes of RAM a stretch of a run reads before it writes them, and which it writes, by word.
import Machine

/// Of every word a stretch uses much less than there are, and thousands of stretches are asked: it is one object, and cleared.
final class ByteUses {
  /// Where in `bytes` the words of a page begin; -1 for nowhere.
  private var slots: [Int32]
  private var bytes: ContiguousArray<(read: UInt8, written: UInt8)> = []
  private(set) var pages: [Int] = []
  /// The words that are used, ascending.
  private var words: [UInt64] = []

  private static let wordsInPage = PhysicalMemory.pageSize / 8

  /// - Parameter count: how many pages of RAM there are.
  init(pages count: Int) { slots = Array(repeating: -1, count: count) }

  /// Takes in a stretch in place of the one before.
  func take(_ accesses: ContiguousArray<RAMAccess>) {
    for page in pages { slots[page] = -1 }
    pages.removeAll(keepingCapacity: true)
    words.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
    for access in accesses {
      let place = place(of: access.word)
      if bytes[place] == (0, 0) { words.append(access.word) }
      if access.isStore {
        bytes[place].written |= access.bytes
      } else {
        bytes[place].read |= access.bytes & ~bytes[place].written
      }
    }
    words.sort()
  }

  private func place(of word: UInt64) -> Int {
    let page = Int(word >> 9)
    if slots[page] < 0 {
      slots[page] = Int32(bytes.count)
      bytes.append(contentsOf: repeatElement((read: 0, written: 0), count: Self.wordsInPage))
      pages.append(page)
    }
    return Int(slots[page]) | Int(word & 511)
  }

  /// Calls `body` for every word that is used, ascending.
  func forEachWord(_ body: (_ word: UInt64, _ read: UInt8, _ written: UInt8) -> Void) {
    for word in words {
      let use = bytes[Int(slots[Int(word >> 9)]) | Int(word & 511)]
      body(word, use.read, use.written)
    }
  }
}
