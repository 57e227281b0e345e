/// The instruction at which the processor stands, as far as a guard against speculation hangs on it: how it transfers control, whether it orders
/// what follows, which memory it reaches.
///
/// SDM vol. 2, each instruction's page; vol. 3A, "Serializing Instructions"; AMD APM vol. 2, "Speculation Control".
import CZydis

public struct NextInstruction: Sendable {
  public enum Kind: Sendable {
    case nearReturn
    /// JMP or CALL to a place that a register or memory names.
    case indirectBranch
    /// JMP or CALL to a fixed place.
    case directBranch
    case conditionalBranch
    /// What follows waits until it is done: LFENCE, CPUID, SERIALIZE, a write of CR3, or a GS base that is written whatever it was.
    case fence
    case swapGS
    case interruptReturn
    /// WRMSR, WRMSRNS.
    case writeMSR
    case other
  }

  /// A stretch of memory that it reads or writes.
  public struct Access: Sendable, Hashable {
    public var address: UInt64
    public var size: Int
  }

  public var kind: Kind
  public var length: Int
  public var usesGS: Bool
  public var accesses: [Access]
  /// It is a CALL, direct or not.
  public var isCall: Bool
  /// It adds to what memory holds there, or takes away: INC, DEC, ADD, SUB or XADD.
  public var counted: Access?
}

extension Processor {
  /// Nil where there is no instruction to be read.
  public func nextInstruction() -> NextInstruction? {
    let inPage = min(15, Int(4096 - (s.pointee.rip & 0xFFF)))
    guard var bytes = self.bytes(atLinear: s.pointee.rip, count: inPage) else { return nil }
    // What follows may not be mapped, and may not be asked for.
    if inPage < 15, let rest = self.bytes(atLinear: s.pointee.rip &+ UInt64(inPage), count: 15 - inPage) {
      bytes += rest
    }
    guard let decoded = try? bytes.withUnsafeBytes({ try decoder.decode($0, mode: s.pointee.codeMode) }) else {
      return nil
    }
    let memory = (0..<Int(decoded.instruction.operand_count)).filter {
      decoded.operands[$0].type == ZYDIS_OPERAND_TYPE_MEMORY && decoded.operands[$0].mem.type == ZYDIS_MEMOP_TYPE_MEM
        && decoded.mnemonic != ZYDIS_MNEMONIC_NOP
    }
    return NextInstruction(
      kind: Self.kind(decoded), length: decoded.length,
      usesGS: memory.contains { decoded.operands[$0].mem.segment == ZYDIS_REGISTER_GS },
      accesses: memory.map { access(decoded.operands[$0], decoded) }, isCall: decoded.mnemonic == ZYDIS_MNEMONIC_CALL,
      counted: memory.first == 0 && Self.counts(decoded) ? access(decoded.operands[0], decoded) : nil)
  }

  private static func counts(_ decoded: DecodedInstruction) -> Bool {
    switch decoded.mnemonic {
    case ZYDIS_MNEMONIC_INC, ZYDIS_MNEMONIC_DEC, ZYDIS_MNEMONIC_ADD, ZYDIS_MNEMONIC_SUB, ZYDIS_MNEMONIC_XADD: true
    default: false
    }
  }

  private static func kind(_ decoded: DecodedInstruction) -> NextInstruction.Kind {
    let isDirect = decoded.operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE
    let isRegister = decoded.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER
    switch decoded.mnemonic {
    case ZYDIS_MNEMONIC_RET:
      return decoded.instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? .other : .nearReturn
    case ZYDIS_MNEMONIC_CALL: return isDirect ? .directBranch : .indirectBranch
    case ZYDIS_MNEMONIC_JMP: return isDirect ? .directBranch : .indirectBranch
    case ZYDIS_MNEMONIC_LFENCE, ZYDIS_MNEMONIC_CPUID, ZYDIS_MNEMONIC_SERIALIZE, ZYDIS_MNEMONIC_WRGSBASE: return .fence
    case ZYDIS_MNEMONIC_MOV where isRegister && decoded.operands[0].reg.value == ZYDIS_REGISTER_CR3: return .fence
    case ZYDIS_MNEMONIC_SWAPGS: return .swapGS
    case ZYDIS_MNEMONIC_WRMSR: return .writeMSR
    case ZYDIS_MNEMONIC_IRET, ZYDIS_MNEMONIC_IRETD, ZYDIS_MNEMONIC_IRETQ: return .interruptReturn
    default: return decoded.instruction.meta.category == ZYDIS_CATEGORY_COND_BR ? .conditionalBranch : .other
    }
  }

  private func access(_ operand: ZydisDecodedOperand, _ decoded: DecodedInstruction) -> NextInstruction.Access {
    func value(_ register: ZydisRegister) -> UInt64 { Translator.slot(register).map { get($0, UInt64.self) } ?? 0 }
    let memory = operand.mem
    let size = Int(operand.size) / 8
    var address = UInt64(bitPattern: memory.disp.value) &+ value(memory.index) &* UInt64(memory.scale)
    if memory.base == ZYDIS_REGISTER_RIP {
      address &+= s.pointee.rip &+ UInt64(decoded.length)
    } else {
      address &+= value(memory.base)
    }
    if memory.segment == ZYDIS_REGISTER_FS { address &+= get(Slot.fsBase, UInt64.self) }
    if memory.segment == ZYDIS_REGISTER_GS { address &+= get(Slot.gsBase, UInt64.self) }
    // A push writes below RSP.
    if operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN, memory.base == ZYDIS_REGISTER_RSP,
      UInt32(operand.actions) & (ZYDIS_OPERAND_ACTION_WRITE.rawValue | ZYDIS_OPERAND_ACTION_CONDWRITE.rawValue) != 0
    {
      address &-= UInt64(size)
    }
    return NextInstruction.Access(address: address, size: size)
  }

  /// The opcode may be one of INC, DEC, ADD, SUB and XADD: asked before the instruction is decoded, which costs more.
  public var nextMayCount: Bool {
    var place = s.pointee.rip
    while let byte = byte(atLinear: place), place &- s.pointee.rip < 15 {
      switch byte {
      case 0x26, 0x2E, 0x36, 0x3E, 0x40...0x4F, 0x64...0x67, 0xF0, 0xF2, 0xF3: place &+= 1
      case 0x00, 0x01, 0x28, 0x29, 0x80...0x83, 0xFE, 0xFF: return true
      case 0x0F: return self.byte(atLinear: place &+ 1).map { $0 == 0xC0 || $0 == 0xC1 } ?? false
      default: return false
      }
    }
    return false
  }

  /// It stands at a WRMSR that writes IBPB to IA32_PRED_CMD, or AMD's PRED_CMD.
  public var isAboutToWritePredictorBarrier: Bool {
    nextInstruction()?.kind == .writeMSR && get(Slot.rcx, UInt32.self) == 0x49
      && get(Slot.rax, UInt64.self) & PredictorCommand.barrier != 0
  }

  /// IA32_SPEC_CTRL, or AMD's.
  public var speculationControl: UInt64 { s.pointee.msr.speculationControl }
}
