/// A 16550A UART as the PC's first serial port (COM1, 0x3F8, IRQ4), with the host at the other end of the line.
///
/// National Semiconductor PC16550D data sheet, "Registers", "FIFO Interrupt Mode Operation".
///
/// The line has no speed: a byte written to THR is sent at once, and the four idle character times after which the data
/// sheet raises the time-out indication have always passed. The peer holds CTS, DSR and DCD and honours RTS: what the
/// host feeds waits on its side until the driver has asserted RTS, so nothing typed during boot is lost. OUT2 gates
/// the interrupt line, as on every PC. Not modelled: parity, framing and break, in either direction.
public struct SerialPort16550: Equatable, Codable, Sendable {
  static let receiverFIFOSize = 16

  /// Bytes the guest has sent and the host has not taken.
  public private(set) var output: [UInt8] = []
  /// Bytes from the host; those before `head` are read, the next `received` are in the receiver.
  private var input: [UInt8] = []
  private var head = 0
  private var received = 0

  private var interruptEnable: UInt8 = 0
  private var lineControl: UInt8 = 0
  private var modemControl: UInt8 = 0
  private var scratch: UInt8 = 0
  private var divisor: UInt16 = 0
  private var fifoEnabled = false
  private var triggerLevel = 1
  private var overrun = false
  /// The transmitter-empty interrupt; see `write`.
  private var transmitterEmptied = false
  /// MSR bits 0 to 3, what changed since the last read of MSR.
  private var modemDeltas: UInt8 = 0

  public init() {}

  // MARK: The host's end

  /// Takes everything that was sent since the last call.
  public mutating func drainOutput() -> [UInt8] {
    defer { output.removeAll(keepingCapacity: false) }
    return output
  }

  /// Puts bytes on the line towards the guest.
  public mutating func feed(_ bytes: some Sequence<UInt8>) {
    if head > 0 {
      input.removeFirst(head)
      head = 0
    }
    input.append(contentsOf: bytes)
    receive()
  }

  /// Bytes fed that the guest has not read yet.
  public var unreadInput: Int { input.count - head }

  /// The receiver takes from the line what fits, while RTS is asserted and the line is not looped back.
  private mutating func receive() {
    guard modemControl & ModemControl.loop == 0, modemControl & ModemControl.requestToSend != 0 else { return }
    received = max(received, min(input.count - head, fifoEnabled ? Self.receiverFIFOSize : 1))
  }

  private mutating func dropReceived() {
    head += received
    received = 0
    forgetRead()
  }

  private mutating func forgetRead() {
    guard head == input.count else { return }
    input.removeAll(keepingCapacity: true)
    head = 0
  }

  // MARK: Interrupts

  private enum InterruptEnable {
    static let receivedData: UInt8 = 1
    static let transmitterEmpty: UInt8 = 2
    static let lineStatus: UInt8 = 4
    static let modemStatus: UInt8 = 8
  }

  private enum ModemControl {
    static let dataTerminalReady: UInt8 = 1
    static let requestToSend: UInt8 = 2
    static let out1: UInt8 = 4
    static let out2: UInt8 = 8
    static let loop: UInt8 = 0x10
  }

  /// IIR bits 0 to 3, in the data sheet's order of priority.
  private enum Identification: UInt8 {
    case lineStatus = 0x06
    case dataAvailable = 0x04
    case characterTimeOut = 0x0C
    case transmitterEmpty = 0x02
    case modemStatus = 0x00
    case none = 0x01
  }

  private var identification: Identification {
    if interruptEnable & InterruptEnable.lineStatus != 0 && overrun { return .lineStatus }
    if interruptEnable & InterruptEnable.receivedData != 0 && received > 0 {
      return !fifoEnabled || received >= triggerLevel ? .dataAvailable : .characterTimeOut
    }
    if interruptEnable & InterruptEnable.transmitterEmpty != 0 && transmitterEmptied { return .transmitterEmpty }
    if interruptEnable & InterruptEnable.modemStatus != 0 && modemDeltas != 0 { return .modemStatus }
    return .none
  }

  /// The interrupt line as it leaves the card.
  public var interruptAsserted: Bool {
    identification != .none && modemControl & (ModemControl.out2 | ModemControl.loop) == ModemControl.out2
  }

