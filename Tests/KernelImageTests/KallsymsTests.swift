import Foundation
import KernelImage
import Testing

/// Goal: the names of a stripped image are found in every layout that scripts/kallsyms.c has written since 5.10. Expected values: the
/// symbols that the test encoded; real kernels are compared in `RealKernelTests`.
@Suite struct KallsymsTests {
  static let text = SyntheticELF.textAddress

  static let perCPU: [SyntheticKallsyms.Symbol] = [
    .init(address: 0, name: "Afixed_percpu_data"), .init(address: 0x6000, name: "Acpu_tss_rw"),
  ]

  static let code: [SyntheticKallsyms.Symbol] = [
    .init(address: text, name: "Tentry_SYSCALL_64"), .init(address: text + 0x10, name: "tasm_exc_nmi"),
    .init(address: text + 0x20, name: "Tdo_nmi.cold"), .init(address: text + 0x20, name: "tdo_it"),
  ]

  static func symbols(_ layout: SyntheticKallsyms.Layout) -> [SyntheticKallsyms.Symbol] {
    switch layout {
    case .countingUp, .placeRelative, .absolute: code
    default: perCPU + code
    }
  }

  static func table(_ symbols: [SyntheticKallsyms.Symbol], _ layout: SyntheticKallsyms.Layout) throws -> SymbolTable {
    try KernelImage(bytes: SyntheticKallsyms(symbols: symbols, layout: layout).inELF(), name: "kernel").symbols
  }

  @Test(arguments: SyntheticKallsyms.Layout.allCases)
  func everyLayout(layout: SyntheticKallsyms.Layout) throws {
    let symbols = Self.symbols(layout)
    let table = try Self.table(symbols, layout)
    #expect(table.count == symbols.count)
    for symbol in symbols {
      let found = table.symbol(named: String(symbol.name.dropFirst()))
      #expect(found?.address == symbol.address)
      #expect(found?.type == symbol.name.first)
    }
    #expect(table.symbolize(Self.text + 9)?.description == "entry_SYSCALL_64+0x9")
    #expect(table.symbolize(Self.text + 0x21)?.name == "do_nmi.cold", "the global alias")
    #expect(table.symbolize(0x6000) == nil, "a per-CPU offset is no address")
  }

  /// More than one marker, and all but the last of them on the way.
  @Test(arguments: SyntheticKallsyms.Layout.allCases, [1, 255, 256, 257, 512, 513])
  func everyCountAroundAMarker(layout: SyntheticKallsyms.Layout, count: Int) throws {
    let symbols = (0..<count).map {
      SyntheticKallsyms.Symbol(address: Self.text + UInt64($0 % 64), name: "tsymbol_\($0)")
    }.sorted { $0.address < $1.address }
    let table = try Self.table(symbols, layout)
    #expect(table.count == count)
    for symbol in symbols { #expect(table.lookup(String(symbol.name.dropFirst())) == symbol.address) }
  }

  @Test(arguments: [126, 127, 128, 129, 200, 400])
  func longNamesTakeTwoBytesOfLength(length: Int) throws {
    let name = String(repeating: "x", count: length)
    let symbols = Self.code + [.init(address: Self.text + 0x30, name: "t" + name)]
    #expect(try Self.table(symbols, .offsetsInFront).lookup(name) == Self.text + 0x30)
    #expect(try Self.table(symbols, .offsetsBehind).lookup(name) == Self.text + 0x30)
  }

  /// Linux 5.10 writes a length of 128, its longest, as one byte.
  @Test func theLongestNameOfOldKernels() throws {
    let name = String(repeating: "x", count: 127)
    let symbols = Self.code + [.init(address: Self.text + 0x30, name: "t" + name)]
    #expect(try Self.table(symbols, .oneByteLengths).lookup(name) == Self.text + 0x30)
  }

  /// An image may hold the digits in other tables too.
  @Test func falseHitsBeforeTheTable() throws {
    let decoy = Array("0 1 2 3 4 5 6 7 8 9 ".utf8).map { $0 == 0x20 ? 0 : $0 }
    var data = ByteBuffer(bytes: decoy)
    data.append([0, 7, 7])
    data.append(decoy)
    data.align(8)
    data.append(SyntheticKallsyms(symbols: Self.code, layout: .offsetsBehind).build())
    let image = try KernelImage(bytes: SyntheticELF(data: data.bytes).build(), name: "kernel")
    #expect(image.symbols.count == Self.code.count)
  }

  /// From 7.0 tables follow each other at multiples of 4: num_syms may stand at any of them, and names right behind it.
  @Test(arguments: [0, 4, 8, 12])
  func selfRelativeOffsetsAtAnyMultipleOfFour(shift: UInt64) throws {
    var blob = SyntheticKallsyms(symbols: Self.code, layout: .placeRelative)
    blob.address += shift
    let data = [UInt8](repeating: 0, count: Int(shift)) + blob.build()
    let table = try KernelImage(bytes: SyntheticELF(data: data).build(), name: "kernel").symbols
    #expect(table.count == Self.code.count)
    for symbol in Self.code { #expect(table.lookup(String(symbol.name.dropFirst())) == symbol.address) }
  }

  /// Without a base, _text at the start of a segment is what confirms offsets: linked elsewhere they lead elsewhere, and no name is better
  /// than a wrong one.
  @Test func selfRelativeOffsetsOfAnotherPlaceGiveNoSymbols() throws {
    var blob = SyntheticKallsyms(symbols: Self.code, layout: .placeRelative)
    blob.address += 8
    #expect(try KernelImage(bytes: blob.inELF(), name: "kernel").symbols.isEmpty)
  }

  /// Offsets that count up also ascend when each is added to its own place.
  @Test func aBaseThatIsBrokenGivesNoSymbols() throws {
    let kallsyms = SyntheticKallsyms(symbols: Self.code, layout: .countingUp)
    var blob = ByteBuffer(bytes: kallsyms.build())
    var base = ByteBuffer()
    base.append(kallsyms.base)
    let place = try #require(blob.bytes.firstRange(of: base.bytes))
    blob.put(UInt64(0x1000), at: place.lowerBound)
    #expect(try KernelImage(bytes: SyntheticELF(data: blob.bytes).build(), name: "kernel").symbols.isEmpty)
  }

  @Test func aTableThatContradictsItselfGivesNoSymbols() throws {
    var descending = Self.code
    descending.swapAt(0, 2)
    #expect(try Self.table(descending, .offsetsInFront).isEmpty)
    #expect(try Self.table([], .offsetsInFront).isEmpty)
  }

  /// Sixteen MiB that look like the beginning of a table everywhere: the search gives up instead of trying all of it.
  @Test func aHostileImageEndsTheSearch() throws {
    let blob = SyntheticKallsyms(symbols: Self.code, layout: .countingUp).build()
    var countsEverywhere = ByteBuffer()
    for _ in 0..<2 << 20 {
      countsEverywhere.append(UInt32(1000))
      countsEverywhere.append(UInt32(0))
    }
    let tablesEverywhere = [[UInt8]](repeating: Array(blob.dropFirst(8)), count: (16 << 20) / blob.count).flatMap(
      \.self)
    for data in [countsEverywhere.bytes + blob.dropFirst(8), tablesEverywhere] {
      let elf = SyntheticELF(data: data).build()
      var start = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
      _ = try KernelImage(bytes: elf, name: "kernel").symbols
      var end = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
      #expect(end.tv_sec - start.tv_sec < 10)
    }
  }
}
