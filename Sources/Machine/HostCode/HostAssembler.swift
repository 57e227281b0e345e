/// Encodes the host instructions that translated blocks are made of.
///
/// SDM vol. 2A, "Instruction Format", "REX Prefixes", "Addressing-Mode Encoding of ModR/M and SIB Bytes".
/// An opcode is one byte, or two where the high byte is 0F. Its low bit says "not 8 bits wide", as in the opcode maps.

/// A register of the host, by its number in the encoding.
struct HostRegister: Equatable {
  let number: UInt8

  static let rax = HostRegister(number: 0)
  static let rcx = HostRegister(number: 1)
  static let rdx = HostRegister(number: 2)
  static let rbx = HostRegister(number: 3)
  static let rsp = HostRegister(number: 4)
  static let rbp = HostRegister(number: 5)
  static let rsi = HostRegister(number: 6)
  static let rdi = HostRegister(number: 7)
  static let r8 = HostRegister(number: 8)
  static let r9 = HostRegister(number: 9)
  static let r10 = HostRegister(number: 10)
  static let r11 = HostRegister(number: 11)
  static let r12 = HostRegister(number: 12)
  static let r13 = HostRegister(number: 13)
  static let r14 = HostRegister(number: 14)
  static let r15 = HostRegister(number: 15)
}

/// A place in host memory: `base + (index << scale) + displacement`.
struct HostAddress {
  var base: HostRegister?
  var index: HostRegister?
  var scale: UInt8 = 0
  var displacement: Int32 = 0

  init(_ base: HostRegister?, index: HostRegister? = nil, scale: UInt8 = 0, _ displacement: Int = 0) {
    self.base = base
    self.index = index
    self.scale = scale
    self.displacement = Int32(truncatingIfNeeded: displacement)
  }
}

/// The two-operand operations of the first opcode map, by the number that also selects them in the immediate forms.
enum HostArithmetic: UInt8 {
  case add, or, adc, sbb, and, sub, xor, cmp
}

enum HostShift: UInt8 {
  case left = 4
  case right = 5
  case arithmeticRight = 7
}

struct HostAssembler {
  // SAFETY: whoever makes an assembler leaves room for what it will emit; see `HostCode.largestBlock`.
  private(set) var at: UnsafeMutablePointer<UInt8>

  init(at: UnsafeMutableRawPointer) { self.at = at.assumingMemoryBound(to: UInt8.self) }

  @inline(__always) mutating func byte(_ value: UInt8) {
    at.pointee = value
    at += 1
  }

  mutating func word32(_ value: UInt32) {
    UnsafeMutableRawPointer(at).storeBytes(of: value, as: UInt32.self)
    at += 4
  }

  mutating func word64(_ value: UInt64) {
    UnsafeMutableRawPointer(at).storeBytes(of: value, as: UInt64.self)
    at += 8
  }

  // MARK: Forms

  private mutating func prefixes(_ opcode: UInt16, _ width: Int, reg: UInt8, index: UInt8, base: UInt8, isByte: Bool) {
    if width == 2 { byte(0x66) }
    var rex: UInt8 = (width == 8 ? 8 : 0) | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3
    if isByte || rex != 0 {
      rex |= 0x40
      byte(rex)
    }
    if opcode > 0xFF { byte(0x0F) }
    byte(UInt8(truncatingIfNeeded: opcode))
  }

  /// `reg` with a register. `byteOperand` says that SPL to DIL are meant, not AH to BH.
  mutating func form(_ opcode: UInt16, _ width: Int, reg: UInt8, _ rm: HostRegister, byteOperand: Bool = false) {
    let isByte = byteOperand && (reg >= 4 || rm.number >= 4)
    prefixes(opcode, width, reg: reg, index: 0, base: rm.number, isByte: isByte)
    byte(0xC0 | (reg & 7) << 3 | rm.number & 7)
  }

