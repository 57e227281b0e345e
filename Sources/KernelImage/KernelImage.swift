import Foundation

/// A kernel ready to be placed in memory: from a bzImage, a plain ELF file or a flat multiboot image, unpacked, checked, with
/// its names.
public struct KernelImage: Sendable {
  /// One PT_LOAD segment. Its bytes go to the start of its memory, the rest of which is zero.
  public struct LoadSegment: Sendable, Equatable {
    public let physicalAddress: UInt64
    public let virtualAddress: UInt64
    /// Where its bytes lie in `KernelImage.bytes`.
    public let fileRange: Range<Int>
    public let memorySize: UInt64
    /// p_flags: PF_X, PF_W, PF_R.
    let flags: UInt32

    static let allAccess: UInt32 = 7
    /// Nothing may be done with its pages, so that Xen's builder does not load it (`elf_phdr_is_loadable`).
    public var isInaccessible: Bool { flags & Self.allAccess == 0 }

    /// The memory it takes. These sums were checked when the image was read.
    public var physicalRange: Range<UInt64> { physicalAddress..<physicalAddress + memorySize }
    public var virtualRange: Range<UInt64> { virtualAddress..<virtualAddress + memorySize }
  }

  public let name: String
  /// The unpacked ELF file, with whatever follows it in the payload, or the flat image.
  public let bytes: [UInt8]
  /// Nil for a flat image, which its multiboot header describes.
  public let elf: ELFImage?
  /// The compression of a bzImage's payload; nil for a plain ELF file.
  public let compression: Compression?
  /// In the order of the program headers, without empty ones; at least one, not overlapping in physical memory.
  public let loadSegments: [LoadSegment]
  public let notes: [ELFNote]
  /// Where a PVH start enters, a physical address; nil for a kernel without that note.
  public let pvhEntry: UInt32?
  /// The image asks for a multiboot start.
  public let multiboot: MultibootHeader?
  /// The string in which kernels told Xen what they are before there were notes: section __xen_guest, without its NUL.
  public let guestString: [UInt8]?
  /// Empty where the image has none that can be decoded.
  public internal(set) var symbols: SymbolTable
  /// They come from a file beside the image.
  public internal(set) var symbolsAreGiven = false
  /// Files and lines of its instructions, where the image, or the file that its symbols are from, has them.
  public var sourceLines: SourceLines?
  /// What the kernel says of its interrupts; empty for one that says nothing.
  public let claims: [InterruptClaim]
  /// What Linux calls itself, as `uname -r` prints it; nil where the image does not say.
  public let release: String?
  /// SHA-256 of the file as given, in hexadecimal.
  public let digest: String
  let image: ImageBytes

  /// Larger files are refused before they are read.
  public static let largestFile = BzImage.largestKernel

  public init(contentsOf path: String) throws(ImageError) {
    try self.init(bytes: try readRegularFile(path, atMost: KernelImage.largestFile), name: path)
    if compression == nil && elf != nil { sourceLines = SourceLines(contentsOf: path) }
  }

  public init(bytes: [UInt8], name: String) throws(ImageError) {
    let file = ImageBytes(bytes: bytes, name: name, part: .file)
    let unpacked: ImageBytes
    if BzImage.recognises(bytes) {
      let container = try BzImage(file)
      compression = container.compression
      release = container.release
      unpacked = ImageBytes(bytes: try container.unpack(), name: name, part: .payload)
    } else {
      compression = nil
      release = BzImage.release(inBannerOf: bytes)
      unpacked = file
    }
    self.name = name
    self.bytes = unpacked.bytes
    image = unpacked
    multiboot = MultibootHeader(in: unpacked)
    digest = SHA256.hexadecimal(of: bytes)
    guard compression != nil || bytes.holds(ELFImage.magic, at: 0) else {
      guard let multiboot, multiboot.hasAddresses else {
        throw file.malformed(
          at: 0, "neither a bzImage nor an ELF file nor a flat image with a multiboot header in its first 8192 bytes")
      }
      elf = nil
      loadSegments = [try multiboot.segment(in: unpacked)]
      (notes, pvhEntry, claims, symbols, guestString) = ([], nil, [], .empty, nil)
      return
    }
    let elf = try ELFImage(unpacked)
    self.elf = elf
    loadSegments = try KernelImage.loadSegments(elf)
    notes = try elf.notes()
    pvhEntry = try elf.pvhEntry(notes)
    guestString = try elf.guestString()
    claims = try elf.claims()
    if let table = try elf.symbols(in: loadSegments.map(\.virtualRange)), !table.isEmpty {
      symbols = table
    } else {
      symbols =
        Kallsyms.decode(unpacked.bytes, segments: loadSegments)
        ?? (multiboot == nil ? nil : Kallsyms.decodeXen(unpacked.bytes)) ?? .empty
    }
  }

