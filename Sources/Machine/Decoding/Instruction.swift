/// An instruction as whoever edits code needs it: where its fields lie, and what it reads and writes.
///
/// SDM vol. 2A, "Instruction Format"; the fields' values are those of the bytes, and the accesses those of each instruction's page.
import CZydis

public struct Instruction: Sendable, Hashable {
  /// What comes behind it.
  public enum Flow: Sendable, Hashable {
    /// The next instruction.
    case next
    /// The next or another: Jcc, LOOP, JRCXZ.
    case conditional
    case jump
    case call
    /// Neither: returns, interrupts, system calls.
    case away
  }

  /// Some of its bytes as a number, little-endian and signed.
  public struct Field: Sendable, Hashable {
    /// From the instruction's first byte.
    public var offset: Int
    /// In bytes.
    public var size: Int
    public var value: Int64
    /// Counted from the instruction's end.
    public var isRelative: Bool

    package init(offset: Int, size: Int, value: Int64, isRelative: Bool) {
      self.offset = offset
      self.size = size
      self.value = value
      self.isRelative = isRelative
    }
  }

  /// A general register that an operand names, and the three low bits of its number in the bytes.
  public struct RegisterField: Sendable, Hashable {
    public var offset: Int
    public var shift: Int

    package init(offset: Int, shift: Int) {
      self.offset = offset
      self.shift = shift
    }
  }

  public struct MemoryOperand: Sendable, Hashable {
    /// The largest register that encloses the base; nil without one, and for RIP.
    public var base: UInt16?
    public var isRIPRelative: Bool
    /// By an override of FS or GS.
    public var isPerProcessor: Bool
  }

  /// Registers by the largest that encloses each, as Zydis numbers them; flags by their bits in RFLAGS.
  public struct Effects: Sendable, Hashable {
    public var reads: Set<UInt16> = []
    public var writes: Set<UInt16> = []
    public var readsFlags: UInt32 = 0
    public var writesFlags: UInt32 = 0
    public var readsMemory = false
    public var writesMemory = false
    /// It does what registers, flags and memory do not tell: control state, segments, masks, order.
    public var isSystem = false
  }

  public let bytes: [UInt8]
  /// In AT&T syntax.
  public let text: String
  /// In lower case, as the manuals name it.
  public let mnemonic: String
  public let flow: Flow
  /// Where the last byte of the opcode is.
  public let opcode: Int
  /// The REX prefix, where it has one that asks for 64 bits.
  public let wide: Int?
  /// The prefix that overrides the segment by FS or GS.
  public let segmentPrefix: Int?
  public let displacement: Field?
  public let immediate: Field?
  public let registers: [RegisterField]
  public let memory: MemoryOperand?
  public let effects: Effects
  /// Nothing happens: NOP in all its forms, and what older processors take for one.
  public let isNothing: Bool

  public var length: Int { bytes.count }

  public static let stackPointer = UInt16(ZYDIS_REGISTER_RSP.rawValue)

  /// The first instruction of 64-bit code at `address`; nil where the bytes are none.
  public init?(_ code: [UInt8], at address: UInt64) {
    let decoder = Decoder()
    guard let decoded = try? code.withUnsafeBytes({ try decoder.decode($0, mode: .bits64) }),
      let text = decoder.text(code, at: address, mode: .bits64)?.text,
      let name = ZydisMnemonicGetString(decoded.mnemonic)
    else { return nil }
    let one = decoded.instruction
    bytes = Array(code.prefix(decoded.length))
    self.text = text
    mnemonic = String(cString: name)
    let category = one.meta.category
    flow = Self.flow(category, mnemonic)
    isNothing =
      category == ZYDIS_CATEGORY_NOP || category == ZYDIS_CATEGORY_WIDENOP || mnemonic.hasPrefix("endbr")
      || mnemonic == "pause"
    displacement =
      one.raw.disp.size == 0
      ? nil
      : Field(
        offset: Int(one.raw.disp.offset), size: Int(one.raw.disp.size) / 8, value: one.raw.disp.value, isRelative: false
      )
    immediate = Self.immediate(one.raw)
    let hasModRM = one.attributes & UInt64(ZYDIS_ATTRIB_HAS_MODRM) != 0
    let modRM = Int(one.raw.modrm.offset)
    let fields = [displacement?.offset, immediate?.offset].compactMap { $0 }
    let last = hasModRM ? modRM - 1 : (fields.min() ?? decoded.length) - 1
    opcode = last
    let isLegacy = one.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY
    wide = isLegacy && one.raw.rex.W == 1 ? Int(one.raw.rex.offset) : nil
    let override = bytes.prefix(Int(one.raw.prefix_count)).firstIndex { $0 == 0x64 || $0 == 0x65 }
    segmentPrefix = override
    let operands = decoded.operands.prefix(Int(one.operand_count))
    registers = operands.compactMap { Self.registerField($0, modRM: modRM, opcode: last, isLegacy) }
    memory = operands.prefix(Int(one.operand_count_visible)).first { $0.type == ZYDIS_OPERAND_TYPE_MEMORY }
      .map { Self.memory($0, override != nil) }
    effects = Self.effects(one, operands, category, mnemonic)
  }

