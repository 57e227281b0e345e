/// Goal: where an indirect branch, an event or a system call leads ENDBR64 has to stand, or #CP is raised there; and what comes between the
/// branch and its target is what the manual says. SDM vol. 1, "Indirect Branch Tracking"; vol. 2, "ENDBR64", "CALL", "SYSCALL", "ERETS".
import Machine
import Testing

@Suite struct BranchTrackingTests {
  private typealias M = FREDMachine

  private static let supervisorCET: UInt32 = 0x6A2
  private static let userCET: UInt32 = 0x6A0
  private static let endBranchEnabled: UInt64 = 1 << 2
  private static let noTrackEnabled: UInt64 = 1 << 4
  private static let suppress: UInt64 = 1 << 10
  private static let tracker: UInt64 = 1 << 11
  private static let cet: UInt64 = 1 << 23
  private static let controlProtection: UInt8 = 21

  private static let endbr64: [UInt8] = [0xF3, 0x0F, 0x1E, 0xFA]
  private static let endbr32: [UInt8] = [0xF3, 0x0F, 0x1E, 0xFB]
  private static let callRAX: [UInt8] = [0xFF, 0xD0]
  private static let jumpRAX: [UInt8] = [0xFF, 0xE0]
  private static let target = M.code + 0x800

  /// At privilege 0, with branches tracked there.
  private func machine(_ control: UInt64 = endBranchEnabled, isOn: Bool = true) throws -> FREDMachine {
    let m = try FREDMachine(.wildcatLake, isOn: isOn)
    m.write(Self.supervisorCET, control)
    m.setCR4(m.processor.cr4 | Self.cet)
    m.processor.skip(to: M.code)
    return m
  }

  private func waits(_ m: FREDMachine, _ register: UInt32 = supervisorCET) -> Bool {
    (m.processor.modelSpecificRegister(register) ?? 0) & Self.tracker != 0
  }

  /// Branches to the target, where these bytes stand.
  private func branch(_ m: FREDMachine, _ bytes: [UInt8] = callRAX, to target: [UInt8]) {
    m.processor.writePhysical(target, at: Self.target)
    m.processor[.rax] = Self.target
    m.run(bytes)
  }

  /// Executes what stands at RIP.
  private func step(_ m: FREDMachine) { _ = m.processor.step() }

  private func refused(_ m: FREDMachine) -> Bool {
    m.isAtEntry && m.vector == Self.controlProtection && m.frame.error == 3 && m.frame.rip == Self.target
  }

  // MARK: The branch and its target

  @Test("ENDBR64 ends the wait, and nothing else does", arguments: [callRAX, jumpRAX])
  func endBranch(bytes: [UInt8]) throws {
    let m = try machine()
    branch(m, bytes, to: Self.endbr64)
    #expect(m.processor.rip == Self.target && waits(m))
    step(m)
    #expect(m.processor.rip == Self.target + 4 && !waits(m))
    // UD2 has #UD of its own, which comes behind; ENDBR32 is none in 64-bit code.
    for other in [[0x90], Self.endbr32, M.ud2, [0x66, 0x0F, 0x1E, 0xFA], [0xF3, 0x0F, 0x1E, 0xF9]] as [[UInt8]] {
      let m = try machine()
      branch(m, bytes, to: other + [0x90, 0x90, 0x90])
      #expect(m.processor.rip == Self.target)
      step(m)
      #expect(refused(m), "\(other)")
    }
  }

  @Test("through memory as well, and by a far jump and a far call")
  func otherBranches() throws {
    for bytes in [[0xFF, 0x10], [0xFF, 0x20], [0x48, 0xFF, 0x18], [0x48, 0xFF, 0x28]] as [[UInt8]] {
      let m = try machine()
      m.processor.setPhysicalWord(Self.target, at: 0x10_2000)
      m.processor.setPhysicalWord(M.kernelCode, at: 0x10_2008)
      m.processor.writePhysical([0x90, 0x90, 0x90, 0x90], at: Self.target)
      m.processor[.rax] = 0x10_2000
      m.run(bytes)
      #expect(m.processor.rip == Self.target && waits(m), "\(bytes)")
      step(m)
      #expect(refused(m))
    }
  }

