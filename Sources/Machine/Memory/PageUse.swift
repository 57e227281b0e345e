/// What pages of RAM are used for while a processor is watched: for whoever must know that a store changed no code and no page table, or that one
/// came to a byte.
///
/// SDM vol. 3A, "Propagation of Paging-Structure Changes", "Self-Modifying Code".
enum PageUse {
  /// Instructions were fetched from it.
  static let code: UInt8 = 1
  /// It was read as a page table. A store to it takes the slow path.
  static let table: UInt8 = 2
}

extension Processor {
  /// An entry of the page was read on a walk.
  @inline(__always) func noteTable(_ entry: UInt64) {
    guard isWatched, memory.contains(entry, count: 8), memory.uses[Int(entry >> 12)] & PageUse.table == 0 else {
      return
    }
    memory.uses[Int(entry >> 12)] |= PageUse.table
    dropWriteTranslations(toPage: Int(entry >> 12))
  }

  /// Instructions of the page are about to be executed.
  @inline(__always) func noteFetch(_ physical: UInt64) {
    guard isWatched, memory.uses[Int(physical >> 12)] & PageUse.code == 0 else { return }
    memory.uses[Int(physical >> 12)] |= PageUse.code
    memory.executedPages += 1
  }

  /// An instruction, or a hypervisor, stores there.
  @inline(__always) func noteStore(_ physical: UInt64, size: Int) {
    for page in Int(physical >> 12)...Int((physical &+ UInt64(size &- 1)) >> 12)
    where memory.uses[page] & PageUse.table != 0 {
      tableStores &+= 1
      tableChanges &+= 1
      return
    }
  }
}

extension Processor {
  /// An instruction is about to store on the page of `heardByte`. It stores alone, so that the run can stop behind it.
  func hearStore(_ physical: UInt64, size: Int) throws(Fault) {
    guard let heardByte, heardByte &- physical < UInt64(size) else { return }
    try requireAlone()
    heardStore = s.pointee.rip
    isStopRequested = true
  }

  /// The instruction that stored to `heardByte` since this was asked last; nil for none.
  public func takeHeardStore() -> UInt64? {
    defer { heardStore = nil }
    return heardStore
  }
}
