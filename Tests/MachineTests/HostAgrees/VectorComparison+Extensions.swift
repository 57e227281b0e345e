/// The opcode maps 0F 38 and 0F 3A as far as SSSE3, SSE4.1 and SSE4.2 fill them. SDM vol. 2D, "Opcode Map".
///
/// String comparisons mostly get texts of few letters: two random registers hardly ever have an element in common.

import HostInstructions
import Machine

extension VectorComparison {
  /// Perhaps no instruction: which opcode has which prefix, and whether it takes a register, is left to chance.
  mutating func extendedInstruction() -> [UInt8] {
    var bytes: [UInt8] = []
    switch random.below(16) {
    case 0..<4: break
    case 4: bytes.append(random.below(2) == 0 ? 0xF2 : 0xF3)
    default: bytes.append(0x66)
    }
    if random.below(3) == 0 { bytes.append(0x40 | UInt8(random.below(16))) }
    bytes += random.below(3) == 0 ? [0x0F, 0x3A, pick(Self.opcodes3A)] : [0x0F, 0x38, pick(Self.opcodes38)]
    let register = UInt8(random.below(8)) << 3
    if random.below(2) == 0 {
      bytes += [0x47 | register, UInt8(random.below(5) * 4)]
    } else {
      bytes.append(0xC0 | register | UInt8(random.below(8)))
    }
    return bytes + [UInt8(truncatingIfNeeded: random.next())]
  }

  private mutating func pick(_ choices: [UInt8]) -> UInt8 { choices[random.below(choices.count)] }

  private static let opcodes38: [UInt8] =
    Array(0x00...0x0B) + [0x10, 0x14, 0x15, 0x17] + Array(0x1C...0x1E) + Array(0x20...0x25) + Array(0x28...0x2B)
    + Array(0x30...0x35) + Array(0x37...0x41)
  private static let opcodes3A: [UInt8] =
    Array(0x08...0x0F) + Array(0x14...0x17) + Array(0x20...0x22) + Array(0x40...0x42) + Array(0x60...0x63)

  static func comparesStrings(_ instruction: [UInt8]) -> Bool {
    guard let place = instruction.firstIndex(of: 0x3A), place + 1 < instruction.count else { return false }
    return instruction[place + 1] & 0xFC == 0x60
  }

  /// Bytes or words of a few values, zeros among them.
  mutating func textQuadword() -> UInt64 {
    let letters: [UInt64] = [0x61, 0x61, 0x62, 0x63, 0x7F, 0x80, 0xFF, 0x01]
    let hasEnds = random.below(3) == 0
    let width = random.below(2) == 0 ? 8 : 16
    return stride(from: 0, to: 64, by: width).reduce(0) { all, bit in
      let letter = hasEnds && random.below(8) == 0 ? 0 : letters[random.below(random.below(2) == 0 ? 3 : 8)]
      return all | letter << UInt64(bit)
    }
  }

  /// EAX and EDX around the number of elements, of either sign.
  mutating func shortenLengths(_ registers: inout HostRegisters) {
    func length() -> UInt64 {
      let length = UInt64(bitPattern: Int64(random.below(40) - 20))
      return random.below(2) == 0 ? length : length & 0xFFFF_FFFF | random.next() << 32
    }
    registers.general.0 = length()
    registers.general.2 = length()
  }
}
