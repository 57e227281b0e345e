/// MMX, SSE, SSE2 and SSE3 into micro-operations: one `.external` operation each, register numbers in `dst` and `src`, a
/// memory operand addressed like any other.
///
/// Intel SDM vol. 2A, "SIMD Prefixes", vol. 1, "SSE Instructions", "SSE2 Instructions", "SSE3 Instructions".
import CZydis
import HostFloatingPoint

extension Translator {
  /// Translates an x87, MMX or SSE instruction; false where the mnemonic is none or the profile lacks it.
  mutating func translateVector() -> Bool {
    if isFloatingPoint { return translateFloatingPoint() }
    switch current.instruction.meta.isa_set {
    case ZYDIS_ISA_SET_PENTIUMMMX, ZYDIS_ISA_SET_SSE, ZYDIS_ISA_SET_SSE2, ZYDIS_ISA_SET_SSE2MMX,
      ZYDIS_ISA_SET_SSEMXCSR, ZYDIS_ISA_SET_SSE3, ZYDIS_ISA_SET_FXSAVE, ZYDIS_ISA_SET_FXSAVE64:
      break
    case ZYDIS_ISA_SET_SSSE3, ZYDIS_ISA_SET_SSSE3MMX: return translateSSSE3()
    case ZYDIS_ISA_SET_SSE4: return translateSSE41()
    case ZYDIS_ISA_SET_SSE42: return translateSSE42()
    default: return false
    }
    return translateVectorMove() || translateVectorConversion() || translateVectorOperation()
  }

  // MARK: Operands

  private func vectorNumber(_ register: ZydisRegister) -> UInt8? {
    let n = register.rawValue
    let first = ZYDIS_REGISTER_XMM0.rawValue
    return n >= first && n < first + 16 ? UInt8(n - first) : nil
  }

  private func isVector(_ i: Int) -> Bool { isRegister(i) && vectorNumber(operand(i).reg.value) != nil }

  func isMMX(_ i: Int) -> Bool {
    let n = operand(i).reg.value.rawValue
    return isRegister(i) && n >= ZYDIS_REGISTER_MM0.rawValue && n <= ZYDIS_REGISTER_MM7.rawValue
  }

  /// An XMM or MMX register's number, or a general register's slot.
  private func registerOperand(_ i: Int) -> UInt8 {
    let register = operand(i).reg.value
    if let number = vectorNumber(register) { return number }
    if isMMX(i) { return UInt8(register.rawValue - ZYDIS_REGISTER_MM0.rawValue) }
    return slot(i)
  }

  /// Emits the operation over the visible operands: the first is `dst`, the second `src`, either may be memory. `width` is
  /// that of memory unless given. Of an immediate the bits of `immediateMask` count.
  mutating func vector(
    _ family: VectorFamily, code: UInt8 = 0, width given: Int? = nil, aligned: Bool = true, writes: Bool = false,
    immediateMask: UInt8 = 0xFF
  ) {
    if !is64 {
      // Whether the instruction may execute at all is asked before its address is looked at.
      var check = external(.vector)
      check.setVector(family.availability, code: 0, immediate: 0, aligned: false)
      emit(check)
    }
    var operation = external(.vector)
    var immediate: UInt8 = 0
    for i in 0..<current.visible {
      if isImmediate(i) {
        immediate = UInt8(truncatingIfNeeded: self.immediate(i)) & immediateMask
      } else if isMemory(i) {
        operation.traits.insert(.memory)
        operation.width = UInt8(min(width(i), 128))
        address(&operation, i, write: writes)
      } else if i == 0 {
        operation.dst = registerOperand(i)
      } else {
        operation.src = registerOperand(i)
      }
    }
    if let given { operation.width = UInt8(given) }
    let whole = operation.traits.contains(.memory) && operation.width == 16
    operation.setVector(family, code: code, immediate: immediate, aligned: aligned && whole)
    emit(operation)
  }

  // MARK: Moves

