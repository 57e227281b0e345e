/// A specimen: a small kernel with one known defect. Its page is the comment that opens its assembly file (`Specimens/NAME/Defective.S`):
/// what happened, in paragraphs, and at the end what Limen must make of it, a field a line. Documentation/Designs.md, "Specimens".
public struct SpecimenDescription: Hashable, Sendable {
  /// An event, and where it is taken: at the first boundary behind the event before it whose instruction is there.
  public struct Step: Hashable, Sendable {
    public var event: EventKind
    /// `user` for code in user mode, which has no names.
    public var symbol: String
    /// From the symbol, in bytes.
    public var offset: UInt64
    public var isInUserMode: Bool { symbol == "user" }

    public init(event: EventKind, symbol: String, offset: UInt64 = 0) {
      self.event = event
      self.symbol = symbol
      self.offset = offset
    }
  }

  /// As `limen list specimens` prints it, behind `specimen:` on the command line.
  public var name: String
  /// The first says in a sentence what goes wrong.
  public var paragraphs: [String]
  public var crossing: CrossingKind
  public var platforms: [PlatformName]
  public var profiles: [ProfileName]
  public var posture: PostureName
  /// The events that break it; none where the crossing alone does.
  public var path: [Step]
  /// So many events it takes: with fewer nothing is found.
  public var depth: Int { path.count }
  /// The invariant that must name it.
  public var invariant: InvariantName
  /// What no invariant sees yet, so that the path breaks none; nil where one does.
  public var unseen: String?

  /// Lower-case letters, digits and hyphens: nothing that could lead out of a folder.
  public static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 64
      && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
  }
}

/// What is wrong with a page.
public struct SpecimenError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  init(_ description: String) { self.description = description }
}

extension SpecimenDescription {
  /// The names of the fields that every page has, in their order. `unseen` may be there.
  public static let fields = ["crossing", "platform", "profile", "posture", "path", "depth", "invariant"]

  /// Reads the comment at the head of an assembly file.
  public init(name: String, source: String) throws(SpecimenError) {
    self.name = name
    var paragraphs: [String] = []
    var values: [String: String] = [:]
    var isOpen = false
    for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("//") else { break }
      let text = line.dropFirst(2).drop { $0 == " " }
      if let (field, value) = Self.field(text) {
        guard values.updateValue(value, forKey: field) == nil else { throw SpecimenError("\(field) is there twice") }
        isOpen = false
      } else if text.isEmpty {
        isOpen = false
      } else if isOpen {
        paragraphs[paragraphs.count - 1] += " " + text
      } else {
        paragraphs.append(String(text))
        isOpen = true
      }
    }
    for field in Self.fields where values[field] == nil { throw SpecimenError("the page has no \(field)") }
    guard let opening = paragraphs.first, opening.hasSuffix(".") else {
      throw SpecimenError("the page does not open with a sentence")
    }
    self.paragraphs = paragraphs
    crossing = try Self.member("crossing", values["crossing"]!)
    platforms = try Self.list("platform", values["platform"]!)
    profiles = try Self.list("profile", values["profile"]!)
    posture = PostureName(rawValue: try Self.name("posture", values["posture"]!))
    invariant = InvariantName(rawValue: try Self.name("invariant", values["invariant"]!))
    unseen = values["unseen"]
    path = []
    if values["path"] != "none" {
      for step in Self.parts(values["path"]!) { path.append(try Self.step(step)) }
    }
    guard values["depth"] == "\(path.count)" else {
      throw SpecimenError("depth is \(values["depth"]!), and the path has \(path.count) events")
    }
  }

  /// `name: value` of one of the fields.
  private static func field(_ text: Substring) -> (String, String)? {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let name = String(text[..<colon])
    guard fields.contains(name) || name == "unseen" else { return nil }
    return (name, String(text[text.index(after: colon)...].drop { $0 == " " }))
  }

  private static func parts(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { String($0.drop { $0 == " " }) }
  }

  private static func name(_ field: String, _ text: String) throws(SpecimenError) -> String {
    guard isName(text) else { throw SpecimenError("\(field): '\(text)' is no name") }
    return text
  }

  private static func member<V: Vocabulary>(_ field: String, _ text: String) throws(SpecimenError) -> V {
    guard let value = V(rawValue: text) else {
      throw SpecimenError("\(field): '\(text)' is not known (known: \(V.spellings))")
    }
    return value
  }

  private static func list<V: Vocabulary>(_ field: String, _ text: String) throws(SpecimenError) -> [V] {
    var values: [V] = []
    for part in parts(text) { values.append(try member(field, part)) }
    return values
  }

  /// `EVENT SYMBOL` or `EVENT SYMBOL+0xOFFSET`.
  private static func step(_ text: String) throws(SpecimenError) -> Step {
    let words = text.split(separator: " ")
    guard words.count == 2 else { throw SpecimenError("path: '\(text)' is not EVENT SYMBOL") }
    let place = words[1].split(separator: "+", maxSplits: 1)
    var offset: UInt64 = 0
    if place.count == 2 {
      guard let word = HexadecimalWord(String(place[1])) else {
        throw SpecimenError("path: '\(place[1])' is no hexadecimal offset")
      }
      offset = word.value
    }
    return Step(event: try member("path", String(words[0])), symbol: String(place[0]), offset: offset)
  }
}