  @Test("a direct branch, a return and IRET are not tracked")
  func notTracked() throws {
    let m = try machine()
    m.run([0xE8, 0, 0, 0, 0])
    #expect(!waits(m))
    m.run([0xC3])
    #expect(m.processor.rip == M.code + 5 && !waits(m))
    m.run([0xEB, 0x00])
    #expect(!waits(m))
    for (i, word) in [M.code, M.kernelCode, 2, M.stack, M.kernelStack].enumerated() {
      m.processor.setPhysicalWord(word, at: M.stack - 64 + UInt64(i) * 8)
    }
    m.processor[.rsp] = M.stack - 64
    m.run([0x48, 0xCF])
    #expect(m.processor.rip == M.code && !waits(m))
  }

  @Test("the prefix 3E takes a branch out where NO_TRACK_EN is set")
  func noTrack() throws {
    for (control, isTracked) in [(Self.endBranchEnabled, true), (Self.endBranchEnabled | Self.noTrackEnabled, false)] {
      let m = try machine(control)
      branch(m, [0x3E] + Self.callRAX, to: [0x90])
      #expect(m.processor.rip == Self.target && waits(m) == isTracked)
    }
    let suppressed = try machine(Self.endBranchEnabled | Self.suppress)
    branch(suppressed, to: [0x90])
    #expect(!waits(suppressed))
  }

  /// SDM vol. 1, "Indirect Branch Tracking"; vol. 2, "INT n", "SYSCALL": TRACKER becomes WAIT_FOR_ENDBRANCH and SUPPRESS 0.
  @Test("an event through the IDT ends SUPPRESS") func eventEndsSuppression() throws {
    let m = try machine(Self.endBranchEnabled | Self.suppress, isOn: false)
    m.run(M.ud2)
    let control = try #require(m.processor.modelSpecificRegister(Self.supervisorCET))
    #expect(m.processor.rip == M.handler(6) && control & (Self.suppress | Self.tracker) == Self.tracker)
  }

  /// SDM vol. 2A, "ENDBR64", "Operation": in 64-bit code TRACKER becomes IDLE and SUPPRESS 0, whatever they were; ENDBR32 does nothing there.
  @Test("ENDBR64 ends SUPPRESS, and nothing else does") func endsSuppression() throws {
    for (bytes, isOver) in [(Self.endbr64, true), (Self.endbr32, false), ([0x90], false), ([0xF3, 0x90], false)] {
      let m = try machine(Self.endBranchEnabled | Self.suppress)
      m.run(bytes)
      let control = try #require(m.processor.modelSpecificRegister(Self.supervisorCET))
      #expect(control & (Self.suppress | Self.tracker) == (isOver ? 0 : Self.suppress), "\(bytes)")
      branch(m, to: [0x90])
      #expect(waits(m) == isOver, "\(bytes)")
    }
  }

  @Test("INT3 may stand there") func breakpoint() throws {
    let m = try machine()
    branch(m, to: [0xCC])
    step(m)
    #expect(m.isAtEntry && m.vector == 3)
  }

  @Test("a branch that faults was not made; a target that cannot be read is a page fault first")
  func faults() throws {
    let m = try machine()
    // #PF has a stack of its own.
    m.write(0x1D0, 1 << 28)
    m.processor.skip(to: M.code)
    m.processor[.rsp] = M.hole
    branch(m, to: [0x90])
    #expect(m.isAtEntry && m.vector == 14 && !waits(m) && m.frame.cs & 1 << 18 == 0)
    let n = try machine()
    n.processor[.rax] = 1 << 63
    n.run(Self.jumpRAX)
    #expect(n.vector == 13 && n.frame.cs & 1 << 18 == 0)
    let o = try machine()
    o.processor[.rax] = M.hole
    o.run(Self.jumpRAX)
    #expect(waits(o))
    step(o)
    #expect(o.vector == 14 && o.frame.rip == M.hole && o.frame.cs & 1 << 18 != 0)
  }

