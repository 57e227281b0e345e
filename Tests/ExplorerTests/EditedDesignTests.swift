/// Goal: an edit that breaks a design is caught, whichever guard it takes; one that changes nothing is not.
import Foundation
import Testing

@Suite struct EditedDesignTests {
  struct Edit: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var old: String
    var new: String

    init(_ description: String, _ old: String, _ new: String) {
      testDescription = description
      self.old = old
      self.new = new
    }
  }

  static let breaking = [
    Edit("no SWAPGS at entry", "entry_SYSCALL_64:\n  swapgs\n", "entry_SYSCALL_64:\n"),
    Edit("no SWAPGS at exit", "  swapgs\n  BEFORE_SYSRET\n", "  BEFORE_SYSRET\n"),
    Edit("two SWAPGS at entry", "entry_SYSCALL_64:\n  swapgs\n", "entry_SYSCALL_64:\n  swapgs\n  swapgs\n"),
    Edit(
      "the user's RSP one instruction early",
      "  RESTORE_C_REGISTERS_EXCEPT_RCX_R11\n  movq PT_RSP(%rsp), %rsp\n",
      "  movq PT_RSP(%rsp), %rsp\n  RESTORE_C_REGISTERS_EXCEPT_RCX_R11\n"),
    Edit("no kernel stack", "  movq PER_CPU(top_of_stack), %rsp\n", ""),
    Edit(
      "interrupts on at the user's RSP", "  movq %rsp, PER_CPU(rsp_scratch)\n",
      "  movq %rsp, PER_CPU(rsp_scratch)\n  sti\n"),
    Edit("interrupts on before the frame is whole", "entry_join:\n", "entry_join:\n  ENABLE_INTERRUPTS\n"),
    Edit("interrupts never on", "entry_SYSCALL_64_sti:\n  ENABLE_INTERRUPTS\n", "entry_SYSCALL_64_sti:\n"),
    Edit("interrupts never off again", "syscall_disable:\n  DISABLE_INTERRUPTS\n", "syscall_disable:\n"),
    Edit("no CS in the frame", "  pushq $USER_CS\n", ""),
    Edit(
      "RIP and RFLAGS exchanged", "  pushq %r11\n  pushq $USER_CS\n  pushq %rcx\n",
      "  pushq %rcx\n  pushq $USER_CS\n  pushq %r11\n"),
    Edit("one word of Xen's left on the stack", "  popq %rcx\n  popq %r11\n", "  popq %rcx\n"),
    Edit("the callbacks without the flag", ".set xen_callback_flags, 1", ".set xen_callback_flags, 0"),
    Edit("SYSRET under Xen", "  ALTERNATIVE \"\", FEATURE_XENPV, \"jmp return_to_user\"\n", ""),
    Edit("SYSRET without its test", "  OPPORTUNISTIC_SYSRET failed=return_to_user\n", ""),
    Edit(
      "the user's RSP loaded again under Xen", "  jmp entry_join\n",
      "  movq 24(%rsp), %rsp\n  nop\n  movq PER_CPU(top_of_stack), %rsp\n  subq $40, %rsp\n  jmp entry_join\n"),
  ]

  static let neutral = [
    Edit("nothing", "", ""),
    Edit("a NOP at the entry", "entry_SYSCALL_64:\n", "entry_SYSCALL_64:\n  nop\n"),
    Edit("a NOP at the join", "entry_join:\n", "entry_join:\n  nop\n"),
    Edit("LEA for MOV", "  movq %rsp, %rdi\n", "  leaq (%rsp), %rdi\n"),
    Edit("MOV for PUSH", "entry_join:\n  pushq %rax\n", "entry_join:\n  leaq -8(%rsp), %rsp\n  movq %rax, (%rsp)\n"),
    Edit("another CLD under Xen", "  XEN_LEAVES_DF\n", "  XEN_LEAVES_DF\n  cld\n"),
    Edit("a fence at the entry", "entry_SYSCALL_64:\n  swapgs\n", "entry_SYSCALL_64:\n  swapgs\n  lfence\n"),
    Edit(
      "MOV for POP", "  popq %rcx\n  popq %r11\n", "  movq (%rsp), %rcx\n  movq 8(%rsp), %r11\n  leaq 16(%rsp), %rsp\n"),
  ]

  private func status(_ edit: Edit) throws -> LimenProgram.Ended {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    let whole = try DesignTests.complete()
    var text = whole
    if let place = edit.old.isEmpty ? nil : whole.range(of: edit.old) { text.replaceSubrange(place, with: edit.new) }
    #expect((text == whole) == edit.old.isEmpty, "the design has no such line any more")
    let file = folder.url.appendingPathComponent("edited.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try limen(
      "check", file.path, "--crossing", "syscall64", "--posture", "normal", "--bound", "50", "--witnesses",
      folder.url.appendingPathComponent("witnesses").path)
  }

  /// The NMI's handler of a kernel that restricts its branches leaves IA32_SPEC_CTRL clear, or IBRS set, whatever it found: behind the one the
  /// interrupted system call goes on without IBRS, behind the other user mode has it.
  @Test(arguments: [
    ("  xorl %eax, %eax\n", "not the 0x1 that it had"), ("  movl $1, %eax\n", "not the 0x0 that it had"),
  ])
  func anNMIThatLosesIBRS(lost: String, what: String) throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
    func text(_ path: String) throws -> String {
      try String(contentsOf: Probe.root.appendingPathComponent(path), encoding: .utf8)
    }
    let guards = try text("ReferenceKernel/Parts/Guards.h")
    let kept = "  movl %r14d, %eax\n"
    try #require(guards.components(separatedBy: kept).count == 2)
    let file = folder.url.appendingPathComponent("edited.S")
    // What lies beside the file is read, and no folder of it.
    try text("Specimens/ibrs-after-call/Fixed.S").replacingOccurrences(of: "parts/Guards.h", with: "Guards.h")
      .write(to: file, atomically: true, encoding: .utf8)
    for (line, status) in [(kept, 0), (lost, 1)] as [(String, Int32)] {
      try guards.replacingOccurrences(of: kept, with: line)
        .write(to: folder.url.appendingPathComponent("Guards.h"), atomically: true, encoding: .utf8)
      let ended = try limen(
        "check", file.path, "--platform", "bare-metal", "--profile", "skylake", "--crossing", "syscall64", "--posture",
        "normal", "--event", "nmi", "--no-witnesses")
      #expect(ended.status == status, "\(ended.output.suffix(600))\(ended.complaint)")
      let isNamed = ended.output.contains("[branches-restricted]") && ended.output.contains(what)
      #expect(isNamed == (status == 1), "\(ended.output.suffix(600))")
    }
  }

  @Test(arguments: breaking) func isCaught(edit: Edit) throws {
    let ended = try status(edit)
    #expect(ended.status == 1, "\(ended.output.suffix(300))\(ended.complaint)")
  }

  @Test(arguments: neutral) func isNot(edit: Edit) throws {
    let ended = try status(edit)
    #expect(ended.status == 0, "\(ended.output.suffix(600))\(ended.complaint)")
  }
}
