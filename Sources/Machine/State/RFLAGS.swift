/// The flags register. SDM vol. 1, "EFLAGS Register" and "RFLAGS Register in 64-Bit Mode".
public struct RFLAGS: OptionSet, Sendable, Hashable {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let carry = RFLAGS(rawValue: 1 << 0)
  /// Bit 1 always reads as one.
  public static let fixedOne = RFLAGS(rawValue: 1 << 1)
  public static let parity = RFLAGS(rawValue: 1 << 2)
  public static let auxiliaryCarry = RFLAGS(rawValue: 1 << 4)
  public static let zero = RFLAGS(rawValue: 1 << 6)
  public static let sign = RFLAGS(rawValue: 1 << 7)
  public static let trap = RFLAGS(rawValue: 1 << 8)
  public static let interruptEnable = RFLAGS(rawValue: 1 << 9)
  public static let direction = RFLAGS(rawValue: 1 << 10)
  public static let overflow = RFLAGS(rawValue: 1 << 11)
  public static let ioPrivilegeLevel = RFLAGS(rawValue: 3 << 12)
  public static let nestedTask = RFLAGS(rawValue: 1 << 14)
  public static let resume = RFLAGS(rawValue: 1 << 16)
  public static let virtual8086 = RFLAGS(rawValue: 1 << 17)
  public static let alignmentCheck = RFLAGS(rawValue: 1 << 18)
  public static let virtualInterrupt = RFLAGS(rawValue: 1 << 19)
  public static let virtualInterruptPending = RFLAGS(rawValue: 1 << 20)
  public static let identification = RFLAGS(rawValue: 1 << 21)

  /// CF, PF, AF, ZF, SF and OF: the flags that arithmetic writes.
  public static let arithmetic: RFLAGS = [.carry, .parity, .auxiliaryCarry, .zero, .sign, .overflow]
  /// Every bit that can be one.
  public static let defined = RFLAGS(rawValue: 0x3F_7FD7)
}
