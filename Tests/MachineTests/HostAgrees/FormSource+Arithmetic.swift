/// The opcode maps of integer arithmetic, logic, shifts and bits. SDM vol. 2D, "Opcode Map".

extension FormSource {
  mutating func rm(_ width: Int) -> RM { chance(2) ? .register(random.below(16)) : .memory(size: width) }

  /// The opcode's byte form, or the one after it for wider operands.
  private func sized(_ opcode: UInt8, _ width: Int) -> [UInt8] { [width == 1 ? opcode : opcode + 1] }
  private func immediateBytes(_ width: Int) -> Int { min(width, 4) }

  mutating func binaryArithmetic() -> InstructionForm {
    let operation = UInt8(random.below(8))
    let width = width()
    let family: Family = operation == 1 || operation == 4 || operation == 6 ? .logic : .defined
    let options: EncodingOptions = operation == 7 ? [] : .lockable
    switch random.below(6) {
    case 0, 1:
      return encode(family, width: width, sized(operation << 3, width), reg: random.below(16), rm(width), options)
    case 2:
      return encode(family, width: width, sized(operation << 3 | 2, width), reg: random.below(16), rm(width))
    case 3:
      return encode(
        family, width: width, sized(operation << 3 | 4, width), immediate: immediate(immediateBytes(width)))
    case 4:
      return encode(
        family, width: width, sized(0x80, width), reg: Int(operation), rm(width),
        immediate: immediate(immediateBytes(width)), options)
    default:
      let width = wordWidth()
      return encode(family, width: width, [0x83], reg: Int(operation), rm(width), immediate: immediate(1), options)
    }
  }

  mutating func test() -> InstructionForm {
    let width = width()
    switch random.below(3) {
    case 0: return encode(.logic, width: width, sized(0x84, width), reg: random.below(16), rm(width))
    case 1: return encode(.logic, width: width, sized(0xA8, width), immediate: immediate(immediateBytes(width)))
    default:
      return encode(
        .logic, width: width, sized(0xF6, width), reg: 0, rm(width), immediate: immediate(immediateBytes(width)))
    }
  }

  mutating func oneOperand() -> InstructionForm {
    let width = width()
    if chance(2) {
      return encode(.defined, width: width, sized(0xFE, width), reg: random.below(2), rm(width), .lockable)
    }
    return encode(.defined, width: width, sized(0xF6, width), reg: 2 + random.below(2), rm(width), .lockable)
  }

  mutating func multiply() -> InstructionForm {
    switch random.below(4) {
    case 0, 1:
      let width = width()
      return encode(.multiply, width: width, sized(0xF6, width), reg: 4 + random.below(2), rm(width))
    case 2:
      let width = wordWidth()
      return encode(.multiply, width: width, [0x0F, 0xAF], reg: random.below(16), rm(width), .noRepeat)
    default:
      let width = wordWidth()
      let short = chance(2)
      return encode(
        .multiply, width: width, [short ? 0x6B : 0x69], reg: random.below(16), rm(width),
        immediate: immediate(short ? 1 : immediateBytes(width)))
    }
  }

  mutating func divide() -> InstructionForm {
    let width = width()
    return encode(.divide, width: width, sized(0xF6, width), reg: 6 + random.below(2), rm(width), setup: .divide)
  }

  mutating func shift() -> InstructionForm {
    let width = width()
    let operation = [0, 1, 2, 3, 4, 5, 7][random.below(7)]
    let family: Family = operation < 4 ? .rotate : operation == 7 ? .shiftArithmetic : .shiftLogical
    var form: InstructionForm
    switch random.below(3) {
    case 0:
      let count = UInt8(truncatingIfNeeded: chance(2) ? UInt64(random.below(72)) : random.next())
      form = encode(family, width: width, sized(0xC0, width), reg: operation, rm(width), immediate: [count])
      form.immediateCount = UInt64(count)
    case 1:
      form = encode(family, width: width, sized(0xD0, width), reg: operation, rm(width))
      form.immediateCount = 1
    default:
      form = encode(family, width: width, sized(0xD2, width), reg: operation, rm(width), setup: .count)
    }
    return form
  }

  mutating func shiftDouble() -> InstructionForm {
    let width = wordWidth()
    let right: UInt8 = chance(2) ? 8 : 0
    if chance(2) {
      return encode(
        .shiftDouble, width: width, [0x0F, 0xA5 | right], reg: random.below(16), rm(width), .noRepeat, setup: .count)
    }
    let count = UInt8(truncatingIfNeeded: chance(2) ? UInt64(random.below(72)) : random.next())
    var form = encode(
      .shiftDouble, width: width, [0x0F, 0xA4 | right], reg: random.below(16), rm(width), immediate: [count], .noRepeat)
    form.immediateCount = UInt64(count)
    return form
  }

  mutating func bitTest() -> InstructionForm {
    let width = wordWidth()
    let operation = 4 + random.below(4)
    let options: EncodingOptions = operation == 4 ? .noRepeat : [.noRepeat, .lockable]
    if chance(3) {
      return encode(.bitTest, width: width, [0x0F, 0xBA], reg: operation, rm(width), immediate: immediate(1), options)
    }
    let offset = random.below(16)
    let opcode: [UInt8] = [0x0F, 0x83 | UInt8(operation) << 3]
    if chance(2) {
      return encode(.bitTest, width: width, opcode, reg: offset, .register(random.below(16)), options)
    }
    // Without LOCK: the bit string may reach across a cache line.
    return encode(
      .bitTest, width: width, opcode, reg: offset, .memory(size: width, avoiding: 1 << UInt32(offset)),
      [.noRepeat, .near], setup: .bitOffset(register: offset))
  }

  mutating func bitScan() -> InstructionForm {
    let width = wordWidth()
    return encode(
      .bitScan, width: width, [0x0F, 0xBC | UInt8(random.below(2))], reg: random.below(16), rm(width), .noRepeat)
  }

  mutating func byteSwap() -> InstructionForm {
    let width = wordWidth()
    return encode(
      width == 2 ? .byteSwapWord : .defined, width: width, [0x0F, 0xC8], reg: random.below(16),
      [.noRepeat, .noOperandSize])
  }

  mutating func extendAccumulator() -> InstructionForm {
    encode(.defined, width: wordWidth(), [chance(2) ? 0x98 : 0x99])
  }

  mutating func flagInstruction() -> InstructionForm {
    encode(.defined, width: 4, [one([0x9E, 0x9F, 0xF8, 0xF9, 0xF5, 0xFC, 0xFD])])
  }
}
