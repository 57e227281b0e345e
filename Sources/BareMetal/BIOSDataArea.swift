/// The words that a PC's firmware leaves at 0x400 for whoever comes after it, as far as the board has what they speak of, and
/// the extended area's own first word.
///
/// IBM Personal System/2 and Personal Computer BIOS Interface Technical Reference, "ROM BIOS Data Areas". A kernel that is
/// started by multiboot may read them: the extended area to look for ACPI's tables, the display's port to find out that there
/// is none.
///
/// Not modelled: interrupt vectors below 0x400, which nobody may use in protected mode. The words of displays, disks, printers
/// and the keyboard are zero, as those of a PC without any.
enum BIOSDataArea {
  static let start: UInt64 = 0x400
  /// The first address behind it, the print-screen status at 0x500 left out.
  static let end: UInt64 = 0x500
  /// The extended area is one KiB-sized block from here to 0xA0000, whose first byte is its size in KiB.
  static let extended: UInt64 = MemoryMap.lowEnd

  /// RAM below the extended area in KiB.
  static let baseMemory = UInt16(extended >> 10)

  static func writes() -> [PhysicalWrite] {
    var area = [UInt8](repeating: 0, count: Int(end - start))
    func put(_ value: UInt16, at address: UInt64) {
      let offset = Int(address - start)
      area[offset] = UInt8(truncatingIfNeeded: value)
      area[offset + 1] = UInt8(value >> 8)
    }
    put(0x3F8, at: 0x400)  // COM1
    put(UInt16(extended >> 4), at: 0x40E)  // the extended area's segment
    put(0x0202, at: 0x410)  // the equipment: one serial port (bits 11 to 9) and a numeric coprocessor (bit 1)
    put(baseMemory, at: 0x413)
    return [
      PhysicalWrite(address: start, bytes: area),
      PhysicalWrite(address: extended, bytes: [UInt8((0xA_0000 - extended) >> 10)]),
    ]
  }
}
