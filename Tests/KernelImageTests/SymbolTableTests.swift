import KernelImage
import Testing

/// Goal: a name has one address and an address one name, chosen by the documented rule whatever the order in the file; absolute symbols
/// never name an address. Expected values: the symbols that the test laid out.
@Suite struct SymbolTableTests {
  static let text = SyntheticELF.textAddress
  static let data = SyntheticELF.dataAddress

  static func table(_ symbols: [SyntheticELF.Symbol]) throws -> SymbolTable {
    try KernelImage(bytes: SyntheticELF(symbols: symbols).build(), name: "kernel").symbols
  }

  static func symbol(_ name: String, _ address: UInt64, global: Bool = true, section: UInt16 = 1) -> SyntheticELF.Symbol
  {
    SyntheticELF.Symbol(name: name, address: address, binding: global ? 0x12 : 0x02, section: section)
  }

  @Test func addressesAndNames() throws {
    let table = try Self.table([
      Self.symbol("second", Self.text + 16), Self.symbol("first", Self.text),
      Self.symbol("counter", Self.data, section: 2),
    ])
    #expect(table.count == 3)
    #expect(table.lookup("first") == Self.text)
    #expect(table.lookup("counter") == Self.data)
    #expect(table.lookup("third") == nil)
    #expect(table.lookup("") == nil)
    #expect(table.symbolize(Self.text)?.description == "first+0x0")
    #expect(table.symbolize(Self.text + 15)?.description == "first+0xf")
    #expect(table.symbolize(Self.text + 15)?.size == 16)
    #expect(table.symbolize(Self.text + 16)?.description == "second+0x0")
    #expect(table.symbolize(Self.text + 63)?.size == 48, "the last one ends with its segment")
    #expect(table.symbolize(Self.text + 64) == nil)
    #expect(table.symbolize(Self.text - 1) == nil)
    #expect(table.symbolize(Self.data + 0x101f)?.description == "counter+0x101f")
    #expect(table.symbolize(0) == nil)
    #expect(table.symbolize(.max) == nil)
  }

  @Test func anAddressBeforeTheFirstSymbolOfItsSegmentHasNoName() throws {
    let table = try Self.table([Self.symbol("first", Self.text), Self.symbol("counter", Self.data + 8, section: 2)])
    #expect(table.symbolize(Self.data + 7) == nil)
  }

  @Test func aliasesAreChosenByRule() throws {
    let aliases = [
      Self.symbol("a", Self.text, global: false), Self.symbol("zz", Self.text), Self.symbol("bb", Self.text),
      Self.symbol("ccc", Self.text),
      SyntheticELF.Symbol(name: "w", address: Self.text, binding: 0x22, section: 1),
    ]
    for order in [aliases, aliases.reversed()] {
      let table = try Self.table(order)
      #expect(table.symbolize(Self.text + 1)?.name == "bb")
      #expect(table.symbols.map(\.name) == ["bb", "zz", "ccc", "w", "a"])
      #expect(table.symbols.map(\.type) == ["T", "T", "T", "W", "t"])
    }
  }

  @Test func aNameTwiceMeansTheGlobalOneThenTheLowest() throws {
    let locals = [Self.symbol("init", Self.text + 8, global: false), Self.symbol("init", Self.text, global: false)]
    #expect(try Self.table(locals).lookup("init") == Self.text)
    #expect(try Self.table(locals + [Self.symbol("init", Self.text + 32)]).lookup("init") == Self.text + 32)
  }

  @Test func absoluteAndPerCPUSymbolsNameNoAddress() throws {
    let table = try Self.table([
      Self.symbol("cpu_tss_rw", 0x20, section: 3), Self.symbol("size", Self.text + 4, section: 0xfff1),
      Self.symbol("first", Self.text),
    ])
    #expect(table.lookup("cpu_tss_rw") == 0x20)
    #expect(table.symbol(named: "cpu_tss_rw")?.type == "A")
    #expect(table.symbolize(0x20) == nil)
    #expect(table.symbolize(Self.text + 4)?.name == "first")
    #expect(table.absoluteSymbols.map(\.name) == ["cpu_tss_rw", "size"])
    #expect(table.symbols.map(\.name) == ["first"])
  }

  @Test func noSymbolsAtAll() throws {
    let table = try Self.table([])
    #expect(table.isEmpty)
    #expect(table.lookup("first") == nil)
    #expect(table.symbolize(Self.text) == nil)
  }
}
