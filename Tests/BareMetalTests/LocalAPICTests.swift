import BareMetal
import Testing

/// Goal: the local APIC follows the SDM's chapter "Advanced Programmable Interrupt Controller (APIC)": reset state,
/// priority arithmetic, the LVT's masks, the timer's modes, IPIs to itself, and errors.
@Suite struct LocalAPICTests {
  enum Register {
    static let taskPriority: UInt64 = 0x80
    static let processorPriority: UInt64 = 0xA0
    static let endOfInterrupt: UInt64 = 0xB0
    static let spurious: UInt64 = 0xF0
    static let errorStatus: UInt64 = 0x280
    static let commandLow: UInt64 = 0x300
    static let commandHigh: UInt64 = 0x310
    static let timer: UInt64 = 0x320
    static let lint0: UInt64 = 0x350
    static let lint1: UInt64 = 0x360
    static let error: UInt64 = 0x370
    static let initialCount: UInt64 = 0x380
    static let currentCount: UInt64 = 0x390
    static let divide: UInt64 = 0x3E0
  }

  static let selfShorthand: UInt32 = 1 << 18

  /// A local APIC enabled in SVR, spurious vector FFh.
  func enabled(hasDeadlineMode: Bool = false) -> LocalAPIC {
    var apic = LocalAPIC(hasDeadlineMode: hasDeadlineMode)
    apic.write(Register.spurious, 0x1FF, now: 0)
    return apic
  }

  func request(_ apic: inout LocalAPIC, _ vectors: UInt8...) {
    for vector in vectors { apic.write(Register.commandLow, Self.selfShorthand | UInt32(vector), now: 0) }
  }

  // MARK: Reset

  @Test(
    arguments: [
      // "Local APIC State After Power-Up or Reset".
      (0x20, 0), (0x30, 0x50014), (0x80, 0), (0x90, 0), (0xA0, 0), (0xD0, 0), (0xE0, 0xFFFF_FFFF), (0xF0, 0xFF),
      (0x100, 0), (0x170, 0), (0x180, 0), (0x1F0, 0), (0x200, 0), (0x270, 0), (0x280, 0), (0x300, 0), (0x310, 0),
      (0x320, 0x10000), (0x330, 0x10000), (0x340, 0x10000), (0x350, 0x10000), (0x360, 0x10000), (0x370, 0x10000),
      (0x380, 0), (0x390, 0), (0x3E0, 0),
    ] as [(UInt64, UInt32)])
  func resetState(offset: UInt64, value: UInt32) {
    var apic = LocalAPIC()
    #expect(apic.read(offset, now: 0) == value)
  }

  @Test func readOnlyRegistersIgnoreWrites() {
    var apic = enabled()
    for offset: UInt64 in [0x20, 0x30, 0x90, 0xA0, 0xC0, 0x100, 0x180, 0x200, 0x390] {
      let before = apic.read(offset, now: 0)
      apic.write(offset, 0xFFFF_FFFF, now: 0)
      #expect(apic.read(offset, now: 0) == before)
    }
    apic.write(Register.errorStatus, 0, now: 0)
    #expect(apic.read(Register.errorStatus, now: 0) == 0)
  }

  // MARK: Priorities

  @Test func requestServiceAndEnd() {
    var apic = enabled()
    request(&apic, 0x31, 0xEF)
    #expect(apic.read(0x210, now: 0) == 1 << 17)
    #expect(apic.read(0x270, now: 0) == 1 << 15)
    #expect(apic.acknowledge() == 0xEF)
    #expect(apic.read(0x270, now: 0) == 0)
    #expect(apic.read(0x170, now: 0) == 1 << 15)
    #expect(apic.pendingVector == nil)
    apic.write(Register.endOfInterrupt, 0, now: 0)
    #expect(apic.acknowledge() == 0x31)
  }

  @Test func onlyAHigherClassNests() {
    var apic = enabled()
    request(&apic, 0x52)
    #expect(apic.acknowledge() == 0x52)
    // Same class, higher vector: waits. Next class: nests.
    request(&apic, 0x5F)
    #expect(apic.pendingVector == nil)
    request(&apic, 0x60)
    #expect(apic.acknowledge() == 0x60)
    apic.write(Register.endOfInterrupt, 0, now: 0)
    #expect(apic.pendingVector == nil)
    apic.write(Register.endOfInterrupt, 0, now: 0)
    #expect(apic.pendingVector == 0x5F)
  }

