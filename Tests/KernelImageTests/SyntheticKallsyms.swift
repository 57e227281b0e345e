/// A kallsyms blob as scripts/kallsyms.c of the four generations lays it out, for the data segment of a synthetic ELF file.
struct SyntheticKallsyms {
  enum Layout: CaseIterable {
    /// Linux 5.10: one length byte, no seqs_of_names.
    case oneByteLengths
    /// Linux 6.1 as Debian builds it: lengths of one or two bytes, seqs_of_names before token_table.
    case offsetsInFront
    /// Linux 6.4 to 6.14: the offsets move behind token_index.
    case offsetsBehind
    /// Linux 6.15: no absolute per-CPU symbols, every offset counts up from relative_base.
    case countingUp
    /// Linux 7.0: each offset counts from its own place, there is no relative_base, and tables are aligned to 4 bytes.
    case placeRelative
    /// Addresses in full, from the days before KALLSYMS_BASE_RELATIVE or without it.
    case absolute
  }

  struct Symbol {
    var address: UInt64
    /// With the type letter in front.
    var name: String
  }

  /// By address, as the kernel's build sorts them.
  var symbols: [Symbol]
  var layout: Layout
  var base: UInt64 = 0xffff_ffff_8100_0000
  /// Where the blob is linked.
  var address = SyntheticELF.dataAddress

  /// A few tokens of several characters on top of one for each printable character.
  private static let words: [UInt8: String] = [1: "entry_", 2: "SYSCALL", 3: "_64", 4: "asm_", 5: "exc_", 128: "Tdo_"]

  func build() -> [UInt8] {
    var tokenTable = ByteBuffer()
    var tokenIndex = ByteBuffer()
    for token in 0..<256 {
      tokenIndex.append(UInt16(tokenTable.count))
      if let word = Self.words[UInt8(token)] {
        tokenTable.append(word.utf8)
      } else if token > 32, token < 127 {
        tokenTable.append([UInt8(token)])
      }
      tokenTable.append([0])
    }

    var names = ByteBuffer()
    var markers = ByteBuffer()
    for (number, symbol) in symbols.enumerated() {
      if number % 256 == 0 { markers.append(UInt32(names.count)) }
      let tokens = Self.tokens(symbol.name)
      if tokens.count < 128 || layout == .oneByteLengths {
        names.append([UInt8(tokens.count)])
      } else {
        names.append([UInt8(tokens.count & 0x7f | 0x80), UInt8(tokens.count >> 7)])
      }
      names.append(tokens)
    }
    let seqs = [UInt8](repeating: 0, count: 3 * symbols.count)

    var offsets = ByteBuffer()
    for symbol in symbols {
      switch layout {
      case .absolute: offsets.append(symbol.address)
      case .countingUp: offsets.append(UInt32(symbol.address - base))
      case .placeRelative: offsets.append(UInt32(0))  // Their places are known below.
      default:
        let absolute = symbol.address < base
        offsets.append(absolute ? Int32(symbol.address) : Int32(-1 - Int64(symbol.address - base)))
      }
    }
    if layout != .absolute, layout != .placeRelative {
      offsets.align(8)
      offsets.append(base)
    }
    var count = ByteBuffer()
    count.append(UInt32(symbols.count))

    let tables: [[UInt8]]
    switch layout {
    case .oneByteLengths, .absolute:
      tables = [offsets.bytes, count.bytes, names.bytes, markers.bytes, tokenTable.bytes, tokenIndex.bytes]
    case .offsetsInFront:
      tables = [offsets.bytes, count.bytes, names.bytes, markers.bytes, seqs, tokenTable.bytes, tokenIndex.bytes]
    case .offsetsBehind, .countingUp, .placeRelative:
      tables = [count.bytes, names.bytes, markers.bytes, tokenTable.bytes, tokenIndex.bytes, offsets.bytes, seqs]
    }
    var blob = ByteBuffer()
    var starts: [Int] = []
    for table in tables {
      blob.align(layout == .placeRelative ? 4 : 8)
      starts.append(blob.count)
      blob.append(table)
    }
    if layout == .placeRelative {
      for (number, symbol) in symbols.enumerated() {
        let at = starts[5] + 4 * number
        blob.put(UInt32(truncatingIfNeeded: symbol.address &- address &- UInt64(at)), at: at)
      }
    }
    return blob.bytes
  }

  /// Longest tokens first, as the kernel's build would use them.
  private static func tokens(_ name: String) -> [UInt8] {
    var tokens: [UInt8] = []
    var rest = Substring(name)
    while let first = rest.utf8.first {
      let word = words.filter { rest.hasPrefix($0.value) }.max { $0.value.count < $1.value.count }
      tokens.append(word?.key ?? first)
      rest = rest.dropFirst(word?.value.count ?? 1)
    }
    return tokens
  }

  /// An ELF file with this blob in its data segment.
  func inELF() -> [UInt8] { SyntheticELF(data: build()).build() }
}
