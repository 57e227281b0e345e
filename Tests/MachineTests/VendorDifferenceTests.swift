/// Goal: where the vendors' processors differ in instructions of user mode, each profile does as its own; where they were only thought
/// to differ, both do the same. `Documentation/Oracles.md`, "The vendors' processors", says where each expectation comes from.

import Machine
import Testing

struct VendorDifferenceTests {
  /// What a line of a recording gives under a profile.
  private func outcome(_ line: String, isFloating: Bool = false, _ profile: Profile) throws -> [String] {
    let execution = try #require(RecordedExecution(line: line[...], isFloating: isFloating))
    return try MachineExecutor(profile: profile).execute(execution).fields(of: execution)
  }

  @Test("REP with 32-bit addresses and ECX = 0 zero-extends on Intel's processors alone")
  func uniteratedStringsZeroExtend() throws {
    let line = "67f3a4 rcx=b3edbaad00000000 rsi=a5a5a5a500210800 rdi=c3c3c3c300210900"
    #expect(try outcome(line, .intel) == ["rcx=0", "rsi=210800", "rdi=210900"])
    #expect(try outcome(line, .amd) == [])
    // Nothing of it where addresses have 64 bits, or a count is there.
    let wide = "f3a4 rcx=0 rsi=a5a5a5a500210800 rdi=c3c3c3c300210900"
    for profile in Profile.plain { #expect(try outcome(wide, profile) == []) }
    let counted = "67f3aa rax=0 rcx=b3edbaad00000001 rdi=c3c3c3c300210900 @210900=ff"
    for profile in Profile.plain { #expect(try outcome(counted, profile) == ["rcx=0", "rdi=210901", "@210900=00"]) }
  }

  @Test("REP with 32-bit addresses that faults at once has zero-extended on Intel's processors alone")
  func faultingStringsZeroExtend() throws {
    let copies = "67f3a4 rcx=b3edbaad00000002 rsi=a5a5a5a500212000 rdi=c3c3c3c300210900"
    #expect(try outcome(copies, .intel) == ["rcx=2", "rsi=212000", "rdi=210900", "raises=e", "error=4", "at=212000"])
    #expect(try outcome(copies, .amd) == ["raises=e", "error=4", "at=212000"])
    let compares = "67f3a6 rcx=b3edbaad00000002 rsi=a5a5a5a500212000 rdi=c3c3c3c300210900"
    #expect(try outcome(compares, .intel) == ["rcx=2", "raises=e", "error=4", "at=212000"])
    #expect(try outcome(compares, .amd) == ["raises=e", "error=4", "at=212000"])
  }

  @Test("DPPS and DPPD of several NaNs give another one on Intel's processors than on AMD's")
  func dotProductsOfNaNs() throws {
    // NaNs 1 to 4, each by 1.0.
    let singles = "660f3a40c1ff xmm0=7fc000047fc000037fc000027fc00001 xmm1=3f8000003f8000003f8000003f800000"
    #expect(try outcome(singles, isFloating: true, .iceLake) == ["xmm0=7fc000037fc000047fc000017fc00002"])
    #expect(try outcome(singles, isFloating: true, .zen3) == ["xmm0=7fc000017fc000017fc000017fc00001"])
    let doubles = "660f3a41c133 xmm0=7ff80000000000027ff8000000000001 xmm1=3ff00000000000003ff0000000000000"
    #expect(try outcome(doubles, isFloating: true, .iceLake) == [])
    #expect(try outcome(doubles, isFloating: true, .zen3) == ["xmm0=7ff80000000000017ff8000000000001"])
  }

  @Test("REPE CMPS and SCAS that fault in the middle restore RFLAGS on Intel's processors alone")
  func faultingComparisonsRestoreFlags() throws {
    // SCASB finds AL - 11 below zero twice, then meets the end of memory.
    let line = "f2ae rax=0 rcx=9 rdi=211ffe rflags=202 @211ffe=1122"
    let fault = ["raises=e", "error=4", "at=212000"]
    #expect(try outcome(line, .intel) == ["rcx=7", "rdi=212000"] + fault)
    // 0 - 22 = DE: CF, PF, AF and SF.
    #expect(try outcome(line, .amd) == ["rcx=7", "rdi=212000", "rflags=297"] + fault)
    // A comparison that completes leaves its flags on both.
    let completes = "f3a6 rcx=2 rsi=210800 rdi=210900 rflags=202 @210800=1111 @210900=1111"
    for profile in Profile.plain {
      #expect(try outcome(completes, profile) == ["rcx=0", "rsi=210802", "rdi=210902", "rflags=246"])
    }
  }

  @Test("CVTPI2PS from memory leaves the x87 state alone under both profiles")
  func conversionFromMemoryLeavesX87Alone() throws {
    // TOP = 7, all empty, and an unmasked exception pending: no #MF, no MMX state.
    let line = "0f2a07 rdi=210800 fcw=37e fsw=3801 @210800=0100000002000000"
    for profile in Profile.plain {
      #expect(try outcome(line, isFloating: true, profile) == ["fsw=b881", "xmm0=1515151515151515400000003f800000"])
    }
    // From MM7 it waits for the exception.
    for profile in Profile.plain {
      #expect(try outcome("0f2ac7 fcw=37e fsw=3801", isFloating: true, profile) == ["rip=200109", "raises=10"])
    }
  }

  @Test("an x87 comparison of an empty register or a NaN answers, its exception masked or not, under both profiles")
  func emptyComparisonsAnswer() throws {
    for profile in Profile.plain {
      // FCOM ST(1) and FCOMI ST(1) of an empty stack. #IS, C3 C2 C0; ES and B where it is pending.
      #expect(try outcome("d8d1 fcw=37f", isFloating: true, profile) == ["fsw=4541"])
      #expect(try outcome("d8d1 fcw=37e", isFloating: true, profile) == ["fsw=c5c1"])
      #expect(try outcome("dbf1 fcw=37f", isFloating: true, profile) == ["rflags=247", "fsw=41"])
      #expect(try outcome("dbf1 fcw=37e", isFloating: true, profile) == ["rflags=247", "fsw=80c1"])
      // Of a NaN: #IA.
      let nan = "ftw=ff st1=7fffc000000000000000"
      #expect(try outcome("d8d1 fcw=37e \(nan)", isFloating: true, profile) == ["fsw=c581"])
      #expect(try outcome("dbf1 fcw=37e \(nan)", isFloating: true, profile) == ["rflags=247", "fsw=8081"])
    }
  }
}
