/// What firmware tells of the processor, the I/O APIC, its wiring and the fixed hardware: ACPI's tables, for a kernel that is started
/// by multiboot. It looks for the pointer in the BIOS's read-only memory.
///
/// Advanced Configuration and Power Interface Specification 6.5, "Root System Description Pointer", "Extended System Description
/// Table", "Fixed ACPI Description Table", "Multiple APIC Description Table". The revisions are ACPI 2.0's.
///
///     0xF5A00   RSDP
///     behind    XSDT, FADT, MADT, DSDT and FACS, each at a multiple of 64
///
/// Not told: tables for PCI, HPET and NUMA, which the board has not; the DSDT holds the way to soft off and nothing else.
/// A kernel started through PVH is told of no tables.
enum ACPITables {
  static let pointerAddress: UInt64 = 0xF_5A00

  /// The pin of the I/O APIC that an ISA interrupt is wired to: the timer's is the 8259 cascade's, which needs none.
  static func pin(ofISA irq: Int) -> Int { irq == 0 ? 2 : irq }

  static func writes() -> [PhysicalWrite] {
    var free = pointerAddress + 64
    var writes: [PhysicalWrite] = []
    func place(_ bytes: [UInt8]) -> UInt64 {
      defer { free += UInt64((bytes.count + 63) & ~63) }
      writes.append(PhysicalWrite(address: free, bytes: bytes))
      return free
    }
    let firmwareControl = place(self.firmwareControl)
    let definitions = place(table("DSDT", revision: 2, Array(softOffPackage)))
    let fixed = place(fixedDescription(firmwareControl: firmwareControl, definitions: definitions))
    let interrupts = place(interruptControllers)
    var pointers = LittleEndianFields()
    pointers.append(fixed)
    pointers.append(interrupts)
    let root = place(table("XSDT", revision: 1, pointers.bytes))
    writes.append(PhysicalWrite(address: pointerAddress, bytes: rootPointer(root)))
    return writes
  }

  /// The first 20 bytes are ACPI 1.0's and have a checksum of their own. There is no RSDT.
  private static func rootPointer(_ root: UInt64) -> [UInt8] {
    var fields = LittleEndianFields()
    fields.bytes += Array("RSD PTR ".utf8) + [0] + maker
    fields.append(UInt8(2))  // revision
    fields.append(UInt32(0))  // RSDT
    fields.append(UInt32(36))  // length
    fields.append(root)
    fields.bytes += [0, 0, 0, 0]  // extended checksum, reserved
    let first = checked(Array(fields.bytes[..<20]), at: 8)
    return checked(first + fields.bytes[20...], at: 32)
  }

  private static func fixedDescription(firmwareControl: UInt64, definitions: UInt64) -> [UInt8] {
    var f = LittleEndianFields()
    f.append(UInt32(firmwareControl))
    f.append(UInt32(definitions))
    f.bytes += [0, 0]  // reserved, no preferred profile
    f.append(UInt16(PowerManagement.interruptLine))
    f.append(UInt32(0))  // SMI_CMD: ACPI is always on
    f.bytes += [0, 0, 0, 0]  // its values
    f.append(UInt32(PowerManagement.eventBlock))
    f.append(UInt32(0))
    f.append(UInt32(PowerManagement.controlBlock))
    f.append(UInt32(0))
    f.append(UInt32(0))
    f.append(UInt32(PowerManagement.timerBlock))
    f.append(UInt64(0))  // general-purpose events
    f.bytes += [4, 2, 0, 4, 0, 0, 0, 0]  // the blocks' lengths
    f.append(UInt16(101))  // P_LVL2_LAT, P_LVL3_LAT: no such states
    f.append(UInt16(1001))
    f.append(UInt32(0))  // flush size and stride
    f.bytes += [0, 0, 0, 0, 0]  // duty cycle, alarms, century
    f.append(BootFlag.legacyDevices | BootFlag.noVGA)
    f.append(UInt8(0))
    f.append(Flag.all)
    f.bytes += ioAddress(port: 0xCF9, bits: 8) + [0x06, 0, 0, 0]  // reset register and value
    f.append(firmwareControl)
    f.append(definitions)
    f.bytes += ioAddress(port: PowerManagement.eventBlock, bits: 32) + noAddress
    f.bytes += ioAddress(port: PowerManagement.controlBlock, bits: 16) + noAddress
    f.bytes += noAddress + ioAddress(port: PowerManagement.timerBlock, bits: 32) + noAddress + noAddress
    return table("FACP", revision: 3, f.bytes)
  }