  private mutating func translateVectorMove() -> Bool {
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_MOVAPS, ZYDIS_MNEMONIC_MOVAPD, ZYDIS_MNEMONIC_MOVDQA, ZYDIS_MNEMONIC_MOVNTPS,
      ZYDIS_MNEMONIC_MOVNTPD, ZYDIS_MNEMONIC_MOVNTDQ:
      moveWhole(aligned: true)
    case ZYDIS_MNEMONIC_MOVUPS, ZYDIS_MNEMONIC_MOVUPD, ZYDIS_MNEMONIC_MOVDQU, ZYDIS_MNEMONIC_LDDQU:
      moveWhole(aligned: false)
    case ZYDIS_MNEMONIC_MOVSS: moveScalar(width: 4)
    case ZYDIS_MNEMONIC_MOVSD: moveScalar(width: 8)
    case ZYDIS_MNEMONIC_MOVD, ZYDIS_MNEMONIC_MOVQ: moveQuadword()
    case ZYDIS_MNEMONIC_MOVLPS, ZYDIS_MNEMONIC_MOVLPD:
      if isMemory(0) { vector(.storeLow, writes: true) } else { vector(.moveLow) }
    case ZYDIS_MNEMONIC_MOVHPS, ZYDIS_MNEMONIC_MOVHPD:
      if isMemory(0) { vector(.storeHigh, writes: true) } else { vector(.moveHigh) }
    case ZYDIS_MNEMONIC_MOVNTQ: vector(.mmxStore, writes: true)
    case ZYDIS_MNEMONIC_MASKMOVDQU: storeSelected(.storeSelected)
    case ZYDIS_MNEMONIC_MASKMOVQ: storeSelected(.mmxStoreSelected)
    case ZYDIS_MNEMONIC_FXSAVE: vector(.saveState, aligned: false, writes: true)
    case ZYDIS_MNEMONIC_FXSAVE64: vector(.saveState, code: 1, aligned: false, writes: true)
    case ZYDIS_MNEMONIC_FXRSTOR: vector(.restoreState, aligned: false)
    case ZYDIS_MNEMONIC_FXRSTOR64: vector(.restoreState, code: 1, aligned: false)
    default: return false
    }
    return true
  }

  private mutating func moveWhole(aligned: Bool) {
    if isMemory(0) { vector(.storeWhole, aligned: aligned, writes: true) } else { vector(.moveWhole, aligned: aligned) }
  }

  /// MOVSS and MOVSD: from memory the rest of the register becomes zero, between registers it stays.
  private mutating func moveScalar(width: Int) {
    if isMemory(0) {
      vector(.storeLow, width: width, writes: true)
    } else {
      vector(isMemory(1) ? .moveZeroExtended : .moveLow, width: width)
    }
  }

  private mutating func moveQuadword() {
    let width = current.mnemonic == ZYDIS_MNEMONIC_MOVQ ? 8 : 4
    if isMMX(0) || isMMX(1) {
      if isMMX(0) && (isMMX(1) || isMemory(1)) {
        vector(.mmxMove, width: width)
      } else if isMemory(0) {
        vector(.mmxStore, width: width, writes: true)
      } else {
        vector(isMMX(0) ? .mmxFromGeneral : .mmxToGeneral, width: width)
      }
    } else if isVector(0) && (isVector(1) || isMemory(1)) {
      vector(.moveZeroExtended, width: width)
    } else if isMemory(0) {
      vector(.storeLow, width: width, writes: true)
    } else {
      vector(isVector(0) ? .moveFromGeneral : .moveToGeneral, width: width)
    }
  }

  /// MASKMOVDQU and MASKMOVQ: the memory operand is implied, DS:(E/R)DI unless the segment is overridden.
  private mutating func storeSelected(_ family: VectorFamily) {
    var operation = external(.vector)
    for i in current.visible..<Int(current.instruction.operand_count) where isMemory(i) {
      address(&operation, i, size: 1, write: true)
      break
    }
    operation.traits.insert(.memory)
    operation.dst = registerOperand(0)
    operation.src = registerOperand(1)
    operation.setVector(family, code: 0, immediate: 0, aligned: false)
    emit(operation)
  }

  // MARK: Conversions to and from general registers

  private mutating func translateVectorConversion() -> Bool {
    let destinationIsWide = width(0) == 8
    let sourceIsWide = width(1) == 8
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_CVTSS2SI: toInteger(destinationIsWide ? .cvtss2siq : .cvtss2sil)
    case ZYDIS_MNEMONIC_CVTSD2SI: toInteger(destinationIsWide ? .cvtsd2siq : .cvtsd2sil)
    case ZYDIS_MNEMONIC_CVTTSS2SI: toInteger(destinationIsWide ? .cvttss2siq : .cvttss2sil)
    case ZYDIS_MNEMONIC_CVTTSD2SI: toInteger(destinationIsWide ? .cvttsd2siq : .cvttsd2sil)
    case ZYDIS_MNEMONIC_CVTSI2SS: fromInteger(sourceIsWide ? .cvtsi2ssq : .cvtsi2ssl)
    case ZYDIS_MNEMONIC_CVTSI2SD: fromInteger(sourceIsWide ? .cvtsi2sdq : .cvtsi2sdl)
    default: return false
    }
    return true
  }

  private mutating func toInteger(_ instruction: SSEToInteger) { vector(.toInteger, code: instruction.rawValue) }

  private mutating func fromInteger(_ instruction: SSEFromInteger) {
    vector(.fromInteger, code: instruction.rawValue, width: width(1))
  }

  // MARK: Everything else

  private mutating func translateVectorOperation() -> Bool {
    let mmx = isMMX(0) || isMMX(1)
    if let shift = VectorMnemonic.shift(current.mnemonic) {
      let byImmediate = isImmediate(1)
      if mmx {
        vector(byImmediate ? .mmxShiftImmediate : .mmxShift, code: shift.rawValue)
      } else {
        vector(byImmediate ? .shiftImmediate : .shift, code: shift.rawValue)
      }
      return true
    }
    guard let named = VectorMnemonic.named(current.mnemonic) else { return false }
    var family = named.family
    if mmx {
      switch family {
      case .packed: family = .mmxPacked
      case .insertWord: family = .mmxInsertWord
      case .extractWord: family = .mmxExtractWord
      case .byteSigns: family = .mmxByteSigns
      default: break
      }
    }
    vector(family, code: named.code, writes: family == .storeControl)
    return true
  }
}
