import BareMetal
import Testing

/// Goal: the 8254's counters read, and their OUT pins move, at the clocks that Intel's data sheet gives for each mode.
@Suite struct Timer8254Tests {
  /// The first nanosecond of a clock: ceil(clock × 10⁹ / 1,193,182), in arithmetic of the test's own.
  func ns(_ clock: Int) -> UInt64 {
    let seconds = UInt64(clock) / 1_193_182
    let rest = UInt64(clock) % 1_193_182
    return seconds * 1_000_000_000 + (rest * 1_000_000_000 + 1_193_181) / 1_193_182
  }

  /// A timer with counter 2 programmed at clock 0 with a two-byte count; the gate is set first. The count enters the
  /// counting element at clock 1.
  func counter2(mode: UInt8, count: UInt16, gate: Bool = true, bcd: Bool = false) -> Timer8254 {
    var timer = Timer8254()
    timer.writeSystemControl(gate ? 1 : 0, now: 0)
    timer.write(0x43, 0xB0 | mode << 1 | (bcd ? 1 : 0), now: 0)
    timer.write(0x42, UInt8(count & 0xFF), now: 0)
    timer.write(0x42, UInt8(count >> 8), now: 0)
    return timer
  }

  /// Latches and reads counter 2.
  func count(_ timer: inout Timer8254, _ clock: Int) -> Int {
    timer.write(0x43, 0x80, now: ns(clock))
    let low = timer.read(0x42, now: ns(clock))
    return Int(low) | Int(timer.read(0x42, now: ns(clock))) << 8
  }

  func counts(_ timer: Timer8254, _ clocks: ClosedRange<Int>) -> [Int] {
    var timer = timer
    return clocks.map { count(&timer, $0) }
  }

  /// OUT of counter 2 as a drawing: one character a clock.
  func drawing(_ timer: Timer8254, _ clocks: ClosedRange<Int>) -> String {
    String(clocks.map { timer.output2(at: ns($0)) ? "^" : "_" })
  }

  // MARK: The modes, as the data sheet's timing diagrams draw them

  @Test func mode0InterruptOnTerminalCount() {
    // OUT rises N + 1 clocks after the count is written; CE goes on from FFFFh.
    let timer = counter2(mode: 0, count: 4)
    #expect(drawing(timer, 0...8) == "_____^^^^")
    #expect(counts(timer, 1...7) == [4, 3, 2, 1, 0, 0xFFFF, 0xFFFE])
  }

  @Test func mode0GatePausesCounting() {
    var timer = counter2(mode: 0, count: 4)
    timer.writeSystemControl(0, now: ns(3))
    #expect(count(&timer, 30) == 2)
    timer.writeSystemControl(1, now: ns(30))
    #expect(drawing(timer, 30...33) == "__^^")
  }

  @Test func mode0CountLoadsWithGateLow() {
    var timer = counter2(mode: 0, count: 3, gate: false)
    #expect(count(&timer, 10) == 3)
    timer.writeSystemControl(1, now: ns(10))
    // "When GATE goes high, OUT will go high N CLK pulses later."
    #expect(drawing(timer, 10...14) == "___^^")
  }

  @Test func mode0FirstByteStopsAndSecondReloads() {
    var timer = counter2(mode: 0, count: 2)
    #expect(timer.output2(at: ns(5)))
    timer.write(0x42, 3, now: ns(6))
    #expect(!timer.output2(at: ns(6)))
    #expect(!timer.output2(at: ns(100)))
    timer.write(0x42, 0, now: ns(100))
    #expect(drawing(timer, 100...105) == "____^^")
  }

  @Test func mode1RetriggerableOneShot() {
    var timer = counter2(mode: 1, count: 3, gate: false)
    #expect(drawing(timer, 0...5) == "^^^^^^")
    timer.writeSystemControl(1, now: ns(6))
    #expect(drawing(timer, 6...11) == "^___^^")
    // A second trigger during the pulse restarts it: from clock 13 low until 13 + 3.
    var again = counter2(mode: 1, count: 3, gate: false)
    again.writeSystemControl(1, now: ns(10))
    again.writeSystemControl(0, now: ns(11))
    again.writeSystemControl(1, now: ns(12))
    #expect(drawing(again, 12...17) == "____^^")
  }

  @Test func mode2RateGenerator() {
    let timer = counter2(mode: 2, count: 3)
    #expect(counts(timer, 1...7) == [3, 2, 1, 3, 2, 1, 3])
    #expect(drawing(timer, 0...7) == "^^^_^^_^")
  }

