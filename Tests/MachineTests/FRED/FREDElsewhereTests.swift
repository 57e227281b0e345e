/// Goal: what CR4.FRED changes of other instructions, FRED's registers, LKGS and WRMSRNS, and that a processor without FRED has none of
/// it. SDM vol. 2, "SWAPGS", "SYSRET", "SYSEXIT", "LKGS", "WRMSRNS"; Bochs cpu/msr.cc, cpu/crregs.cc.
import Machine
import Testing

@Suite struct FREDElsewhereTests {
  private typealias M = FREDMachine

  @Test("SWAPGS, SYSRET and SYSEXIT are #UD")
  func undefined() throws {
    for bytes in [[0x0F, 0x01, 0xF8], [0x48, 0x0F, 0x07], [0x48, 0x0F, 0x35]] as [[UInt8]] {
      let m = try FREDMachine()
      m.write(0xC000_0080, 0xD01)
      m.write(0x174, 0x10)
      m.run(bytes)
      #expect(m.vector == 6 && m.processor.rip == M.entry + 0x100)
    }
  }

  @Test("IRET and a far return change no privilege; inside privilege 0 they work")
  func outerReturns() throws {
    for (bytes, words) in [
      ([0x48, 0xCF], [M.code, M.user64, 0x202, M.userStack, M.userData]),
      ([0x48, 0xCB], [M.code, M.user64, M.userStack, M.userData]),
    ] as [([UInt8], [UInt64])] {
      let m = try FREDMachine()
      m.processor[.rsp] = M.stack - 64
      for (i, word) in words.enumerated() { m.processor.setPhysicalWord(word, at: M.stack - 64 + UInt64(i) * 8) }
      m.run(bytes)
      #expect(m.vector == 13 && m.frame.error == M.user64 & ~3)
      let n = try FREDMachine()
      n.processor[.rsp] = M.stack - 64
      for (i, word) in words.enumerated() {
        let own = word == M.user64 ? M.kernelCode : word == M.userData ? M.kernelStack : word
        n.processor.setPhysicalWord(own, at: M.stack - 64 + UInt64(i) * 8)
      }
      n.run(bytes)
      #expect(n.processor.rip == M.code && n.processor.cpl == 0)
    }
  }

  @Test("a call gate is #GP with its selector")
  func callGate() throws {
    for isOn in [true, false] {
      let m = try FREDMachine()
      if !isOn { m.setCR4(m.processor.cr4 & ~M.fredBit) }
      // At 0x50 of a larger GDT: a gate of privilege 3 to the kernel's code.
      let gdt = m.processor.state.gdtr
      m.processor.setPhysicalWord(UInt64(0x6F) | gdt.base << 16, at: 0x10_2000)
      m.processor.setPhysicalWord(gdt.base >> 48, at: 0x10_2008)
      m.processor.setPhysicalWord(
        M.code & 0xFFFF | 0x10 << 16 | 0xEC << 40 | (M.code >> 16 & 0xFFFF) << 48, at: gdt.base + 0x50)
      m.processor.setPhysicalWord(0, at: gdt.base + 0x58)
      m.processor[.rax] = 0x10_2000
      m.run([0x0F, 0x01, 0x10])
      m.processor.setPhysicalWord(0x50 << 32, at: 0x10_2000)
      m.run([0xFF, 0x18])
      if isOn {
        #expect(m.vector == 13 && m.frame.error == 0x50)
      } else {
        #expect(m.processor.rip == M.code)
      }
    }
  }

  @Test("CR4.FRED exists where the processor has FRED")
  func controlRegister() throws {
    for profile in [Profile.intel, .amd] {
      let m = try FREDMachine(profile, isOn: false)
      m.setCR4(m.processor.cr4 | M.fredBit)
      #expect(m.processor.rip == M.handler(13))
    }
  }

  @Test("FRED's registers keep what is written, refuse what is reserved, and exist where the processor has FRED")
  func registers() throws {
    let kept: [(UInt32, UInt64)] = [
      (0x1CC, 0x1000), (0x1CF, 0xFFFF_8000_0000_0040), (0x1D0, ~0), (0x1D1, 8), (0x1D3, 0x7FFF_FFFF_FFF8),
      (0x1D4, 0x17C9),
      (0x6A4, 0x10),
    ]
    let refused: [(UInt32, UInt64)] = [
      (0x1CC, 0x20), (0x1CF, 1), (0x1CD, 1 << 63), (0x1D1, 4), (0x1D2, 1 << 62), (0x1D4, 4), (0x1D4, 0x10),
      (0x1D4, 0x20),
      (0x1D4, 0x800), (0x1D4, 1 << 63), (0x6A4, 1),
    ]
    for (index, value) in kept {
      let m = try FREDMachine(isOn: false)
      m.write(index, value)
      #expect(m.processor.modelSpecificRegister(index) == value && m.processor.rip == M.code + 2)
      for profile in [Profile.intel, .amd] {
        let n = try FREDMachine(profile, isOn: false)
        n.write(index, value)
        #expect(n.processor.rip == M.handler(13) && n.processor.modelSpecificRegister(index) == nil)
      }
    }
    for (index, value) in refused {
      let m = try FREDMachine(isOn: false)
      m.write(index, value)
      #expect(m.processor.rip == M.handler(13) && m.processor.modelSpecificRegister(index) == 0)
    }
  }

