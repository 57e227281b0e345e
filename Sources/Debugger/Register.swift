/// The registers in gdb's order: those of its own i386 features, and a feature of Limen's with what decides who runs where.
///
/// GDB manual, "i386 Features": `org.gnu.gdb.i386.core`, `.sse`, `.linux` and `.segments`, and which registers each must have. The names of
/// Limen's own feature are those of the SDM and the APM, in gdb's lower case. Registers are read and never written: a run is what its
/// path makes of it.
import Machine

/// One register of the description.
struct Register: Sendable {
  var name: String
  /// Width in bits, a multiple of eight.
  var bits: Int
  /// gdb's name for its type.
  var type: String
  /// As memory would hold it; nil where there is none.
  var value: @Sendable (Processor, _ boundary: Int) -> [UInt8]?

  init(
    _ name: String, _ bits: Int = 64, _ type: String = "int64",
    _ value: @escaping @Sendable (Processor, _ boundary: Int) -> [UInt8]?
  ) {
    self.name = name
    self.bits = bits
    self.type = type
    self.value = value
  }

  /// One of 64 bits.
  static func word(_ name: String, _ type: String = "int64", _ value: @escaping @Sendable (Processor) -> UInt64)
    -> Register
  {
    Register(name, 64, type) { processor, _ in littleEndian(value(processor)) }
  }

  /// One of 32 bits.
  static func half(_ name: String, _ type: String = "int", _ value: @escaping @Sendable (Processor) -> UInt32)
    -> Register
  {
    Register(name, 32, type) { processor, _ in littleEndian(value(processor)) }
  }
}

struct Feature: Sendable {
  var name: String
  /// Types that its registers have, as XML.
  var types: String
  var registers: [Register]
}

extension Feature {
  /// The feature's registers follow one another in gdb's numbering.
  static let all = [core, sse, linux, segments, system]

  private static let core = Feature(
    name: "org.gnu.gdb.i386.core", types: flags("i386_eflags", RegisterBits.eflags),
    registers: general + instruction + selectors + x87)

  private static let instruction: [Register] = [
    .word("rip", "code_ptr") { $0.rip },
    .half("eflags", "i386_eflags") { UInt32(truncatingIfNeeded: $0.rflags.rawValue) },
  ]

  private static let selectors: [Register] = {
    let names: [(String, SegmentName)] = [
      ("cs", .cs), ("ss", .ss), ("ds", .ds), ("es", .es), ("fs", .fs), ("gs", .gs),
    ]
    return names.map { name, segment in Register.half(name) { UInt32($0.segment(segment).selector) } }
  }()

  private static let general: [Register] = {
    let names: [(String, GeneralRegister)] = [
      ("rax", .rax), ("rbx", .rbx), ("rcx", .rcx), ("rdx", .rdx), ("rsi", .rsi), ("rdi", .rdi), ("rbp", .rbp),
      ("rsp", .rsp), ("r8", .r8), ("r9", .r9), ("r10", .r10), ("r11", .r11), ("r12", .r12), ("r13", .r13),
      ("r14", .r14), ("r15", .r15),
    ]
    return names.map { name, register in
      Register.word(name, register == .rsp || register == .rbp ? "data_ptr" : "int64") { $0[register] }
    }
  }()

  private static let x87: [Register] = stack + control

  private static let stack: [Register] = (0..<8).map { index in
    Register("st\(index)", 80, "i387_ext") { processor, _ in
      let register = processor.floatingPoint[UInt8(index)]
      return littleEndian(register.significand) + littleEndian(register.signExponent)
    }
  }

  private static let control: [Register] = [
    .half("fctrl") { UInt32($0.floatingPoint.control) },
    .half("fstat") { UInt32($0.floatingPoint.statusWord) },
    .half("ftag") { UInt32($0.floatingPoint.tagWord) },
    .half("fiseg") { UInt32($0.floatingPoint.instructionSelector) },
    .half("fioff") { UInt32(truncatingIfNeeded: $0.floatingPoint.instructionPointer) },
    .half("foseg") { UInt32($0.floatingPoint.operandSelector) },
    .half("fooff") { UInt32(truncatingIfNeeded: $0.floatingPoint.operandPointer) },
    .half("fop") { UInt32($0.floatingPoint.opcode) },
  ]

