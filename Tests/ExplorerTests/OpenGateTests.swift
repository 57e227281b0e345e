import Foundation
import Testing

/// Goal: whichever gate a kernel opens to INT n of user mode is found, but those of #BP, #OF and vector 80H, and found nowhere else. SDM vol. 3A, "Protection
/// of Exception- and Interrupt-Handler Procedures".
@Suite struct OpenGateTests {
  private func check(_ gates: String) throws -> LimenProgram.Ended {
    let folder = try TemporaryFolder()
    let text = """
      #include "threshold.h"
      #define DESIGN_NAME "gates"
      #include "designs/complete/Entry.S"
      #include "parts/Start.h"

        THRESHOLD_START
        \(gates)
        THRESHOLD_START_END

      """
    let file = folder.url.appendingPathComponent("gates.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try LimenProgram.probing(in: folder)(
      "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "syscall64", "--posture",
      "normal", "--witnesses", folder.url.appendingPathComponent("witnesses").path)
  }

  /// Exceptions with an error code and without, on stacks of their own and not, an interrupt's and the local APIC's.
  @Test(arguments: [
    (0, "trap_0", 0), (1, "trap_1", 2), (2, "trap_2", 1), (5, "trap_5", 0), (6, "trap_6", 0), (8, "trap_8", 4),
    (11, "trap_11", 0), (13, "trap_13", 0), (14, "trap_14", 0), (18, "trap_18", 3), (0x20, "interrupt_stubs", 0),
    (0xFF, "interrupt_spurious", 0),
  ])
  func anOpenGateIsFound(vector: Int, handler: String, stack: Int) throws {
    let ended = try check("GATE \(vector), \(handler), stack=\(stack), level=3")
    let words = "INT 0x\(String(vector, radix: 16)) of user mode reaches the handler of that vector"
    #expect(ended.status == 1 && ended.output.contains("gates-closed: violated"), "\(ended)")
    #expect(ended.output.contains("\(handler)(): \(words)"), "\(ended)")
    let closed = try check("GATE \(vector), \(handler), stack=\(stack), level=0")
    #expect(closed.status == 0, "\(closed)")
  }

  @Test func severalAreCounted() throws {
    let ended = try check("GATE 13, trap_13, level=3\n  GATE 14, trap_14, level=3\n  GATE 17, trap_17, level=3")
    #expect(
      ended.output.contains("INT 0xd of user mode reaches the handler of that vector (and 2 more vectors are open)"))
  }

  /// A gate that is not there is #NP, whatever its privilege.
  @Test func onesOfPrivilegeTwoOrAbsentAreNot() throws {
    let absent = "GATE 14, trap_14, level=3\n  andb $0x7f, idt + 16 * 14 + 5(%rip)"
    for gates in ["GATE 13, trap_13, level=2", absent] {
      let ended = try check(gates)
      #expect(ended.status == 0, "\(ended)")
    }
  }
}