  @Test func processorPriorityArithmetic() {
    // "Task and Processor Priorities": PPR[7:4] = max(TPR[7:4], ISRV[7:4]); PPR[3:0] = TPR[3:0] if TPR's class is
    // not below ISRV's, else 0.
    for serving: UInt8 in [0, 0x35, 0x80] {
      for task in UInt8.min...UInt8.max {
        var apic = enabled()
        if serving != 0 {
          request(&apic, serving)
          _ = apic.acknowledge()
        }
        apic.write(Register.taskPriority, UInt32(task), now: 0)
        let classes = max(task / 16, serving / 16)
        let expected = classes * 16 + (task / 16 >= serving / 16 ? task % 16 : 0)
        #expect(apic.read(Register.processorPriority, now: 0) == UInt32(expected))
      }
    }
  }

  @Test func taskPriorityHoldsBackItsClassAndBelow() {
    for task in UInt8(0)...15 {
      var apic = enabled()
      apic.taskPriorityClass = task
      #expect(apic.read(Register.taskPriority, now: 0) == UInt32(task) << 4)
      request(&apic, 0x60)
      #expect((apic.pendingVector == 0x60) == (task < 6))
    }
  }

  @Test func acknowledgeWithNothingIsSpurious() {
    var apic = enabled()
    request(&apic, 0x40)
    apic.taskPriorityClass = 8
    #expect(apic.acknowledge() == 0xFF)
    // The spurious interrupt touches neither IRR nor ISR.
    #expect(apic.read(0x170, now: 0) == 0)
    apic.taskPriorityClass = 0
    #expect(apic.acknowledge() == 0x40)
  }

  @Test func softwareDisableMasksTheTableAndRefusesInterrupts() {
    var apic = enabled()
    apic.write(Register.timer, 0x40, now: 0)
    request(&apic, 0x50)
    apic.write(Register.spurious, 0xFF, now: 0)
    #expect(apic.read(Register.timer, now: 0) == 0x10040)
    // Masks cannot be cleared meanwhile; what was accepted stays.
    apic.write(Register.lint0, 0x700, now: 0)
    #expect(apic.read(Register.lint0, now: 0) == 0x10700)
    request(&apic, 0x60)
    #expect(apic.pendingVector == 0x50)
  }

  // MARK: Timer

  @Test(
    arguments: [
      (0b0000, 2), (0b0001, 4), (0b0010, 8), (0b0011, 16), (0b1000, 32), (0b1001, 64), (0b1010, 128), (0b1011, 1),
    ]
      as [(UInt32, UInt64)])
  func divideConfiguration(code: UInt32, divisor: UInt64) {
    var apic = enabled()
    apic.write(Register.divide, code, now: 0)
    #expect(apic.read(Register.divide, now: 0) == code)
    apic.write(Register.timer, 0x40, now: 0)
    apic.write(Register.initialCount, 1000, now: 7)
    #expect(apic.nextDeadline(after: 7) == 7 + 1000 * divisor)
    // The count falls by one each `divisor` bus clocks.
    #expect(apic.read(Register.currentCount, now: 7) == 1000)
    #expect(apic.read(Register.currentCount, now: 7 + divisor) == 999)
    #expect(apic.read(Register.currentCount, now: 7 + 300 * divisor - 1) == 701)
    #expect(apic.read(Register.currentCount, now: 7 + 300 * divisor) == 700)
  }

  @Test func oneShotFiresOnce() {
    var apic = enabled()
    apic.write(Register.divide, 0b1011, now: 0)
    apic.write(Register.timer, 0x40, now: 0)
    apic.write(Register.initialCount, 100, now: 0)
    apic.advance(to: 99)
    #expect(apic.pendingVector == nil)
    apic.advance(to: 100)
    #expect(apic.acknowledge() == 0x40)
    #expect(apic.read(Register.currentCount, now: 101) == 0)
    #expect(apic.nextDeadline(after: 101) == nil)
  }

