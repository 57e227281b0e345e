/// Goal: a trace says which steps gave RSP, the GS base and CR3 their values, and a finding about one of them which was the last.
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

  // MARK: A finding's origin

  private struct Place: Decodable, Equatable {
    var address: String
  }

  private struct Report: Decodable {
    struct Step: Decodable {
      var boundary: Int
      var event: String
    }
    struct Finding: Decodable {
      struct Origin: Decodable {
        var location: Place
        var explanation: String
      }
      var invariant: String
      var location: Place
      var origin: Origin?
      var path: [Step]
    }
    struct Section: Decodable {
      var crossing: String
      var posture: String
      var findings: [Finding]
    }
    var sections: [Section]
  }

  private struct Run: Decodable {
    struct Step: Decodable {
      var location: Place
      var instruction: String?
      var executed: Bool
    }
    var steps: [Step]
  }

  private static func writes(_ part: String, _ instruction: String) -> Bool {
    switch part {
    case "RSP": loadsRSP(instruction)
    case "GS base": instruction == "swapgs" || instruction.hasPrefix("wrgsbase") || instruction.hasPrefix("wrmsr")
    default: instruction.hasSuffix(", %cr3")
    }
  }

  /// Where a finding comes from is the last instruction before it that can write what it is about, by the disassembly of the same run.
  @Test(arguments: [
    ("specimen:bad-iret", "bare-metal", "gs-owned", "GS base"),
    ("specimen:iret-fault-swapgs-twice", "bare-metal", "gs-owned", "GS base"),
    ("specimen:iret-on-kernel-tables", "bare-metal", "page-tables-owned", "CR3"),
    ("design:2015", "xen-pv", "rsp-owned", "RSP"),
  ])
  func aFindingComesFromItsLastWriter(kernel: String, platform: String, invariant: String, part: String) throws {
    let served = try Served()
    defer { served.remove() }
    let machine = ["--platform", platform, "--profile", "intel"]
    let crossing = kernel.hasPrefix("design") ? ["--crossing", "syscall64"] : []
    let checked = try served.run(
      [Served.program, "check", kernel, "--no-witnesses", "--format", "json"] + machine + crossing, input: nil)
    let report = try JSONDecoder().decode(Report.self, from: Data(checked.output))
    let section = try #require(report.sections.first { $0.findings.contains { $0.invariant == invariant } })
    let finding = try #require(section.findings.first { $0.invariant == invariant })
    let origin = try #require(finding.origin)
    #expect(origin.explanation.hasPrefix("\(part) was last written here, at boundary "))
    let boundary = try #require(Int(origin.explanation.split(separator: " ").last ?? ""))

    let inject = finding.path.flatMap { ["--inject", "\($0.boundary):\($0.event)"] }
    let traced = try served.run(
      [
        Served.program, "trace", kernel, "--crossing", section.crossing, "--posture", section.posture, "--format",
        "json",
      ]
        + machine + inject, input: nil)
    let steps = try JSONDecoder().decode(Run.self, from: Data(traced.output)).steps
    #expect(steps[boundary].location == origin.location)
    #expect(steps[boundary].executed && Self.writes(part, steps[boundary].instruction ?? ""), "\(steps[boundary])")
    // Nothing that could have written it stands between there and the place where it broke.
    let broke = try #require(steps.indices.first { $0 > boundary && steps[$0].location == finding.location })
    for step in steps[(boundary + 1)..<broke] where step.executed {
      #expect(!Self.writes(part, step.instruction ?? ""), "\(step)")
    }
  }
}
