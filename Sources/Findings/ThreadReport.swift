/// What `limen thread` answers: each question and claim of a mail, with what settles it. Documentation/Formats.md is its page.

/// How a question came out, chosen by what was measured.
public enum ThreadOutcome: String, Vocabulary {
  /// The claim is confirmed; the answer to the question is yes.
  case yes
  case no
  /// In some of the cases that were run, and not in others.
  case partly
  /// The runs that would settle it are not there, or did not end.
  case open
}

/// A table of evidence; every row has as many cells as the header.
public struct ThreadTable: Hashable, Sendable, Encodable {
  public var caption: String
  public var header: [String]
  public var rows: [[String]]

  public init(_ caption: String, header: [String], rows: [[String]]) {
    self.caption = caption
    self.header = header
    self.rows = rows
  }
}

public struct ThreadAnswer: Hashable, Sendable, Encodable {
  /// A short name, for the heading.
  public var title: String
  /// Who wrote the words.
  public var author: String
  /// A few words of the mail.
  public var words: String
  /// The command lines that show it.
  public var commands: [String]
  public var outcome: ThreadOutcome
  /// One or more sentences.
  public var answer: String
  public var evidence: [ThreadTable]

  public init(
    title: String, author: String, words: String, commands: [String], outcome: ThreadOutcome, answer: String,
    evidence: [ThreadTable]
  ) {
    self.title = title
    self.author = author
    self.words = words
    self.commands = commands
    self.outcome = outcome
    self.answer = answer
    self.evidence = evidence
  }
}

public struct ThreadReport: Hashable, Sendable, Encodable {
  public static let currentFormat = "limen-thread"
  public static let currentVersion = 1

  public let format = ThreadReport.currentFormat
  public let version = ThreadReport.currentVersion
  public let limen: String
  /// The designs that ran, as `limen list designs` names them.
  public let designs: [String]
  /// The kernels that ran beside them.
  public let kernels: [String]
  /// The image of the hypervisor whose own bytes ran below them; nil where none did.
  public let hypervisor: String?
  public let answers: [ThreadAnswer]
  /// What the crossing costs each of them.
  public let costs: ThreadTable

  public init(
    limen: String = LimenVersion.current, designs: [String], kernels: [String], hypervisor: String? = nil,
    answers: [ThreadAnswer], costs: ThreadTable
  ) {
    self.limen = limen
    self.designs = designs
    self.kernels = kernels
    self.hypervisor = hypervisor
    self.answers = answers
    self.costs = costs
  }

  /// Every question is settled, whichever way.
  public var exitStatus: ExitStatus { answers.contains { $0.outcome == .open } ? .inconclusive : .allHeld }
}