  /// The bytes of one segment that come from the file.
  public func contents(of segment: LoadSegment) -> ArraySlice<UInt8> { bytes[segment.fileRange] }

  /// The bytes at a virtual address as the file has them, before the kernel patches itself; nil where they are not all in the file.
  public func contents(virtualAddress: UInt64, count: Int) -> ArraySlice<UInt8>? {
    guard let segment = loadSegments.first(where: { $0.virtualRange.contains(virtualAddress) }) else { return nil }
    let offset = virtualAddress - segment.virtualAddress
    guard offset < segment.fileRange.count, count >= 0, count <= segment.fileRange.count - Int(offset) else {
      return nil
    }
    let start = segment.fileRange.lowerBound + Int(offset)
    return bytes[start..<start + count]
  }

  /// Where a physical address of the loaded kernel is linked: names for code that runs before paging is set up.
  public func virtualAddress(physical address: UInt64) -> UInt64? {
    guard let segment = loadSegments.first(where: { $0.physicalRange.contains(address) }) else { return nil }
    return segment.virtualAddress + (address - segment.physicalAddress)
  }

  private static func loadSegments(_ elf: ELFImage) throws(ImageError) -> [LoadSegment] {
    var loads: [LoadSegment] = []
    for segment in elf.segments where segment.type == ELFImage.SegmentType.load {
      guard segment.fileRange.count <= segment.memorySize else {
        throw elf.image.malformed(
          at: segment.header + ELFClass.Program.memorySize(elf.fileClass),
          "a segment of \(segment.memorySize) bytes in memory has \(segment.fileRange.count) bytes in the file")
      }
      if segment.memorySize == 0 { continue }
      // How high it may lie is for who places it: a Xen PV guest may have virtual addresses here.
      for (address, field) in [
        (segment.physicalAddress, ELFClass.Program.physicalAddress(elf.fileClass)),
        (segment.virtualAddress, ELFClass.Program.virtualAddress(elf.fileClass)),
      ] where address.addingSaturating(segment.memorySize - 1) == .max {
        throw elf.image.malformed(
          at: segment.header + field,
          "a segment of \(segment.memorySize) bytes at \(hex(address)) wraps around the top of the address space")
      }
      loads.append(
        LoadSegment(
          physicalAddress: segment.physicalAddress, virtualAddress: segment.virtualAddress,
          fileRange: segment.fileRange, memorySize: segment.memorySize, flags: segment.flags))
    }
    guard !loads.isEmpty else {
      throw elf.image.malformed(at: ELFClass.Header.programHeaderCount(elf.fileClass), "no segment to load")
    }
    let ordered = loads.sorted { $0.physicalAddress < $1.physicalAddress }
    for (low, high) in zip(ordered, ordered.dropFirst()) where high.physicalAddress < low.physicalRange.upperBound {
      throw elf.image.malformed(
        at: ELFClass.Header.programHeaders(elf.fileClass),
        "the segments at physical 0x\(String(low.physicalAddress, radix: 16)) and"
          + " 0x\(String(high.physicalAddress, radix: 16)) overlap")
    }
    return loads
  }
}
