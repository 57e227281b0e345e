/// Reading a witness back. A file someone edited by hand, cut short or made up must be refused with one line that names
/// the field, never half understood: every field must be there, be of its type and within its bounds, and no other.

public enum WitnessError: Error, Hashable, Sendable {
  case tooLarge(bytes: Int)
  case notJSON(JSONSyntaxError)
  case otherFormat(String)
  case otherVersion(String)
  case missing(field: String)
  case unknown(field: String)
  case wrongType(field: String, expected: String, found: String)
  case badValue(field: String, problem: String)
}

extension WitnessError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLarge(let bytes): "\(bytes) bytes are too many for a witness (at most \(Witness.largest))"
    case .notJSON(let error): "not a witness: \(error)"
    case .otherFormat(let format): "not a witness: its format is '\(printable(format, limit: 40))'"
    case .otherVersion(let version): "witness version \(version) is not known, only \(Witness.version)"
    case .missing(let field): "field '\(field)' is missing"
    case .unknown(let field): "field '\(printable(field, limit: 80))' is not part of a witness"
    case .wrongType(let field, let expected, let found): "field '\(field)' should be \(expected), not \(found)"
    case .badValue(let field, let problem): "field '\(field)': \(problem)"
    }
  }
}

extension Witness {
  /// A megabyte holds thousands of steps.
  public static let largest = 1 << 20
  public static let mostSteps = 1024
  /// MiB; a terabyte of guest memory is a typing error.
  public static let memoryRange = 1...(1 << 20)

  public init(reading bytes: [UInt8]) throws(WitnessError) {
    guard bytes.count <= Witness.largest else { throw .tooLarge(bytes: bytes.count) }
    let value: JSONValue
    do { value = try JSONValue(reading: bytes) } catch { throw .notJSON(error) }

    var fields = try FieldReader(value, path: "")
    // Another format is said before anything about its fields is.
    let format = try fields.string("format")
    guard format == Witness.format else { throw .otherFormat(format) }
    let version = try fields.integer("version", in: 0...Int.max)
    guard version == Witness.version else { throw .otherVersion(String(version)) }

    var image = try fields.object("kernel")
    let kernel = try image.identity()
    let kernelPath = try image.text("path")
    try image.end()
    var hypervisor: Hypervisor?
    if fields.members["hypervisor"] != nil {
      var below = try fields.object("hypervisor")
      hypervisor = Hypervisor(
        identity: try below.identity(), path: try below.text("path"), commandLine: try below.string("commandLine"))
      try below.end()
    }

    self.init(
      limen: try fields.text("limen"), kernel: kernel, kernelPath: kernelPath,
      platform: try fields.member("platform"), profile: try fields.member("profile"),
      memory: try fields.integer("memory", in: Witness.memoryRange), commandLine: try fields.string("commandLine"),
      crossing: try fields.member("crossing"), posture: PostureName(rawValue: try fields.name("posture")),
      seed: try fields.word("seed"), ablations: try Witness.ablations(&fields),
      invariant: InvariantName(rawValue: try fields.name("invariant")), path: try Witness.path(&fields),
      hypervisor: hypervisor)
    guard platform.needsHypervisor == (hypervisor != nil) else {
      throw hypervisor == nil ? .missing(field: "hypervisor") : .unknown(field: "hypervisor")
    }
    try fields.end()
  }

  private static func ablations(_ fields: inout FieldReader) throws(WitnessError) -> [AblationName] {
    var names: [AblationName] = []
    for (index, element) in try fields.array("ablations").enumerated() {
      let field = "ablations[\(index)]"
      guard case .string(let name) = element else {
        throw .wrongType(field: field, expected: "a string", found: element.typeName)
      }
      names.append(AblationName(rawValue: try FieldReader.checkedName(name, field: field)))
    }
    guard Set(names).count == names.count else { throw .badValue(field: "ablations", problem: "a name occurs twice") }
    return names
  }

