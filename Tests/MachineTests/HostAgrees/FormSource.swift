/// Random encodings: prefixes, ModRM, SIB, displacement, and where the operand lies. SDM vol. 2A, "Instruction Format".
///
/// The bytes are made here from the opcode maps, with no assembler between.

import HostInstructions

/// A choice for ModRM.rm.
enum RM {
  case register(Int)
  /// Memory of this many bytes; the registers in `avoiding` (a bit each) are needed for something else.
  case memory(size: Int, avoiding: UInt32 = 0)
  /// Memory addressed by RSP, near the stack's top.
  case stackRelative(size: Int)
  /// Any address: nothing is accessed.
  case address
}

/// What may stand before the opcode and how far operands may stray.
struct EncodingOptions: OptionSet {
  var rawValue: Int
  /// REX.W is not needed for 64 bits.
  static let default64 = EncodingOptions(rawValue: 1)
  /// F2 and F3 mean something else with this opcode.
  static let noRepeat = EncodingOptions(rawValue: 2)
  /// LOCK is allowed with a memory operand.
  static let lockable = EncodingOptions(rawValue: 4)
  /// Memory is locked without the prefix.
  static let locks = EncodingOptions(rawValue: 8)
  /// The operand is always in writable memory.
  static let near = EncodingOptions(rawValue: 16)
  /// 66 must not be added for its own sake.
  static let noOperandSize = EncodingOptions(rawValue: 32)
}

/// What a VEX prefix has beside R, X, B and W: the opcode map (2 is 0F 38, 3 is 0F 3A), the prefix that it stands for (1 is 66, 2 F3,
/// 3 F2), the second register, and L.
struct VEX {
  var map: UInt8
  var prefix: UInt8 = 0
  var register = 0
  var isLong = false

  /// The three-byte form, of what would be the REX prefix.
  func bytes(rex: UInt8) -> [UInt8] {
    let inverted = ~rex & 7
    return [
      0xC4, (inverted & 4) << 5 | (inverted & 2) << 5 | (inverted & 1) << 5 | map,
      (rex & 8) << 4 | ~UInt8(register) << 3 & 0x78 | (isLong ? 4 : 0) | prefix,
    ]
  }
}

struct FormSource {
  var random: OperandSource
  static let middle = UInt64(HOST_MEMORY) + 4096

  mutating func chance(_ oneIn: Int) -> Bool { random.below(oneIn) == 0 }
  mutating func one<T>(_ choices: [T]) -> T { choices[random.below(choices.count)] }
  mutating func register(avoiding: UInt32 = 0) -> Int {
    while true {
      let r = random.below(16)
      if avoiding >> UInt32(r) & 1 == 0 { return r }
    }
  }
  mutating func width() -> Int { [1, 2, 4, 8][random.below(4)] }
  mutating func wordWidth() -> Int { [2, 4, 8][random.below(3)] }

  static let longestFiller = 16

