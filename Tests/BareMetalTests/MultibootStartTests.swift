import BareMetal
import Testing

/// Goal: a kernel that follows the Multiboot Specification's "Boot information format" finds its modules, its command line, the memory
/// map and the words of the BIOS data area, nothing overlaps, and what does not fit is refused with its sizes.
@Suite struct MultibootStartTests {
  let mebibyte: UInt64 = 1 << 20

  @Test func aKernelFindsEverything() throws {
    let layout = try MultibootStart.layout(
      kernelEnd: 0x30_0123,
      modules: [.init(size: 5000, words: "first one"), .init(size: 0), .init(size: 1, words: "x")],
      commandLine: "kernel a=b", memorySize: 64 * mebibyte)
    let memory = SparseMemory(layout.writes)
    let information = UInt64(layout.informationAddress)
    #expect(information >= 0x30_0123 && information % 4 == 0)
    #expect(memory.load(information, 4) == 0b10_0100_1101)
    #expect(memory.load(information + 4, 4) == 636 && memory.load(information + 8, 4) == 63 << 10)
    #expect(memory.string(memory.load(information + 16, 4)) == "kernel a=b")
    #expect(memory.string(memory.load(information + 64, 4)) == "Limen")
    #expect(memory.load(information + 20, 4) == 3)
    let list = memory.load(information + 24, 4)
    var lowest = information + 116
    for (index, (size, words)) in [(UInt64(5000), "first one"), (0, ""), (1, "x")].enumerated() {
      let entry = list + UInt64(index) * 16
      let start = memory.load(entry, 4)
      #expect(start == layout.moduleAddresses[index] && start % 4096 == 0 && start >= lowest)
      #expect(memory.load(entry + 4, 4) == start + size)
      #expect(memory.string(memory.load(entry + 8, 4)) == words)
      #expect(memory.load(entry + 12, 4) == 0)
      lowest = start + size
    }
    // Each entry of the map is behind its own size.
    var ranges: [(UInt64, UInt64, UInt64)] = []
    var entry = memory.load(information + 48, 4)
    let end = entry + memory.load(information + 44, 4)
    while entry < end {
      ranges.append((memory.load(entry + 4, 8), memory.load(entry + 12, 8), memory.load(entry + 20, 4)))
      entry += 4 + memory.load(entry, 4)
    }
    #expect(entry == end)
    #expect(ranges.map(\.0) == [0, 0xA_0000, 0x10_0000] && ranges.map(\.2) == [1, 2, 1])
    #expect(ranges.map(\.1) == [0x9_F000, 0x6_0000, 63 * mebibyte])
    // COM1, the extended area's segment and size, and the base memory that both agree on.
    #expect(memory.load(0x400, 2) == 0x3F8 && memory.load(0x402, 2) == 0)
    #expect(memory.load(0x40E, 2) == 0x9F00 && memory.load(0x9_F000, 1) == 4 && memory.load(0x413, 2) == 636)
  }

  @Test func withoutModulesNoneAreShown() throws {
    let layout = try MultibootStart.layout(kernelEnd: 0, modules: [], commandLine: "", memorySize: 2 * mebibyte)
    let memory = SparseMemory(layout.writes)
    #expect(memory.load(UInt64(layout.informationAddress), 4) == 0b10_0100_0101)
    #expect(memory.load(UInt64(layout.informationAddress) + 20, 8) == 0 && layout.moduleAddresses.isEmpty)
  }

  @Test func modulesUpToTheLastByte() throws {
    let size = 4 * mebibyte
    func layout(_ modules: UInt64...) throws(StartRefusal) -> MultibootStart.Layout {
      try MultibootStart.layout(
        kernelEnd: 2 * mebibyte, modules: modules.map { .init(size: $0) }, commandLine: "", memorySize: size)
    }
    let free = 2 * mebibyte - 4096
    #expect(try layout(free).moduleAddresses == [2 * mebibyte + 4096])
    #expect(throws: StartRefusal.moduleDoesNotFit(index: 0, size: free + 1, available: free, memorySize: size)) {
      try layout(free + 1)
    }
    #expect(throws: StartRefusal.moduleDoesNotFit(index: 1, size: .max, available: free - 4096, memorySize: size)) {
      try layout(1, .max)
    }
  }

  @Test func whatCannotBeLaidOutIsRefused() {
    func layout(_ end: UInt64, _ line: String, _ words: String, _ size: UInt64) throws(StartRefusal) {
      _ = try MultibootStart.layout(
        kernelEnd: end, modules: [.init(size: 0, words: words)], commandLine: line, memorySize: size)
    }
    #expect(throws: StartRefusal.commandLineHoldsNUL(offset: 1)) { try layout(0, "a\0", "", 16 * mebibyte) }
    #expect(throws: StartRefusal.commandLineHoldsNUL(offset: 0)) { try layout(0, "", "\0", 16 * mebibyte) }
    #expect(throws: StartRefusal.memoryTooLarge(size: 1 << 32, highest: 0xFEC0_0000)) { try layout(0, "", "", 1 << 32) }
    for (end, size) in [(UInt64.max, 16 * mebibyte), (16 * mebibyte, 16 * mebibyte), (0, mebibyte), (0, 4096)] {
      #expect(throws: StartRefusal.self) { try layout(end, "", "", size) }
    }
  }

  /// Bytes below 0x500 and in the extended area are the firmware's, and the multiboot kernel is not placed over them.
  @Test(arguments: [(UInt64(0x4FF), UInt64(1)), (0, 0x1000), (0x9_EFFF, 2), (0x9_FFFF, 1)])
  func segmentsInTheFirmwaresData(address: UInt64, size: UInt64) throws {
    let computer = try BareMetalComputer(memorySize: 4 << 20, profile: .intel)
    let segment = BareMetalComputer.Segment(address: address, bytes: [], memorySize: size)
    #expect(throws: StartRefusal.segmentInFirmwareData(address: address, size: size)) {
      try computer.startMultiboot(segments: [segment], entry: 0x1000, modules: [], commandLine: "")
    }
  }
}
