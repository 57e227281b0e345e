import Foundation
import Testing

/// Goal: an address of the kernel's that user mode is given in memory is seen there: the frame of a signal holds what the entry stored. SDM vol. 3A,
/// "Interrupt and Exception Handling"; Linux arch/x86/include/uapi/asm/sigcontext.h, `struct sigcontext_64`.
@Suite struct KernelAddressTests {
  /// What is stored in the place of the user's RDX at #UD, which is another one in the handler of the signal.
  private func check(_ store: String) throws -> LimenProgram.Ended {
    let folder = try TemporaryFolder()
    let text = """
      #include "threshold.h"
      #define DESIGN_NAME "kernel-address"
      #include "designs/complete/Entry.S"
      #include "parts/Start.h"

        THRESHOLD_START
        GATE 6, ud
        THRESHOLD_START_END

      ud:
        testb $3, 8(%rsp)
        jz trap_6
        swapgs
        cld
        pushq $0
        PUSH_REGISTERS
        \(store)
        movl $6, %esi
        jmp exception_from_user

      """
    let file = folder.url.appendingPathComponent("address.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try LimenProgram.probing(in: folder)(
      "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "ud", "--posture", "normal",
      "--event", "nmi", "--no-witnesses")
  }

  @Test func anAddressInASignalsFrameIsFound() throws {
    let ended = try check("movq %rsp, PT_RDX(%rsp)")
    #expect(ended.status == 1 && ended.output.contains("no-leak: violated"), "\(ended)")
    #expect(ended.output.contains("an address of the kernel's, in memory at 0x"), "\(ended)")
  }

  @Test func theUsersOwnValueIsNone() throws {
    let ended = try check("nop")
    #expect(ended.status == 0, "\(ended)")
  }
}
