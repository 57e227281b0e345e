/// The state before one execution: registers drawn to extremes, then whatever the form needs put right.

import HostInstructions

extension FormSource {
  static let initialFlags: UInt64 = 0x202

  /// Registers and RFLAGS. `write` stores bytes to the memory of both sides; `read` gives a quadword of it.
  mutating func draw(
    _ form: InstructionForm, write: (UInt64, [UInt8]) -> Void, read: (UInt64) -> UInt64
  ) -> Registers {
    var registers = Registers()
    for i in 0..<16 { registers[i] = integer() }
    // Equal operands are rare by chance.
    if chance(8), let a = form.register, let b = form.operandRegister { registers[a] = registers[b] }
    registers[Registers.rip] = form.address
    var flags = Self.initialFlags | random.next() & Undefined.all
    if chance(4) { flags |= RFLAGSBits.direction }
    if chance(64) { flags |= RFLAGSBits.alignmentCheck }
    if chance(16) { flags |= RFLAGSBits.identification }
    registers[Registers.rflags] = flags

    if let memory = form.memory {
      prepare(form.setup, &registers)
      memory.solve(&registers, noise: random.next())
      writeOperand(memory, write)
    } else {
      prepare(form.setup, &registers)
    }
    finish(form, &registers, write, read)
    return registers
  }

  private mutating func writeOperand(_ memory: MemoryOperand, _ write: (UInt64, [UInt8]) -> Void) {
    let end = UInt64(HOST_MEMORY_END)
    guard memory.target >= UInt64(HOST_MEMORY), memory.target < end, !chance(8) else { return }
    let bytes = Self.littleEndian(integer(), 8) + (memory.size > 8 ? Self.littleEndian(integer(), 8) : [])
    write(memory.target, [UInt8](bytes.prefix(Int(end - memory.target))))
  }

  /// Around the middle of the memory, or, rarely, where its end is near.
  private mutating func pointer(_ spread: Int) -> UInt64 {
    if chance(64) {
      return chance(2)
        ? UInt64(HOST_MEMORY) + UInt64(random.below(24)) : UInt64(HOST_MEMORY_END) - UInt64(random.below(24))
    }
    let at = Self.middle - UInt64(spread) + UInt64(random.below(2 * spread))
    return chance(2) ? at & ~7 : at
  }

  private mutating func prepare(_ setup: Setup, _ registers: inout Registers) {
    switch setup {
    case .plain, .divide, .compareExchange, .compareExchangeDouble, .tableLookup: break
    case .count:
      if chance(2) { registers[Registers.rcx] = registers[Registers.rcx] & ~0xFF | UInt64(random.below(72)) }
      if chance(8) { registers[Registers.rcx] = random.next() & ~0xFFFF_FFFF | UInt64(random.below(2)) }
    case .bitOffset(let register):
      // Up to 2 KiB to both sides; a narrower operand ignores what is above its width.
      let offset = UInt64(bitPattern: Int64(random.below(1 << 15)) - 1 << 14)
      registers[register] = offset
    case .branch(let target), .returns(let target):
      registers[Registers.rsp] = pointer(200)
      if Int64(bitPattern: target << 16) >> 16 != Int64(bitPattern: target) {
        // Which comes first, the fault of the target or that of the stack, is not defined.
        registers[Registers.rsp] = Self.middle - 64
      }
    case .stack, .popFlags: registers[Registers.rsp] = pointer(200)
    case .leave: registers[Registers.rbp] = pointer(200)
    case .enter:
      registers[Registers.rsp] = pointer(200)
      registers[Registers.rbp] = pointer(200)
    case .string(let repeats, let compares):
      registers[Registers.rdi] = pointer(200)
      registers[Registers.rsi] = compares ? Self.middle + UInt64(random.below(200)) - 100 : pointer(200)
      if compares && chance(2) { registers.words.swapAt(Registers.rsi, Registers.rdi) }
      if compares { registers[Registers.rflags] &= ~RFLAGSBits.alignmentCheck }
      if !compares && chance(4) {
        registers[Registers.rdi] = registers[Registers.rsi] &+ UInt64(bitPattern: Int64(random.below(33) - 16))
      }
      if repeats { registers[Registers.rcx] = UInt64(chance(16) ? 0 : random.below(40)) }
    }
  }

