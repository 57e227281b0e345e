import KernelImage
import Testing

/// Goal: an image with a multiboot header is placed and entered as the Multiboot Specification says, whichever way it is wrapped, and
/// each way of lying in its headers has its own answer with the place. Expected values: what the test itself laid out.
@Suite struct MultibootImageTests {
  typealias Form = SyntheticMultiboot.Form

  static func error(_ bytes: [UInt8]) -> ImageError? {
    do throws(ImageError) {
      _ = try KernelImage(bytes: bytes, name: "kernel").placement()
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: Form.allCases, [0, 4, 4096])
  func placedAndEntered(form: Form, padding: Int) throws {
    let source = SyntheticMultiboot(form, padding: padding)
    let image = try KernelImage(bytes: source.build(), name: "kernel")
    #expect(image.bootProtocol == .multiboot && image.multiboot?.offset == UInt64(source.headerOffset))
    let placement = try #require(try image.placement())
    #expect(placement.segments.map(\.physicalAddress) == [UInt64(SyntheticMultiboot.physical)])
    #expect(placement.segments.map(\.memorySize) == [UInt64(SyntheticMultiboot.memory)])
    let contents = image.contents(of: placement.segments[0])
    #expect(contents.count == padding + SyntheticMultiboot.content)
    #expect(contents.dropFirst(padding).prefix(4) == [0x02, 0xB0, 0xAD, 0x1B])
    #expect(placement.entry == SyntheticMultiboot.physical + UInt32(padding) + SyntheticMultiboot.entryOffset)
    #expect((image.elf == nil) == (form == .flat))
  }

  /// "The address fields of Multiboot header": where bit 16 is set they count, in an ELF file too; the ELF header's entry does not.
  @Test func addressFieldsOfAnELFFile() throws {
    let source = SyntheticMultiboot(.elf32, flags: 0x1_0003)
    let bytes = source.build().with(SyntheticMultiboot.physical + 60, at: source.headerOffset + 28)
    let placement = try #require(try KernelImage(bytes: bytes, name: "kernel").placement())
    #expect(placement.entry == SyntheticMultiboot.physical + 60)
  }

  /// Zero for the ends: the file's, and nothing to zero.
  @Test func endsThatAreZero() throws {
    let source = SyntheticMultiboot(.flat)
    let bytes = source.build().with(UInt32(0), at: source.headerOffset + 20).with(
      UInt32(0), at: source.headerOffset + 24)
    let placement = try #require(try KernelImage(bytes: bytes + [1, 2, 3], name: "kernel").placement())
    #expect(placement.segments[0].memorySize == UInt64(SyntheticMultiboot.content + 3))
  }

  /// The PVH entry point is taken first.
  @Test func theNoteIsTakenFirst() throws {
    var elf = SyntheticELF(text: SyntheticMultiboot(.flat).build())
    elf.bss = 0
    let image = try KernelImage(bytes: elf.build(), name: "kernel")
    #expect(image.multiboot != nil && image.bootProtocol == .pvh)
    #expect(try image.placement()?.entry == UInt32(SyntheticELF.pvhEntry))
  }

  @Test func whereAHeaderIsLookedFor() throws {
    func header(_ padding: Int) throws -> UInt64? {
      try KernelImage(bytes: SyntheticMultiboot(.elf64, padding: padding).build(), name: "kernel").multiboot?.offset
    }
    #expect(try header(8192 - 12 - 120) == 8180)
    #expect(try header(8192 - 8 - 120) == nil)
    #expect(try header(2) == nil, "not at a multiple of 4")
    let source = SyntheticMultiboot(.elf64)
    let bad = source.build().with(UInt32(4), at: source.headerOffset + 4)
    #expect(try KernelImage(bytes: bad, name: "kernel").multiboot == nil, "the checksum is wrong")
    #expect(try KernelImage(bytes: bad, name: "kernel").placement() == nil)
  }

  @Test func lyingHeaders() {
    let flat = SyntheticMultiboot(.flat, padding: 16)
    let bytes = flat.build()
    let at = flat.headerOffset
    let load = SyntheticMultiboot.physical
    let lies: [(String, [UInt8], Int)] = [
      ("load behind the header", bytes.with(load + 100, at: at + 16), at + 16),
      ("load before the file", bytes.with(load - 4, at: at + 16), at + 16),
      ("end before the load", bytes.with(load - 1, at: at + 20), at + 20),
      ("end beyond the file", bytes.with(load + 81, at: at + 20), at + 20),
      ("zeroed end before the end", bytes.with(load + 79, at: at + 24), at + 24),
      ("nothing loaded", bytes.with(load, at: at + 20).with(UInt32(0), at: at + 24), at + 20),
      ("entry before", bytes.with(load - 1, at: at + 28), at + 28),
      ("entry behind", bytes.with(load + SyntheticMultiboot.memory, at: at + 28), at + 28),
      ("entry zero", bytes.with(UInt32(0), at: at + 28), at + 28),
      ("truncated address fields", Array(bytes.prefix(at + 30)), at + 28),
      ("entry of an ELF file outside", SyntheticMultiboot(.elf32).build().with(UInt32(0), at: 24), 24),
      ("entry of a 64-bit file outside", SyntheticMultiboot(.elf64).build().with(UInt64(0), at: 24), 24),
      ("above 4 GiB", SyntheticMultiboot(.elf64).build().with(UInt64(1) << 32, at: 64 + 24), 24),
    ]
    for (what, bytes, offset) in lies {
      let error = Self.error(bytes)
      #expect(error?.kind == .malformed, "\(what)")
      #expect(error?.offset == UInt64(offset), "\(what): \(error?.description ?? "accepted")")
    }
    for flags in [UInt32(7), 0x8003] {
      let source = SyntheticMultiboot(.elf32, flags: flags)
      #expect(Self.error(source.build())?.kind == .unsupported)
      #expect(Self.error(source.build())?.offset == UInt64(source.headerOffset + 4))
    }
  }

  @Test(arguments: Form.allCases) func everyTruncationIsAnError(form: Form) {
    let bytes = SyntheticMultiboot(form).build()
    for length in 0..<bytes.count {
      #expect(Self.error(Array(bytes.prefix(length))) != nil, "\(length) bytes were accepted")
    }
  }

  /// A 32-bit file has all that a 64-bit one has: here its sections and symbols, as gcc and ld write them.
  @Test func lyingHeadersOf32BitFiles() {
    let elf = SyntheticMultiboot(.elf32).build()
    let lies: [(String, [UInt8], Int, ImageError.Kind)] = [
      ("64-bit machine", elf.with(UInt16(62), at: 18), 18, .unsupported),
      ("program headers outside", elf.with(UInt32.max, at: 28), 28, .malformed),
      ("odd program header size", elf.with(UInt16(56), at: 42), 42, .malformed),
      ("no segment", elf.with(UInt16(0), at: 44), 44, .malformed),
      ("content outside", elf.with(UInt32.max, at: 52 + 4), 52 + 4, .malformed),
      ("more in the file", elf.with(UInt32(63), at: 52 + 20), 52 + 20, .malformed),
      ("odd section header size", elf.with(UInt32(84), at: 32).with(UInt16(64), at: 46), 46, .malformed),
    ]
    for (what, bytes, offset, kind) in lies {
      let error = Self.error(bytes)
      #expect(error?.kind == kind && error?.offset == UInt64(offset), "\(what): \(error?.description ?? "accepted")")
    }
  }
}
