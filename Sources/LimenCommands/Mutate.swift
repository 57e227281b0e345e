import ArgumentParser
import Explorer
import Findings
import KernelImage
import Mutation
import Reports

/// `limen mutate KERNEL`: how many small mistakes in this kernel's entry code a check would see.
struct Mutate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Makes small mistakes in a kernel's entry code, one at a time, and says how many of them a check catches.",
    discussion: """
      Each mutant is the booted kernel with one edit in memory, at the crossing, of an instruction that the crossing executes in entry \
      code. It is checked as by 'limen check', and is caught where that finds a violation. Mutants that do the same as the kernel on every \
      path are set aside by a rule (Documentation/Mutants.md) and do not count. Status 1 means that the share is below --at-least.

      EXAMPLES
        limen mutate design:complete --crossing syscall64
        limen mutate vmlinuz --crossing syscall64,int80 --profile intel -j 4 --resume vmlinuz.mutants
        limen mutate my-entry.S --operator drop-guard,swap --at-least 98
        limen mutate vmlinuz --crossing nmi --limit 100 --format json
      """)

  @OptionGroup var machine: MachineOptions
  @OptionGroup var many: MutatedMachines

  @Option(help: "The ways into the kernel; a list.")
  var crossing = [Selection<CrossingKind>([.syscall64])]

  @Option(help: "What the user program set up before it crosses; a list.")
  var posture = [OpenSelection<PostureName>(["normal"])]

  @Option(help: "The events to inject; a list.")
  var event = [Selection<EventKind>.all]

  @Option(name: .customLong("operator"), help: "The mistakes to make; a list.")
  var mutation = [Selection<MutationOperator>.all]

  @Option(help: "The most events of one path, 1 to 3.")
  var depth = 1

  @Option(help: "Judge so many mutants and no more, spread evenly over all.")
  var limit: Int?

  @Option(help: "The share in percent, such as 98 or 97.5, below which the status is 1.")
  var atLeast: Double?

  @OptionGroup var naming: SymbolOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var section: MutantBoundOptions
  @OptionGroup var time: TimeOptions
  @OptionGroup var output: DocumentOptions

  @OptionGroup var jobs: JobOptions

  @Option(
    help: """
      Keep every mutant in this file as soon as it is judged, and take over what it holds: after Ctrl-C, --timeout or worse the same \
      command judges the rest and reports the whole.
      """, completion: .file())
  var resume: String?

  mutating func validate() throws {
    guard (1...3).contains(depth) else { throw ValidationError("--depth takes 1 to 3") }
    guard limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit takes 1 or more") }
    guard atLeast.map({ (0...100).contains($0) }) ?? true else { throw ValidationError("--at-least takes 0 to 100") }
  }

  func run() throws {
    let interruption = Interruption(after: time.timeout)
    let progress = Progress()
    defer { progress.erase() }
    let kernel = try naming.naming(NamedKernel.one(machine.kernel))
    let checker = try checker(kernel, progress)
    var campaign = Campaign(checker: checker, operators: Selection.joined(mutation), limit: limit)
    let resumption = try resume.map { try go(on: $0, &campaign, progress) }
    let report = try Starting.exploring {
      try checker.verify()
      return try campaign.run(stop: { interruption.reason }) { progress.show($0) }
    }
    progress.erase()
    try StandardOutput.write(text(of: report))
    interruption.complain(resumption == nil ? "" : "; the same command goes on from \(resume!)")
    throw Outcome(status: report.exitStatus(atLeast: atLeast.map { Int(($0 * 100).rounded()) }))
  }

  private func text(of report: MutationReport) -> String {
    switch output.format {
    case .terminal: MutationTable(colour: output.colour.wanted).text(of: report)
    case .json: JSONReport.text(of: report)
    }
  }

  private func checker(_ kernel: NamedKernel, _ progress: Progress) throws -> Checker {
    for platform in many.platforms { try Catalogue.require(platform) }
    let probe = try ProbeFile.load()
    let postures = try OpenSelection.chosen(posture, from: probe.postures, option: "--posture")
    var checker = Checker(
      kernel: kernel.image, kernelPath: kernel.name, probe: probe, memory: machine.memory, append: machine.append,
      platforms: many.platforms, profiles: Selection.joined(many.profile), crossings: Selection.joined(crossing),
      postures: postures, events: Selection.events(event), ablations: [], jobs: jobs.count, witnessFolder: "",
      bootBound: kernel.bound(boot), judgesBoot: kernel.isReference)
    checker.depth = depth
    checker.sectionBound = section.instructions
    checker.warn = progress.warn
    return checker
  }

  private func go(
    on file: String, _ campaign: inout Campaign, _ progress: Progress
  ) throws -> Resumption<MutationProgress.Entry> {
    var question = try campaign.checker.question(symbols: naming.symbols.first)
    question["--operator"] = campaign.operators.map(\.rawValue).joined(separator: ",")
    question["--limit"] = limit.map { "\($0)" } ?? ""
    let head = CheckProgress.Head(
      format: MutationProgress.format, version: MutationProgress.version, build: Checker.build, kernels: [question])
    let resumption = try Resumption<MutationProgress.Entry>(file, head, warn: progress.warn)
    let count = resumption.entries.count
    progress.say("\(file): \(count == 0 ? "no mutant is" : count == 1 ? "1 mutant is" : "\(count) mutants are") judged")
    campaign.known = resumption.entries.map(\.result)
    campaign.keep = { resumption.keep(MutationProgress.Entry(result: $0)) }
    return resumption
  }
}

/// Where the mutants run: one machine, if nothing else is said.
struct MutatedMachines: ParsableArguments {
  @Option(help: "Who delivers events; a list.")
  var platform = [Selection<PlatformName>([.bareMetal])]

  @Option(help: "The processors; a list.")
  var profile = [Selection<ProfileName>([.intel])]

  var platforms: [PlatformName] { Selection.joined(platform) }
}

/// A mutant's trials may be endless where the kernel's are not.
struct MutantBoundOptions: ParsableArguments {
  @Option(
    help: """
      End a section of a mutant after this many million instructions of its trials; a mutant in which nothing was found by then is \
      undecided.
      """)
  var sectionBound = 10_000

  var instructions: Int { sectionBound * 1_000_000 }

  mutating func validate() throws {
    guard (1...1_000_000_000).contains(sectionBound) else {
      throw ValidationError("--section-bound takes 1 to 1000000000")
    }
  }
}
