/// What two reports of `limen check` say differently. `Documentation/Formats.md`, "Changes".
///
/// Kernels are paired by their names, or by their order where the names differ; sections by platform, profile, crossing and posture; findings
/// by their invariant and the sequence of their events, of which a section has one at most.
public struct ReportChanges: Hashable, Sendable, Encodable {
  public static let currentFormat = "limen-changes"
  public static let currentVersion = 1

  public enum Change: String, Vocabulary {
    /// Only the second report has it.
    case new
    /// Only the first has it, and the second answered its section.
    case gone
    /// Both have it, at other places.
    case moved
    /// The second report did not answer the section of a finding that the first has.
    case unanswered
  }

  public struct FindingChange: Hashable, Sendable, Encodable {
    public var change: Change
    public var invariant: InvariantName
    public var message: String
    /// Where it broke, and at which events: those of the second report, or of the first where that alone has it.
    public var location: Location
    public var path: Path
    /// The same of the first, where it moved.
    public var oldLocation: Location?
    public var oldPath: Path?
  }

  public struct CountChange: Hashable, Sendable, Encodable {
    /// In the words of the terminal report: `instructions`, `rsp window in`.
    public var name: String
    public var old: Int
    public var new: Int
  }

  public struct Section: Hashable, Sendable, Encodable {
    /// Of the second report; of the first for a section that only the first has.
    public var kernel: String
    public var platform: PlatformName
    public var profile: ProfileName
    public var crossing: CrossingKind
    public var posture: PostureName
    /// Absent where that report has no such section.
    public var oldVerdict: Verdict?
    public var newVerdict: Verdict?
    public var findings: [FindingChange]
    public var counts: [CountChange]

    public var isAlike: Bool { oldVerdict == newVerdict && findings.isEmpty && counts.isEmpty }

    /// It answered once, and does not now.
    public var isLost: Bool {
      func answers(_ verdict: Verdict?) -> Bool {
        [.held, .violated, .notApplicable].contains(verdict?.kind)
      }
      return answers(oldVerdict) && !answers(newVerdict)
    }
  }

  public let format = ReportChanges.currentFormat
  public let version = ReportChanges.currentVersion
  /// The version of Limen that compared.
  public let limen = LimenVersion.current
  public var old: [KernelIdentity]
  public var new: [KernelIdentity]
  /// Those that differ, in the order of the second report; behind them those that only the first has.
  public var sections: [Section]
  /// How many do not.
  public var alike: Int

  public init(from old: [CheckReport], to new: [CheckReport]) {
    self.old = old.map(\.kernel)
    self.new = new.map(\.kernel)
    var sections: [Section] = []
    for (before, after) in Self.pairs(old, new) {
      var missing: [[String]: CheckSection] = [:]
      for section in before?.sections ?? [] { missing[section.place] = section }
      let name = (after ?? before)!.kernel.name
      for section in after?.sections ?? [] {
        sections.append(Self.section(name, missing.removeValue(forKey: section.place), section))
      }
      for section in before?.sections ?? [] where missing[section.place] != nil {
        sections.append(Self.section(name, section, nil))
      }
    }
    self.sections = sections.filter { !$0.isAlike }
    alike = sections.count - self.sections.count
  }

  /// By name, and what is left in order.
  private static func pairs(_ old: [CheckReport], _ new: [CheckReport]) -> [(CheckReport?, CheckReport?)] {
    var left = old
    var partners: [CheckReport?] = new.map { report in
      guard let index = left.firstIndex(where: { $0.kernel.name == report.kernel.name }) else { return nil }
      return left.remove(at: index)
    }
    for index in partners.indices where partners[index] == nil && !left.isEmpty { partners[index] = left.removeFirst() }
    return zip(partners, new).map { ($0, $1) } + left.map { ($0, nil) }
  }

  private static func section(_ kernel: String, _ old: CheckSection?, _ new: CheckSection?) -> Section {
    let one = (new ?? old)!
    return Section(
      kernel: kernel, platform: one.platform, profile: one.profile, crossing: one.crossing, posture: one.posture,
      oldVerdict: old?.verdict, newVerdict: new?.verdict, findings: findings(old, new), counts: counts(old, new))
  }

  private static func findings(_ old: CheckSection?, _ new: CheckSection?) -> [FindingChange] {
    func key(_ finding: Finding) -> [String] {
      [finding.invariant.rawValue] + finding.path.steps.map(\.event.rawValue)
    }
    func change(_ kind: Change, _ finding: Finding) -> FindingChange {
      FindingChange(
        change: kind, invariant: finding.invariant, message: finding.message, location: finding.location,
        path: finding.path)
    }
    var left = old?.findings ?? []
    var changes: [FindingChange] = []
    for finding in new?.findings ?? [] {
      guard let index = left.firstIndex(where: { key($0) == key(finding) }) else {
        changes.append(change(.new, finding))
        continue
      }
      let before = left.remove(at: index)
      if old!.fingerprint(of: before) == new!.fingerprint(of: finding) { continue }
      var moved = change(.moved, finding)
      (moved.oldLocation, moved.oldPath) = (before.location, before.path)
      changes.append(moved)
    }
    let answered = new.map { $0.verdict.kind == .held || $0.verdict.kind == .violated } ?? false
    return changes + left.map { change(answered ? .gone : .unanswered, $0) }
  }

  private static func counts(_ old: CheckSection?, _ new: CheckSection?) -> [CountChange] {
    guard let old, let new, let before = old.baseline, let after = new.baseline else { return [] }
    var changes: [CountChange] = []
    func compare(_ name: String, _ old: Int, _ new: Int) {
      if old != new { changes.append(CountChange(name: name, old: old, new: new)) }
    }
    compare("instructions", before.instructions, after.instructions)
    compare("reads", before.memoryReads, after.memoryReads)
    compare("writes", before.memoryWrites, after.memoryWrites)
    compare("privileged operations", before.privilegedOperations, after.privilegedOperations)
    compare("boundaries", old.boundaries, new.boundaries)
    for kind in WindowKind.allCases {
      for way in Direction.allCases {
        func boundaries(_ section: CheckSection) -> Int {
          section.windows.filter { $0.kind == kind && $0.direction == way }.reduce(0) { $0 &+ $1.boundaries }
        }
        compare("\(kind.rawValue) window \(way.rawValue)", boundaries(old), boundaries(new))
      }
    }
    compare("trials", old.allTrials, new.allTrials)
    return changes
  }

  // MARK: What it comes to

  public func count(_ change: Change) -> Int { sections.reduce(0) { $0 + $1.findings.count { $0.change == change } } }

  /// 70 where Limen failed, 1 where something broke that did not before, 5 where a question is answered no longer, else 0.
  public var exitStatus: ExitStatus {
    let broke = sections.contains { section in
      section.findings.contains { $0.change == .new }
        || section.newVerdict?.kind == .violated && section.oldVerdict?.kind != .violated
    }
    if sections.contains(where: { $0.newVerdict?.kind == .internalError }) { return .internalError }
    if broke { return .violation }
    return sections.contains(where: \.isLost) ? .inconclusive : .allHeld
  }
}