  // MARK: Events

  @Test("FRED keeps the wait in the frame, its handler needs no ENDBR64, and ERETS gives it back")
  func fred() throws {
    let m = try machine()
    branch(m, to: [0x90, 0x90, 0x90, 0x90])
    m.processor.raiseNMI()
    step(m)
    #expect(m.isAtEntry && m.vector == 2 && m.frame.rip == Self.target && m.frame.cs & 1 << 18 != 0 && !waits(m))
    m.run(M.erets)
    #expect(m.processor.rip == Self.target && waits(m))
    step(m)
    #expect(refused(m))
    // Without the bit nothing is asked: that is how a handler of #CP goes on.
    var frame = m.frame
    frame.cs &= ~(1 << 18)
    m.put(frame, at: m.processor[.rsp])
    m.run(M.erets)
    #expect(m.processor.rip == Self.target && !waits(m))
    step(m)
    #expect(m.processor.rip == Self.target + 1)
  }

  @Test("through the IDT the handler needs ENDBR64, and behind its IRET nothing is asked")
  func idt() throws {
    for (bytes, isGood) in [(Self.endbr64, true), ([0x90, 0x90, 0x90, 0x90], false)] {
      let m = try machine(isOn: false)
      branch(m, to: [0x90])
      m.processor.raiseNMI()
      step(m)
      let handler = m.processor.rip
      #expect(m.processor.cpl == 0 && handler != Self.target && waits(m))
      m.processor.writePhysical(bytes, at: handler)
      step(m)
      if !isGood {
        #expect(m.processor.rip != handler + 1 && m.processor.physicalWord(at: m.processor[.rsp]) == 3)
        continue
      }
      #expect(m.processor.rip == handler + 4 && !waits(m))
      m.run([0x48, 0xCF])
      #expect(m.processor.rip == Self.target && !waits(m))
      step(m)
      #expect(m.processor.rip == Self.target + 1)
    }
  }

  @Test("the handler's ENDBR64 counts in a run as it does step by step") func idtInRun() throws {
    let m = try machine(isOn: false)
    m.processor.writePhysical(Self.endbr64 + [0x90], at: M.handler(2))
    m.processor.raiseNMI()
    // The event and two instructions.
    _ = m.processor.run(3)
    #expect(m.processor.rip == M.handler(2) + 5 && !waits(m))
  }

  @Test("SYSCALL without FRED leads to ENDBR64, and user mode's own state is another register's")
  func systemCall() throws {
    let m = try machine(isOn: false)
    m.write(Self.userCET, Self.endBranchEnabled)
    m.write(0xC000_0080, 0xD01)
    m.write(0xC000_0081, M.kernelCode << 32 | M.user32 << 48)
    m.write(0xC000_0082, Self.target)
    m.processor[.rcx] = M.code
    m.processor[.r11] = 0x202
    m.run([0x48, 0x0F, 0x07])
    #expect(m.processor.cpl == 3 && !waits(m, Self.userCET))
    // User mode waits for its own ENDBR64 while the kernel has run.
    m.processor[.rax] = M.code + 0x400
    m.processor.writePhysical(M.syscall, at: M.code + 0x400)
    m.run(Self.jumpRAX)
    #expect(waits(m, Self.userCET) && !waits(m))
    m.processor.writePhysical(Self.endbr64 + M.syscall, at: M.code + 0x400)
    step(m)
    #expect(!waits(m, Self.userCET))
    m.processor.writePhysical(Self.endbr64, at: Self.target)
    step(m)
    #expect(m.processor.cpl == 0 && m.processor.rip == Self.target && waits(m))
    step(m)
    #expect(m.processor.rip == Self.target + 4 && !waits(m))
  }

