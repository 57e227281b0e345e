/// BMI1, BMI2, LZCNT, POPCNT, MOVBE and CRC32, for processors that have them. SDM vol. 2D, "Opcode Map"; vol. 2A, "VEX Prefix".

extension FormSource {
  mutating func bitManipulation() -> InstructionForm {
    switch random.below(16) {
    case 0, 1: moveByteSwapped()
    case 2, 3: checksum()
    case 4: bitCount(0xB8, .defined)
    case 5, 6: bitCount(0xBC, .zeroCount)
    case 7, 8: bitCount(0xBD, .zeroCount)
    default: withVEX()
    }
  }

  /// A repeat prefix makes F3 an undefined encoding; F2 would be CRC32.
  private mutating func moveByteSwapped() -> InstructionForm {
    let opcode: [UInt8] = [0x0F, 0x38, chance(2) ? 0xF0 : 0xF1]
    let operand: RM = chance(40) ? .register(random.below(16)) : .memory(size: 8)
    let width = wordWidth()
    let mandatory: UInt8? = chance(40) ? 0xF3 : nil
    return encode(
      .defined, width: width, opcode, reg: random.below(16), operand, [.noRepeat, .noOperandSize],
      mandatory: mandatory)
  }

  private mutating func checksum() -> InstructionForm {
    let width = width()
    let isLocked = chance(60)
    var form = encode(
      .defined, width: width, [0x0F, 0x38, width == 1 ? 0xF0 : 0xF1], reg: random.below(16), rm(width), .noRepeat,
      mandatory: 0xF2)
    if isLocked { form.bytes.insert(0xF0, at: 0) }
    return form
  }

  private mutating func bitCount(_ opcode: UInt8, _ family: Family) -> InstructionForm {
    let width = wordWidth()
    return encode(family, width: width, [0x0F, opcode], reg: random.below(16), rm(width), .noRepeat, mandatory: 0xF3)
  }

  /// What a VEX prefix may not have is drawn now and then: L, a second register where there is none, a legacy prefix before it.
  private mutating func withVEX() -> InstructionForm {
    let width = chance(2) ? 4 : 8
    var vex = VEX(map: 2)
    var family = Family.defined
    var opcode: UInt8
    var reg = random.below(16)
    var immediate: [UInt8] = []
    var needsNoRegister = false
    switch random.below(13) {
    case 0: (opcode, family) = (0xF2, .lowestBit)
    case 1: (opcode, family) = (0xF7, .bitField)
    case 2, 3: (opcode, family, reg) = (0xF3, .lowestBit, chance(40) ? 4 * random.below(2) : 1 + random.below(3))
    case 4: (opcode, family) = (0xF5, .lowestBit)
    case 5: (opcode, vex.prefix) = (0xF6, 3)
    case 6, 7: (opcode, vex.prefix) = (0xF5, chance(2) ? 2 : 3)
    case 8:
      (opcode, vex.map, vex.prefix) = (0xF0, 3, 3)
      immediate = self.immediate(1)
      needsNoRegister = true
    default: (opcode, vex.prefix) = (0xF7, UInt8(1 + random.below(3)))
    }
    if !needsNoRegister || chance(30) { vex.register = random.below(16) } else { vex.register = 0 }
    vex.isLong = chance(60)
    var form = encode(
      family, width: width, [opcode], reg: reg, rm(width), immediate: immediate, [.noRepeat, .noOperandSize], vex: vex)
    let isPreceded = chance(60)
    if isPreceded { form.bytes.insert(one([0x66, 0xF2, 0xF3, 0xF0, 0x40]), at: 0) }
    form.isKeptWhole = isPreceded || vex.isLong || opcode == 0xF3 && reg & 3 == 0
    return form
  }
}
