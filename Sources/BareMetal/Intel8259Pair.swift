/// The two 8259A controllers of a PC: master at 0x20, slave at 0xA0 on the master's IR2, ELCR at 0x4D0.
///
/// Intel 8259A data sheet, "Cascade Mode"; Intel 82371AB (PIIX4) data sheet, "Edge/Level Control Registers".
public struct Intel8259Pair: Equatable, Codable, Sendable {
  public private(set) var master = Intel8259(isMaster: true)
  public private(set) var slave = Intel8259(isMaster: false)

  /// Lines that an ISA bridge never lets become level-triggered: timer, keyboard, cascade, RTC, coprocessor.
  private static let alwaysEdge: (master: UInt8, slave: UInt8) = (0b0000_0111, 0b0010_0001)

  public init() {}

  /// Drives an IRQ line, 0...15. IRQ2 is the cascade and belongs to the slave.
  public mutating func setLine(_ irq: Int, _ high: Bool) {
    precondition((0..<16).contains(irq) && irq != 2, "IRQ \(irq) is not a line that a device can drive")
    if irq < 8 {
      master.setLine(irq, high)
    } else {
      slave.setLine(irq - 8, high)
      master.setLine(2, slave.output)
    }
  }

  /// The INTR line to the processor (or to its local APIC's LINT0).
  public var outputAsserted: Bool { master.output }

  /// The two INTA cycles: returns the vector. Without a standing request this is the spurious IR7 of the chip that
  /// was asked last.
  public mutating func acknowledge() -> UInt8 {
    guard let line = master.acknowledge() else { return master.vector(of: 7) }
    guard master.cascades(line) else { return master.vector(of: line) }
    let slaveLine = slave.acknowledge() ?? 7
    refreshCascade()
    return slave.vector(of: slaveLine)
  }

  /// The slave's INT pin falls during INTA, so that one more request there is a new edge for the master.
  private mutating func refreshCascade() {
    master.setLine(2, false)
    master.setLine(2, slave.output)
  }

  // MARK: Ports

  static func claims(_ port: UInt16) -> Bool {
    switch port {
    case 0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1: true
    default: false
    }
  }

  public mutating func read(_ port: UInt16) -> UInt8 {
    switch port {
    case 0x20, 0x21: return master.read(odd: port & 1 != 0)
    case 0xA0, 0xA1:
      let value = slave.read(odd: port & 1 != 0)
      master.setLine(2, slave.output)
      return value
    case 0x4D0: return master.edgeLevelControl
    case 0x4D1: return slave.edgeLevelControl
    default: return 0xFF
    }
  }

  public mutating func write(_ port: UInt16, _ value: UInt8) {
    switch port {
    case 0x20, 0x21: master.write(odd: port & 1 != 0, value)
    case 0xA0, 0xA1: slave.write(odd: port & 1 != 0, value)
    case 0x4D0: master.edgeLevelControl = value & ~Self.alwaysEdge.master
    case 0x4D1: slave.edgeLevelControl = value & ~Self.alwaysEdge.slave
    default: return
    }
    master.setLine(2, slave.output)
  }
}
