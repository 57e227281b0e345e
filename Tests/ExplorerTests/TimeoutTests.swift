/// Goal: every verb that runs one machine ends when its time is over, or when it is asked to: with status 5, nothing on standard output
/// that could pass for an answer, and one line that says how far it was.
import Foundation
import KernelImage
import Testing

@Suite struct TimeoutTests {
  let folder: TemporaryFolder
  let limen: LimenProgram
  /// Never reaches user mode.
  let spinning: TinyKernel
  /// Crosses for longer than anybody waits, in steps that are long.
  let long: TinyKernel

  init() throws {
    folder = try TemporaryFolder()
    // #UD whose handler is UD2: a kernel that is busy and of which no instruction ever retires.
    spinning = try TinyKernel(["BOOT=GATE 6, bad_opcode, 1; ud2"], in: folder.url, named: "spinning.elf")
    long = try TinyKernel(
      ["CROSSING=1: movl $0x100000, %esi; movl $0x100000, %ecx; rep lodsb; jmp 1b"], in: folder.url, named: "long.elf")
    limen = LimenProgram(probe: long.path, cache: folder.url.path + "/cache")
  }

  private func expectInconclusive(
    _ ended: LimenProgram.Ended, _ subject: String, _ text: String, location: SourceLocation = #_sourceLocation
  ) {
    #expect(!ended.bySignal && ended.status == 5 && ended.output.isEmpty, "\(ended)", sourceLocation: location)
    let line = ended.complaint.split(separator: "\n").last.map(String.init) ?? ""
    #expect(line.hasPrefix("limen: \(subject): ") && line.contains(text), "\(ended)", sourceLocation: location)
  }

  /// A witness of the kernel, as far as anybody can tell before it is run.
  private func witness(_ name: String, of kernel: TinyKernel) throws -> String {
    let made = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url, named: "made.elf")
    let ended = try limen(
      "check", made.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--event", "nmi",
      "--witnesses", folder.url.path + "/witnesses")
    let line = try #require(ended.output.split(separator: "\n").first { $0.hasPrefix("  replay ") })
    let text = try String(contentsOfFile: String(line.split(separator: " ").last!), encoding: .utf8)
    let file = folder.url.appending(path: name)
    let (old, new) = (try KernelImage(contentsOf: made.path).digest, try KernelImage(contentsOf: kernel.path).digest)
    try #require(text.contains(old) && text.contains(made.path))
    try text.replacingOccurrences(of: old, with: new).replacingOccurrences(of: made.path, with: kernel.path)
      .write(to: file, atomically: true, encoding: .utf8)
    return file.path
  }

  @Test func theClockEndsABoot() throws {
    let ended = try limen("boot", spinning.path, "--memory", "16", "--timeout", "1s")
    expectInconclusive(ended, spinning.path, "--timeout 1s ran out at ")
    #expect(ended.complaint.hasSuffix(" instructions\n"))
    // A bound that comes first is the reason.
    let bounded = try limen("boot", spinning.path, "--memory", "16", "--timeout", "1h", "--limit", "2")
    expectInconclusive(bounded, spinning.path, "stopped after 2 million instructions at ")
  }

  @Test func theClockEndsATrace() throws {
    let ended = try limen(
      "trace", spinning.path, "--crossing", "syscall64", "--memory", "16", "--timeout", "1s", "--bound", "1000000")
    expectInconclusive(ended, spinning.path, "inconclusive: --timeout 1s ran out; at that time: booting: ")
    #expect(ended.complaint.filter(\.isNewline).count == 1)
  }

  @Test func theClockEndsAReplay() throws {
    let booting = try witness("booting.json", of: spinning)
    expectInconclusive(
      try limen("replay", booting, "--timeout", "1s"), booting,
      "inconclusive: --timeout 1s ran out; at that time: booting: ")
    let crossing = try witness("crossing.json", of: long)
    expectInconclusive(
      try limen("replay", crossing, "--timeout", "1s"), crossing,
      "inconclusive: --timeout 1s ran out; at that time: running the crossing")
  }

  /// An answer that is there in time is the answer.
  @Test func aTraceThatIsDoneInTimeIsPrinted() throws {
    let kernel = try TinyKernel(in: folder.url)
    let question = ["trace", kernel.path, "--crossing", "syscall64", "--memory", "16"]
    let plain = try limen.start(question).ended()
    #expect(plain.status == 0 && !plain.output.isEmpty)
    #expect(try limen.start(question + ["--timeout", "1h"]).ended() == plain)
  }

  @Test(arguments: [(SIGINT, "interrupted (SIGINT)"), (SIGTERM, "ended (SIGTERM)")])
  func signalsEndATrace(number: Int32, reason: String) throws {
    let running = try limen.start(
      ["trace", spinning.path, "--crossing", "syscall64", "--memory", "16", "--bound", "1000000"],
      before: ["env", "--default-signal=INT,TERM"])
    try running.signal(number)
    expectInconclusive(try running.ended(), spinning.path, "inconclusive: \(reason); at that time: ")
  }

  @Test(arguments: ["boot", "trace", "replay"]) func whatIsNoTimeIsTwo(verb: String) throws {
    let more = verb == "trace" ? ["--crossing", "syscall64"] : []
    for wrong in ["", "0", "s", "1d", "-1s", "99999999999999999999"] {
      #expect(try limen.start([verb, long.path] + more + ["--timeout", wrong]).ended().status == 2)
    }
  }
}
