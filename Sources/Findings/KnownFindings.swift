/// Findings that are known, so that a check fails only for others: the file of `--baseline`. `Documentation/Formats.md`, "Baseline".
///
/// A finding is known by what names it in another build of the same kernel: names and distances from symbols, no addresses, and neither the
/// kernel's file name nor its digest.
public struct KnownFindings: Hashable, Sendable {
  public static let format = "limen-baseline"
  public static let version = 1
  /// Larger files are refused.
  public static let largest = 1 << 24

  public struct Entry: Hashable, Sendable, Comparable, Encodable {
    /// `Answer.fingerprint(of:)`, and the guards that were taken away.
    public var fingerprint: String
    /// Of a design or a specimen its name, which tells kernels of one check apart; absent where it is a file's.
    public var kernel: String?
    /// What was said of it; for readers.
    public var message: String

    public static func < (a: Entry, b: Entry) -> Bool {
      (a.kernel ?? "", a.fingerprint) < (b.kernel ?? "", b.fingerprint)
    }
  }

  /// The version of Limen that wrote it.
  public var limen: String
  /// In their order, none twice.
  public private(set) var entries: [Entry]

  public init(limen: String = LimenVersion.current, entries: [Entry]) {
    self.limen = limen
    self.entries = Array(Set(entries)).sorted()
  }

  /// Every violation of the reports.
  public init(of reports: [CheckReport]) {
    self.init(
      entries: reports.flatMap { report in
        report.sections.flatMap { section in
          section.findings.filter { $0.severity == .violation }.map { Self.entry($0, section, report) }
        }
      })
  }

  private static func entry(_ finding: Finding, _ section: CheckSection, _ report: CheckReport) -> Entry {
    Entry(
      fingerprint: fingerprint(of: finding, in: section, without: report.ablations), kernel: kernel(report.kernel),
      message: "\(finding.location.functionForm): \(finding.message)")
  }

  private static func fingerprint(of finding: Finding, in section: CheckSection, without guards: [AblationName])
    -> String
  {
    ([section.fingerprint(of: finding)] + guards.sorted().map { "without-\($0)" }).joined(separator: " ")
  }

  private static func kernel(_ kernel: KernelIdentity) -> String? {
    kernel.name.hasPrefix("design:") || kernel.name.hasPrefix("specimen:") ? kernel.name : nil
  }

  // MARK: What is known

  /// The section with a mark at each finding that is known.
  public func marking(_ section: CheckSection, of kernel: KernelIdentity, without guards: [AblationName])
    -> CheckSection
  {
    let own = Self.kernel(kernel)
    let known = Set(entries.lazy.filter { $0.kernel == nil || $0.kernel == own }.map(\.fingerprint))
    var section = section
    for index in section.findings.indices {
      let name = Self.fingerprint(of: section.findings[index], in: section, without: guards)
      section.findings[index].known = known.contains(name)
    }
    return section
  }

  public func marking(_ report: CheckReport) -> CheckReport {
    CheckReport(
      limen: report.limen, kernel: report.kernel, ablations: report.ablations,
      sections: report.sections.map { marking($0, of: report.kernel, without: report.ablations) })
  }

  /// The entries about sections that the reports answered, whose findings are no longer found.
  public func stale(after reports: [CheckReport]) -> [Entry] {
    var answered: Set<String> = []
    for report in reports {
      for section in report.sections where section.verdict.kind == .held || section.verdict.kind == .violated {
        answered.insert(Self.place(section.place, report.ablations.map { "without-\($0)" }, Self.kernel(report.kernel)))
      }
    }
    let found = Set(KnownFindings(of: reports).entries.map { "\($0.kernel ?? "") \($0.fingerprint)" })
    let anywhere = Set(KnownFindings(of: reports).entries.map(\.fingerprint))
    return entries.filter { entry in
      let isFound =
        entry.kernel == nil
        ? anywhere.contains(entry.fingerprint) : found.contains("\(entry.kernel!) \(entry.fingerprint)")
      // The words behind the invariant's name are the section's; the last ones name guards.
      let words = entry.fingerprint.split(separator: " ").map(String.init)
      guard !isFound, words.count >= 5 else { return false }
      let guards = words.filter { $0.hasPrefix("without-") }
      return answered.contains(Self.place(Array(words[1...4]), guards, entry.kernel))
    }
  }

