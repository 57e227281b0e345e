import BareMetal
import Testing

/// Goal: a guest that follows Xen's `hvm_start_info` finds the initrd, the command line and the memory map where the
/// header says, nothing overlaps, and what does not fit is refused with its sizes.
@Suite struct PVHStartTests {
  let mebibyte: UInt64 = 1 << 20

  @Test func aGuestFindsEverything() throws {
    let layout = try PVHStart.layout(
      kernelEnd: 0x3E0_0123, initrdSize: 1_234_567, commandLine: "console=ttyS0 panic=-1", memorySize: 512 * mebibyte)
    let memory = SparseMemory(layout.writes)
    let start = UInt64(layout.startInfoAddress)
    // Offsets from the header: magic 0, version 4, flags 8, nr_modules 12, modlist 16, cmdline 24, rsdp 32, memmap 40,
    // memmap_entries 48.
    #expect(memory.load(start, 4) == 0x336E_C578)
    #expect(memory.load(start + 4, 4) == 1)
    #expect(memory.load(start + 8, 4) == 0)
    #expect(memory.load(start + 12, 4) == 1)
    let modules = memory.load(start + 16, 8)
    #expect(memory.string(memory.load(start + 24, 8)) == "console=ttyS0 panic=-1")
    #expect(memory.load(start + 32, 8) == 0)
    let map = memory.load(start + 40, 8)
    #expect(memory.load(start + 48, 4) == 3)

    let initrd = memory.load(modules, 8)
    #expect(layout.initrdAddress == initrd)
    #expect(initrd % 4096 == 0)
    #expect(memory.load(modules + 8, 8) == 1_234_567)
    #expect(memory.load(modules + 16, 8) == 0)
    #expect(initrd + 1_234_567 <= 512 * mebibyte)

    let entries = (0..<UInt64(3)).map { index in
      [memory.load(map + index * 24, 8), memory.load(map + index * 24 + 8, 8), memory.load(map + index * 24 + 16, 4)]
    }
    #expect(entries == [[0, 0x9F000, 1], [0xA0000, 0x60000, 2], [0x100000, 511 * mebibyte, 1]])

    let written = memory.bytes.keys
    #expect(try #require(written.min()) >= 0x3E0_0123)
    #expect(try #require(written.max()) < initrd)
  }

  @Test func withoutAnInitrdThereIsNoModule() throws {
    let layout = try PVHStart.layout(kernelEnd: 0x1000, initrdSize: 0, commandLine: "", memorySize: 16 * mebibyte)
    let memory = SparseMemory(layout.writes)
    let start = UInt64(layout.startInfoAddress)
    #expect(layout.initrdAddress == nil)
    #expect(memory.load(start + 12, 4) == 0)
    #expect(memory.load(start + 16, 8) == 0)
    #expect(memory.string(memory.load(start + 24, 8)).isEmpty)
    // Even for a kernel in low memory, everything is in RAM: not in the ISA window.
    #expect(try #require(memory.bytes.keys.min()) >= mebibyte)
  }

  @Test func theLargestInitrdFitsAndOneByteMoreDoesNot() throws {
    let size = 32 * mebibyte
    func layout(_ initrd: UInt64) throws(StartRefusal) -> PVHStart.Layout {
      try PVHStart.layout(kernelEnd: 16 * mebibyte, initrdSize: initrd, commandLine: "quiet", memorySize: size)
    }
    // The start information takes one page.
    let largest = size - 16 * mebibyte - 4096
    let fits = try layout(largest)
    #expect(fits.initrdAddress == 16 * mebibyte + 4096)
    #expect(
      throws: StartRefusal.initrdDoesNotFit(
        initrdSize: largest + 1, available: largest, memorySize: size)
    ) { try layout(largest + 1) }
    #expect(throws: StartRefusal.initrdDoesNotFit(initrdSize: .max, available: largest, memorySize: size)) {
      try layout(.max)
    }
  }

  @Test func refusals() {
    #expect(throws: StartRefusal.commandLineHoldsNUL(offset: 3)) {
      try PVHStart.layout(kernelEnd: 0, initrdSize: 0, commandLine: "abc\0d", memorySize: 16 * mebibyte)
    }
    #expect(throws: StartRefusal.memoryTooLarge(size: 4096 * mebibyte, highest: 0xFEC0_0000)) {
      try PVHStart.layout(kernelEnd: 0, initrdSize: 0, commandLine: "", memorySize: 4096 * mebibyte)
    }
    for kernelEnd in [16 * mebibyte, 16 * mebibyte + 1, .max] {
      #expect(throws: StartRefusal.self) {
        try PVHStart.layout(kernelEnd: kernelEnd, initrdSize: 0, commandLine: "", memorySize: 16 * mebibyte)
      }
    }
    // No memory, or less than the first megabyte, is refused and not trapped.
    for memorySize: UInt64 in [0, 1, 4096, 0x9_F000, 0x10_0000] {
      #expect(throws: StartRefusal.self) {
        try PVHStart.layout(kernelEnd: 0, initrdSize: 0, commandLine: "", memorySize: memorySize)
      }
    }
  }

  @Test func aCommandLineLongerThanAPage() throws {
    let commandLine = String(repeating: "x", count: 10_000)
    let layout = try PVHStart.layout(
      kernelEnd: 16 * mebibyte, initrdSize: 100, commandLine: commandLine, memorySize: 32 * mebibyte)
    let memory = SparseMemory(layout.writes)
    #expect(memory.string(memory.load(UInt64(layout.startInfoAddress) + 24, 8)) == commandLine)
    #expect(try #require(memory.bytes.keys.max()) < #require(layout.initrdAddress))
  }
}
