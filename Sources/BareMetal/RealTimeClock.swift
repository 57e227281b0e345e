/// The MC146818 real-time clock and its battery-backed memory, ports 0x70 and 0x71.
///
/// Motorola MC146818 data sheet, "Address Map", "Time, Calendar, and Alarm Locations", "Registers"; IBM PC/AT
/// Technical Reference, "Real-Time Clock".
///
/// The clock starts at 2026-01-01 00:00:00 UTC, a Thursday, when virtual time is 0, and runs with virtual time: nothing
/// reads the host's clock. Not modelled: alarm, periodic and update-ended interrupts (the bits of register B read back,
/// register C is always 0 and IRQ8 never rises), daylight saving, and other rates of the divider in register A.
public struct RealTimeClock: Equatable, Codable, Sendable {
  /// The date of virtual time 0: 2026-01-01 00:00:00 UTC.
  public static let start = "2026-01-01 00:00:00"
  /// The same in seconds since 2000-01-01: 26 years with seven leap days.
  private static let startSeconds: Int64 = (26 * 365 + 7) * 86_400

  /// How long before a second's end UIP is set: 244 µs of notice and 1984 µs of update.
  static let updateInProgress: UInt64 = 2_228_000

  /// The byte that port 0x71 reads; bit 7 of port 0x70 masks NMI and is not part of it.
  private var index: UInt8 = 0
  public private(set) var nonMaskableInterruptsOff = false
  private var registerA: UInt8 = 0x26
  private var registerB: UInt8 = 0x02
  /// Seconds since 2000 that the clock shows at virtual time 0; a guest that sets the clock moves it.
  private var epoch = startSeconds
  /// The calendar while register B's SET bit stops it.
  private var held: Calendar?
  private var alarm = SIMD4<UInt8>(repeating: 0)
  private var memoryLow = SIMD64<UInt8>(repeating: 0)
  private var memoryHigh = SIMD64<UInt8>(repeating: 0)

  public init() {}

  /// The seven time and calendar locations, as binary numbers with a 24-hour clock. The chip counts two digits of the
  /// year and takes every fourth as a leap year, so this is the calendar of 2000 to 2099, over and over.
  private struct Calendar: Equatable, Codable, Sendable {
    var second: Int
    var minute: Int
    var hour: Int
    /// 1 is Sunday.
    var weekday: Int
    var day: Int
    var month: Int
    var year: Int

    private static let daysInFourYears: Int64 = 1461
    private static let daysInHundredYears: Int64 = 36_525

    /// Days of a year before its month begins.
    private static func daysBefore(month: Int, leap: Bool) -> Int64 {
      let lengths: [Int64] = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      return lengths.prefix(month - 1).reduce(0, +)
    }

    /// The calendar that many seconds after 2000-01-01 00:00:00, which was a Saturday.
    init(seconds: Int64) {
      let days = seconds.split(by: 86_400)
      (hour, minute, second) = (Int(days.rest / 3600), Int(days.rest / 60 % 60), Int(days.rest % 60))
      weekday = Int((days.whole + 6).split(by: 7).rest) + 1
      let fourYears = days.whole.split(by: Self.daysInHundredYears).rest.split(by: Self.daysInFourYears)
      let leap = fourYears.rest < 366
      let yearOfFour = leap ? 0 : (fourYears.rest - 1) / 365
      let dayOfYear = leap ? fourYears.rest : fourYears.rest - 1 - yearOfFour * 365
      year = Int(fourYears.whole * 4 + yearOfFour)
      var month = 12
      while Self.daysBefore(month: month, leap: leap) > dayOfYear { month -= 1 }
      self.month = month
      day = Int(dayOfYear - Self.daysBefore(month: month, leap: leap)) + 1
    }

    /// Seconds since 2000-01-01. A day past its month's end counts on; a month that does not exist is taken as the
    /// nearest one.
    var seconds: Int64 {
      let month = min(max(month, 1), 12)
      let leapDays = (Int64(year) + 3) / 4
      let days =
        Int64(year) * 365 + leapDays + Self.daysBefore(month: month, leap: year % 4 == 0) + Int64(day) - 1
      return days * 86_400 + Int64(hour) * 3600 + Int64(minute) * 60 + Int64(second)
    }
  }