  private static func place(_ place: [String], _ guards: [String], _ kernel: String?) -> String {
    (place + guards.sorted() + [kernel ?? ""]).joined(separator: " ")
  }

  // MARK: The file

  public var text: String { documentText(self) }

  /// Why a file is no baseline, in a few words.
  public struct ReadingError: Error, CustomStringConvertible {
    public var description: String
  }

  public init(reading bytes: [UInt8]) throws(ReadingError) {
    func refuse(_ why: String) -> ReadingError { ReadingError(description: "not a baseline: \(why)") }
    let value: JSONValue
    do { value = try JSONValue(reading: bytes) } catch { throw refuse("\(error)") }
    guard case .object(let fields) = value else { throw refuse("it is \(value.typeName), not an object") }
    guard case .string(let format)? = fields["format"] else { throw refuse("it has no format") }
    guard format == Self.format else { throw refuse("its format is '\(printable(format, limit: 40))'") }
    guard fields["version"] == .number("\(Self.version)") else {
      throw ReadingError(description: "baseline of another version than \(Self.version)")
    }
    guard case .string(let limen)? = fields["limen"] else { throw refuse("field 'limen' is missing or no string") }
    guard case .array(let list)? = fields["findings"] else { throw refuse("field 'findings' is missing or no array") }
    if let other = fields.keys.sorted().first(where: { !["format", "version", "limen", "findings"].contains($0) }) {
      throw refuse("field '\(printable(other, limit: 80))' is not part of one")
    }
    var entries: [Entry] = []
    for (index, element) in list.enumerated() {
      guard case .object(let parts) = element, case .string(let fingerprint)? = parts["fingerprint"] else {
        throw refuse("findings[\(index)] has no fingerprint")
      }
      var entry = Entry(fingerprint: fingerprint, kernel: nil, message: "")
      if case .string(let text)? = parts["message"] { entry.message = text }
      if case .string(let name)? = parts["kernel"] { entry.kernel = name }
      if let other = parts.keys.sorted().first(where: { !["fingerprint", "message", "kernel"].contains($0) }) {
        throw refuse("findings[\(index)].\(printable(other, limit: 80)) is not part of one")
      }
      entries.append(entry)
    }
    self.init(limen: limen, entries: entries)
  }
}

extension KnownFindings: Encodable {
  enum CodingKeys: String, CodingKey { case format, version, limen, findings }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(Self.format, forKey: .format)
    try fields.encode(Self.version, forKey: .version)
    try fields.encode(limen, forKey: .limen)
    try fields.encode(entries, forKey: .findings)
  }
}

// MARK: What a report says beside what is known

extension CheckSection {
  /// The verdict with the known findings forgiven: an invariant whose violations are all known holds.
  public var newVerdict: Verdict {
    let violations = findings.filter { $0.severity == .violation }
    guard verdict == .violated, !violations.isEmpty, violations.contains(where: { $0.known == true }) else {
      return verdict
    }
    let rest = invariants.map { answer -> Verdict in
      let own = violations.filter { $0.invariant == answer.invariant }
      let isForgiven = answer.verdict == .violated && !own.isEmpty && own.allSatisfy { $0.known == true }
      return isForgiven ? .held : answer.verdict
    }
    return Verdict.combining(rest)
  }
}

extension CheckReport {
  /// Of all sections, with the known findings forgiven.
  public var newVerdict: Verdict { Verdict.combining(sections.map(\.newVerdict)) }
}
