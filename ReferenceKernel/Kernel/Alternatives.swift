// The patch sites of threshold.h: where the feature of an entry is present, the replacement takes the place of the site's bytes;
// what is left of the site becomes NOPs of the recommended forms (SDM vol. 2B, "NOP").

enum Alternatives {
  /// Every entry of the table, in its order, before anything runs that could be at a site.
  static func apply() {
    var features: UInt = 1 << UInt(kernel.on_xen != 0 ? FEATURE_XENPV : FEATURE_NATIVE)
    if irq_tracing_address() != 0 { features |= 1 << UInt(FEATURE_IRQ_TRACING) }
    var entry = alternatives_address()
    while entry < alternatives_end_address() {
      patch(entry, features)
      entry += UInt(MemoryLayout<alternative>.size)
    }
    // The processor may have fetched what was patched: SDM vol. 3A, "Handling Self- and Cross-Modifying Code".
    serialise(0)
  }

  private static func patch(_ entry: UInt, _ features: UInt) {
    let site = relative(entry)
    let replacement = relative(entry + 4)
    let words = load_half(entry + 8)
    let (feature, length, count) = (UInt(words & 0xFFFF), UInt(words >> 16 & 0xFF), UInt(words >> 24))
    var used = length
    if features >> feature & 1 != 0 {
      copy_bytes(site, replacement, count)
      let opcode = load_byte(replacement)
      if count == 5, opcode == 0xE8 || opcode == 0xE9 {
        store_half(site + 1, load_half(replacement + 1) &+ UInt32(truncatingIfNeeded: replacement &- site))
      }
      used = count
    } else {
      // The bytes that the assembler filled the site up with.
      while used > 0, load_byte(site + used - 1) == 0x90 { used -= 1 }
    }
    fill(site + used, length - used)
  }

  private static func relative(_ place: UInt) -> UInt {
    place &+ UInt(bitPattern: Int(Int32(bitPattern: load_half(place))))
  }

  private static func fill(_ address: UInt, _ length: UInt) {
    var at = address
    var left = length
    while left > 0 {
      let count = min(left, 8)
      for index in 0..<count { store_byte(at + index, nop(count, index)) }
      at += count
      left -= count
    }
  }

  /// The byte at `index` of the NOP of `count` bytes: 0F 1F with a ModR/M, a SIB where it needs one, a displacement, and a 66 prefix.
  private static func nop(_ count: UInt, _ index: UInt) -> UInt8 {
    let bytes: UInt =
      switch count {
      case 1: 0x90
      case 2: 0x9066
      case 3: 0x001F_0F
      case 4: 0x0040_1F0F
      case 5: 0x00_0044_1F0F
      case 6: 0x0000_441F_0F66
      case 7: 0x0000_0000_801F_0F
      default: 0x0000_0000_0084_1F0F
      }
    return UInt8(truncatingIfNeeded: bytes >> (index * 8))
  }
}
