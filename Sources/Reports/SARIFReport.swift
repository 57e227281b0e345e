import Findings

/// The report for code scanning: SARIF 2.1.0 (OASIS). A run for each kernel; its rules are the invariants' own declarations, a finding's path is its
/// code flow, and its fingerprint has no address in it. What was not answered is a notification of the invocation.
public enum SARIFReport {
  /// - Parameter invariants: the rules, whether or not anything broke them.
  public static func text(of reports: [CheckReport], invariants: [InvariantDescription]) -> String {
    documentText(Log(runs: reports.map { Run($0, invariants) }))
  }

  private struct Log: Encodable {
    var schema = "https://json.schemastore.org/sarif-2.1.0.json"
    var version = "2.1.0"
    var runs: [Run]

    enum CodingKeys: String, CodingKey {
      case schema = "$schema"
      case version, runs
    }
  }

  // MARK: A run

  private struct Run: Encodable {
    var tool: Tool
    var invocations: [Invocation]
    var artifacts: [Artifact]
    var columnKind = "unicodeCodePoints"
    var results: [Result]

    init(_ report: CheckReport, _ invariants: [InvariantDescription]) {
      // A report may be of another Limen, and name what this one does not have.
      let names = Set(report.sections.flatMap(\.findings).map(\.invariant)).subtracting(invariants.map(\.identifier))
      let rules = invariants.map(Rule.init) + names.sorted().map(Rule.init)
      tool = Tool(driver: Driver(version: report.limen, rules: rules))
      invocations = [Invocation(report)]
      artifacts = [Artifact(report.kernel)]
      results = report.sections.flatMap { section in
        section.findings.map { finding in
          Result(finding, section, report.kernel, rule: rules.firstIndex { $0.id == finding.invariant.rawValue }!)
        }
      }
    }
  }

  private struct Tool: Encodable { var driver: Driver }

  private struct Driver: Encodable {
    var name = "Limen"
    var version: String
    var rules: [Rule]
  }

  private struct Message: Encodable { var text: String }

  private struct Rule: Encodable {
    struct Configuration: Encodable { var level = "error" }

    var id: String
    var shortDescription: Message
    var fullDescription: Message
    var help: Message
    var defaultConfiguration = Configuration()

    init(_ invariant: InvariantDescription) {
      id = invariant.identifier.rawValue
      shortDescription = Message(text: invariant.claim)
      fullDescription = Message(text: "\(invariant.claim) \(invariant.why)")
      help = Message(text: "\(invariant.why) See: \(invariant.citation).")
    }

    init(_ name: InvariantName) {
      id = name.rawValue
      let text = Message(text: "An invariant of another version of Limen.")
      (shortDescription, fullDescription, help) = (text, text, text)
    }
  }

  private struct Invocation: Encodable {
    struct Notification: Encodable {
      struct Descriptor: Encodable { var id: String }

      var descriptor: Descriptor
      var level: String
      var message: Message
    }

    /// Limen came to the end of what it was asked, whatever the answers are.
    var executionSuccessful: Bool
    var exitCode: Int
    var toolExecutionNotifications: [Notification]

    init(_ report: CheckReport) {
      executionSuccessful = report.verdict.kind != .internalError
      exitCode = Int(report.exitStatus.rawValue)
      toolExecutionNotifications = report.sections.flatMap { section in
        section.answers.compactMap { answer in
          let kind = answer.verdict.kind
          guard kind != .held && kind != .violated else { return nil }
          let place = (section.place + [answer.name]).joined(separator: " ")
          return Notification(
            descriptor: .init(id: kind.rawValue),
            level: kind == .notApplicable ? "note" : kind == .internalError ? "error" : "warning",
            message: Message(text: printable("\(place): \(answer.verdict)")))
        }
      }
    }
  }

  private struct Artifact: Encodable {
    var location: ArtifactLocation
    var hashes: [String: String]

    init(_ kernel: KernelIdentity) {
      location = ArtifactLocation(kernel)
      hashes = ["sha-256": kernel.sha256]
    }
  }

  private struct ArtifactLocation: Encodable {
    var uri: String
    var index = 0

    /// RFC 3986, "Relative Reference": all but unreserved characters are encoded, so that a name is never taken for a scheme.
    init(_ kernel: KernelIdentity) {
      uri = kernel.name.utf8.map { byte in
        let character = Character(Unicode.Scalar(byte))
        if byte < 0x80 && (character.isLetter || character.isNumber || "-._~/+".contains(character)) {
          return String(character)
        }
        return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }.joined()
    }
  }

  // MARK: A finding

  private struct Result: Encodable {
    var ruleId: String
    var ruleIndex: Int
    var kind = "fail"
    var level: String
    /// Absent where there is no baseline.
    var baselineState: String?
    var message: Message
    var locations: [Place]
    var relatedLocations: [Place]?
    var codeFlows: [CodeFlow]
    var partialFingerprints: [String: String]
    var properties: Properties

    init(_ finding: Finding, _ section: CheckSection, _ kernel: KernelIdentity, rule: Int) {
      ruleId = finding.invariant.rawValue
      ruleIndex = rule
      level = finding.severity == .violation ? "error" : "note"
      baselineState = finding.known.map { $0 ? "unchanged" : "new" }
      let text = "\(finding.location.functionForm): \(finding.message)"
      message = Message(text: printable(text))
      locations = [Place(finding.location, kernel)]
      relatedLocations = finding.origin.map { [Place($0.location, kernel, id: 1, saying: $0.explanation)] }
      let steps = finding.path.steps.map { Place($0.location, kernel, saying: $0.description) }
      codeFlows = [CodeFlow(steps + [Place(finding.location, kernel, saying: finding.message)])]
      partialFingerprints = ["limenFinding/v1": printable(section.fingerprint(of: finding), limit: 4096)]
      properties = Properties(
        platform: section.platform.rawValue, profile: section.profile.rawValue, crossing: section.crossing.rawValue,
        posture: section.posture.rawValue, path: printable(finding.path.description, limit: 4096),
        replay: printable(finding.replay, limit: 4096))
    }
  }

  private struct Properties: Encodable {
    var platform, profile, crossing, posture, path, replay: String
  }

  private struct Place: Encodable {
    struct Physical: Encodable { var artifactLocation: ArtifactLocation }
    struct Logical: Encodable {
      var name: String
      var fullyQualifiedName: String
      /// Absent where the address lies in nothing that has a name.
      var kind: String?
    }

    var id: Int?
    var physicalLocation: Physical
    var logicalLocations: [Logical]
    var message: Message?

    init(_ location: Location, _ kernel: KernelIdentity, id: Int? = nil, saying text: String? = nil) {
      self.id = id
      physicalLocation = Physical(artifactLocation: ArtifactLocation(kernel))
      let name = location.symbol ?? location.description
      logicalLocations = [
        Logical(
          name: printable(name), fullyQualifiedName: printable(location.description),
          kind: location.symbol == nil ? nil : "function")
      ]
      message = text.map { Message(text: printable($0)) }
    }
  }

  private struct CodeFlow: Encodable {
    struct Thread: Encodable { var locations: [Step] }
    struct Step: Encodable {
      var location: Place
      var executionOrder: Int
    }

    var threadFlows: [Thread]

    init(_ places: [Place]) {
      threadFlows = [Thread(locations: places.enumerated().map { Step(location: $1, executionOrder: $0 + 1) })]
    }
  }
}
