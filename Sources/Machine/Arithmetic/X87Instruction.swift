/// The x87 instructions by their opcodes: the three low bits of the escape byte (D8 to DF) and ModRM, as FOP holds them.
/// Intel SDM vol. 2, "Escape Opcode Instructions"; AMD APM vol. 3, "x87 Encodings".
///
/// A few encodings that the manuals leave empty do what a neighbour does on every processor since the 387 (FSTP at
/// DF D0, FXCH at DD C8 and the like); they are decoded as that neighbour.

import HostFloatingPoint

/// The 16 bits `escape & 7 << 8 | ModRM`.
public struct X87Opcode: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue & 0x7FF }
  public init(escape: UInt8, modRM: UInt8) { rawValue = UInt16(escape & 7) << 8 | UInt16(modRM) }

  var escape: UInt16 { rawValue >> 8 }
  var isRegisterForm: Bool { rawValue & 0xC0 == 0xC0 }
  var reg: UInt8 { UInt8(rawValue >> 3 & 7) }
  /// The i of ST(i).
  var rm: UInt8 { UInt8(rawValue & 7) }
}

/// What an instruction does with its memory operand; sizes in bytes.
public enum X87Memory: Hashable, Sendable {
  case none
  case reads(Int)
  case writes(Int)
  /// 14 or 28 bytes, and 80 more for `fnsave` and `frstor`: see `X87Environment`.
  case readsEnvironment(withRegisters: Bool)
  case writesEnvironment(withRegisters: Bool)
}

enum X87Condition: UInt8 { case below, equal, belowOrEqual, unordered }

/// One decoded instruction.
enum X87Instruction {
  /// ST(0) op memory.
  case arithmeticMemory(X87Arithmetic, X87Source)
  /// ST(destination) op ST(source); FCOM and FUCOM write no register. Pops so many times.
  case arithmetic(X87Arithmetic, destination: UInt8, source: UInt8, pops: UInt8)
  /// FCOMI and FUCOMI with ST(i).
  case compareToFlags(X87Arithmetic, UInt8, pops: UInt8)
  case stack(X87StackInstruction)
  case load(X87Load, size: Int)
  case loadExtended
  /// FBLD.
  case loadDecimal
  case loadRegister(UInt8)
  case store(X87Store, size: Int, pops: UInt8)
  case storeExtended
  case storeRegister(UInt8, pops: UInt8)
  /// D9 D8: unlike its neighbour it reports no stack underflow.
  case storeRegisterUnchecked(UInt8)
  case exchange(UInt8)
  case move(X87Condition, negated: Bool, UInt8)
  case free(UInt8, pops: UInt8)
  case incrementTop, decrementTop
  case noOperation
  case fninit, fnclex, fldcw, fnstcw, fnstsw, fnstswAX
  case fldenv, fnstenv, frstor, fnsave
}

extension X87Opcode {
  /// Nil for an undefined encoding (#UD).
  var instruction: X87Instruction? { isRegisterForm ? registerForm : memoryForm }

  private var memoryForm: X87Instruction? {
    if escape & 1 == 0, escape != 7 {
      let sources: [X87Source] = [.single, .int32, .double, .int16]
      return X87Arithmetic(rawValue: reg).map { .arithmeticMemory($0, sources[Int(escape >> 1)]) }
    }
    switch (escape, reg) {
    case (1, 0): return .load(.flds, size: 4)
    case (1, 2): return .store(.fsts, size: 4, pops: 0)
    case (1, 3): return .store(.fsts, size: 4, pops: 1)
    case (1, 4): return .fldenv
    case (1, 5): return .fldcw
    case (1, 6): return .fnstenv
    case (1, 7): return .fnstcw
    case (3, 0): return .load(.fildl, size: 4)
    case (3, 1): return .store(.fisttpl, size: 4, pops: 1)
    case (3, 2): return .store(.fistpl, size: 4, pops: 0)
    case (3, 3): return .store(.fistpl, size: 4, pops: 1)
    case (3, 5): return .loadExtended
    case (3, 7): return .storeExtended
    case (5, 0): return .load(.fldl, size: 8)
    case (5, 1): return .store(.fisttpll, size: 8, pops: 1)
    case (5, 2): return .store(.fstl, size: 8, pops: 0)
    case (5, 3): return .store(.fstl, size: 8, pops: 1)
    case (5, 4): return .frstor
    case (5, 6): return .fnsave
    case (5, 7): return .fnstsw
    case (7, 0): return .load(.filds, size: 2)
    case (7, 1): return .store(.fisttps, size: 2, pops: 1)
    case (7, 2): return .store(.fistps, size: 2, pops: 0)
    case (7, 3): return .store(.fistps, size: 2, pops: 1)
    case (7, 4): return .loadDecimal
    case (7, 5): return .load(.fildll, size: 8)
    case (7, 6): return .store(.fbstp, size: 10, pops: 1)
    case (7, 7): return .store(.fistpll, size: 8, pops: 1)
    default: return nil
    }
  }