  private static func flow(_ category: ZydisInstructionCategory, _ mnemonic: String) -> Flow {
    switch category {
    case ZYDIS_CATEGORY_COND_BR: .conditional
    case ZYDIS_CATEGORY_UNCOND_BR: .jump
    case ZYDIS_CATEGORY_CALL: .call
    case ZYDIS_CATEGORY_RET, ZYDIS_CATEGORY_INTERRUPT, ZYDIS_CATEGORY_SYSCALL, ZYDIS_CATEGORY_SYSRET: .away
    default: mnemonic == "hlt" || mnemonic.hasPrefix("ud") || mnemonic.hasPrefix("iret") ? .away : .next
    }
  }

  private static func immediate(_ raw: ZydisDecodedInstructionRaw) -> Field? {
    let immediate = raw.imm.0
    if immediate.size == 0 { return nil }
    let unused = Int64(64 - Int(immediate.size))
    return Field(
      offset: Int(immediate.offset), size: Int(immediate.size) / 8, value: (immediate.value.s << unused) >> unused,
      isRelative: immediate.is_relative != 0)
  }

  private static func registerField(
    _ operand: ZydisDecodedOperand, modRM: Int, opcode: Int, _ isLegacy: Bool
  ) -> RegisterField? {
    guard isLegacy, operand.type == ZYDIS_OPERAND_TYPE_REGISTER else { return nil }
    switch ZydisRegisterGetClass(operand.reg.value) {
    case ZYDIS_REGCLASS_GPR16, ZYDIS_REGCLASS_GPR32, ZYDIS_REGCLASS_GPR64, ZYDIS_REGCLASS_GPR8: break
    default: return nil
    }
    switch operand.encoding {
    case ZYDIS_OPERAND_ENCODING_MODRM_REG: return RegisterField(offset: modRM, shift: 3)
    case ZYDIS_OPERAND_ENCODING_MODRM_RM: return RegisterField(offset: modRM, shift: 0)
    case ZYDIS_OPERAND_ENCODING_OPCODE: return RegisterField(offset: opcode, shift: 0)
    default: return nil
    }
  }

  private static func memory(_ operand: ZydisDecodedOperand, _ isPerProcessor: Bool) -> MemoryOperand {
    let base = operand.mem.base
    let isRIP = base == ZYDIS_REGISTER_RIP || base == ZYDIS_REGISTER_EIP
    return MemoryOperand(
      base: base == ZYDIS_REGISTER_NONE || isRIP ? nil : enclosing(base), isRIPRelative: isRIP,
      isPerProcessor: isPerProcessor)
  }

  private static func enclosing(_ register: ZydisRegister) -> UInt16 {
    let largest = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, register)
    return UInt16(largest == ZYDIS_REGISTER_NONE ? register.rawValue : largest.rawValue)
  }

  private static func effects(
    _ one: ZydisDecodedInstruction, _ operands: ArraySlice<ZydisDecodedOperand>, _ category: ZydisInstructionCategory,
    _ mnemonic: String
  ) -> Effects {
    var effects = Effects()
    if let flags = one.cpu_flags {
      effects.readsFlags = flags.pointee.tested
      effects.writesFlags =
        flags.pointee.modified | flags.pointee.set_0 | flags.pointee.set_1 | flags.pointee.undefined
    }
    for operand in operands {
      let reads = operand.actions & UInt8(ZYDIS_OPERAND_ACTION_MASK_READ.rawValue) != 0
      let writes = operand.actions & UInt8(ZYDIS_OPERAND_ACTION_MASK_WRITE.rawValue) != 0
      switch operand.type {
      case ZYDIS_OPERAND_TYPE_REGISTER:
        switch ZydisRegisterGetClass(operand.reg.value) {
        case ZYDIS_REGCLASS_FLAGS, ZYDIS_REGCLASS_IP: continue
        case ZYDIS_REGCLASS_SEGMENT, ZYDIS_REGCLASS_CONTROL, ZYDIS_REGCLASS_DEBUG, ZYDIS_REGCLASS_TABLE:
          effects.isSystem = true
        default:
          if reads { effects.reads.insert(enclosing(operand.reg.value)) }
          if writes { effects.writes.insert(enclosing(operand.reg.value)) }
        }
      case ZYDIS_OPERAND_TYPE_MEMORY:
        for part in [operand.mem.base, operand.mem.index] where part != ZYDIS_REGISTER_NONE {
          effects.reads.insert(enclosing(part))
        }
        if operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN { continue }
        effects.readsMemory = effects.readsMemory || reads
        effects.writesMemory = effects.writesMemory || writes
      default: break
      }
    }
    switch category {
    case ZYDIS_CATEGORY_SYSTEM, ZYDIS_CATEGORY_SEGOP, ZYDIS_CATEGORY_IO, ZYDIS_CATEGORY_IOSTRINGOP,
      ZYDIS_CATEGORY_FLAGOP:
      effects.isSystem = true
    default:
      let others = ["lfence", "mfence", "sfence", "stac", "clac", "swapgs", "cpuid", "verw", "verr", "wrmsr"]
      if others.contains(mnemonic) || mnemonic.hasPrefix("popf") || mnemonic.hasPrefix("wrgs")
        || mnemonic.hasPrefix("wrfs")
      {
        effects.isSystem = true
      }
    }
    return effects
  }
}
