/// The pages that are page tables.
///
/// SDM vol. 3A, "4-Level Paging", "Accessed and Dirty Flags".
extension Processor {
  /// What the processor itself sets in an entry of a table.
  public static var accessedAndDirty: UInt64 { PageTableEntry.accessed | PageTableEntry.dirty }

  /// Numbers of the pages of RAM that are tables below the top one that `tables` (a CR3 value) names, itself included.
  public func tablePages(of tables: UInt64) -> Set<Int> {
    var found: Set<Int> = []
    visit(table: tables & PageTableEntry.addressMask, shift: 39, &found)
    return found
  }

  private func visit(table: UInt64, shift: UInt64, _ found: inout Set<Int>) {
    guard memory.contains(table, count: 4096), found.insert(Int(table >> 12)).inserted, shift > 12 else { return }
    for i in 0..<UInt64(512) {
      let entry = loadPhysical64(table + i * 8)
      guard entry & PageTableEntry.present != 0, shift == 39 || entry & PageTableEntry.pageSize == 0 else { continue }
      visit(table: entry & PageTableEntry.addressMask, shift: shift - 9, &found)
    }
  }
}
