/// Random programs of user mode: short blocks that jump among each other, on two pages of code that they also write to.
///
/// SDM vol. 2A, "Instruction Format"; vol. 2D, "Opcode Map". Nothing is avoided that a program may do wrong: pointers drift off
/// their pages, divisions overflow, returns go anywhere.

struct RandomProgram {
  static let code: UInt64 = 0x20_0000
  static let codeSize = 0x2000
  static let data: UInt64 = 0x30_0000
  static let dataSize = 0x3000
  static let constants: UInt64 = 0x30_3000
  static let blockSpace = 128

  private static let rcx: UInt8 = 1, rsp: UInt8 = 4, r11: UInt8 = 11, r14: UInt8 = 14
  /// Registers that hold addresses; the rest are data.
  private static let pointers: [UInt8] = [3, 5, 6, 12, 13]
  private static let values: [UInt8] = [0, 1, 2, 7, 8, 9, 10, 11, 15]

  private(set) var bytes = [UInt8](repeating: 0xCC, count: codeSize)
  private var random: OperandSource
  private var block: [UInt8] = []
  private var blocks: [Int] = []
  /// The block that is being made.
  private var current = 0

  init(seed: UInt64) {
    random = OperandSource(seed: seed)
    // Each block begins somewhere in a space of its own; the last on the first page often crosses into the second.
    for space in 0..<Self.codeSize / Self.blockSpace { blocks.append(space * Self.blockSpace + random.below(24)) }
    for start in blocks.indices {
      block = []
      current = start
      for _ in 0..<1 + random.below(10) where block.count < 80 { instruction() }
      terminator()
      for (i, byte) in block.enumerated() where blocks[start] + i < bytes.count { bytes[blocks[start] + i] = byte }
    }
  }

  /// Registers to begin with; the second member is RIP.
  mutating func registers() -> ([UInt64], UInt64) {
    var values = (0..<16).map { _ in number() }
    let page = { [data = Self.data] (n: UInt64) in data + n * 0x1000 }
    values[3] = page(1) + UInt64(random.below(0x800))
    values[5] = page(1) - UInt64(random.below(64))
    values[6] = page(0) + UInt64(random.below(0x1000))
    values[12] = page(3) - UInt64(random.below(0x100))
    values[13] = Self.code + UInt64(random.below(Self.codeSize))
    values[14] = UInt64(random.below(64))
    values[4] = page(2) + 0x400 + UInt64(random.below(0x400))
    return (values, target())
  }

  mutating func below(_ n: Int) -> Int { random.below(n) }

  /// The address of a block.
  mutating func target() -> UInt64 { Self.code + UInt64(blocks[random.below(blocks.count)]) }

  private mutating func chance(_ n: Int) -> Bool { random.below(n) == 0 }

