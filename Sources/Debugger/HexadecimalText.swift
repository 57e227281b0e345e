/// Numbers and bytes as the remote protocol writes them: hexadecimal digits, bytes in the order of memory.

/// 0 to 15; nil for what is no hexadecimal digit.
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}

/// Two digits for each byte.
func hexadecimalText(_ bytes: some Sequence<UInt8>) -> [UInt8] {
  let digits = Array("0123456789abcdef".utf8)
  return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
}

/// The bytes that pairs of digits stand for; nil for anything else.
func bytes(ofHexadecimal text: some Collection<UInt8>) -> [UInt8]? {
  let digits = text.compactMap(hexadecimalDigit)
  guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// The number that one to sixteen digits stand for, the most significant first; nil for anything else.
func number(ofHexadecimal text: some Collection<UInt8>) -> UInt64? {
  guard (1...16).contains(text.count) else { return nil }
  var value: UInt64 = 0
  for byte in text {
    guard let digit = hexadecimalDigit(byte) else { return nil }
    value = value << 4 | UInt64(digit)
  }
  return value
}

/// The bytes of a number as memory holds them.
func littleEndian<Word: FixedWidthInteger>(_ value: Word) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}
