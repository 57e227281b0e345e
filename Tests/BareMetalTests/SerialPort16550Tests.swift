import BareMetal
import Testing

/// Goal: the 16550A answers as its data sheet says, and as Linux' 8250 driver probes for: identification order,
/// transmitter interrupt, FIFOs, loop-back, modem lines.
@Suite struct SerialPort16550Tests {
  enum Port {
    static let receiver: UInt16 = 0x3F8
    static let interruptEnable: UInt16 = 0x3F9
    static let identification: UInt16 = 0x3FA
    static let lineControl: UInt16 = 0x3FB
    static let modemControl: UInt16 = 0x3FC
    static let lineStatus: UInt16 = 0x3FD
    static let modemStatus: UInt16 = 0x3FE
    static let scratch: UInt16 = 0x3FF
  }

  /// A port as a driver leaves it: FIFOs on with a trigger level of 8, DTR, RTS and OUT2 set.
  func started(fifoControl: UInt8 = 0x81) -> SerialPort16550 {
    var port = SerialPort16550()
    port.write(Port.identification, fifoControl)
    port.write(Port.modemControl, 0x0B)
    return port
  }

  @Test func sendsAtOnce() {
    var port = started()
    for byte in "hello\n".utf8 {
      #expect(port.read(Port.lineStatus) & 0x60 == 0x60)
      port.write(Port.receiver, byte)
    }
    #expect(port.drainOutput() == Array("hello\n".utf8))
    #expect(port.drainOutput().isEmpty)
  }

  @Test func divisorLatchHidesTwoRegisters() {
    var port = started()
    port.write(Port.interruptEnable, 0x05)
    port.write(Port.lineControl, 0x83)
    port.write(Port.receiver, 0x0C)
    port.write(Port.interruptEnable, 0x01)
    #expect(port.read(Port.receiver) == 0x0C)
    #expect(port.read(Port.interruptEnable) == 0x01)
    port.write(Port.lineControl, 0x03)
    #expect(port.read(Port.interruptEnable) == 0x05)
    #expect(port.drainOutput().isEmpty)
  }

  @Test func registersThatReadBack() {
    var port = started()
    port.write(Port.scratch, 0xA5)
    #expect(port.read(Port.scratch) == 0xA5)
    // The upper half of IER and the upper three bits of MCR do not exist.
    port.write(Port.interruptEnable, 0xFF)
    #expect(port.read(Port.interruptEnable) == 0x0F)
    port.write(Port.modemControl, 0xFF)
    #expect(port.read(Port.modemControl) == 0x1F)
  }

  @Test func fifoBitsTellA16550A() {
    var port = SerialPort16550()
    #expect(port.read(Port.identification) == 0x01)
    port.write(Port.identification, 0x01)
    #expect(port.read(Port.identification) == 0xC1)
    // Bit 5 would be a 16750's 64-byte FIFO.
    port.write(Port.identification, 0x21)
    #expect(port.read(Port.identification) == 0xC1)
    port.write(Port.identification, 0x00)
    #expect(port.read(Port.identification) == 0x01)
  }

  @Test func loopBackCarriesTheModemLines() {
    var port = started()
    // Linux' probe: LOOP, OUT2 and RTS must read as DCD and CTS.
    port.write(Port.modemControl, 0x1A)
    #expect(port.read(Port.modemStatus) & 0xF0 == 0x90)
    // DTR and OUT1 instead: CTS, DSR and DCD changed, and RI (OUT1) rose, which is not reported.
    port.write(Port.modemControl, 0x15)
    #expect(port.read(Port.modemStatus) == 0x6B)
    // RI reports its trailing edge, bit 2; DSR its fall, bit 1.
    port.write(Port.modemControl, 0x10)
    #expect(port.read(Port.modemStatus) == 0x06)
    #expect(port.read(Port.modemStatus) == 0x00)
    port.write(Port.modemControl, 0x0B)
    #expect(port.read(Port.modemStatus) & 0xF0 == 0xB0)
  }

  @Test func loopBackCarriesData() {
    var port = started()
    port.write(Port.modemControl, 0x1B)
    port.write(Port.receiver, 0x41)
    port.write(Port.receiver, 0x42)
    #expect(port.read(Port.lineStatus) & 1 == 1)
    #expect(port.read(Port.receiver) == 0x41)
    #expect(port.read(Port.receiver) == 0x42)
    #expect(port.read(Port.lineStatus) & 1 == 0)
    #expect(port.drainOutput().isEmpty)
  }

  @Test func overrunKeepsTheFIFOAndReplacesTheSingleRegister() {
    var port = started()
    port.write(Port.modemControl, 0x1B)
    for byte in UInt8(0)..<17 { port.write(Port.receiver, byte) }
    #expect(port.read(Port.lineStatus) == 0x63)
    // OE is cleared by reading LSR.
    #expect(port.read(Port.lineStatus) == 0x61)
    #expect((0..<16).map { _ in port.read(Port.receiver) } == Array(0..<16))
    port.write(Port.identification, 0)
    port.write(Port.receiver, 1)
    port.write(Port.receiver, 2)
    #expect(port.read(Port.lineStatus) == 0x63)
    #expect(port.read(Port.receiver) == 2)
  }

