/// The x87 instructions on `X87State`: stack faults, tags, condition codes and pops are here, arithmetic is the host's.
/// Intel SDM vol. 1, "x87 FPU Floating-Point Exception Handling", "Stack Overflow or Underflow Exception (#IS)".
///
/// Not modelled: a profile's own results of F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS and FSINCOS. The manuals bound their
/// error and leave arguments outside their ranges open ("Transcendental Instruction Accuracy"), so that processors differ in the
/// last bits, C1 and the precision flag; they are the host's, and nothing else is.

import HostFloatingPoint

/// What an instruction leaves for the machine to do.
public struct X87Outcome: Hashable, Sendable {
  /// The bytes to write, as many as `X87Opcode.memory` says; nil when an unmasked exception kept the store from
  /// happening.
  public var store: DoubleExtended?
  /// FCOMI and its kind: CF, PF and ZF at their places in RFLAGS (OF, SF and AF become 0); nil for every other instruction.
  public var flags: UInt64?
  /// FNSTSW AX.
  public var ax: UInt16?
}

extension X87State {
  /// Executes one instruction other than FLDENV, FNSTENV, FRSTOR and FNSAVE (see `X87Environment`).
  ///
  /// The caller has checked `isDefined`, and `hasPendingException` if the instruction waits. It reads the memory operand
  /// beforehand into `operand` (FLD m80's places; a smaller one in `significand`), and works on a copy of the state when
  /// the store that follows may fault. `rflags` is for FCMOVcc.
  public mutating func execute(_ opcode: X87Opcode, operand: DoubleExtended, rflags: UInt64) -> X87Outcome {
    switch opcode.instruction {
    case .arithmeticMemory(let operation, let source): arithmetic(operation, source, operand)
    case .arithmetic(let operation, let destination, let source, let pops):
      arithmetic(operation, destination, source, pops)
    case .compareToFlags(let operation, let i, let pops): return compareToFlags(operation, i, pops)
    case .stack(let instruction): stack(instruction)
    case .load(let instruction, _):
      load(instruction, operand)
    case .loadExtended: load { _ in operand }
    case .loadDecimal: load { _ in DoubleExtended(decimal: operand) }
    case .loadRegister(let i): load { $0.isEmpty(i) ? nil : $0[i] }
    case .store(let instruction, _, let pops): return store(instruction, pops)
    case .storeExtended: return storeExtended()
    case .storeRegister(let i, let pops): storeRegister(i, pops)
    case .storeRegisterUnchecked(let i):
      if !isEmpty(0) { set(i, self[0]) }
      pop()
      status &= ~X87Status.c1
    case .exchange(let i): exchange(i)
    case .move(let condition, let negated, let i): move(condition, negated, i, rflags)
    case .free(let i, let pops):
      free(i)
      pop(pops)
      status &= ~X87Status.c1
    case .incrementTop:
      top = (top &+ 1) & 7
      status &= ~X87Status.c1
    case .decrementTop:
      top = (top &- 1) & 7
      status &= ~X87Status.c1
    case .noOperation: break
    case .fninit: initialize()
    case .fnclex: clearExceptions()
    case .fldcw: loadControl(UInt16(truncatingIfNeeded: operand.significand))
    case .fnstcw: return X87Outcome(store: DoubleExtended(significand: UInt64(control)))
    case .fnstsw: return X87Outcome(store: DoubleExtended(significand: UInt64(statusWord)))
    case .fnstswAX: return X87Outcome(ax: statusWord)
    case .fldenv, .fnstenv, .frstor, .fnsave, nil:
      preconditionFailure("An environment or undefined opcode came to X87State.execute.")
    }
    return X87Outcome()
  }

  // MARK: Exceptions

  var unmasked: UInt16 { ~control & X87Status.exceptions }

  /// The control word for an instruction on the host. Precision control 01 is reserved (SDM vol. 1, "Precision Control Field") and
  /// taken for 11, double extended, so that no host is asked what it makes of it; AMD's processors do so.
  private var hostControl: UInt16 { control & 0x300 == 0x100 ? control | 0x200 : control }

