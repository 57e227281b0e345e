import BareMetal
import Foundation
import Testing

/// Goal: the clock starts on its fixed date, agrees with Foundation's calendar from there on, and keeps the MC146818's
/// rules of formats, SET and UIP.
@Suite struct RealTimeClockTests {
  let second: UInt64 = 1_000_000_000

  func read(_ clock: inout RealTimeClock, _ register: UInt8, _ now: UInt64) -> UInt8 {
    clock.write(0x70, register, now: now)
    return clock.read(0x71, now: now)
  }

  func write(_ clock: inout RealTimeClock, _ register: UInt8, _ value: UInt8, _ now: UInt64) {
    clock.write(0x70, register, now: now)
    clock.write(0x71, value, now: now)
  }

  /// Year, month, day, hour, minute, second, weekday.
  func calendar(_ clock: inout RealTimeClock, _ now: UInt64) -> [UInt8] {
    [9, 8, 7, 4, 2, 0, 6].map { read(&clock, $0, now) }
  }

  @Test func startsOnItsDateInBCD() {
    var clock = RealTimeClock()
    #expect(calendar(&clock, 0) == [0x26, 0x01, 0x01, 0, 0, 0, 5])
    #expect(calendar(&clock, 59 * second) == [0x26, 0x01, 0x01, 0, 0, 0x59, 5])
    #expect(calendar(&clock, (23 * 3600 + 59 * 60) * second) == [0x26, 0x01, 0x01, 0x23, 0x59, 0, 5])
  }

  @Test func registersAfterPowerUp() {
    var clock = RealTimeClock()
    #expect(read(&clock, 0x0A, 0) == 0x26)
    #expect(read(&clock, 0x0B, 0) == 0x02)
    #expect(read(&clock, 0x0C, 0) == 0)
    #expect(read(&clock, 0x0D, 0) == 0x80)
    #expect(clock.read(0x70, now: 0) == 0xFF)
  }

  @Test func agreesWithFoundationOverTheCentury() throws {
    var utc = Foundation.Calendar(identifier: .gregorian)
    utc.timeZone = try #require(TimeZone(identifier: "UTC"))
    let start = try #require(utc.date(from: DateComponents(year: 2026, month: 1, day: 1)))
    var clock = RealTimeClock()
    write(&clock, 0x0B, 0x06, 0)
    var random = SeededGenerator(state: 7)
    for _ in 0..<3000 {
      // Up to the end of 2099.
      let seconds = UInt64.random(in: 0..<2_335_219_200, using: &random)
      let parts = utc.dateComponents(
        [.year, .month, .day, .hour, .minute, .second, .weekday], from: start.addingTimeInterval(Double(seconds)))
      let expected = [
        (parts.year ?? 0) % 100, parts.month, parts.day, parts.hour, parts.minute, parts.second, parts.weekday,
      ].map { UInt8($0 ?? 0) }
      #expect(calendar(&clock, seconds * second) == expected)
    }
  }

  @Test(arguments: [(0, 0x12), (1, 0x01), (11, 0x11), (12, 0x92), (13, 0x81), (23, 0x91)] as [(UInt64, UInt8)])
  func twelveHourFormat(hour: UInt64, expected: UInt8) {
    var clock = RealTimeClock()
    write(&clock, 0x0B, 0x00, 0)
    #expect(read(&clock, 4, hour * 3600 * second) == expected)
    // Written back in the same format, it is the same hour.
    write(&clock, 4, expected, 0)
    write(&clock, 0x0B, 0x06, 0)
    #expect(read(&clock, 4, 0) == UInt8(hour))
  }

  @Test func settingStopsAndRestartsTheClock() {
    var clock = RealTimeClock()
    write(&clock, 0x0B, 0x82, 5 * second)
    // 2024-02-29 23:59:58, the month first while the day is still 1.
    for (register, value): (UInt8, UInt8) in [(9, 0x24), (8, 0x02), (7, 0x29), (4, 0x23), (2, 0x59), (0, 0x58)] {
      write(&clock, register, value, 6 * second)
    }
    #expect(read(&clock, 0, 100 * second) == 0x58)
    #expect(read(&clock, 0x0A, 100 * second + 999_000_000) & 0x80 == 0)
    write(&clock, 0x0B, 0x02, 100 * second)
    #expect(calendar(&clock, 101 * second) == [0x24, 0x02, 0x29, 0x23, 0x59, 0x59, 5])
    #expect(calendar(&clock, 102 * second) == [0x24, 0x03, 0x01, 0, 0, 0, 6])
  }

  @Test func updateInProgressPrecedesEachSecond() {
    var clock = RealTimeClock()
    #expect(read(&clock, 0x0A, 0) & 0x80 == 0)
    #expect(read(&clock, 0x0A, 500_000_000) & 0x80 == 0)
    // Data sheet: at least 244 µs from UIP to the update, which takes 1984 µs with a 32.768 kHz time base.
    #expect(read(&clock, 0x0A, second - 2_228_000) & 0x80 != 0)
    #expect(read(&clock, 0x0A, second - 2_228_001) & 0x80 == 0)
    #expect(read(&clock, 0x0A, second - 1) & 0x80 != 0)
    #expect(read(&clock, 0x0A, second) & 0x80 == 0)
  }

  @Test func memoryKeepsBytes() {
    var clock = RealTimeClock()
    for register in UInt8(0x0E)...0x7F { write(&clock, register, register ^ 0x5A, 0) }
    for register in UInt8(0x0E)...0x7F { #expect(read(&clock, register, 0) == register ^ 0x5A) }
    for register: UInt8 in [1, 3, 5] {
      write(&clock, register, register + 0x10, 0)
      #expect(read(&clock, register, 0) == register + 0x10)
    }
  }

  @Test func bit7OfTheIndexMasksNMI() {
    var clock = RealTimeClock()
    clock.write(0x70, 0x8D, now: 0)
    #expect(clock.nonMaskableInterruptsOff)
    #expect(clock.read(0x71, now: 0) == 0x80)
    clock.write(0x70, 0x0D, now: 0)
    #expect(!clock.nonMaskableInterruptsOff)
  }

  @Test func nonsenseIsNoTrap() {
    for value: UInt8 in [0, 0x7F, 0x99, 0xFF] {
      for format: UInt8 in [0, 2, 4, 6] {
        var clock = RealTimeClock()
        write(&clock, 0x0B, format, 0)
        for register: UInt8 in [0, 2, 4, 6, 7, 8, 9] { write(&clock, register, value, .max) }
        _ = calendar(&clock, 0)
        write(&clock, 0x0B, 0x80 | format, 0)
        for register: UInt8 in [0, 2, 4, 6, 7, 8, 9] { write(&clock, register, value, 0) }
        _ = calendar(&clock, 0)
        write(&clock, 0x0B, format, .max)
        _ = calendar(&clock, .max)
      }
    }
  }
}
