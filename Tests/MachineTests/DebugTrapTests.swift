import Machine
import Testing

/// Goal: DR6 keeps the causes of the #DBs before. A fault through the IDT loses the #DB that was still due: that of its own instruction, which has
/// not completed, and that which a load of SS has put off. SDM vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks"; vol. 3B, "Data
/// Memory and I/O Breakpoint Exception Conditions": a data breakpoint is a trap, behind its instruction.
@Suite struct DebugTrapTests {
  private typealias M = FREDMachine
  private static let data: UInt64 = 0x10_2800

  /// A processor with a breakpoint on two bytes that are read or written.
  private func machine(_ profile: Profile) throws -> FREDMachine {
    let m = try FREDMachine(profile, isOn: false)
    m.processor.setPhysicalWord(M.kernelStack, at: Self.data)
    m.processor.setDebugRegister(0, Self.data)
    // L0; read or write, two bytes.
    m.processor.setDebugRegister(7, 0x7_0401)
    return m
  }

  @Test(arguments: [Profile.intel, .amd]) func whatALoadOfSSHasPutOff(profile: Profile) throws {
    for isLost in [true, false] {
      let m = try machine(profile)
      m.processor[.rdx] = Self.data
      // mov (%rdx), %ss
      m.run([0x8E, 0x12])
      try #require(m.processor.rip == M.code + 2 && m.processor.debugTrapIsDue)
      m.run(isLost ? M.ud2 : M.nop)
      #expect(m.processor.rip == (isLost ? M.handler(6) : M.code + 3))
      m.run(M.nop)
      #expect(m.processor.rip == (isLost ? M.handler(6) + 1 : M.handler(1)))
    }
  }

  /// MOVSB reads where the breakpoint is, and cannot write.
  @Test(arguments: [Profile.intel, .amd]) func thatOfItsOwnInstruction(profile: Profile) throws {
    let m = try machine(profile)
    (m.processor[.rsi], m.processor[.rdi]) = (Self.data, M.hole)
    m.run([0xA4])
    #expect(m.processor.rip == M.handler(14))
    m.run(M.nop)
    #expect(m.processor.rip == M.handler(14) + 1 && !m.processor.debugTrapIsDue)
  }

  /// "Certain debug exceptions may clear bits 0-3. The remaining contents of the DR6 register are never cleared by the processor": SDM vol. 3B,
  /// "Debug Status Register (DR6)".
  @Test(arguments: [Profile.intel, .amd]) func oldCausesStayInDR6(profile: Profile) throws {
    let m = try machine(profile)
    m.processor.setDebugRegister(6, 0xFFFF_0FF0 | DR6.singleStep | 1 << 1)
    m.processor[.rsi] = Self.data
    // mov (%rsi), %al
    m.run([0x8A, 0x06])
    m.run(M.nop)
    #expect(m.processor.rip == M.handler(1))
    #expect(m.processor.debugRegister(6) == 0xFFFF_0FF0 | DR6.singleStep | 1)
  }
}
