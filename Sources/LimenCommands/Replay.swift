import ArgumentParser
import Findings

/// `limen replay FILE`: the run that a finding names, once more.
struct Replay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a witness again and judges it.",
    discussion: """
      The file is a witness as 'limen check --witnesses' writes it. The kernel is looked for where the witness says,
      or where --kernel says, and must be the same file, byte for byte.

      EXAMPLE
        limen replay witness.json
      """)

  @Argument(help: "The witness.", completion: .file())
  var file: String

  @Option(help: "Where the kernel image lies now.", completion: .file())
  var kernel: String?

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

  /// The seam to the explorer.
  private func look(_ witness: Witness, _ progress: Progress) throws -> CheckReport {
    try Catalogue.require(witness.platform)
    throw CommandFailure.unsupported(
      "replay", "the explorer is not connected in this version", addedIn: "Sources/LimenCommands/Replay.swift")
  }
}
