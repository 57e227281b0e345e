/// The symbol table that a stripped Linux image carries for its own oopses, found by structure since nothing points to it.
/// Linux, scripts/kallsyms.c (writes it) and kernel/kallsyms.c (reads it).
///
/// Each name is a length and as many token numbers; token_table holds 256 strings. All tables are aligned to 8 bytes, from 7.0 to 4.
///
///     to 6.3:    offsets  relative_base  num_syms  names  markers  [seqs_of_names]  token_table  token_index
///     from 6.4:  num_syms  names  markers  token_table  token_index  offsets  relative_base  [seqs_of_names]
///     from 7.0:  the same without relative_base
///
/// token_table is found by the ten digits, which are nearly always tokens of their own and stand together; token_index, of which every
/// value is known by then, confirms it. num_syms is found by walking back from there until a number's worth of names ends where
/// markers begin and markers, of which every value is known too, confirms that. Addresses in ascending order confirm the offsets.
///
/// Not decoded: images without CONFIG_KALLSYMS (none are there), before 4.20 (64-bit markers).
struct Kallsyms {
  let bytes: UnsafeBufferPointer<UInt8>
  let segments: [KernelImage.LoadSegment]
  /// Steps left. A real image takes a few million; a hostile one runs out and has no symbols, in bounded time.
  var budget: Int

  struct Tokens {
    var table: Range<Int>
    var index: Range<Int>
  }

  struct Names {
    var countField: Int
    var starts: Int
    var count: Int
    /// Lengths above 127 take two bytes since 6.1; before, a length is one byte.
    var twoByteLengths: Bool
  }

  /// The symbols, or nil when the image holds no table that passes every check.
  static func decode(_ bytes: [UInt8], segments: [KernelImage.LoadSegment]) -> SymbolTable? {
    // SAFETY: every index is checked against the buffer's bounds below, and by the buffer itself in debug builds.
    bytes.withUnsafeBufferPointer { buffer in
      var kallsyms = Kallsyms(bytes: buffer, segments: segments, budget: 64 << 20)
      return kallsyms.decode()
    }
  }

  private mutating func decode() -> SymbolTable? {
    var from = 0
    while let digits = findDigits(from: from), budget > 0 {
      from = digits + 1
      guard let tokens = tokens(digits: digits), let names = names(before: tokens) else { continue }
      guard let addresses = addresses(names, tokens) else { continue }
      return symbols(names, tokens, addresses, ranges: segments.map(\.virtualRange))
    }
    return nil
  }

  /// "0" to "9", each with its NUL.
  private static let digits: [UInt8] = (UInt8(ascii: "0")...UInt8(ascii: "9")).flatMap { [$0, 0] }

  /// The first place of the digits from `from` on. Wherever the 20 bytes stand, they cover a whole word at a multiple of 8, so one look at
  /// each such word is enough.
  func findDigits(from: Int) -> Int? {
    let raw = UnsafeRawBufferPointer(bytes)
    for at in stride(from: aligned(from, 8), through: bytes.count - 8, by: 8) {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      let start: Int
      if word & 0xfff0_fff0_fff0_fff0 == 0x0030_0030_0030_0030 {
        start = at - 2 * Int(word & 15)
      } else if word & 0xf0ff_f0ff_f0ff_f0ff == 0x3000_3000_3000_3000 {
        start = at + 1 - 2 * Int(word >> 8 & 15)
      } else {
        continue
      }
      guard start >= from, start <= bytes.count - Kallsyms.digits.count else { continue }
      if bytes[start..<start + Kallsyms.digits.count].elementsEqual(Kallsyms.digits) { return start }
    }
    return nil
  }

  func u16(_ at: Int) -> Int { Int(bytes[at]) | Int(bytes[at + 1]) << 8 }
  func u32(_ at: Int) -> UInt32 { UInt32(u16(at)) | UInt32(u16(at + 2)) << 16 }
  private func u64(_ at: Int) -> UInt64 { UInt64(u32(at)) | UInt64(u32(at + 4)) << 32 }

