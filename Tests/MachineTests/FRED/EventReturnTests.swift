/// Goal: ERETS and ERETU take back what a frame says, refuse every frame that SDM vol. 2, "ERETS", "ERETU", says they refuse, and
/// change nothing then.
import Machine
import Testing

@Suite struct EventReturnTests {
  typealias Spoiling = @Sendable (inout FREDMachine.Frame) -> Void
  private typealias M = FREDMachine

  /// A frame that ERETS takes.
  private func supervisorFrame(_ m: FREDMachine) -> M.Frame {
    .init(rip: M.code, cs: m.selectors.cs, flags: 0x2, rsp: M.stack - 0x123, ss: m.selectors.ss)
  }

  @Test("ERETS loads RIP, RFLAGS and RSP whole")
  func supervisor() throws {
    let m = try FREDMachine()
    var frame = supervisorFrame(m)
    frame.flags = 0x3D_7DD7 & ~0x200
    m.put(frame)
    m.run(M.erets)
    #expect(m.processor.rip == M.code && m.processor[.rsp] == M.stack - 0x123)
    #expect(m.processor.rflags.rawValue == 0x3D_7DD7 & ~0x200 && m.processor.cpl == 0)
  }

  @Test("ERETS never raises the stack level, and lowers it to the frame's")
  func supervisorLevels() throws {
    for (now, frameLevel, after) in [(0, 3, 0), (2, 3, 2), (2, 1, 1), (3, 0, 0), (1, 1, 1)] as [(UInt64, UInt64, UInt8)]
    {
      let m = try FREDMachine()
      m.write(0x1D4, M.entry | now)
      var frame = supervisorFrame(m)
      frame.cs |= frameLevel << 16
      m.put(frame)
      m.run(M.erets)
      #expect(m.processor.rip == M.code && m.processor.fred.level == after)
    }
  }

  static let badForSupervisor: [(String, Spoiling)] = [
    ("RIP not canonical", { $0.rip = 1 << 63 }), ("another CS", { $0.cs ^= 8 }), ("CS, bit 19", { $0.cs |= 1 << 19 }),
    ("CS, bit 63", { $0.cs |= 1 << 63 }), ("CS with RPL 3", { $0.cs |= 3 }), ("RFLAGS, bit 1", { $0.flags &= ~2 }),
    ("RFLAGS, bit 3", { $0.flags |= 8 }), ("RFLAGS.VM", { $0.flags |= 1 << 17 }),
    ("RFLAGS, bit 15", { $0.flags |= 1 << 15 }),
    ("RFLAGS, bit 22", { $0.flags |= 1 << 22 }), ("RFLAGS, bit 32", { $0.flags |= 1 << 32 }),
    ("another SS", { $0.ss ^= 8 }), ("SS, bit 19", { $0.ss |= 1 << 19 }), ("SS, bit 31", { $0.ss |= 1 << 31 }),
  ]

  @Test("ERETS refuses with #GP(0)", arguments: badForSupervisor)
  func supervisorRefuses(_ what: String, _ spoil: Spoiling) throws {
    let m = try FREDMachine()
    var frame = supervisorFrame(m)
    spoil(&frame)
    m.put(frame)
    let (rip, rsp) = (m.processor.rip, m.processor[.rsp])
    m.run(M.erets)
    #expect(m.isAtEntry && m.vector == 13 && m.frame.error == 0 && m.frame.rip == rip && m.frame.rsp == rsp, "\(what)")
  }

  static let badForUser: [(String, Spoiling)] = [
    ("RIP not canonical", { $0.rip = 1 << 63 }), ("CS of privilege 0", { $0.cs = 0x10 }),
    ("CS, bit 16", { $0.cs |= 1 << 16 }),
    ("CS null", { $0.cs = 3 }), ("SS null", { $0.ss = 3 }), ("CS, bit 32", { $0.cs |= 1 << 32 }),
    ("RFLAGS, bit 1", { $0.flags &= ~2 }), ("RFLAGS.IOPL", { $0.flags |= 1 << 12 }),
    ("RFLAGS.IOPL, bit 13", { $0.flags |= 1 << 13 }),
    ("RFLAGS.VM", { $0.flags |= 1 << 17 }), ("RFLAGS, bit 33", { $0.flags |= 1 << 33 }),
    ("SS of privilege 0", { $0.ss = 0x18 }),
    ("SS, bit 19", { $0.ss |= 1 << 19 }),
  ]

  @Test("ERETU refuses with #GP(0)", arguments: badForUser)
  func userRefuses(_ what: String, _ spoil: Spoiling) throws {
    let m = try FREDMachine()
    m.write(0xC000_0102, 0x7000)
    var frame = M.userFrame
    spoil(&frame)
    m.put(frame)
    let (rip, rsp) = (m.processor.rip, m.processor[.rsp])
    m.run(M.eretu)
    #expect(m.isAtEntry && m.vector == 13 && m.frame.error == 0 && m.frame.rip == rip && m.frame.rsp == rsp, "\(what)")
    #expect(m.processor.cpl == 0 && m.processor.segmentBase(.gs) == 0)
  }

