/// ACPI's fixed hardware, as far as the board has any: the PM1 registers, the power-management timer, and the way to switch off.
///
/// Advanced Configuration and Power Interface Specification 6.5, "ACPI Register Model", "Power Management Timer", "Sleep Control".
/// The ports are those of QEMU's PIIX4. ACPI is on from the start (SCI_EN is set, there is no SMI command port).
///
/// Not modelled: buttons, general-purpose events and every sleep state but S5. The timer's status bit is set when its highest bit
/// changes, but raises no system control interrupt.
public struct PowerManagement: Equatable, Codable, Sendable {
  static let eventBlock: UInt16 = 0x600
  static let controlBlock: UInt16 = 0x604
  static let timerBlock: UInt16 = 0x608
  private static let end: UInt16 = 0x60C
  /// The ISA line of the system control interrupt.
  static let interruptLine = 9
  /// SLP_TYPa of S5, soft off.
  static let softOff: UInt8 = 5

  /// In Hz.
  public static let timerFrequency: UInt64 = 3_579_545

  private var enables: UInt16 = 0
  private var control = Control.sciEnable
  /// The timer's highest bit when its status was last cleared.
  private var clearedAtHigh = false

  public init() {}

  static func claims(_ port: UInt16) -> Bool { eventBlock..<end ~= port }

  /// The timer's 32 bits at a virtual time in nanoseconds.
  public static func timer(at now: UInt64) -> UInt32 {
    let product = now.multipliedFullWidth(by: timerFrequency)
    return UInt32(
      truncatingIfNeeded: (1_000_000_000 as UInt64).dividingFullWidth((product.high % 1_000_000_000, product.low))
        .quotient)
  }

  func read(_ port: UInt16, now: UInt64) -> UInt8 {
    let (register, shift): (UInt32, UInt16) =
      switch port {
      case Self.eventBlock, Self.eventBlock + 1: (timerStatus(now) ? 1 : 0, port - Self.eventBlock)
      case Self.eventBlock + 2, Self.eventBlock + 3: (UInt32(enables), port - Self.eventBlock - 2)
      case Self.controlBlock, Self.controlBlock + 1: (UInt32(control), port - Self.controlBlock)
      case Self.timerBlock..<Self.end: (Self.timer(at: now), port - Self.timerBlock)
      default: (0, 0)
      }
    return UInt8(truncatingIfNeeded: register >> UInt32(8 * shift))
  }

  /// Returns whether the write switches the machine off.
  mutating func write(_ port: UInt16, _ value: UInt8, now: UInt64) -> Bool {
    switch port {
    // Status bits are cleared by writing 1.
    case Self.eventBlock where value & 1 != 0: clearedAtHigh = Self.timer(at: now) >> 31 != 0
    case Self.eventBlock + 2: enables = enables & 0xFF00 | UInt16(value) & 0x21
    case Self.eventBlock + 3: enables = enables & 0xFF | UInt16(value & 0x07) << 8
    case Self.controlBlock: control = control & 0xFF00 | UInt16(value) & 0x02 | Control.sciEnable
    case Self.controlBlock + 1:
      // SLP_EN reads 0.
      control = control & 0xFF | UInt16(value & 0x1C) << 8
      return value & 0x20 != 0 && value >> 2 & 7 == Self.softOff
    default: break
    }
    return false
  }

  private func timerStatus(_ now: UInt64) -> Bool { (Self.timer(at: now) >> 31 != 0) != clearedAtHigh }

  private enum Control {
    static let sciEnable: UInt16 = 1
  }
}
