import ArgumentParser
import Explorer
import Findings
import Reports

/// `limen check KERNEL`: every event at every boundary of the crossings, judged and reported.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Injects every event at every boundary of a kernel's crossings and judges.",
    discussion: """
      Lists are separated by commas; 'all' stands for every name. 'limen list KIND' prints the names.

      EXAMPLES
        limen check vmlinuz --crossing syscall64
        limen check vmlinuz --profile amd --crossing int80,nmi --posture normal,rsp-zero --format json -j 2
        limen check vmlinuz --crossing syscall64 --ablate nmi-without-ist
      """)

  @OptionGroup var machine: MachineOptions
  @OptionGroup var many: ManyMachines

  @Option(help: "The ways into the kernel; a list.")
  var crossing = Selection<CrossingKind>.all

  @Option(help: "What the user program set up before it crosses; a list.")
  var posture = OpenSelection<PostureName>(["normal"])

  @Option(help: "The events to inject; a list.")
  var event = Selection<EventKind>.all

  @Option(help: "Guards to take away from the running kernel's world; a list.")
  var ablate = OpenSelection<AblationName>([])

  @OptionGroup var boot: BoundOptions
  @OptionGroup var output: ReportOptions

  @Option(name: [.customShort("j"), .long], help: "How many threads explore; the report does not depend on it.")
  var jobs: Int = 1

  @Option(help: "The directory that receives the witness of every finding, for 'limen replay'.", completion: .directory)
  var witnesses: String = "limen-witnesses"

  mutating func validate() throws {
    guard (1...1024).contains(jobs) else { throw ValidationError("-j takes 1 to 1024") }
  }

  func run() throws {
    let progress = Progress()
    let answer: Result<Answer, any Error> = Result { try look(progress) }
    progress.erase()
    let found = try answer.get()
    try output.print(found.report)
    try Files.write(found.witnesses, into: witnesses)
    throw Outcome(status: found.report.exitStatus)
  }

  struct Answer {
    var report: CheckReport
    /// One for each finding; the finding's replay line names `witnesses/fileName`.
    var witnesses: [Witness]
  }

  private func look(_ progress: Progress) throws -> Answer {
    for platform in many.platform.names { try Catalogue.require(platform) }
    let probe = try ProbeFile.load()
    let kernel = try Starting.kernel(machine.kernel)
    let ablations = try ablate.chosen(from: Catalogue.ablations(), option: "--ablate").map {
      Ablation(rawValue: $0.rawValue)!
    }
    let checker = Checker(
      kernel: kernel, kernelPath: machine.kernel, probe: probe, memory: machine.memory, append: machine.append,
      platforms: many.platform.names, profiles: many.profile.names, crossings: crossing.names,
      postures: try posture.chosen(from: probe.postures, option: "--posture"), events: event.names,
      ablations: ablations, jobs: jobs, witnessFolder: witnesses, bootBound: boot.instructions)
    let result = try Starting.exploring { try checker.check { line in progress.show(line) } }
    return Answer(report: result.report, witnesses: result.witnesses)
  }
}
