/// What a stretch of a run read and wrote of RAM, in its order: from it follows what another run need not repeat.
///
/// Every access to RAM counts that an instruction, the delivery of an event or a hypervisor makes, by physical address; what lies outside reads the
/// same at all times. Page walks are kept
/// apart: which pages they read as page tables, without the A and D flags that they set.
/// SDM vol. 3A, "4-Level Paging", "Accessed and Dirty Flags".

/// A load or store of some bytes of one word of RAM.
public struct RAMAccess: Sendable, Hashable {
  private let bits: UInt64

  @inline(__always) init(word: UInt64, bytes: UInt8, isStore: Bool) {
    bits = word << 9 | UInt64(bytes) << 1 | (isStore ? 1 : 0)
  }

  /// The number of the word: its physical address divided by 8.
  public var word: UInt64 { bits >> 9 }
  /// A bit for each byte, the lowest for that at the word's address.
  public var bytes: UInt8 { UInt8(truncatingIfNeeded: bits >> 1) }
  public var isStore: Bool { bits & 1 == 1 }
}

public final class Footprint {
  public private(set) var accesses: ContiguousArray<RAMAccess> = []
  /// Pages that were read as page tables.
  public private(set) var tables: Set<Int> = []
  /// By level, the page that was read last.
  private var last = InlineArray<4, Int>(repeating: -1)

  /// How many accesses were made when DR6 was read last, as whatever but a part of DR6; nil where it was not.
  public private(set) var debugStatusRead: Int?

  /// Accesses are taken down. Between two stretches somebody may look at the guest's memory who is no part of it.
  public var isOpen = false

  public init() { accesses.reserveCapacity(4096) }

  /// Forgets everything.
  public func clear() {
    accesses.removeAll(keepingCapacity: true)
    tables.removeAll(keepingCapacity: true)
    last = InlineArray(repeating: -1)
    debugStatusRead = nil
  }

  /// An instruction, or a platform, reads DR6.
  func readDebugStatus() { if isOpen { debugStatusRead = accesses.count } }

  @inline(__always) func read(_ physical: UInt64, size: Int) { add(physical, size: size, isStore: false) }
  @inline(__always) func write(_ physical: UInt64, size: Int) { add(physical, size: size, isStore: true) }

  @inline(__always) private func add(_ physical: UInt64, size: Int, isStore: Bool) {
    guard isOpen else { return }
    let offset = physical & 7
    if offset &+ UInt64(size) > 8 { return addPieces(physical, size: size, isStore: isStore) }
    let bytes = UInt8(truncatingIfNeeded: (1 << UInt64(size) &- 1) << offset)
    accesses.append(RAMAccess(word: physical >> 3, bytes: bytes, isStore: isStore))
  }

  private func addPieces(_ physical: UInt64, size: Int, isStore: Bool) {
    var at = physical
    let end = physical &+ UInt64(size)
    while at < end {
      let next = min((at | 7) &+ 1, end)
      add(at, size: Int(next - at), isStore: isStore)
      at = next
    }
  }

  /// An entry was read on a page walk, so many levels below the top.
  @inline(__always) func walk(_ entry: UInt64, level: Int) {
    let page = Int(entry >> 12)
    if page == last[level] { return }
    last[level] = page
    tables.insert(page)
  }
}
