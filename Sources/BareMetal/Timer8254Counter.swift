/// One counter of an 8254 programmable interval timer, as a function of the number of its input clocks.
///
/// Intel 8254 data sheet, "Counter Operation", "Mode Definitions" (modes 0 to 5), "Read Operations", "Read-Back
/// Command". Nothing here counts: the counting element (CE) and OUT are computed from the clock at which the count
/// register (CR) was moved into CE, so a counter costs nothing between two looks at it.
///
/// Not modelled: the count 1 in modes 2 and 3, which the data sheet forbids; the counter then rests with OUT high.
/// Digits above 9 in BCD are taken as their decimal weight.
struct Timer8254Counter: Equatable, Codable, Sendable {
  enum ByteOrder: UInt8, Equatable, Codable, Sendable {
    case low = 1
    case high = 2
    case lowThenHigh = 3
  }

  /// 0...5; the control word's 6 and 7 are 2 and 3.
  private(set) var mode: UInt8 = 0
  private var isBCD = false
  private var byteOrder = ByteOrder.lowThenHigh
  private var programmed = false

  /// CR as a number of clocks; 0 written counts as the whole modulus.
  private var countRegister: Int64 = 0
  /// The first byte of a two-byte write, until the second comes.
  private var halfWritten: UInt8?
  /// The clock at which CR moves into CE, when that is known; in modes 1 and 5 a rise of GATE decides it.
  private var loadAt: Int64?
  /// CR holds a count that CE has not taken ("null count").
  private var nullCount = false

  /// What CE counts from, and the clock at which it began. Nil: nothing loaded since the control word.
  private var count: Int64 = 0
  private var loadedAt: Int64?
  /// GATE low (modes 0, 4) or a first byte of two (mode 0) stops CE here, at this many clocks after the load.
  private var stoppedAfter: Int64?

  private(set) var gate = true

  private var latchedCount: UInt16?
  private var latchedStatus: UInt8?
  private var highByteNext = false

  private var modulus: Int64 { isBCD ? 10_000 : 65_536 }
  private var isPeriodic: Bool { mode == 2 || mode == 3 }
  private var isTriggered: Bool { mode == 1 || mode == 5 }

  // MARK: CE and OUT at a clock

  /// Moves CR into CE if its clock has come.
  private mutating func settle(_ clock: Int64) {
    guard let at = loadAt, at <= clock else { return }
    if mode == 3, loadedAt != nil, count > 1, outAt(clock: at - 1) {
      // Mode 3 takes a new count at the end of a half cycle. Here the high half ended: the new count starts with its
      // low half, as if it had been loaded one high half earlier.
      loadedAt = at - (countRegister + 1) / 2
    } else {
      loadedAt = at
    }
    count = countRegister
    loadAt = nil
    nullCount = false
    // With GATE low CE takes its count and keeps it.
    stoppedAfter = gate || isTriggered ? nil : 0
  }

  /// Clocks since the load, as far as the counter was allowed to count.
  private func elapsed(_ clock: Int64) -> Int64? {
    guard let loadedAt else { return nil }
    return stoppedAfter ?? max(0, clock - loadedAt)
  }

  /// OUT; the counter must be settled to `clock`.
  private func outAt(clock: Int64) -> Bool {
    guard programmed else { return false }
    guard let elapsed = elapsed(clock) else { return mode != 0 }
    switch mode {
    case 0, 1: return elapsed >= count
    case 2: return !gate || count == 1 || elapsed % count != count - 1
    case 3: return !gate || count == 1 || elapsed % count < (count + 1) / 2
    default: return elapsed != count
    }
  }

  /// The OUT pin at a clock.
  func out(at clock: Int64) -> Bool {
    var copy = self
    copy.settle(clock)
    return copy.outAt(clock: clock)
  }

  /// CE as a read shows it.
  private func element(_ clock: Int64) -> UInt16 {
    guard let elapsed = elapsed(clock) else { return 0 }
    let value: Int64
    switch mode {
    case 2: value = count - elapsed % count
    case 3:
      // Counts by two; an odd count is loaded less one, and its high half lasts one clock more (down to 0).
      let place = elapsed % count
      let high = (count + 1) / 2
      value = (count & ~1) - 2 * (place < high ? place : place - high)
    default: value = (count - elapsed) % modulus
    }
    let binary = UInt16(truncatingIfNeeded: value < 0 ? value + modulus : value % modulus)
    return isBCD ? Self.bcd(binary) : binary
  }

  private static func bcd(_ value: UInt16) -> UInt16 {
    value % 10 | (value / 10 % 10) << 4 | (value / 100 % 10) << 8 | (value / 1000 % 10) << 12
  }

  private static func binary(_ bcd: UInt16) -> Int64 {
    Int64(bcd & 15) + Int64(bcd >> 4 & 15) * 10 + Int64(bcd >> 8 & 15) * 100 + Int64(bcd >> 12) * 1000
  }

  // MARK: Edges

