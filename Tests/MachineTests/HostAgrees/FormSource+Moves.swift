/// The opcode maps of moves, exchanges, addresses and the stack. SDM vol. 2D, "Opcode Map".

extension FormSource {
  private func sized(_ opcode: UInt8, _ width: Int) -> [UInt8] { [width == 1 ? opcode : opcode + 1] }

  mutating func move() -> InstructionForm {
    let width = width()
    switch random.below(6) {
    case 0: return encode(.defined, width: width, sized(0x88, width), reg: random.below(16), rm(width))
    case 1: return encode(.defined, width: width, sized(0x8A, width), reg: random.below(16), rm(width))
    case 2:
      return encode(
        .defined, width: width, sized(0xC6, width), reg: 0, rm(width), immediate: immediate(min(width, 4)))
    case 3:
      return encode(
        .defined, width: width, [width == 1 ? 0xB0 : 0xB8], reg: random.below(16), immediate: immediate(width),
        .noOperandSize)
    case 4: return offsetMove(width)
    default:
      if chance(2) {
        let width = chance(2) ? 4 : 8
        return encode(
          .defined, width: width, [0x0F, 0xC3], reg: random.below(16), .memory(size: width),
          [.noRepeat, .noOperandSize])
      }
      // MOV from a segment register; FS and GS are the host's own.
      let operand: RM = chance(2) ? .register(random.below(16)) : .memory(size: 2)
      return encode(.defined, width: wordWidth(), [0x8C], reg: random.below(4), operand)
    }
  }

  /// MOV between the accumulator and an absolute address, of 8 bytes or, with 67, of 4.
  private mutating func offsetMove(_ width: Int) -> InstructionForm {
    var form = encode(.defined, width: width, sized(chance(2) ? 0xA0 : 0xA2, width))
    var memory = MemoryOperand(target: Self.middle - 100 + UInt64(random.below(200)), size: width)
    memory.displacement = memory.target
    let short = chance(4)
    if short { form.bytes.insert(0x67, at: 0) }
    form.bytes += Self.littleEndian(memory.target, short ? 4 : 8)
    form.address = place(form.bytes.count)
    form.memory = memory
    return form
  }

  mutating func extendingMove() -> InstructionForm {
    if chance(3) {
      let width = chance(2) ? 8 : wordWidth()
      return encode(.defined, width: width, [0x63], reg: random.below(16), rm(min(width, 4)))
    }
    let width = wordWidth()
    let from = width == 2 ? 1 : 1 + random.below(2)
    let opcode = (chance(2) ? 0xB6 : 0xBE) + UInt8(from - 1)
    return encode(.defined, width: width, [0x0F, opcode], reg: random.below(16), rm(from), .noRepeat)
  }

  mutating func conditional() -> InstructionForm {
    let condition = UInt8(random.below(16))
    if chance(2) {
      let width = wordWidth()
      return encode(.defined, width: width, [0x0F, 0x40 | condition], reg: random.below(16), rm(width), .noRepeat)
    }
    return encode(.defined, width: 1, [0x0F, 0x90 | condition], reg: 0, rm(1), .noRepeat)
  }

  mutating func loadAddress() -> InstructionForm {
    encode(.defined, width: wordWidth(), [0x8D], reg: random.below(16), .address)
  }

  mutating func noOperation() -> InstructionForm {
    switch random.below(4) {
    case 0: return encode(.defined, width: wordWidth(), [0x0F, 0x1F], reg: 0, .address, .noRepeat)
    case 1: return encode(.defined, width: 4, [0x90])
    case 2: return encode(.defined, width: 4, [0x0F, 0xAE, one([0xE8, 0xF0, 0xF8])], [.noRepeat, .noOperandSize])
    default: return encode(.defined, width: 4, [0x0F, 0x18], reg: random.below(4), .address, .noRepeat)
    }
  }

  mutating func exchange() -> InstructionForm {
    let width = width()
    switch random.below(4) {
    case 0, 1:
      return encode(.defined, width: width, sized(0x86, width), reg: random.below(16), rm(width), [.lockable, .locks])
    case 2: return encode(.defined, width: wordWidth(), [0x90], reg: random.below(16), .noRepeat)
    default:
      let opcode: [UInt8] = [0x0F] + sized(0xC0, width)
      return encode(.defined, width: width, opcode, reg: random.below(16), rm(width), [.noRepeat, .lockable])
    }
  }

