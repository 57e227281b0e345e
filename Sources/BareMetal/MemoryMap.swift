/// The board's physical memory as a boot protocol tells a kernel of it: a PC's.
///
/// ACPI Specification, "System Address Map Interfaces", table "Address Range Types", whose numbers both PVH and multiboot use.
enum MemoryMap {
  enum Kind: UInt32 {
    case ram = 1
    case reserved = 2
  }

  /// RAM must end below the addresses of I/O and local APICs; the board has no hole to move RAM around.
  static let highestMemorySize: UInt64 = 0xFEC0_0000
  static let firstMegabyte: UInt64 = 0x10_0000
  /// Where low RAM ends: firmware keeps the page between here and 0xA0000.
  static let lowEnd: UInt64 = 0x9_F000

  /// Low memory without its last page, the ISA window, and everything from 1 MiB up. Nothing is said about 0x9F000 to 0xA0000.
  static func ranges(memorySize: UInt64) -> [(range: Range<UInt64>, kind: Kind)] {
    var map: [(range: Range<UInt64>, kind: Kind)] = [
      (0..<min(lowEnd, memorySize), .ram),
      (0xA_0000..<firstMegabyte, .reserved),
    ]
    if memorySize > firstMegabyte { map.append((firstMegabyte..<memorySize, .ram)) }
    return map
  }
}

/// Bytes for guest-physical memory.
public struct PhysicalWrite: Equatable, Sendable {
  public let address: UInt64
  public let bytes: [UInt8]
}

/// Little-endian fields in a row.
struct LittleEndianFields {
  var bytes: [UInt8] = []

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

extension UInt64 {
  /// For addresses far below the end of the number range.
  var roundedUpToPage: UInt64 { (self + 4095) & ~4095 }
}