  /// Extremes, small numbers, and any.
  private mutating func number() -> UInt64 {
    switch random.below(7) {
    case 0: UInt64(random.below(3)) &- 1
    case 1: 1 << UInt64(random.below(64))
    case 2: (1 << UInt64(random.below(64))) &- 1
    case 3: random.quadword()
    case 4: UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: random.next())))
    default: random.next()
    }
  }

  private mutating func value() -> UInt8 { Self.values[random.below(Self.values.count)] }

  // MARK: Encoding

  private mutating func word32(_ value: UInt64) { for i in 0..<4 as Range<UInt64> { byte(value >> (8 * i)) } }
  private mutating func byte(_ value: UInt64) { block.append(UInt8(truncatingIfNeeded: value)) }

  /// Prefixes, opcode and a register or memory operand. Width 1 is opcode, wider is opcode + 1 where `widens`.
  private mutating func emit(_ opcode: [UInt8], _ width: Int, reg: UInt8, register: UInt8?, widens: Bool = true) {
    var base: UInt8 = 0
    var index: UInt8?
    if let register {
      base = register
    } else {
      base = Self.pointers[random.below(Self.pointers.count)]
      // Stores to code are few, so that a program lives longer.
      if base == 13 && !chance(8) { base = 3 }
      if chance(3) { index = Self.r14 }
    }
    let segment = register == nil && chance(16)
    if segment { block.append(0x64) }
    if width == 2 { block.append(0x66) }
    let rex: UInt8 = (width == 8 ? 8 : 0) | (reg >> 3) << 2 | ((index ?? 0) >> 3) << 1 | base >> 3
    // Without a REX prefix the numbers 4 to 7 are AH to BH.
    if rex != 0 || (width == 1 && chance(2)) { block.append(0x40 | rex) }
    block += opcode.dropLast()
    block.append(opcode.last! | (width > 1 && widens ? 1 : 0))
    if register != nil {
      block.append(0xC0 | (reg & 7) << 3 | base & 7)
      return
    }
    let isFar = chance(4)
    let mod: UInt8 = isFar ? 0x80 : 0x40
    if let index {
      block.append(mod | (reg & 7) << 3 | 4)
      block.append(UInt8(random.below(4)) << 6 | (index & 7) << 3 | base & 7)
    } else if base & 7 == 4 {
      block.append(mod | (reg & 7) << 3 | 4)
      block.append(0x20 | base & 7)
    } else {
      block.append(mod | (reg & 7) << 3 | base & 7)
    }
    if isFar { word32(random.next() & 0x3FF) } else { byte(random.next()) }
  }

  private mutating func width() -> Int { 1 << random.below(4) }
  private mutating func registerOrMemory() -> UInt8? { chance(2) ? nil : value() }

  // MARK: Instructions

  private mutating func instruction() {
    let width = width()
    let wide = width == 1 ? 4 : width
    switch random.below(30) {
    case 0..<4: emit([UInt8(random.below(8)) << 3 | 2], width, reg: value(), register: registerOrMemory())
    case 4..<6: emit([UInt8(random.below(8)) << 3], width, reg: value(), register: registerOrMemory())
    case 6..<8:
      emit([0x80], width, reg: UInt8(random.below(8)), register: registerOrMemory())
      if width == 1 { byte(random.next()) } else { immediate(width) }
    case 8: emit([0x84], width, reg: value(), register: registerOrMemory())
    case 9:
      emit([0xF6], width, reg: 0, register: registerOrMemory())
      if width == 1 { byte(random.next()) } else { immediate(width) }
    case 10..<12: emit([0x8A], width, reg: value(), register: registerOrMemory())
    case 12..<14: emit([0x88], width, reg: value(), register: registerOrMemory())
    case 14:
      emit(
        [0x0F, [0xB6, 0xB7, 0xBE, 0xBF][random.below(4)]], wide, reg: value(), register: registerOrMemory(),
        widens: false)
    case 15: emit([0x63], 8, reg: value(), register: registerOrMemory(), widens: false)
    case 16: emit([0x8D], wide, reg: value(), register: nil, widens: false)
    case 17: emit([0x86], width, reg: value(), register: registerOrMemory())
    case 18: emit([0xFE], width, reg: UInt8(random.below(2)), register: registerOrMemory())
    case 19: emit([0xF6], width, reg: 2 + UInt8(random.below(2)), register: registerOrMemory())
    case 20..<22: shift(width)
    case 22: emit([0x0F, 0xAF], wide, reg: value(), register: registerOrMemory(), widens: false)
    case 23: emit([0x0F, 0x90 | UInt8(random.below(16))], 1, reg: 0, register: registerOrMemory(), widens: false)
    case 24:
      emit([0x0F, 0x40 | UInt8(random.below(16))], wide, reg: value(), register: registerOrMemory(), widens: false)
    case 25: stack()
    case 26: outOfLine(width)
    case 27:
      // A pointer drifts.
      let pointer = Self.pointers[random.below(Self.pointers.count)]
      emit([0x83], 8, reg: 0, register: pointer, widens: false)
      byte(UInt64(random.below(33)) &- 16)
    case 28:
      emit([0xC6], width, reg: 0, register: registerOrMemory())
      if width == 1 { byte(random.next()) } else { immediate(width) }
    default:
      let to = value()
      block.append(0x48 | to >> 3)
      block.append(0xB8 | to & 7)
      let immediate = number()
      word32(immediate)
      word32(immediate >> 32)
    }
  }

  private mutating func immediate(_ width: Int) {
    let value = number()
    if width == 2 {
      byte(value)
      byte(value >> 8)
    } else {
      word32(value)
    }
  }

  private mutating func shift(_ width: Int) {
    let kind = [4, 5, 7, 0, 1, 2, 3][random.below(chance(4) ? 7 : 3)] as UInt8
    if chance(2) {
      emit([0xD2], width, reg: kind, register: registerOrMemory())
    } else {
      emit([0xC0], width, reg: kind, register: registerOrMemory())
      byte(chance(3) ? UInt64(random.below(3)) : random.next())
    }
  }

  private mutating func stack() {
    let register = chance(16) ? Self.rsp : value()
    switch random.below(4) {
    case 0, 1:
      if register >= 8 { block.append(0x41) }
      block.append(0x50 | register & 7)
    case 2:
      if register >= 8 { block.append(0x41) }
      block.append(0x58 | register & 7)
    default:
      block.append(0x68)
      word32(random.next())
    }
  }

  /// What translated code leaves to the interpreter.
  private mutating func outOfLine(_ width: Int) {
    switch random.below(12) {
    case 0: block += [0x0F, 0x31]  // RDTSC
    case 1: block += [0x48, 0x99]  // CQO
    case 2: block.append(0x9F)  // LAHF
    case 3: block.append(0x9E)  // SAHF
    case 4: block.append([0xF8, 0xF9, 0xF5][random.below(3)])  // CLC, STC, CMC
    case 5:  // MUL, DIV
      emit([0xF6], width, reg: 4 + UInt8(random.below(chance(4) ? 4 : 1)), register: registerOrMemory())
    case 6: emit([0x0F, 0xB0], width, reg: value(), register: registerOrMemory())  // CMPXCHG
    case 7: emit([0x0F, 0xC0], width, reg: value(), register: registerOrMemory())  // XADD
    case 8:
      emit(
        [0x0F, 0xBA], width == 1 ? 4 : width, reg: 4 + UInt8(random.below(4)), register: registerOrMemory(),
        widens: false)
      byte(random.next())  // BT family
    case 9: block += [0x9C, 0x41, 0x58]  // PUSHF, POP R8
    case 10: if chance(8) { block += [0x0F, 0x0B] }  // UD2
    default: block += [0x90]
    }
  }

  private mutating func terminator() {
    let here = Self.code + UInt64(blocks[current])
    func relative(_ target: UInt64, _ end: Int) -> UInt64 { target &- here &- UInt64(end) }
    switch random.below(8) {
    case 0..<3:
      block += [0x0F, 0x80 | UInt8(random.below(16))]
      // A loop of one block is a case of its own.
      let destination = chance(3) ? here : target()
      word32(relative(destination, block.count + 4))
      block.append(0xE9)
      let other = target()
      word32(relative(other, block.count + 4))
    case 3:
      block.append(0xE9)
      let destination = target()
      word32(relative(destination, block.count + 4))
    case 4:
      block.append(0xE8)
      let destination = target()
      word32(relative(destination, block.count + 4))
    case 5: block += chance(16) ? [0xFF, 0xD4] : [0xC3]  // RET, or CALL RSP
    default:
      block += [0x49, 0xC7, 0xC3]
      word32(target())
      if chance(64) { block += [0x49, 0x0F, 0xCB] }  // BSWAP R11: not canonical
      block += chance(2) ? [0x41, 0xFF, 0xE3] : [0x41, 0xFF, 0xD3]  // JMP R11, CALL R11
    }
  }
}
