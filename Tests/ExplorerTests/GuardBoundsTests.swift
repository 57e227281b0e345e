import Foundation
import Testing

/// Goal: where a guard against speculation is enough hangs on a number, one less is found and the number itself is not; and of two guards where
/// one is owed both are named. The kernels are twins of specimens with a line of their own.
@Suite struct GuardBoundsTests {
  private func check(_ specimen: String, _ profile: String, _ old: String, _ new: String) throws -> LimenProgram.Ended {
    let folder = try TemporaryFolder()
    let url = Probe.root.appendingPathComponent("Specimens/\(specimen).S")
    let text = try String(contentsOf: url, encoding: .utf8)
    try #require(text.components(separatedBy: old).count == 2, "the specimen has no such line any more")
    let file = folder.url.appendingPathComponent("edited.S")
    try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
    return try LimenProgram.probing(in: folder)(
      "check", file.path, "--platform", "bare-metal", "--profile", profile, "--crossing", "syscall64", "--posture",
      "normal", "--event", "nmi", "--no-witnesses")
  }

  /// AMD's return stacks have up to 32 entries: APM vol. 3, "CPUID Fn8000_0008_EBX", and Linux' RSB_CLEAR_LOOPS. The twin's loop makes two calls
  /// a turn, and one stands before it here.
  @Test(arguments: [(15, 1), (16, 0)] as [(Int, Int32)])
  func oneCallLessFillsNoReturnStack(turns: Int, status: Int32) throws {
    let ended = try check(
      "barrier-without-filling/Fixed", "zen2", "  movl $16, %eax\n",
      "  call 4f\n  int3\n4:\n  addq $8, %rsp\n  movl $\(turns), %eax\n")
    #expect(ended.status == status, "\(ended)")
    #expect(ended.output.contains("return-stack-filled: violated") == (status == 1), "\(ended)")
    #expect(ended.output.contains("with 31 calls behind it") == (status == 1), "\(ended)")
  }

  /// The RET behind the barrier is the last byte but one of a TEST, which untrains it: AMD, "Technical Guidance for Mitigating Branch Type
  /// Confusion". One of the two is owed.
  @Test(arguments: [("", 0), ("  .byte 0xf6\n4:\n", 1)] as [(String, Int32)])
  func aBarrierAndUntrainingAreOneTooMany(untraining: String, status: Int32) throws {
    let ended = try check(
      "barrier-without-filling/Fixed", "zen2", "  popq %rcx\n  popq %rax\n  ret\n",
      "  popq %rcx\n  popq %rax\n\(untraining)  ret\n  int3\n  lfence\n" + (untraining.isEmpty ? "" : "  jmp 4b\n"))
    #expect(ended.status == status, "\(ended)")
    #expect(ended.output.contains("returns-untrained: violated") == (status == 1), "\(ended)")
    #expect(ended.output.contains("untrained as well") == (status == 1), "\(ended)")
  }

  /// Taken branches that lie apart are those of any code, and the history that they leave may be the user's choice; as many close together are a
  /// loop's. Intel's sequence, "Branch History Injection and Intra-mode Branch Target Injection", makes 61 in 160 bytes.
  @Test(arguments: [(64, 1), (1, 0)] as [(Int, Int32)])
  func branchesThatLieApartClearNoHistory(apart: Int, status: Int32) throws {
    let call = "  call *counter(%rip)\n"
    let ended = try check(
      "history-kept/Defective", "raptor-lake", call,
      "  .rept 60\n  jmp 77f\n  .skip \(apart), 0xcc\n77:\n  .endr\n" + call)
    #expect(ended.status == status, "\(ended)")
    #expect(ended.output.contains("history-cleared: violated") == (status == 1), "\(ended)")
  }

  /// A fence in front of the branch that decides SWAPGS holds nothing back that comes behind it: Intel, "Speculative Behavior of SWAPGS and
  /// Segment Registers". The handler of an NMI that finds the kernel's GS swaps nothing and reads through GS.
  @Test(arguments: [("lfence", "", 1), ("", "lfence", 0)] as [(String, String, Int32)])
  func aFenceInFrontOfTheTestOrdersNothing(front: String, behind: String, status: Int32) throws {
    let parts = "#include \"parts/Guards.h\"\n"
    let ended = try check(
      "swapgs-unfenced/Fixed", "raptor-lake", parts,
      """
      \(parts).purgem GUARDED_ANYWHERE
      .macro GUARDED_ANYWHERE vector, handler
      guarded_\\vector:
        \(front)
        testb $3, 8(%rsp)
        jz 1f
        swapgs
        lfence
        cld
        pushq $0
        PUSH_REGISTERS
        movl $\\vector, %ebp
        jmp leave_interrupt_stack_swapped
      1:
        cld
        pushq $0
        PUSH_REGISTERS
        movl $0xc0000101, %ecx
        rdmsr
        xorl %ebx, %ebx
        testl %edx, %edx
        js 2f
        swapgs
        lfence
        incl %ebx
      2:
        \(behind)
        cmpb $0, PER_CPU(upcall_mask)
        movl $\\vector, %esi
        movq %rsp, %rdi
        call \\handler
        GS_BACK
        POP_REGISTERS
        addq $8, %rsp
        iretq
      .endm

      """)
    #expect(ended.status == status, "\(ended)")
    #expect(ended.output.contains("swapgs-fenced: violated") == (status == 1), "\(ended)")
  }

  /// Behind VERW memory that is read, and a register that is loaded, are in the buffers again, each by itself: Intel, "Microarchitectural Data
  /// Sampling". What is exchanged and exchanged back gives the user its own.
  @Test(
    arguments: [
      ("  CLEAR_BUFFERS\n", nil), ("  CLEAR_BUFFERS\n  cmpb $0, verw_selector(%rip)\n", "the kernel reaches 0x"),
      ("  xchgq %r8, %r9\n  CLEAR_BUFFERS\n  xchgq %r8, %r9\n", "r8 is given its value behind VERW"),
    ] as [(String, String?)])
  func nothingIsLoadedBehindVERW(lines: String, complaint: String?) throws {
    let parts = "#include \"parts/Guards.h\"\n"
    let ended = try check(
      "verw-before-registers/Fixed", "skylake", parts,
      "\(parts).purgem BEFORE_SYSRET\n.macro BEFORE_SYSRET\n\(lines).endm\n")
    #expect(ended.status == (complaint == nil ? 0 : 1), "\(ended)")
    #expect(complaint.map { ended.output.contains($0) } ?? !ended.output.contains("buffers-cleared: violated"))
  }
}
