/// Findings that are known, and a file to keep them in.
import ArgumentParser
import Findings

struct BaselineOptions: ParsableArguments {
  @Option(
    name: .customLong("baseline"),
    help: """
      Findings that this file knows do not fail the check; those that it knows and that are no longer found are said on standard error. \
      --write-baseline makes it.
      """, completion: .file())
  var file: String?

  @Option(
    name: .customLong("write-baseline"), help: "Write every violation that is found into this file, for --baseline.",
    completion: .file())
  var written: String?

  /// Nil where none was named.
  func read() throws(CommandFailure) -> KnownFindings? {
    guard let file else { return nil }
    let bytes = try Files.read(file, limit: KnownFindings.largest)
    do { return try KnownFindings(reading: bytes) } catch { throw CommandFailure(.badInput, file, "\(error)") }
  }

  /// Says, before a long job, that nothing could be written.
  func requireRoom() throws(CommandFailure) {
    guard let written else { return }
    let folder = written.lastIndex(of: "/").map { written[..<$0] } ?? "."
    if let reason = Files.obstacle(toWritingInto: folder.isEmpty ? "/" : String(folder)) {
      throw CommandFailure(.badInput, written, reason)
    }
  }

  /// Says what is known no longer, and keeps what was found.
  func conclude(_ known: KnownFindings?, _ reports: [CheckReport], _ progress: Progress) throws(CommandFailure) {
    for entry in known?.stale(after: reports) ?? [] {
      let of = entry.kernel.map { "\($0): " } ?? ""
      progress.warn("\(file ?? ""): stale, no longer found: \(of)\(entry.fingerprint)")
    }
    if let written { try Files.write(KnownFindings(of: reports).text, to: written) }
  }
}
