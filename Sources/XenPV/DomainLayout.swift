/// Where the domain builder puts what: pseudo-physical frames and the page tables that map them.
///
/// Xen `tools/libs/guest/xg_dom_core.c`, `xc_dom_build_image`; `xg_dom_x86.c`, `count_pgtables`, `alloc_pgtables_pv`,
/// `alloc_p2m_list_x86_64`. From VIRT_BASE upwards:
///
///     (gap)   kernel   [module]   [p2m list]   start_info   XenStore ring   console ring   page tables   boot stack   padding
///
/// The module comes behind that where the kernel takes it unmapped, and behind it the p2m list where INIT_P2M maps it elsewhere.
import Findings

struct DomainLayout {
  /// Frames, from `start` up.
  struct Region {
    var start: UInt64
    var count: UInt64
  }

  /// A stretch of addresses whose pages are frames in a row. `last` is its last byte.
  struct Mapping {
    var first: UInt64
    var last: UInt64
    var frame: UInt64
  }

  /// A table of the initial page tables: the first address that it maps tells it from the others of its level.
  struct Table: Hashable {
    var level: UInt64
    var first: UInt64
  }

  let base: UInt64
  private(set) var module = Region(start: 0, count: 0)
  private(set) var p2m = Region(start: 0, count: 0)
  /// Where the p2m list is mapped.
  private(set) var p2mAddress: UInt64 = 0
  private(set) var startInfo: UInt64 = 0
  private(set) var storeRing: UInt64 = 0
  private(set) var consoleRing: UInt64 = 0
  private(set) var tables = Region(start: 0, count: 0)
  private(set) var bootStack: UInt64 = 0
  private(set) var mappings: [Mapping] = []
  /// The frame of each table. The L4 comes first.
  private(set) var frameOfTable: [Table: UInt64] = [:]

  private var next: UInt64 = 0
  private let pages: UInt64

  /// Bits of a linear address below the index of a table's entries.
  static func shift(_ level: UInt64) -> UInt64 { 12 + (level - 1) * 9 }

  init(_ kernel: KernelParameters, moduleSize: Int?, domainPages: Int) throws(Refusal) {
    base = kernel.virtualBase ?? 0
    pages = UInt64(domainPages)
    next = (kernel.start - base) >> 12
    guard kernel.end - kernel.start <= pages << 12 else {
      throw Refusal(
        "the kernel's \(kernel.end - kernel.start) bytes do not fit into a domain of \(pages) pages",
        needsMemory: kernel.end - kernel.start < UInt64(HypervisorTable.mostFrames) << 12)
    }
    _ = try take((kernel.end - kernel.start + 4095) >> 12, "the kernel")
    let modulePages = UInt64(((moduleSize ?? 0) + 4095) >> 12)
    if !kernel.takesUnmappedModule { module = try take(modulePages, "the module") }
    let listPages = (pages * 8 + 4095) >> 12
    if kernel.initialP2M == nil {
      p2m = try take(listPages, "the p2m list")
      p2mAddress = address(p2m.start)
    }
    startInfo = try take(1, "start_info").start
    storeRing = try take(1, "the XenStore ring").start
    consoleRing = try take(1, "the console ring").start
    try takeTables()
    bootStack = try take(1, "the boot stack").start
    let mapped = (mappings[0].last - base + 1) >> 12
    _ = try take(mapped - next, "the padding")
    if kernel.takesUnmappedModule { module = try take(modulePages, "the module") }
    if let list = kernel.initialP2M { try takeP2M(at: list, listPages) }
  }

  /// The initial mapping's address of a frame.
  func address(_ frame: UInt64) -> UInt64 { base &+ frame << 12 }

  private mutating func take(_ count: UInt64, _ what: String) throws(Refusal) -> Region {
    guard count <= pages, next <= pages - count else {
      throw Refusal(
        "\(what) does not fit: \(count) pages from page \(next) of a domain of \(pages)",
        needsMemory: count < HypervisorTable.mostFrames && next < HypervisorTable.mostFrames)
    }
    next += count
    return Region(start: next - count, count: count)
  }

  /// The initial mapping ends at a multiple of 4 MiB, and leaves 512 KiB and the boot stack's page behind the tables.
  private mutating func takeTables() throws(Refusal) {
    let extra: UInt64 = 1 + 128
    var count = extra
    let used = address(next)
    while true {
      let (end, wraps) = used.addingReportingOverflow(count << 12)
      let last = end | 0x3F_FFFF
      guard !wraps, (last - base) >> 12 < pages else {
        throw Refusal(
          "\(pages) pages are not enough for the initial mapping from \(hex(base)) to \(hex(last))", needsMemory: true)
      }
      let mapping = Mapping(first: base, last: last, frame: 0)
      let needed = newTables(for: mapping)
      if used - 1 + (UInt64(needed.count) + extra) << 12 <= last {
        try check(mapping)
        tables = try take(UInt64(needed.count), "the page tables")
        for (index, table) in needed.enumerated() { frameOfTable[table] = tables.start + UInt64(index) }
        mappings.append(mapping)
        return
      }
      count = UInt64(needed.count) + extra
    }
  }

  private mutating func takeP2M(at list: UInt64, _ listPages: UInt64) throws(Refusal) {
    let mapping = Mapping(first: list, last: list &+ (listPages << 12 - 1), frame: next)
    try check(mapping)
    guard mapping.last < base else { throw Refusal("the p2m list at INIT_P2M \(hex(list)) reaches into the kernel") }
    let needed = newTables(for: mapping)
    p2m = try take(listPages + UInt64(needed.count), "the p2m list")
    p2mAddress = list
    for (index, table) in needed.enumerated() { frameOfTable[table] = p2m.start + listPages + UInt64(index) }
    mappings.append(mapping)
  }

  /// Addresses that a guest may map.
  private func check(_ mapping: Mapping) throws(Refusal) {
    let isLow = mapping.last < 1 << 47
    let isHigh = mapping.first >= Layout.hypervisorEnd
    guard mapping.first <= mapping.last, isLow || isHigh else {
      throw Refusal("the mapping from \(hex(mapping.first)) to \(hex(mapping.last)) is not in a guest's addresses")
    }
  }

  /// The tables that a mapping needs and that are not there yet, from the top level down.
  private func newTables(for mapping: Mapping) -> [Table] {
    var result: [Table] = []
    for level in stride(from: UInt64(4), through: 1, by: -1) {
      // A table covers what one entry of the level above does.
      let bits = Self.shift(level + 1)
      let (from, to) = level == 4 ? (0, 0) : (mapping.first >> bits, mapping.last >> bits)
      for index in from...to {
        let table = Table(level: level, first: index << bits)
        if frameOfTable[table] == nil { result.append(table) }
      }
    }
    return result
  }
}