  private static var interruptControllers: [UInt8] {
    var f = LittleEndianFields()
    f.append(UInt32(APICBase.standard))
    f.append(UInt32(1))  // PCAT_COMPAT: the 8259 pair is there too
    f.bytes += [0, 8, 0, 0]  // local APIC: processor 0, APIC ID 0
    f.append(UInt32(1))  // enabled
    f.bytes += [1, 12, IOAPIC.identifier, 0]
    f.append(UInt32(IOAPIC.address))
    f.append(UInt32(0))  // its first interrupt
    // Interrupt source overrides: the timer is on pin 2, and the system control interrupt by level, active high.
    f.bytes += [2, 10, 0, 0]
    f.append(UInt32(pin(ofISA: 0)))
    f.append(UInt16(0))
    f.bytes += [2, 10, 0, UInt8(PowerManagement.interruptLine)]
    f.append(UInt32(PowerManagement.interruptLine))
    f.append(UInt16(0x000D))
    f.bytes += [4, 6, 0xFF]  // NMI of every processor, at LINT1, as the bus has it
    f.append(UInt16(0))
    f.append(UInt8(1))
    return table("APIC", revision: 3, f.bytes)
  }

  /// FACS, which has no checksum.
  private static var firmwareControl: [UInt8] {
    var f = LittleEndianFields()
    f.bytes += Array("FACS".utf8)
    f.append(UInt32(64))
    f.bytes += [UInt8](repeating: 0, count: 24)
    f.append(UInt8(1))  // version
    f.bytes += [UInt8](repeating: 0, count: 64 - f.bytes.count)
    return f.bytes
  }

  /// `Name (\_S5, Package () { 5, 5, 0, 0 })` in AML ("Definition Block Encoding").
  private static let softOffPackage: [UInt8] =
    [0x08] + Array("_S5_".utf8)
    + [0x12, 0x08, 0x04, 0x0A, PowerManagement.softOff, 0x0A, PowerManagement.softOff, 0x00, 0x00]

  // MARK: Parts

  private static let maker = Array("LIMEN ".utf8)
  private static let headerSize = 36

  /// A table behind its header ("System Description Table Header").
  private static func table(_ signature: String, revision: UInt8, _ body: [UInt8]) -> [UInt8] {
    var f = LittleEndianFields()
    f.bytes += Array(signature.utf8)
    f.append(UInt32(headerSize + body.count))
    f.bytes += [revision, 0] + maker + Array("BOARD   ".utf8)
    f.append(UInt32(1))
    f.bytes += Array("LIMN".utf8)
    f.append(UInt32(1))
    return checked(f.bytes + body, at: 9)
  }

  /// All bytes together make 0.
  private static func checked(_ bytes: [UInt8], at index: Int) -> [UInt8] {
    var bytes = bytes
    bytes[index] = 0 &- bytes.reduce(0, &+)
    return bytes
  }

  /// "Generic Address Structure": a port.
  private static func ioAddress(port: UInt16, bits: UInt8) -> [UInt8] {
    var f = LittleEndianFields()
    f.bytes += [1, bits, 0, bits == 8 ? 1 : bits == 16 ? 2 : 3]
    f.append(UInt64(port))
    return f.bytes
  }

  private static let noAddress = [UInt8](repeating: 0, count: 12)

  /// IAPC_BOOT_ARCH.
  private enum BootFlag {
    static let legacyDevices: UInt16 = 1
    static let noVGA: UInt16 = 1 << 2
  }

  /// WBINVD, C1 on all processors, no fixed power and sleep buttons, no fixed RTC wake, a timer of 32 bits, the reset register.
  private enum Flag {
    static let all: UInt32 = 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 10
  }
}
