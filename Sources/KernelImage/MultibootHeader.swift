/// The header by which an operating-system image asks for a multiboot start.
/// Multiboot Specification version 0.6.96, "OS image format", sections "The layout of Multiboot header", "The magic fields of
/// Multiboot header" and "The address fields of Multiboot header".
public struct MultibootHeader: Sendable, Equatable {
  /// Where its magic number lies in the image.
  public let offset: UInt64
  public let flags: UInt32

  /// What a loader needs that is to place an image without reading it as an ELF file: physical addresses.
  struct Addresses {
    /// Where the magic number comes to lie, which says where every other byte does.
    var header: UInt32
    var load: UInt32
    /// Zero: up to the end of the file.
    var loadEnd: UInt32
    /// Zero: nothing is to be zeroed.
    var bssEnd: UInt32
    var entry: UInt32
  }

  /// Bits of `flags`. A loader that does not know one of bits 0 to 15 must not start the image.
  enum Flag {
    static let alignModules: UInt32 = 1 << 0
    static let memoryInformation: UInt32 = 1 << 1
    static let videoMode: UInt32 = 1 << 2
    static let required: UInt32 = 0xFFFF
    static let addresses: UInt32 = 1 << 16
  }

  static let magic: UInt32 = 0x1BAD_B002
  /// The header lies within this many bytes, at a multiple of 4.
  static let searched = 8192

  /// The address fields are to be used, even where the image is an ELF file.
  var hasAddresses: Bool { flags & Flag.addresses != 0 }

  /// The first header of the image. Nil when there is none: no magic number whose checksum is right.
  init?(in image: ImageBytes) {
    let end = min(image.count, Self.searched)
    for offset in stride(from: 0, to: max(0, end - 11), by: 4)
    where image.bytes.littleEndian(UInt32.self, at: offset) == Self.magic {
      let flags = image.bytes.littleEndian(UInt32.self, at: offset + 4)
      let checksum = image.bytes.littleEndian(UInt32.self, at: offset + 8)
      if Self.magic &+ flags &+ checksum == 0 {
        self.offset = UInt64(offset)
        self.flags = flags
        return
      }
    }
    return nil
  }

  /// The address fields, which `flags` says are there.
  func addresses(in image: ImageBytes) throws(ImageError) -> Addresses {
    func field(_ at: UInt64, _ name: String) throws(ImageError) -> UInt32 {
      try image.read(UInt32.self, at: offset + at, for: "the multiboot header's \(name)")
    }
    return Addresses(
      header: try field(12, "header_addr"), load: try field(16, "load_addr"), loadEnd: try field(20, "load_end_addr"),
      bssEnd: try field(24, "bss_end_addr"), entry: try field(28, "entry_addr"))
  }

  /// The one segment that the address fields describe.
  func segment(in image: ImageBytes) throws(ImageError) -> KernelImage.LoadSegment {
    func malformed(_ field: UInt64, _ reason: String) -> ImageError { image.malformed(at: offset + field, reason) }
    let addresses = try addresses(in: image)
    guard addresses.load <= addresses.header else {
      throw malformed(16, "load_addr \(hex(addresses.load)) lies behind header_addr \(hex(addresses.header))")
    }
    let before = UInt64(addresses.header - addresses.load)
    guard before <= offset else {
      throw malformed(
        16, "\(before) bytes are to be loaded from before the multiboot header, which \(offset) bytes precede")
    }
    let start = offset - before
    var size = UInt64(image.count) - start
    if addresses.loadEnd != 0 {
      guard addresses.loadEnd >= addresses.load else {
        throw malformed(20, "load_end_addr \(hex(addresses.loadEnd)) lies before load_addr \(hex(addresses.load))")
      }
      size = UInt64(addresses.loadEnd - addresses.load)
    }
    let range = try image.range(start, size, for: "what the address fields load", field: offset + 20)
    var memory = size
    if addresses.bssEnd != 0 {
      guard UInt64(addresses.bssEnd) >= UInt64(addresses.load) + size else {
        throw malformed(24, "bss_end_addr \(hex(addresses.bssEnd)) lies before the end of what is loaded")
      }
      memory = UInt64(addresses.bssEnd - addresses.load)
    }
    guard memory > 0 else { throw malformed(20, "the address fields load nothing") }
    return KernelImage.LoadSegment(
      physicalAddress: UInt64(addresses.load), virtualAddress: UInt64(addresses.load), fileRange: range,
      memorySize: memory, flags: KernelImage.LoadSegment.allAccess)
  }
}

func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
