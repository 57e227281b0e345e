import Machine
import Testing

/// Goal: the clock says the same whether a program runs freely or instruction by instruction, in steps and without; single steps are the oracle.
/// SDM vol. 3B, "Time-Stamp Counter": it never goes back, and how often it moves nobody promises.
@Suite struct ClockTests {
  private static let start = FREDMachine.code + 0x400
  private static let data = FREDMachine.code + 0x800
  private static let readings = 6

  private enum Clock: CaseIterable {
    case timeStampCounter, register

    /// Reads it into EAX.
    var bytes: [UInt8] {
      switch self {
      case .timeStampCounter: [0x0F, 0x31]
      case .register: [0xB9, 0x10, 0, 0, 0, 0x0F, 0x32]
      }
    }
  }

  /// What a program reads, one time after the other.
  private func readings(of clock: Clock, step: UInt64, freely: Bool, after before: [UInt8] = []) throws -> [UInt64] {
    let processor = try FREDMachine(.intel, isOn: false).processor
    // Nothing between two readings ends a block but the readings themselves: NOP, MOV [RDI], ADD RDI, 8.
    let reading = [0x90, 0x90] + clock.bytes + [0x48, 0x89, 0x07, 0x48, 0x83, 0xC7, 0x08]
    let code = before + Array(repeatElement(reading, count: Self.readings).joined())
    processor.writePhysical(code, at: Self.start)
    processor.skip(to: Self.start)
    processor[.rdi] = Self.data
    processor.setClockStep(step)
    let end = Self.start + UInt64(code.count)
    if freely {
      _ = processor.run(1000, until: end)
    } else {
      while processor.rip != end { _ = processor.step() }
    }
    #expect(processor.rip == end)
    return (0..<UInt64(Self.readings)).map { processor.physicalWord(at: Self.data + $0 * 8) }
  }

  @Test func aFreeRunReadsWhatASteppedOneReads() throws {
    for clock in Clock.allCases {
      for step: UInt64 in [1, 4, 16, 65_536] {
        let stepped = try readings(of: clock, step: step, freely: false)
        #expect(try readings(of: clock, step: step, freely: true) == stepped, "\(clock), \(step) ns")
      }
    }
  }

  /// WRMSR of the time-stamp counter, behind other instructions of its block.
  @Test func whatIsWrittenCountsFromThereOn() throws {
    // MOV ECX, 10h; MOV EAX, 1000h; XOR EDX, EDX; WRMSR.
    let write: [UInt8] = [0xB9, 0x10, 0, 0, 0, 0xB8, 0, 0x10, 0, 0, 0x31, 0xD2, 0x0F, 0x30]
    for step: UInt64 in [1, 65_536] {
      let stepped = try readings(of: .timeStampCounter, step: step, freely: false, after: write)
      #expect(stepped[0] == 0x1000 + (step == 1 ? 3 : 0))
      #expect(try readings(of: .timeStampCounter, step: step, freely: true, after: write) == stepped)
    }
  }

  @Test func withinAStepItStandsStill() throws {
    for clock in Clock.allCases {
      #expect(Set(try readings(of: clock, step: 65_536, freely: true)).count == 1)
    }
  }
}
