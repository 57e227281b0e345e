/// What `limen check` found of several kernels: a report for each, in the order in which they were named.
/// Documentation/Formats.md is its page.
public struct CheckCollection: Hashable, Sendable, Encodable {
  public static let currentFormat = "limen-checks"
  public static let currentVersion = 1

  public let format = CheckCollection.currentFormat
  public let version = CheckCollection.currentVersion
  /// The version of Limen that looked.
  public let limen: String
  public let reports: [CheckReport]
  /// Of all reports together.
  public let verdict: Verdict

  public init(limen: String = LimenVersion.current, reports: [CheckReport]) {
    self.limen = limen
    self.reports = reports
    verdict = Verdict.combining(reports.map(\.verdict))
  }

  public var exitStatus: ExitStatus { ExitStatus(verdict) }
}
