/// The kernel's names: an address for a name, and a name for an address.
///
/// Several symbols may share an address. The one that names it is chosen by rule, the same in every run: a global function
/// (type `T`) first, then any other global, then the rest, marks of the linker script last; among equals the shortest name, then the first in byte order.
///
/// Absolute symbols (type `A`: the offsets of per-CPU variables, sizes and the like) are kept apart. They are found by name, and never
/// name an address: a per-CPU offset such as 0x6000 would otherwise seem to be code at the bottom of memory.
public struct SymbolTable: Sendable {
  public struct Symbol: Sendable, Equatable {
    public let name: String
    public let address: UInt64
    /// The letter `nm` prints: upper case for a global symbol, lower case for a local one.
    public let type: Character
  }

  /// An address in the words of a symbol, printed as the kernel's oops and objtool print it: `entry_SYSCALL_64+0x9`.
  public struct Location: Sendable, Equatable, CustomStringConvertible {
    public let name: String
    public let offset: UInt64
    /// From the symbol's address to the next symbol's, or to the end of its segment.
    public let size: UInt64

    public var description: String { "\(readableName)+0x\(String(offset, radix: 16))" }
  }

  struct Entry: Sendable {
    var address: UInt64
    /// The name's place in `names`.
    var start: UInt32
    var length: UInt16
    var type: UInt8

    var range: Range<Int> { Int(start)..<Int(start) + Int(length) }
    var isAbsolute: Bool { type | 0x20 == UInt8(ascii: "a") }
    var isGlobal: Bool { type & 0x20 == 0 }
  }

  /// Ordered by address, and within an address by the rule above. Absolute symbols stand in `absolute` in the same order.
  let located: [Entry]
  let absolute: [Entry]
  let names: [UInt8]
  /// The addresses that belong to the kernel, in order, without overlap.
  let ranges: [Range<UInt64>]
  private let index: NameIndex

  public static let empty = Builder().finish(ranges: [])

  init(located: [Entry], absolute: [Entry], names: [UInt8], ranges: [Range<UInt64>]) {
    self.located = located
    self.absolute = absolute
    self.names = names
    self.ranges = ranges
    index = NameIndex(located: located, absolute: absolute, names: names)
  }

  /// How many symbols there are, absolute ones included.
  public var count: Int { located.count + absolute.count }
  public var isEmpty: Bool { count == 0 }

  /// The address of a name; for a per-CPU variable its offset. When several symbols have the name, a global one is meant, and among
  /// equals the one at the lowest address.
  public func lookup(_ name: String) -> UInt64? { symbol(named: name)?.address }

  public func symbol(named name: String) -> Symbol? {
    var name = name
    return name.withUTF8 { index.find($0, located: located, absolute: absolute, names: names) }.map(symbol(of:))
  }

  /// The symbol that an address belongs to, if it lies in the kernel.
  public func symbolize(_ address: UInt64) -> Location? {
    guard let segment = ranges.last(where: { $0.lowerBound <= address }), segment.contains(address) else { return nil }
    let next = firstIndex(above: address)
    guard next > 0, located[next - 1].address >= segment.lowerBound else { return nil }
    let start = located[next - 1].address
    var chosen = next - 1
    while chosen > 0, located[chosen - 1].address == start { chosen -= 1 }
    let end = next < located.count ? min(located[next].address, segment.upperBound) : segment.upperBound
    return Location(name: name(of: located[chosen]), offset: address - start, size: end - start)
  }

  /// All symbols that name an address, by address; aliases in the order of preference.
  public var symbols: some Sequence<Symbol> { located.lazy.map(symbol(of:)) }

  /// The absolute symbols, per-CPU offsets among them, by value.
  public var absoluteSymbols: some Sequence<Symbol> { absolute.lazy.map(symbol(of:)) }

  private func firstIndex(above address: UInt64) -> Int {
    var low = 0
    var high = located.count
    while low < high {
      let middle = (low + high) / 2
      if located[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func name(of entry: Entry) -> String { String(decoding: names[entry.range], as: UTF8.self) }

  private func symbol(of entry: Entry) -> Symbol {
    Symbol(name: name(of: entry), address: entry.address, type: Character(UnicodeScalar(entry.type)))
  }
}

extension SymbolTable {
  /// Collects symbols in any order.
  struct Builder {
    private var entries: [Entry] = []
    private var names: [UInt8] = []

    /// Names take a few MiB in a real kernel. Past this bound a file is telling stories, such as a million symbols sharing one long name.
    static let mostNameBytes = 64 << 20

    mutating func reserve(symbols: Int) {
      entries.reserveCapacity(symbols)
      names.reserveCapacity(symbols * 24)
    }

    /// False when the names' bound is reached.
    mutating func add(_ name: some Collection<UInt8>, address: UInt64, type: UInt8) -> Bool {
      guard name.count <= UInt16.max, names.count + name.count <= Builder.mostNameBytes else { return false }
      let start = UInt32(names.count)
      names.append(contentsOf: name)
      entries.append(Entry(address: address, start: start, length: UInt16(name.count), type: type))
      return true
    }

    consuming func finish(ranges: [Range<UInt64>]) -> SymbolTable {
      let names = names
      var located = entries.filter { !$0.isAbsolute }
      var absolute = entries.filter(\.isAbsolute)
      let order: (Entry, Entry) -> Bool = { Builder.precedes($0, $1, names) }
      located.sort(by: order)
      absolute.sort(by: order)
      return SymbolTable(located: located, absolute: absolute, names: names, ranges: Builder.merged(ranges))
    }

    private static func precedes(_ one: Entry, _ other: Entry, _ names: [UInt8]) -> Bool {
      if one.address != other.address { return one.address < other.address }
      let ranks = (rank(one, names), rank(other, names))
      if ranks.0 != ranks.1 { return ranks.0 < ranks.1 }
      if one.length != other.length { return one.length < other.length }
      return names[one.range].lexicographicallyPrecedes(names[other.range])
    }

    private static func rank(_ entry: Entry, _ names: [UInt8]) -> Int {
      // Marks of the linker script, such as __irqentry_text_end, name the end of something else.
      let name = names[entry.range]
      if name.starts(with: "__".utf8), name.ends(with: "_start".utf8) || name.ends(with: "_end".utf8) { return 3 }
      if entry.type == UInt8(ascii: "T") { return 0 }
      return entry.isGlobal ? 1 : 2
    }

    private static func merged(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
      var merged: [Range<UInt64>] = []
      for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
        if let last = merged.last, range.lowerBound < last.upperBound {
          merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
        } else {
          merged.append(range)
        }
      }
      return merged
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate func ends(with suffix: String.UTF8View) -> Bool { self.suffix(suffix.count).elementsEqual(suffix) }
}
