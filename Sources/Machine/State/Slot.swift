/// The register file as micro-operations see it: 32 slots of 64 bits, named by byte offset so that an operand needs no shift.
///
/// The sixteen general registers come first, in the order of their encoding (SDM vol. 2A, "Register Encoding"), then a slot
/// that always holds zero, five temporaries that live only inside one instruction, and the bases of the segment registers.
@usableFromInline
struct Slot {
  /// Slot number `n` as a byte offset.
  @inline(__always) static func at(_ n: Int) -> UInt8 { UInt8(truncatingIfNeeded: n &* 8) }

  static let rax = at(0)
  static let rcx = at(1)
  static let rdx = at(2)
  static let rbx = at(3)
  static let rsp = at(4)
  static let rbp = at(5)
  static let rsi = at(6)
  static let rdi = at(7)
  static let r11 = at(11)
  /// Always zero: an absent base, index or segment.
  static let zero = at(16)
  static let t0 = at(17)
  static let t1 = at(18)
  static let t2 = at(19)
  static let t3 = at(26)
  /// RSP before an instruction that gives it a value from elsewhere, or moves it far.
  static let stackBefore = at(27)
  /// Base addresses of ES, CS, SS, DS, FS, GS, in the order of their encoding.
  static let esBase = at(20)
  static let csBase = at(21)
  static let ssBase = at(22)
  static let dsBase = at(23)
  static let fsBase = at(24)
  static let gsBase = at(25)
}

/// A general register by its number in the encoding (0 is RAX, 4 is RSP, 15 is R15).
public enum GeneralRegister: Int, CaseIterable, Sendable {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
}
