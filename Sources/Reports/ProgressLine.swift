/// The line on a terminal that says how far a check is and when its end is to be expected; for eyes alone, and no part of any report.
///
/// The estimate takes the rest to cost what the last half, or more, of what is done did: of a section by boundaries of the crossing, of a
/// check by sections. It comes first, because a terminal may be too narrow for all.
import Findings

public struct ProgressLine {
  /// Of the check, and of each section by its place.
  private var check: Pace?
  private var sections: [Int: Pace] = [:]

  public init() {}

  /// - Parameter now: on a clock that only goes forward.
  public mutating func text(of stage: CheckStage, at now: Duration) -> String {
    guard case .exploring(let advance) = stage else { return "\(stage)" }
    let part = (Double(advance.finished) + advance.part) / Double(max(1, advance.wanted))
    let all = check.rest(of: part, at: now)
    let own = sections[advance.section].rest(of: advance.part, at: now)
    let among =
      advance.sections > 1
      ? " (\(advance.section) of \(advance.sections)\(own.map { ", \(Self.text($0)) left" } ?? ""))" : ""
    return (all.map { "\(Self.text($0)) left: " } ?? "") + "\(advance.title)\(among), \(advance.place)"
  }

  /// How far the judging of mutants is.
  public mutating func text(of stage: MutationStage, at now: Duration) -> String {
    switch stage {
    case .preparing(let what): return what
    case .judging(let done, let wanted, let survived):
      let rest = check.rest(of: Double(done) / Double(max(1, wanted)), at: now)
      return (rest.map { "\(Self.text($0)) left: " } ?? "") + "\(done) of \(wanted) mutants, \(survived) survived"
    }
  }

  private static func text(_ rest: Double) -> String {
    let (minute, hour) = (60.0, 3600.0)
    if rest <= minute { return "\(Int(rest.rounded(.up))) s" }
    if rest <= 100 * minute { return "\(Int((rest / minute).rounded(.up))) min" }
    return rest < 10_000 * hour ? "\(Int((rest / hour).rounded(.up))) h" : "years"
  }
}

/// When a line is due again.
public struct ProgressTurns: Sendable {
  private let interval: Duration
  private var next: Duration

  /// Ten times a second, from the first moment.
  public static let redrawn = ProgressTurns(interval: .milliseconds(100), next: .zero)
  /// Once a minute: what takes less says nothing.
  public static let lineByLine = ProgressTurns(interval: .seconds(60), next: .seconds(60))

  /// - Parameter now: since the program began.
  public mutating func take(at now: Duration) -> Bool {
    guard now >= next else { return false }
    next = now + interval
    return true
  }
}

/// How fast something goes on of which a part is done.
private struct Pace {
  typealias Mark = (part: Double, at: Duration)
  let start: Duration
  /// Between these two the part doubled, at least; the pace is counted from the first.
  var marks: (Mark, Mark)

  /// Younger estimates say nothing.
  private static let youngest = Duration.seconds(1)

  /// Seconds that are left, now that the part is done; nil where that cannot be said yet.
  mutating func rest(of part: Double, at now: Duration) -> Double? {
    if part > marks.1.part && part >= 2 * marks.1.part { marks = (marks.1, (part, now)) }
    guard part > marks.0.part, part <= 1, now - start >= Self.youngest else { return nil }
    return (now - marks.0.at) / .seconds(1) * (1 - part) / (part - marks.0.part)
  }
}

extension Pace? {
  /// The pace begins when it is asked for first.
  fileprivate mutating func rest(of part: Double, at now: Duration) -> Double? {
    var pace = self ?? Pace(start: now, marks: ((part, now), (part, now)))
    defer { self = pace }
    return pace.rest(of: part, at: now)
  }
}
