/// Random x87 states and operands drawn to extremes, and one instruction on the host.

import HostOracle
import Machine

extension OperandSource {
  mutating func extended() -> DoubleExtended {
    let significand: UInt64 =
      switch below(4) {
      case 0: next() | 1 << 63
      case 1: next()
      default: Self.significands[below(Self.significands.count)]
      }
    let exponent: UInt16 =
      switch below(5) {
      case 0: UInt16(truncatingIfNeeded: next())
      case 1, 2: 0x3FFF &+ UInt16(below(80)) &- 8
      default: Self.exponents[below(Self.exponents.count)]
      }
    return DoubleExtended(
      significand: significand, signExponent: exponent & 0x7FFF | (below(3) == 0 ? 0x8000 : 0))
  }

  /// Integer bit set, clear (denormals, unnormals, pseudo-NaNs), signalling and quiet, few bits and many, and what
  /// rounds at 24 and 53 bits.
  static let significands: [UInt64] = [
    0, 1, 1 << 63, 1 << 63 | 1, 3 << 62, 3 << 62 | 1, .max, .max >> 1, 1 << 62, 0xBFFF_FFFF_FFFF_FFFF,
    0xFFFF_FF00_0000_0000, 0xFFFF_FF80_0000_0000, 0xFFFF_FFFF_FFFF_F800, 0xFFFF_FFFF_FFFF_FC00, 0x8000_0080_0000_0000,
    0x8000_0000_0000_0400, 0xA000_0000_0000_0000, 0xC90F_DAA2_2168_C235, 0xB504_F333_F9DE_6484,
  ]
  /// Zero, the ends of the extended, double and single ranges, one, and the edges of the integers.
  static let exponents: [UInt16] = [
    0, 1, 2, 0x3FC0, 0x3BCD, 0x3C00, 0x3C01, 0x3F69, 0x3F80, 0x3F81, 0x3FFE, 0x3FFF, 0x4000, 0x400D, 0x400E, 0x401D,
    0x401E, 0x403D, 0x403E, 0x4039, 0x407E, 0x407F, 0x43FE, 0x43FF, 0x7FFD, 0x7FFE, 0x7FFF,
  ]

  /// A state with nothing pending, the stack mostly neither full nor empty.
  mutating func x87State() -> X87State {
    var state = X87State()
    for i in 0..<8 { state.registers[i] = extended() }
    state.occupied =
      switch below(4) {
      case 0: UInt8(truncatingIfNeeded: next())
      case 1: 0xFF
      default: 0x7F
      }
    let word = UInt16(truncatingIfNeeded: next())
    state.loadControl(below(3) == 0 ? word : word | X87Status.exceptions)
    // Precision of 24 bits with a mask pattern of its own is rare enough; mostly all 64 are in use.
    if below(2) == 0 { state.loadControl(state.control | 0x300) }
    state.statusWord = UInt16(truncatingIfNeeded: next())
    if below(2) == 0 { state.top = UInt8(below(2)) * 7 }
    state.status &= ~(~state.control & X87Status.exceptions)
    return state
  }
}

/// What one instruction leaves: the host's answer and the machine's are compared as this.
struct X87Afterwards: Equatable, CustomStringConvertible {
  var control: UInt16
  var status: UInt16
  var occupied: UInt8
  var stack: [DoubleExtended]
  var memory: [UInt8]
  var flags: UInt64
  var ax: UInt16

  init(_ area: FXSAVEArea, memory: [UInt8], flags: UInt64, ax: UInt16) {
    control = UInt16(truncatingIfNeeded: area[0])
    status = UInt16(truncatingIfNeeded: area[0] >> 16)
    occupied = UInt8(truncatingIfNeeded: area[0] >> 32)
    stack = (0..<8).map {
      DoubleExtended(significand: area[4 + 2 * $0], signExponent: UInt16(truncatingIfNeeded: area[5 + 2 * $0]))
    }
    self.memory = memory
    self.flags = flags & 0x8D5
    self.ax = ax
  }

  var description: String {
    func hex(_ value: some BinaryInteger) -> String { String(value, radix: 16) }
    let registers = stack.map { "\(hex($0.signExponent)):\(hex($0.significand))" }.joined(separator: " ")
    return "CW \(hex(control)) SW \(hex(status)) tags \(hex(occupied)) [\(registers)] "
      + "memory \(memory.prefix(10).map { hex($0) }) flags \(hex(flags)) AX \(hex(ax))"
  }
}

extension X87State {
  static let format = FXSAVEFormat(wide: true, vectorCount: 0, pointers: .always)

  var area: FXSAVEArea {
    var area = FXSAVEArea(repeating: 0)
    save(to: &area, mxcsr: .initial, vectors: .init(repeating: .zero), format: Self.format)
    return area
  }
}

/// The host's answer to one instruction.
func hostAfter(_ opcode: X87Opcode, _ state: X87State, memory: [UInt8], flags: UInt64) -> X87Afterwards {
  var area = state.area
  var memory = memory
  var flags = flags | 0x202
  var ax: UInt16 = 0
  oracleX87(opcode.rawValue, &area, &memory, &flags, &ax)
  return X87Afterwards(area, memory: memory, flags: flags, ax: ax)
}

/// The machine's answer, wired as the interpreter wires it: read, execute on a copy, write, commit.
func machineAfter(_ opcode: X87Opcode, _ state: X87State, memory: [UInt8], flags: UInt64) -> X87Afterwards {
  var memory = memory
  var next = state
  var operand = DoubleExtended()
  if case .reads(let size) = opcode.memory {
    for i in 0..<min(size, 8) { operand.significand |= UInt64(memory[i]) << UInt64(8 * i) }
    for i in 8..<max(size, 8) { operand.signExponent |= UInt16(memory[i]) << UInt16(8 * (i - 8)) }
  }
  let outcome = next.execute(opcode, operand: operand, rflags: flags)
  if case .writes(let size) = opcode.memory, let store = outcome.store {
    for i in 0..<min(size, 8) { memory[i] = UInt8(truncatingIfNeeded: store.significand >> UInt64(8 * i)) }
    for i in 8..<max(size, 8) { memory[i] = UInt8(truncatingIfNeeded: store.signExponent >> UInt16(8 * (i - 8))) }
  }
  return X87Afterwards(next.area, memory: memory, flags: outcome.flags ?? flags, ax: outcome.ax ?? 0)
}