  /// Instructions that change nothing, to stand before a form, so that it is not the first of its block.
  mutating func filler() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<random.below(4) {
      bytes += one([[0x90], [0x66, 0x90], [0x0F, 0x1F, 0x00], [0x48, 0x89, 0xC0], [0x4D, 0x8D, 0x24, 0x24]])
    }
    return bytes
  }

  /// An integer drawn to extremes, of all widths at once.
  mutating func integer() -> UInt64 {
    let n = UInt64(random.below(64))
    switch random.below(10) {
    case 0, 1: return random.next()
    case 2: return UInt64(random.below(4))
    case 3: return 0 &- UInt64(random.below(4))
    case 4: return 1 << n
    case 5: return (1 << n) &- 1
    case 6: return 0 &- (1 << n)
    case 7: return (random.next() & ~0xFFFF_FFFF) | [0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0, 1][random.below(5)]
    case 8:
      return (random.next() & ~0xFFFF) | [0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x100, 0xFF80][random.below(8)]
    default: return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: random.next())))
    }
  }

  mutating func immediate(_ count: Int) -> [UInt8] {
    let value = integer()
    return (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  /// Where an instruction of `length` bytes is placed: anywhere, also across the page boundary.
  mutating func place(_ length: Int) -> UInt64 {
    if chance(12) { return UInt64(HOST_CODE) + 4096 - UInt64(random.below(length + 1)) }
    return UInt64(HOST_CODE) + 64 + UInt64(random.below(0x1F00))
  }

  /// Where an operand lies: mostly across or near the boundary of the two pages, sometimes where it faults.
  private mutating func target(_ size: Int, _ options: EncodingOptions) -> UInt64 {
    let size = max(size, 1)
    if !options.contains(.near) {
      switch random.below(64) {
      case 0: return UInt64(HOST_MEMORY_END) - UInt64(size) + UInt64(random.below(size + 4))
      case 1: return UInt64(HOST_MEMORY) - 1 - UInt64(random.below(size + 4))
      case 2: return UInt64(HOST_CONSTANT) + UInt64(random.below(4096 - 16))
      default: break
      }
    }
    if chance(4) { return Self.middle - UInt64(random.below(size + 1)) }
    return Self.middle - 128 + UInt64(random.below(256))
  }

  /// Puts an encoding together. `reg` is ModRM.reg, or added to the last opcode byte where there is no ModRM. `mandatory` is a prefix that
  /// belongs to the opcode.
  mutating func encode(
    _ family: Family, width: Int, _ opcode: [UInt8], reg: Int? = nil, _ rm: RM? = nil, immediate: [UInt8] = [],
    _ options: EncodingOptions = [], setup: Setup = .plain, mandatory: UInt8? = nil, vex: VEX? = nil
  ) -> InstructionForm {
    var form = InstructionForm(bytes: [], family: family, width: width, address: 0, setup: setup)
    form.register = reg
    var prefixes: [UInt8] = []
    var rex: UInt8 = width == 8 && !options.contains(.default64) ? 0x48 : 0
    if let mandatory { prefixes.append(mandatory) }
    if width == 2 { prefixes.append(0x66) }
    if width == 1 && !options.contains(.noOperandSize) && chance(16) { prefixes.append(0x66) }
    if rex == 0x48 && !options.contains(.noOperandSize) && chance(16) { prefixes.append(0x66) }
    if chance(16) { prefixes.append(one([0x26, 0x2E, 0x36, 0x3E, 0x65])) }
    if !options.contains(.noRepeat) && chance(40) { prefixes.append(one([0xF2, 0xF3])) }
    if chance(8) { rex |= 0x40 }
    if let reg, reg >= 8 { rex |= rm == nil ? 0x41 : 0x44 }

    var tail: [UInt8] = []
    var relativeAt: Int?
    if let rm {
      let regBits = UInt8(reg ?? 0) & 7
      switch rm {
      case .register(let r):
        form.operandRegister = r
        if r >= 8 { rex |= 0x41 }
        tail = [0xC0 | regBits << 3 | UInt8(r & 7)]
        if chance(40) { prefixes.append(0x67) }
      default:
        var memory = MemoryOperand(target: 0, size: 1)
        (tail, relativeAt) = memoryOperand(rm, regBits, &memory, &rex, options)
        if memory.isShort { prefixes.append(0x67) }
        let locks = options.contains(.lockable) && chance(5)
        if locks { prefixes.append(0xF0) }
        if case .address = rm {} else { form.memory = memory }
      }
    }
    // The order of legacy prefixes is free.
    for i in prefixes.indices.dropFirst() { prefixes.swapAt(i, random.below(i + 1)) }
    // A REX prefix that is not the last one is ignored.
    if !prefixes.isEmpty && chance(64) { prefixes.insert(0x48 | UInt8(random.below(8)), at: 0) }
    var opcode = opcode
    if rm == nil, let reg { opcode[opcode.count - 1] |= UInt8(reg & 7) }
    let extending = vex?.bytes(rex: rex) ?? (rex != 0 ? [rex] : [])
    form.bytes = prefixes + extending + opcode + tail + immediate
    form.address = place(form.bytes.count)
    if let relativeAt, let memory = form.memory {
      let at = prefixes.count + extending.count + opcode.count + relativeAt
      let displacement = memory.target &- (form.address + UInt64(form.bytes.count))
      form.bytes.replaceSubrange(at..<at + 4, with: Self.littleEndian(displacement, 4))
      form.memory?.displacement = memory.target
    }
    return form
  }

  /// An encoding without ModRM.
  mutating func encode(
    _ family: Family, width: Int, _ opcode: [UInt8], reg: Int? = nil, immediate: [UInt8] = [],
    _ options: EncodingOptions, setup: Setup = .plain
  ) -> InstructionForm {
    encode(family, width: width, opcode, reg: reg, nil, immediate: immediate, options, setup: setup)
  }

  /// ModRM, SIB and displacement of a memory operand. Returns them and where a RIP-relative displacement is still open.
  private mutating func memoryOperand(
    _ rm: RM, _ reg: UInt8, _ memory: inout MemoryOperand, _ rex: inout UInt8, _ options: EncodingOptions
  ) -> ([UInt8], Int?) {
    var avoiding: UInt32 = 0
    switch rm {
    case .memory(let size, let needed): (memory.size, avoiding) = (size, needed)
    case .stackRelative(let size):
      memory.size = size
      memory.target = target(size, .near)
      memory.base = Registers.rsp
      let displacement = UInt64(bitPattern: Int64(random.below(128) - 64))
      memory.displacement = displacement
      return ([0x44 | reg << 3, 0x24, UInt8(truncatingIfNeeded: displacement)], nil)
    case .address, .register: break
    }
    memory.target = target(memory.size, options)
    memory.isShort = chance(6)
    var shape = random.below(8)
    if case .address = rm, shape == 7 { shape = 0 }

    // Locked accesses stay within a cache line: across two the host may be slowed down or refuse.
    let locked = options.contains(.locks) || options.contains(.lockable)
    if locked && memory.size <= 8 { memory.target &= ~UInt64(memory.size - 1) }

    if shape == 7 { return ([reg << 3 | 5] + [0, 0, 0, 0], 1) }
    if shape == 6 {
      memory.displacement = memory.target
      return ([reg << 3 | 4, 0x25 | UInt8(random.below(4)) << 6] + Self.littleEndian(memory.target, 4), nil)
    }
    if shape == 5 {
      var index = register(avoiding: avoiding | 1 << 4)
      if index == 4 { index = 12 }
      memory.index = index
      memory.scale = UInt64(random.below(4))
      let small = UInt64(bitPattern: Int64(random.below(1 << 24)) - 1 << 23)
      // Bits that the scale shifts out may be anything.
      memory.indexValue = small
      if memory.scale > 0 && !memory.isShort {
        memory.indexValue = small & (~0 >> memory.scale) | random.next() << (64 - memory.scale)
      }
      memory.displacement = memory.target &- small &<< memory.scale
      if index >= 8 { rex |= 0x42 }
      let sib = UInt8(memory.scale) << 6 | UInt8(index & 7) << 3 | 5
      return ([reg << 3 | 4, sib] + Self.littleEndian(memory.displacement, 4), nil)
    }

    let base = register(avoiding: avoiding)
    memory.base = base
    if base >= 8 { rex |= 0x41 }
    var mod = UInt8(random.below(3))
    if mod == 0 && base & 7 == 5 { mod = 1 }
    switch mod {
    case 1: memory.displacement = UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: random.next())))
    case 2: memory.displacement = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: integer())))
    default: break
    }
    if !options.contains(.near) && !memory.isShort && chance(100) {
      memory.target = one([0x0000_8000_0000_0000, 0x7FFF_FFFF_FFFF_FFF8, 0xFFFF_7FFF_FFFF_FFF0, 0x8000_0000_0000_0000])
    }
    let displacementBytes = mod == 0 ? 0 : mod == 1 ? 1 : 4
    if shape < 2 && base & 7 != 4 {
      return (
        [mod << 6 | reg << 3 | UInt8(base & 7)] + Self.littleEndian(memory.displacement, displacementBytes), nil
      )
    }
    var sibIndex: UInt8 = 4
    if shape >= 2 {
      let index = register(avoiding: avoiding | 1 << 4)
      memory.index = index
      memory.scale = UInt64(random.below(4))
      sibIndex = UInt8(index & 7)
      if index >= 8 { rex |= 0x42 }
      if index == base && memory.scale == 0 && (memory.target &- memory.displacement) & 1 != 0 {
        // Twice a register is even.
        if mod == 0 { memory.target &= ~1 } else { memory.displacement ^= 1 }
      }
    }
    let sib = UInt8(memory.scale) << 6 | sibIndex << 3 | UInt8(base & 7)
    return ([mod << 6 | reg << 3 | 4, sib] + Self.littleEndian(memory.displacement, displacementBytes), nil)
  }
}