  private mutating func finish(
    _ form: InstructionForm, _ registers: inout Registers, _ write: (UInt64, [UInt8]) -> Void,
    _ read: (UInt64) -> UInt64
  ) {
    let isAddress = { (r: Int) in form.memory?.base == r || form.memory?.index == r }
    switch form.setup {
    case .bitOffset(let register):
      if form.width < 8 {
        let mask: UInt64 = form.width == 2 ? 0xFFFF : 0xFFFF_FFFF
        registers[register] = registers[register] & mask | random.next() & ~mask
      }
    case .divide: prepareDivision(form, &registers, isAddress)
    case .compareExchange:
      if chance(2), !isAddress(0) {
        if let r = form.operandRegister {
          registers[Registers.rax] = registers[r]
        } else if let target = form.memory?.target {
          registers[Registers.rax] = read(target)
        }
      }
    case .compareExchangeDouble:
      guard chance(2), let target = form.memory?.target else { break }
      let low = read(target)
      let high = read(target &+ UInt64(form.width))
      registers[Registers.rax] = form.width == 8 ? low : low & 0xFFFF_FFFF | random.next() << 32
      registers[Registers.rdx] = form.width == 8 ? high : high & 0xFFFF_FFFF | random.next() << 32
    case .popFlags:
      // TF would trap in what follows.
      let at = registers[Registers.rsp]
      write(at, Self.littleEndian(random.next() & ~0x100, form.width))
    case .string:
      guard form.isShort else { break }
      for r in [Registers.rsi, Registers.rdi, Registers.rcx] {
        registers[r] = registers[r] & 0xFFFF_FFFF | random.next() << 32
      }
    case .tableLookup:
      let target = Self.middle - 128 + UInt64(random.below(256))
      registers[Registers.rbx] = target &- registers[Registers.rax] & 0xFF
      if form.isShort { registers[Registers.rbx] = registers[Registers.rbx] & 0xFFFF_FFFF | random.next() << 32 }
    case .branch(let target):
      if let r = form.operandRegister {
        registers[r] = target
      } else if let memory = form.memory {
        write(memory.target, Self.littleEndian(target, 8))
      }
    case .returns(let target): write(registers[Registers.rsp], Self.littleEndian(target, 8))
    default: break
    }
  }

  /// Three of four quotients fit: the upper half of the dividend is zero, the sign, or small.
  private mutating func prepareDivision(
    _ form: InstructionForm, _ registers: inout Registers, _ isAddress: (Int) -> Bool
  ) {
    guard !chance(4) else { return }
    let low = registers[Registers.rax]
    let choice = random.below(3)
    func upper(_ sign: Bool) -> UInt64 { choice == 0 ? 0 : choice == 1 ? (sign ? ~0 : 0) : 1 }
    if form.width == 1 {
      guard !isAddress(Registers.rax) else { return }
      registers[Registers.rax] = low & ~0xFF00 | (upper(low & 0x80 != 0) & 0xFF) << 8
    } else if !isAddress(Registers.rdx) {
      registers[Registers.rdx] = upper(low >> UInt64(form.width * 8 - 1) & 1 != 0)
    }
  }
}

enum RFLAGSBits {
  static let direction: UInt64 = 0x400
  static let alignmentCheck: UInt64 = 0x4_0000
  static let identification: UInt64 = 0x20_0000
  /// What is compared: everything but TF, which the host must not set, and RF, which belongs to the frame.
  static let compared: UInt64 = 0x0024_FEFF
}
