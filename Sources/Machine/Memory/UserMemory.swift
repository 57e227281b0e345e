/// What user mode can write, page by page, as digests that can be compared.
///
/// SDM vol. 3A, "4-Level Paging": the lower half of the address space, where every level has P, U/S and R/W set.

/// A page that user mode can write.
public struct UserPage: Sendable, Hashable {
  public var linear: UInt64
  public var digest: UInt64
  /// Its place in RAM, in pages: the user cannot tell.
  var page: Int

  public static func == (one: UserPage, other: UserPage) -> Bool {
    one.linear == other.linear && one.digest == other.digest
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(linear)
    hasher.combine(digest)
  }
}

/// The user's pages as they were when a fork was opened, so that only what was written since has to be looked at again.
public struct UserMemory: Sendable {
  public var pages: [UserPage] = []
  /// The places of the pages in RAM, in pages.
  public var pageNumbers: Set<Int> { Set(pages.map(\.page)) }
  /// Where the user has the word of this number (a physical address divided by 8), in one of the pages; nil where in none.
  public func linearAddress(ofWord number: UInt64) -> UInt64? {
    pages.first { UInt64($0.page) == number >> 9 }.map { $0.linear + number % 512 * 8 }
  }
  /// The top table, and every table below it.
  fileprivate var tables: [Int] = []
  /// How many forks were open.
  fileprivate var depth: Int

  public init() { depth = 0 }
  fileprivate init(depth: Int) { self.depth = depth }
}

extension Processor {
  /// The user's pages in the current address space, ascending, as they are now; to be taken when a fork was just opened.
  public func userMemory() -> UserMemory {
    var result = UserMemory(depth: memory.depth)
    visit(table: s.pointee.cr3 & PageTableEntry.addressMask, linear: 0, shift: 39, limit: 256, &result)
    return result
  }

  /// The same where `known` was taken at the innermost fork but those opened since.
  public func userPages(since known: UserMemory) -> [UserPage] {
    let top = Int(s.pointee.cr3 & PageTableEntry.addressMask) >> 12
    guard known.depth > 0, known.depth <= memory.depth, known.tables.first == top,
      !known.tables.contains(where: { memory.isWritten(page: $0, sinceFork: known.depth) })
    else { return userMemory().pages }
    var result = known.pages
    for i in result.indices where memory.isWritten(page: result[i].page, sinceFork: known.depth) {
      result[i].digest = digest(page: UInt64(result[i].page) << 12)
    }
    return result
  }

  private func visit(table: UInt64, linear: UInt64, shift: UInt64, limit: Int, _ result: inout UserMemory) {
    let needed = PageTableEntry.present | PageTableEntry.user | PageTableEntry.writable
    if memory.contains(table, count: 4096) { result.tables.append(Int(table >> 12)) }
    for i in 0..<limit {
      let entry = loadPhysical64(table + UInt64(i) * 8)
      guard entry & needed == needed else { continue }
      let at = linear | UInt64(i) << shift
      if shift == 12 {
        add(entry & PageTableEntry.addressMask, at: at, &result)
      } else if entry & PageTableEntry.pageSize == 0 || shift == 39 {
        visit(table: entry & PageTableEntry.addressMask, linear: at, shift: shift - 9, limit: 512, &result)
      } else {
        let base = entry & PageTableEntry.addressMask & ~((1 << shift) - 1)
        for piece in stride(from: UInt64(0), to: 1 << shift, by: 4096) { add(base + piece, at: at + piece, &result) }
      }
    }
  }

  private func add(_ page: UInt64, at linear: UInt64, _ result: inout UserMemory) {
    guard memory.contains(page, count: 4096) else { return }
    result.pages.append(UserPage(linear: linear, digest: digest(page: page), page: Int(page >> 12)))
  }

  private func digest(page: UInt64) -> UInt64 {
    var digest = WordDigest()
    // SAFETY: the page lies in RAM: `add` looked.
    let words = (memory.base + Int(page)).assumingMemoryBound(to: UInt64.self)
    for i in 0..<512 { digest.add(words[i]) }
    return digest.value
  }
}
