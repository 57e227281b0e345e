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
    let witness = try WitnessedKernel.witness(at: file)
    try output.files.requireRoom()
    let interruption = Interruption(after: time.timeout)
    let progress = Progress(quiet: output.quiet)
    let answer: Result<(CheckReport, [SectionRecord]), any Error> = Result { try look(witness, interruption, progress) }
    progress.erase()
    let (found, records) = try answer.get()
    let broken = found.sections.flatMap(\.findings).map(\.invariant)
    if !broken.isEmpty && !broken.contains(witness.invariant) {
      progress.warn("\(file): says that \(witness.invariant) is broken; broken is \(broken[0])")
    }
    try output.print([found], [records])
    try output.files.write(.check([found], records: [records]))
    throw Outcome(status: found.exitStatus)
  }

  private func look(_ witness: Witness, _ interruption: Interruption, _ progress: Progress) throws -> (
    CheckReport, [SectionRecord]
  ) {
    let showsRuns = output.showsRuns
    let checker = try WitnessedKernel(file: file, kernel: kernel, hypervisor: hypervisor, naming: naming)
      .checker(of: witness, progress).checker
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