  private static let sse = Feature(
    name: "org.gnu.gdb.i386.sse", types: vectorTypes + flags("i386_mxcsr", RegisterBits.mxcsr),
    registers: vectors + [.half("mxcsr", "i386_mxcsr") { $0.vectorControl }])

  private static let vectors: [Register] = (0..<16).map { index in
    Register("xmm\(index)", 128, "vec128") { processor, _ in
      let vector = processor.vectorRegister(index)
      return littleEndian(vector.low) + littleEndian(vector.high)
    }
  }

  /// `orig_rax` is no register: what a kernel keeps of RAX is its own affair.
  private static let linux = Feature(
    name: "org.gnu.gdb.i386.linux", types: "", registers: [Register("orig_rax", 64, "int64") { _, _ in nil }])

  private static let segments = Feature(
    name: "org.gnu.gdb.i386.segments", types: "",
    registers: [
      .word("fs_base", "int64") { $0.segmentBase(.fs) }, .word("gs_base", "int64") { $0.segmentBase(.gs) },
    ])

  private static let system = Feature(
    name: "org.limen.system",
    types: flags("limen_cr0", RegisterBits.cr0) + flags("limen_cr4", RegisterBits.cr4)
      + flags("limen_efer", RegisterBits.efer),
    registers: controls + debug + tables + calls + place)

  private static let controls: [Register] = [
    .word("cr0", "limen_cr0") { $0.state.cr0 }, .word("cr2", "data_ptr") { $0.cr2 }, .word("cr3") { $0.cr3 },
    .word("cr4", "limen_cr4") { $0.cr4 }, .word("cr8") { $0.state.cr8 },
    .word("efer", "limen_efer") { $0.state.msr.efer },
  ]

  private static let debug: [Register] = [0, 1, 2, 3, 6, 7].map { index in
    .word("dr\(index)") { $0.debugRegister(index) }
  }

  private static let tables: [Register] = [
    .word("idtr_base", "data_ptr") { $0.state.idtr.base }, .half("idtr_limit") { UInt32($0.state.idtr.limit) },
    .word("gdtr_base", "data_ptr") { $0.state.gdtr.base }, .half("gdtr_limit") { UInt32($0.state.gdtr.limit) },
    .half("tr") { UInt32($0.taskRegister.selector) }, .word("tr_base", "data_ptr") { $0.taskRegister.base },
    .half("ldtr") { UInt32($0.localDescriptorTable.selector) },
    .word("ldtr_base", "data_ptr") { $0.localDescriptorTable.base },
  ]

  private static let calls: [Register] = [
    .word("star") { $0.state.msr.star }, .word("lstar", "code_ptr") { $0.state.msr.lstar },
    .word("cstar", "code_ptr") { $0.state.msr.cstar }, .word("fmask") { $0.state.msr.syscallMask },
    .word("kernel_gs_base", "data_ptr") { $0.state.msr.kernelGSBase },
    .half("sysenter_cs") { UInt32(truncatingIfNeeded: $0.state.msr.sysenterCS) },
    .word("sysenter_esp", "data_ptr") { $0.state.msr.sysenterESP },
    .word("sysenter_eip", "code_ptr") { $0.state.msr.sysenterEIP },
  ]

  private static let place: [Register] = [
    .half("cpl") { UInt32($0.cpl) }, .half("nmi_blocked") { $0.nmiBlocked ? 1 : 0 },
    Register("boundary") { _, boundary in littleEndian(UInt64(boundary)) },
  ]

  /// gdb's union of the ways to look at 16 bytes.
  private static let vectorTypes = """
    <vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>\
    <vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>\
    <vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>\
    <union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>\
    <field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>\
    <field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>
    """

  private static func flags(_ id: String, _ bits: RegisterBits) -> String {
    let fields = bits.names.map { name, bit in "<field name=\"\(name)\" start=\"\(bit)\" end=\"\(bit)\"/>" }
    return "<flags id=\"\(id)\" size=\"\(bits.size)\">\(fields.joined())</flags>"
  }
}

extension Register {
  static let all: [Register] = Feature.all.flatMap { $0.registers }
}
