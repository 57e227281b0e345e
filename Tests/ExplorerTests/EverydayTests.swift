/// Goal: a check says as much as it is asked to, leaves nothing behind that it was told not to, and says the same on one thread and on many.
import Findings
import Foundation
import Testing

@Suite struct EverydayTests {
  let folder: TemporaryFolder
  let kernel: TinyKernel
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    kernel = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url, named: "broken.elf")
    limen = LimenProgram(probe: kernel.path, cache: folder.url.path + "/cache")
  }

  private func check(_ more: String..., kernel other: TinyKernel? = nil) throws -> LimenProgram.Ended {
    try limen.start(
      ["check", (other ?? kernel).path, "--memory", "16", "--crossing", "syscall64", "--profile", "intel"] + more,
      before: ["env", "-C", folder.url.path]
    ).ended()
  }

  private func files(_ name: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: name).path)) ?? []).sorted()
  }

  // MARK: How much is said

  @Test func quietSaysNothingButTheStatus() throws {
    let report = folder.url.appending(path: "report.json").path
    let ended = try check("--quiet", "--report", "json=\(report)")
    #expect(ended == LimenProgram.Ended(status: 1, output: "", complaint: ""))
    #expect(try String(contentsOfFile: report, encoding: .utf8) == check("--format", "json").output)
    #expect(files("limen-witnesses").count == 1)
    let witness = folder.url.appending(path: "limen-witnesses/\(files("limen-witnesses")[0])").path
    #expect(try limen("replay", witness, "-q") == LimenProgram.Ended(status: 1, output: "", complaint: ""))
    // What is wrong is said all the same.
    #expect(try check("--quiet", "--witnesses", "/proc/nowhere").complaint.contains("no witness will be written"))
  }

  // MARK: Witnesses

  @Test func withoutWitnessesTheTraceLineShowsTheRun() throws {
    let ended = try check("--no-witnesses")
    #expect(ended.status == 1 && files("limen-witnesses") == [] && ended.complaint == "")
    let line = try #require(ended.output.split(separator: "\n").first { $0.contains("replay     ") })
    #expect(line.contains("replay     limen trace ") && line.contains(" --memory 16 "))
    let words = line.split(separator: " ").dropFirst(2).map(String.init)
    let shown = try limen.start(words).ended()
    #expect(shown.status == 0 && shown.output.contains("NMI (vector 2), injected: frame at "), "\(shown)")
  }

  @Test func oldWitnessesOfTheSameSectionsGo() throws {
    #expect(try check().status == 1)
    let own = files("limen-witnesses")
    try #require(own.count == 1)
    let path = folder.url.appending(path: "limen-witnesses")
    // As an earlier build of the kernel left it: another boundary. Another's, of another crossing, and no witness at all.
    let text = try String(contentsOf: path.appending(path: own[0]), encoding: .utf8)
    let stale = try Self.moved(text, boundary: 4711)
    try stale.text.write(to: path.appending(path: stale.fileName), atomically: true, encoding: .utf8)
    var otherCrossing = stale
    otherCrossing.crossing = .int80
    var otherKernel = try Self.moved(text, boundary: 4712)
    otherKernel.kernelPath += "-other"
    for other in [otherCrossing, otherKernel] {
      try other.text.write(to: path.appending(path: other.fileName), atomically: true, encoding: .utf8)
    }
    try "notes".write(to: path.appending(path: "notes.json"), atomically: true, encoding: .utf8)
    #expect(files("limen-witnesses").count == 5)
    #expect(try check().status == 1)
    #expect(files("limen-witnesses") == [own[0], otherCrossing.fileName, otherKernel.fileName, "notes.json"].sorted())
    // A check that is not to write any does not remove any.
    try stale.text.write(to: path.appending(path: stale.fileName), atomically: true, encoding: .utf8)
    #expect(try check("--no-witnesses").status == 1)
    #expect(files("limen-witnesses").count == 5)
  }

  private static func moved(_ text: String, boundary: Int) throws -> Witness {
    var witness = try Witness(reading: Array(text.utf8))
    witness.path.steps[0].boundary = boundary
    return witness
  }

  // MARK: Threads

  @Test func theProcessorsDoNotShow() throws {
    let probe = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.path + "/cache")
    func said(_ jobs: [String]) throws -> LimenProgram.Ended {
      try probe.start(
        ["check", "design:2015", "design:complete", "--posture", "normal,rsp-zero", "--format", "json"] + jobs,
        before: ["env", "-C", folder.url.path]
      ).ended()
    }
    // A slow machine is told of the progress once a minute.
    let one = try said(["-j", "1"])
    #expect(one.status == 1 && one.output.contains("design:complete"))
    for jobs in [[], ["-j", "7"]] {
      let other = try said(jobs)
      #expect(other.status == 1 && other.output == one.output)
    }
  }

  // MARK: What does not exist says why

  @Test func whatDoesNotExistSaysWhich() throws {
    let probe = LimenProgram(
      probe: Probe.root.appending(path: ".build-probe/probe.elf").path, cache: folder.url.path + "/cache")
    let text = try probe(
      "check", "design:complete", "--platform", "bare-metal", "--crossing", "all", "--posture", "all", "--event", "nmi",
      "--no-witnesses", "--section-bound", "1", "--format", "json"
    ).output
    let report = try JSONDecoder().decode(CheckReport.self, from: Data(text.utf8))
    var reasons: [String: String] = [:]
    for section in report.sections {
      guard case .notApplicable(let reason) = section.verdict else { continue }
      reasons[section.place.joined(separator: " ")] = reason
      #expect(!reason.hasPrefix("the probe does not make"), "\(section.place): \(reason)")
    }
    #expect(reasons["bare-metal amd sysenter normal"] == "AMD's processors have no SYSENTER in long mode")
    #expect(reasons["bare-metal intel syscall32 normal"] == "Intel's processors have no SYSCALL in compatibility mode")
    #expect(reasons["bare-metal intel int80 return-sysret"]?.contains("sigreturn has") == true)
    #expect(reasons["bare-metal intel db flags-tf"]?.contains("TF") == true)
    #expect(reasons["bare-metal intel gp code-top"]?.contains("top of user memory") == true)
  }

  // MARK: What is there

  @Test func theDoctorSaysWhatIsThereAndWhatIsNot() throws {
    let probe = Probe.root.appending(path: ".build-probe/probe.elf").path
    let whole = try LimenProgram(probe: probe, cache: folder.url.path + "/cache")("doctor")
    #expect(whole.output.contains("probe             ok       18 crossings, 53 postures"), "\(whole.output)")
    #expect(whole.output.contains("reference kernel  ok"))
    let lacking = try LimenProgram(probe: "/nowhere/probe.elf", cache: "/proc/nowhere").start(
      ["doctor"], before: ["env", "LIMEN_REFERENCE=/nowhere"]
    ).ended()
    #expect(lacking.status == 2 && lacking.complaint.isEmpty)
    for line in [
      "probe             missing  /nowhere/probe.elf: No such file or directory", "reference kernel  missing  ",
      "without it: no designs, no specimens", "cache             missing  /proc/nowhere: ",
    ] {
      #expect(lacking.output.contains(line), "\(line)\n\(lacking.output)")
    }
  }
}
