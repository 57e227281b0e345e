/// The board's port map, and the few ports that are no chip of their own.
///
/// IBM PC/AT Technical Reference, "I/O Address Map"; Intel 82371AB (PIIX4) data sheet for 0x92 and 0xCF9; QEMU's
/// isa-debug-exit for 0xF4. A port nobody claims reads all-ones and swallows writes.
extension Board {
  /// IN. `size` is 1, 2 or 4; a wider access reaches a byte-wide device as consecutive ports.
  public mutating func readPort(_ port: UInt16, size: Int, now: UInt64) -> UInt32 {
    precondition(size == 1 || size == 2 || size == 4, "a port access has 1, 2 or 4 bytes, not \(size)")
    advance(to: now)
    var value: UInt32 = 0
    for index in 0..<size {
      let (byte, overflow) = port.addingReportingOverflow(UInt16(index))
      let read = overflow ? 0xFF : readByte(byte, now: now)
      value |= UInt32(read) << UInt32(8 * index)
    }
    return value
  }

  /// OUT. `size` is 1, 2 or 4.
  public mutating func writePort(_ port: UInt16, size: Int, value: UInt32, now: UInt64) -> BoardOutcome {
    precondition(size == 1 || size == 2 || size == 4, "a port access has 1, 2 or 4 bytes, not \(size)")
    advance(to: now)
    if 0xF4...0xF7 ~= port {
      return .debugExit(status: size == 4 ? value : value & (1 << UInt32(8 * size) - 1))
    }
    // Only a byte access is for the reset register; a doubleword at 0xCF8 is for PCI, which is absent.
    if port == 0xCF9, size == 1 { return value & 0x04 != 0 ? .reset : .continue }
    var outcome = BoardOutcome.continue
    for index in 0..<size {
      let (byte, overflow) = port.addingReportingOverflow(UInt16(index))
      guard !overflow else { break }
      let wanted = writeByte(byte, UInt8(truncatingIfNeeded: value >> UInt32(8 * index)), now: now)
      if outcome == .continue { outcome = wanted }
    }
    return outcome
  }

  private mutating func readByte(_ port: UInt16, now: UInt64) -> UInt8 {
    switch port {
    case _ where SerialPort16550.claims(port):
      let value = serial.read(port)
      refresh(now)
      return value
    case _ where Intel8259Pair.claims(port):
      let value = interruptControllers.read(port)
      refresh(now)
      return value
    case _ where Timer8254.claims(port): return timer.read(port, now: now)
    case _ where RealTimeClock.claims(port): return realTimeClock.read(port, now: now)
    case _ where PowerManagement.claims(port): return powerManagement.read(port, now: now)
    case 0x61: return systemControlB(now)
    case 0x92: return systemControlA
    default: return 0xFF
    }
  }

  private mutating func writeByte(_ port: UInt16, _ value: UInt8, now: UInt64) -> BoardOutcome {
    switch port {
    case _ where SerialPort16550.claims(port):
      serial.write(port, value)
      refresh(now)
    case _ where Intel8259Pair.claims(port):
      interruptControllers.write(port, value)
      refresh(now)
    case _ where Timer8254.claims(port):
      timer.write(port, value, now: now)
      // A count, or a control word that is no latch command, for counter 0.
      if port == 0x40 || port == 0x43 && value & 0xC0 == 0 && value & 0x30 != 0 {
        timerWasWritten(now)
        refresh(now)
      }
    case _ where RealTimeClock.claims(port): realTimeClock.write(port, value, now: now)
    case _ where PowerManagement.claims(port):
      if powerManagement.write(port, value, now: now) { return .powerOff }
    case 0x61:
      timer.writeSystemControl(value, now: now)
      errorEnables = value & 0x0C
    // Keyboard controller commands F0h to FFh pulse its output lines whose bit is 0; line 0 is the processor's reset.
    case 0x64 where value & 0xF1 == 0xF0: return .reset
    case 0x80: postCode = value
    case 0x92:
      let resets = value & ~systemControlA & 1 != 0
      systemControlA = value
      if resets { return .reset }
    default: break
    }
    return .continue
  }

  /// Port 0x61: speaker and timer 2 controls (1:0), error enables (3:2), refresh toggle (4), OUT2 (5). No errors (7:6).
  private func systemControlB(_ now: UInt64) -> UInt8 {
    let refreshToggle = now / Board.refreshInterval & 1 != 0
    return (timer.gate2 ? 0x01 : 0) | (timer.speakerEnabled ? 0x02 : 0) | errorEnables | (refreshToggle ? 0x10 : 0)
      | (timer.output2(at: now) ? 0x20 : 0)
  }

  /// DRAM refresh requests come 18 timer clocks apart.
  private static let refreshInterval: UInt64 = 18 * 1_000_000_000 / Timer8254.frequency
}