  /// Whether `flags` keep an instruction from having any further effect: a pre-computation exception is unmasked.
  private func aborts(_ flags: UInt16) -> Bool {
    flags & unmasked & (X87Status.invalid | X87Status.denormal | X87Status.zeroDivide) != 0
  }

  /// Takes over the exception flags of a host status word, and those condition codes that the instruction defines.
  private mutating func merge(_ hostStatus: UInt16, conditions: UInt16 = X87Status.c1) {
    status = status & ~conditions | hostStatus & (X87Status.exceptions | conditions)
  }

  /// #IS with C1 = 1. True when masked: the instruction goes on with the indefinite value.
  private mutating func stackOverflow() -> Bool {
    status |= X87Status.invalid | X87Status.stackFault | X87Status.c1
    return unmasked & X87Status.invalid == 0
  }

  /// #IS with C1 = 0. True when masked.
  private mutating func stackUnderflow() -> Bool {
    status |= X87Status.invalid | X87Status.stackFault
    status &= ~X87Status.c1
    return unmasked & X87Status.invalid == 0
  }

  // MARK: Arithmetic and comparison
  //
  // A comparison that meets an invalid operand or an empty register answers "unordered", masked or not; an unmasked exception
  // keeps it from popping alone. A footnote of the SDM ("FCOM/FCOMP/FCOMPP", "FCOMI/FCOMIP/FUCOMI/FUCOMIP") has the flags not
  // set by an unmasked #IA; both vendors' processors set them.

  private mutating func arithmetic(_ operation: X87Arithmetic, _ kind: X87Source, _ operand: DoubleExtended) {
    let compares = operation == .fcom || operation == .fcomp
    let pops: UInt8 = operation == .fcomp ? 1 : 0
    guard !isEmpty(0) else { return underflow(compares: compares, destination: 0, pops: pops) }
    finish(
      hostX87Arithmetic(operation, kind, self[0].host, operand.host, hostControl), compares: compares, destination: 0,
      pops: pops)
  }

  private mutating func arithmetic(_ operation: X87Arithmetic, _ destination: UInt8, _ source: UInt8, _ pops: UInt8) {
    let compares = operation == .fcom || operation == .fucom
    guard !isEmpty(destination), !isEmpty(source) else {
      return underflow(compares: compares, destination: destination, pops: pops)
    }
    finish(
      hostX87Arithmetic(operation, .extended, self[destination].host, self[source].host, hostControl),
      compares: compares,
      destination: destination, pops: pops)
  }

  private mutating func finish(_ host: HostX87Result, compares: Bool, destination: UInt8, pops: UInt8) {
    if compares {
      merge(host.status, conditions: X87Status.conditions)
    } else {
      merge(host.status)
      set(destination, DoubleExtended(host.st0))
    }
    if !aborts(host.status) { pop(pops) }
  }

  private mutating func underflow(compares: Bool, destination: UInt8, pops: UInt8) {
    let masked = stackUnderflow()
    if compares { status |= X87Status.c0 | X87Status.c2 | X87Status.c3 }
    guard masked else { return }
    if !compares { set(destination, .indefinite) }
    pop(pops)
  }

  private mutating func compareToFlags(_ operation: X87Arithmetic, _ i: UInt8, _ pops: UInt8) -> X87Outcome {
    var conditions = X87Status.c0 | X87Status.c2 | X87Status.c3
    let aborted: Bool
    if isEmpty(0) || isEmpty(i) {
      aborted = !stackUnderflow()
    } else {
      let host = hostX87Arithmetic(operation, .extended, self[0].host, self[i].host, hostControl)
      merge(host.status, conditions: 0)
      aborted = aborts(host.status)
      if host.status & X87Status.invalid == 0 { conditions = host.status }
    }
    if !aborted { pop(pops) }
    // C0, C2 and C3 stand as CF, PF and ZF do in the low byte of RFLAGS.
    return X87Outcome(flags: UInt64(conditions >> 8) & 0x45)
  }

  // MARK: Instructions of ST(0) and ST(1)