  mutating func form(_ opcode: UInt16, _ width: Int, reg: UInt8, _ address: HostAddress, byteOperand: Bool = false) {
    let base = address.base?.number ?? 0
    let index = address.index?.number ?? 0
    prefixes(opcode, width, reg: reg, index: index, base: base, isByte: byteOperand && reg >= 4)
    let middle = (reg & 7) << 3
    guard address.base != nil else {
      byte(middle | 4)
      byte(address.scale << 6 | (address.index == nil ? 4 : index & 7) << 3 | 5)
      word32(UInt32(bitPattern: address.displacement))
      return
    }
    let short = Int32(Int8(truncatingIfNeeded: address.displacement)) == address.displacement
    let mod: UInt8 = address.displacement == 0 && base & 7 != 5 ? 0 : short ? 0x40 : 0x80
    if address.index != nil || base & 7 == 4 {
      byte(mod | middle | 4)
      byte(address.scale << 6 | (address.index == nil ? 4 : index & 7) << 3 | base & 7)
    } else {
      byte(mod | middle | base & 7)
    }
    if mod == 0x40 { byte(UInt8(truncatingIfNeeded: address.displacement)) }
    if mod == 0x80 { word32(UInt32(bitPattern: address.displacement)) }
  }

  // MARK: Moves

  mutating func move(_ to: HostRegister, _ from: HostRegister, _ width: Int = 8) {
    form(0x8B, width, reg: to.number, from)
  }

  /// Loads 32 or 64 bits.
  mutating func load(_ to: HostRegister, _ from: HostAddress, _ width: Int = 8) {
    form(0x8B, width, reg: to.number, from)
  }

  /// Loads 1, 2, 4 or 8 bytes; the rest of the register becomes zero.
  mutating func loadExtended(_ to: HostRegister, _ from: HostAddress, _ width: Int) {
    switch width {
    case 1: form(0x0FB6, 4, reg: to.number, from)
    case 2: form(0x0FB7, 4, reg: to.number, from)
    default: load(to, from, width)
    }
  }

  mutating func store(_ from: HostRegister, _ to: HostAddress, _ width: Int = 8) {
    form(width == 1 ? 0x88 : 0x89, width, reg: from.number, to, byteOperand: width == 1)
  }

  mutating func move(_ to: HostRegister, immediate: UInt64) {
    if immediate >> 32 == 0 {
      if to.number >= 8 { byte(0x41) }
      byte(0xB8 | to.number & 7)
      word32(UInt32(truncatingIfNeeded: immediate))
    } else if Self.fits(immediate) {
      form(0xC7, 8, reg: 0, to)
      word32(UInt32(truncatingIfNeeded: immediate))
    } else {
      byte(0x48 | to.number >> 3)
      byte(0xB8 | to.number & 7)
      word64(immediate)
    }
  }