  private static func path(_ fields: inout FieldReader) throws(WitnessError) -> Path {
    let elements = try fields.array("path")
    guard elements.count <= mostSteps else {
      throw .badValue(field: "path", problem: "\(elements.count) steps are too many (at most \(mostSteps))")
    }
    var steps: [PathStep] = []
    for (index, element) in elements.enumerated() {
      var step = try FieldReader(element, path: "path[\(index)]")
      let boundary = try step.integer("boundary", in: 0...Int.max)
      if let last = steps.last, boundary < last.boundary {
        throw .badValue(field: "path[\(index)].boundary", problem: "lies before the step that precedes it")
      }
      let event: EventKind = try step.member("event")
      var place = try step.object("location")
      let address = try place.word("address")
      var location = Location(address: address)
      if place.has("symbol") {
        location = Location(
          address: address, symbol: try place.text("symbol"),
          offset: UInt64(try place.integer("offset", in: 0...Int.max)))
      }
      try place.end()
      try step.end()
      steps.append(PathStep(boundary: boundary, location: location, event: event))
    }
    return Path(steps)
  }
}

/// One object's fields, taken one by one; what is left at the end should not be there.
private struct FieldReader {
  let path: String
  var members: [String: JSONValue]

  init(_ value: JSONValue, path: String) throws(WitnessError) {
    guard case .object(let members) = value else {
      guard !path.isEmpty else { throw .otherFormat(value.typeName) }
      throw .wrongType(field: path, expected: "an object", found: value.typeName)
    }
    self.path = path
    self.members = members
  }

  func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  func has(_ name: String) -> Bool { members[name] != nil }

  mutating func take(_ name: String) throws(WitnessError) -> JSONValue {
    guard let value = members.removeValue(forKey: name) else { throw .missing(field: full(name)) }
    return value
  }

  mutating func string(_ name: String) throws(WitnessError) -> String {
    let value = try take(name)
    guard case .string(let text) = value else {
      throw .wrongType(field: full(name), expected: "a string", found: value.typeName)
    }
    guard !text.utf8.contains(0) else { throw .badValue(field: full(name), problem: "holds a NUL") }
    return text
  }

  /// A string that says something.
  mutating func text(_ name: String) throws(WitnessError) -> String {
    let text = try string(name)
    guard !text.isEmpty else { throw .badValue(field: full(name), problem: "is empty") }
    return text
  }

  /// A name of an open list: lower-case letters, digits and hyphens, so that it can be typed and be part of a file name.
  mutating func name(_ name: String) throws(WitnessError) -> String {
    try FieldReader.checkedName(try string(name), field: full(name))
  }

  static func checkedName(_ text: String, field: String) throws(WitnessError) -> String {
    let allowed = text.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
    }
    guard allowed, (1...64).contains(text.utf8.count) else {
      throw .badValue(
        field: field, problem: "'\(printable(text, limit: 40))' is no name (letters a-z, digits, hyphens)")
    }
    return text
  }

  mutating func member<V: Vocabulary>(_ name: String) throws(WitnessError) -> V {
    let text = try string(name)
    guard let value = V(rawValue: text) else {
      throw .badValue(
        field: full(name), problem: "'\(printable(text, limit: 40))' is not known (known: \(V.spellings))")
    }
    return value
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(WitnessError) -> Int {
    let value = try take(name)
    guard case .number(let digits) = value else {
      throw .wrongType(field: full(name), expected: "a number", found: value.typeName)
    }
    guard let number = Int(digits), range.contains(number) else {
      throw .badValue(
        field: full(name),
        problem: "\(printable(digits, limit: 40)) is no whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func word(_ name: String) throws(WitnessError) -> UInt64 {
    let text = try string(name)
    guard let word = HexadecimalWord(text) else {
      throw .badValue(
        field: full(name), problem: "'\(printable(text, limit: 40))' is not 0x and up to 16 hexadecimal digits")
    }
    return word.value
  }

  mutating func array(_ name: String) throws(WitnessError) -> [JSONValue] {
    let value = try take(name)
    guard case .array(let elements) = value else {
      throw .wrongType(field: full(name), expected: "an array", found: value.typeName)
    }
    return elements
  }

  /// An image's name and digest.
  mutating func identity() throws(WitnessError) -> KernelIdentity {
    let digest = try string("sha256")
    guard digest.utf8.count == 64, digest.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { throw .badValue(field: full("sha256"), problem: "should be 64 lower-case hexadecimal digits") }
    return KernelIdentity(name: try text("name"), sha256: digest)
  }

  mutating func object(_ name: String) throws(WitnessError) -> FieldReader {
    try FieldReader(try take(name), path: full(name))
  }

  /// Nothing may be left over; of several the first by name is reported.
  func end() throws(WitnessError) {
    guard let extra = members.keys.sorted().first else { return }
    throw .unknown(field: full(extra))
  }
}
