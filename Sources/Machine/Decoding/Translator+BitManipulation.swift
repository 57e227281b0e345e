/// BMI1, BMI2, LZCNT, MOVBE and CRC32 into micro-operations, where the profile's CPUID names them.
///
/// SDM vol. 2, each instruction's page; vol. 2A, "Instructions Encoded with VEX" for those with a VEX prefix: they need no XCR0; a LOCK, 66, F2, F3
/// or REX prefix before VEX, or VEX.L set, is #UD, which the decoder says. TZCNT and LZCNT come here only where the decoder was told
/// that the processor has them; to another they are BSF and BSR.
import CZydis

extension Translator {
  mutating func translateBitManipulation() -> Bool {
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_MOVBE where profile.hasMOVBE: moveByteSwapped()
    case ZYDIS_MNEMONIC_CRC32 where profile.hasSSE42:
      let source = load(1, into: Slot.t0) ?? Slot.zero
      emit(.accumulateCRC, width: width(1), dst: slot(0), src: source)
    case ZYDIS_MNEMONIC_TZCNT where profile.hasBMI1: countZeros(.countTrailingZeros)
    case ZYDIS_MNEMONIC_LZCNT where profile.hasLZCNT: countZeros(.countLeadingZeros)
    default:
      guard current.instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX else { return false }
      switch current.instruction.meta.isa_set {
      case ZYDIS_ISA_SET_BMI1 where profile.hasBMI1, ZYDIS_ISA_SET_BMI2 where profile.hasBMI2: break
      default: return false
      }
      return translateVEX()
    }
    return true
  }

  private mutating func countZeros(_ name: External) {
    let source = load(1, into: Slot.t0) ?? Slot.zero
    emit(name, width: width(0), dst: slot(0), src: source)
  }

  private mutating func moveByteSwapped() {
    if isMemory(0) {
      emit(.moveByteSwapped, width: width(0), dst: Slot.t0, src: slot(1))
      store(0, from: Slot.t0)
    } else {
      let source = load(1, into: Slot.t0) ?? Slot.zero
      emit(.moveByteSwapped, width: width(0), dst: slot(0), src: source)
    }
  }

  private mutating func translateVEX() -> Bool {
    /// The place of the ModRM.rm operand; the register of VEX.vvvv is the other source, or none.
    let operation: BitOperation
    var (source, first) = (1, 2)
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_ANDN: (operation, source, first) = (.andn, 2, 1)
    case ZYDIS_MNEMONIC_BEXTR: operation = .bextr
    case ZYDIS_MNEMONIC_BLSI: operation = .blsi
    case ZYDIS_MNEMONIC_BLSMSK: operation = .blsmsk
    case ZYDIS_MNEMONIC_BLSR: operation = .blsr
    case ZYDIS_MNEMONIC_BZHI: operation = .bzhi
    case ZYDIS_MNEMONIC_MULX: (operation, source, first) = (.mulx, 2, 1)
    case ZYDIS_MNEMONIC_PDEP: (operation, source, first) = (.pdep, 2, 1)
    case ZYDIS_MNEMONIC_PEXT: (operation, source, first) = (.pext, 2, 1)
    case ZYDIS_MNEMONIC_RORX: operation = .rorx
    case ZYDIS_MNEMONIC_SARX: operation = .sarx
    case ZYDIS_MNEMONIC_SHLX: operation = .shlx
    case ZYDIS_MNEMONIC_SHRX: operation = .shrx
    default: return false
    }
    var micro = external(.manipulateBits, width: width(0))
    micro.src = load(source, into: Slot.t0) ?? Slot.zero
    micro.dst = slot(0)
    micro.imm = UInt64(operation.rawValue)
    if first < current.visible {
      if isImmediate(first) { micro.imm |= (immediate(first) & 0xFF) << 8 } else { micro.base = slot(first) }
    }
    emit(micro)
    return true
  }
}
