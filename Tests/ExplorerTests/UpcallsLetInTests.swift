import Foundation
import Testing

/// Goal: a PV guest that lets upcalls in by a store looks soon whether one is pending, and does not do it in a handler that came where they were masked.
/// Xen public/xen.h, "evtchn_upcall_pending": the mask is read where Xen returns to the guest.
@Suite struct UpcallsLetInTests {
  private func check(_ text: String, _ event: String) throws -> LimenProgram.Ended {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("upcalls.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try LimenProgram.probing(in: folder)(
      "check", file.path, "--platform", "xen-pv", "--profile", "intel", "--crossing", "syscall64", "--posture",
      "normal", "--event", event, "--witnesses", folder.url.appendingPathComponent("witnesses").path)
  }

  /// A kernel whose entries let upcalls in by a function of its own.
  private func letting(_ body: String) throws -> LimenProgram.Ended {
    try check(
      """
      #include "threshold.h"
      #define DESIGN_NAME "upcalls"
      .purgem ENABLE_INTERRUPTS
      .macro ENABLE_INTERRUPTS
        ALTERNATIVE "sti", FEATURE_XENPV, "call let_upcalls_in"
      .endm
      #include "designs/complete/Entry.S"

        .text
      let_upcalls_in:
        movb $0, PER_CPU(upcall_mask)
        \(body)

      """, "event-upcall")
  }

  /// The look, with the hypercall where it is needed, is the kernel's own (`Kernel/Traps/Interrupts.S`).
  @Test(arguments: ["jmp xen_irq_enable_direct", ".rept 40; nop; .endr; jmp xen_irq_enable_direct"])
  func whoLooksSoonHolds(body: String) throws {
    let ended = try letting(body)
    #expect(ended.status == 0, "\(ended)")
  }

  @Test(arguments: [
    "ret", ".rept 100; nop; .endr; jmp xen_irq_enable_direct",
    "movb $1, PER_CPU(upcall_mask); jmp xen_irq_enable_direct",
  ])
  func whoLooksLateOrNeverDoesNot(body: String) throws {
    let ended = try letting(body)
    #expect(ended.status == 1 && ended.output.contains("interrupts-as-claimed: violated"), "\(ended)")
    #expect(ended.output.contains("let_upcalls_in(): an upcall is pending and is let in here"), "\(ended)")
  }

  /// One that the kernel handles itself is not pending any more.
  @Test func whoTakesItHolds() throws {
    let ended = try letting("testb $0xff, PER_CPU(upcall_pending); jz 1f; movb $0, PER_CPU(upcall_pending); 1: ret")
    #expect(!ended.output.contains("an upcall is pending and is let in here"), "\(ended)")
  }

  /// What comes between the store and the look has Xen look where its handler returns, and the kernel then finds nothing.
  @Test func xenLooksBehindWhatComesInBetween() throws {
    let folder = try TemporaryFolder()
    let ended = try LimenProgram.probing(in: folder)(
      "check", "design:complete", "--platform", "xen-pv", "--profile", "intel", "--crossing", "int80", "--posture",
      "normal", "--event", "event-upcall,nmi-callback", "--depth", "2", "--no-witnesses")
    #expect(ended.status == 0, "\(ended)")
  }

  /// The handler of an event of vector `vector`, which does `body` and goes back.
  private func handling(_ vector: Int, _ body: String, _ event: String) throws -> LimenProgram.Ended {
    try check(
      """
      #include "threshold.h"
      #define DESIGN_NAME "upcalls"
      #include "designs/complete/Entry.S"

        .section .entry.text.xen, "ax"
        .globl xen_trap_\(vector)
      xen_trap_\(vector):
        popq %rcx
        popq %r11
        cld
        pushq $0
        PUSH_REGISTERS
        \(body)
      1:
        POP_REGISTERS
        addq $8, %rsp
        jmp xen_iret

      """, event)
  }

  /// An NMI's handler that lets them in for a while, and one that does not.
  @Test func anNMIsHandlerLeavesThemMasked() throws {
    let opens = try handling(2, "ENABLE_INTERRUPTS; DISABLE_INTERRUPTS", "nmi-callback")
    #expect(opens.status == 1 && opens.output.contains("are let in while NMIs are blocked"), "\(opens)")
    let closes = try handling(2, "DISABLE_INTERRUPTS", "nmi-callback")
    #expect(closes.status == 0, "\(closes)")
  }

  /// A machine check that comes where they are masked, and one that comes where they are let in: the frame's IF says which.
  @Test func anyHandlerLeavesThemMaskedWhereTheyWere() throws {
    let unasked = "ENABLE_INTERRUPTS; DISABLE_INTERRUPTS"
    let opens = try handling(18, unasked, "virtual-mce")
    #expect(opens.status == 1 && opens.output.contains("and it came where the kernel had them masked"), "\(opens)")
    let asks = try handling(18, "testl $FLAGS_IF, PT_RFLAGS(%rsp); jz 1f; " + unasked, "virtual-mce")
    #expect(asks.status == 0, "\(asks)")
  }
}