  /// token_table and token_index around a hit, if token_index says what token_table is.
  mutating func tokens(digits: Int) -> Tokens? {
    let zero = Int(UInt8(ascii: "0"))
    // Forward from the digits to the table's end; offsets into it have 16 bits.
    var at = digits
    var stringsLeft = 256 - zero
    while stringsLeft > 0 {
      guard at < bytes.count, at - digits < 1 << 16 else { return nil }
      if bytes[at] == 0 { stringsLeft -= 1 }
      at += 1
    }
    budget -= at - digits
    for index in Set([aligned(at, 4), aligned(at, 8)]).sorted() where index <= bytes.count - 512 {
      let start = digits - u16(index + 2 * zero)
      guard start >= 0 else { continue }
      var expected = 0
      var position = start
      var good = true
      for token in 0..<256 where good {
        good = u16(index + 2 * token) == expected
        while position < at, bytes[position] != 0 { position += 1 }
        position += 1
        expected = position - start
      }
      budget -= at - start
      if good, position == at { return Tokens(table: start..<at, index: index..<index + 512) }
    }
    return nil
  }

  /// num_syms, names and markers before token_table.
  private mutating func names(before tokens: Tokens) -> Names? {
    let table = tokens.table.lowerBound
    var field = (table - 12) & ~3
    while field >= 0, budget > 0 {
      budget -= 1
      // A name has at least a length and one token.
      if let count = Int(exactly: u32(field)), count > 0, count <= (table - field) / 2 {
        for markers in markerPlaces(count, before: table) where markers > field && u32(markers) == 0 {
          for starts in [field + 4, field + 8] {
            for twoByteLengths in [true, false] {
              let names = Names(countField: field, starts: starts, count: count, twoByteLengths: twoByteLengths)
              if agree(names, markers) { return names }
            }
          }
        }
      }
      field -= 4
    }
    return nil
  }

  /// Where markers must stand for that many symbols: straight before token_table or, before 6.4, with three bytes for each symbol between.
  /// Alignment leaves a few places to try.
  private func markerPlaces(_ count: Int, before table: Int) -> [Int] {
    let size = 4 * ((count + 255) / 256)
    let ends = [table & ~3, (table - 3 * count) & ~3].flatMap { [$0, $0 - 4, $0 - 8] }
    return ends.map { $0 - size }.filter { $0 >= 0 }
  }

  /// Whether the names, walked from end to end, pass every marker and stop where markers begin.
  private mutating func agree(_ names: Names, _ markers: Int) -> Bool {
    var at = names.starts
    for number in 0..<names.count {
      budget -= 1
      if number & 255 == 0, Int(u32(markers + 4 * (number >> 8))) != at - names.starts || budget <= 0 { return false }
      guard let (length, start) = nameLength(at, names.twoByteLengths, markers) else { return false }
      at = start + length
    }
    return at <= markers && markers - at < 8
  }

  /// How many tokens a name has, and where they start.
  func nameLength(_ at: Int, _ twoByteLengths: Bool, _ limit: Int) -> (length: Int, start: Int)? {
    guard at + 1 < limit else { return nil }
    let first = Int(bytes[at])
    if first == 0 { return nil }
    if !twoByteLengths || first < 0x80 { return (first, at + 1) }
    return (first & 0x7f | Int(bytes[at + 1]) << 7, at + 2)
  }

  private func aligned(_ at: Int, _ alignment: Int) -> Int { (at + alignment - 1) & ~(alignment - 1) }
}

// MARK: - Addresses and symbols

extension Kallsyms {
  /// The ways of writing an address (Linux, init/Kconfig, KALLSYMS_BASE_RELATIVE and, to 6.14, KALLSYMS_ABSOLUTE_PERCPU), in the order in
  /// which they are tried: numbers that count up from a base also ascend when each is added to its own place.
  private enum Encoding: CaseIterable {
    /// Signed 32 bits: not negative is an absolute value, negative counts down from one below relative_base.
    case relativeAndAbsolute
    /// Unsigned 32 bits above relative_base.
    case relative
    /// 64 bits as they are.
    case absolute
    /// Signed 32 bits from the number's own place, as the linker's place-relative relocations leave them.
    case placeRelative

    var width: Int { self == .absolute ? 8 : 4 }
    /// The bytes of relative_base.
    var baseSize: Int { self == .absolute || self == .placeRelative ? 0 : 8 }
  }