  // MARK: Register B's formats

  private static let setBit: UInt8 = 0x80
  private var isBinary: Bool { registerB & 0x04 != 0 }
  private var is24Hour: Bool { registerB & 0x02 != 0 }

  private func encoded(_ value: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: isBinary ? value : (value / 10) << 4 | value % 10)
  }

  private func decoded(_ byte: UInt8) -> Int {
    isBinary ? Int(byte) : Int(byte >> 4) * 10 + Int(byte & 15)
  }

  private func encodedHour(_ hour: Int) -> UInt8 {
    if is24Hour { return encoded(hour) }
    return encoded((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0)
  }

  private func decodedHour(_ byte: UInt8) -> Int {
    if is24Hour { return decoded(byte) }
    return decoded(byte & 0x7F) % 12 + (byte & 0x80 != 0 ? 12 : 0)
  }

  // MARK: Time

  private func calendar(at now: UInt64) -> Calendar {
    held ?? Calendar(seconds: epoch + Int64(now / 1_000_000_000))
  }

  /// A second is about to end: the guest must not read the calendar now.
  private func isUpdating(at now: UInt64) -> Bool {
    held == nil && now % 1_000_000_000 >= 1_000_000_000 - Self.updateInProgress
  }

  // MARK: Ports

  static func claims(_ port: UInt16) -> Bool { port == 0x70 || port == 0x71 }

  public func read(_ port: UInt16, now: UInt64) -> UInt8 {
    // The address latch cannot be read.
    guard port == 0x71 else { return 0xFF }
    switch index {
    case 0: return encoded(calendar(at: now).second)
    case 2: return encoded(calendar(at: now).minute)
    case 4: return encodedHour(calendar(at: now).hour)
    case 6: return encoded(calendar(at: now).weekday)
    case 7: return encoded(calendar(at: now).day)
    case 8: return encoded(calendar(at: now).month)
    case 9: return encoded(calendar(at: now).year)
    case 1, 3, 5: return alarm[Int(index) / 2]
    case 0x0A: return registerA | (isUpdating(at: now) ? 0x80 : 0)
    case 0x0B: return registerB
    case 0x0C: return 0
    // VRT: the battery is good.
    case 0x0D: return 0x80
    case ..<0x40: return memoryLow[Int(index)]
    default: return memoryHigh[Int(index) - 0x40]
    }
  }

  public mutating func write(_ port: UInt16, _ value: UInt8, now: UInt64) {
    guard port == 0x71 else {
      index = value & 0x7F
      nonMaskableInterruptsOff = value & 0x80 != 0
      return
    }
    switch index {
    case 0, 2, 4, 6...9: writeCalendar(value, now: now)
    case 1, 3, 5: alarm[Int(index) / 2] = value
    case 0x0A: registerA = value & 0x7F
    case 0x0B: writeRegisterB(value, now: now)
    case 0x0C, 0x0D: break
    case ..<0x40: memoryLow[Int(index)] = value
    default: memoryHigh[Int(index) - 0x40] = value
    }
  }

  private mutating func writeCalendar(_ value: UInt8, now: UInt64) {
    var changed = calendar(at: now)
    switch index {
    case 0: changed.second = decoded(value)
    case 2: changed.minute = decoded(value)
    case 4: changed.hour = decodedHour(value)
    case 6: changed.weekday = decoded(value)
    case 7: changed.day = decoded(value)
    case 8: changed.month = decoded(value)
    default: changed.year = decoded(value)
    }
    if held != nil { held = changed } else { start(from: changed, now: now) }
  }

  private mutating func writeRegisterB(_ value: UInt8, now: UInt64) {
    // The calendar is kept as numbers, so a change of format takes effect at once; the chip would need it set anew.
    if value & Self.setBit != 0 {
      held = calendar(at: now)
    } else if let stopped = held {
      held = nil
      start(from: stopped, now: now)
    }
    registerB = value
  }

  private mutating func start(from calendar: Calendar, now: UInt64) {
    epoch = calendar.seconds - Int64(now / 1_000_000_000)
  }
}

extension Int64 {
  /// Quotient and remainder for a positive divisor, the remainder never negative.
  fileprivate func split(by divisor: Int64) -> (whole: Int64, rest: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
