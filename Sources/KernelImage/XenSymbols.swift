/// The symbol table that Xen's image carries for its own panics. It has the shape of Linux's kallsyms, whose tokens it shares, in another
/// order and with other addresses.
///
/// Xen, xen/tools/symbols.c (writes it) and xen/common/symbols.c (reads it); XEN_VIRT_START in xen/arch/x86/include/asm/config.h.
///
///     offsets  num_addrs  names  [num_names  sorted_offsets]  markers  token_table  token_index
///
/// An offset is counted from where Xen is linked. The image says nowhere where that is: it is loaded at the same offset in physical
/// memory, and what is below is the address of every version from 4.3 on.
enum XenSymbols {
  static let origin: UInt64 = 0xFFFF_82D0_4000_0000
}

extension Kallsyms {
  /// The symbols, or nil when the image holds no such table.
  static func decodeXen(_ bytes: [UInt8]) -> SymbolTable? {
    // SAFETY: every index is checked against the buffer's bounds below, and by the buffer itself in debug builds.
    bytes.withUnsafeBufferPointer { buffer in
      var kallsyms = Kallsyms(bytes: buffer, segments: [], budget: 16 << 20)
      return kallsyms.decodeXen()
    }
  }

  private mutating func decodeXen() -> SymbolTable? {
    var from = 0
    while let digits = findDigits(from: from), budget > 0 {
      from = digits + 1
      guard let tokens = tokens(digits: digits), let markers = markers(before: tokens.table.lowerBound),
        let names = xenNames(before: markers), let addresses = xenAddresses(names), let end = addresses.last
      else { continue }
      // The last name is the linker's mark of the end. What Xen maps behind it, such as the entries of each processor (`alloc_stub_page`
      // in xen/arch/x86/smpboot.c), is none of the image's.
      return symbols(names, tokens, addresses, ranges: [XenSymbols.origin..<end])
    }
    return nil
  }

  /// Offsets of every 256th name, the first of them 0, up to where the token table begins.
  private mutating func markers(before end: Int) -> Range<Int>? {
    var last = UInt64.max
    var at = end & ~3
    // Alignment may leave a word of zeros.
    if at >= 8, u32(at - 4) == 0 { at -= 4 }
    let upper = at
    while at >= 4, budget > 0 {
      budget -= 1
      let value = UInt64(u32(at - 4))
      guard value < last else { return nil }
      last = value
      at -= 4
      if value == 0 { return at..<upper }
    }
    return nil
  }

  /// num_addrs with the names behind it: so many that the markers fit, each of which is met.
  private mutating func xenNames(before markers: Range<Int>) -> Names? {
    let groups = markers.count / 4
    let lastMarker = Int(u32(markers.upperBound - 4))
    var field = (markers.lowerBound - lastMarker - 4) & ~3
    while field >= 0, budget > 0 {
      budget -= 1
      let count = Int(u32(field))
      if count > (groups - 1) * 256, count <= groups * 256 {
        let names = Names(countField: field, starts: field + 4, count: count, twoByteLengths: false)
        if meets(names, markers) { return names }
      }
      field -= 4
    }
    return nil
  }

  private mutating func meets(_ names: Names, _ markers: Range<Int>) -> Bool {
    var at = names.starts
    for number in 0..<names.count {
      budget -= 1
      if number & 255 == 0, Int(u32(markers.lowerBound + 4 * (number >> 8))) != at - names.starts || budget <= 0 {
        return false
      }
      guard let (length, start) = nameLength(at, false, markers.lowerBound) else { return false }
      at = start + length
    }
    return at <= markers.lowerBound
  }

  /// They ascend, and lie behind the origin.
  private mutating func xenAddresses(_ names: Names) -> [UInt64]? {
    // num_addrs is a word of its own, or the low half of a longer one.
    for end in [names.countField, names.countField - 4] {
      let table = end - 4 * names.count
      guard table >= 0 else { continue }
      let offsets = (0..<names.count).map { u32(table + 4 * $0) }
      budget -= names.count
      guard zip(offsets, offsets.dropFirst()).allSatisfy(<=), let last = offsets.last, last < 1 << 30, last > 0 else {
        continue
      }
      return offsets.map { XenSymbols.origin + UInt64($0) }
    }
    return nil
  }
}
