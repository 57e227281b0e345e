/// System instructions. SDM vol. 3A, "System Instruction Summary".
import CZydis

extension Translator {
  mutating func translateSystem() -> Bool {
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_UD0, ZYDIS_MNEMONIC_UD1, ZYDIS_MNEMONIC_UD2: emit(.undefined, [.endsBlock])
    case ZYDIS_MNEMONIC_HLT: emit(.halt, [.endsBlock])
    case ZYDIS_MNEMONIC_CLI: emit(.clearInterrupt, [.endsBlock])
    case ZYDIS_MNEMONIC_STI: emit(.setInterrupt, [.endsBlock])
    case ZYDIS_MNEMONIC_PUSHF, ZYDIS_MNEMONIC_PUSHFD, ZYDIS_MNEMONIC_PUSHFQ: emit(.pushFlags, width: stackWidth)
    case ZYDIS_MNEMONIC_POPF, ZYDIS_MNEMONIC_POPFD, ZYDIS_MNEMONIC_POPFQ:
      emit(.popFlags, width: stackWidth, [.endsBlock])
    case ZYDIS_MNEMONIC_IN:
      emit(.input, width: width(0), src: isImmediate(1) ? Slot.zero : Slot.rdx, imm: portImmediate(1), [.endsBlock])
    case ZYDIS_MNEMONIC_OUT:
      emit(.output, width: width(1), src: isImmediate(0) ? Slot.zero : Slot.rdx, imm: portImmediate(0), [.endsBlock])
    case ZYDIS_MNEMONIC_CLTS: emit(.clearTaskSwitched, [.endsBlock])
    case ZYDIS_MNEMONIC_LMSW: emit(.loadMachineStatus, src: load(0, into: Slot.t0) ?? Slot.zero, [.endsBlock])
    case ZYDIS_MNEMONIC_SMSW: storing(.storeMachineStatus)
    case ZYDIS_MNEMONIC_SLDT: storing(.storeLDT)
    case ZYDIS_MNEMONIC_STR: storing(.storeTask)
    case ZYDIS_MNEMONIC_RDMSR: emit(.readMSR, [.endsBlock])
    case ZYDIS_MNEMONIC_WRMSR: emit(.writeMSR, [.endsBlock])
    case ZYDIS_MNEMONIC_RDTSC: emit(.readTimeStamp, [.endsBlock])
    case ZYDIS_MNEMONIC_RDTSCP where profile.hasRDTSCP: emit(.readTimeStampAndID, [.endsBlock])
    case ZYDIS_MNEMONIC_RDPMC: emit(.readPerformanceCounter, [.endsBlock])
    case ZYDIS_MNEMONIC_CPUID: emit(.cpuid)
    case ZYDIS_MNEMONIC_SWAPGS: emit(.swapGS, [.endsBlock])
    case ZYDIS_MNEMONIC_RDFSBASE: emit(.readFSBase, width: width(0), dst: slot(0))
    case ZYDIS_MNEMONIC_RDGSBASE: emit(.readGSBase, width: width(0), dst: slot(0))
    case ZYDIS_MNEMONIC_WRFSBASE: emit(.writeFSBase, width: width(0), src: slot(0))
    case ZYDIS_MNEMONIC_WRGSBASE: emit(.writeGSBase, width: width(0), src: slot(0), [.endsBlock])
    case ZYDIS_MNEMONIC_LGDT: table(.loadGDT)
    case ZYDIS_MNEMONIC_LIDT: table(.loadIDT)
    case ZYDIS_MNEMONIC_SGDT: table(.storeGDT)
    case ZYDIS_MNEMONIC_SIDT: table(.storeIDT)
    case ZYDIS_MNEMONIC_LLDT: emit(.loadLDT, src: load(0, into: Slot.t0) ?? Slot.zero, [.endsBlock])
    case ZYDIS_MNEMONIC_LTR: emit(.loadTask, src: load(0, into: Slot.t0) ?? Slot.zero, [.endsBlock])
    case ZYDIS_MNEMONIC_INVLPG:
      var operation = external(.invalidatePage, [.endsBlock])
      address(&operation, 0)
      emit(operation)
      ended = true
    case ZYDIS_MNEMONIC_INVPCID where profile.hasINVPCID:
      var operation = external(.invalidatePCID, [.endsBlock])
      address(&operation, 1)
      operation.dst = slot(0)
      emit(operation)
      ended = true
    case ZYDIS_MNEMONIC_INVD, ZYDIS_MNEMONIC_WBINVD: emit(.invalidateCaches)
    case ZYDIS_MNEMONIC_CLFLUSH, ZYDIS_MNEMONIC_CLFLUSHOPT: flushLine()
    case ZYDIS_MNEMONIC_CLWB where profile.hasCLWB: flushLine()
    case ZYDIS_MNEMONIC_SERIALIZE where profile.hasSERIALIZE: emit(.nop)
    case ZYDIS_MNEMONIC_RDPID where profile.hasRDPID: emit(.readProcessorID, width: is64 ? 8 : 4, dst: slot(0))
    case ZYDIS_MNEMONIC_RDRAND where profile.hasRDRAND: emit(.readRandom, width: width(0), dst: slot(0))
    case ZYDIS_MNEMONIC_RDSEED where profile.hasRDSEED: emit(.readRandom, width: width(0), dst: slot(0))
    case ZYDIS_MNEMONIC_STAC where profile.hasSMAP: emit(.setAC, [.endsBlock])
    case ZYDIS_MNEMONIC_CLAC where profile.hasSMAP: emit(.clearAC, [.endsBlock])
    case ZYDIS_MNEMONIC_LES: farPointer(.es)
    case ZYDIS_MNEMONIC_LDS: farPointer(.ds)
    case ZYDIS_MNEMONIC_LSS: farPointer(.ss)
    case ZYDIS_MNEMONIC_LFS: farPointer(.fs)
    case ZYDIS_MNEMONIC_LGS: farPointer(.gs)
    case ZYDIS_MNEMONIC_VERR: emit(.verifyRead, src: load(0, into: Slot.t0) ?? Slot.zero)
    case ZYDIS_MNEMONIC_VERW: emit(.verifyWrite, src: load(0, into: Slot.t0) ?? Slot.zero)
    case ZYDIS_MNEMONIC_LAR:
      emit(.loadAccessRights, width: width(0), dst: slot(0), src: load(1, into: Slot.t0) ?? Slot.zero)
    case ZYDIS_MNEMONIC_LSL:
      emit(.loadSegmentLimit, width: width(0), dst: slot(0), src: load(1, into: Slot.t0) ?? Slot.zero)
    case ZYDIS_MNEMONIC_ARPL: modifying(.adjustRPL)
    default: return false
    }
    return true
  }

  private mutating func flushLine() {
    var operation = external(.flushLine)
    address(&operation, 0)
    emit(operation)
  }

  private func portImmediate(_ i: Int) -> UInt64 { isImmediate(i) ? immediate(i) & 0xFF : 0 }

  /// An instruction that stores a 16-bit system register: to memory always 16 bits wide.
  private mutating func storing(_ name: External) {
    emit(name, width: isMemory(0) ? 2 : width(0), dst: isMemory(0) ? Slot.t0 : slot(0))
    if isMemory(0) { store(0, from: Slot.t0, width: 2) }
  }

  private mutating func table(_ name: External) {
    let loads = name == .loadGDT || name == .loadIDT
    var operation = external(name, width: is64 ? 8 : 4, loads ? [.endsBlock] : [])
    address(&operation, 0, size: is64 ? 10 : 6, write: !loads)
    emit(operation)
    ended = loads
  }

  private mutating func farPointer(_ segment: SegmentName) {
    // AMD's processors have no 64-bit offset in memory: REX.W changes nothing.
    let width = profile.vendor == .amd ? min(width(0), 4) : width(0)
    var operation = external(.loadFarPointer, width: width, [.endsBlock])
    address(&operation, 1, size: width + 2)
    operation.dst = slot(0)
    operation.imm = UInt64(segment.rawValue)
    emit(operation)
    ended = true
  }
}