  @Test("WRMSRNS writes as WRMSR does; it is #UD with a prefix, and without the feature")
  func writeMSRNonSerialising() throws {
    let m = try FREDMachine(isOn: false)
    m.write(0xC000_0102, 0x1234, with: [0x0F, 0x01, 0xC6])
    #expect(m.processor.modelSpecificRegister(0xC000_0102) == 0x1234 && m.processor.rip == M.code + 3)
    m.processor.skip(to: M.code)
    m.write(0xC000_0102, 0x5678, with: [0x66, 0x0F, 0x01, 0xC6])
    #expect(m.processor.rip == M.handler(6))
    let n = try FREDMachine(.intel, isOn: false)
    n.write(0xC000_0102, 0x1234, with: [0x0F, 0x01, 0xC6])
    #expect(n.processor.rip == M.handler(6) && n.processor.modelSpecificRegister(0xC000_0102) == 0)
  }

  @Test("LKGS loads GS and leaves its base: that of the descriptor is the other one's; from memory too")
  func loadKernelGS() throws {
    for fromMemory in [false, true] {
      let m = try FREDMachine(isOn: false)
      m.processor.setSegmentBase(.gs, 0xAAAA_0000_0000)
      m.processor.setPhysicalWord(0x0010_F234_5678_FFFF | 0xCF << 48, at: m.processor.state.gdtr.base + 0x38)
      m.processor.setPhysicalWord(0x3B, at: 0x10_2000)
      m.processor[.rdi] = fromMemory ? 0x10_2000 : 0x3B
      m.run(fromMemory ? [0xF2, 0x0F, 0x00, 0x37] : [0xF2, 0x0F, 0x00, 0xF7])
      let base = UInt64(0x0010_F234_5678_FFFF | 0xCF << 48) >> 16 & 0xFF_FFFF
      #expect(m.processor.segment(.gs).selector == 0x3B && m.processor.segmentBase(.gs) == 0xAAAA_0000_0000)
      #expect(m.processor.modelSpecificRegister(0xC000_0102) == base)
      #expect(m.processor.rip == M.code + 4)
    }
    // A null selector makes it 0.
    let m = try FREDMachine(isOn: false)
    m.write(0xC000_0102, 0x1234)
    m.processor[.rdi] = 0
    m.run([0xF2, 0x0F, 0x00, 0xF7])
    #expect(m.processor.modelSpecificRegister(0xC000_0102) == 0)
    // A bad one is #GP with the selector, privilege 3 and an older processor #UD.
    let n = try FREDMachine()
    n.processor[.rdi] = 0x60
    n.run([0xF2, 0x0F, 0x00, 0xF7])
    #expect(n.vector == 13 && n.frame.error == 0x60)
    n.goToUser()
    n.run([0xF2, 0x0F, 0x00, 0xF7])
    #expect(n.vector == 6)
    let o = try FREDMachine(.intel, isOn: false)
    o.run([0xF2, 0x0F, 0x00, 0xF7])
    #expect(o.processor.rip == M.handler(6))
  }

  @Test("CPUID names FRED, LKGS and WRMSRNS of the profile that has them, and of no other")
  func features() throws {
    let expected: [(Profile, UInt32)] = [
      (.wildcatLake, 0xE_0000), (.zen6, 0x6_0000), (.zen5, 0), (.intel, 0), (.amd, 0),
    ]
    for (profile, bits) in expected {
      let m = try FREDMachine(profile, isOn: false)
      #expect(m.processor.cpuid(leaf: 7, subleaf: 1).eax & 0xE_0000 == bits)
    }
  }

  @Test("the disassembler knows the four")
  func disassembly() {
    for (bytes, text) in [
      (M.erets, "erets"), (M.eretu, "eretu"), ([0x0F, 0x01, 0xC6], "wrmsrns"), ([0xF2, 0x0F, 0x00, 0xF7], "lkgs %di"),
      ([0xF2, 0x0F, 0x00, 0x30], "lkgs (%rax)"), ([0xF2, 0x41, 0x0F, 0x00, 0xF0], "lkgs %r8w"),
    ] as [([UInt8], String)] {
      #expect(Disassembler.instruction(bytes, at: 0)?.text == text)
      #expect(Disassembler.instruction(bytes, at: 0)?.length == bytes.count)
    }
    // CLAC stays what it is.
    #expect(Disassembler.instruction([0x0F, 0x01, 0xCA], at: 0)?.text == "clac")
  }
}
