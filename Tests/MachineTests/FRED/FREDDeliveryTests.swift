/// Goal: FRED delivers each kind of event to the right entry, on the right stack, with every field of the frame as the architecture has
/// it. Each rule with what it rests on: `Documentation/FRED.md`, "Delivery".
import Machine
import Testing

@Suite struct FREDDeliveryTests {
  private typealias M = FREDMachine

  @Test("SYSCALL and INT n from user mode: RSP0, the frame, flat segments, GS bases exchanged, other registers kept")
  func callsFromUser() throws {
    for (bytes, vector, kind) in [(M.syscall, 1 as UInt64, 7 as UInt64), (M.sysenter, 2, 7), (M.int80, 0x80, 4)] {
      let m = try FREDMachine()
      m.write(0xC000_0102, 0x1234_5000)
      m.goToUser()
      #expect(m.processor.cpl == 3 && m.processor.rip == M.code && m.processor[.rsp] == M.userStack)
      #expect(m.processor.segmentBase(.gs) == 0x1234_5000)
      m.processor[.rcx] = 0x1111
      m.processor[.r11] = 0x2222
      m.run(bytes)
      #expect(m.processor.rip == M.entry && m.processor[.rsp] == M.top(0) - 64)
      #expect(
        m.frame
          == .init(
            rip: M.code + 2, cs: M.user64, flags: 0x202, rsp: M.userStack,
            ss: M.userData | M.information(vector, kind: kind, length: 2, low: 1 << 17)))
      #expect(m.processor.cpl == 0 && m.selectors == (M.kernelCode, M.kernelStack))
      #expect(m.processor.rflags.rawValue == 2)
      #expect(m.processor.segmentBase(.gs) == 0)
      #expect(m.processor[.rcx] == 0x1111 && m.processor[.r11] == 0x2222)
    }
  }

  @Test("INT3 is kind 6 and INT1 kind 5, with their lengths and without the software event's bit")
  func otherSoftwareEvents() throws {
    for (bytes, vector, kind) in [([0xCC] as [UInt8], 3 as UInt64, 6 as UInt64), ([0xF1], 1, 5)] {
      let m = try FREDMachine()
      m.goToUser()
      m.run(bytes)
      #expect(m.frame.ss == M.userData | M.information(vector, kind: kind, length: 1))
      #expect(m.frame.rip == M.code + 1 && m.frame.data == 0)
    }
  }

  @Test("a page fault has its address as event data and in CR2, its error code, and RF in the saved flags")
  func pageFault() throws {
    let m = try FREDMachine()
    m.goToUser()
    m.processor[.rax] = M.hole + 8
    m.run([0x48, 0x8B, 0x00])
    #expect(m.vector == 14 && m.processor.cr2 == M.hole + 8)
    #expect(
      m.frame
        == .init(
          error: 4, rip: M.code, cs: M.user64, flags: 0x1_0202, rsp: M.userStack,
          ss: M.userData | M.information(14, kind: 3), data: M.hole + 8))
  }

  @Test("a single-step trap has BS as event data, and RIP behind the instruction")
  func singleStep() throws {
    let m = try FREDMachine()
    var frame = M.userFrame
    frame.flags |= 0x100
    m.goToUser(frame)
    m.run(M.nop)
    #expect(m.processor.cpl == 3)
    m.run(M.nop)
    #expect(m.vector == 1 && m.frame.data == 0x4000 && m.frame.rip == M.code + 1 && m.frame.flags == 0x302)
    #expect(m.frame.ss == M.userData | M.information(1, kind: 3))
  }

  @Test("code that is not 64-bit is told by bit 57; its SYSCALL is #UD on Intel's processors")
  func compatibilityCode() throws {
    let m = try FREDMachine()
    var frame = M.userFrame
    frame.cs = M.user32
    m.goToUser(frame)
    #expect(m.processor.segment(.cs).selector == 0x23 && !m.processor.isIn64BitCode)
    m.run(M.syscall)
    #expect(m.vector == 6)
    #expect(m.frame.ss == M.userData | M.information(6, kind: 3, is64: false))
    let n = try FREDMachine()
    n.goToUser(frame)
    n.run(M.sysenter)
    #expect(n.frame.ss == M.userData | M.information(2, kind: 7, length: 2, is64: false, low: 1 << 17))
  }

  @Test("on AMD's processors SYSCALL of compatibility code is the event that SYSCALL is, and SYSENTER is #UD")
  func compatibilityCodeOfAMD() throws {
    var frame = M.userFrame
    frame.cs = M.user32
    let m = try FREDMachine(.zen6)
    m.goToUser(frame)
    m.run(M.syscall)
    #expect(m.processor.rip == M.entry && m.frame.rip == M.code + 2 && m.frame.cs == M.user32)
    #expect(m.frame.ss == M.userData | M.information(1, kind: 7, length: 2, is64: false, low: 1 << 17))
    let n = try FREDMachine(.zen6)
    n.goToUser(frame)
    n.run(M.sysenter)
    #expect(n.frame.ss == M.userData | M.information(6, kind: 3, is64: false))
  }

  @Test("an event of privilege 0 goes to the second entry, below the red zone of the same stack; CS, SS and GS stay")
  func fromSupervisor() throws {
    for (configuration, redZone) in [(0 as UInt64, 0 as UInt64), (0x40, 0x40), (0x1C0, 0x1C0)] {
      let m = try FREDMachine(configuration: configuration)
      m.processor.setSegmentBase(.gs, 0x7000)
      let selectors = m.selectors
      m.processor[.rsp] = M.stack - 8
      m.run(M.ud2)
      #expect(m.processor.rip == M.entry + 0x100)
      #expect(m.processor[.rsp] == (M.stack - 8 - redZone) & ~63 - 64)
      #expect(m.frame.rsp == M.stack - 8 && m.frame.cs == selectors.cs && m.frame.flags & 0x1_0000 != 0)
      #expect(m.frame.ss == selectors.ss | M.information(6, kind: 3))
      #expect(m.selectors == selectors && m.processor.segmentBase(.gs) == 0x7000)
    }
  }

  @Test("the level of an event of privilege 0 is that of its vector, and never lower than the one that runs")
  func levels() throws {
    // #UD: level 1; #PF: level 2.
    let m = try FREDMachine(levels: 1 << 12 | 2 << 28)
    m.run(M.ud2)
    #expect(m.processor.fred.level == 1 && m.processor[.rsp] == M.top(1) - 64 && m.frame.cs >> 16 == 0)
    m.processor[.rax] = M.hole
    m.run([0x48, 0x8B, 0x00])
    #expect(m.processor.fred.level == 2 && m.processor[.rsp] == M.top(2) - 64)
    #expect(m.frame.cs >> 16 == 1 && m.frame.data == M.hole && m.frame.error == 0)
    m.run(M.ud2)
    #expect(m.processor.fred.level == 2 && m.frame.cs >> 16 == 2)
    #expect(m.processor[.rsp] == M.top(2) - 64 - 0x40 - 64)
    // INT n knows no level.
    m.run(M.int80)
    #expect(m.processor.fred.level == 2 && m.vector == 0x80)
  }

  @Test("an event of user mode has level 0, whatever its vector's level is")
  func levelsOfUserMode() throws {
    let m = try FREDMachine(levels: ~0)
    m.goToUser()
    m.run(M.ud2)
    #expect(m.processor.fred.level == 0 && m.processor[.rsp] == M.top(0) - 64 && m.processor.rip == M.entry)
  }

  @Test("interrupts are kind 0 and have the level that IA32_FRED_CONFIG names; those of user mode level 0")
  func interrupts() throws {
    let m = try FREDMachine(configuration: 3 << 9)
    m.run([0xFB])
    m.run(M.nop)
    _ = m.processor.deliverInterrupt(Vector(0x30))
    #expect(m.processor.fred.level == 3 && m.processor[.rsp] == M.top(3) - 64)
    #expect(m.frame.ss >> 16 == M.information(0x30, kind: 0) >> 16 && m.frame.flags == 0x202)
    let n = try FREDMachine(configuration: 3 << 9)
    n.goToUser()
    _ = n.processor.deliverInterrupt(Vector(0x30))
    #expect(n.processor.fred.level == 0 && n.processor[.rsp] == M.top(0) - 64)
  }

  @Test("an NMI is kind 2, blocks NMIs and says so in the frame, which ends the blocking at the return, IRET or no")
  func nmi() throws {
    let m = try FREDMachine(levels: 2 << 4)
    m.processor.raiseNMI()
    m.run(M.nop)
    #expect(m.processor.nmiBlocked && m.processor.fred.level == 2)
    #expect(m.frame.ss >> 16 == M.information(2, kind: 2, low: 1 << 18) >> 16)
    let frame = m.frame
    // A return from something else leaves them blocked.
    m.put(.init(rip: M.code, cs: m.selectors.cs | 2 << 16, flags: 2, rsp: M.stack, ss: m.selectors.ss))
    m.run(M.erets)
    #expect(m.processor.rip == M.code && m.processor.nmiBlocked)
    m.put(frame)
    m.run(M.erets)
    #expect(!m.processor.nmiBlocked && m.processor.fred.level == 0)
  }

  @Test("blocking by STI is in the frame of what arrives in it")
  func blockingBySTI() throws {
    let m = try FREDMachine()
    m.run([0xFB])
    m.run(M.ud2)
    #expect(m.frame.ss >> 16 & 7 == 1)
    let n = try FREDMachine()
    n.run([0xFB])
    n.run(M.nop)
    n.run(M.ud2)
    #expect(n.frame.ss >> 16 & 7 == 0)
  }

  /// Documentation/FRED.md; Bochs cpu/fred.cc.
  @Test(
    "a trap that MOV SS put off is lost with the event of the next instruction, and comes behind any other",
    arguments: [(M.ud2, 6), (M.int80, 0x80), (M.syscall, 1), (M.nop, nil)] as [([UInt8], UInt8?)])
  func putOffByMovSS(next: [UInt8], vector: UInt8?) throws {
    let m = try FREDMachine()
    let word = M.stack - 0x800
    m.processor.setDebugRegister(0, word)
    // L0; read or write, one byte.
    m.processor.setDebugRegister(7, 0x3_0401)
    m.processor[.rax] = word
    // mov (%rax), %ss
    m.run([0x8E, 0x10])
    try #require(m.processor.debugTrapIsDue)
    m.run(next)
    #expect(m.processor.debugTrapIsDue == (vector == nil))
    #expect(m.isAtEntry == (vector != nil) && (vector == nil || m.vector == vector))
    m.run(M.nop)
    #expect(m.processor.rip == (vector == nil ? M.entry + 0x100 : M.entry + 0x101))
  }

  @Test("an exception met in a delivery is nested and has its vector's level, from user mode too")
  func nested() throws {
    let m = try FREDMachine(levels: 1 << 28)
    m.write(0x1CC, M.hole)
    m.goToUser()
    m.run(M.ud2)
    #expect(m.processor.fred.level == 1 && m.processor[.rsp] == M.top(1) - 64 && m.processor.rip == M.entry)
    #expect(
      m.frame
        == .init(
          error: 2, rip: M.code, cs: M.user64, flags: 0x1_0202, rsp: M.userStack,
          ss: M.userData | M.information(14, kind: 3, nested: true), data: M.hole - 8))
  }

  @Test("a double fault has its own level from user mode too, is not nested, and has no data")
  func doubleFault() throws {
    let m = try FREDMachine(levels: 3 << 16)
    m.write(0x1CC, M.hole)
    m.goToUser()
    m.run(M.int80)
    #expect(m.processor.fred.level == 3 && m.processor[.rsp] == M.top(3) - 64 && m.processor.rip == M.entry)
    #expect(
      m.frame
        == .init(
          rip: M.code, cs: M.user64, flags: 0x202, rsp: M.userStack, ss: M.userData | M.information(8, kind: 3)))
  }

  @Test("a double fault without a stack shuts the processor down")
  func shutdown() throws {
    let m = try FREDMachine(levels: 3 << 16)
    m.write(0x1CC, M.hole)
    m.write(0x1CF, M.hole)
    m.goToUser()
    m.processor.writePhysical(M.int80, at: M.code)
    guard case .shutdown = m.processor.step() else {
      Issue.record("no shutdown")
      return
    }
  }

  @Test("a stack of privilege 0 that is not canonical is #SS, on the level of #SS")
  func nonCanonicalStack() throws {
    let m = try FREDMachine(levels: 2 << 24)
    m.processor[.rsp] = 0x8000_0000_0000_0000
    m.run(M.ud2)
    #expect(m.vector == 12 && m.processor.fred.level == 2 && m.frame.rsp == 0x8000_0000_0000_0000)
    #expect(m.frame.ss & 1 << 58 != 0)
  }

  @Test("the log has SYSCALL as an event that FRED delivered, with its level, and ERETU as a return")
  func transitions() throws {
    let m = try FREDMachine()
    m.processor.isWatched = true
    m.goToUser()
    #expect(m.processor.transitions.map(\.kind) == [.exit])
    m.processor.clearTransitions()
    m.run(M.syscall)
    #expect(m.processor.transitions.map(\.kind) == [.event])
    let delivered = try #require(m.processor.transitions.first?.delivery)
    let fred = try #require(FREDDelivered(rawValue: delivered.platformKind))
    #expect(delivered.vector == nil && fred.isSyscall && !fred.isSysenter && fred.isSoftwareEvent && fred.oldLevel == 0)
    #expect(delivered.wordCount == 8 && !delivered.onCurrentStack && !delivered.isMaskable && !delivered.fromKernel)
    m.processor.clearTransitions()
    m.run(M.ud2)
    let second = try #require(m.processor.transitions.first?.delivery)
    #expect(second.vector == 6 && second.onCurrentStack && second.fromKernel && second.interruptStack == 0)
  }
}
