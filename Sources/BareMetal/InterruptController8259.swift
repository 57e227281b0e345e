/// One 8259A programmable interrupt controller, as wired in a PC.
///
/// Intel 8259A data sheet, "Functional Description", "Initialization Command Words", "Operation Command Words",
/// "Edge and Level Triggered Modes"; the two chips of a PC are paired in `Intel8259Pair.swift`.
///
/// Not modelled: the MCS-80/85 mode (ICW4 bit 0 clear is taken as 8086 mode, a PC has no other use) and buffered mode
/// (it only drives a pin).
public struct Intel8259: Equatable, Codable, Sendable {
  /// What the chip expects next on its odd port.
  enum Initialization: Equatable, Codable, Sendable {
    case done, expectsWord2, expectsWord3, expectsWord4
  }

  /// Levels of the eight IR pins.
  public private(set) var lines: UInt8 = 0
  /// Requests latched by a rising edge; a pin that falls before it is acknowledged takes its request back.
  private var latchedEdges: UInt8 = 0
  /// IMR: 1 disables the line.
  public private(set) var mask: UInt8 = 0
  /// ISR: acknowledged and not ended.
  public private(set) var inService: UInt8 = 0
  /// ELCR of this chip: 1 makes the line level-triggered. An ISA bridge keeps some lines at 0, see `Intel8259Pair`.
  public var edgeLevelControl: UInt8 = 0

  private var vectorBase: UInt8 = 0
  /// ICW3: on the master a bit for each slave, on the slave its identity.
  private var cascade: UInt8 = 0
  private var initialization = Initialization.done
  private var levelTriggeredByWord1 = false
  private var single = false
  private var word4Follows = false
  private var automaticEnd = false
  private var rotateOnAutomaticEnd = false
  private var specialFullyNested = false
  private var specialMask = false
  private var readsInService = false
  private var polled = false
  /// The IR with the lowest priority; the one after it has the highest.
  private var lowestPriority: UInt8 = 7

  let isMaster: Bool

  init(isMaster: Bool) {
    self.isMaster = isMaster
  }

  /// IRR: what asks, masked or not.
  public var requests: UInt8 {
    let level = levelTriggered
    return (lines & level) | (latchedEdges & ~level)
  }

  private var levelTriggered: UInt8 { levelTriggeredByWord1 ? 0xFF : edgeLevelControl }

  mutating func setLine(_ line: Int, _ high: Bool) {
    let bit = UInt8(1) << UInt8(line)
    if high {
      latchedEdges |= bit & ~lines
      lines |= bit
    } else {
      latchedEdges &= ~bit
      lines &= ~bit
    }
  }

  // MARK: Priority

  /// The set bit with the highest priority, with its distance from the highest place (0 wins).
  private func first(of bits: UInt8) -> (line: UInt8, place: Int)? {
    guard bits != 0 else { return nil }
    let shift = (lowestPriority + 1) & 7
    let rotated = bits >> shift | bits << ((8 - shift) & 7)
    // A shift of zero makes both halves the same bits, so the OR stays right.
    let place = rotated.trailingZeroBitCount
    return ((UInt8(place) + shift) & 7, place)
  }

  /// The request that the chip would present now: unmasked, and above everything in service.
  var winner: UInt8? {
    guard let asking = first(of: requests & ~mask) else { return nil }
    var blocking = inService
    // "Special Mask Mode": a masked level in service no longer holds back the others.
    if specialMask { blocking &= ~mask }
    // "Special Fully Nested Mode": a slave in service may interrupt again through its master.
    if specialFullyNested && isMaster { blocking &= ~cascade }
    if let served = first(of: blocking), served.place <= asking.place { return nil }
    return asking.line
  }

  /// The INT pin.
  public var output: Bool { winner != nil }

  // MARK: Acknowledge and end

  /// Is `line` one that a slave's INT pin drives?
  func cascades(_ line: UInt8) -> Bool { isMaster && !single && cascade & (1 << line) != 0 }

