/// The board's I/O APIC: 24 pins, each with a redirection entry that makes an interrupt message of it.
///
/// Intel 82093AA I/O Advanced Programmable Interrupt Controller data sheet, "I/O APIC Registers" and "Functional Description";
/// Intel MultiProcessor Specification version 1.4, "I/O APIC Interrupt Assignments" for what is wired to which pin.
///
/// After a reset every pin is masked, so a kernel that does not know of the I/O APIC is not touched by it. Not modelled: the EOI
/// register at 40h, which version 20h brought; messages that are SMI, INIT or ExtINT (a pin set so is silent, and the 8259
/// reaches the processor through LINT0 alone).
public struct IOAPIC: Equatable, Codable, Sendable {
  /// Where the board has it: the address of the first I/O APIC of every PC.
  public static let address: UInt64 = 0xFEC0_0000
  /// The identification that firmware gives it.
  public static let identifier: UInt8 = 0
  public static let pinCount = 24
  /// Version 11h, with the number of the last entry in bits 23:16.
  static let version = UInt32(pinCount - 1) << 16 | 0x11

  /// What a pin sends to the local APICs.
  public struct Message: Equatable, Sendable {
    public enum Kind: Sendable { case fixed, nonMaskable }
    public let kind: Kind
    public let vector: UInt8
    /// An APIC ID, or with `isLogical` a set of processors.
    public let destination: UInt8
    public let isLogical: Bool
    public let isLevelTriggered: Bool
  }

  private var selected: UInt8 = 0
  /// Bits 27:24 of the register.
  private var identification = UInt32(IOAPIC.identifier) << 24
  private var entries = [UInt64](repeating: Entry.masked, count: IOAPIC.pinCount)
  /// The electrical levels, before the polarity is applied.
  private var levels: UInt32 = 0

  public init() {}

  // MARK: Pins

  /// Drives a pin. Returns the message that the change sends, if it does. An edge at a masked pin is lost.
  public mutating func setPin(_ pin: Int, _ high: Bool) -> Message? {
    let bit: UInt32 = 1 << UInt32(pin)
    let wasActive = isActive(pin)
    levels = high ? levels | bit : levels & ~bit
    if entries[pin] & Entry.levelTriggered != 0 { return sendWhileActive(pin) }
    return isActive(pin) && !wasActive ? message(of: pin) : nil
  }

  /// A local APIC has ended a level-triggered interrupt. Returns what pins that are still active send again.
  public mutating func endInterrupt(_ vector: UInt8) -> [Message] {
    var sent: [Message] = []
    for pin in entries.indices
    where entries[pin] & Entry.remoteRequest != 0 && UInt8(truncatingIfNeeded: entries[pin]) == vector {
      entries[pin] &= ~Entry.remoteRequest
      if let message = sendWhileActive(pin) { sent.append(message) }
    }
    return sent
  }

  private func isActive(_ pin: Int) -> Bool {
    (levels >> UInt32(pin) & 1 != 0) != (entries[pin] & Entry.activeLow != 0)
  }

  /// A level-triggered pin asks once, and again after its interrupt has ended.
  private mutating func sendWhileActive(_ pin: Int) -> Message? {
    let entry = entries[pin]
    guard entry & Entry.levelTriggered != 0, entry & Entry.remoteRequest == 0, isActive(pin) else { return nil }
    guard let message = message(of: pin) else { return nil }
    if message.kind == .fixed { entries[pin] |= Entry.remoteRequest }
    return message
  }

  private func message(of pin: Int) -> Message? {
    let entry = entries[pin]
    guard entry & Entry.masked == 0 else { return nil }
    let kind: Message.Kind
    switch LocalAPIC.DeliveryMode(of: UInt32(truncatingIfNeeded: entry)) {
    case .fixed, .lowestPriority: kind = .fixed
    case .nonMaskable: kind = .nonMaskable
    case .systemManagement, .remoteRead, .initialize, .startUp, .external: return nil
    }
    return Message(
      kind: kind, vector: UInt8(truncatingIfNeeded: entry), destination: UInt8(truncatingIfNeeded: entry >> 56),
      isLogical: entry & Entry.logical != 0, isLevelTriggered: entry & Entry.levelTriggered != 0)
  }

  // MARK: Registers

  static func claims(_ address: UInt64) -> Bool { address & ~0xFFF == Self.address }

  /// A 32-bit read at an offset in its page: IOREGSEL at 0, IOWIN at 10h.
  public func read(_ offset: UInt64) -> UInt32 {
    switch offset {
    case Window.select: UInt32(selected)
    case Window.data: register
    default: 0
    }
  }

  /// A 32-bit write. Returns the message that it sends: a level-triggered pin that is unmasked while it is active.
  public mutating func write(_ offset: UInt64, _ value: UInt32) -> Message? {
    switch offset {
    case Window.select: selected = UInt8(truncatingIfNeeded: value)
    case Window.data: return writeRegister(value)
    default: break
    }
    return nil
  }

  private var register: UInt32 {
    switch selected {
    case 0, 2: return identification
    case 1: return Self.version
    default:
      guard let pin = selectedPin else { return 0 }
      return UInt32(truncatingIfNeeded: selected & 1 == 0 ? entries[pin] : entries[pin] >> 32)
    }
  }

  private mutating func writeRegister(_ value: UInt32) -> Message? {
    if selected == 0 { identification = value & 0x0F00_0000 }
    guard let pin = selectedPin else { return nil }
    if selected & 1 != 0 {
      entries[pin] = entries[pin] & 0xFFFF_FFFF | UInt64(value & 0xFF00_0000) << 32
      return nil
    }
    let kept = entries[pin] & (0xFFFF_FFFF_0000_0000 | Entry.remoteRequest)
    entries[pin] = kept | UInt64(value) & Entry.writable
    // An edge-triggered pin has nothing outstanding.
    if entries[pin] & Entry.levelTriggered == 0 { entries[pin] &= ~Entry.remoteRequest }
    return sendWhileActive(pin)
  }

  private var selectedPin: Int? {
    guard selected >= 0x10, Int(selected - 0x10) / 2 < Self.pinCount else { return nil }
    return Int(selected - 0x10) / 2
  }

  /// Offsets in the page.
  private enum Window {
    static let select: UInt64 = 0x00
    static let data: UInt64 = 0x10
  }

  /// Bits of a redirection entry. Delivery status (bit 12) always reads 0: a message arrives at once.
  private enum Entry {
    static let logical: UInt64 = 1 << 11
    static let activeLow: UInt64 = 1 << 13
    static let remoteRequest: UInt64 = 1 << 14
    static let levelTriggered: UInt64 = 1 << 15
    static let masked: UInt64 = 1 << 16
    static let writable: UInt64 = 0x1_AFFF
  }
}
