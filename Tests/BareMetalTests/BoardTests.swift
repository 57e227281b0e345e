import BareMetal
import Testing

/// Goal: the board joins its devices as a PC does: ports and widths, IRQ lines to INTR, the virtual wire, ways to
/// reset, absent devices, and copies that are snapshots.
@Suite struct BoardTests {
  /// Writes bytes to ports in order, at one time.
  func write(_ board: inout Board, _ pairs: [(UInt16, UInt8)], now: UInt64 = 0) {
    for (port, value) in pairs {
      #expect(board.writePort(port, size: 1, value: UInt32(value), now: now) == .continue)
    }
  }

  /// The 8259 pair as Linux sets it up (vectors 30h and 38h), with all but `unmasked` masked.
  func startControllers(_ board: inout Board, unmasked: UInt8) {
    write(
      &board,
      [
        (0x20, 0x11), (0x21, 0x30), (0x21, 0x04), (0x21, 0x01),
        (0xA0, 0x11), (0xA1, 0x38), (0xA1, 0x02), (0xA1, 0x01),
        (0x21, ~unmasked), (0xA1, 0xFF),
      ])
  }

  let apicPage: UInt64 = 0xFEE0_0000

  // MARK: Ports

  @Test func unclaimedPortsReadAllOnes() {
    var board = Board()
    #expect(board.readPort(0x1234, size: 1, now: 0) == 0xFF)
    #expect(board.readPort(0x1234, size: 2, now: 0) == 0xFFFF)
    #expect(board.readPort(0xCF8, size: 4, now: 0) == 0xFFFF_FFFF)
    #expect(board.readPort(0xCFC, size: 2, now: 0) == 0xFFFF)
    #expect(board.readPort(0x60, size: 1, now: 0) == 0xFF)
    #expect(board.readPort(0x64, size: 1, now: 0) == 0xFF)
    #expect(board.readPort(0x2F9, size: 1, now: 0) == 0xFF)
    #expect(board.readPort(0xFFFF, size: 4, now: 0) == 0xFFFF_FFFF)
    #expect(board.writePort(0xFFFF, size: 4, value: 0, now: 0) == .continue)
  }

  @Test func wideAccessesReachConsecutivePorts() {
    var board = Board()
    // 0x3FB and 0x3FC: LCR = 03h, MCR = 0Bh.
    #expect(board.writePort(0x3FB, size: 2, value: 0x0B03, now: 0) == .continue)
    #expect(board.readPort(0x3FC, size: 1, now: 0) == 0x0B)
    #expect(board.readPort(0x3FB, size: 2, now: 0) == 0x0B03)
    #expect(board.readPort(0x3FE, size: 4, now: 0) == 0xFFFF_00B0)
  }

  @Test func debugExitCarriesItsValue() {
    var board = Board()
    #expect(board.writePort(0xF4, size: 1, value: 0x1_0017, now: 0) == .debugExit(status: 0x17))
    #expect(board.writePort(0xF4, size: 2, value: 0x1_0017, now: 0) == .debugExit(status: 0x17))
    #expect(board.writePort(0xF4, size: 4, value: 0x1_0017, now: 0) == .debugExit(status: 0x1_0017))
  }

  @Test func waysToReset() {
    var board = Board()
    #expect(board.writePort(0x64, size: 1, value: 0xFE, now: 0) == .reset)
    for command: UInt32 in [0x20, 0xEE, 0xFF] {
      #expect(board.writePort(0x64, size: 1, value: command, now: 0) == .continue)
    }
    // Linux' sequence: reset type, then the trigger.
    #expect(board.writePort(0xCF9, size: 1, value: 0x02, now: 0) == .continue)
    #expect(board.writePort(0xCF9, size: 1, value: 0x06, now: 0) == .reset)
    // A PCI configuration address is no reset.
    #expect(board.writePort(0xCF8, size: 4, value: 0x8000_0C04, now: 0) == .continue)
    // Port 92h resets when bit 0 rises.
    #expect(board.writePort(0x92, size: 1, value: 0x02, now: 0) == .continue)
    #expect(board.writePort(0x92, size: 1, value: 0x03, now: 0) == .reset)
    #expect(board.writePort(0x92, size: 1, value: 0x03, now: 0) == .continue)
  }

  @Test func post() {
    var board = Board()
    write(&board, [(0x80, 0xAB)])
    #expect(board.postCode == 0xAB)
  }