  @Test func mode2GateStopsAndRestarts() {
    var timer = counter2(mode: 2, count: 4)
    // At clock 4 OUT would be low; GATE low forces it high.
    #expect(!timer.output2(at: ns(4)))
    timer.writeSystemControl(0, now: ns(4))
    #expect(drawing(timer, 4...12) == "^^^^^^^^^")
    timer.writeSystemControl(1, now: ns(20))
    #expect(drawing(timer, 20...25) == "^^^^_^")
    #expect(counts(timer, 21...24) == [4, 3, 2, 1])
  }

  @Test func mode2NewCountWaitsForTheCycle() {
    var timer = counter2(mode: 2, count: 4)
    timer.write(0x42, 3, now: ns(2))
    timer.write(0x42, 0, now: ns(2))
    #expect(counts(timer, 1...9) == [4, 3, 2, 1, 3, 2, 1, 3, 2])
  }

  @Test func mode3EvenCount() {
    let timer = counter2(mode: 3, count: 4)
    #expect(counts(timer, 1...8) == [4, 2, 4, 2, 4, 2, 4, 2])
    #expect(drawing(timer, 1...8) == "^^__^^__")
  }

  @Test func mode3OddCount() {
    // "OUT will be high for (N + 1)/2 counts and low for (N - 1)/2 counts", counting from N - 1 by two.
    let timer = counter2(mode: 3, count: 5)
    #expect(drawing(timer, 1...10) == "^^^__^^^__")
    #expect(counts(timer, 1...10) == [4, 2, 0, 4, 2, 4, 2, 0, 4, 2])
  }

  @Test func mode3NewCountWaitsForTheHalfCycle() {
    var timer = counter2(mode: 3, count: 8)
    // Written in the high half (clocks 1 to 4): the low half is of the new count.
    timer.write(0x42, 4, now: ns(2))
    timer.write(0x42, 0, now: ns(2))
    #expect(drawing(timer, 1...10) == "^^^^__^^__")
  }

  @Test func mode4SoftwareStrobe() {
    // OUT falls N + 1 clocks after the count is written, for one clock.
    let timer = counter2(mode: 4, count: 3)
    #expect(drawing(timer, 0...7) == "^^^^_^^^")
  }

  @Test func mode5HardwareStrobe() {
    var timer = counter2(mode: 5, count: 3, gate: false)
    #expect(drawing(timer, 0...9) == "^^^^^^^^^^")
    timer.writeSystemControl(1, now: ns(10))
    #expect(drawing(timer, 10...16) == "^^^^_^^")
  }

  @Test func modes6And7AreModes2And3() {
    #expect(drawing(counter2(mode: 6, count: 3), 0...7) == "^^^_^^_^")
    #expect(drawing(counter2(mode: 7, count: 4), 1...8) == "^^__^^__")
  }

  @Test func binaryCodedDecimal() {
    let timer = counter2(mode: 2, count: 0x0100, bcd: true)
    #expect(counts(timer, 1...3) == [0x100, 0x99, 0x98])
    // 100 clocks a cycle, and 0 stands for 10,000.
    #expect(counts(timer, 101...102) == [0x100, 0x99])
    #expect(counts(counter2(mode: 0, count: 0, bcd: true), 1...2) == [0, 0x9999])
  }

  @Test func countZeroIsTheWhole() {
    let timer = counter2(mode: 2, count: 0)
    #expect(counts(timer, 1...2) == [0, 0xFFFF])
    #expect(counts(timer, 65_536...65_538) == [1, 0, 0xFFFF])
  }

  // MARK: Reading

  @Test func aLatchedCountStaysUntilRead() {
    var timer = counter2(mode: 2, count: 0x1234)
    timer.write(0x43, 0x80, now: ns(1 + 0x34))
    // A second latch command is ignored while the first is unread.
    timer.write(0x43, 0x80, now: ns(1 + 0x100))
    #expect(timer.read(0x42, now: ns(1 + 0x200)) == 0x00)
    #expect(timer.read(0x42, now: ns(1 + 0x300)) == 0x12)
    // Unlatched reads follow the counter again.
    #expect(timer.read(0x42, now: ns(1 + 0x301)) == 0x33)
  }

  @Test func oneByteAccess() {
    var timer = Timer8254()
    timer.writeSystemControl(1, now: 0)
    // Counter 2, most significant byte only, mode 2: the count is 0x0200.
    timer.write(0x43, 0xA4, now: 0)
    timer.write(0x42, 0x02, now: 0)
    #expect(timer.read(0x42, now: ns(1)) == 0x02)
    #expect(timer.read(0x42, now: ns(2)) == 0x01)
    // Least significant byte only.
    timer.write(0x43, 0x94, now: ns(10))
    timer.write(0x42, 0x20, now: ns(10))
    #expect(timer.read(0x42, now: ns(12)) == 0x1F)
  }

