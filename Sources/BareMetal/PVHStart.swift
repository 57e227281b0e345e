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

  public struct Layout: Equatable, Sendable {
    /// EBX at the entry point.
    public let startInfoAddress: UInt32
    public let writes: [PhysicalWrite]
    /// Where the initrd's bytes go. Nil when there is none.
    public let initrdAddress: UInt64?
  }

  /// Lays everything out.
  /// - Parameters:
  ///   - kernelEnd: the first guest-physical address after all of the kernel's segments, their zeroed parts included.
  ///   - initrdSize: 0 for none.
  ///   - memorySize: RAM from address 0 in bytes.
  public static func layout(
    kernelEnd: UInt64, initrdSize: UInt64, commandLine: String, memorySize: UInt64
  ) throws(StartRefusal) -> Layout {
    guard memorySize <= MemoryMap.highestMemorySize else {
      throw .memoryTooLarge(size: memorySize, highest: MemoryMap.highestMemorySize)
    }
    let commandLineBytes = Array(commandLine.utf8)
    if let offset = commandLineBytes.firstIndex(of: 0) { throw .commandLineHoldsNUL(offset: offset) }

    let map = MemoryMap.ranges(memorySize: memorySize)
    let needed = UInt64(startInfoSize + moduleEntrySize + map.count * memoryMapEntrySize + commandLineBytes.count + 1)
    guard kernelEnd <= memorySize else {
      throw .kernelDoesNotFit(kernelEnd: kernelEnd, needed: needed, memorySize: memorySize)
    }
    let startInfo = max(kernelEnd, MemoryMap.firstMegabyte).roundedUpToPage
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
      initrd = (memorySize - initrdSize) & ~4095
    }

    let moduleList = startInfo + UInt64(startInfoSize)
    let memoryMapAddress = moduleList + UInt64(moduleEntrySize)
    let commandLineAddress = memoryMapAddress + UInt64(map.count * memoryMapEntrySize)

    var information = LittleEndianFields()
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

    var writes = [PhysicalWrite(address: startInfo, bytes: information.bytes)]
    if let initrd {
      var module = LittleEndianFields()
      module.append(initrd)  // paddr
      module.append(initrdSize)  // size
      module.append(UInt64(0))  // cmdline_paddr: none
      module.append(UInt64(0))  // reserved
      writes.append(PhysicalWrite(address: moduleList, bytes: module.bytes))
    }
    var table = LittleEndianFields()
    for entry in map {
      table.append(entry.range.lowerBound)  // addr
      table.append(entry.range.upperBound - entry.range.lowerBound)  // size
      table.append(entry.kind.rawValue)
      table.append(UInt32(0))  // reserved
    }
    writes.append(PhysicalWrite(address: memoryMapAddress, bytes: table.bytes))
    writes.append(PhysicalWrite(address: commandLineAddress, bytes: commandLineBytes + [0]))
    // Below 4 GiB because memory ends there.
    return Layout(startInfoAddress: UInt32(startInfo), writes: writes, initrdAddress: initrd)
  }
}
