import ArgumentParser
import Explorer
import Findings
import Reports

/// `limen check [KERNEL ...]`: every event at every boundary of the crossings, judged and reported.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Injects every event at every boundary of a kernel's crossings and judges.",
    discussion: """
      Lists are separated by commas; 'all' stands for every name. 'limen list KIND' prints the names. Without a kernel every
      design of the reference kernel is checked. Several kernels have a report each, one after the other.

      EXAMPLES
        limen check vmlinuz --crossing syscall64
        limen check design:enter-later --crossing syscall64
        limen check my-entry.S --platform xen-pv
        limen check vmlinuz --profile amd --crossing int80,nmi --posture normal,rsp-zero --format json -j 2
        limen check vmlinuz --crossing syscall64 --ablate nmi-without-ist
      """)

  @Argument(
    help: "\(MachineOptions.kernelHelp.abstract) May be repeated; none means every design.", completion: .file())
  var kernels: [String] = []

  @OptionGroup var guest: GuestOptions
  @OptionGroup var many: ManyMachines

  @Option(help: "The ways into the kernel; a list. (default: all, and for a design syscall64, syscall32 and sysenter)")
  var crossing: Selection<CrossingKind>?

  @Option(help: "What the user program set up before it crosses; a list.")
  var posture = OpenSelection<PostureName>(["normal"])

  @Option(help: "The events to inject; a list. (page-fault is a name alone: no platform raises it yet)")
  var event = Selection<EventKind>.all

  @Option(help: "Guards to take away from the running kernel's world; a list.")
  var ablate = OpenSelection<AblationName>([])

  @Flag(help: "Leave nothing out: also the trials of an event that has done harm often enough.")
  var stepped = false

  @OptionGroup var naming: SymbolOptions
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
    let chosen = try naming.naming(
      kernels.isEmpty ? NamedKernel.designs() : kernels.flatMap { try NamedKernel.all($0) })
    let progress = Progress()
    let answer: Result<[Answer], any Error> = Result { try look(chosen, progress) }
    progress.erase()
    let found = try answer.get()
    if found.count == 1 {
      try output.print(found[0].report)
    } else {
      try output.print(CheckCollection(reports: found.map(\.report)))
    }
    for answer in found { try Files.write(answer.witnesses, into: answer.folder) }
    throw Outcome(status: ExitStatus(found.map(\.report.verdict)))
  }

  struct Answer {
    var report: CheckReport
    /// One for each finding; the finding's replay line names `folder/fileName`.
    var witnesses: [Witness]
    var folder: String
  }

  private func look(_ chosen: [NamedKernel], _ progress: Progress) throws -> [Answer] {
    for platform in many.platform?.names ?? [] { try Catalogue.require(platform) }
    let probe = try ProbeFile.load()
    let ablations = try ablate.chosen(from: Catalogue.ablations(), option: "--ablate").map {
      Ablation(rawValue: $0.rawValue)!
    }
    let postures = try posture.chosen(from: probe.postures, option: "--posture")
    let folders = folders(of: chosen)
    return try zip(chosen, folders).map { kernel, folder in
      let checker = Checker(
        kernel: kernel.image, kernelPath: kernel.name, probe: probe, memory: guest.memory, append: guest.append,
        platforms: many.platform?.names ?? kernel.platforms, profiles: many.profile.names,
        crossings: crossing?.names ?? kernel.crossings,
        postures: postures, events: event.names, ablations: ablations, jobs: jobs, witnessFolder: folder,
        bootBound: kernel.bound(boot), judgesBoot: kernel.isReference, stepped: stepped)
      let result = try Starting.exploring {
        try checker.check { line in progress.show(chosen.count == 1 ? line : "\(kernel.name): \(line)") }
      }
      return Answer(report: result.report, witnesses: result.witnesses, folder: folder)
    }
  }

  /// Of several kernels each has a folder of its own below `witnesses`: their witnesses have the same names.
  private func folders(of chosen: [NamedKernel]) -> [String] {
    guard chosen.count > 1 else { return [witnesses] }
    var taken: [String: Int] = [:]
    return chosen.map { kernel in
      taken[kernel.fileName, default: 0] += 1
      let count = taken[kernel.fileName]!
      return "\(witnesses)/\(kernel.fileName)" + (count == 1 ? "" : "-\(count)")
    }
  }
}
