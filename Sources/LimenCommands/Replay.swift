import ArgumentParser
import Explorer
import Findings

/// `limen replay FILE`: the run that a finding names, once more.
struct Replay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a witness again and judges it.",
    discussion: """
      The file is a witness as 'limen check --witnesses' writes it. The kernel is looked for where the witness says,
      or where --kernel says, and must be the same, byte for byte; a .S file is linked again.

      EXAMPLE
        limen replay witness.json
      """)

  @Argument(help: "The witness.", completion: .file())
  var file: String

  @Option(help: "Where the kernel image lies now.", completion: .file())
  var kernel: String?

  @OptionGroup var naming: SymbolOptions
  @OptionGroup var output: ReportOptions

  func run() throws {
    let witness = try Replay.witness(at: file)
    let progress = Progress()
    let answer: Result<CheckReport, any Error> = Result { try look(witness, progress) }
    progress.erase()
    let found = try answer.get()
    try output.print(found)
    throw Outcome(status: found.exitStatus)
  }

  static func witness(at path: String) throws(CommandFailure) -> Witness {
    let bytes = try Files.read(path, limit: Witness.largest)
    do { return try Witness(reading: bytes) } catch { throw .badInput(path, error) }
  }

  private func look(_ witness: Witness, _ progress: Progress) throws -> CheckReport {
    try Catalogue.require(witness.platform)
    let path = kernel ?? witness.kernelPath
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
    let checker = Checker(
      kernel: image, kernelPath: named.name, probe: try ProbeFile.load(), memory: witness.memory,
      append: witness.commandLine, platforms: [witness.platform], profiles: [witness.profile],
      crossings: [witness.crossing], postures: [witness.posture], events: [], ablations: ablations,
      jobs: 1, witnessFolder: "", bootBound: named.isReference ? NamedKernel.referenceBound : BootSnapshot.standardBound
    )
    return try Starting.exploring {
      try checker.replay(witness.path, line: "limen replay \(file)") { line in progress.show(line) }
    }
  }
}