  @Test func systemControlB() {
    var board = Board()
    write(&board, [(0x61, 0x0D)])
    #expect(board.readPort(0x61, size: 1, now: 0) & 0x0F == 0x0D)
    // The refresh bit toggles about every 15 µs.
    let samples = (0..<40).map { board.readPort(0x61, size: 1, now: $0 * 5000) >> 4 & 1 }
    let changes = zip(samples, samples.dropFirst()).count { $0 != $1 }
    #expect((12...14).contains(changes))
  }

  @Test func timerTwoAsLinuxCalibratesWithIt() {
    // quick_pit_calibrate's kin: gate on, speaker off, mode 0, 50 ms, then poll OUT2.
    var board = Board()
    write(&board, [(0x61, 0x01), (0x43, 0xB0), (0x42, 0x0C), (0x42, 0xE9)])
    // 0xE90C = 59660 clocks and one to load: 50.0016 ms.
    #expect(board.readPort(0x61, size: 1, now: 50_000_000) & 0x20 == 0)
    #expect(board.readPort(0x61, size: 1, now: 50_002_000) & 0x20 != 0)
  }

  // MARK: IRQ lines

  @Test(arguments: [false, true])
  func timerTicks(hasLocalAPIC: Bool) {
    var board = Board(hasLocalAPIC: hasLocalAPIC)
    startControllers(&board, unmasked: 0x01)
    if hasLocalAPIC {
      #expect(board.writeMemory(apicPage + 0xF0, size: 4, value: 0x1FF, now: 0) == .continue)
      #expect(board.writeMemory(apicPage + 0x350, size: 4, value: 0x700, now: 0) == .continue)
    }
    // 1193 clocks, about 1 ms.
    write(&board, [(0x43, 0x34), (0x40, 0xA9), (0x40, 0x04)])
    // OUT rose with the control word; take that interrupt first.
    if board.interruptRequest {
      #expect(board.acknowledgeInterrupt() == 0x30)
      write(&board, [(0x20, 0x60)])
    }
    var now: UInt64 = 0
    for tick in UInt64(1)...100 {
      let deadline = board.nextDeadline(after: now)
      #expect(deadline == (tick * 1193 + 1) * 1_000_000_000 / 1_193_182 + 1)
      now = deadline ?? 0
      board.advance(to: now - 1)
      #expect(!board.interruptRequest)
      board.advance(to: now)
      #expect(board.interruptRequest)
      #expect(board.acknowledgeInterrupt() == 0x30)
      #expect(!board.interruptRequest)
      // Specific end of IRQ0, as Linux writes it.
      write(&board, [(0x20, 0x60)], now: now)
    }
  }

  @Test func missedTicksAreOneInterrupt() {
    var board = Board(hasLocalAPIC: false)
    startControllers(&board, unmasked: 0x01)
    write(&board, [(0x43, 0x34), (0x40, 0xA9), (0x40, 0x04)])
    board.advance(to: 10_000_000)
    #expect(board.acknowledgeInterrupt() == 0x30)
    write(&board, [(0x20, 0x60)], now: 10_000_000)
    #expect(!board.interruptRequest)
  }

  @Test func serialInterrupt() {
    var board = Board(hasLocalAPIC: false)
    startControllers(&board, unmasked: 0x10)
    write(&board, [(0x3FC, 0x0B), (0x3F9, 0x01)])
    #expect(!board.interruptRequest)
    board.feedSerial([0x61])
    #expect(board.interruptRequest)
    #expect(board.acknowledgeInterrupt() == 0x34)
    #expect(board.readPort(0x3F8, size: 1, now: 0) == 0x61)
    write(&board, [(0x20, 0x64), (0x3F8, 0x62)])
    #expect(!board.interruptRequest)
    #expect(board.drainSerialOutput() == [0x62])
  }

  // MARK: Local APIC on the board

  @Test func withoutVirtualWireTheControllersAreNotHeard() {
    var board = Board()
    startControllers(&board, unmasked: 0xFF)
    board.setInterruptLine(5, true)
    #expect(!board.interruptRequest)
    // Globally disabled, INTR goes straight to the processor.
    board.setAPICBase(0xFEE0_0100, now: 0)
    #expect(board.interruptRequest)
    #expect(board.acknowledgeInterrupt() == 0x35)
  }