  private mutating func stack(_ instruction: X87StackInstruction) {
    switch instruction {
    case .fxam:
      // Also of an empty register, whose sign still shows.
      let sign = self[0].signExponent >> 15 != 0 ? X87Status.c1 : 0
      let conditions = isEmpty(0) ? X87Status.c0 | X87Status.c3 | sign : runOnHost(instruction).status
      merge(conditions & X87Status.conditions, conditions: X87Status.conditions)
    case .ftst:
      guard !isEmpty(0) else { return underflow(compares: true, destination: 0, pops: 0) }
      merge(runOnHost(instruction).status, conditions: X87Status.conditions)
    case .fchs, .fabs, .fsqrt, .frndint, .f2xm1:
      guard !isEmpty(0) else { return underflow(compares: false, destination: 0, pops: 0) }
      finish(runOnHost(instruction), compares: false, destination: 0, pops: 0)
    case .fsin, .fcos:
      status &= ~X87Status.c2
      guard !isEmpty(0) else { return underflow(compares: false, destination: 0, pops: 0) }
      let host = runOnHost(instruction)
      merge(host.status, conditions: X87Status.c1 | X87Status.c2)
      set(0, DoubleExtended(host.st0))
    case .fprem, .fprem1:
      status &= ~X87Status.c2
      guard !isEmpty(0), !isEmpty(1) else { return underflow(compares: false, destination: 0, pops: 0) }
      let host = runOnHost(instruction)
      // Without a quotient (the result is a NaN, or there is none) only C2, "incomplete", is written.
      let noQuotient = aborts(host.status) || host.st0.signExponent & 0x7FFF == 0x7FFF
      merge(host.status, conditions: noQuotient ? X87Status.c1 | X87Status.c2 : X87Status.conditions)
      set(0, DoubleExtended(host.st0))
    case .fscale:
      guard !isEmpty(0), !isEmpty(1) else { return underflow(compares: false, destination: 0, pops: 0) }
      finish(runOnHost(instruction), compares: false, destination: 0, pops: 0)
    case .fyl2x, .fyl2xp1, .fpatan:
      guard !isEmpty(0), !isEmpty(1) else { return underflow(compares: false, destination: 1, pops: 1) }
      let host = runOnHost(instruction)
      merge(host.status)
      if aborts(host.status) { return }
      pop()
      set(0, DoubleExtended(host.st0))
    case .fptan, .fsincos, .fxtract: splitting(instruction)
    }
  }

  /// FPTAN, FSINCOS, FXTRACT: ST(0) is replaced and a second result pushed.
  private mutating func splitting(_ instruction: X87StackInstruction) {
    if isEmpty(0) || !isEmpty(7) {
      if instruction != .fxtract { status &= ~X87Status.c2 }
      guard isEmpty(0) ? stackUnderflow() : stackOverflow() else { return }
      set(0, .indefinite)
      push(.indefinite)
      return
    }
    let host = runOnHost(instruction)
    merge(host.status, conditions: instruction == .fxtract ? X87Status.c1 : X87Status.c1 | X87Status.c2)
    // The host began with two registers in use, TOP = 6; only a push makes it 5.
    guard host.status >> 11 & 7 == 5 else { return set(0, DoubleExtended(host.st0)) }
    set(0, DoubleExtended(host.st1))
    push(DoubleExtended(host.st0))
  }

  private func runOnHost(_ instruction: X87StackInstruction) -> HostX87Result {
    hostX87Stack(instruction, self[0].host, self[1].host, hostControl)
  }

  // MARK: Transfers

  private mutating func load(_ instruction: X87Load, _ operand: DoubleExtended) {
    guard isEmpty(7) else {
      if stackOverflow() { push(.indefinite) }
      return
    }
    let host = hostX87Load(instruction, operand.host, hostControl)
    merge(host.status)
    // An unmasked signalling NaN is not pushed, an unmasked denormal is.
    if host.status & unmasked & X87Status.invalid == 0 { push(DoubleExtended(host.st0)) }
  }