  func vector(of line: UInt8) -> UInt8 { vectorBase | line }

  /// INTA: the winner goes into service. Nil when the request has gone meanwhile: the chip then answers with IR7's
  /// vector and puts nothing in service (data sheet, "Edge and Level Triggered Modes": the default IR7).
  mutating func acknowledge() -> UInt8? {
    guard let line = winner else { return nil }
    latchedEdges &= ~(1 << line)
    if automaticEnd {
      if rotateOnAutomaticEnd { lowestPriority = line }
    } else {
      inService |= 1 << line
    }
    return line
  }

  /// "End of Interrupt", non-specific: ends the highest level in service, which fully nested mode makes the last begun.
  private mutating func endNonSpecific(rotate: Bool) {
    let candidates = specialMask ? inService & ~mask : inService
    guard let served = first(of: candidates) else { return }
    inService &= ~(1 << served.line)
    if rotate { lowestPriority = served.line }
  }

  // MARK: Ports

  /// A read of the even port (IRR, ISR or a poll) or of the odd one (IMR).
  mutating func read(odd: Bool) -> UInt8 {
    if polled {
      // "Poll Command": this read is the acknowledge; bit 7 says whether there was anything.
      polled = false
      guard let line = acknowledge() else { return 0x07 }
      return 0x80 | line
    }
    if odd { return mask }
    return readsInService ? inService : requests
  }

  mutating func write(odd: Bool, _ value: UInt8) {
    switch (odd, initialization) {
    case (false, _) where value & 0x10 != 0: beginInitialization(value)
    case (false, _) where value & 0x08 != 0: operationWord3(value)
    case (false, _): operationWord2(value)
    case (true, .done): mask = value
    case (true, .expectsWord2):
      vectorBase = value & 0xF8
      initialization = single ? (word4Follows ? .expectsWord4 : .done) : .expectsWord3
    case (true, .expectsWord3):
      cascade = value
      initialization = word4Follows ? .expectsWord4 : .done
    case (true, .expectsWord4):
      automaticEnd = value & 0x02 != 0
      specialFullyNested = value & 0x10 != 0
      initialization = .done
    }
  }

  /// ICW1. Clears the edge latches (a line must fall and rise again), the mask and the modes; level 7 becomes lowest.
  private mutating func beginInitialization(_ value: UInt8) {
    levelTriggeredByWord1 = value & 0x08 != 0
    single = value & 0x02 != 0
    word4Follows = value & 0x01 != 0
    latchedEdges = 0
    mask = 0
    // The data sheet does not list the ISR here; the chips and their copies in chipsets clear it, and kernels that
    // take the machine over from a crashed one depend on that.
    inService = 0
    lowestPriority = 7
    specialMask = false
    readsInService = false
    polled = false
    automaticEnd = false
    rotateOnAutomaticEnd = false
    specialFullyNested = false
    initialization = .expectsWord2
  }

  /// OCW2: end of interrupt and rotation, by its bits R, SL, EOI.
  private mutating func operationWord2(_ value: UInt8) {
    let level = value & 7
    switch value >> 5 {
    case 0b000: rotateOnAutomaticEnd = false
    case 0b001: endNonSpecific(rotate: false)
    case 0b010: break
    case 0b011: inService &= ~(1 << level)
    case 0b100: rotateOnAutomaticEnd = true
    case 0b101: endNonSpecific(rotate: true)
    case 0b110: lowestPriority = level
    default:
      inService &= ~(1 << level)
      lowestPriority = level
    }
  }

  /// OCW3: special mask, poll, and which register the even port reads.
  private mutating func operationWord3(_ value: UInt8) {
    if value & 0x40 != 0 { specialMask = value & 0x20 != 0 }
    if value & 0x04 != 0 {
      polled = true
    } else if value & 0x02 != 0 {
      readsInService = value & 0x01 != 0
    }
  }
}
