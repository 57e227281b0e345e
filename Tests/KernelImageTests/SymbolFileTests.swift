import KernelImage
import Testing

/// Goal: an image without names takes them from a System.map or from an ELF file of the same kernel, and a file that is neither, or another
/// kernel's, is refused in one line that says where. Expected values: the symbols that the test wrote, `nm`'s format.
@Suite struct SymbolFileTests {
  static let text = SyntheticELF.textAddress
  static let data = SyntheticELF.dataAddress

  static let map = """
    0000000000000000 D __per_cpu_start
    0000000000006000 D cpu_tss_rw
    ffffffff81000000 T _text
    ffffffff81000010 t entry_SYSCALL_64
    ffffffff81100000 D counter

    """

  static func image(_ elf: SyntheticELF = SyntheticELF()) throws -> KernelImage {
    try KernelImage(bytes: elf.build(), name: "kernel")
  }

  static func naming(_ bytes: some Sequence<UInt8>, _ elf: SyntheticELF = SyntheticELF()) throws -> KernelImage {
    var image = try image(elf)
    try image.takeSymbols(bytes: Array(bytes), name: "names")
    return image
  }

  /// What it says of a file that it refuses; nil of one that it takes.
  static func complaint(_ bytes: some Sequence<UInt8>, _ elf: SyntheticELF = SyntheticELF()) -> String? {
    do {
      _ = try naming(bytes, elf)
      return nil
    } catch { return "\(error)" }
  }

  @Test func aSystemMapNamesPlaces() throws {
    #expect(try Self.image().symbols.isEmpty)
    let image = try Self.naming(Self.map.utf8)
    #expect(image.symbolsAreGiven)
    #expect(image.symbols.count == 5)
    #expect(image.symbols.symbolize(Self.text + 0x19)?.description == "entry_SYSCALL_64+0x9")
    #expect(image.symbols.symbol(named: "entry_SYSCALL_64")?.type == "t")
    #expect(image.symbols.symbolize(Self.data)?.description == "counter+0x0")
    #expect(image.symbols.lookup("cpu_tss_rw") == 0x6000)
    #expect(image.symbols.symbolize(0x6000) == nil)
    // A last line may lack its line feed.
    #expect(try Self.naming(Self.map.utf8.dropLast()).symbols.count == 5)
  }

  @Test func anELFFileNamesPlaces() throws {
    let symbols = [
      SymbolTableTests.symbol("entry_SYSCALL_64", Self.text + 16),
      SymbolTableTests.symbol("counter", Self.data, section: 2),
    ]
    let image = try Self.naming(SyntheticELF(symbols: symbols).build())
    #expect(image.symbolsAreGiven)
    #expect(image.symbols.symbolize(Self.text + 25)?.description == "entry_SYSCALL_64+0x9")
    #expect(image.symbols.lookup("counter") == Self.data)
  }

  /// They replace the image's own.
  @Test func givenSymbolsComeFirst() throws {
    let own = SyntheticELF(symbols: [SymbolTableTests.symbol("own", Self.text)])
    #expect(try Self.image(own).symbols.symbolize(Self.text)?.name == "own")
    #expect(try Self.naming(Self.map.utf8, own).symbols.symbolize(Self.text)?.name == "_text")
    #expect(try Self.naming(Self.map.utf8, own).symbols.lookup("own") == nil)
  }

  @Test(arguments: [
    ("", "byte 0x0: no line that names a symbol"),
    ("\n", "byte 0x0: line 1 is not"),
    ("ffffffff81000000 T _text\n\nffffffff81000010 t x\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff8100001g t x\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff810000100 t x\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nFFFFFFFF81000010 t x\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\n t x\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff81000010 tt x\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff81000010 7 x\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff81000010 t \n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff81000010 t x\r\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff81000010 t x\u{1B}[2J\n", "byte 0x19: line 2 is not"),
    ("ffffffff81000000 T _text\nffffffff81000010", "byte 0x19: line 2 is not"),
    // What distributions leave in place of the real one.
    ("ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n", "byte 0x0: line 1 is not"),
    ("0000000000100000 T _text\n", "byte 0x0: none of its 1 symbols lies in kernel"),
  ])
  func aMapThatIsNone(text: String, complaint: String) {
    let said = Self.complaint(text.utf8)
    #expect(said?.hasPrefix("names: \(complaint)") == true, "\(said ?? "taken")")
  }

  @Test func anELFFileThatNamesNothing() throws {
    #expect(Self.complaint(SyntheticELF(withSections: false).build())?.contains("without .symtab") == true)
    #expect(Self.complaint(SyntheticELF(symbols: []).build())?.contains("without .symtab") == true)
    let elsewhere = SyntheticELF(symbols: [SymbolTableTests.symbol("x", 0x1000)])
    #expect(Self.complaint(elsewhere.build())?.contains("none of its 1 symbols lies in kernel") == true)
    #expect(Self.complaint(elsewhere.build().prefix(100))?.hasPrefix("names: byte 0x") == true)
  }

  /// Where the linker left a build ID in both, they tell kernels apart.
  @Test func anotherBuildIsRefused() throws {
    let own = SyntheticELF(buildID: [1, 2, 0xab])
    let symbols = [SymbolTableTests.symbol("_text", Self.text)]
    #expect(Self.complaint(SyntheticELF(symbols: symbols, buildID: [1, 2, 0xab]).build(), own) == nil)
    #expect(Self.complaint(SyntheticELF(symbols: symbols).build(), own) == nil)
    let said = Self.complaint(SyntheticELF(symbols: symbols, buildID: [1, 2, 0xac]).build(), own)
    #expect(said?.contains("another kernel's: build ID 0102ac, and kernel has 0102ab") == true, "\(said ?? "taken")")
  }

  /// Whatever the bytes, names or one line.
  @Test(arguments: [
    SymbolFileTests.map.utf8.map { $0 }, SyntheticELF(symbols: [SymbolTableTests.symbol("x", text)]).build(),
  ])
  func everyMutationIsTakenOrRefused(seed: [UInt8]) throws {
    let image = try Self.image()
    var taken = 0
    var torn: [String] = []
    let inputs = 10_000
    for number in 0..<inputs {
      var mutator = Mutator(seed: UInt64(number))
      var named = image
      do {
        try named.takeSymbols(bytes: mutator.mutated(seed), name: "names")
        taken += 1
        for symbol in named.symbols.symbols { _ = named.symbols.symbolize(symbol.address) }
      } catch {
        let said = "\(error)"
        if said.contains("\n") { torn.append(said) }
      }
    }
    #expect(torn.isEmpty)
    #expect(taken > inputs / 1000 && taken < inputs)
  }
}
