/// What Limen says about one thing it was asked. The four kinds of failure stay apart: a violation is the kernel's,
/// unsupported is a hole in Limen's machine, inconclusive is a bound that was hit, an internal error is Limen's bug.
public enum Verdict: Hashable, Sendable {
  /// Everything that was tried held.
  case held
  /// At least one trial broke an invariant; the findings show it.
  case violated
  /// The question has no meaning here: SYSENTER in long mode on AMD.
  case notApplicable(reason: String)
  /// The machine met something it does not implement.
  case unsupported(what: String, where: String)
  /// A bound was hit before an answer was reached.
  case inconclusive(bound: String)
  /// Limen contradicted itself.
  case internalError(message: String)

  /// The spelling in formats and tables.
  public var kind: Kind {
    switch self {
    case .held: .held
    case .violated: .violated
    case .notApplicable: .notApplicable
    case .unsupported: .unsupported
    case .inconclusive: .inconclusive
    case .internalError: .internalError
    }
  }

  public enum Kind: String, Vocabulary {
    case held
    case violated
    case notApplicable = "not-applicable"
    case unsupported
    case inconclusive
    case internalError = "internal-error"
  }

  /// One verdict for several, by the precedence of the exit status: an internal error (nothing else can be trusted),
  /// a violation (it was executed, whatever else stayed open), unsupported, inconclusive, held, not applicable.
  /// Nothing at all is not applicable: silence is never success. Of several of a kind the first speaks.
  public static func combining(_ verdicts: some Sequence<Verdict>) -> Verdict {
    let all = Array(verdicts)
    let precedence: [Kind] = [.internalError, .violated, .unsupported, .inconclusive, .held, .notApplicable]
    for kind in precedence {
      if let first = all.first(where: { $0.kind == kind }) { return first }
    }
    return .notApplicable(reason: "nothing ran")
  }
}

extension Verdict: CustomStringConvertible {
  public var description: String {
    switch self {
    case .held: "held"
    case .violated: "violated"
    case .notApplicable(let reason): "not applicable: \(reason)"
    case .unsupported(let what, let place): "unsupported: \(what) at \(place)"
    case .inconclusive(let bound): "inconclusive: \(bound)"
    case .internalError(let message): "internal error: \(message)"
    }
  }
}

extension Verdict: Codable {
  enum CodingKeys: String, CodingKey {
    case kind, reason, what, bound, message
    case place = "where"
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    switch try fields.decode(Kind.self, forKey: .kind) {
    case .held: self = .held
    case .violated: self = .violated
    case .notApplicable: self = .notApplicable(reason: try fields.decode(String.self, forKey: .reason))
    case .unsupported:
      self = .unsupported(
        what: try fields.decode(String.self, forKey: .what), where: try fields.decode(String.self, forKey: .place))
    case .inconclusive: self = .inconclusive(bound: try fields.decode(String.self, forKey: .bound))
    case .internalError: self = .internalError(message: try fields.decode(String.self, forKey: .message))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(kind, forKey: .kind)
    switch self {
    case .held, .violated: break
    case .notApplicable(let reason): try fields.encode(reason, forKey: .reason)
    case .unsupported(let what, let place):
      try fields.encode(what, forKey: .what)
      try fields.encode(place, forKey: .place)
    case .inconclusive(let bound): try fields.encode(bound, forKey: .bound)
    case .internalError(let message): try fields.encode(message, forKey: .message)
    }
  }
}