  private mutating func addresses(_ names: Names, _ tokens: Tokens) -> [UInt64]? {
    for encoding in Encoding.allCases {
      let size = encoding.width * names.count
      let base = encoding.baseSize
      let after = encoding == .placeRelative ? tokens.index.upperBound : aligned(tokens.index.upperBound, 8)
      // Behind token_index, or before num_syms (with relative_base between, unless there is none).
      for (table, baseField) in [
        (after, aligned(after + size, 8)),
        ((names.countField & ~7) - base - aligned(size, 8), (names.countField & ~7) - base),
      ] {
        guard table >= 0, size <= bytes.count - table, baseField >= 0, baseField <= bytes.count - base else { continue }
        if let found = addresses(encoding, table, baseField, names.count), isPlausible(found, encoding) { return found }
      }
    }
    return nil
  }

  /// The lowest kernel address, behind any absolute symbols, belongs to code or data that the image loads; where no base confirms it, it is _text,
  /// with which a segment begins. The highest need not: Linux has sections that no segment loads.
  private func isPlausible(_ addresses: [UInt64], _ encoding: Encoding) -> Bool {
    guard let first = addresses.first(where: { $0 >= Kallsyms.upperHalf }) else { return false }
    if encoding == .placeRelative { return segments.contains { $0.virtualAddress == first } }
    return segments.contains { $0.virtualRange.contains(first) }
  }

  /// Canonical addresses above this are the kernel's.
  private static var upperHalf: UInt64 { 0xffff_8000_0000_0000 }

  /// Nil unless the addresses ascend.
  private mutating func addresses(_ encoding: Encoding, _ table: Int, _ baseField: Int, _ count: Int) -> [UInt64]? {
    let base: UInt64
    switch encoding {
    case .relativeAndAbsolute, .relative:
      base = u64(baseField)
      if base < Kallsyms.upperHalf { return nil }
    case .absolute: base = 0
    case .placeRelative:
      guard let place = virtualAddress(table) else { return nil }
      base = place
    }
    var addresses: [UInt64] = []
    var last: UInt64 = 0
    for number in 0..<count {
      let address: UInt64
      switch encoding {
      case .relativeAndAbsolute:
        let offset = Int32(bitPattern: u32(table + 4 * number))
        address = offset >= 0 ? UInt64(offset) : base &- 1 &- UInt64(bitPattern: Int64(offset))
      case .relative: address = base &+ UInt64(u32(table + 4 * number))
      case .absolute: address = u64(table + 8 * number)
      case .placeRelative:
        let offset = Int32(bitPattern: u32(table + 4 * number))
        address = base &+ UInt64(4 * number) &+ UInt64(bitPattern: Int64(offset))
      }
      budget -= 1
      if address < last || budget <= 0 { return nil }
      last = address
      addresses.append(address)
    }
    return addresses
  }

  /// Where a byte of the image is linked.
  private func virtualAddress(_ at: Int) -> UInt64? {
    guard let segment = segments.first(where: { $0.fileRange.contains(at) }) else { return nil }
    return segment.virtualAddress &+ UInt64(at - segment.fileRange.lowerBound)
  }

  mutating func symbols(
    _ names: Names, _ tokens: Tokens, _ addresses: [UInt64], ranges: [Range<UInt64>]
  ) -> SymbolTable? {
    var builder = SymbolTable.Builder()
    builder.reserve(symbols: names.count)
    var name: [UInt8] = []
    var at = names.starts
    for number in 0..<names.count {
      guard let (length, start) = nameLength(at, names.twoByteLengths, tokens.table.lowerBound) else { return nil }
      name.removeAll(keepingCapacity: true)
      for token in bytes[start..<start + length] {
        var position = tokens.table.lowerBound + u16(tokens.index.lowerBound + 2 * Int(token))
        while bytes[position] != 0 {
          name.append(bytes[position])
          position += 1
        }
        if name.count > Kallsyms.longestName { return nil }
      }
      at = start + length
      guard let type = name.first, name.count > 1 else { return nil }
      guard builder.add(name.dropFirst(), address: addresses[number], type: type) else { return nil }
    }
    return builder.finish(ranges: ranges)
  }

  /// Linux, include/linux/kallsyms.h: KSYM_NAME_LEN is 512 with the type letter and the NUL.
  private static var longestName: Int { 512 }
}
