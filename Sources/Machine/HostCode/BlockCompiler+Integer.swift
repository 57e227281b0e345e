/// Moves, arithmetic, shifts and conditions in host code. The interpreter's bodies of the same names are in `Interpreter.swift`.
///
/// SDM vol. 2, "Instruction Set Reference": an operation of the guest is the host's own, on the guest's values.

extension BlockCompiler {
  /// Translates the micro-operation at `u`. `start` is where the block's code begins.
  mutating func translate(_ start: UnsafeRawPointer) -> Outcome {
    let op = u.pointee.opcode
    // A value operand is a register or an immediate; nothing emits both.
    if u.pointee.src != Slot.zero && u.pointee.imm != 0 && !usesImmediateOtherwise { return .untranslated }
    switch op {
    case .nop: break
    case .move8, .move16, .move32, .move64: move(width(from: .move8))
    case .load8, .load16, .load32, .load64: load(width(from: .load8), .read)
    case .modify8, .modify16, .modify32, .modify64: load(width(from: .modify8), .write)
    case .store8, .store16, .store32, .store64: store(width(from: .store8))
    case .lea16, .lea32, .lea64: loadAddress(op == .lea16 ? 2 : op == .lea32 ? 4 : 8)
    case .address32:
      guard u.pointee.imm >> 32 == 0 else { return .untranslated }
      emitAddress(segment: false)
      if u.pointee.imm != 0xFFFF_FFFF {
        assembler.arithmetic(.and, 4, .rcx, immediate: Int32(bitPattern: UInt32(truncatingIfNeeded: u.pointee.imm)))
        hostFlagsHold = false
      }
      write(u.pointee.dst, .rcx, 4)

    case .zeroExtend8: extend(0x0FB6, 4)
    case .zeroExtend16: extend(0x0FB7, 4)
    case .zeroExtend8To16: extend(0x0FB6, 2)
    case .signExtend8To16: extend(0x0FBE, 2)
    case .signExtend8To32: extend(0x0FBE, 4)
    case .signExtend8To64: extend(0x0FBE, 8)
    case .signExtend16To32: extend(0x0FBF, 4)
    case .signExtend16To64: extend(0x0FBF, 8)
    case .signExtend32To64: extend(0x63, 8)

    case .add8, .add16, .add32, .add64: binary(.add, width(from: .add8))
    case .or8, .or16, .or32, .or64: binary(.or, width(from: .or8))
    case .adc8, .adc16, .adc32, .adc64: binary(.adc, width(from: .adc8))
    case .sbb8, .sbb16, .sbb32, .sbb64: binary(.sbb, width(from: .sbb8))
    case .and8, .and16, .and32, .and64: binary(.and, width(from: .and8))
    case .sub8, .sub16, .sub32, .sub64: binary(.sub, width(from: .sub8))
    case .xor8, .xor16, .xor32, .xor64: binary(.xor, width(from: .xor8))
    case .cmp8, .cmp16, .cmp32, .cmp64: binary(.cmp, width(from: .cmp8))
    case .test8, .test16, .test32, .test64: test(width(from: .test8))
    case .inc8, .inc16, .inc32, .inc64:
      carryToHost()
      unary(width(from: .inc8)) { $0.increment($1, $2) }
      flagsFromHost()
    case .dec8, .dec16, .dec32, .dec64:
      carryToHost()
      unary(width(from: .dec8)) { $0.decrement($1, $2) }
      flagsFromHost()
    case .neg8, .neg16, .neg32, .neg64:
      unary(width(from: .neg8)) { $0.negate($1, $2) }
      flagsFromHost()
    case .not8, .not16, .not32, .not64: unary(width(from: .not8)) { $0.not($1, $2) }
    case .shl32: shift(.left, 4)
    case .shl64: shift(.left, 8)
    case .shr32: shift(.right, 4)
    case .shr64: shift(.right, 8)
    case .sar32: shift(.arithmeticRight, 4)
    case .sar64: shift(.arithmeticRight, 8)
    case .imul32: multiply(4)
    case .imul64: multiply(8)

    case .setIf:
      flagsToHost(overflow: Self.looksAtOverflow(condition))
      assembler.setIf(condition, Self.address(of: u.pointee.dst))
      forget(u.pointee.dst)
    case .moveIf16, .moveIf32, .moveIf64: moveIf(op == .moveIf16 ? 2 : op == .moveIf32 ? 4 : 8)
    case .exchange8, .exchange16, .exchange32, .exchange64: exchange(width(from: .exchange8))

    case .push64: push()
    case .pop64: pop()
    case .call:
      pushReturnAddress()
      leaveAlong(Leaving.taken, to: u.pointee.imm, start)
      return .ended
    case .callIndirect:
      // The target is read before the push.
      if u.pointee.src == Slot.rsp { return .untranslated }
      checkCanonical(u.pointee.src)
      pushReturnAddress()
      copyTarget(u.pointee.src)
      leaveIndirect()
      return .ended
    case .ret:
      popTarget()
      leaveIndirect()
      return .ended
    case .jump:
      leaveAlong(Leaving.taken, to: u.pointee.imm, start)
      return .ended
    case .jumpIndirect:
      checkCanonical(u.pointee.src)
      copyTarget(u.pointee.src)
      leaveIndirect()
      return .ended
    case .jumpIf:
      flagsToHost(overflow: Self.looksAtOverflow(condition))
      let taken = assembler.jumpIf(condition)
      leaveAlong(Leaving.following, to: u.pointee.disp, start)
      assembler.land(taken)
      leaveAlong(Leaving.taken, to: u.pointee.imm, start)
      return .ended

    case .endBlock, .external, .shl8, .shl16, .shr8, .shr16, .sar8, .sar16, .imul16: return .untranslated
    }
    return .continues
  }

