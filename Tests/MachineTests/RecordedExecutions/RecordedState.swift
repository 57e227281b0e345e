/// The state around one execution: registers, memory, and the x87, MMX and SSE state as FXSAVE has it. As text it is the list of what
/// differs from another state.
///
///     rax … r15, rflags, rip   hexadecimal
///     @210ffc=00ff             bytes of memory from that address on, in the order of their addresses
///     fcw fsw ftw mxcsr        ftw is the abridged tag word
///     st0 … st7                sign and exponent (4 digits), significand (16 digits)
///     xmm0 … xmm15             32 digits, the highest first

import HostInstructions
import Machine

struct RecordedState {
  var registers = Registers()
  /// From `HOST_MEMORY` to `HOST_MEMORY_END`.
  var memory: [UInt8]
  /// FXSAVE's area, in quadwords.
  var image = [UInt64](repeating: 0, count: 64)

  static let memoryBase = UInt64(HOST_MEMORY)
  static let memorySize = Int(HOST_MEMORY_END - HOST_MEMORY)

  /// What memory and the read-only page hold where nothing else is said.
  static func pattern(at address: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: address &* 0x25 &+ (address >> 8) &* 0x5B)
  }

  /// What a line of a recording differs from: general register i is i + 1 in every byte.
  static let initial: RecordedState = {
    var state = RecordedState(memory: (0..<UInt64(memorySize)).map { pattern(at: memoryBase + $0) })
    for i in 0..<16 { state.registers[i] = 0x0101_0101_0101_0101 &* UInt64(i + 1) }
    state.registers[Registers.rflags] = 0x202
    state.registers[Registers.rip] = UInt64(HOST_CODE) + 0x100
    state.image[0] = 0x37F
    state.image[3] = 0x1F80
    for i in 20..<52 { state.image[i] = 0x0101_0101_0101_0101 &* UInt64(i) }
    return state
  }()

  // MARK: Fields

  /// A number at a place in the image: the quadword, the lowest bit, and how many bits.
  private static let words: [(name: String, quadword: Int, shift: UInt64, mask: UInt64)] = [
    ("fcw", 0, 0, 0xFFFF), ("fsw", 0, 16, 0xFFFF), ("ftw", 0, 32, 0xFF), ("mxcsr", 3, 0, 0xFFFF_FFFF),
  ]

  subscript(word i: Int) -> UInt64 {
    get { image[Self.words[i].quadword] >> Self.words[i].shift & Self.words[i].mask }
    set {
      let (_, at, shift, mask) = Self.words[i]
      image[at] = image[at] & ~(mask << shift) | (newValue & mask) << shift
    }
  }
  static let wordCount = words.count

  /// What differs from `other`, of RFLAGS the bits of `flags` alone.
  func fields(from other: RecordedState, flags: UInt64 = ~0) -> [String] {
    var fields: [String] = []
    for i in 0..<18 where (registers[i] ^ other.registers[i]) & (i == Registers.rflags ? flags : ~0) != 0 {
      let value = i == Registers.rflags ? registers[i] & flags | other.registers[i] & ~flags : registers[i]
      fields.append("\(Registers.names[i])=\(hex(value))")
    }
    for i in 0..<Self.wordCount where self[word: i] != other[word: i] {
      fields.append("\(Self.words[i].name)=\(hex(self[word: i]))")
    }
    for i in 0..<8 {
      let at = 4 + 2 * i
      let (low, high) = (image[at], image[at + 1] & 0xFFFF)
      if low != other.image[at] || high != other.image[at + 1] & 0xFFFF {
        fields.append("st\(i)=\(hex(high, digits: 4))\(hex(low, digits: 16))")
      }
    }
    for i in 0..<16 {
      let at = 20 + 2 * i
      if image[at] != other.image[at] || image[at + 1] != other.image[at + 1] {
        fields.append("xmm\(i)=\(hex(image[at + 1], digits: 16))\(hex(image[at], digits: 16))")
      }
    }
    return fields + memoryFields(from: other)
  }

  private func memoryFields(from other: RecordedState) -> [String] {
    var fields: [String] = []
    var at = 0
    while at < Self.memorySize {
      guard memory[at] != other.memory[at] else {
        at += 1
        continue
      }
      let start = at
      while at < Self.memorySize, memory[at] != other.memory[at] { at += 1 }
      fields.append(
        "@\(hex(Self.memoryBase + UInt64(start)))=" + memory[start..<at].map { hex(UInt64($0), digits: 2) }.joined())
    }
    return fields
  }

  /// Takes over one field; false where it is none of a state's.
  mutating func set(_ name: Substring, _ value: Substring) -> Bool {
    if name.first == "@" {
      guard let address = UInt64(name.dropFirst(), radix: 16), value.count % 2 == 0 else { return false }
      var digits = value
      var at = Int(truncatingIfNeeded: address &- Self.memoryBase)
      while !digits.isEmpty {
        guard memory.indices.contains(at), let byte = UInt8(digits.prefix(2), radix: 16) else { return false }
        memory[at] = byte
        at += 1
        digits = digits.dropFirst(2)
      }
      return true
    }
    if let i = Registers.names.firstIndex(of: String(name)) {
      guard let number = UInt64(value, radix: 16) else { return false }
      registers[i] = number
      return true
    }
    if let i = Self.words.firstIndex(where: { $0.name == name }) {
      guard let number = UInt64(value, radix: 16) else { return false }
      self[word: i] = number
      return true
    }
    guard let low = UInt64(value.suffix(16), radix: 16), let high = UInt64(value.dropLast(16), radix: 16) else {
      return false
    }
    let at: Int
    if name.hasPrefix("st"), let i = Int(name.dropFirst(2)), 0..<8 ~= i {
      at = 4 + 2 * i
    } else if name.hasPrefix("xmm"), let i = Int(name.dropFirst(3)), 0..<16 ~= i {
      at = 20 + 2 * i
    } else {
      return false
    }
    (image[at], image[at + 1]) = (low, high)
    return true
  }
}

/// Hexadecimal, with leading zeros up to so many digits.
func hex(_ value: UInt64, digits: Int = 1) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
