/// Software translation look-aside buffers: one for each access kind and each view of the page tables.
///
/// SDM vol. 3A, "Caching Translation Information"; AMD APM vol. 2, "Translation-Lookaside Buffer (TLB)".
/// An entry is made only by a page walk that the access could complete, so a hit needs no permission check. An entry stays
/// until the architecture's own rules drop it: a kernel that forgets to flush runs on the stale entry. The low 12 bits of a tag
/// name the context (a PCID since its last flush), so that changing CR3 costs nothing.
/// Not modelled: that a processor may keep global entries over a flush of their context; ours drops them with it.
struct TranslationEntry {
  /// Linear page address, with the context in the low 12 bits. Zero never matches: context 0 is not used.
  var tag: UInt64
  /// Host address of the page, minus its linear address.
  var addend: Int
}

/// Who looks: supervisor accesses depend on SMAP and AC, so they are cached apart.
enum TranslationView: Int {
  case user
  /// Supervisor, user pages not accessible (CR4.SMAP set, AC clear).
  case supervisorPrevented
  case supervisor
}

struct TranslationCache {
  static let entriesPerSet = 1024
  static let indexMask = UInt64(entriesPerSet - 1)
  static let viewCount = 3
  /// The tag under which nothing is cached: every access takes the slow path.
  static let disabledTag: UInt64 = 0xFFF

  // SAFETY: indexes are masked with `indexMask` and views are below `viewCount`.
  let entries: UnsafeMutablePointer<TranslationEntry>

  init() {
    let count = Self.entriesPerSet * Self.viewCount
    entries = .allocate(capacity: count)
    entries.initialize(repeating: TranslationEntry(tag: 0, addend: 0), count: count)
  }

  func deallocate() { entries.deallocate() }

  @inline(__always) func set(_ view: TranslationView) -> UnsafeMutablePointer<TranslationEntry> {
    entries + view.rawValue &* Self.entriesPerSet
  }

  func clear() {
    entries.update(repeating: TranslationEntry(tag: 0, addend: 0), count: Self.entriesPerSet * Self.viewCount)
  }

  /// Drops the page's entry in every view and context.
  func drop(page linear: UInt64) {
    let index = Int((linear >> 12) & Self.indexMask)
    for view in 0..<Self.viewCount { entries[view &* Self.entriesPerSet &+ index].tag = 0 }
  }
}
