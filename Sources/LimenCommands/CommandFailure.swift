import Findings

/// Why a verb could not do its work: on standard error what there is to say in detail, then one line, `limen: subject: message`;
/// and the exit status.
struct CommandFailure: Error, CustomStringConvertible {
  var status: ExitStatus
  /// The file, option or verb it is about.
  var subject: String?
  var message: String
  /// Lines that another program said, or that say more, to be printed before; each ends in a line feed.
  var details: String

  init(_ status: ExitStatus, _ subject: String?, _ message: String, details: String = "") {
    self.details = details
    self.status = status
    self.subject = subject
    self.message = message
  }

  static func badInput(_ file: String, _ problem: any Error) -> CommandFailure {
    CommandFailure(.badInput, file, "\(problem)")
  }

  /// `what` is what was asked for, `place` the source file where it would be added.
  static func unsupported(_ what: String, _ message: String, addedIn place: String) -> CommandFailure {
    CommandFailure(.unsupported, what, "unsupported: \(message) (it would be added in \(place))")
  }

  var description: String {
    guard let subject else { return printable(message) }
    return "\(printable(subject)): \(printable(message))"
  }
}