  /// The immediate is not part of a value operand.
  private var usesImmediateOtherwise: Bool {
    switch u.pointee.opcode {
    case .address32, .jump, .jumpIf, .call, .ret: return true
    default: return false
    }
  }

  var condition: UInt8 { UInt8(truncatingIfNeeded: u.pointee.detail) }

  /// The operand width in bytes, from the 8-bit member of the family.
  private func width(from first: Opcode) -> Int { 1 << Int(u.pointee.opcode.rawValue - first.rawValue) }

  // MARK: Moves

  private mutating func move(_ width: Int) {
    if width < 4 {
      copyValue(to: .rcx, width)
      write(u.pointee.dst, .rcx, width)
    } else if isImmediate {
      let to = define(u.pointee.dst)
      assembler.move(to, immediate: width == 4 ? u.pointee.imm & 0xFFFF_FFFF : u.pointee.imm)
      keep(u.pointee.dst, to)
    } else {
      let from = use(u.pointee.src)
      let to = define(u.pointee.dst)
      assembler.move(to, from, width)
      keep(u.pointee.dst, to)
    }
  }

  private mutating func loadAddress(_ width: Int) {
    emitAddress(segment: false)
    write(u.pointee.dst, .rcx, width)
  }

  /// MOVZX, MOVSX and MOVSXD from a part of a slot.
  private mutating func extend(_ opcode: UInt16, _ width: Int) {
    let from = Self.address(of: u.pointee.src)
    if width == 2 {
      assembler.form(opcode, 4, reg: HostRegister.rcx.number, from)
      write(u.pointee.dst, .rcx, 2)
      return
    }
    if let held = held(u.pointee.src) {
      let to = define(u.pointee.dst)
      assembler.form(opcode, width, reg: to.number, held, byteOperand: opcode & 1 == 0)
      keep(u.pointee.dst, to)
    } else {
      let to = define(u.pointee.dst)
      assembler.form(opcode, width, reg: to.number, from)
      keep(u.pointee.dst, to)
    }
  }

  private mutating func moveIf(_ width: Int) {
    flagsToHost(overflow: Self.looksAtOverflow(condition))
    if width == 2 {
      copy(u.pointee.dst, to: .rcx, 2)
      copy(u.pointee.src, to: .rdx, 2)
      assembler.moveIf(condition, .rcx, .rdx, 4)
      write(u.pointee.dst, .rcx, 2)
      return
    }
    let from = use(u.pointee.src)
    let to = use(u.pointee.dst)
    assembler.moveIf(condition, to, from, width)
    keep(u.pointee.dst, to)
  }

  private mutating func exchange(_ width: Int) {
    copy(u.pointee.dst, to: .rcx, width)
    copy(u.pointee.src, to: .rdx, width)
    write(u.pointee.dst, .rdx, width)
    write(u.pointee.src, .rcx, width)
  }

  // MARK: Arithmetic