  @Test func externalInterruptsIgnoreTaskPriority() {
    var board = Board()
    startControllers(&board, unmasked: 0xFF)
    _ = board.writeMemory(apicPage + 0xF0, size: 4, value: 0x1FF, now: 0)
    _ = board.writeMemory(apicPage + 0x350, size: 4, value: 0x700, now: 0)
    board.taskPriorityClass = 15
    #expect(board.taskPriorityClass == 15)
    board.setInterruptLine(5, true)
    #expect(board.acknowledgeInterrupt() == 0x35)
  }

  @Test func localTimerReachesTheProcessor() {
    var board = Board()
    for (offset, value): (UInt64, UInt64) in [(0xF0, 0x1FF), (0x3E0, 0xB), (0x320, 0xEC), (0x380, 1000)] {
      #expect(board.writeMemory(apicPage + offset, size: 4, value: value, now: 500) == .continue)
    }
    #expect(board.nextDeadline(after: 500) == 1500)
    board.advance(to: 1499)
    #expect(!board.interruptRequest)
    board.advance(to: 1500)
    #expect(board.interruptRequest)
    board.taskPriorityClass = 0xE
    #expect(!board.interruptRequest)
    board.taskPriorityClass = 0
    #expect(board.acknowledgeInterrupt() == 0xEC)
    #expect(board.nextDeadline(after: 1500) == nil)
  }

  @Test func deadlineTimerReachesTheProcessor() {
    var board = Board(hasDeadlineMode: true)
    _ = board.writeMemory(apicPage + 0xF0, size: 4, value: 0x1FF, now: 0)
    _ = board.writeMemory(apicPage + 0x320, size: 4, value: 0x4_00EC, now: 0)
    board.setTSCDeadline(2000, now: 10)
    #expect(board.nextDeadline(after: 10) == 2000)
    board.advance(to: 2500)
    #expect(board.acknowledgeInterrupt() == 0xEC)
  }

  @Test func memoryAccessWidths() {
    var board = Board()
    #expect(board.readMemory(apicPage + 0x30, size: 4, now: 0) == 0x50014)
    #expect(board.readMemory(apicPage + 0x30, size: 8, now: 0) == 0x50014)
    #expect(board.readMemory(apicPage + 0x32, size: 1, now: 0) == 0x05)
    #expect(board.readMemory(apicPage + 0x34, size: 4, now: 0) == 0)
    // Only an aligned doubleword writes.
    _ = board.writeMemory(apicPage + 0x80, size: 1, value: 0x50, now: 0)
    _ = board.writeMemory(apicPage + 0x80, size: 8, value: 0x50, now: 0)
    #expect(board.taskPriorityClass == 0)
    _ = board.writeMemory(apicPage + 0x80, size: 4, value: 0x50, now: 0)
    #expect(board.taskPriorityClass == 5)
  }

  @Test func absentMemoryReadsAllOnes() {
    var board = Board()
    for (size, ones): (Int, UInt64) in [(1, 0xFF), (2, 0xFFFF), (4, 0xFFFF_FFFF), (8, .max)] {
      #expect(board.readMemory(0xFED0_0000, size: size, now: 0) == ones)
    }
    #expect(board.writeMemory(0xFED0_0000, size: 4, value: 0, now: 0) == .continue)
    #expect(board.claimsMemory(apicPage + 0xFFF))
    #expect(!board.claimsMemory(apicPage + 0x1000))
    var small = Board(hasLocalAPIC: false)
    #expect(!small.claimsMemory(apicPage))
    #expect(small.readMemory(apicPage + 0x30, size: 4, now: 0) == 0xFFFF_FFFF)
  }

  @Test func apicBaseMovesAndDisables() {
    var board = Board()
    #expect(board.apicBase == 0xFEE0_0900)
    _ = board.writeMemory(apicPage + 0xF0, size: 4, value: 0x1FF, now: 0)
    board.setAPICBase(0xFED0_0900, now: 0)
    #expect(board.claimsMemory(0xFED0_0000) && !board.claimsMemory(apicPage))
    #expect(board.readMemory(0xFED0_00F0, size: 4, now: 0) == 0x1FF)
    board.setAPICBase(0xFEE0_0100, now: 0)
    #expect(!board.claimsMemory(apicPage))
    board.setAPICBase(0xFEE0_0900, now: 0)
    // As after power-up.
    #expect(board.readMemory(apicPage + 0xF0, size: 4, now: 0) == 0xFF)
    var small = Board(hasLocalAPIC: false)
    small.setAPICBase(0xFEE0_0900, now: 0)
    #expect(!small.isLocalAPICEnabled)
  }

