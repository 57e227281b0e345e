import Foundation

/// A kernel ready to be placed in memory: from a bzImage or a plain ELF file, unpacked, checked, with its names.
public struct KernelImage: Sendable {
  /// One PT_LOAD segment. Its bytes go to the start of its memory, the rest of which is zero.
  public struct LoadSegment: Sendable, Equatable {
    public let physicalAddress: UInt64
    public let virtualAddress: UInt64
    /// Where its bytes lie in `KernelImage.bytes`.
    public let fileRange: Range<Int>
    public let memorySize: UInt64

    /// The memory it takes. These sums were checked when the image was read.
    public var physicalRange: Range<UInt64> { physicalAddress..<physicalAddress + memorySize }
    public var virtualRange: Range<UInt64> { virtualAddress..<virtualAddress + memorySize }
  }

  public let name: String
  /// The unpacked ELF file, with whatever follows it in the payload.
  public let bytes: [UInt8]
  public let elf: ELFImage
  /// The compression of a bzImage's payload; nil for a plain ELF file.
  public let compression: Compression?
  /// In the order of the program headers, without empty ones; at least one, not overlapping in physical memory.
  public let loadSegments: [LoadSegment]
  public let notes: [ELFNote]
  /// Where a PVH start enters, a physical address; nil for a kernel without that note.
  public let pvhEntry: UInt32?
  /// Empty where the image has none that can be decoded.
  public internal(set) var symbols: SymbolTable
  /// They come from a file beside the image.
  public internal(set) var symbolsAreGiven = false
  /// What the kernel says of its interrupts; empty for one that says nothing.
  public let claims: [InterruptClaim]
  /// SHA-256 of the file as given, in hexadecimal.
  public let digest: String

  /// Larger files are refused before they are read.
  public static let largestFile = BzImage.largestKernel

  public init(contentsOf path: String) throws(ImageError) {
    try self.init(bytes: try readRegularFile(path, atMost: KernelImage.largestFile), name: path)
  }

  public init(bytes: [UInt8], name: String) throws(ImageError) {
    let file = ImageBytes(bytes: bytes, name: name, part: .file)
    let unpacked: ImageBytes
    if BzImage.recognises(bytes) {
      let container = try BzImage(file)
      compression = container.compression
      unpacked = ImageBytes(bytes: try container.unpack(), name: name, part: .payload)
    } else if bytes.holds(ELFImage.magic, at: 0) {
      compression = nil
      unpacked = file
    } else {
      throw file.malformed(at: 0, "neither a bzImage nor an ELF file")
    }
    self.name = name
    self.bytes = unpacked.bytes
    elf = try ELFImage(unpacked)
    loadSegments = try KernelImage.loadSegments(elf)
    notes = try elf.notes()
    pvhEntry = try elf.pvhEntry(notes)
    claims = try elf.claims()
    if let table = try elf.symbols(in: loadSegments.map(\.virtualRange)), !table.isEmpty {
      symbols = table
    } else {
      symbols = Kallsyms.decode(unpacked.bytes, segments: loadSegments) ?? .empty
    }
    digest = SHA256.hexadecimal(of: bytes)
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

  /// MAXPHYADDR never exceeds 52 (Intel SDM vol. 3A, "Physical-Address Extensions").
  private static let physicalAddressLimit: UInt64 = 1 << 52

  private static func loadSegments(_ elf: ELFImage) throws(ImageError) -> [LoadSegment] {
    var loads: [LoadSegment] = []
    for segment in elf.segments where segment.type == ELFImage.SegmentType.load {
      guard segment.fileRange.count <= segment.memorySize else {
        throw elf.image.malformed(
          at: segment.header + 40,
          "a segment of \(segment.memorySize) bytes in memory has \(segment.fileRange.count) bytes in the file")
      }
      if segment.memorySize == 0 { continue }
      guard segment.physicalAddress < physicalAddressLimit,
        segment.memorySize <= physicalAddressLimit - segment.physicalAddress
      else {
        throw elf.image.malformed(
          at: segment.header + 24,
          "a segment of \(segment.memorySize) bytes at physical address 0x\(String(segment.physicalAddress, radix: 16))"
            + " exceeds 52 bits")
      }
      guard segment.virtualAddress.addingSaturating(segment.memorySize - 1) < .max else {
        throw elf.image.malformed(at: segment.header + 16, "a segment that wraps around the top of the address space")
      }
      loads.append(
        LoadSegment(
          physicalAddress: segment.physicalAddress, virtualAddress: segment.virtualAddress,
          fileRange: segment.fileRange, memorySize: segment.memorySize))
    }
    guard !loads.isEmpty else { throw elf.image.malformed(at: 56, "no segment to load") }
    let ordered = loads.sorted { $0.physicalAddress < $1.physicalAddress }
    for (low, high) in zip(ordered, ordered.dropFirst()) where high.physicalAddress < low.physicalRange.upperBound {
      throw elf.image.malformed(
        at: 32,
        "the segments at physical 0x\(String(low.physicalAddress, radix: 16)) and"
          + " 0x\(String(high.physicalAddress, radix: 16)) overlap")
    }
    return loads
  }
}
