import ArgumentParser
import Findings
import Foundation
import Reports

/// Runs the command line and ends the process with one of `ExitStatus`, whoever raised the error.
public func main() -> Never {
  // A reader that goes away (`limen list events | head -1`) ends Limen as it ends any filter, even when whoever
  // started Limen ignores the signal.
  signal(SIGPIPE, SIG_DFL)
  // A limit on the size of files is an error of the write that meets it, like a full disk.
  signal(SIGXFSZ, SIG_IGN)
  Interruption.setMemoryAside()
  // Threads that were left alone may still run, and nothing is buffered.
  _exit(run(Array(CommandLine.arguments.dropFirst())).rawValue)
}

/// What `main` does, without ending the process.
func run(_ arguments: [String]) -> ExitStatus {
  do {
    var command = try Limen.parseAsRoot(ProjectFile.completing(arguments))
    try command.run()
    return .allHeld
  } catch let outcome as Outcome {
    return outcome.status
  } catch let failure as CommandFailure {
    let details = failure.details.split(separator: "\n", omittingEmptySubsequences: true)
    StandardError.write(details.map { printable(String($0), limit: 4096) + "\n" }.joined())
    complain(failure.description)
    return failure.status
  } catch {
    return settle(error)
  }
}

/// ArgumentParser's own errors, and whatever nobody thought of.
private func settle(_ error: any Error) -> ExitStatus {
  let code = Limen.exitCode(for: error)
  let text = Limen.fullMessage(for: error, columns: code == .success ? 100_000 : nil)
  switch code {
  case .success:
    // --help, --version and the completion scripts arrive as errors.
    let isHelp = text.hasPrefix("OVERVIEW:")
    return answer(isHelp ? HelpText.wrapped(text, columns: max(40, TerminalWidth.output ?? 80)) : text)
  case .validationFailure:
    // The parser's own status is EX_USAGE, 64; its text begins with "Error: ".
    complain(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
    return .badInput
  default:
    complain(printable("\(error)"))
    return .badInput
  }
}

/// A verb that came to its end, and said what it had to say, with another status than 0.
struct Outcome: Error {
  var status: ExitStatus
}

private func answer(_ text: String) -> ExitStatus {
  do {
    try StandardOutput.write(text.hasSuffix("\n") ? text : text + "\n")
    return .allHeld
  } catch {
    complain(error.description)
    return error.status
  }
}

private func complain(_ text: String) {
  StandardError.write("limen: \(text)\n")
}