  @Test("ERETU refuses on a stack level above 0")
  func userRefusesOnLevels() throws {
    for level in 1...3 as ClosedRange<UInt64> {
      let m = try FREDMachine()
      m.write(0x1D4, M.entry | level)
      m.goToUser()
      #expect(m.vector == 13 && m.frame.error == 0 && m.processor.fred.level == level)
    }
  }

  @Test("ERETU takes other selectors from their descriptors, with their faults, and restores RSP whole")
  func descriptors() throws {
    // STAR names others now.
    let m = try FREDMachine()
    m.write(0xC000_0081, M.kernelCode << 32 | 0x53 << 48)
    var frame = M.userFrame
    frame.rsp = 0x1234_5678_9ABC
    m.goToUser(frame)
    #expect(m.processor.cpl == 3 && m.processor.rip == M.code && m.processor[.rsp] == 0x1234_5678_9ABC)
    #expect(m.selectors == (M.user64, M.userData))
    for (spoil, error) in [
      ({ $0.cs = 0x63 }, 0x60), ({ $0.ss = 0x63 }, 0x60), ({ $0.cs = 0x2B }, 0x28), ({ $0.cs = 0x13 }, 0x10),
      ({ $0.ss = 0x33 }, 0x30),
    ] as [((inout M.Frame) -> Void, UInt64)] {
      let n = try FREDMachine()
      n.write(0xC000_0081, M.kernelCode << 32 | 0x53 << 48)
      var frame = M.userFrame
      spoil(&frame)
      n.goToUser(frame)
      #expect(n.vector == 13 && n.frame.error == error)
    }
  }

  @Test("compatibility code has 32 bits of RIP and RSP")
  func compatibility() throws {
    let m = try FREDMachine()
    var frame = M.userFrame
    frame.cs = M.user32
    frame.rsp |= 1 << 40
    m.goToUser(frame)
    #expect(m.processor[.rsp] == M.userStack && m.processor.rip == M.code && !m.processor.isIn64BitCode)
  }

  @Test("a software event's bit makes up for the trap of its instruction, where TF is set")
  func pendingTrap() throws {
    for (bit, trap, vector, rip) in [
      (1 << 17, 0x100, 1, M.code), (0, 0x100, 1, M.code + 1), (1 << 17, 0, 6, M.code + 1),
    ] as [(UInt64, UInt64, UInt8, UInt64)] {
      let m = try FREDMachine()
      var frame = M.userFrame
      frame.ss |= bit
      frame.flags |= trap
      m.goToUser(frame)
      m.processor.writePhysical(M.nop + M.ud2, at: M.code)
      _ = m.processor.step()
      if m.processor.cpl == 3 { _ = m.processor.step() }
      #expect(m.vector == vector && m.frame.rip == rip)
      if vector == 1 { #expect(m.frame.data == 0x4000) }
    }
  }

  @Test("ERETS takes up the blocking by STI, but not behind an STI")
  func blockingBySTI() throws {
    let m = try FREDMachine()
    var frame = supervisorFrame(m)
    frame.flags = 0x202
    frame.ss |= 1 << 16
    m.put(frame)
    m.run(M.erets)
    #expect(m.processor.shadow == .sti && !m.processor.canTakeInterrupt)
    m.run(M.nop)
    #expect(m.processor.canTakeInterrupt)
    let n = try FREDMachine()
    n.put(frame)
    n.run([0xFB])
    #expect(n.processor.shadow == .sti)
    n.run(M.erets)
    #expect(n.processor.rip == M.code && n.processor.shadow == .none)
    // Nothing is blocked where IF stays clear.
    let o = try FREDMachine()
    frame.flags = 2
    o.put(frame)
    o.run(M.erets)
    #expect(o.processor.rip == M.code && o.processor.shadow == .none)
  }

  @Test("ERETS and ERETU are #UD without CR4.FRED, at privilege 3, and where the processor has no FRED")
  func undefined() throws {
    for bytes in [M.erets, M.eretu] {
      let m = try FREDMachine()
      m.goToUser()
      m.run(bytes)
      #expect(m.vector == 6 && m.processor.rip == M.entry)
      for profile in [Profile.wildcatLake, .intel, .amd] {
        let n = try FREDMachine(profile, isOn: false)
        n.run(bytes)
        // Through the IDT of the machine: its gate of vector 6 is a HLT.
        #expect(n.processor.rip == 0x20_4000 + 6 * 16)
      }
    }
  }
}
