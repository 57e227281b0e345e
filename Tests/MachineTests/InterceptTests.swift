import Machine
import Testing

/// Goal: where the platform owns the IDT, each event stops the run once, with the registers that the manuals say a handler finds.
/// SDM vol. 3A, "Exception and Interrupt Handling in 64-bit Mode", "EFLAGS RF"; vol. 2A, "INT n"; vol. 2B, "SYSCALL".
@Suite struct InterceptTests {
  static let code: UInt64 = 0x1000

  private func processor(_ bytes: [UInt8], _ profile: Profile = .intel) throws -> Processor {
    let memory = try #require(PhysicalMemory(size: 1 << 20))
    let processor = Processor(memory: memory, profile: profile)
    let pages = [UserPages(0x1000..<0x2000, isWritable: false, isExecutable: true)]
    try #require(processor.startUserMode(pages: pages, systemArea: 0x10000))
    processor.interception = Interception(userVectors: [3, 4, 0x80])
    processor.writePhysical(bytes, at: Self.code)
    processor.rip = Self.code
    return processor
  }

  private func intercept(_ exit: Exit) -> Intercept? {
    if case .intercepted(let what, _) = exit { what } else { nil }
  }

  @Test(
    arguments: [
      ([0xCD, 0x80], .interrupt(Vector(0x80)), 2), ([0xCC], .interrupt(.breakpoint), 1),
      ([0x0F, 0x05], .systemCall, 2),
      ([0xCD, 0x21], .exception(.generalProtection, errorCode: 0x21 << 3 | 2), 0),
      ([0xF4], .exception(.generalProtection, errorCode: 0), 0),
      ([0x0F, 0x0B], .exception(.invalidOpcode, errorCode: nil), 0),
      ([0xF1], .exception(.debug, errorCode: nil), 1),
    ] as [([UInt8], Intercept, UInt64)])
  func leavesWithRIPWhereAFrameHasIt(bytes: [UInt8], expected: Intercept, length: UInt64) throws {
    let processor = try processor(bytes)
    #expect(intercept(processor.step()) == expected)
    #expect(processor.rip == Self.code + length)
    // What completed has retired; a fault has not.
    #expect(processor.retired == (length == 0 ? 0 : 1))
    // A fault's frame has RF set, so that the instruction can be started again past its breakpoint.
    let isFault = length == 0
    #expect(processor.rflags.contains(.resume) == isFault)
    #expect(processor.cpl == 3)
  }

  @Test func systemCallKeepsAddressAndFlags() throws {
    let processor = try processor([0x0F, 0x05])
    processor.rflags = [.interruptEnable, .direction, .carry, .fixedOne]
    #expect(intercept(processor.run(5)) == .systemCall)
    #expect(processor[.rcx] == Self.code + 2)
    #expect(processor[.r11] == processor.rflags.rawValue)
    #expect(processor.rflags.contains(.direction), "no mask is applied: the platform has none")
  }

  @Test func pageFaultNamesItsAddress() throws {
    // mov %eax, (%rbx)
    let processor = try processor([0x89, 0x03])
    processor[.rbx] = 0x5008
    #expect(intercept(processor.run(5)) == .exception(.pageFault, errorCode: 6))
    #expect(processor.cr2 == 0x5008)
    #expect(processor.rip == Self.code)
  }

  @Test func singleStepTrapsBehindItsInstruction() throws {
    // nop; nop
    let processor = try processor([0x90, 0x90])
    processor.rflags.insert(.trap)
    #expect(intercept(processor.run(5)) == .exception(.debug, errorCode: nil))
    #expect(processor.rip == Self.code + 1)
    #expect(!processor.rflags.contains(.resume))
    #expect(processor.debugRegister(6) & DR6.singleStep != 0)
  }

  /// SDM vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks": a #DB that MOV SS put off is lost with an exception, that of INT1
  /// too. Behind a call or a software interrupt it is still due, at the first instruction of the platform's handler.
  @Test(
    arguments: [
      ([0xF1], false), ([0x0F, 0x0B], false), ([0xCD, 0x21], false), ([0xCC], true), ([0xCD, 0x80], true),
      ([0x0F, 0x05], true),
    ] as [([UInt8], Bool)])
  func aDebugTrapThatWasPutOff(bytes: [UInt8], comes: Bool) throws {
    // mov (%rdx), %ss
    let processor = try processor([0x8E, 0x12] + bytes)
    let word = Self.code + 0x800
    let selector = processor.selectors[SegmentName.ss.rawValue]
    processor.writePhysical([UInt8(truncatingIfNeeded: selector), UInt8(selector >> 8)], at: word)
    processor[.rdx] = word
    processor.setDebugRegister(0, word)
    // L0; read or write, two bytes.
    processor.setDebugRegister(7, 0x7_0401)
    #expect(intercept(processor.step()) == nil && processor.rip == Self.code + 2)
    #expect(intercept(processor.step()) != nil)
    #expect(processor.takeDebugTrap() == comes)
  }

  /// AMD's processors have no SYSENTER in long mode; Intel's fault while IA32_SYSENTER_CS is null, as it is here.
  @Test func systemEnterIsTheVendors() throws {
    let intel = try processor([0x0F, 0x34])
    #expect(intercept(intel.step()) == .exception(.generalProtection, errorCode: 0))
    let amd = try processor([0x0F, 0x34], .amd)
    #expect(intercept(amd.step()) == .exception(.invalidOpcode, errorCode: nil))
  }
}
