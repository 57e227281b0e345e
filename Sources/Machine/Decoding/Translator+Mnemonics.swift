/// One case for each mnemonic. SDM vol. 2, "Instruction Set Reference".
import CZydis

extension Translator {
  mutating func translateMnemonic() {
    if translateInteger() || translateControlFlow() || translateStrings() || translateSystem() { return }
    if translateVector() || translateBitManipulation() { return }
    undefined()
  }

  // MARK: Integer

  private mutating func translateInteger() -> Bool {
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_MOV: move()
    case ZYDIS_MNEMONIC_MOVNTI:
      store(0, from: slot(1))
    case ZYDIS_MNEMONIC_MOVZX: extend(signed: false)
    case ZYDIS_MNEMONIC_MOVSX, ZYDIS_MNEMONIC_MOVSXD: extend(signed: true)
    case ZYDIS_MNEMONIC_LEA:
      var operation = MicroOperation(Opcode.lea16.ofWordWidth(width(0)))
      address(&operation, 1)
      operation.dst = slot(0)
      operation.segment = Slot.zero
      emit(operation)
    case ZYDIS_MNEMONIC_ADD: binary(.add8)
    case ZYDIS_MNEMONIC_OR: binary(.or8)
    case ZYDIS_MNEMONIC_ADC: binary(.adc8)
    case ZYDIS_MNEMONIC_SBB: binary(.sbb8)
    case ZYDIS_MNEMONIC_AND: binary(.and8)
    case ZYDIS_MNEMONIC_SUB: binary(.sub8)
    case ZYDIS_MNEMONIC_XOR: binary(.xor8)
    case ZYDIS_MNEMONIC_CMP: binary(.cmp8, discards: true)
    case ZYDIS_MNEMONIC_TEST: binary(.test8, discards: true)
    case ZYDIS_MNEMONIC_INC: unary(.inc8)
    case ZYDIS_MNEMONIC_DEC: unary(.dec8)
    case ZYDIS_MNEMONIC_NEG: unary(.neg8)
    case ZYDIS_MNEMONIC_NOT: unary(.not8)
    case ZYDIS_MNEMONIC_SHL: binaryShift(.shl8)
    case ZYDIS_MNEMONIC_SHR: binaryShift(.shr8)
    case ZYDIS_MNEMONIC_SAR: binaryShift(.sar8)
    case ZYDIS_MNEMONIC_ROL: modifying(.rotateLeft)
    case ZYDIS_MNEMONIC_ROR: modifying(.rotateRight)
    case ZYDIS_MNEMONIC_RCL: modifying(.rotateCarryLeft)
    case ZYDIS_MNEMONIC_RCR: modifying(.rotateCarryRight)
    case ZYDIS_MNEMONIC_SHLD, ZYDIS_MNEMONIC_SHRD: shiftDouble()
    case ZYDIS_MNEMONIC_IMUL: multiplySigned()
    case ZYDIS_MNEMONIC_MUL: oneOperand(.multiply)
    case ZYDIS_MNEMONIC_DIV: oneOperand(.divide)
    case ZYDIS_MNEMONIC_IDIV: oneOperand(.divideSigned)
    case ZYDIS_MNEMONIC_BT: bitTest(.bitTest, writes: false)
    case ZYDIS_MNEMONIC_BTS: bitTest(.bitTestSet, writes: true)
    case ZYDIS_MNEMONIC_BTR: bitTest(.bitTestReset, writes: true)
    case ZYDIS_MNEMONIC_BTC: bitTest(.bitTestComplement, writes: true)
    case ZYDIS_MNEMONIC_BSF: toRegister(.bitScanForward)
    case ZYDIS_MNEMONIC_BSR: toRegister(.bitScanReverse)
    case ZYDIS_MNEMONIC_POPCNT where profile.hasPopulationCount: toRegister(.populationCount)
    case ZYDIS_MNEMONIC_BSWAP: emit(.byteSwap, width: width(0), dst: slot(0))
    case ZYDIS_MNEMONIC_XCHG: exchange()
    case ZYDIS_MNEMONIC_XADD: exchangeAdd()
    case ZYDIS_MNEMONIC_CMPXCHG: compareExchange()
    case ZYDIS_MNEMONIC_CMPXCHG8B, ZYDIS_MNEMONIC_CMPXCHG16B:
      var operation = external(.compareExchangeDouble, width: width(0) / 2)
      address(&operation, 0, write: true)
      emit(operation)
    case ZYDIS_MNEMONIC_CBW, ZYDIS_MNEMONIC_CWDE, ZYDIS_MNEMONIC_CDQE:
      emit(.signExtendAccumulator, width: operandWidth)
    case ZYDIS_MNEMONIC_CWD, ZYDIS_MNEMONIC_CDQ, ZYDIS_MNEMONIC_CQO: emit(.signIntoData, width: operandWidth)
    case ZYDIS_MNEMONIC_LAHF: emit(.loadFlagsAH)
    case ZYDIS_MNEMONIC_SAHF: emit(.storeFlagsAH)
    case ZYDIS_MNEMONIC_CLC: emit(.clearCarry)
    case ZYDIS_MNEMONIC_STC: emit(.setCarry)
    case ZYDIS_MNEMONIC_CMC: emit(.complementCarry)
    case ZYDIS_MNEMONIC_CLD: emit(.clearDirection)
    case ZYDIS_MNEMONIC_STD: emit(.setDirection)
    case ZYDIS_MNEMONIC_XLAT: tableLookup()
    case ZYDIS_MNEMONIC_DAA: emit(.decimalAddAdjust)
    case ZYDIS_MNEMONIC_DAS: emit(.decimalSubtractAdjust)
    case ZYDIS_MNEMONIC_AAA: emit(.asciiAddAdjust)
    case ZYDIS_MNEMONIC_AAS: emit(.asciiSubtractAdjust)
    case ZYDIS_MNEMONIC_AAM: emit(.asciiMultiplyAdjust, imm: immediate(0))
    case ZYDIS_MNEMONIC_AAD: emit(.asciiDivideAdjust, imm: immediate(0))
    case ZYDIS_MNEMONIC_BOUND:
      var operation = external(.bound, width: width(0))
      address(&operation, 1)
      operation.dst = slot(0)
      emit(operation)
    case ZYDIS_MNEMONIC_NOP, ZYDIS_MNEMONIC_PAUSE, ZYDIS_MNEMONIC_ENDBR32, ZYDIS_MNEMONIC_ENDBR64,
      ZYDIS_MNEMONIC_LFENCE, ZYDIS_MNEMONIC_MFENCE, ZYDIS_MNEMONIC_SFENCE, ZYDIS_MNEMONIC_PREFETCH,
      ZYDIS_MNEMONIC_PREFETCHNTA, ZYDIS_MNEMONIC_PREFETCHT0, ZYDIS_MNEMONIC_PREFETCHT1, ZYDIS_MNEMONIC_PREFETCHT2,
      ZYDIS_MNEMONIC_PREFETCHW:
      emit(.nop)
    case ZYDIS_MNEMONIC_PUSH: push()
    case ZYDIS_MNEMONIC_POP: pop()
    case ZYDIS_MNEMONIC_PUSHA, ZYDIS_MNEMONIC_PUSHAD: emit(.pushAll, width: operandWidth)
    case ZYDIS_MNEMONIC_POPA, ZYDIS_MNEMONIC_POPAD: emit(.popAll, width: operandWidth)
    case ZYDIS_MNEMONIC_ENTER:
      var operation = external(.enter, width: stackWidth)
      operation.imm = immediate(0)
      operation.disp = immediate(1)
      emit(operation)
    case ZYDIS_MNEMONIC_LEAVE: emit(.leave, width: stackWidth)
    default:
      if let condition = Self.condition(current.mnemonic, in: Self.conditionalMoves) {
        conditionalMove(condition)
      } else if let condition = Self.condition(current.mnemonic, in: Self.conditionalSets) {
        var operation = MicroOperation(.setIf)
        operation.detail = UInt16(condition)
        if isMemory(0) {
          // The store's permission is checked by the store itself; nothing was changed before it.
          operation.dst = Slot.t0
          emit(operation)
          store(0, from: Slot.t0)
        } else {
          operation.dst = slot(0)
          emit(operation)
        }
      } else {
        return false
      }
    }
    return true
  }

  /// Width of a push, pop or frame: 64-bit code has no 32-bit form.
  var stackWidth: Int { is64 ? (operandWidth == 2 ? 2 : 8) : operandWidth }

  private mutating func move() {
    if isRegister(0), let segment = Self.segment(operand(0).reg.value) {
      let source = load(1, into: Slot.t0) ?? Slot.zero
      emit(.writeSegment, dst: UInt8(segment.rawValue), src: source, [.endsBlock])
      return
    }
    if isRegister(1), let segment = Self.segment(operand(1).reg.value) {
      emit(.readSegment, dst: Slot.t0, src: UInt8(segment.rawValue))
      if isMemory(0) { store(0, from: Slot.t0, width: 2) } else { registerMove(slot(0), Slot.t0, width(0)) }
      return
    }
    if isRegister(0), let control = Self.control(operand(0).reg.value) {
      emit(.writeControl, dst: control, src: slot(1), [.endsBlock])
      return
    }
    if isRegister(1), let control = Self.control(operand(1).reg.value) {
      emit(.readControl, dst: slot(0), src: control)
      return
    }
    if isRegister(0), let debug = Self.debug(operand(0).reg.value) {
      emit(.writeDebug, dst: debug, src: slot(1), [.endsBlock])
      return
    }
    if isRegister(1), let debug = Self.debug(operand(1).reg.value) {
      emit(.readDebug, dst: slot(0), src: debug, [.endsBlock])
      return
    }
    if isMemory(0) {
      let source = isImmediate(1) ? nil : slot(1)
      store(0, from: source ?? Slot.zero, imm: source == nil ? immediate(1) : 0)
    } else if isMemory(1) {
      var operation = MicroOperation(Opcode.load8.ofWidth(width(0)))
      address(&operation, 1)
      operation.dst = slot(0)
      emit(operation)
    } else {
      let source = isImmediate(1) ? nil : slot(1)
      emit(
        Opcode.move8.ofWidth(width(0)), dst: slot(0), src: source ?? Slot.zero,
        imm: source == nil ? immediate(1) : 0)
    }
  }

  private mutating func registerMove(_ destination: UInt8, _ source: UInt8, _ width: Int) {
    emit(Opcode.move8.ofWidth(width), dst: destination, src: source)
  }

  static func control(_ register: ZydisRegister) -> UInt8? {
    let n = Int(register.rawValue) - Int(ZYDIS_REGISTER_CR0.rawValue)
    return n >= 0 && n < 16 ? UInt8(n) : nil
  }

  static func debug(_ register: ZydisRegister) -> UInt8? {
    let n = Int(register.rawValue) - Int(ZYDIS_REGISTER_DR0.rawValue)
    return n >= 0 && n < 16 ? UInt8(n) : nil
  }

  private mutating func extend(signed: Bool) {
    let to = width(0)
    // MOVSXD with a 16-bit operand moves a word. SDM vol. 2B, "MOVSX/MOVSXD", has a word for its source; AMD's processors
    // read a doubleword and drop half of it.
    let from = min(width(1), to)
    let source = load(1, into: Slot.t0, width: profile.vendor == .amd ? nil : from) ?? Slot.zero
    if from == to {
      registerMove(slot(0), source, to)
      return
    }
    let opcode: Opcode
    switch (signed, from, to) {
    case (false, 1, 2): opcode = .zeroExtend8To16
    case (false, 1, _): opcode = .zeroExtend8
    case (false, _, _): opcode = .zeroExtend16
    case (true, 1, 2): opcode = .signExtend8To16
    case (true, 1, 4): opcode = .signExtend8To32
    case (true, 1, _): opcode = .signExtend8To64
    case (true, 2, 4): opcode = .signExtend16To32
    case (true, 2, _): opcode = .signExtend16To64
    default: opcode = .signExtend32To64
    }
    emit(opcode, dst: slot(0), src: source)
  }

  private mutating func binaryShift(_ family: Opcode) {
    let width = width(0)
    let source = isImmediate(1) ? nil : slot(1)
    let imm = source == nil ? immediate(1) : 0
    if isMemory(0) {
      modify(0, into: Slot.t0)
      emit(family.ofWidth(width), dst: Slot.t0, src: source ?? Slot.zero, imm: imm)
      store(0, from: Slot.t0)
    } else {
      emit(family.ofWidth(width), dst: slot(0), src: source ?? Slot.zero, imm: imm)
    }
  }

  private mutating func shiftDouble() {
    let name: External = current.mnemonic == ZYDIS_MNEMONIC_SHLD ? .shiftDoubleLeft : .shiftDoubleRight
    var operation = external(name, width: width(0))
    // The source travels in `base`, the count is the value operand.
    operation.base = slot(1)
    if isImmediate(2) { operation.imm = immediate(2) } else { operation.src = Slot.rcx }
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

  private mutating func multiplySigned() {
    switch current.visible {
    case 1: oneOperand(.multiplySigned)
    case 2:
      let source = load(1, into: Slot.t0) ?? Slot.zero
      var operation = MicroOperation(Opcode.imul16.ofWordWidth(width(0)))
      operation.dst = slot(0)
      operation.base = slot(0)
      operation.src = source
      emit(operation)
    default:
      let source = load(1, into: Slot.t0) ?? Slot.zero
      var operation = MicroOperation(Opcode.imul16.ofWordWidth(width(0)))
      operation.dst = slot(0)
      operation.base = source
      operation.imm = immediate(2)
      emit(operation)
    }
  }

  /// MUL, DIV and their signed forms: the operand against the accumulator.
  private mutating func oneOperand(_ name: External) {
    let source = load(0, into: Slot.t0) ?? Slot.zero
    emit(name, width: width(0), src: source)
  }

  private mutating func bitTest(_ name: External, writes: Bool) {
    let width = width(0)
    var operation = external(name, width: width)
    let source = isImmediate(1) ? nil : slot(1)
    operation.src = source ?? Slot.zero
    operation.imm = source == nil ? immediate(1) & UInt64(width * 8 - 1) : 0
    if isMemory(0) {
      // A register offset reaches outside the operand: the body computes the address.
      operation.traits.insert(.memory)
      if addressWidth != (is64 ? 8 : addressWidth) { operation.traits.insert(.shortAddress) }
      address(&operation, 0, write: writes)
      operation.dst = Slot.t0
      emit(operation)
    } else {
      operation.dst = slot(0)
      emit(operation)
    }
  }

  /// `op reg, r/m` with the body out of line.
  private mutating func toRegister(_ name: External) {
    let source = load(1, into: Slot.t0) ?? Slot.zero
    emit(name, width: width(0), dst: slot(0), src: source)
  }

  private mutating func exchange() {
    let width = width(0)
    if isMemory(0) || isMemory(1) {
      let memory = isMemory(0) ? 0 : 1
      modify(memory, into: Slot.t0)
      store(memory, from: slot(1 - memory))
      registerMove(slot(1 - memory), Slot.t0, width)
    } else {
      emit(Opcode.exchange8.ofWidth(width), dst: slot(0), src: slot(1))
    }
  }

  private mutating func exchangeAdd() {
    let width = width(0)
    if isMemory(0) {
      modify(0, into: Slot.t0)
      emit(Opcode.move8.ofWidth(width), dst: Slot.t1, src: Slot.t0)
      emit(Opcode.add8.ofWidth(width), dst: Slot.t1, src: slot(1))
      store(0, from: Slot.t1)
      registerMove(slot(1), Slot.t0, width)
    } else {
      emit(.exchangeAdd, width: width, dst: slot(0), src: slot(1))
    }
  }

  private mutating func compareExchange() {
    let width = width(0)
    var operation = external(.compareExchange, width: width)
    operation.src = slot(1)
    if isMemory(0) {
      modify(0, into: Slot.t0)
      operation.dst = Slot.t0
      operation.traits.insert(.memory)
      emit(operation)
      // The body leaves in t0 what memory becomes and in t1 the accumulator; the store happens in either case.
      store(0, from: Slot.t0)
      emit(.move64, dst: Slot.rax, src: Slot.t1)
    } else {
      operation.dst = slot(0)
      emit(operation)
    }
  }

  private mutating func tableLookup() {
    var operation = external(.tableLookup)
    operation.segment = is64 ? Slot.zero : Slot.dsBase
    if let segment = Self.segment(operand(0).mem.segment), isMemory(0) {
      if segment == .fs { operation.segment = Slot.fsBase }
      if segment == .gs { operation.segment = Slot.gsBase }
    }
    if addressWidth == 4 { operation.traits.insert(.shortAddress) }
    emit(operation)
  }

  private mutating func conditionalMove(_ condition: Int) {
    // The load happens whether or not the condition holds.
    let source = load(1, into: Slot.t0) ?? Slot.zero
    var operation = MicroOperation(Opcode.moveIf16.ofWordWidth(width(0)))
    operation.dst = slot(0)
    operation.src = source
    operation.detail = UInt16(condition)
    emit(operation)
  }

  private mutating func push() {
    if isRegister(0), let segment = Self.segment(operand(0).reg.value) {
      emit(.readSegment, dst: Slot.t0, src: UInt8(segment.rawValue))
      emitPush(Slot.t0, 0, width: stackWidth)
      return
    }
    let source = load(0, into: Slot.t0)
    emitPush(source ?? Slot.zero, source == nil ? immediate(0) : 0, width: stackWidth)
  }

  mutating func emitPush(_ source: UInt8, _ imm: UInt64, width: Int) {
    if is64 && width == 8 {
      emit(.push64, src: source, imm: imm)
    } else {
      emit(.pushSized, width: width, src: source, imm: imm)
    }
  }

  private mutating func pop() {
    if isRegister(0), let segment = Self.segment(operand(0).reg.value) {
      emit(.popSegment, width: stackWidth, dst: UInt8(segment.rawValue), [.endsBlock])
      return
    }
    if isMemory(0) {
      var operation = external(.popMemory, width: stackWidth)
      if is64 {
        address(&operation, 0, write: true, inBody: true)
      } else {
        address(&operation, 0, size: stackWidth, write: true, popped: stackWidth)
      }
      emit(operation)
    } else if is64 && stackWidth == 8 {
      emit(.pop64, dst: slot(0))
    } else {
      emit(.popSized, width: stackWidth, dst: slot(0))
    }
  }

  // MARK: Conditions

  static let conditionalMoves: [ZydisMnemonic] = [
    ZYDIS_MNEMONIC_CMOVO, ZYDIS_MNEMONIC_CMOVNO, ZYDIS_MNEMONIC_CMOVB, ZYDIS_MNEMONIC_CMOVNB, ZYDIS_MNEMONIC_CMOVZ,
    ZYDIS_MNEMONIC_CMOVNZ, ZYDIS_MNEMONIC_CMOVBE, ZYDIS_MNEMONIC_CMOVNBE, ZYDIS_MNEMONIC_CMOVS,
    ZYDIS_MNEMONIC_CMOVNS, ZYDIS_MNEMONIC_CMOVP, ZYDIS_MNEMONIC_CMOVNP, ZYDIS_MNEMONIC_CMOVL, ZYDIS_MNEMONIC_CMOVNL,
    ZYDIS_MNEMONIC_CMOVLE, ZYDIS_MNEMONIC_CMOVNLE,
  ]
  static let conditionalSets: [ZydisMnemonic] = [
    ZYDIS_MNEMONIC_SETO, ZYDIS_MNEMONIC_SETNO, ZYDIS_MNEMONIC_SETB, ZYDIS_MNEMONIC_SETNB, ZYDIS_MNEMONIC_SETZ,
    ZYDIS_MNEMONIC_SETNZ, ZYDIS_MNEMONIC_SETBE, ZYDIS_MNEMONIC_SETNBE, ZYDIS_MNEMONIC_SETS, ZYDIS_MNEMONIC_SETNS,
    ZYDIS_MNEMONIC_SETP, ZYDIS_MNEMONIC_SETNP, ZYDIS_MNEMONIC_SETL, ZYDIS_MNEMONIC_SETNL, ZYDIS_MNEMONIC_SETLE,
    ZYDIS_MNEMONIC_SETNLE,
  ]
  static let conditionalJumps: [ZydisMnemonic] = [
    ZYDIS_MNEMONIC_JO, ZYDIS_MNEMONIC_JNO, ZYDIS_MNEMONIC_JB, ZYDIS_MNEMONIC_JNB, ZYDIS_MNEMONIC_JZ,
    ZYDIS_MNEMONIC_JNZ, ZYDIS_MNEMONIC_JBE, ZYDIS_MNEMONIC_JNBE, ZYDIS_MNEMONIC_JS, ZYDIS_MNEMONIC_JNS,
    ZYDIS_MNEMONIC_JP, ZYDIS_MNEMONIC_JNP, ZYDIS_MNEMONIC_JL, ZYDIS_MNEMONIC_JNL, ZYDIS_MNEMONIC_JLE,
    ZYDIS_MNEMONIC_JNLE,
  ]

  /// The condition code of a conditional mnemonic: its place in the list.
  static func condition(_ mnemonic: ZydisMnemonic, in list: [ZydisMnemonic]) -> Int? {
    list.firstIndex(of: mnemonic)
  }

  // MARK: Control flow

  private mutating func translateControlFlow() -> Bool {
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_JMP: jump()
    case ZYDIS_MNEMONIC_CALL: call()
    case ZYDIS_MNEMONIC_RET: returnFrom()
    case ZYDIS_MNEMONIC_JCXZ, ZYDIS_MNEMONIC_JECXZ, ZYDIS_MNEMONIC_JRCXZ: counted(.jumpIfCounterZero)
    case ZYDIS_MNEMONIC_LOOP: counted(.loop)
    case ZYDIS_MNEMONIC_LOOPE: counted(.loopIfZero)
    case ZYDIS_MNEMONIC_LOOPNE: counted(.loopIfNotZero)
    case ZYDIS_MNEMONIC_INT: emit(.interrupt, imm: immediate(0), [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_INT1: emit(.interruptOne, [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_INT3: emit(.interruptThree, [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_INTO: emit(.interruptOverflow, [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_IRET, ZYDIS_MNEMONIC_IRETD, ZYDIS_MNEMONIC_IRETQ:
      emit(.interruptReturn, width: operandWidth, [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_SYSCALL: emit(.systemCall, [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_SYSRET: emit(.systemReturn, width: operandWidth, [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_SYSENTER: emit(.systemEnter, [.endsBlock, .setsRIP])
    case ZYDIS_MNEMONIC_SYSEXIT: emit(.systemExit, width: operandWidth, [.endsBlock, .setsRIP])
    default:
      guard let condition = Self.condition(current.mnemonic, in: Self.conditionalJumps) else { return false }
      ended = true
      if leadsOutside {
        var operation = external(.jumpOutsideIf, [.endsBlock, .setsRIP])
        operation.base = UInt8(condition)
        operation.disp = nextRIP
        emit(operation)
        return true
      }
      var operation = MicroOperation(.jumpIf)
      operation.detail = UInt16(condition)
      operation.imm = immediate(0)
      operation.disp = nextRIP
      emit(operation)
    }
    return true
  }

  /// A relative branch whose target is not canonical: where it is taken it faults, and the blocks' own branches do not.
  private var leadsOutside: Bool { is64 && !Processor.isCanonical(immediate(0)) }

  private var isFar: Bool { current.instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR }

  private mutating func jump() {
    ended = true
    if isFar { return far(.farJump) }
    if isImmediate(0) {
      return leadsOutside ? emit(.jumpOutside, [.endsBlock, .setsRIP]) : emit(.jump, imm: immediate(0))
    }
    let source = load(0, into: Slot.t0) ?? Slot.zero
    noteLowBranch()
    let target = narrowed(source)
    track()
    emit(.jumpIndirect, src: target)
  }

  /// An indirect target outside 64-bit code, cut to the operand size.
  private mutating func narrowed(_ source: UInt8) -> UInt8 {
    if is64 { return source }
    if operandWidth == 2 {
      emit(.zeroExtend16, dst: Slot.t0, src: source)
    } else {
      emit(.move32, dst: Slot.t0, src: source)
    }
    return Slot.t0
  }

  private mutating func call() {
    ended = true
    if isFar { return far(.farCall) }
    if is64 {
      if isImmediate(0), leadsOutside {
        var operation = external(.callOutside, [.endsBlock, .setsRIP])
        operation.disp = nextRIP
        return emit(operation)
      }
      var operation = MicroOperation(isImmediate(0) ? .call : .callIndirect)
      operation.disp = nextRIP
      if isImmediate(0) {
        operation.imm = immediate(0)
      } else {
        operation.src = load(0, into: Slot.t0) ?? Slot.zero
        noteLowBranch()
        track()
      }
      emit(operation)
      return
    }
    var operation = external(.callSized, width: operandWidth, [.endsBlock, .setsRIP])
    if isImmediate(0) {
      operation.imm = immediate(0)
    } else {
      operation.src = narrowed(load(0, into: Slot.t0) ?? Slot.zero)
      track()
    }
    operation.disp = nextRIP
    emit(operation)
  }

  /// Where the part's kernels owe it, a return or an indirect branch is noted whose last byte is among the first 32 of a cache line.
  private mutating func noteLowBranch() {
    guard is64, profile.owed.contains(.alignedBranches), (nextRIP &- 1) & 32 == 0 else { return }
    emit(.branchesLow)
  }

  /// Where the part has indirect branch tracking a near indirect branch is tracked, unless it is marked and software allows that.
  private mutating func track() {
    guard profile.hasBranchTracking else { return }
    emit(.trackBranch, imm: current.isMarked ? 1 : 0)
  }

  private mutating func returnFrom() {
    ended = true
    let extra = current.visible > 0 && isImmediate(0) ? immediate(0) : 0
    if isFar {
      emit(.farReturn, width: operandWidth, imm: extra, [.endsBlock, .setsRIP])
    } else if is64 {
      noteLowBranch()
      emit(.ret, imm: extra)
    } else {
      emit(.returnSized, width: operandWidth, imm: extra, [.endsBlock, .setsRIP])
    }
  }

  private mutating func far(_ name: External) {
    // AMD's processors have no 64-bit offset in memory: REX.W changes nothing.
    let width = profile.vendor == .amd ? min(operandWidth, 4) : operandWidth
    var operation = external(name, width: width, [.endsBlock, .setsRIP])
    if operand(0).type == ZYDIS_OPERAND_TYPE_POINTER {
      operation.imm = UInt64(operand(0).ptr.offset)
      operation.disp = UInt64(operand(0).ptr.segment)
    } else {
      operation.traits.insert(.memory)
      address(&operation, 0, size: width + 2)
    }
    emit(operation)
    ended = true
  }

  private mutating func counted(_ name: External) {
    var operation = external(name, width: addressWidth, [.endsBlock, .setsRIP])
    operation.imm = immediate(0)
    operation.disp = nextRIP
    emit(operation)
    ended = true
  }

  // MARK: Strings

  private mutating func translateStrings() -> Bool {
    let name: External
    let width: Int
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_MOVSB: (name, width) = (.moveString, 1)
    case ZYDIS_MNEMONIC_MOVSW: (name, width) = (.moveString, 2)
    case ZYDIS_MNEMONIC_MOVSD where !usesVectors: (name, width) = (.moveString, 4)
    case ZYDIS_MNEMONIC_MOVSQ: (name, width) = (.moveString, 8)
    case ZYDIS_MNEMONIC_STOSB: (name, width) = (.storeString, 1)
    case ZYDIS_MNEMONIC_STOSW: (name, width) = (.storeString, 2)
    case ZYDIS_MNEMONIC_STOSD: (name, width) = (.storeString, 4)
    case ZYDIS_MNEMONIC_STOSQ: (name, width) = (.storeString, 8)
    case ZYDIS_MNEMONIC_LODSB: (name, width) = (.loadString, 1)
    case ZYDIS_MNEMONIC_LODSW: (name, width) = (.loadString, 2)
    case ZYDIS_MNEMONIC_LODSD: (name, width) = (.loadString, 4)
    case ZYDIS_MNEMONIC_LODSQ: (name, width) = (.loadString, 8)
    case ZYDIS_MNEMONIC_CMPSB: (name, width) = (.compareString, 1)
    case ZYDIS_MNEMONIC_CMPSW: (name, width) = (.compareString, 2)
    case ZYDIS_MNEMONIC_CMPSD where !usesVectors: (name, width) = (.compareString, 4)
    case ZYDIS_MNEMONIC_CMPSQ: (name, width) = (.compareString, 8)
    case ZYDIS_MNEMONIC_SCASB: (name, width) = (.scanString, 1)
    case ZYDIS_MNEMONIC_SCASW: (name, width) = (.scanString, 2)
    case ZYDIS_MNEMONIC_SCASD: (name, width) = (.scanString, 4)
    case ZYDIS_MNEMONIC_SCASQ: (name, width) = (.scanString, 8)
    case ZYDIS_MNEMONIC_INSB: (name, width) = (.inString, 1)
    case ZYDIS_MNEMONIC_INSW: (name, width) = (.inString, 2)
    case ZYDIS_MNEMONIC_INSD: (name, width) = (.inString, 4)
    case ZYDIS_MNEMONIC_OUTSB: (name, width) = (.outString, 1)
    case ZYDIS_MNEMONIC_OUTSW: (name, width) = (.outString, 2)
    case ZYDIS_MNEMONIC_OUTSD: (name, width) = (.outString, 4)
    default: return false
    }
    var operation = external(name, width: width, [.endsBlock, .setsRIP])
    if current.has(UInt64(ZYDIS_ATTRIB_HAS_REP)) || current.has(UInt64(ZYDIS_ATTRIB_HAS_REPE)) {
      operation.traits.insert(.rep)
    }
    if current.has(UInt64(ZYDIS_ATTRIB_HAS_REPNE)) { operation.traits.insert(.repne) }
    // The source segment can be overridden, the destination is ES always.
    var source = SegmentName.ds
    for i in 0..<Int(current.instruction.operand_count) where operand(i).type == ZYDIS_OPERAND_TYPE_MEMORY {
      if let segment = Self.segment(operand(i).mem.segment), segment != .es || !is64, segment != .es {
        source = segment
      }
    }
    operation.index = UInt8(source.rawValue)
    if source == .gs { operation.traits.insert(.usesGS) }
    operation.base = UInt8(addressWidth)
    emit(operation)
    ended = true
    return true
  }

  /// MOVSD and CMPSD name an SSE2 instruction too.
  private var usesVectors: Bool {
    current.instruction.meta.isa_set == ZYDIS_ISA_SET_SSE2
  }
}
