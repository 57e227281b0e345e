/// From one decoded instruction to its micro-operations: the operand forms that every family shares.
///
/// SDM vol. 2A, "Instruction Format", "Addressing-Mode Encoding of ModR/M and SIB Bytes".
import CZydis

struct Translator {
  let mode: CodeMode
  let profile: Profile
  /// Address of the instruction being translated, and its place in the block.
  var rip: UInt64 = 0
  var ordinal = 0
  var offset = 0
  var current = DecodedInstruction()
  var operations: [MicroOperation] = []
  /// The instruction was the last of its block.
  var ended = false
  /// #UD was emitted for this instruction.
  private var first = 0

  init(mode: CodeMode, profile: Profile) {
    self.mode = mode
    self.profile = profile
  }

  var is64: Bool { mode == .bits64 }
  /// Address of the next instruction, as the code segment counts.
  var nextRIP: UInt64 { maskedRIP(rip &+ UInt64(current.length)) }
  func maskedRIP(_ address: UInt64) -> UInt64 { is64 ? address : address & 0xFFFF_FFFF }
  /// Operand width in bytes as the prefixes and the mode make it.
  var operandWidth: Int { Int(current.instruction.operand_width) / 8 }
  var addressWidth: Int { Int(current.instruction.address_width) / 8 }

  mutating func translate(_ decoded: DecodedInstruction, rip: UInt64, ordinal: Int, offset: Int) {
    current = decoded
    self.rip = rip
    self.ordinal = ordinal
    self.offset = offset
    first = operations.count
    ended = false
    let stackTransition = is64 ? decoded.stackTransition : nil
    if stackTransition != nil { emit(.move64, dst: Slot.stackBefore, src: Slot.rsp) }
    if let name = decoded.fred { translate(name) } else { translateMnemonic() }
    if let stackTransition {
      operations[operations.count - 1].traits.remove(.endsBlock)
      emit(stackTransition == .stackLoad ? .stackLoaded : .stackMoved, [.endsBlock])
    }
    if operations.count == first { emit(.nop) }
  }

  mutating func emit(_ operation: MicroOperation) {
    var operation = operation
    operation.length = UInt8(current.length)
    operation.ordinal = UInt8(ordinal)
    operation.offset = UInt16(offset)
    operations.append(operation)
  }

  mutating func emit(_ opcode: Opcode, dst: UInt8 = Slot.zero, src: UInt8 = Slot.zero, imm: UInt64 = 0) {
    var operation = MicroOperation(opcode)
    operation.dst = dst
    operation.src = src
    operation.imm = imm
    emit(operation)
  }

  func external(_ name: External, width: Int = 0, _ traits: MicroOperation.Traits = []) -> MicroOperation {
    var operation = MicroOperation(.external)
    operation.detail = name.rawValue
    operation.width = UInt8(width)
    operation.traits = traits
    return operation
  }

  mutating func emit(
    _ name: External, width: Int = 0, dst: UInt8 = Slot.zero, src: UInt8 = Slot.zero, imm: UInt64 = 0,
    _ traits: MicroOperation.Traits = []
  ) {
    var operation = external(name, width: width, traits)
    operation.dst = dst
    operation.src = src
    operation.imm = imm
    emit(operation)
    if traits.contains(.endsBlock) { ended = true }
  }

  /// Takes back what was emitted and raises #UD instead.
  mutating func undefined() {
    operations.removeSubrange(first...)
    emit(.undefined, [.endsBlock])
  }

  // MARK: Operands

  func operand(_ i: Int) -> ZydisDecodedOperand { current.operands[i] }
  func isRegister(_ i: Int) -> Bool { operand(i).type == ZYDIS_OPERAND_TYPE_REGISTER }
  func isMemory(_ i: Int) -> Bool { operand(i).type == ZYDIS_OPERAND_TYPE_MEMORY }
  func isImmediate(_ i: Int) -> Bool { operand(i).type == ZYDIS_OPERAND_TYPE_IMMEDIATE }
  func width(_ i: Int) -> Int { Int(operand(i).size) / 8 }

  /// The slot of a general register, whatever its width; the second byte of the first four for AH to BH.
  static func slot(_ register: ZydisRegister) -> UInt8? {
    let n = Int(register.rawValue)
    func index(_ first: ZydisRegister, _ count: Int) -> Int? {
      let distance = n - Int(first.rawValue)
      return distance >= 0 && distance < count ? distance : nil
    }
    if let i = index(ZYDIS_REGISTER_AL, 4) { return Slot.at(i) }
    if let i = index(ZYDIS_REGISTER_AH, 4) { return Slot.at(i) + 1 }
    if let i = index(ZYDIS_REGISTER_SPL, 12) { return Slot.at(i + 4) }
    for base in [ZYDIS_REGISTER_AX, ZYDIS_REGISTER_EAX, ZYDIS_REGISTER_RAX] {
      if let i = index(base, 16) { return Slot.at(i) }
    }
    return nil
  }

  func slot(_ i: Int) -> UInt8 { Self.slot(operand(i).reg.value) ?? Slot.zero }

  static func segment(_ register: ZydisRegister) -> SegmentName? {
    switch register {
    case ZYDIS_REGISTER_ES: return .es
    case ZYDIS_REGISTER_CS: return .cs
    case ZYDIS_REGISTER_SS: return .ss
    case ZYDIS_REGISTER_DS: return .ds
    case ZYDIS_REGISTER_FS: return .fs
    case ZYDIS_REGISTER_GS: return .gs
    default: return nil
    }
  }

  func immediate(_ i: Int) -> UInt64 {
    let imm = operand(i).imm
    return imm.is_relative != 0 ? relativeTarget(imm.value.s) : imm.value.u
  }

