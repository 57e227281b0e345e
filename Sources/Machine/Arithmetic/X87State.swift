/// The x87 FPU's registers, the stack that they form, and the MMX registers that alias them.
/// Intel SDM vol. 1, "x87 FPU Execution Environment", "MMX Registers"; AMD APM vol. 1, "x87 Registers".
///
/// Not modelled: real-address and virtual-8086 formats of FLDENV and FSAVE, and IGNNE# reporting (CR0.NE = 0).

import HostFloatingPoint

/// An 80-bit register: bit 63 of the significand is the explicit integer bit, bit 15 of the rest the sign.
public struct DoubleExtended: Hashable, Sendable, BitwiseCopyable {
  public var significand: UInt64
  public var signExponent: UInt16

  public init(significand: UInt64 = 0, signExponent: UInt16 = 0) {
    self.significand = significand
    self.signExponent = signExponent
  }

  init(_ host: HostExtended) { self.init(significand: host.significand, signExponent: host.signExponent) }
  var host: HostExtended { HostExtended(significand: significand, signExponent: signExponent) }

  /// The QNaN "real indefinite", which is also the packed BCD indefinite.
  public static let indefinite = DoubleExtended(significand: 0xC000_0000_0000_0000, signExponent: 0xFFFF)
}

/// The status word's bits apart from TOP. "x87 FPU Status Register"
public enum X87Status {
  public static let invalid: UInt16 = 1 << 0
  public static let denormal: UInt16 = 1 << 1
  public static let zeroDivide: UInt16 = 1 << 2
  public static let overflow: UInt16 = 1 << 3
  public static let underflow: UInt16 = 1 << 4
  public static let precision: UInt16 = 1 << 5
  public static let exceptions: UInt16 = 0x3F
  public static let stackFault: UInt16 = 1 << 6
  public static let exceptionSummary: UInt16 = 1 << 7
  public static let c0: UInt16 = 1 << 8
  public static let c1: UInt16 = 1 << 9
  public static let c2: UInt16 = 1 << 10
  public static let c3: UInt16 = 1 << 14
  public static let conditions = c0 | c1 | c2 | c3
  public static let busy: UInt16 = 1 << 15
}

public struct X87State: Sendable {
  /// R0 to R7; ST(i) is R((TOP + i) mod 8), and MMi is the significand of Ri.
  public var registers = InlineArray<8, DoubleExtended>(repeating: DoubleExtended())
  /// Bit i is set when Ri holds something: FXSAVE's abridged tag word.
  public var occupied: UInt8 = 0
  public var top: UInt8 = 0
  /// Exception flags, SF and C0 to C3. ES, B and TOP are put in by `statusWord`.
  public var status: UInt16 = 0
  public private(set) var control: UInt16 = 0x37F
  /// The last non-control instruction: its place, its memory operand's place, and 11 bits of opcode.
  public var instructionPointer: UInt64 = 0
  public var instructionSelector: UInt16 = 0
  public var operandPointer: UInt64 = 0
  public var operandSelector: UInt16 = 0
  public var opcode: UInt16 = 0

  /// After reset a processor holds 0x40 in its control word, but every kernel begins with FNINIT; this is that state.
  public init() {}

  // MARK: Control and status

  /// FNINIT. The registers' contents stay, marked empty.
  public mutating func initialize() {
    let before = self
    self = X87State()
    registers = before.registers
  }

  /// FLDCW and the other loads of a control word; reserved bits read as they do after FNINIT.
  public mutating func loadControl(_ word: UInt16) { control = word & 0x1F3F | 0x40 }

  /// ES: an unmasked exception is pending. It follows the flags and the masks, whichever of them changed last.
  public var hasPendingException: Bool { status & ~control & X87Status.exceptions != 0 }

  public var statusWord: UInt16 {
    get {
      status | UInt16(top) << 11 | (hasPendingException ? X87Status.exceptionSummary | X87Status.busy : 0)
    }
    set {
      status = newValue & (X87Status.exceptions | X87Status.stackFault | X87Status.conditions)
      top = UInt8(newValue >> 11 & 7)
    }
  }

  /// FNCLEX: the condition codes stay.
  public mutating func clearExceptions() { status &= X87Status.conditions }

  // MARK: Stack

  public func register(_ i: UInt8) -> Int { Int((top &+ i) & 7) }
  public func isEmpty(_ i: UInt8) -> Bool { occupied >> ((top &+ i) & 7) & 1 == 0 }

  /// ST(i), whether tagged empty or not.
  public subscript(i: UInt8) -> DoubleExtended { registers[register(i)] }

  /// Writes ST(i) and tags it.
  mutating func set(_ i: UInt8, _ value: DoubleExtended) {
    registers[register(i)] = value
    occupied |= 1 << UInt8(register(i))
  }

  mutating func free(_ i: UInt8) { occupied &= ~(1 << UInt8(register(i))) }

  mutating func push(_ value: DoubleExtended) {
    top = (top &- 1) & 7
    set(0, value)
  }

  mutating func pop(_ count: UInt8 = 1) {
    for _ in 0..<count {
      free(0)
      top = (top &+ 1) & 7
    }
  }

  // MARK: MMX

  /// What every MMX instruction but EMMS does first: TOP becomes 0 and all registers are tagged in use.
  public mutating func enterMMX() {
    top = 0
    occupied = 0xFF
  }

  /// EMMS.
  public mutating func leaveMMX() {
    top = 0
    occupied = 0
  }

  public func mmx(_ i: Int) -> UInt64 { registers[i].significand }

  /// Writing MMi sets the sign and exponent of Ri to ones.
  public mutating func setMMX(_ i: Int, _ value: UInt64) {
    registers[i] = DoubleExtended(significand: value, signExponent: 0xFFFF)
  }
}
