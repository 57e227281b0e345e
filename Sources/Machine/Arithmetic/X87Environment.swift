/// FLDENV, FNSTENV, FRSTOR and FNSAVE: the x87 state in memory, in the protected-mode formats.
/// Intel SDM vol. 1, "Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE"; 64-bit mode uses the 32-bit
/// format, with the low halves of the pointers.
///
///                32-bit format (28 bytes)                16-bit format (14 bytes)
///         31          16 15           0                    15           0
///        +--------------+--------------+                  +--------------+
///      0 |    ones      | control      |                0 | control      |
///      4 |    ones      | status       |                2 | status       |
///      8 |    ones      | tag          |                4 | tag          |
///     12 |     instruction pointer     |                6 | instruction  |
///     16 | opcode (11)  | CS           |                8 | CS           |
///     20 |      operand pointer        |               10 | operand      |
///     24 |    ones      | DS           |               12 | DS           |
///        +--------------+--------------+                  +--------------+
///     28   ST(0) to ST(7), 10 bytes each, for FSAVE    14

/// The seven fields, each to be written in 4 bytes (operand size 32 or 64) or, cut off, in 2 (operand size 16).
public typealias X87EnvironmentFields = InlineArray<7, UInt32>

extension X87State {
  /// The full tag word: 00 valid, 01 zero, 10 special (NaN, infinity, denormal, unsupported), 11 empty.
  public var tagWord: UInt16 {
    (0..<8).reduce(0) { word, i in
      let value = registers[i]
      let exponent = value.signExponent & 0x7FFF
      let tag: UInt16 =
        if occupied >> UInt8(i) & 1 == 0 {
          0b11
        } else if exponent == 0, value.significand == 0 {
          0b01
        } else if exponent == 0 || exponent == 0x7FFF || value.significand >> 63 == 0 {
          0b10
        } else {
          0b00
        }
      return word | tag << UInt16(2 * i)
    }
  }

  /// What FNSTENV writes, and FNSAVE before the registers. `maskAll` or `initialize` follows the writes.
  public func environment() -> X87EnvironmentFields {
    let ones: UInt32 = 0xFFFF_0000
    return [
      ones | UInt32(control), ones | UInt32(statusWord), ones | UInt32(tagWord),
      UInt32(truncatingIfNeeded: instructionPointer), UInt32(instructionSelector) | UInt32(opcode) << 16,
      UInt32(truncatingIfNeeded: operandPointer), ones | UInt32(operandSelector),
    ]
  }

  /// FLDENV, and FRSTOR before the registers. Only the tag "empty" counts; the others follow from the contents.
  public mutating func loadEnvironment(_ fields: X87EnvironmentFields, word: Bool) {
    let pointerMask: UInt32 = word ? 0xFFFF : 0xFFFF_FFFF
    loadControl(UInt16(truncatingIfNeeded: fields[0]))
    statusWord = UInt16(truncatingIfNeeded: fields[1])
    occupied = (0..<8).reduce(0) { mask, i in fields[2] >> UInt32(2 * i) & 3 == 3 ? mask : mask | 1 << UInt8(i) }
    instructionPointer = UInt64(fields[3] & pointerMask)
    instructionSelector = UInt16(truncatingIfNeeded: fields[4])
    opcode = word ? 0 : UInt16(fields[4] >> 16 & 0x7FF)
    operandPointer = UInt64(fields[5] & pointerMask)
    operandSelector = UInt16(truncatingIfNeeded: fields[6])
  }

  /// FNSTENV's last act.
  public mutating func maskAll() { loadControl(control | X87Status.exceptions) }

  /// FRSTOR: ST(i) as it stands in memory, its tag already loaded.
  public mutating func restore(_ i: UInt8, _ value: DoubleExtended) { registers[register(i)] = value }

  /// What a non-control instruction leaves behind: its address and opcode, and the address of its memory operand if it
  /// has one.
  public mutating func recordInstruction(
    _ opcode: X87Opcode, at pointer: UInt64, selector: UInt16, operand: (pointer: UInt64, selector: UInt16)?
  ) {
    self.opcode = opcode.rawValue
    instructionPointer = pointer
    instructionSelector = selector
    if let operand {
      operandPointer = operand.pointer
      operandSelector = operand.selector
    }
  }
}