  private func relativeTarget(_ displacement: Int64) -> UInt64 {
    let target = rip &+ UInt64(current.length) &+ UInt64(bitPattern: displacement)
    if is64 { return target }
    return operandWidth == 2 ? target & 0xFFFF : target & 0xFFFF_FFFF
  }

  /// Makes `operation` address the memory operand `i`, emitting what must come before it. `size` is the bytes accessed.
  /// `inBody` says that the body of 64-bit code computes the address, a 32-bit one too. `popped` is what POP adds to a stack
  /// pointer in the address.
  mutating func address(
    _ operation: inout MicroOperation, _ i: Int, size: Int? = nil, write: Bool = false, inBody: Bool = false,
    popped: Int = 0
  ) {
    let memory = operand(i).mem
    let segment = Self.segment(memory.segment) ?? .ds
    if segment == .ss { operation.traits.insert(.stack) }
    if segment == .gs { operation.traits.insert(.usesGS) }
    var parts = MicroOperation(.address32)
    if memory.base == ZYDIS_REGISTER_RIP || memory.base == ZYDIS_REGISTER_EIP {
      parts.disp = rip &+ UInt64(current.length) &+ UInt64(bitPattern: memory.disp.value)
    } else {
      parts.base = Self.slot(memory.base) ?? Slot.zero
      parts.index = Self.slot(memory.index) ?? Slot.zero
      parts.scale = UInt8(max(0, Int(memory.scale).trailingZeroBitCount))
      if memory.index == ZYDIS_REGISTER_NONE { parts.scale = 0 }
      parts.disp = UInt64(bitPattern: memory.disp.value)
      if parts.base == Slot.rsp { parts.disp &+= UInt64(popped) }
    }
    parts.dst = Slot.t2
    if is64 {
      if segment == .fs { operation.segment = Slot.fsBase }
      if segment == .gs { operation.segment = Slot.gsBase }
      if addressWidth != 8 && inBody { operation.traits.insert(.shortAddress) }
      if addressWidth == 8 || inBody {
        operation.base = parts.base
        operation.index = parts.index
        operation.scale = parts.scale
        operation.disp = parts.disp
        return
      }
      parts.imm = 0xFFFF_FFFF
      emit(parts)
    } else if current.mnemonic == ZYDIS_MNEMONIC_LEA {
      parts.imm = addressWidth == 2 ? 0xFFFF : 0xFFFF_FFFF
      emit(parts)
    } else {
      parts.opcode = .external
      parts.detail = External.legacyAddress.rawValue
      parts.width = UInt8(min(size ?? max(1, width(i)), 255))
      parts.imm = (addressWidth == 2 ? 0xFFFF : 0xFFFF_FFFF) | UInt64(segment.rawValue) << 32 | (write ? 1 << 40 : 0)
      emit(parts)
    }
    operation.base = Slot.t2
  }

  /// The operand as a value in a register slot, loaded where it is in memory; nil for an immediate.
  mutating func load(_ i: Int, into temporary: UInt8, width given: Int? = nil) -> UInt8? {
    if isRegister(i) { return slot(i) }
    if isImmediate(i) { return nil }
    var operation = MicroOperation(Opcode.load8.ofWidth(given ?? width(i)))
    address(&operation, i, size: given)
    operation.dst = temporary
    emit(operation)
    return temporary
  }

  /// Stores `source` to the memory operand `i`. The address must have been computed by an operation of this instruction whose
  /// registers still hold (`modify` or a plain store).
  mutating func store(_ i: Int, from source: UInt8, imm: UInt64 = 0, width given: Int? = nil) {
    var operation = MicroOperation(Opcode.store8.ofWidth(given ?? width(i)))
    address(&operation, i, size: given, write: true)
    operation.src = source
    operation.imm = imm
    emit(operation)
  }

  /// Loads the memory operand `i` for modification.
  mutating func modify(_ i: Int, into temporary: UInt8) {
    var operation = MicroOperation(Opcode.modify8.ofWidth(width(i)))
    address(&operation, i, write: true)
    operation.dst = temporary
    emit(operation)
  }

  // MARK: Shapes

  /// `op dst, src` where the destination is read and, unless `discards`, written.
  mutating func binary(_ family: Opcode, discards: Bool = false) {
    let width = width(0)
    if isMemory(0) && !discards {
      let source = isImmediate(1) ? nil : slot(1)
      modify(0, into: Slot.t0)
      emit(family.ofWidth(width), dst: Slot.t0, src: source ?? Slot.zero, imm: source == nil ? immediate(1) : 0)
      store(0, from: Slot.t0)
      return
    }
    let destination = load(0, into: Slot.t0) ?? Slot.zero
    let source = load(1, into: Slot.t1)
    emit(family.ofWidth(width), dst: destination, src: source ?? Slot.zero, imm: source == nil ? immediate(1) : 0)
  }

  mutating func unary(_ family: Opcode) {
    if isMemory(0) {
      modify(0, into: Slot.t0)
      emit(family.ofWidth(width(0)), dst: Slot.t0)
      store(0, from: Slot.t0)
    } else {
      emit(family.ofWidth(width(0)), dst: slot(0))
    }
  }

  /// A body out of line that reads `dst` and writes it, with the second operand as its value.
  mutating func modifying(_ name: External, count: Int = 1) {
    let width = width(0)
    var operation = external(name, width: width)
    if current.visible > count {
      let source = load(count, into: Slot.t1)
      operation.src = source ?? Slot.zero
      operation.imm = source == nil ? immediate(count) : 0
    }
    if isMemory(0) {
      modify(0, into: Slot.t0)
      operation.dst = Slot.t0
      emit(operation)
      store(0, from: Slot.t0)
    } else {
      operation.dst = slot(0)
      emit(operation)
    }
  }
}
