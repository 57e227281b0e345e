/// A line of a source file.
public struct SourceLine: Hashable, Sendable {
  /// As the compiler was told its name.
  public var file: String
  /// From 1.
  public var line: Int

  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }
}

extension SourceLine: CustomStringConvertible {
  public var description: String { "\(file):\(line)" }
}

/// An address in the kernel, with the name that `kallsyms` gives it when it gives one.
public struct Location: Hashable, Sendable {
  public var address: UInt64
  public var symbol: String?
  /// Distance from the symbol's first byte; zero when there is no symbol.
  public var offset: UInt64
  /// What it was assembled or compiled from, where that is known.
  public var source: SourceLine?

  public init(address: UInt64, symbol: String? = nil, offset: UInt64 = 0) {
    self.address = address
    self.symbol = symbol
    self.offset = symbol == nil ? 0 : offset
  }

  /// As the kernel's own tools write a place in a function: `entry_SYSCALL_64()+0x9`.
  public var functionForm: String {
    guard let symbol else { return hex(address) }
    return offset == 0 ? "\(symbol)()" : "\(symbol)()+\(hex(offset))"
  }
}

extension Location: CustomStringConvertible {
  /// `entry_SYSCALL_64+0x9`, or the address when nothing is known about it.
  public var description: String {
    guard let symbol else { return hex(address) }
    return offset == 0 ? symbol : "\(symbol)+\(hex(offset))"
  }
}

extension Location {
  /// With the line of source, where that is known.
  public var sourcedDescription: String { source.map { "\(self), \($0)" } ?? description }
}

extension Location: Comparable {
  public static func < (a: Location, b: Location) -> Bool {
    (a.address, a.symbol ?? "", a.offset) < (b.address, b.symbol ?? "", b.offset)
  }
}

extension Location: Codable {
  enum CodingKeys: String, CodingKey { case address, symbol, offset, file, line }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      address: try fields.decode(HexadecimalWord.self, forKey: .address).value,
      symbol: try fields.decodeIfPresent(String.self, forKey: .symbol),
      offset: try fields.decodeIfPresent(UInt64.self, forKey: .offset) ?? 0)
    if let file = try fields.decodeIfPresent(String.self, forKey: .file) {
      source = SourceLine(file: file, line: try fields.decode(Int.self, forKey: .line))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(HexadecimalWord(address), forKey: .address)
    try fields.encodeIfPresent(source?.file, forKey: .file)
    try fields.encodeIfPresent(source?.line, forKey: .line)
    guard let symbol else { return }
    try fields.encode(symbol, forKey: .symbol)
    try fields.encode(offset, forKey: .offset)
  }
}
