import ArgumentParser
import Explorer
import Findings
import Platform
import Subjects

/// `limen replay FILE`: the run that a finding names, once more.
struct Replay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a witness again and judges it.",
    discussion: """
      The file is a witness as 'limen check --witnesses' writes it. The kernel is looked for where the witness says,
      or where --kernel says, and must be the same, byte for byte; a .S file is linked again. Of a file that a witness
      names it is said, on standard error, that it is read.

      The events must happen where the witness says, and something must break: else the run is not reproduced, and the
      exit status is 4.

      EXAMPLE
        limen replay witness.json
      """)

  @Argument(help: "The witness.", completion: .file())
  var file: String

  @Option(help: "Where the kernel image lies now.", completion: .file())
  var kernel: String?

  @Option(help: "Where the hypervisor's image lies now.", completion: .file())
  var hypervisor: String?

  @OptionGroup var naming: SymbolOptions
  @OptionGroup var time: OneRunTimeOptions
  @OptionGroup var output: ReportOptions

  func run() throws {
    let witness = try Replay.witness(at: file)
    let interruption = Interruption(after: time.timeout)
    let progress = Progress(quiet: output.quiet)
    let answer: Result<(CheckReport, [SectionRecord]), any Error> = Result { try look(witness, interruption, progress) }
    progress.erase()
    let (found, records) = try answer.get()
    let broken = found.sections.flatMap(\.findings).map(\.invariant)
    if !broken.isEmpty && !broken.contains(witness.invariant) {
      progress.warn("\(file): says that \(witness.invariant) is broken; broken is \(broken[0])")
    }
    try output.print(found, records)
    try output.writeFiles([found], [records])
    throw Outcome(status: found.exitStatus)
  }

  static func witness(at path: String) throws(CommandFailure) -> Witness {
    let bytes = try Files.read(path, limit: Witness.largest)
    do { return try Witness(reading: bytes) } catch { throw .badInput(path, error) }
  }

  /// What ran below the kernel, the same byte for byte.
  private func below(_ witness: Witness) throws(CommandFailure) -> (below: Guest.Hypervisor, path: String)? {
    guard let known = witness.hypervisor else { return nil }
    let path = hypervisor ?? known.path
    let image = try NamedKernel.image(at: path)
    guard image.digest == known.identity.sha256 else {
      throw CommandFailure(
        .badInput, path, "not the hypervisor of the witness: SHA-256 \(image.digest), not \(known.identity.sha256)")
    }
    return (Guest.Hypervisor(image: image, commandLine: known.commandLine), path)
  }

  private func look(_ witness: Witness, _ interruption: Interruption, _ progress: Progress) throws -> (
    CheckReport, [SectionRecord]
  ) {
    let showsRuns = output.showsRuns
    try Catalogue.require(witness.platform)
    guard Catalogue.invariants().contains(where: { $0.identifier == witness.invariant }) else {
      throw CommandFailure(.badInput, file, "there is no invariant \(witness.invariant)")
    }
    if witness.limen != LimenVersion.current {
      progress.warn(
        "\(file): written by limen \(witness.limen), and this is \(LimenVersion.current), which may count boundaries otherwise"
      )
    }
    let path = kernel ?? witness.kernelPath
    // A witness may come from anybody, and names what it likes.
    if kernel == nil, let what = try KernelName(path).reads { progress.say("\(file): \(what), which it names") }
    let named = try naming.naming(NamedKernel.one(path))
    let image = named.image
    guard image.digest == witness.kernel.sha256 else {
      throw CommandFailure(
        .badInput, path, "not the kernel of the witness: SHA-256 \(image.digest), not \(witness.kernel.sha256)")
    }
    let ablations = try witness.ablations.map { name throws(CommandFailure) in
      guard let ablation = Ablation(rawValue: name.rawValue) else {
        throw CommandFailure(.badInput, file, "there is no ablation \(name)")
      }
      return ablation
    }
    var asked = Checker(
      kernel: image, kernelPath: named.name, probe: try ProbeFile.load(), memory: witness.memory,
      append: witness.commandLine, platforms: [witness.platform], profiles: [witness.profile],
      crossings: [witness.crossing], postures: [witness.posture], events: [], ablations: ablations,
      jobs: 1, witnessFolder: "", bootBound: named.isReference ? NamedKernel.referenceBound : BootSnapshot.standardBound
    )
    asked.hypervisor = try below(witness)
    asked.warn = progress.warn
    let checker = asked
    return try Starting.exploring {
      do {
        return try interruption.waiting(for: file, progress) { [file, showsRuns] tell in
          let report = try checker.replay(witness.path, line: "limen replay \(shellQuoted(file))", progress: tell)
          return (report, showsRuns ? checker.records(of: report, progress: tell) : [])
        }
      } catch Guest.Refusal.doesNotFit(let kernel, let why, .some) {
        throw CommandFailure(
          .badInput, file,
          "\(kernel) does not run in the \(witness.memory) MiB of memory that the witness says: \(why) "
            + "(--memory of the check that writes a witness sets them)")
      }
    }
  }
}
