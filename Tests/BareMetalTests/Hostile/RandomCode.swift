/// Random machine code for privilege 0 and 3, random registers and damaged system tables: what no kernel would do.
import Machine

struct RandomCode {
  private var state: UInt64
  let memorySize: UInt64

  init(seed: UInt64, memorySize: Int) {
    state = seed
    self.memorySize = UInt64(memorySize)
  }

  /// Marsaglia's xorshift64.
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func below(_ bound: Int) -> Int { Int(next() >> 11) % bound }
  private mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  // MARK: Addresses

  /// Addresses at which something ends, or something is.
  private var places: [UInt64] {
    [
      memorySize, memorySize - 0x1000, 0xFEE0_0000, 0xFEE0_0080, 0xFEE0_0300, 0xFEE0_0380, 0xFEE0_1000, 0xC000_0000,
      0xFFFF_F000, 0x1_0000_0000, 0x8000_0000_0000, 0x7FFF_FFFF_F000, 0xFFFF_8000_0000_0000, 0, 0xFFFF_FFFF_FFFF_FFF0,
      LongModeStart.tables, LongModeStart.tables + 0x1000, LongModeStart.tables + 0x2000, LongModeStart.handlers,
      LongModeStart.stackTop, LongModeStart.code, LongModeStart.code + 0x40, 0x2000, 0x3000, 0x40_0000,
    ]
  }

  mutating func address() -> UInt64 { pick(places) &+ UInt64(below(72)) &- 36 }

  mutating func value() -> UInt64 {
    switch below(8) {
    case 0...3: address()
    case 4: UInt64(below(300))
    case 5: next()
    case 6: UInt64(1) << UInt64(below(64))
    default: pick([0xC000_0080, 0x1B, 0x401, 0x277, 0xC000_0101, 0xC001_0004, 0x10, 0x3F8, 0x20, 0x43, 0x70, 0xCF9])
    }
  }

  // MARK: Code

  private static let prefixes: [UInt8] = [0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65]

  /// Opcodes of one byte that reach devices, the stack, far code or privilege.
  private static let short: [[UInt8]] = [
    [0x6C], [0x6D], [0x6E], [0x6F], [0xA4], [0xA5], [0xA6], [0xA7], [0xAA], [0xAB], [0xAC], [0xAD], [0xAE], [0xAF],
    [0xC3], [0xCB],
    [0xCF], [0x9C], [0x9D], [0xCC], [0xF1], [0xF4], [0xFA], [0xFB], [0xEC], [0xED], [0xEE], [0xEF], [0x0F, 0x05],
    [0x0F, 0x07],
    [0x0F, 0x34], [0x0F, 0x35], [0x0F, 0x30], [0x0F, 0x32], [0x0F, 0x31], [0x0F, 0x33], [0x0F, 0xA2],
    [0x0F, 0x01, 0xF8],
    [0x0F, 0x01, 0xCA], [0x0F, 0x01, 0xCB], [0x0F, 0x06], [0x0F, 0x08], [0x0F, 0x09], [0xC9], [0x50], [0x54], [0x58],
    [0x5C], [0x0F, 0xA1],
    [0x0F, 0xA8], [0xD7], [0x9B], [0xCE], [0x60], [0x61], [0x06], [0x07], [0xF8], [0xFC], [0xFD],
  ]

  /// Opcodes with a ModRM byte.
  private static let long: [[UInt8]] = [
    [0x00], [0x01], [0x03], [0x11], [0x29], [0x39], [0x62], [0x63], [0x69], [0x84], [0x86], [0x87], [0x88], [0x89],
    [0x8A], [0x8B], [0x8C],
    [0x8E], [0x8F], [0xC0], [0xC1], [0xC4], [0xC5], [0xC6], [0xC7], [0xD3], [0xD8], [0xD9], [0xDB], [0xDD], [0xDF],
    [0xF6], [0xF7], [0xFE],
    [0xFF], [0x0F, 0x00], [0x0F, 0x01], [0x0F, 0x02], [0x0F, 0x03], [0x0F, 0x20], [0x0F, 0x21], [0x0F, 0x22],
    [0x0F, 0x23], [0x0F, 0x10],
    [0x0F, 0x11], [0x0F, 0x28], [0x0F, 0x29], [0x0F, 0x58], [0x0F, 0x6F], [0x0F, 0x7F], [0x0F, 0xA3], [0x0F, 0xAB],
    [0x0F, 0xAE], [0x0F, 0xB1],
    [0x0F, 0xB2], [0x0F, 0xB4], [0x0F, 0xB5], [0x0F, 0xBA], [0x0F, 0xBC], [0x0F, 0xC1], [0x0F, 0xC3], [0x0F, 0xC7],
    [0x0F, 0xF7],
    [0x0F, 0x38, 0x82], [0x0F, 0x0D], [0x0F, 0x18], [0x0F, 0x1F],
  ]

