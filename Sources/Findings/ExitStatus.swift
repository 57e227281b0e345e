/// What a run of `limen` tells the shell. Zero means that something ran and that all of it held.
///
/// When verdicts are mixed, the most important one decides, see `Verdict.combining`. Bad input and wrong usage are
/// found before anything runs, so they never mix with verdicts.
public enum ExitStatus: Int32, CaseIterable, Sendable {
  case allHeld = 0
  case violation = 1
  case badInput = 2
  case unsupported = 3
  case nothingApplied = 4
  case inconclusive = 5
  /// `EX_SOFTWARE` of sysexits.h: Limen's own bug, reported as a verdict instead of a crash.
  case internalError = 70

  public init(_ verdict: Verdict) {
    switch verdict {
    case .held: self = .allHeld
    case .violated: self = .violation
    case .notApplicable: self = .nothingApplied
    case .unsupported: self = .unsupported
    case .inconclusive: self = .inconclusive
    case .internalError: self = .internalError
    }
  }

  /// The status of a whole run; `nothingApplied` when there is no verdict at all.
  public init(_ verdicts: some Sequence<Verdict>) { self.init(Verdict.combining(verdicts)) }
}
