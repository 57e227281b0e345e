/// Goal: a profile shows what its part has of what the machine does, by the vendors' tables, and nothing else; the registers that restrain
/// speculation take the bits that CPUID promises; the plain profiles stay what they were.

import Machine
import Testing

struct ProfileTests {
  private func processor(_ profile: Profile) throws -> Processor {
    Processor(memory: try #require(PhysicalMemory(size: 1 << 20)), profile: profile)
  }

  private func answer(_ processor: Processor, _ leaf: UInt32, _ subleaf: UInt32 = 0) -> [UInt32] {
    let (a, b, c, d) = processor.cpuid(leaf: leaf, subleaf: subleaf)
    return [a, b, c, d]
  }

  /// Family and model as SDM vol. 2A, "CPUID", Figure "Version Information", and APM vol. 3, "CPUID Fn0000_0001_EAX", join them.
  @Test(
    arguments: [
      ("intel", 0x6, 0x3C), ("amd", 0x17, 0x1), ("skylake", 0x6, 0x55), ("ice-lake", 0x6, 0x7E),
      ("raptor-lake", 0x6, 0xB7), ("wildcat-lake", 0x6, 0xD5),
      ("zen2", 0x17, 0x31), ("zen3", 0x19, 0x1), ("zen4", 0x19, 0x11), ("zen5", 0x1A, 0x2), ("zen6", 0x1A, 0x50),
    ] as [(String, UInt32, UInt32)])
  func isItsPart(name: String, family: UInt32, model: UInt32) throws {
    let signature = answer(try processor(try #require(Profile.named(name))), 1)[0]
    let base = signature >> 8 & 0xF
    #expect(base + (base == 0xF ? signature >> 20 & 0xFF : 0) == family)
    #expect(signature >> 4 & 0xF | signature >> 12 & 0xF0 == model)
  }

  /// The answers of the two before any part had a name.
  @Test func plainProfilesAreUnchanged() throws {
    let intel = try processor(.intel)
    #expect(answer(intel, 0) == [7, 0x756E_6547, 0x6C65_746E, 0x4965_6E69])
    #expect(answer(intel, 1) == [0x306C3, 0x1_0800, 0x2_2001, 0x078B_EBFD])
    #expect(answer(intel, 7) == [0, 0x10_0481, 0, 0])
    #expect(answer(intel, 0x8000_0000) == [0x8000_0008, 0, 0, 0])
    #expect(answer(intel, 0x8000_0001) == [0, 0, 1, 0x2C10_0800])
    #expect(answer(intel, 0x8000_0008) == [0x3028, 0, 0, 0])
    let amd = try processor(.amd)
    #expect(answer(amd, 0) == [7, 0x6874_7541, 0x444D_4163, 0x6974_6E65])
    #expect(answer(amd, 1) == [0x0080_0F12, 0x1_0800, 0x2001, 0x078B_EBFD])
    #expect(answer(amd, 7) == [0, 0x10_0081, 0, 0])
    #expect(answer(amd, 0x8000_0001) == [0x0080_0F12, 0, 1, 0x2D93_EBFD])
    #expect(answer(amd, 0x8000_0008) == [0x3028, 0, 0, 0])
    for leaf in [2, 4, 0xB, 0xD, 0x1A, 0x8000_001E, 0x8000_0021] as [UInt32] {
      #expect(answer(intel, leaf) == [0, 0, 0, 0] && answer(amd, leaf) == [0, 0, 0, 0])
    }
    for index in [0x48, 0x10A, 0x123] as [UInt32] {
      #expect(intel.modelSpecificRegister(index) == nil && amd.modelSpecificRegister(index) == nil)
      #expect(!intel.writeModelSpecific(index, 0) && !amd.writeModelSpecific(index, 0))
    }
  }

  @Test(arguments: Profile.all.map(\.name)) func showsNothingThatIsNotThere(name: String) throws {
    let processor = try processor(try #require(Profile.named(name)))
    // MONITOR FMA x2APIC AES XSAVE OSXSAVE AVX F16C, hypervisor
    let missing1C: UInt32 = 1 << 3 | 1 << 12 | 1 << 21 | 0x3F << 25 & ~(1 << 30) | 1 << 31
    #expect(answer(processor, 1)[2] & missing1C == 0)
    let leaf7 = answer(processor, 7)
    // HLE AVX2 RTM AVX512F ADX SHA; PKU, shadow stacks, LA57; AMX, CORE_CAPABILITIES
    #expect(leaf7[1] & (1 << 4 | 1 << 5 | 1 << 11 | 1 << 16 | 1 << 19 | 1 << 29) == 0)
    #expect(leaf7[2] & (1 << 3 | 1 << 7 | 1 << 16) == 0)
    #expect(leaf7[3] & (1 << 22 | 1 << 24 | 1 << 30) == 0)
    // Indirect branch tracking: of these parts those since Tiger Lake have it, none of AMD's.
    #expect((leaf7[3] & 1 << 20 != 0) == ["raptor-lake", "wildcat-lake"].contains(name))
    #expect(answer(processor, 0xD) == [0, 0, 0, 0])
  }

  /// What each part's SPEC_CTRL, PRED_CMD and FLUSH_CMD take, and ARCH_CAPABILITIES: SDM vol. 4, "Architectural MSRs", and AMD APM vol. 2,
  /// "Speculation Control MSRs", for the bits that the part's CPUID names.
  @Test(
    arguments: [
      ("skylake", 0x7, 0x1, true, nil), ("ice-lake", 0x7, 0x1, true, 0x202_016B),
      ("raptor-lake", 0x4FF, 0x1, true, 0x1408_E16B),
      ("wildcat-lake", 0x5FF, 0x1, true, 0x4000_0000_0D18_E16B),
      ("zen2", 0x7, 0x1, false, nil), ("zen3", 0x87, 0x81, false, nil), ("zen4", 0x87, 0x81, true, nil),
      ("zen5", 0x87, 0x81, true, nil), ("zen6", 0x87, 0x81, true, nil),
    ] as [(String, UInt64, UInt64, Bool, UInt64?)])
  func restrainsSpeculation(name: String, controls: UInt64, commands: UInt64, flushes: Bool, capabilities: UInt64?)
    throws
  {
    let processor = try processor(try #require(Profile.named(name)))
    for bit in 0..<64 as Range<UInt64> {
      #expect(processor.writeModelSpecific(0x48, 1 << bit) == (controls & 1 << bit != 0), "SPEC_CTRL \(bit)")
      #expect(processor.writeModelSpecific(0x49, 1 << bit) == (commands & 1 << bit != 0), "PRED_CMD \(bit)")
      #expect(processor.writeModelSpecific(0x10B, 1 << bit) == (flushes && bit == 0), "FLUSH_CMD \(bit)")
    }
    #expect(processor.writeModelSpecific(0x48, controls) && processor.modelSpecificRegister(0x48) == controls)
    #expect(processor.modelSpecificRegister(0x49) == nil && processor.modelSpecificRegister(0x10B) == nil)
    #expect(processor.modelSpecificRegister(0x10A) == capabilities)
    #expect(!processor.writeModelSpecific(0x10A, 0))
  }

  private func outcome(_ line: String, _ profile: Profile) throws -> [String] {
    let execution = try #require(RecordedExecution(line: line[...], isFloating: false))
    return try MachineExecutor(profile: profile).execute(execution).fields(of: execution)
  }

  /// RDPID is #UD where CPUID does not name it (SDM vol. 2B, "RDPID"), else IA32_TSC_AUX, which is 0 here; POPCNT, SERIALIZE and CLWB likewise.
  @Test func instructionsFollowCPUID() throws {
    let rdpid = "f30fc7f8 rax=123456789abcdef0"
    #expect(try outcome(rdpid, .intel) == ["raises=6"] && outcome(rdpid, .skylake) == ["raises=6"])
    #expect(try outcome(rdpid, .zen3) == ["rax=0"] && outcome(rdpid, .iceLake) == ["rax=0"])
    #expect(try outcome("0f01e8", .zen3) == ["raises=6"] && outcome("0f01e8", .raptorLake) == [])
    #expect(try outcome("f30fb8c1 rax=0 rcx=ff rflags=202", .amd) == ["raises=6"])
    #expect(try outcome("f30fb8c1 rax=0 rcx=ff rflags=202", .zen2) == ["rax=8"])
  }

  /// SSSE3, SSE4.1, SSE4.2, MOVBE; BMI1, BMI2; LZCNT: each named part has them all, the plain profiles none, and what CPUID does not show is
  /// #UD, or for TZCNT and LZCNT the older BSF and BSR (SDM vol. 2, each instruction's page).
  @Test(arguments: Profile.all.map(\.name)) func extensionsFollowCPUID(name: String) throws {
    let profile = try #require(Profile.named(name))
    let processor = try processor(profile)
    let isPlain = Profile.plain.contains { $0.name == name }
    #expect(answer(processor, 1)[2] & (1 << 9 | 3 << 19 | 1 << 22) == (isPlain ? 0 : 1 << 9 | 3 << 19 | 1 << 22))
    #expect(answer(processor, 7)[1] & (1 << 3 | 1 << 8) == (isPlain ? 0 : 1 << 3 | 1 << 8))
    #expect(answer(processor, 0x8000_0001)[2] & 1 << 5 == (isPlain ? 0 : 1 << 5))
    // PSHUFB of MMX and XMM, PTEST, ROUNDSD, PEXTRW of memory, PCMPGTQ, PCMPISTRI, CRC32, MOVBE, ANDN, SHLX.
    let lines = [
      "0f3800c1", "660f3800c1", "660f3817c1", "660f3a0bc100", "660f3a150300 rbx=210800", "660f3837c1", "660f3a63c100",
      "f20f38f0c1", "0f38f003 rbx=210800", "c4e278f2c1", "c4e2f1f7c2",
    ]
    for line in lines { #expect(try outcome(line, profile).contains("raises=6") == isPlain, "\(line)") }
    // TZCNT and LZCNT of 0F00H, BSF and BSR.
    #expect(try outcome("f30fbcc1 rax=0 rcx=f00", profile).contains("rax=8"))
    #expect(try outcome("f30fbdc1 rax=0 rcx=f00", profile).contains(isPlain ? "rax=b" : "rax=14"))
    #expect(try outcome("f30fbcc1 rax=77 rcx=0", profile).contains("rax=20") != isPlain)
  }

  /// SDM vol. 2B, "RDRAND": CF set, the other arithmetic flags clear, the register's width. The same numbers on every machine.
  @Test func randomNumbersAreTheSameEverywhere() throws {
    let once = try outcome("0fc7f0 rax=ffffffffffffffff rflags=ad6", .zen4)
    #expect(once.contains("rflags=203") && once.contains { $0.hasPrefix("rax=") })
    #expect(try outcome("0fc7f0 rax=ffffffffffffffff rflags=ad6", .skylake) == once)
    #expect(try outcome("0fc7f8 rax=ffffffffffffffff rflags=ad6", .zen4) == once)
    #expect(try outcome("660fc7f0 rax=0 rflags=202", .zen4).allSatisfy { !$0.hasPrefix("rax=") || $0.count <= 8 })
    #expect(try outcome("0fc7f0 rax=0", .amd) == ["raises=6"])
  }
}