  @Test func inputWaitsForRequestToSend() {
    var port = SerialPort16550()
    port.feed("early".utf8)
    port.write(Port.identification, 0x07)
    #expect(port.read(Port.lineStatus) & 1 == 0)
    port.write(Port.modemControl, 0x0B)
    let read = "early".utf8.map { _ in port.read(Port.receiver) }
    #expect(read == Array("early".utf8))
    #expect(port.unreadInput == 0)
  }

  @Test func longInputPassesThroughTheFIFOInOrder() {
    var port = started()
    let text = Array("the quick brown fox jumps over the lazy dog, twice".utf8)
    port.feed(text.prefix(20))
    var read = (0..<10).map { _ in port.read(Port.receiver) }
    port.feed(text.dropFirst(20))
    while port.read(Port.lineStatus) & 1 != 0 { read.append(port.read(Port.receiver)) }
    #expect(read == text)
  }

  @Test func clearingTheReceiverFIFODropsWhatItHolds() {
    var port = started()
    port.feed(UInt8(0)..<20)
    port.write(Port.identification, 0x83)
    // Sixteen were in the FIFO, four still on the line.
    #expect(port.read(Port.receiver) == 16)
    #expect(port.unreadInput == 3)
  }

  @Test func identificationFollowsThePriorities() {
    var port = started()
    port.write(Port.modemControl, 0x1B)
    port.write(Port.interruptEnable, 0x0F)
    for byte in UInt8(0)..<17 { port.write(Port.receiver, byte) }
    // All four sources: overrun, data, transmitter empty, and modem status from entering loop-back.
    #expect(port.read(Port.identification) == 0xC6)
    _ = port.read(Port.lineStatus)
    #expect(port.read(Port.identification) == 0xC4)
    for _ in 0..<9 { _ = port.read(Port.receiver) }
    // Seven bytes are below the trigger level of eight: the time-out.
    #expect(port.read(Port.identification) == 0xCC)
    for _ in 0..<7 { _ = port.read(Port.receiver) }
    #expect(port.read(Port.identification) == 0xC2)
    // Reading IIR cleared the transmitter; DCD, DSR and CTS did not change by 0Bh looped back (1Bh), so make one change.
    port.write(Port.modemControl, 0x19)
    #expect(port.read(Port.identification) == 0xC0)
    _ = port.read(Port.modemStatus)
    #expect(port.read(Port.identification) == 0xC1)
  }

  @Test(arguments: [(0x01, 1), (0x41, 4), (0x81, 8), (0xC1, 14)] as [(UInt8, Int)])
  func triggerLevels(fifoControl: UInt8, level: Int) {
    var port = started(fifoControl: fifoControl)
    port.write(Port.interruptEnable, 0x01)
    for count in 1...16 {
      port.feed([0])
      #expect(port.read(Port.identification) == (count >= level ? 0xC4 : 0xCC))
    }
  }

  @Test func transmitterInterruptAsTheDriverTestsIt() {
    // serial8250_do_startup: enabling THRI raises it, a second enabling raises it again.
    var port = started()
    for _ in 0..<2 {
      port.write(Port.interruptEnable, 0x02)
      #expect(port.interruptAsserted)
      #expect(port.read(Port.identification) == 0xC2)
      #expect(port.read(Port.identification) == 0xC1)
      #expect(!port.interruptAsserted)
      port.write(Port.interruptEnable, 0x00)
    }
    // While enabled, a byte written and sent raises it; rewriting the same IER does not.
    port.write(Port.interruptEnable, 0x02)
    _ = port.read(Port.identification)
    port.write(Port.interruptEnable, 0x02)
    #expect(!port.interruptAsserted)
    port.write(Port.receiver, 0x41)
    #expect(port.interruptAsserted)
  }

  @Test func aMoreUrgentSourceLeavesTheTransmitterPending() {
    var port = started()
    port.write(Port.interruptEnable, 0x03)
    port.feed([1])
    #expect(port.read(Port.identification) == 0xCC)
    _ = port.read(Port.receiver)
    #expect(port.read(Port.identification) == 0xC2)
  }

  @Test func out2GatesTheLine() {
    var port = started()
    port.write(Port.interruptEnable, 0x02)
    #expect(port.interruptAsserted)
    port.write(Port.modemControl, 0x03)
    #expect(!port.interruptAsserted)
    // Looped back, the card's OUT2 pin is inactive.
    port.write(Port.modemControl, 0x1B)
    #expect(!port.interruptAsserted)
    port.write(Port.modemControl, 0x0B)
    #expect(port.interruptAsserted)
  }

  @Test func readingNothingIsHarmless() {
    var port = started()
    #expect(port.read(Port.receiver) == 0)
    port.write(Port.lineStatus, 0xFF)
    port.write(Port.modemStatus, 0xFF)
    #expect(port.read(Port.lineStatus) == 0x60)
  }
}
