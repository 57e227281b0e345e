/// Sixty-four bits in a format that leaves the program: a string `0x…`, because a JSON number is a double to most
/// readers and loses the low bits of a kernel address (RFC 8259, "Numbers").
public struct HexadecimalWord: Hashable, Sendable, Codable {
  public var value: UInt64

  public init(_ value: UInt64) { self.value = value }

  /// Accepts `0x` and one to sixteen hexadecimal digits, nothing else.
  public init?(_ text: String) {
    let digits = text.utf8.dropFirst(2)
    guard text.hasPrefix("0x"), (1...16).contains(digits.count) else { return nil }
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt64(digit - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    self.value = value
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let word = HexadecimalWord(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not 0x and up to 16 hexadecimal digits")
    }
    self = word
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex(value))
  }
}

/// `0x` and the digits, without leading zeros, as reports write a number.
public func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