  @Test func periodicReloads() {
    var apic = enabled()
    apic.write(Register.divide, 0b1011, now: 0)
    apic.write(Register.timer, 0x2_0040, now: 0)
    apic.write(Register.initialCount, 100, now: 50)
    #expect(apic.nextDeadline(after: 50) == 150)
    apic.advance(to: 150)
    #expect(apic.acknowledge() == 0x40)
    #expect(apic.read(Register.currentCount, now: 150) == 100)
    #expect(apic.nextDeadline(after: 150) == 250)
    // Three periods at once are one request.
    apic.advance(to: 449)
    #expect(apic.nextDeadline(after: 449) == 450)
    apic.write(Register.endOfInterrupt, 0, now: 449)
    #expect(apic.acknowledge() == 0x40)
    apic.write(Register.endOfInterrupt, 0, now: 449)
    #expect(apic.pendingVector == nil)
    // Zero stops.
    apic.write(Register.initialCount, 0, now: 449)
    #expect(apic.nextDeadline(after: 449) == nil)
  }

  @Test func aMaskedTimerCountsButDoesNotAsk() {
    var apic = enabled()
    apic.write(Register.divide, 0b1011, now: 0)
    apic.write(Register.timer, 0x1_0040, now: 0)
    apic.write(Register.initialCount, 100, now: 0)
    #expect(apic.nextDeadline(after: 0) == nil)
    #expect(apic.read(Register.currentCount, now: 40) == 60)
    apic.write(Register.timer, 0x40, now: 200)
    #expect(apic.pendingVector == nil)
  }

  @Test func changingTheDividerKeepsTheCount() {
    var apic = enabled()
    apic.write(Register.divide, 0b1011, now: 0)
    apic.write(Register.timer, 0x40, now: 0)
    apic.write(Register.initialCount, 100, now: 0)
    apic.write(Register.divide, 0b0000, now: 40)
    #expect(apic.read(Register.currentCount, now: 40) == 60)
    #expect(apic.nextDeadline(after: 40) == 40 + 120)
  }

  @Test func deadlineMode() {
    var apic = enabled(hasDeadlineMode: true)
    // Outside the mode, the MSR is ignored.
    apic.setTSCDeadline(500)
    #expect(apic.nextDeadline(after: 0) == nil)
    apic.write(Register.timer, 0x4_0040, now: 0)
    #expect(apic.read(Register.timer, now: 0) == 0x4_0040)
    // In the mode, the initial count is.
    apic.write(Register.initialCount, 5, now: 0)
    #expect(apic.nextDeadline(after: 0) == nil)
    apic.setTSCDeadline(500)
    #expect(apic.nextDeadline(after: 0) == 500)
    #expect(apic.read(Register.currentCount, now: 10) == 0)
    apic.advance(to: 500)
    #expect(apic.acknowledge() == 0x40)
    // Leaving the mode disarms.
    apic.setTSCDeadline(900)
    apic.write(Register.timer, 0x40, now: 600)
    #expect(apic.nextDeadline(after: 600) == nil)
    // Without the mode its bit does not exist.
    var old = enabled()
    old.write(Register.timer, 0x4_0040, now: 0)
    #expect(old.read(Register.timer, now: 0) == 0x40)
  }

  // MARK: Local pins

  @Test func virtualWire() {
    var apic = enabled()
    apic.write(Register.lint0, 0x1_0700, now: 0)
    #expect(!apic.passesExternalInterrupts)
    apic.write(Register.lint0, 0x0700, now: 0)
    #expect(apic.passesExternalInterrupts)
    apic.write(Register.lint0, 0x0040, now: 0)
    #expect(!apic.passesExternalInterrupts)
    // Fixed mode: a rising edge is a request of its own.
    apic.setLINT0(true)
    #expect(apic.acknowledge() == 0x40)
    apic.setLINT0(true)
    apic.write(Register.endOfInterrupt, 0, now: 0)
    #expect(apic.pendingVector == nil)
    apic.setLINT0(false)
    apic.setLINT0(true)
    #expect(apic.pendingVector == 0x40)
  }

  @Test func lint1IsNMI() {
    var apic = enabled()
    apic.pulseLINT1()
    #expect(!apic.nonMaskablePending)
    apic.write(Register.lint1, 0x400, now: 0)
    apic.pulseLINT1()
    #expect(apic.nonMaskablePending)
    apic.acknowledgeNonMaskable()
    #expect(!apic.nonMaskablePending)
  }