  @Test func readBackGivesStatusBeforeCount() {
    var timer = Timer8254()
    timer.writeSystemControl(1, now: 0)
    timer.write(0x43, 0xB6, now: 0)
    // Mode 3, both bytes, nothing loaded: OUT high, null count.
    timer.write(0x43, 0xE8, now: 0)
    #expect(timer.read(0x42, now: 0) == 0xF6)
    timer.write(0x42, 0x00, now: 0)
    timer.write(0x42, 0x10, now: 0)
    // The count is in CR, and moves to CE with the next clock.
    timer.write(0x43, 0xE8, now: 0)
    #expect(timer.read(0x42, now: 0) == 0xF6)
    timer.write(0x43, 0xC8, now: ns(3))
    #expect(timer.read(0x42, now: ns(9)) == 0xB6)
    #expect(timer.read(0x42, now: ns(9)) == 0xFC)
    #expect(timer.read(0x42, now: ns(9)) == 0x0F)
    // In the low half OUT is low.
    timer.write(0x43, 0xE8, now: ns(1 + 0x800))
    #expect(timer.read(0x42, now: ns(1 + 0x800)) == 0x36)
  }

  @Test func readBackLatchesSeveralCounters() {
    var timer = counter2(mode: 2, count: 100)
    timer.write(0x43, 0x14, now: 0)
    timer.write(0x40, 50, now: 0)
    timer.write(0x43, 0xDA, now: ns(11))
    #expect(timer.read(0x40, now: ns(40)) == 40)
    #expect(timer.read(0x42, now: ns(40)) == 90)
  }

  // MARK: IRQ0

  @Test func ticksAt250Hz() {
    // Linux' periodic mode: control word 34h, LATCH = (1193182 + 125) / 250 = 4773.
    var timer = Timer8254()
    timer.write(0x43, 0x34, now: 0)
    timer.write(0x40, 0xA5, now: 0)
    timer.write(0x40, 0x12, now: 0)
    var now: UInt64 = 0
    for tick in 1...1000 {
      let edge = timer.nextEdge(after: now)
      #expect(edge == ns(1 + 4773 * tick))
      now = edge ?? 0
    }
  }

  @Test func oneShotAsLinuxUsesIt() {
    var timer = Timer8254()
    timer.write(0x43, 0x38, now: 0)
    #expect(timer.nextEdge(after: 0) == nil)
    timer.write(0x40, 0xE8, now: ns(50))
    timer.write(0x40, 0x03, now: ns(50))
    // Loaded at 51, low at 51 + 1000, high one clock later.
    #expect(timer.nextEdge(after: ns(50)) == ns(1052))
    #expect(timer.nextEdge(after: ns(1052)) == nil)
  }

  @Test func anIllegalCountMakesNoEdges() {
    for mode: UInt8 in [2, 3] {
      var timer = Timer8254()
      timer.write(0x43, 0x10 | mode << 1, now: 0)
      timer.write(0x40, 1, now: 0)
      #expect(timer.nextEdge(after: ns(10)) == nil)
      #expect(timer.output0(at: ns(10)))
      // A legal count revives it.
      timer.write(0x40, 4, now: ns(20))
      #expect(timer.nextEdge(after: ns(20)) == ns(25))
    }
  }

  /// The computed edge is the one that watching OUT clock by clock finds, whatever was written when.
  @Test(arguments: [0, 2, 3, 4] as [UInt8])
  func nextEdgeIsTheFirstRiseOfOut(mode: UInt8) {
    var random = SystemRandomNumberGenerator.seeded(UInt64(mode) + 1)
    for _ in 0..<40 {
      var timer = Timer8254()
      var clock = 0
      timer.write(0x43, 0x10 | mode << 1, now: 0)
      for _ in 0..<4 {
        timer.write(0x40, UInt8.random(in: 2...20, using: &random), now: ns(clock))
        let until = clock + Int.random(in: 1...50, using: &random)
        while clock < until {
          let watched = (clock + 1...clock + 100).first {
            timer.output0(at: ns($0)) && !timer.output0(at: ns($0 - 1))
          }
          #expect(timer.nextEdge(after: ns(clock)) == watched.map(ns))
          clock += 1
        }
      }
    }
  }

  @Test func endOfTimeIsNoTrap() {
    var timer = Timer8254()
    timer.write(0x43, 0x34, now: .max)
    timer.write(0x40, 0, now: .max)
    timer.write(0x40, 0, now: .max)
    _ = timer.nextEdge(after: .max)
    _ = timer.read(0x40, now: .max)
  }
}

/// A small generator with a seed, so that a failing run can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

extension SystemRandomNumberGenerator {
  static func seeded(_ seed: UInt64) -> SeededGenerator { SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15) }
}
