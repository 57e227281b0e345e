/// The line on a terminal that says how far a check is and when its end is to be expected; for eyes alone, and no part of any report.
///
/// The estimate takes the rest to cost what the part that is done did: of a section by boundaries of the crossing, of a check by
/// sections. It comes first, because a terminal may be too narrow for all.
import Findings

public struct ProgressLine {
  /// When the first section began, and each that is explored now.
  private var start: Duration?
  private var sections: [Int: Duration] = [:]

  /// Younger estimates say nothing.
  private static let youngest = Duration.seconds(1)

  public init() {}

  /// - Parameter now: on a clock that only goes forward.
  public mutating func text(of stage: CheckStage, at now: Duration) -> String {
    guard case .exploring(let advance) = stage else { return "\(stage)" }
    let begun = (check: start ?? now, section: sections[advance.section] ?? now)
    start = begun.check
    sections[advance.section] = begun.section

    let own = Self.rest(of: advance.part, after: now - begun.section)
    let of =
      advance.sections > 1 ? " (\(advance.section) of \(advance.sections)\(own.map { ", \($0) left" } ?? ""))" : ""
    let line = "\(advance.title)\(of), \(advance.place)"
    let part = (Double(advance.finished) + advance.part) / Double(max(1, advance.wanted))
    return (Self.rest(of: part, after: now - begun.check).map { "\($0) left: " } ?? "") + line
  }

  /// What is left of something of which a part took so long; nil where that says nothing yet.
  private static func rest(of part: Double, after time: Duration) -> String? {
    guard part > 0, part <= 1, time >= youngest else { return nil }
    let whole = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    return text(seconds: (whole / part * (1 - part)).rounded(.up))
  }

  private static func text(seconds: Double) -> String {
    let (minute, hour) = (60.0, 3600.0)
    if seconds <= minute { return "\(Int(seconds)) s" }
    let minutes = (seconds / minute).rounded(.up)
    if minutes < 100 { return "\(Int(minutes)) min" }
    return minutes < 1_000_000 ? "\(Int((seconds / hour).rounded(.up))) h" : "years"
  }
}
