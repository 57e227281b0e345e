/// The 8254 programmable interval timer of a PC: ports 0x40 to 0x43, 1,193,182 Hz, and the two halves of port 0x61
/// that belong to it.
///
/// Intel 8254 data sheet, "Programming the 8254", "Read-Back Command"; IBM PC/AT Technical Reference, "System Timers".
/// Counter 0 drives IRQ0, counter 1 (once DRAM refresh) is free, counter 2 is gated by port 0x61 bit 0.
public struct Timer8254: Equatable, Codable, Sendable {
  /// 14.318180 MHz / 12.
  public static let frequency: UInt64 = 1_193_182
  private static let nanosecondsPerSecond: UInt64 = 1_000_000_000

  private var counter0 = Timer8254Counter()
  private var counter1 = Timer8254Counter()
  private var counter2 = Timer8254Counter()
  /// Port 0x61 bit 1; it only feeds the loudspeaker.
  public private(set) var speakerEnabled = false

  public init() {
    counter2.setGate(false, at: 0)
  }

  // MARK: Virtual time

  /// The number of input clocks that have passed at a virtual time.
  static func clock(at now: UInt64) -> Int64 {
    let product = now.multipliedFullWidth(by: frequency)
    return Int64(nanosecondsPerSecond.dividingFullWidth((product.high, product.low)).quotient)
  }

  /// The first nanosecond that belongs to a clock.
  static func time(of clock: Int64) -> UInt64 {
    let product = UInt64(clock).multipliedFullWidth(by: nanosecondsPerSecond)
    guard product.high < frequency else { return .max }
    let (quotient, remainder) = frequency.dividingFullWidth((product.high, product.low))
    return quotient &+ (remainder == 0 ? 0 : 1)
  }

  // MARK: Pins

  /// The next rising edge of counter 0's OUT (IRQ0) strictly after `now`.
  public func nextEdge(after now: UInt64) -> UInt64? {
    counter0.nextRise(after: Self.clock(at: now)).map(Self.time(of:))
  }

  /// Counter 0's OUT pin.
  public func output0(at now: UInt64) -> Bool { counter0.out(at: Self.clock(at: now)) }

  /// Counter 2's OUT pin, port 0x61 bit 5.
  public func output2(at now: UInt64) -> Bool { counter2.out(at: Self.clock(at: now)) }

  /// Counter 2's GATE pin, port 0x61 bit 0.
  public var gate2: Bool { counter2.gate }

  /// What a write to port 0x61 means for the timer.
  public mutating func writeSystemControl(_ value: UInt8, now: UInt64) {
    counter2.setGate(value & 1 != 0, at: Self.clock(at: now))
    speakerEnabled = value & 2 != 0
  }

  // MARK: Ports

  static func claims(_ port: UInt16) -> Bool { 0x40...0x43 ~= port }

  public mutating func read(_ port: UInt16, now: UInt64) -> UInt8 {
    let clock = Self.clock(at: now)
    switch port & 3 {
    case 0: return counter0.read(at: clock)
    case 1: return counter1.read(at: clock)
    case 2: return counter2.read(at: clock)
    // The control word register cannot be read; the data sheet lists the cycle as "no operation".
    default: return 0xFF
    }
  }

  public mutating func write(_ port: UInt16, _ value: UInt8, now: UInt64) {
    let clock = Self.clock(at: now)
    switch port & 3 {
    case 0: counter0.write(value, at: clock)
    case 1: counter1.write(value, at: clock)
    case 2: counter2.write(value, at: clock)
    default: control(value, at: clock)
    }
  }

  private mutating func control(_ word: UInt8, at clock: Int64) {
    let select = word >> 6
    if select == 3 {
      // Read-back: bits 5 and 4 are active low, bits 3 to 1 choose counters. Status, if asked, is read before the count.
      for index in UInt8(0)..<3 where word & 2 << index != 0 {
        with(index) { counter in
          if word & 0x20 == 0 { counter.latchCount(at: clock) }
          if word & 0x10 == 0 { counter.latchStatus(at: clock) }
        }
      }
    } else if word & 0x30 == 0 {
      with(select) { $0.latchCount(at: clock) }
    } else {
      with(select) { $0.control(word, at: clock) }
    }
  }

  private mutating func with(_ index: UInt8, _ body: (inout Timer8254Counter) -> Void) {
    switch index {
    case 0: body(&counter0)
    case 1: body(&counter1)
    default: body(&counter2)
    }
  }
}