  // MARK: Modem lines

  /// MSR bits 4 to 7: CTS, DSR, RI, DCD. Looped back they are RTS, DTR, OUT1, OUT2.
  private var modemLines: UInt8 {
    guard modemControl & ModemControl.loop != 0 else { return 0xB0 }
    return (modemControl & ModemControl.requestToSend) << 3 | (modemControl & ModemControl.dataTerminalReady) << 5
      | (modemControl & (ModemControl.out1 | ModemControl.out2)) << 4
  }

  private mutating func writeModemControl(_ value: UInt8) {
    let before = modemLines
    modemControl = value & 0x1F
    let after = modemLines
    // CTS, DSR and DCD report any change, RI only its trailing edge.
    let changed = (before ^ after) & 0xB0 | (before & ~after & 0x40)
    modemDeltas |= changed >> 4
    receive()
  }

  // MARK: Registers

  static func claims(_ port: UInt16) -> Bool { 0x3F8...0x3FF ~= port }

  private var divisorLatchAccess: Bool { lineControl & 0x80 != 0 }

  public mutating func read(_ port: UInt16) -> UInt8 {
    switch port & 7 {
    case 0: return divisorLatchAccess ? UInt8(truncatingIfNeeded: divisor) : readReceiver()
    case 1: return divisorLatchAccess ? UInt8(truncatingIfNeeded: divisor >> 8) : interruptEnable
    case 2:
      let source = identification
      // Reading IIR while it names the transmitter is what clears that source.
      if source == .transmitterEmpty { transmitterEmptied = false }
      return source.rawValue | (fifoEnabled ? 0xC0 : 0)
    case 3: return lineControl
    case 4: return modemControl
    case 5:
      // THRE and TEMT are always set.
      let status = 0x60 | (overrun ? 2 : 0) | (received > 0 ? 1 : 0) as UInt8
      overrun = false
      return status
    case 6:
      defer { modemDeltas = 0 }
      return modemLines | modemDeltas
    default: return scratch
    }
  }

  private mutating func readReceiver() -> UInt8 {
    guard received > 0 else { return 0 }
    let byte = input[head]
    head += 1
    received -= 1
    forgetRead()
    receive()
    return byte
  }

  public mutating func write(_ port: UInt16, _ value: UInt8) {
    switch port & 7 {
    case 0 where divisorLatchAccess: divisor = divisor & 0xFF00 | UInt16(value)
    case 0:
      transmit(value)
      // THR empties at once, so each write ends in a new transmitter-empty interrupt.
      transmitterEmptied = true
    case 1 where divisorLatchAccess: divisor = divisor & 0x00FF | UInt16(value) << 8
    case 1:
      // Enabling the transmitter interrupt while THR is empty raises it: drivers start sending this way, and Linux'
      // 8250 driver tests for it and falls back to a timer if it is missing.
      if value & ~interruptEnable & InterruptEnable.transmitterEmpty != 0 { transmitterEmptied = true }
      interruptEnable = value & 0x0F
    case 2: writeFIFOControl(value)
    case 3: lineControl = value
    case 4: writeModemControl(value)
    case 7: scratch = value
    // LSR and MSR: factory tests only.
    default: break
    }
  }

  private mutating func transmit(_ byte: UInt8) {
    guard modemControl & ModemControl.loop != 0 else {
      output.append(byte)
      return
    }
    // Looped back, the byte arrives in the receiver. A full FIFO keeps what it has and loses the new byte; a lone
    // receiver buffer is overwritten.
    if fifoEnabled ? received < Self.receiverFIFOSize : received == 0 {
      input.insert(byte, at: head + received)
      received += 1
    } else {
      overrun = true
      if !fifoEnabled { input[head] = byte }
    }
  }

  private mutating func writeFIFOControl(_ value: UInt8) {
    let enable = value & 1 != 0
    if enable != fifoEnabled {
      // Changing FIFO mode empties both FIFOs.
      fifoEnabled = enable
      dropReceived()
    }
    // "FIFO Enable must be a 1 when other FCR bits are written, or they will not be programmed."
    if enable {
      if value & 2 != 0 { dropReceived() }
      triggerLevel = [1, 4, 8, 14][Int(value >> 6)]
    }
    receive()
  }
}
