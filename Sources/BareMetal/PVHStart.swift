/// What a kernel started through its PVH entry point finds in memory: `struct hvm_start_info`, the module list with the
/// initrd, the command line and the memory map.
///
/// Xen `public/arch-x86/hvm/start_info.h` (version 1); Xen `docs/misc/pvh.pandoc`, "Physical Memory" and "General
/// Registers". The processor starts in 32-bit protected mode with flat segments, paging off, interrupts off and EBX
/// holding the address of `hvm_start_info`.
///
///     kernelEnd (or 1 MiB)   hvm_start_info, module list, memory map, command line
///     ...                    free
///     top                    initrd, page-aligned, up to the end of RAM
public enum PVHStart {
  /// XEN_HVM_START_MAGIC_VALUE: "xEn3" with bit 7 of the E set.
  public static let magic: UInt32 = 0x336E_C578
  static let version: UInt32 = 1

  static let startInfoSize = 56
  static let moduleEntrySize = 32
  static let memoryMapEntrySize = 24

  /// E820 types, as `XEN_HVM_MEMMAP_TYPE_*`.
  enum MemoryType: UInt32 {
    case ram = 1
    case reserved = 2
  }

  /// RAM must end below the addresses of I/O and local APICs; the board has no hole to move RAM around.
  public static let highestMemorySize: UInt64 = 0xFEC0_0000

  /// Bytes for guest-physical memory.
  public struct Write: Equatable, Sendable {
    public let address: UInt64
    public let bytes: [UInt8]
  }

  public struct Layout: Equatable, Sendable {
    /// EBX at the entry point.
    public let startInfoAddress: UInt32
    public let writes: [Write]
    /// Where the initrd's bytes go. Nil when there is none.
    public let initrdAddress: UInt64?
  }

  public enum Refusal: Error, Equatable, Sendable, CustomStringConvertible {
    case memoryTooLarge(size: UInt64, highest: UInt64)
    case kernelDoesNotFit(kernelEnd: UInt64, needed: UInt64, memorySize: UInt64)
    case initrdDoesNotFit(initrdSize: UInt64, available: UInt64, memorySize: UInt64)
    case commandLineHoldsNUL(offset: Int)

    public var description: String {
      switch self {
      case .memoryTooLarge(let size, let highest):
        "memory of \(size) bytes is not supported: the board takes up to \(highest) bytes"
      case .kernelDoesNotFit(let kernelEnd, let needed, let memorySize):
        "the kernel ends at byte \(kernelEnd) and its start information needs \(needed) more; "
          + "memory has \(memorySize) bytes"
      case .initrdDoesNotFit(let initrdSize, let available, let memorySize):
        "the initrd of \(initrdSize) bytes does not fit: \(available) bytes are free between the kernel and the end of "
          + "memory (\(memorySize) bytes)"
      case .commandLineHoldsNUL(let offset):
        "the command line holds a NUL at byte \(offset)"
      }
    }
  }

  private static let pageSize: UInt64 = 4096
  private static let firstMegabyte: UInt64 = 0x10_0000

  /// Lays everything out.
  /// - Parameters:
  ///   - kernelEnd: the first guest-physical address after all of the kernel's segments, their zeroed parts included.
  ///   - initrdSize: 0 for none.
  ///   - memorySize: RAM from address 0 in bytes.
  public static func layout(
    kernelEnd: UInt64, initrdSize: UInt64, commandLine: String, memorySize: UInt64
  ) throws(Refusal) -> Layout {
    guard memorySize <= highestMemorySize else {
      throw .memoryTooLarge(size: memorySize, highest: highestMemorySize)
    }
    let commandLineBytes = Array(commandLine.utf8)
    if let offset = commandLineBytes.firstIndex(of: 0) { throw .commandLineHoldsNUL(offset: offset) }

    let map = memoryMap(memorySize: memorySize)
    let needed = UInt64(startInfoSize + moduleEntrySize + map.count * memoryMapEntrySize + commandLineBytes.count + 1)
    guard kernelEnd <= memorySize else {
      throw .kernelDoesNotFit(kernelEnd: kernelEnd, needed: needed, memorySize: memorySize)
    }
    let startInfo = max(kernelEnd, firstMegabyte).roundedUpToPage
    let free = (startInfo + needed).roundedUpToPage
    guard startInfo + needed <= memorySize else {
      throw .kernelDoesNotFit(kernelEnd: kernelEnd, needed: needed, memorySize: memorySize)
    }

    var initrd: UInt64?
    if initrdSize > 0 {
      let available = memorySize > free ? memorySize - free : 0
      guard initrdSize <= available else {
        throw .initrdDoesNotFit(initrdSize: initrdSize, available: available, memorySize: memorySize)
      }
      // `free` is page-aligned and at or below this, so rounding down cannot reach it.
      initrd = (memorySize - initrdSize) & ~(pageSize - 1)
    }

    let moduleList = startInfo + UInt64(startInfoSize)
    let memoryMapAddress = moduleList + UInt64(moduleEntrySize)
    let commandLineAddress = memoryMapAddress + UInt64(map.count * memoryMapEntrySize)

    var information = Bytes()
    information.append(magic)
    information.append(version)
    information.append(UInt32(0))  // flags
    information.append(UInt32(initrd == nil ? 0 : 1))  // nr_modules
    information.append(initrd == nil ? 0 : moduleList)  // modlist_paddr
    information.append(commandLineAddress)  // cmdline_paddr
    information.append(UInt64(0))  // rsdp_paddr: no ACPI
    information.append(memoryMapAddress)  // memmap_paddr
    information.append(UInt32(map.count))  // memmap_entries
    information.append(UInt32(0))  // reserved

    var writes = [Write(address: startInfo, bytes: information.bytes)]
    if let initrd {
      var module = Bytes()
      module.append(initrd)  // paddr
      module.append(initrdSize)  // size
      module.append(UInt64(0))  // cmdline_paddr: none
      module.append(UInt64(0))  // reserved
      writes.append(Write(address: moduleList, bytes: module.bytes))
    }
    var table = Bytes()
    for entry in map {
      table.append(entry.range.lowerBound)  // addr
      table.append(entry.range.upperBound - entry.range.lowerBound)  // size
      table.append(entry.type.rawValue)
      table.append(UInt32(0))  // reserved
    }
    writes.append(Write(address: memoryMapAddress, bytes: table.bytes))
    writes.append(Write(address: commandLineAddress, bytes: commandLineBytes + [0]))
    // Below 4 GiB because memory ends there.
    return Layout(startInfoAddress: UInt32(startInfo), writes: writes, initrdAddress: initrd)
  }

  /// The map of a PC: low memory without its last page, the ISA window, and everything from 1 MiB up. Nothing is said
  /// about 0x9F000 to 0xA0000, where firmware keeps its own data.
  private static func memoryMap(memorySize: UInt64) -> [(range: Range<UInt64>, type: MemoryType)] {
    var map: [(range: Range<UInt64>, type: MemoryType)] = [
      (0..<min(0x9_F000, memorySize), .ram),
      (0xA_0000..<firstMegabyte, .reserved),
    ]
    if memorySize > firstMegabyte { map.append((firstMegabyte..<memorySize, .ram)) }
    return map
  }

  /// Little-endian fields in a row.
  private struct Bytes {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
  }
}

extension UInt64 {
  /// For addresses far below the end of the number range.
  fileprivate var roundedUpToPage: UInt64 { (self + 4095) & ~4095 }
}