  /// Whether the value is its own low half, sign-extended.
  static func fits(_ value: UInt64) -> Bool { UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value))) == value }

  mutating func address(_ to: HostRegister, _ of: HostAddress, _ width: Int = 8) {
    form(0x8D, width, reg: to.number, of)
  }

  // MARK: Arithmetic

  private static func opcode(_ operation: HostArithmetic, _ width: Int, _ form: UInt16) -> UInt16 {
    UInt16(operation.rawValue) << 3 | form | (width == 1 ? 0 : 1)
  }

  /// `to = to op from`
  mutating func arithmetic(_ operation: HostArithmetic, _ width: Int, _ to: HostRegister, _ from: HostRegister) {
    form(Self.opcode(operation, width, 2), width, reg: to.number, from, byteOperand: width == 1)
  }

  mutating func arithmetic(_ operation: HostArithmetic, _ width: Int, _ to: HostRegister, _ from: HostAddress) {
    form(Self.opcode(operation, width, 2), width, reg: to.number, from, byteOperand: width == 1)
  }

  mutating func arithmetic(_ operation: HostArithmetic, _ width: Int, _ to: HostAddress, _ from: HostRegister) {
    form(Self.opcode(operation, width, 0), width, reg: from.number, to, byteOperand: width == 1)
  }

  mutating func arithmetic(_ operation: HostArithmetic, _ width: Int, _ to: HostRegister, immediate: Int32) {
    let short = Int32(Int8(truncatingIfNeeded: immediate)) == immediate
    form(width == 1 ? 0x80 : short ? 0x83 : 0x81, width, reg: operation.rawValue, to, byteOperand: width == 1)
    if width == 1 || short {
      byte(UInt8(truncatingIfNeeded: immediate))
    } else if width == 2 {
      byte(UInt8(truncatingIfNeeded: immediate))
      byte(UInt8(truncatingIfNeeded: immediate >> 8))
    } else {
      word32(UInt32(bitPattern: immediate))
    }
  }

  mutating func test(_ a: HostRegister, _ b: HostRegister, _ width: Int) {
    form(width == 1 ? 0x84 : 0x85, width, reg: b.number, a, byteOperand: width == 1)
  }

  mutating func increment(_ to: HostRegister, _ width: Int) {
    form(width == 1 ? 0xFE : 0xFF, width, reg: 0, to, byteOperand: width == 1)
  }

  mutating func decrement(_ to: HostRegister, _ width: Int) {
    form(width == 1 ? 0xFE : 0xFF, width, reg: 1, to, byteOperand: width == 1)
  }

  mutating func not(_ to: HostRegister, _ width: Int) {
    form(width == 1 ? 0xF6 : 0xF7, width, reg: 2, to, byteOperand: width == 1)
  }

  mutating func negate(_ to: HostRegister, _ width: Int) {
    form(width == 1 ? 0xF6 : 0xF7, width, reg: 3, to, byteOperand: width == 1)
  }

  mutating func multiply(_ to: HostRegister, _ by: HostRegister, _ width: Int) {
    form(0x0FAF, width, reg: to.number, by)
  }

  mutating func shift(_ kind: HostShift, _ to: HostRegister, _ width: Int, by count: UInt8) {
    form(0xC1, width, reg: kind.rawValue, to)
    byte(count)
  }

  mutating func shiftByCL(_ kind: HostShift, _ to: HostRegister, _ width: Int) {
    form(0xD3, width, reg: kind.rawValue, to)
  }

  // MARK: Conditions and jumps

  mutating func setIf(_ condition: UInt8, _ to: HostRegister) {
    form(0x0F90 | UInt16(condition), 1, reg: 0, to, byteOperand: true)
  }

  mutating func setIf(_ condition: UInt8, _ to: HostAddress) { form(0x0F90 | UInt16(condition), 1, reg: 0, to) }

  mutating func moveIf(_ condition: UInt8, _ to: HostRegister, _ from: HostRegister, _ width: Int) {
    form(0x0F40 | UInt16(condition), width, reg: to.number, from)
  }

  mutating func jump(_ to: HostAddress) { form(0xFF, 4, reg: 4, to) }

  mutating func jump(to target: UnsafeRawPointer) {
    byte(0xE9)
    distance(to: target)
  }

  /// A forward jump whose target is given to `land`.
  mutating func jump() -> UnsafeMutablePointer<UInt8> {
    byte(0xE9)
    word32(0)
    return at
  }

  mutating func jumpIf(_ condition: UInt8) -> UnsafeMutablePointer<UInt8> {
    byte(0x0F)
    byte(0x80 | condition)
    word32(0)
    return at
  }

  /// Makes the forward jump that ended at `end` arrive here.
  func land(_ end: UnsafeMutablePointer<UInt8>) {
    UnsafeMutableRawPointer(end - 4).storeBytes(of: Int32(truncatingIfNeeded: at - end), as: Int32.self)
  }

  private mutating func distance(to target: UnsafeRawPointer) {
    let end = UnsafeRawPointer(at + 4)
    word32(UInt32(bitPattern: Int32(truncatingIfNeeded: target - end)))
  }
}

/// Condition codes. SDM vol. 1, "EFLAGS Condition Codes".
enum HostCondition {
  static let overflow: UInt8 = 0
  static let below: UInt8 = 2
  static let equal: UInt8 = 4
  static let notEqual: UInt8 = 5
}
