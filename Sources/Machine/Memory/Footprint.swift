/// What a stretch of a run read and wrote of RAM, word by word in its order: from it follows what another run need not repeat.
///
/// Every access counts that an instruction, the delivery of an event or a hypervisor makes, by physical address. Page walks are kept
/// apart: which pages they read as page tables, without the A and D flags that they set. A store to a part of a word counts as a
/// load as well, since the rest of the word stays.
/// SDM vol. 3A, "4-Level Paging", "Accessed and Dirty Flags".
public final class Footprint {
  /// One access: the number of the word (its physical address divided by 8), doubled, plus 1 for a store.
  public private(set) var accesses: ContiguousArray<UInt64> = []
  /// Pages that were read as page tables.
  public private(set) var tables: Set<Int> = []
  private var lastTable = -1

  public init() { accesses.reserveCapacity(4096) }

  /// Forgets everything.
  public func clear() {
    accesses.removeAll(keepingCapacity: true)
    tables.removeAll(keepingCapacity: true)
    lastTable = -1
  }

  @inline(__always) func read(_ physical: UInt64, size: Int) {
    let first = physical >> 3
    accesses.append(first << 1)
    let last = (physical &+ UInt64(size &- 1)) >> 3
    if last != first { readMore(first &+ 1, last) }
  }

  private func readMore(_ first: UInt64, _ last: UInt64) {
    for word in first...last { accesses.append(word << 1) }
  }

  func write(_ physical: UInt64, size: Int) {
    for word in physical >> 3...(physical &+ UInt64(size &- 1)) >> 3 {
      let isWhole = word << 3 >= physical && word << 3 &+ 8 <= physical &+ UInt64(size)
      if !isWhole { accesses.append(word << 1) }
      accesses.append(word << 1 | 1)
    }
  }

  @inline(__always) func walk(_ entry: UInt64) {
    let page = Int(entry >> 12)
    if page == lastTable { return }
    lastTable = page
    tables.insert(page)
  }
}
