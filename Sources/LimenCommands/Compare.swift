import ArgumentParser
import Findings
import Foundation
import Reports

/// `limen compare OLD NEW`: what two reports say differently.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares two reports: what is new, gone or moved, and what the crossings cost.",
    discussion: """
      Both files are reports of 'limen check --format json', of one kernel or of several. Places are compared by their distance from a symbol, \
      so that another build of the same source has the same findings. The exit status is 1 where something breaks that did not before, 5 where \
      a question is answered no longer, and else 0.

      EXAMPLES
        limen check vmlinuz-old --report json=old.json
        limen check vmlinuz-new --report json=new.json
        limen compare old.json new.json
      """)

  @Argument(help: "The report of before.", completion: .file())
  var old: String

  @Argument(help: "The report of now.", completion: .file())
  var new: String

  @OptionGroup var output: DocumentOptions

  func run() throws {
    let changes = ReportChanges(from: try Self.reports(in: old), to: try Self.reports(in: new))
    switch output.format {
    case .terminal: try StandardOutput.write(ChangesReport(colour: output.colour.wanted).text(of: changes))
    case .json: try StandardOutput.write(documentText(changes))
    }
    throw Outcome(status: changes.exitStatus)
  }

  /// A check of every design at depth 3 is some megabytes.
  private static let largest = 1 << 28

  private struct Head: Decodable {
    var format: String
    var reports: [CheckReport]?
  }

  static func reports(in path: String) throws(CommandFailure) -> [CheckReport] {
    let data = Data(try Files.read(path, limit: largest))
    let decoder = JSONDecoder()
    do {
      let head = try decoder.decode(Head.self, from: data)
      switch head.format {
      case CheckReport.format: return [try decoder.decode(CheckReport.self, from: data)]
      case CheckCollection.currentFormat: return head.reports ?? []
      default:
        throw CommandFailure(
          .badInput, path,
          "not a report of 'limen check --format json': its format is '\(printable(head.format, limit: 40))'")
      }
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure(.badInput, path, "not a report of 'limen check --format json': \(reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    func text(_ context: DecodingError.Context) -> String {
      let place = context.codingPath.map(\.stringValue).joined(separator: ".")
      return (place.isEmpty ? "" : "\(place): ") + context.debugDescription
    }
    switch error {
    case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
      return text(context)
    case .keyNotFound(let key, let context):
      return (context.codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: ".") + " is missing"
    @unknown default: return "\(error)"
    }
  }
}
