import Foundation
import Testing

/// Goal: of a kernel that clears the registers, whichever still has the user's value when the work begins is found, and of one that does not none is
/// asked for. System V ABI, AMD64 supplement, "Registers and the Stack Frame".
@Suite struct RegistersClearedTests {
  private let folder: TemporaryFolder
  private let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = .probing(in: folder)
  }

  /// The kernel of the specimen's twin, with more between the cleared registers and the call of INT 0x80's work, or before they are cleared.
  private func check(_ more: String, first: String = "") throws -> LimenProgram.Ended {
    let path = Probe.root.appendingPathComponent("Specimens/int80-keeps-registers/Fixed.S")
    var text = try String(contentsOf: path, encoding: .utf8)
    for (old, new) in [
      ("  movq %rsp, %rdi\n  call do_int80\n", "  movq %rsp, %rdi\n\(more)  call do_int80\n"),
      ("int80:\n  cld\n", "int80:\n  cld\n\(first)"),
    ] {
      let place = try #require(text.range(of: old), "the twin has no such line any more")
      text.replaceSubrange(place, with: new)
    }
    let file = folder.url.appendingPathComponent("edited.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try limen(
      "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "int80", "--posture",
      "normal", "--event", "nmi", "--no-witnesses")
  }

  /// RCX and RDX are not among them: the longest function behind this kernel's exceptions is the one that makes the signal, and finds in them what the one
  /// before has left.
  @Test(arguments: ["r8", "r9", "r10", "r11", "rbx", "rbp", "r12", "r13", "r14", "r15"])
  func aRegisterWithTheUsersValueIsFound(register: String) throws {
    let ended = try check("  movq PT_\(register.uppercased())(%rsp), %\(register)\n")
    #expect(ended.status == 1 && ended.output.contains("registers-cleared: violated"), "\(ended)")
    #expect(ended.output.contains("or what is made of it, in \(register)"), "\(ended)")
  }

  /// The number of the call is an argument, and small; and RSI is the vector where most others begin, which is not cleared.
  @Test(arguments: ["  movq PT_ORIG_RAX(%rsp), %rax\n", "  movq PT_RSI(%rsp), %rsi\n"])
  func anArgumentIsNone(line: String) throws {
    let ended = try check(line)
    #expect(ended.status == 0, "\(ended)")
  }

  /// The first function that is called is not the work where another takes longer.
  @Test func aHelperMayFindThem() throws {
    #expect(try check("").status == 0)
    let helped = try check("", first: "  call 1f\n  jmp 2f\n1:\n  ret\n2:\n")
    #expect(helped.status == 0, "\(helped)")
  }

  /// A part of a register, and two of them in one.
  @Test(arguments: ["  movl PT_R12(%rsp), %ebx\n", "  movq PT_R12(%rsp), %r14\n  xorq PT_R15(%rsp), %r14\n"])
  func whatIsMadeOfTheUsersValuesIsFound(lines: String) throws {
    let ended = try check(lines)
    #expect(ended.status == 1 && ended.output.contains("registers-cleared: violated"), "\(ended)")
  }

  /// The kernel of the other specimen's twin, of whose one list of registers lines are gone, so that no crossing clears them.
  private func checkWithout(_ registers: [String]) throws -> LimenProgram.Ended {
    let path = Probe.root.appendingPathComponent("Specimens/registers-cleared-but-one/Fixed.S")
    var text = try String(contentsOf: path, encoding: .utf8)
    for register in registers {
      let name =
        register.hasPrefix("r1") || register == "r8" || register == "r9" ? register + "d" : "e" + register.dropFirst()
      let place = try #require(
        text.range(of: "  xorl %\(name), %\(name)\n"), "the twin has no such line any more")
      text.removeSubrange(place)
    }
    let file = folder.url.appendingPathComponent("edited.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try limen(
      "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "syscall64", "--posture",
      "normal", "--event", "nmi", "--depth", "1", "--no-witnesses")
  }

  @Test(arguments: ["r10", "r11", "rbx", "rbp", "r12", "r13", "r14", "r15"])
  func whatNoCrossingClearsIsFound(register: String) throws {
    let ended = try checkWithout([register])
    #expect(ended.status == 1 && ended.output.contains("registers-cleared: violated"), "\(ended)")
    #expect(ended.output.contains("or what is made of it, in \(register)"), "\(ended)")
    #expect(ended.output.contains("where the crossing clears 9 of"), "\(ended)")
  }

  /// Fifth and sixth arguments; and a kernel that clears no more than seven may mean no more.
  @Test(arguments: [["r8"], ["r9"], ["r8", "r9"], ["rbx", "r12", "r15"]])
  func whatNoCrossingClearsMayBeMeant(registers: [String]) throws {
    let ended = try checkWithout(registers)
    #expect(ended.status == 0 && ended.output.contains("held"), "\(ended)")
  }

  @Test func twoThatNoCrossingClearsAreFound() throws {
    let ended = try checkWithout(["r13", "r15"])
    #expect(ended.status == 1 && ended.output.contains("where the crossing clears 8 of"), "\(ended)")
  }

  /// A value of the kernel's own is none, whatever it is.
  @Test func aNumberOfTheKernelsIsNone() throws {
    #expect(try check("  movq $0x12345678, %rbx\n").status == 0)
  }

  @Test func aKernelThatClearsNoneIsNotAsked() throws {
    let ended = try limen(
      "check", "design:complete", "--platform", "bare-metal", "--profile", "intel", "--crossing", "int80", "--posture",
      "normal", "--event", "nmi", "--no-witnesses")
    #expect(ended.status == 0 && !ended.output.contains("registers-cleared"), "\(ended)")
  }
}