  private mutating func binary(_ operation: HostArithmetic, _ width: Int) {
    if operation == .adc || operation == .sbb { carryToHost() }
    let discards = operation == .cmp
    if width < 4 {
      if isImmediate {
        copy(u.pointee.dst, to: .rcx, width)
        assembler.arithmetic(
          operation, width, .rcx, immediate: Int32(truncatingIfNeeded: Int16(truncatingIfNeeded: u.pointee.imm)))
      } else {
        copy(u.pointee.dst, to: .rcx, width)
        assembler.arithmetic(operation, width, .rcx, Self.address(of: u.pointee.src))
      }
      if !discards { write(u.pointee.dst, .rcx, width) }
    } else {
      let to: HostRegister
      if isImmediate {
        let imm = width == 4 ? UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: u.pointee.imm))) : u.pointee.imm
        if HostAssembler.fits(imm) {
          to = use(u.pointee.dst)
          assembler.arithmetic(operation, width, to, immediate: Int32(truncatingIfNeeded: imm))
        } else {
          assembler.move(.rcx, immediate: imm)
          to = use(u.pointee.dst)
          assembler.arithmetic(operation, width, to, .rcx)
        }
      } else {
        let from = use(u.pointee.src)
        to = use(u.pointee.dst)
        assembler.arithmetic(operation, width, to, from)
      }
      if !discards { keep(u.pointee.dst, to) }
    }
    flagsFromHost()
  }

  private mutating func test(_ width: Int) {
    if width < 4 {
      copy(u.pointee.dst, to: .rcx, width)
      copyValue(to: .rdx, width)
      assembler.test(.rcx, .rdx, width)
    } else if isImmediate {
      copyValue(to: .rcx, width)
      assembler.test(use(u.pointee.dst), .rcx, width)
    } else {
      let from = use(u.pointee.src)
      assembler.test(use(u.pointee.dst), from, width)
    }
    flagsFromHost()
  }

  private mutating func unary(_ width: Int, _ emit: (inout HostAssembler, HostRegister, Int) -> Void) {
    if width < 4 {
      copy(u.pointee.dst, to: .rcx, width)
      emit(&assembler, .rcx, width)
      write(u.pointee.dst, .rcx, width)
    } else {
      let to = use(u.pointee.dst)
      emit(&assembler, to, width)
      keep(u.pointee.dst, to)
    }
  }

  private mutating func multiply(_ width: Int) {
    copyValue(to: .rcx, width)
    let factor = use(u.pointee.base)
    assembler.multiply(.rcx, factor, width)
    hostFlagsHold = false
    if flagsAreSeen {
      // CF and OF say that the product does not fit; the others follow the result.
      assembler.setIf(HostCondition.overflow, .rdx)
      assembler.test(.rcx, .rcx, width)
      assembler.loadAH()
      assembler.orAHWithDL()
      assembler.moveALFromDL()
    }
    write(u.pointee.dst, .rcx, width)
  }

  // MARK: Shifts

  private mutating func shift(_ kind: HostShift, _ width: Int) {
    let mask: UInt8 = width == 8 ? 63 : 31
    hostFlagsHold = false
    if isImmediate {
      let count = UInt8(truncatingIfNeeded: u.pointee.imm) & mask
      let to = use(u.pointee.dst)
      if count == 0 {
        assembler.move(to, to, width)
      } else {
        shiftWithFlags(kind, to, width) { $0.shift(kind, to, width, by: count) }
      }
      keep(u.pointee.dst, to)
      return
    }
    copy(u.pointee.src, to: .rcx, 1)
    let to = use(u.pointee.dst)
    // A count of zero changes neither value nor flags, but zero-extends 32 bits.
    if width == 4 { assembler.move(to, to, 4) }
    assembler.arithmetic(.and, 4, .rcx, immediate: Int32(mask))
    let zero = assembler.jumpIf(HostCondition.equal)
    shiftWithFlags(kind, to, width) { $0.shiftByCL(kind, to, width) }
    assembler.land(zero)
    keep(u.pointee.dst, to)
  }

  /// OF is defined for a count of one only; for all counts it is what the interpreter makes of it.
  private mutating func shiftWithFlags(
    _ kind: HostShift, _ to: HostRegister, _ width: Int, _ emit: (inout HostAssembler) -> Void
  ) {
    guard flagsAreSeen else { return emit(&assembler) }
    let top = UInt8(width * 8 - 1)
    if kind == .right {
      assembler.move(.rdx, to, width)
      assembler.shift(.right, .rdx, width, by: top)
    }
    emit(&assembler)
    assembler.loadAH()
    switch kind {
    case .left:
      assembler.setIf(HostCondition.below, .rcx)
      assembler.move(.rdx, to, width)
      assembler.shift(.right, .rdx, width, by: top)
      assembler.arithmetic(.xor, 4, .rcx, .rdx)
      assembler.moveALFromCL()
    case .right:
      assembler.move(.rcx, .rdx, 4)
      assembler.moveALFromCL()
    case .arithmeticRight:
      assembler.moveAL(0)
    }
    assembler.andAH(0xEF)
  }
}
