/// Goal: a trace says which steps gave RSP, the GS base and CR3 their values.
///
/// Oracles: the instructions as the disassembler writes them (SDM vol. 2: MOV, POP, LEAVE and IRET load RSP; SWAPGS exchanges the GS base;
/// MOV to CR3), and the interrupt stacks that a delivery names (vol. 3A, "Interrupt Stack Table").
import Foundation
import Testing

@Suite struct LastWriterTests {
  private struct Trace: Decodable {
    struct Delivery: Decodable { var interruptStack: Int }
    struct Step: Decodable {
      var instruction: String?
      var executed: Bool
      var rsp: String
      var gsBase: String
      var cr3: String
      var delivery: Delivery?
      var writes: [String]?
    }
    var steps: [Step]
  }

  private static func loadsRSP(_ instruction: String) -> Bool {
    instruction.hasPrefix("mov ") && instruction.hasSuffix(", %rsp") || instruction == "pop %rsp"
      || instruction == "leave" || instruction.hasPrefix("iret")
  }

  @Test(arguments: [["--profile", "intel"], ["--profile", "amd", "--inject", "1:nmi"]])
  func theInstructionsSayTheSame(arguments: [String]) throws {
    let steps = try Self.trace(arguments: arguments).steps
    var loads = 0
    for (step, next) in zip(steps, steps.dropFirst()) {
      let writes = step.writes ?? []
      let instruction = step.executed ? step.instruction ?? "" : ""
      let switches = (step.delivery?.interruptStack ?? 0) != 0
      #expect(writes.contains("rsp") == (Self.loadsRSP(instruction) || switches), "\(step)")
      #expect(writes.contains("gsBase") == (step.gsBase != next.gsBase), "\(step)")
      #expect(writes.contains("cr3") == (step.cr3 != next.cr3), "\(step)")
      if instruction == "swapgs" { #expect(writes == ["gsBase"]) }
      loads += writes.contains("rsp") ? 1 : 0
    }
    #expect(loads >= 2, "the way in and the way out load it")
  }

  private static func trace(arguments: [String]) throws -> Trace {
    let served = try Served()
    defer { served.remove() }
    let ended = try served.run(
      [Served.program, "trace", "design:complete", "--crossing", "syscall64", "--format", "json"] + arguments,
      input: nil)
    #expect(ended.status == 0, "\(ended.complaint)")
    return try JSONDecoder().decode(Trace.self, from: Data(ended.output))
  }
}
