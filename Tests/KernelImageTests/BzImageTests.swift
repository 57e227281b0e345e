import KernelImage
import Testing

/// Goal: every payload compression that Limen takes unpacks to the very bytes that went in, and no payload gets more room than it
/// promised. Expected values: the kernel that the test packed.
@Suite struct BzImageTests {
  static let taken: [Compression] = [.gzip, .xz, .lz4, .zstd]
  static let elf = SyntheticELF().build()

  static func error(_ bytes: [UInt8]) -> ImageError? { ELFImageTests.error(bytes) }

  @Test(arguments: taken)
  func unpacksToWhatWentIn(compression: Compression) throws {
    let file = SyntheticBzImage.build(Self.elf, compression)
    let image = try KernelImage(bytes: file, name: "vmlinuz")
    #expect(image.bytes == Self.elf)
    #expect(image.compression == compression)
    #expect(image.pvhEntry == UInt32(SyntheticELF.pvhEntry))
    #expect(image.digest == SHA256.hexadecimal(of: file), "the digest names the file, not what it unpacks to")
  }

  @Test func lz4BlocksAndJoinedFrames() throws {
    // Two frames, as `cat a.lz4 b.lz4` would join them.
    let halves = [Array(Self.elf.prefix(300)), Array(Self.elf.dropFirst(300))]
    var payload = ByteBuffer(bytes: halves.flatMap { SyntheticBzImage.pack($0, .lz4) })
    payload.append(UInt32(Self.elf.count))
    #expect(try KernelImage(bytes: SyntheticBzImage.build(payload: payload.bytes), name: "vmlinuz").bytes == Self.elf)
  }

  @Test(arguments: [Compression.bzip2, .lzma, .lzo])
  func recognisedButNotUnpacked(compression: Compression) {
    let error = Self.error(SyntheticBzImage.build(Self.elf, compression))
    #expect(error?.kind == .unsupported)
    #expect(
      error?.description == "kernel: byte 0x410: unsupported: \(compression.rawValue) compression")
  }

  @Test(arguments: taken)
  func aPromiseThatIsNotKept(compression: Compression) {
    let tooSmall = SyntheticBzImage.build(Self.elf, compression, promising: UInt32(Self.elf.count - 1))
    #expect(Self.error(tooSmall)?.kind == .malformed)
    let tooLarge = SyntheticBzImage.build(Self.elf, compression, promising: UInt32(Self.elf.count + 1))
    #expect(Self.error(tooLarge)?.kind == .malformed)
  }

  /// 64 MiB of zeros in a few KiB, promising one page.
  @Test(arguments: taken)
  func aBombEndsWhereItsPromiseEnds(compression: Compression) {
    // LZ4's legacy blocks hold at most 8 MiB each.
    let zeros = [UInt8](repeating: 0, count: compression == .lz4 ? 8 << 20 : 64 << 20)
    let error = Self.error(SyntheticBzImage.build(zeros, compression, promising: 4096))
    #expect(error?.kind == .malformed)
    #expect(error?.part == .file)
  }

  @Test func promisesBeyondAnyKernel() {
    for size in [0, 1 << 30, (1 << 30) + 1, .max] as [UInt32] {
      let file = SyntheticBzImage.build(Self.elf, .lz4, promising: size)
      #expect(Self.error(file)?.offset == UInt64(file.count - 4))
    }
  }

  @Test(arguments: taken)
  func everyTruncationIsAnError(compression: Compression) {
    let file = SyntheticBzImage.build(Self.elf, compression)
    for length in stride(from: 0, to: file.count, by: 3) {
      #expect(Self.error(Array(file.prefix(length))) != nil, "\(length) bytes were accepted")
    }
  }

  @Test func setupHeaderLies() {
    let file = SyntheticBzImage.build(Self.elf, .gzip)
    let outside = Self.error(file.with(UInt32.max, at: 0x248))
    #expect(outside?.offset == 0x248)
    #expect(Self.error(file.with(UInt32.max, at: 0x24c))?.kind == .malformed)
    #expect(Self.error(file.with(UInt32(0), at: 0x24c))?.kind == .malformed)
    #expect(Self.error(file.with(UInt16(0x0207), at: 0x206))?.kind == .unsupported)
    #expect(Self.error(file.with(UInt8(0), at: SyntheticBzImage.payloadStart))?.kind == .malformed)
  }

  @Test func mistakesInsideNameTheUnpackedKernel() {
    let bad = SyntheticELF().build().with(UInt16(183), at: SyntheticELF.Field.machine)
    let error = Self.error(SyntheticBzImage.build(bad, .zstd))
    #expect(
      error?.description
        == "kernel: byte 0x12 of the unpacked kernel: unsupported: ELF machine 183, not x86-64 (62)")
  }

  // MARK: The release

  /// `kernel_version` at 0x20e, from 0x200 on: Linux, Documentation/arch/x86/boot.rst, "Details of Header Fields".
  @Test func theReleaseIsTheFirstWordOfTheVersion() throws {
    func release(_ text: String, pointer: UInt16 = 0x100) throws -> String? {
      var file = ByteBuffer(bytes: SyntheticBzImage.build(Self.elf, .gzip))
      file.put(pointer, at: 0x20e)
      for (index, byte) in text.utf8.enumerated() { file.put(byte, at: 0x300 + index) }
      return try KernelImage(bytes: file.bytes, name: "k").release
    }
    #expect(try release("6.1.0-57-amd64 (who@where) #1 SMP\0") == "6.1.0-57-amd64")
    #expect(try release("6.1\0") == "6.1")
    #expect(try release("who knows\0") == nil)
    #expect(try release("\0") == nil)
    #expect(try release("6.1\0", pointer: 0) == nil)
    #expect(try release("6.1\0", pointer: 0xffff) == nil)
    #expect(try release(String(repeating: "6", count: 70)) == nil)
    #expect(try release("6\u{1B}[31m\0") == "6")
  }

  @Test func theReleaseOfAnELFFileIsThatOfItsBanner() throws {
    func release(_ text: String) throws -> String? {
      try KernelImage(bytes: Self.elf + Array(text.utf8), name: "k").release
    }
    #expect(try release("Linux version %s (x)\0Linux version 6.12.0-rc1 (x)\0") == "6.12.0-rc1")
    #expect(try release("Linux version ") == nil)
    #expect(try release("Linux version 6") == "6")
    #expect(try release("") == nil)
  }
}