  @Test func nonMaskableInterrupts() {
    var board = Board()
    board.pulseNMI()
    #expect(!board.nmiRequest)
    _ = board.writeMemory(apicPage + 0xF0, size: 4, value: 0x1FF, now: 0)
    _ = board.writeMemory(apicPage + 0x360, size: 4, value: 0x400, now: 0)
    board.pulseNMI()
    #expect(board.nmiRequest)
    board.acknowledgeNMI()
    #expect(!board.nmiRequest)
    // Port 70h bit 7 blocks the line, not an IPI.
    write(&board, [(0x70, 0x80)])
    board.pulseNMI()
    #expect(!board.nmiRequest)
    _ = board.writeMemory(apicPage + 0x300, size: 4, value: 0x4_0400, now: 0)
    #expect(board.nmiRequest)
    var small = Board(hasLocalAPIC: false)
    small.pulseNMI()
    #expect(small.nmiRequest)
  }

  @Test func interruptsFromOutside() {
    var board = Board()
    startControllers(&board, unmasked: 0x01)
    // Refused by a local APIC that software has not enabled; then accepted, and ended like any other.
    board.deliverInterruptMessage(vector: 0x61)
    #expect(!board.interruptRequest)
    for (offset, value): (UInt64, UInt64) in [(0xF0, 0x1FF), (0x350, 0x700), (0x320, 0xEC)] {
      _ = board.writeMemory(apicPage + offset, size: 4, value: value, now: 0)
    }
    #expect(board.localAPIC.timerVector == 0xEC)
    board.deliverInterruptMessage(vector: 0x61)
    #expect(board.acknowledgeInterrupt() == 0x61)
    #expect(board.readMemory(apicPage + 0x130, size: 4, now: 0) == 0x2)
    _ = board.writeMemory(apicPage + 0xB0, size: 4, value: 0, now: 0)
    #expect(board.readMemory(apicPage + 0x130, size: 4, now: 0) == 0)
    board.raiseTimerInterrupt()
    #expect(board.acknowledgeInterrupt() == 0x30)
    #expect(!board.interruptRequest)
    // With both asking, the local APIC's own goes first and the other stays.
    write(&board, [(0x20, 0x60)])
    board.raiseTimerInterrupt()
    board.deliverInterruptMessage(vector: 0x61)
    #expect(board.acknowledgeInterrupt() == 0x61)
    #expect(board.acknowledgeInterrupt() == 0x30)
  }

  @Test func initToItselfResets() {
    var board = Board()
    #expect(board.writeMemory(apicPage + 0x300, size: 4, value: 0x4500, now: 0) == .reset)
  }

  // MARK: Snapshots

  @Test func aCopyIsASnapshot() {
    var board = Board()
    write(&board, [(0x3FC, 0x0B), (0x3F8, 0x41), (0x70, 0x40), (0x71, 0x12), (0x21, 0xFE)])
    let snapshot = board
    var other = board
    write(&other, [(0x3F8, 0x42), (0x71, 0x34), (0x21, 0x00), (0x43, 0x34), (0x40, 1), (0x40, 1)], now: 5)
    other.advance(to: 1_000_000)
    #expect(board == snapshot)
    #expect(other != snapshot)
    #expect(board.drainSerialOutput() == [0x41])
    #expect(other.drainSerialOutput() == [0x41, 0x42])
  }

  @Test func theSameAccessesGiveTheSameBoard() {
    func run() -> Board {
      var board = Board()
      var random = SeededGenerator(state: 99)
      var now: UInt64 = 0
      for _ in 0..<20_000 {
        now += UInt64.random(in: 0..<3000, using: &random)
        let port = UInt16.random(in: 0...0x500, using: &random)
        let size = [1, 2, 4].randomElement(using: &random) ?? 1
        if Bool.random(using: &random) {
          _ = board.readPort(port, size: size, now: now)
        } else {
          _ = board.writePort(port, size: size, value: .random(in: 0 ... .max, using: &random), now: now)
        }
        let address = apicPage + UInt64.random(in: 0..<0x400, using: &random) & ~15
        _ = board.writeMemory(address, size: 4, value: .random(in: 0 ... .max, using: &random), now: now)
        if board.interruptRequest { _ = board.acknowledgeInterrupt() }
      }
      return board
    }
    #expect(run() == run())
  }
}