  mutating func instruction() -> [UInt8] {
    var code: [UInt8] = []
    while below(3) == 0 && code.count < 3 { code.append(pick(Self.prefixes)) }
    if below(3) == 0 { code.append(0x40 | UInt8(below(16))) }
    switch below(20) {
    case 0, 1: return code + (0..<1 + below(8)).map { _ in UInt8(truncatingIfNeeded: next()) }
    case 2...5: return code + pick(Self.short)
    case 6:
      // Jumps within reach.
      return [pick([0x70, 0x74, 0x75, 0xEB, 0xE2, 0xE3, 0xE0]), UInt8(truncatingIfNeeded: below(48) - 24)]
    case 7: return [pick([0xCD, 0xE4, 0xE6, 0xE5, 0xE7]), UInt8(truncatingIfNeeded: value())]
    case 8:
      return [0x48 | UInt8(below(2)), 0xB8 | UInt8(below(8))] + withUnsafeBytes(of: value()) { [UInt8]($0) }
    case 9: return [0xC8, UInt8(below(64)), UInt8(below(2)), UInt8(below(33))]
    case 10:
      // A store to the code itself.
      return [pick([0x88, 0x89, 0xFE, 0x30]), 0x05] + [UInt8(truncatingIfNeeded: below(64) - 40), 0, 0, 0]
    default:
      code += pick(Self.long)
      let mode = UInt8(pick([0, 0, 1, 1, 2, 3]))
      let base = UInt8(below(8))
      code.append(mode << 6 | UInt8(below(8)) << 3 | base)
      if mode != 3 && base == 4 { code.append(UInt8(truncatingIfNeeded: next())) }
      if mode == 1 { code.append(UInt8(truncatingIfNeeded: below(16) - 8)) }
      if mode == 2 || mode == 0 && base == 5 {
        code += (0..<4).map { UInt8(truncatingIfNeeded: $0 == 0 ? next() : 0) }
      }
      return code + [UInt8](repeating: UInt8(truncatingIfNeeded: next()), count: below(3))
    }
  }

  private mutating func code() -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < 100 { bytes += instruction() }
    return bytes + [0xEB, UInt8(truncatingIfNeeded: -2 - bytes.count)]
  }

  // MARK: One input

  /// Puts a program, registers and sometimes damage into a started machine.
  mutating func prepare(_ processor: Processor) {
    processor.writePhysical(code(), at: LongModeStart.code)
    for register in GeneralRegister.allCases { processor[register] = value() }
    if below(4) != 0 { processor[.rsp] = LongModeStart.stackTop - UInt64(below(64)) }
    if below(3) == 0 { processor[.rcx] = UInt64(below(400)) }
    for _ in 0..<(below(4) == 0 ? 1 + below(6) : 0) {
      let table = pick([LongModeStart.tables, LongModeStart.tables + 0x1000, LongModeStart.tables + 0x2000])
      let address = table + UInt64(below(below(2) == 0 ? 0x68 : 0x200))
      let damage = below(2) == 0 ? UInt64(below(256)) : value()
      processor.writePhysical(withUnsafeBytes(of: damage) { [UInt8]($0.prefix(1 + below(8))) }, at: address)
    }
    for name in [SegmentName.fs, .gs] where below(4) == 0 { processor.setSegmentBase(name, address()) }
    if below(16) == 0 { processor.setDebugRegister(below(4), address()) }
    if below(16) == 0 { processor.setDebugRegister(7, next()) }
    processor.rflags = RFLAGS(rawValue: below(4) == 0 ? next() & 0x25_7FD5 | 2 : 2)
    switch below(8) {
    case 0:
      processor.enterFlat(
        code: LongModeStart.Selector.userCode | 3, stack: LongModeStart.Selector.userData, is64Bit: true)
    case 1: processor.enterCompatibility()
    default: break
    }
    processor.rip = LongModeStart.code
  }
}