  /// A load that converts nothing; `source` gives nil for an empty register.
  private mutating func load(_ source: (borrowing X87State) -> DoubleExtended?) {
    guard let value = source(self) else {
      if stackUnderflow() { push(.indefinite) }
      return
    }
    guard isEmpty(7) else {
      if stackOverflow() { push(.indefinite) }
      return
    }
    status &= ~X87Status.c1
    push(value)
  }

  private mutating func store(_ instruction: X87Store, _ pops: UInt8) -> X87Outcome {
    guard !isEmpty(0) else {
      guard stackUnderflow() else { return X87Outcome() }
      pop(pops)
      return X87Outcome(store: instruction.indefinite)
    }
    let host = hostX87Store(instruction, self[0].host, hostControl)
    merge(host.status)
    if host.status & unmasked & ~X87Status.precision != 0 { return X87Outcome() }
    pop(pops)
    return X87Outcome(store: DoubleExtended(host.st0))
  }

  private mutating func storeExtended() -> X87Outcome {
    let value = self[0]
    if isEmpty(0) {
      guard stackUnderflow() else { return X87Outcome() }
      pop()
      return X87Outcome(store: .indefinite)
    }
    status &= ~X87Status.c1
    pop()
    return X87Outcome(store: value)
  }

  private mutating func storeRegister(_ i: UInt8, _ pops: UInt8) {
    if isEmpty(0) {
      guard stackUnderflow() else { return }
      set(i, .indefinite)
    } else {
      status &= ~X87Status.c1
      set(i, self[0])
    }
    pop(pops)
  }

  private mutating func exchange(_ i: UInt8) {
    if isEmpty(0) || isEmpty(i) {
      guard stackUnderflow() else { return }
      if isEmpty(0) { set(0, .indefinite) }
      if isEmpty(i) { set(i, .indefinite) }
    } else {
      status &= ~X87Status.c1
    }
    let value = self[0]
    set(0, self[i])
    set(i, value)
  }

  private mutating func move(_ condition: X87Condition, _ negated: Bool, _ i: UInt8, _ rflags: UInt64) {
    guard !isEmpty(0), !isEmpty(i) else {
      if stackUnderflow() { set(0, .indefinite) }
      return
    }
    let (carry, parity, zero): (UInt64, UInt64, UInt64) = (1, 1 << 2, 1 << 6)
    let holds =
      switch condition {
      case .below: rflags & carry != 0
      case .equal: rflags & zero != 0
      case .belowOrEqual: rflags & (carry | zero) != 0
      case .unordered: rflags & parity != 0
      }
    if holds != negated { set(0, self[i]) }
  }
}

extension DoubleExtended {
  /// Packed decimal: 18 digits of 4 bits and a sign, exact. SDM vol. 1, "Packed BCD Integers"; vol. 2, "FBLD".
  ///
  /// Digits above 9, whose result the manual leaves undefined, count by their weight, as they do on AMD's processors.
  fileprivate init(decimal: DoubleExtended) {
    var value: UInt64 = 0
    for digit in [decimal.signExponent >> 4 & 15, decimal.signExponent & 15] { value = value &* 10 &+ UInt64(digit) }
    for i in (0..<16 as Range<UInt64>).reversed() { value = value &* 10 &+ (decimal.significand >> (4 * i) & 15) }
    let zeros = UInt64(value.leadingZeroBitCount)
    self.init(
      significand: value == 0 ? 0 : value << zeros,
      signExponent: decimal.signExponent & 0x8000 | (value == 0 ? 0 : UInt16(0x3FFF + 63 - zeros)))
  }
}

extension X87Store {
  /// What a masked stack underflow or an unrepresentable value stores. "Indefinites"
  fileprivate var indefinite: DoubleExtended {
    switch self {
    case .fsts: DoubleExtended(significand: 0xFFC0_0000)
    case .fstl: DoubleExtended(significand: 0xFFF8_0000_0000_0000)
    case .fistps, .fisttps: DoubleExtended(significand: 0x8000)
    case .fistpl, .fisttpl: DoubleExtended(significand: 0x8000_0000)
    case .fistpll, .fisttpll: DoubleExtended(significand: 1 << 63)
    case .fbstp: .indefinite
    }
  }
}
