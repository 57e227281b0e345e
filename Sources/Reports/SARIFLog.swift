/// The parts of SARIF 2.1.0 (OASIS, "File format") that a report of Limen's has, by the names that they have there.
import Findings

struct SARIFLog: Encodable {
  var schema = "https://json.schemastore.org/sarif-2.1.0.json"
  var version = "2.1.0"
  var runs: [Run]

  enum CodingKeys: String, CodingKey {
    case schema = "$schema"
    case version, runs
  }

  struct Run: Encodable {
    var tool: Tool
    var invocations: [Invocation]
    /// Absent where nothing that has bytes was looked at.
    var artifacts: [Artifact]?
    var columnKind = "unicodeCodePoints"
    var results: [Result]
  }

  struct Tool: Encodable { var driver: Driver }

  struct Driver: Encodable {
    var name = "Limen"
    var version: String
    var rules: [Rule]

    init(version: String, rules: [Rule]) {
      self.version = printable(version)
      self.rules = rules
    }
  }

  struct Message: Encodable { var text: String }

  struct Rule: Encodable {
    struct Configuration: Encodable { var level: String }

    var id: String
    var shortDescription: Message
    var fullDescription: Message
    var help: Message
    var defaultConfiguration: Configuration

    init(_ id: String, short: String, full: String, help: String, level: String = "error") {
      self.id = id
      shortDescription = Message(text: printable(short, limit: 4096))
      fullDescription = Message(text: printable(full, limit: 4096))
      self.help = Message(text: printable(help, limit: 4096))
      defaultConfiguration = Configuration(level: level)
    }

    init(_ invariant: InvariantDescription) {
      self.init(
        invariant.identifier.rawValue, short: invariant.claim, full: "\(invariant.claim) \(invariant.why)",
        help: "\(invariant.why) See: \(invariant.citation).")
    }

    init(_ name: InvariantName) {
      let text = "An invariant of another version of Limen."
      self.init(name.rawValue, short: text, full: text, help: text)
    }
  }

  struct Invocation: Encodable {
    struct Notification: Encodable {
      struct Descriptor: Encodable { var id: String }

      var descriptor: Descriptor
      var level: String
      var message: Message

      /// What was not answered; nil for what was.
      init?(_ name: [String], _ verdict: Verdict) {
        let kind = verdict.kind
        guard kind != .held && kind != .violated else { return nil }
        descriptor = Descriptor(id: kind.rawValue)
        level = kind == .notApplicable ? "note" : kind == .internalError ? "error" : "warning"
        message = Message(text: printable("\(name.joined(separator: " ")): \(verdict)"))
      }
    }

    /// Limen came to the end of what it was asked, whatever the answers are.
    var executionSuccessful: Bool
    var exitCode: Int
    var toolExecutionNotifications: [Notification]

    init(_ status: ExitStatus, _ notifications: [Notification]) {
      executionSuccessful = status != .internalError
      exitCode = Int(status.rawValue)
      toolExecutionNotifications = notifications
    }
  }

  struct Artifact: Encodable {
    var location: ArtifactLocation
    var hashes: [String: String]

    init(_ kernel: KernelIdentity) {
      location = ArtifactLocation(kernel.name, index: 0)
      hashes = ["sha-256": kernel.sha256]
    }
  }

  struct ArtifactLocation: Encodable {
    var uri: String
    var index: Int?

    /// RFC 3986, "Relative Reference": all but unreserved characters are encoded, so that a name is never taken for a scheme.
    init(_ name: String, index: Int? = nil) {
      uri = name.utf8.map { byte in
        let character = Character(Unicode.Scalar(byte))
        if byte < 0x80 && (character.isLetter || character.isNumber || "-._~/+".contains(character)) {
          return String(character)
        }
        return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }.joined()
      self.index = index
    }

    /// A file of the source: a path from the root as a URI, another as what it is relative to the source's own root.
    init(source path: String) {
      self.init(path)
      if path.hasPrefix("/") { uri = "file://" + uri }
    }
  }

  // MARK: A result

  struct Result: Encodable {
    var ruleId: String
    var ruleIndex: Int
    var kind = "fail"
    var level: String
    /// Absent where there is no baseline.
    var baselineState: String?
    var message: Message
    var locations: [Place]
    var relatedLocations: [Place]?
    var codeFlows: [CodeFlow]?
    var partialFingerprints: [String: String]
    var properties: [String: String]
  }

  struct Place: Encodable {
    struct Physical: Encodable {
      struct Region: Encodable { var startLine: Int }

      var artifactLocation: ArtifactLocation
      var region: Region?
    }
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
      physicalLocation =
        location.source.map {
          Physical(artifactLocation: ArtifactLocation(source: $0.file), region: Physical.Region(startLine: $0.line))
        } ?? Physical(artifactLocation: ArtifactLocation(kernel.name, index: 0))
      let name = location.symbol ?? location.description
      logicalLocations = [
        Logical(
          name: printable(name), fullyQualifiedName: printable(location.description),
          kind: location.symbol == nil ? nil : "function")
      ]
      message = text.map { Message(text: printable($0)) }
    }
  }

  struct CodeFlow: Encodable {
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
