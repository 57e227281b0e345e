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

  /// A fence in front of the test that decides SWAPGS orders nothing of it. The way of an interrupt that comes in the kernel has the only one
  /// there. Intel, "Speculative Behavior of SWAPGS and Segment Registers".
  @Test(arguments: [false, true]) func aFenceBeforeTheTestIsNone(isBefore: Bool) throws {
    let folder = try TemporaryFolder()
    func text(_ path: String) throws -> String {
      try String(contentsOf: Probe.root.appendingPathComponent(path), encoding: .utf8)
    }
    var guards = try text("ReferenceKernel/Parts/Guards.h")
    let test = "  testb $3, 8(%rsp)\n  jz 1f\n  swapgs\n  \\user\n  RESTRICT 1\n  pushq $(0x20"
    for (old, new) in [
      (test, "  lfence\n" + test), ("1:\n  lfence\n  jmp interrupt_stubs", "1:\n  jmp interrupt_stubs"),
    ] where isBefore {
      try #require(guards.components(separatedBy: old).count == 2, "the part has no such line any more")
      guards = guards.replacingOccurrences(of: old, with: new)
    }
    try guards.write(to: folder.url.appendingPathComponent("Guards.h"), atomically: true, encoding: .utf8)
    let file = folder.url.appendingPathComponent("edited.S")
    // What lies beside the file is read, and no folder of it.
    try text("Specimens/swapgs-unfenced/Fixed.S").replacingOccurrences(of: "parts/Guards.h", with: "Guards.h")
      .write(to: file, atomically: true, encoding: .utf8)
    let ended = try LimenProgram.probing(in: folder)(
      "check", file.path, "--platform", "bare-metal", "--profile", "raptor-lake", "--crossing", "syscall64",
      "--posture", "normal", "--event", "external-interrupt", "--no-witnesses")
    #expect(ended.status == (isBefore ? 1 : 0), "\(ended)")
    #expect(ended.output.contains("swapgs-fenced: violated") == isBefore, "\(ended)")
  }
}