  // MARK: Interprocessor interrupts

  @Test(
    arguments: [
      // ICR low, ICR high, reaches this processor (APIC ID 0, logical ID 01h).
      (0x4_0055, 0x0000_0000, true),  // self
      (0x8_0055, 0x0000_0000, true),  // all including self
      (0xC_0055, 0x0000_0000, false),  // all but self
      (0x0_0055, 0x0000_0000, true),  // physical 0
      (0x0_0055, 0x0100_0000, false),  // physical 1
      (0x0_0055, 0xFF00_0000, true),  // physical broadcast
      (0x0_0855, 0x0300_0000, true),  // logical, bit 0 among others
      (0x0_0855, 0x0200_0000, false),  // logical, another
      (0x0_0155, 0x0000_0000, true),  // lowest priority, only candidate
    ] as [(UInt32, UInt32, Bool)])
  func destinations(low: UInt32, high: UInt32, reaches: Bool) {
    var apic = enabled()
    apic.write(0xD0, 0x0100_0000, now: 0)
    apic.write(Register.commandHigh, high, now: 0)
    apic.write(Register.commandLow, low, now: 0)
    #expect(apic.pendingVector == (reaches ? 0x55 : nil))
    #expect(apic.read(Register.commandLow, now: 0) == low)
    #expect(apic.read(Register.commandHigh, now: 0) == high)
  }

  @Test(
    arguments: [(0x2100_0000, true), (0x2300_0000, true), (0x2200_0000, false), (0x1100_0000, false)]
      as [(UInt32, Bool)])
  func clusterModel(destination: UInt32, reaches: Bool) {
    var apic = enabled()
    apic.write(0xE0, 0x0FFF_FFFF, now: 0)
    apic.write(0xD0, 0x2100_0000, now: 0)
    apic.write(Register.commandHigh, destination, now: 0)
    apic.write(Register.commandLow, 0x855, now: 0)
    #expect(apic.pendingVector == (reaches ? 0x55 : nil))
  }

  @Test func nonMaskableAndInit() {
    var apic = enabled()
    apic.write(Register.commandLow, 0x4_0400, now: 0)
    #expect(apic.nonMaskablePending)
    // INIT level de-assert does nothing; INIT assert to itself is a reset.
    apic.write(Register.commandLow, 0x0_8500, now: 0)
    #expect(!apic.initializePending)
    apic.write(Register.commandLow, 0x0_4500, now: 0)
    #expect(apic.initializePending)
  }

  // MARK: Errors

  @Test func errorsShowAfterAWriteToTheirRegister() {
    var apic = enabled()
    apic.write(Register.error, 0xFE, now: 0)
    _ = apic.read(0x40, now: 0)
    #expect(apic.acknowledge() == 0xFE)
    #expect(apic.read(Register.errorStatus, now: 0) == 0)
    apic.write(Register.errorStatus, 0, now: 0)
    #expect(apic.read(Register.errorStatus, now: 0) == 0x80)
    apic.write(Register.errorStatus, 0, now: 0)
    #expect(apic.read(Register.errorStatus, now: 0) == 0)
  }

  @Test func illegalVectors() {
    var apic = enabled()
    request(&apic, 0x0F)
    apic.write(Register.errorStatus, 0, now: 0)
    #expect(apic.read(Register.errorStatus, now: 0) == 0x20)
    // A local interrupt with an illegal vector is an error of reception; so is the error entry's own.
    apic.write(Register.error, 0x05, now: 0)
    apic.write(Register.timer, 0x03, now: 0)
    apic.write(Register.initialCount, 1, now: 0)
    apic.advance(to: 100)
    apic.write(Register.errorStatus, 0, now: 100)
    #expect(apic.read(Register.errorStatus, now: 100) == 0x40)
    #expect(apic.pendingVector == nil)
  }

  @Test func everyOffsetIsHarmless() {
    var apic = enabled(hasDeadlineMode: true)
    for offset in UInt64(0)..<0x1000 {
      for value: UInt32 in [0xFFFF_FFFF, 0] {
        apic.write(offset, value, now: .max)
        _ = apic.read(offset, now: .max)
        apic.advance(to: .max)
      }
    }
  }
}