  mutating func compareExchange() -> InstructionForm {
    if chance(2) {
      let width = width()
      let opcode: [UInt8] = [0x0F] + sized(0xB0, width)
      return encode(
        .defined, width: width, opcode, reg: random.below(16), rm(width), [.noRepeat, .lockable],
        setup: .compareExchange)
    }
    let width = chance(2) ? 4 : 8
    var form = encode(
      .defined, width: width, [0x0F, 0xC7], reg: 1,
      .memory(size: 2 * width, avoiding: 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3), [.noRepeat, .noOperandSize],
      setup: .compareExchangeDouble)
    if width == 8, var memory = form.memory, memory.base != nil, memory.index == nil, !chance(16) {
      memory.target &= ~15
      form.memory = memory
    }
    return form
  }

  mutating func push() -> InstructionForm {
    let width = chance(3) ? 2 : 8
    let options: EncodingOptions = [.default64, .noOperandSize]
    switch random.below(6) {
    case 0: return encode(.defined, width: width, [0x50], reg: random.below(16), options, setup: .stack)
    case 1:
      return encode(.defined, width: width, [0x68], immediate: immediate(width == 2 ? 2 : 4), options, setup: .stack)
    case 2: return encode(.defined, width: width, [0x6A], immediate: immediate(1), options, setup: .stack)
    case 3:
      // PUSH FS and PUSH GS: the selectors are null.
      return encode(
        .defined, width: width, [0x0F, chance(2) ? 0xA0 : 0xA8], options.union(.noRepeat), setup: .stack)
    default: return encode(.defined, width: width, [0xFF], reg: 6, stackOperand(width), options, setup: .stack)
    }
  }

  mutating func pop() -> InstructionForm {
    let width = chance(3) ? 2 : 8
    let options: EncodingOptions = [.default64, .noOperandSize]
    if chance(2) { return encode(.defined, width: width, [0x58], reg: random.below(16), options, setup: .stack) }
    return encode(.defined, width: width, [0x8F], reg: 0, stackOperand(width), options, setup: .stack)
  }

  /// A register or memory whose address does not disturb the stack, or memory relative to the stack's top.
  mutating func stackOperand(_ width: Int) -> RM {
    switch random.below(4) {
    case 0: return .register(random.below(16))
    case 1: return .stackRelative(size: width)
    default: return .memory(size: width, avoiding: 1 << 4)
    }
  }

  mutating func pushFlags() -> InstructionForm {
    let width = chance(3) ? 2 : 8
    let pops = chance(2)
    return encode(
      .defined, width: width, [pops ? 0x9D : 0x9C], [.default64, .noOperandSize], setup: pops ? .popFlags : .stack)
  }

  mutating func frame() -> InstructionForm {
    let width = chance(3) ? 2 : 8
    let options: EncodingOptions = [.default64, .noOperandSize]
    if chance(2) { return encode(.defined, width: width, [0xC9], options, setup: .leave) }
    let size = chance(24) ? UInt64(random.below(0x1_0000)) : UInt64(random.below(512))
    let level = chance(2) ? UInt64(random.below(4)) : UInt64(random.below(256))
    return encode(
      .defined, width: width, [0xC8], immediate: Self.littleEndian(size | level << 16, 3), options, setup: .enter)
  }

  mutating func tableLookup() -> InstructionForm {
    var form = encode(.defined, width: 4, [0xD7], .noOperandSize, setup: .tableLookup)
    form.isShort = chance(4)
    if form.isShort { form.bytes.insert(0x67, at: 0) }
    return form
  }

  mutating func string() -> InstructionForm {
    let width = width()
    let opcode = one([0xA4, 0xA6, 0xAA, 0xAC, 0xAE] as [UInt8])
    let prefix = one([0, 0xF2, 0xF3] as [UInt8])
    var form = encode(
      .defined, width: width, sized(opcode, width), [.noRepeat, .noOperandSize],
      setup: .string(repeats: prefix != 0, compares: opcode == 0xA6))
    if prefix != 0 { form.bytes.insert(prefix, at: 0) }
    form.isShort = chance(5)
    if form.isShort { form.bytes.insert(0x67, at: 0) }
    return form
  }
}
