/// Goal: a witness is run as it says or not at all. What did not happen as it says is not reproduced, status 4, with the reason; what it
/// names that does not exist is bad input; and what Limen reads because of it is said.
import Foundation
import Testing

@Suite struct ReplayTests {
  let folder: TemporaryFolder
  let kernel: TinyKernel
  let limen: LimenProgram
  /// That the NMI handler changes RBX.
  let witness: String
  let file: URL

  init() throws {
    folder = try TemporaryFolder()
    kernel = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url)
    limen = LimenProgram(probe: kernel.path, cache: folder.url.path + "/cache")
    let ended = try limen(
      "check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--event", "nmi",
      "--witnesses", folder.url.path + "/witnesses")
    #expect(ended.status == 1)
    let line = try #require(ended.output.split(separator: "\n").first { $0.hasPrefix("  replay ") })
    file = URL(filePath: String(line.split(separator: " ").last!))
    witness = try String(contentsOf: file, encoding: .utf8)
  }

  private func replay(_ old: String, _ new: String) throws -> LimenProgram.Ended {
    try #require(witness.contains(old))
    try witness.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
    return try limen("replay", file.path)
  }

  @Test func aWitnessIsReproduced() throws {
    let ended = try limen("replay", file.path)
    #expect(ended.status == 1 && ended.output.contains("user-state-preserved: violated"))
    #expect(ended.complaint == "limen: \(file.path): reads the kernel \(kernel.path), which it names\n")
    // Who names the kernel knows it.
    #expect(try limen("replay", file.path, "--kernel", kernel.path).complaint.isEmpty)
  }

  @Test(arguments: [
    ("\"boundary\" : 0,", "\"boundary\" : 9223372036854775807,", "before boundary 9223372036854775807"),
    ("\"boundary\" : 0,", "\"boundary\" : 1,", "at boundary 1 the run stands at"),
    ("\"boundary\" : 0,", "\"boundary\" : 2,", "at boundary 2 the run stands at"),
    ("\"event\" : \"nmi\"", "\"event\" : \"nmi-callback\"", "does not exist on bare-metal"),
    ("\"event\" : \"nmi\"", "\"event\" : \"external-interrupt\"", "cannot be taken at boundary 0"),
    ("\"event\" : \"nmi\"", "\"event\" : \"machine-check\"", "no invariant was broken"),
    ("\"address\" : \"0x", "\"address\" : \"0x1", "the run stands at 0x"),
  ])
  func whatDoesNotHappenAsItSaysIsFour(old: String, new: String, reason: String) throws {
    let ended = try replay(old, new)
    #expect(ended.status == 4 && !ended.bySignal, "\(ended)")
    #expect(
      ended.output.contains("not applicable: not reproduced: ") && ended.output.contains(reason), "\(ended.output)")
  }

  @Test func aCrossingThatBreaksNothingIsFour() throws {
    let steps = try #require(witness.range(of: "\"path\" : ["))
    let end = try #require(witness.range(of: "]", range: steps.upperBound..<witness.endIndex))
    let ended = try replay(String(witness[steps.upperBound..<end.lowerBound]), "")
    #expect(ended.status == 4 && ended.output.contains("not reproduced: the crossing without events"), "\(ended)")
  }

  @Test func anUnknownInvariantIsTwo() throws {
    let ended = try replay("\"user-state-preserved\"", "\"user-state-perserved\"")
    #expect(ended.status == 2 && ended.output.isEmpty)
    #expect(ended.complaint == "limen: \(file.path): there is no invariant user-state-perserved\n")
  }

  @Test func anotherInvariantIsSaid() throws {
    let ended = try replay("\"user-state-preserved\"", "\"rsp-owned\"")
    #expect(ended.status == 1)
    #expect(
      ended.complaint.contains("warning: \(file.path): says that rsp-owned is broken; broken is user-state-preserved"))
  }

  @Test func anotherVersionIsSaid() throws {
    let ended = try replay("\"limen\" : \"", "\"limen\" : \"9.")
    #expect(ended.status == 1 && ended.complaint.contains("warning: \(file.path): written by limen 9."))
  }

  @Test func anotherKernelIsTwo() throws {
    let ended = try limen("replay", file.path, "--kernel", try TinyKernel(in: folder.url, named: "sound.elf").path)
    #expect(ended.status == 2 && ended.complaint.contains("not the kernel of the witness"))
  }
}
