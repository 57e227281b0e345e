/// What a kernel started by a multiboot loader finds in memory: the information structure, the command line, the modules, the
/// memory map and the BIOS data area.
///
/// Multiboot Specification version 0.6.96, "Boot information format" and "Machine state". The processor starts in 32-bit protected
/// mode with flat segments, paging off, interrupts off, EAX holding the magic number and EBX the structure's address.
///
///     0x400                  BIOS data area
///     0x9F000                extended BIOS data area
///     0xF5A00                ACPI tables
///     kernelEnd (or 1 MiB)   information structure, module structures, memory map, strings
///     then                   modules, each page-aligned, in order
///
/// Not modelled: boot device, drives, configuration table, APM table, VBE and framebuffer, which the board has not; the kernel's
/// own section headers or symbols (bits 4 and 5).
public enum MultibootStart {
  /// EAX at the entry point.
  public static let magic: UInt32 = 0x2BAD_B002
  static let loaderName = "Limen"

  static let informationSize = 116
  static let moduleEntrySize = 16
  /// With its own size field in front.
  static let memoryMapEntrySize = 24

  /// Bits of the structure's `flags`: which of its fields are there.
  enum Flag {
    static let memory: UInt32 = 1 << 0
    static let commandLine: UInt32 = 1 << 2
    static let modules: UInt32 = 1 << 3
    static let memoryMap: UInt32 = 1 << 6
    static let loaderName: UInt32 = 1 << 9
  }

  public struct Module: Sendable {
    public var size: UInt64
    /// The string that goes with it.
    public var words: String
    public init(size: UInt64, words: String = "") {
      self.size = size
      self.words = words
    }
  }

  public struct Layout: Equatable, Sendable {
    /// EBX at the entry point.
    public let informationAddress: UInt32
    public let writes: [PhysicalWrite]
    /// Where each module's bytes go.
    public let moduleAddresses: [UInt64]
  }

  /// Lays everything out.
  /// - Parameters:
  ///   - kernelEnd: the first guest-physical address after all of the kernel's segments, their zeroed parts included.
  ///   - memorySize: RAM from address 0 in bytes.
  public static func layout(
    kernelEnd: UInt64, modules: [Module], commandLine: String, memorySize: UInt64
  ) throws(StartRefusal) -> Layout {
    guard memorySize <= MemoryMap.highestMemorySize else {
      throw .memoryTooLarge(size: memorySize, highest: MemoryMap.highestMemorySize)
    }
    let map = MemoryMap.ranges(memorySize: memorySize)
    let texts = [commandLine] + modules.map(\.words) + [loaderName]
    let strings = texts.map { Array($0.utf8) + [0] }
    for string in strings {
      if let offset = string.firstIndex(of: 0), offset < string.count - 1 {
        throw .commandLineHoldsNUL(offset: offset)
      }
    }
    let needed =
      UInt64(informationSize + modules.count * moduleEntrySize + map.count * memoryMapEntrySize)
      + UInt64(strings.map(\.count).reduce(0, +))
    guard kernelEnd <= memorySize else {
      throw .kernelDoesNotFit(kernelEnd: kernelEnd, needed: needed, memorySize: memorySize)
    }
    let information = max(kernelEnd, MemoryMap.firstMegabyte).roundedUpToPage
    guard information + needed <= memorySize else {
      throw .kernelDoesNotFit(kernelEnd: kernelEnd, needed: needed, memorySize: memorySize)
    }

    var free = (information + needed).roundedUpToPage
    var addresses: [UInt64] = []
    for (index, module) in modules.enumerated() {
      let available = memorySize > free ? memorySize - free : 0
      guard module.size <= available else {
        throw .moduleDoesNotFit(index: index, size: module.size, available: available, memorySize: memorySize)
      }
      addresses.append(free)
      free = (free + module.size).roundedUpToPage
    }

    let moduleList = information + UInt64(informationSize)
    let mapAddress = moduleList + UInt64(modules.count * moduleEntrySize)
    var stringAddresses: [UInt64] = []
    var at = mapAddress + UInt64(map.count * memoryMapEntrySize)
    for string in strings {
      stringAddresses.append(at)
      at += UInt64(string.count)
    }

    var fields = LittleEndianFields()
    // Addresses are below 4 GiB because memory ends there.
    func append(_ value: UInt64) { fields.append(UInt32(truncatingIfNeeded: value)) }
    append(
      UInt64(
        Flag.memory | Flag.commandLine | Flag.memoryMap | Flag.loaderName | (modules.isEmpty ? 0 : Flag.modules)))
    append(min(UInt64(BIOSDataArea.baseMemory), memorySize >> 10))  // mem_lower, in KiB
    append(memorySize > MemoryMap.firstMegabyte ? (memorySize - MemoryMap.firstMegabyte) >> 10 : 0)  // mem_upper
    append(0)  // boot_device
    append(stringAddresses[0])  // cmdline
    append(UInt64(modules.count))  // mods_count
    append(modules.isEmpty ? 0 : moduleList)  // mods_addr
    for _ in 0..<4 { append(0) }  // syms
    append(UInt64(map.count * memoryMapEntrySize))  // mmap_length
    append(mapAddress)  // mmap_addr
    for _ in 0..<3 { append(0) }  // drives_length, drives_addr, config_table
    append(stringAddresses[strings.count - 1])  // boot_loader_name
    fields.bytes += [UInt8](repeating: 0, count: informationSize - fields.bytes.count)

    for (index, module) in modules.enumerated() {
      append(addresses[index])  // mod_start
      append(addresses[index] + module.size)  // mod_end, the first byte behind it
      append(stringAddresses[1 + index])  // string
      append(0)  // reserved
    }
    for entry in map {
      fields.append(UInt32(memoryMapEntrySize - 4))  // size, without itself
      fields.append(entry.range.lowerBound)  // base_addr
      fields.append(entry.range.upperBound - entry.range.lowerBound)  // length
      fields.append(entry.kind.rawValue)
    }
    fields.bytes += strings.joined()
    return Layout(
      informationAddress: UInt32(information),
      writes: BIOSDataArea.writes() + [PhysicalWrite(address: information, bytes: fields.bytes)],
      moduleAddresses: addresses)
  }
}