  private var registerForm: X87Instruction? {
    switch (escape, reg) {
    case (0, 2): return .arithmetic(.fcom, destination: 0, source: rm, pops: 0)
    case (0, 3): return .arithmetic(.fcom, destination: 0, source: rm, pops: 1)
    case (0, _): return X87Arithmetic(rawValue: reg).map { .arithmetic($0, destination: 0, source: rm, pops: 0) }
    case (1, 0): return .loadRegister(rm)
    case (1, 1), (5, 1), (7, 1): return .exchange(rm)
    case (1, 2): return rm == 0 ? .noOperation : nil
    case (1, 3): return .storeRegisterUnchecked(rm)
    case (7, 2), (7, 3): return .storeRegister(rm, pops: 1)
    case (1, 4...7): return Self.withoutOperand[Int(rawValue & 0x1F)]
    case (2, 0...3), (3, 0...3): return X87Condition(rawValue: reg).map { .move($0, negated: escape == 3, rm) }
    case (2, 5): return rm == 1 ? .arithmetic(.fucom, destination: 0, source: 1, pops: 2) : nil
    // FENI, FDISI and FSETPM, of the 8087 and the 287, do nothing since the 387.
    case (3, 4): return [.noOperation, .noOperation, .fnclex, .fninit, .noOperation, nil, nil, nil][Int(rm)]
    case (3, 5): return .compareToFlags(.fucom, rm, pops: 0)
    case (3, 6): return .compareToFlags(.fcom, rm, pops: 0)
    case (4, 2): return .arithmetic(.fcom, destination: 0, source: rm, pops: 0)
    case (4, 3), (6, 2): return .arithmetic(.fcom, destination: 0, source: rm, pops: 1)
    case (6, 3): return rm == 1 ? .arithmetic(.fcom, destination: 0, source: 1, pops: 2) : nil
    case (4, _), (6, _):
      // With ST(i) as destination, the encodings of FSUB and FSUBR, FDIV and FDIVR change places.
      let operation = X87Arithmetic(rawValue: reg >= 4 ? reg ^ 1 : reg)
      return operation.map { .arithmetic($0, destination: rm, source: 0, pops: escape == 6 ? 1 : 0) }
    case (5, 0): return .free(rm, pops: 0)
    case (7, 0): return .free(rm, pops: 1)
    case (5, 2): return .storeRegister(rm, pops: 0)
    case (5, 3): return .storeRegister(rm, pops: 1)
    case (5, 4): return .arithmetic(.fucom, destination: 0, source: rm, pops: 0)
    case (5, 5): return .arithmetic(.fucom, destination: 0, source: rm, pops: 1)
    case (7, 4): return rm == 0 ? .fnstswAX : nil
    case (7, 5): return .compareToFlags(.fucom, rm, pops: 1)
    case (7, 6): return .compareToFlags(.fcom, rm, pops: 1)
    default: return nil
    }
  }

  /// D9 E0 to D9 FF.
  private static let withoutOperand: [X87Instruction?] = [
    .stack(.fchs), .stack(.fabs), nil, nil, .stack(.ftst), .stack(.fxam), nil, nil,
    .load(.fld1, size: 0), .load(.fldl2t, size: 0), .load(.fldl2e, size: 0), .load(.fldpi, size: 0),
    .load(.fldlg2, size: 0), .load(.fldln2, size: 0), .load(.fldz, size: 0), nil,
    .stack(.f2xm1), .stack(.fyl2x), .stack(.fptan), .stack(.fpatan),
    .stack(.fxtract), .stack(.fprem1), .decrementTop, .incrementTop,
    .stack(.fprem), .stack(.fyl2xp1), .stack(.fsqrt), .stack(.fsincos),
    .stack(.frndint), .stack(.fscale), .stack(.fsin), .stack(.fcos),
  ]

  public var isDefined: Bool { instruction != nil }

  /// A waiting instruction first reports a pending exception (#MF).
  public var waits: Bool {
    // FNENI, FNDISI and FNSETPM, beside FNCLEX and FNINIT, are the forms that do not wait.
    if escape == 3, reg == 4, isRegisterForm { return false }
    return switch instruction {
    case .fninit, .fnclex, .fnstcw, .fnstsw, .fnstswAX, .fnstenv, .fnsave: false
    default: true
    }
  }

  /// Control instructions leave the last instruction's pointers and opcode alone. "x87 FPU Instruction and Data
  /// (Operand) Pointers"
  public var isControl: Bool {
    switch instruction {
    case .fninit, .fnclex, .fldcw, .fnstcw, .fnstsw, .fnstswAX, .fldenv, .fnstenv, .frstor, .fnsave: true
    default: false
    }
  }

  public var memory: X87Memory {
    switch instruction {
    case .arithmeticMemory(_, let source): .reads(source == .double ? 8 : source == .int16 ? 2 : 4)
    case .load(_, let size): size == 0 ? .none : .reads(size)
    case .loadExtended, .loadDecimal: .reads(10)
    case .store(_, let size, _): .writes(size)
    case .storeExtended: .writes(10)
    case .fldcw: .reads(2)
    case .fnstcw, .fnstsw: .writes(2)
    case .fldenv: .readsEnvironment(withRegisters: false)
    case .frstor: .readsEnvironment(withRegisters: true)
    case .fnstenv: .writesEnvironment(withRegisters: false)
    case .fnsave: .writesEnvironment(withRegisters: true)
    default: .none
    }
  }
}