  /// SDM vol. 3A, "Priority Among Concurrent Events": a violation of the code segment's limit comes before what the instruction is.
  @Test("compatibility code is asked for ENDBR32, inside its segment") func compatibility() throws {
    for (bytes, isGood) in [(Self.endbr32, true), (Self.endbr64, false)] {
      let m = try machine()
      m.write(Self.userCET, Self.endBranchEnabled)
      var frame = M.userFrame
      frame.cs = M.user32
      m.goToUser(frame)
      #expect(m.processor.cpl == 3)
      branch(m, Self.jumpRAX, to: bytes)
      #expect(m.processor.rip == Self.target && waits(m, Self.userCET))
      step(m)
      #expect(isGood ? m.processor.rip == Self.target + 4 && !waits(m, Self.userCET) : refused(m))
    }
  }

  @Test("#CP is contributory: one behind another is a double fault") func contributory() throws {
    let m = try machine(isOn: false)
    branch(m, to: [0x90])
    // The gate of #CP is not there, and #NP behind #CP is contributory too.
    m.processor.setPhysicalWord(0, at: m.processor.state.idtr.base + 21 * 16)
    step(m)
    #expect(m.processor.rip == M.handler(8))
  }

  // MARK: Registers

  @Test("IA32_S_CET takes what is defined without shadow stacks; CR4.CET wants CR0.WP")
  func registers() throws {
    let m = try machine()
    for bad in [1, 2, 1 << 6, 1 << 9, Self.suppress | Self.tracker, 1 << 63] as [UInt64] {
      #expect(!m.processor.writeModelSpecific(Self.supervisorCET, bad), "\(bad)")
      #expect(!m.processor.writeModelSpecific(Self.userCET, bad), "\(bad)")
    }
    #expect(m.processor.writeModelSpecific(Self.userCET, 0x7FFF_FFFF_F000 | 0x34))
    // MOV CR0, RAX without WP.
    m.processor[.rax] = m.processor.state.cr0 & ~(1 << 16)
    m.run([0x0F, 0x22, 0xC0])
    #expect(m.isAtEntry && m.vector == 13)
    for profile in [Profile.intel, .iceLake, .zen5] {
      let other = try FREDMachine(profile, isOn: false)
      #expect(other.processor.modelSpecificRegister(Self.supervisorCET) == nil)
      #expect(!other.processor.writeModelSpecific(Self.supervisorCET, 0))
      other.setCR4(other.processor.cr4 | Self.cet)
      #expect(other.processor.cr4 & Self.cet == 0)
    }
  }

  /// The same through blocks and host code: as many rounds as asked for, and #CP in the round in which ENDBR64 is gone.
  @Test("a loop of calls runs at full speed") func loop() throws {
    let m = try machine()
    // L: call *%rax; dec %rcx; jnz L; jmp .
    m.processor.writePhysical([0xFF, 0xD0, 0x48, 0xFF, 0xC9, 0x75, 0xF9, 0xEB, 0xFE], at: M.code)
    m.processor.writePhysical(Self.endbr64 + [0xC3], at: Self.target)
    m.processor[.rax] = Self.target
    m.processor[.rcx] = 20_000
    _ = m.processor.run(200_000, until: M.code + 7)
    #expect(m.processor.rip == M.code + 7 && m.processor[.rcx] == 0 && !waits(m))
    m.processor.writePhysical([0x90, 0x90, 0x90, 0x90, 0xC3], at: Self.target)
    m.processor.skip(to: M.code)
    m.processor[.rcx] = 10
    _ = m.processor.run(2)
    #expect(refused(m) && m.processor[.rcx] == 10)
  }
}
