/// What a report says of one thing that was asked, as test results say it: a section's invariants, and the section itself where it says
/// more than they do.

/// One answer, and what shows it.
public struct Answer: Hashable, Sendable {
  /// An invariant's name, or `section`.
  public var name: String
  public var verdict: Verdict
  public var findings: [Finding]

  /// It is violated by nothing but what the baseline knows.
  public var isKnown: Bool { verdict == .violated && !findings.isEmpty && findings.allSatisfy { $0.known == true } }
}

extension CheckSection {
  /// Where it stands: platform, profile, crossing, posture.
  public var place: [String] { [platform.rawValue, profile.rawValue, crossing.rawValue, posture.rawValue] }

  /// An answer for each invariant, and one for the section where their verdicts do not say its own: a crossing that does not exist has no
  /// invariants. At least one.
  public var answers: [Answer] {
    var answers = invariants.map { invariant in
      Answer(
        name: invariant.invariant.rawValue, verdict: invariant.verdict,
        findings: findings.filter { $0.invariant == invariant.invariant })
    }
    if answers.isEmpty || Verdict.combining(invariants.map(\.verdict)) != verdict {
      answers.append(Answer(name: "section", verdict: verdict, findings: []))
    }
    return answers
  }

  /// What names a finding of this section in another build of the same kernel: names and distances from symbols, no addresses.
  public func fingerprint(of finding: Finding) -> String {
    let steps = finding.path.steps.map { "\($0.event.rawValue)@\(Self.lasting($0.location))" }
    return ([finding.invariant.rawValue] + place + [Self.lasting(finding.location)] + steps).joined(separator: " ")
  }

  /// A place as another build has it. User code is the probe's, which is no part of the kernel.
  private static func lasting(_ location: Location) -> String {
    location.symbol == nil && location.address < 1 << 63 ? "user" : location.description
  }
}
