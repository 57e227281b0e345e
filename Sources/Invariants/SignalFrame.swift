/// The user's state as a signal's frame holds it: what a handler finds of the interrupted program, and what rt_sigreturn takes.
///
/// Linux arch/x86/include/uapi/asm/ucontext.h, `struct ucontext`; asm/sigcontext.h, `struct sigcontext_64`.
import Machine

public struct SignalFrame: Sendable, Equatable {
  /// In the order of `GeneralRegister`.
  public var registers: [UInt64]
  public var rip: UInt64
  public var rflags: RFLAGS
  public var cs: UInt16
  public var ss: UInt16
  /// What the kernel tells of an exception; nil of a state that is in no frame.
  public var told: ToldException?

  /// What must be there of a `struct ucontext`.
  public static let size = 40 + words.count * 8 + 7 * 8

  /// The general registers of `struct sigcontext_64`, in its order. RIP, RFLAGS, the selectors, the error code, the vector, the mask of
  /// signals and CR2 follow.
  private static let words: [GeneralRegister] = [
    .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15, .rdi, .rsi, .rbp, .rbx, .rdx, .rax, .rcx, .rsp,
  ]

  /// - Parameter context: the first bytes of a `struct ucontext`; nil where there are fewer than `size`.
  public init?(context: [UInt8]?) {
    guard let context, context.count >= Self.size else { return nil }
    func word(_ index: Int) -> UInt64 {
      let start = 40 + index * 8
      return context[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    registers = GeneralRegister.allCases.map { _ in 0 }
    for (i, register) in Self.words.enumerated() { registers[register.rawValue] = word(i) }
    rip = word(16)
    rflags = RFLAGS(rawValue: word(17))
    // cs, gs, fs and ss have 16 bits each.
    cs = UInt16(truncatingIfNeeded: word(18))
    ss = UInt16(truncatingIfNeeded: word(18) >> 48)
    told = ToldException(vector: word(20), errorCode: word(19), address: word(22))
  }
}

/// The exception that a signal's frame tells its handler of: `trapno`, `err` and `cr2` there.
public struct ToldException: Sendable, Equatable {
  public var vector: UInt64
  public var errorCode: UInt64
  public var address: UInt64
}
