/// The text that the kernel's build leaves beside an image: a line for each symbol, an address in hexadecimal, the letter that `nm` prints,
/// and the name. Linux, scripts/mksysmap.
enum SystemMap {
  static func symbols(_ file: ImageBytes, _ ranges: [Range<UInt64>]) throws(ImageError) -> SymbolTable {
    var builder = SymbolTable.Builder()
    var number = 0
    var rest = file.bytes[...]
    // Line by line, and never more than four fields: a list of all of them may take thirty times the file.
    while !rest.isEmpty {
      number += 1
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest[line.endIndex...].dropFirst()
      let at = UInt64(line.startIndex)
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count == 3, let address = address(fields[0]), fields[1].count == 1, let letter = fields[1].first,
        isLetter(letter), !fields[2].isEmpty, fields[2].allSatisfy({ $0 > 0x20 && $0 != 0x7f })
      else { throw file.malformed(at: at, "line \(number) is not an address, a letter and a name") }
      guard builder.add(fields[2], address: address, type: letter) else {
        throw file.unsupported(at: at, "more than \(SymbolTable.Builder.mostNameBytes) bytes of symbol names")
      }
    }
    guard number > 0 else { throw file.malformed(at: 0, "no line that names a symbol") }
    return builder.finish(ranges: ranges)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5a).contains(byte & ~0x20) || byte == UInt8(ascii: "?")
  }

  private static func address(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard (1...16).contains(digits.count) else { return nil }
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    return value
  }
}