  /// The first clock after `clock` at which OUT rises, if nothing is written and GATE stays.
  func nextRise(after clock: Int64) -> Int64? {
    var copy = self
    copy.settle(clock)
    let rise = copy.riseOfLoadedCount(after: clock)
    guard let loads = copy.loadAt else { return rise }
    // A load takes the place of the clock that would have ended modes 0 and 1; in the others OUT rises with it.
    if let rise, rise < loads || rise == loads && mode > 1 { return rise }
    copy.settle(loads)
    return copy.riseOfLoadedCount(after: loads)
  }

  private func riseOfLoadedCount(after clock: Int64) -> Int64? {
    guard programmed, let loadedAt, stoppedAfter == nil else { return nil }
    let rise: Int64
    switch mode {
    case 0, 1: rise = loadedAt + count
    case 2, 3:
      guard gate, count > 1 else { return nil }
      let periods = max(0, clock - loadedAt) / count + 1
      rise = loadedAt + periods * count
    default: rise = loadedAt + count + 1
    }
    return rise > clock ? rise : nil
  }

  // MARK: Writes

  /// A control word for this counter (not the latch command): RW, M and BCD.
  mutating func control(_ word: UInt8, at clock: Int64) {
    let gateNow = gate
    self = Timer8254Counter()
    gate = gateNow
    programmed = true
    mode = word >> 1 & 7
    if mode > 5 { mode -= 4 }
    isBCD = word & 1 != 0
    byteOrder = ByteOrder(rawValue: word >> 4 & 3) ?? .lowThenHigh
    nullCount = true
  }

  mutating func write(_ value: UInt8, at clock: Int64) {
    settle(clock)
    switch byteOrder {
    case .low: take(UInt16(value), at: clock)
    case .high: take(UInt16(value) << 8, at: clock)
    case .lowThenHigh:
      if let low = halfWritten {
        halfWritten = nil
        take(UInt16(value) << 8 | UInt16(low), at: clock)
      } else {
        halfWritten = value
        if mode == 0 {
          // "Writing the first byte disables counting. OUT is set low immediately."
          loadAt = nil
          loadedAt = nil
          stoppedAfter = nil
        }
      }
    }
  }

  /// A whole count reached CR.
  private mutating func take(_ written: UInt16, at clock: Int64) {
    guard programmed else { return }
    let clocks = isBCD ? Self.binary(written) % modulus : Int64(written)
    countRegister = clocks == 0 ? modulus : clocks
    nullCount = true
    if isTriggered { return }
    if isPeriodic, let loadedAt {
      // A periodic counter finishes its cycle (mode 3: its half cycle) first; without GATE it waits for the rise.
      guard gate else { return }
      loadAt = count == 1 ? clock + 1 : endOfCycle(after: clock, from: loadedAt)
    } else {
      loadAt = clock + 1
    }
  }

  private func endOfCycle(after clock: Int64, from loadedAt: Int64) -> Int64 {
    let place = max(0, clock - loadedAt) % count
    let start = max(clock, loadedAt) - place
    let half = (count + 1) / 2
    return mode == 3 && place < half ? start + half : start + count
  }

  /// The GATE pin: it enables (0, 4), enables and restarts (2, 3), or triggers (1, 5).
  mutating func setGate(_ high: Bool, at clock: Int64) {
    settle(clock)
    guard high != gate else { return }
    switch mode {
    case 0, 4:
      if high, let stopped = stoppedAfter {
        loadedAt = clock - stopped
        stoppedAfter = nil
      } else if !high, let counted = elapsed(clock) {
        stoppedAfter = counted
      }
    case 2, 3:
      if high {
        // The trigger starts a whole cycle from CR at the next clock.
        loadedAt = nil
        loadAt = countRegister != 0 ? clock + 1 : nil
      } else {
        stoppedAfter = elapsed(clock)
      }
    default:
      if high, countRegister != 0 { loadAt = clock + 1 }
    }
    gate = high
  }

  // MARK: Reads

  /// The counter latch command. A count already latched stays until it is read.
  mutating func latchCount(at clock: Int64) {
    settle(clock)
    if latchedCount == nil { latchedCount = element(clock) }
  }

  /// The status byte of the read-back command: OUT, null count, and the programmed mode.
  mutating func latchStatus(at clock: Int64) {
    settle(clock)
    guard latchedStatus == nil else { return }
    let programming = byteOrder.rawValue << 4 | mode << 1 | (isBCD ? 1 : 0)
    latchedStatus = (outAt(clock: clock) ? 0x80 : 0) | (nullCount ? 0x40 : 0) | programming
  }

  mutating func read(at clock: Int64) -> UInt8 {
    settle(clock)
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let value = latchedCount ?? element(clock)
    switch byteOrder {
    case .low:
      latchedCount = nil
      return UInt8(truncatingIfNeeded: value)
    case .high:
      latchedCount = nil
      return UInt8(truncatingIfNeeded: value >> 8)
    case .lowThenHigh:
      highByteNext.toggle()
      if highByteNext { return UInt8(truncatingIfNeeded: value) }
      latchedCount = nil
      return UInt8(truncatingIfNeeded: value >> 8)
    }
  }
}
