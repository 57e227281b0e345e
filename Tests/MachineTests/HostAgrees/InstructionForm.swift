/// One encoding to compare on the host and in the machine, and what its operands need so that both can execute it.

/// What the instruction needs of the registers and the memory around its explicit operands.
enum Setup {
  case plain
  /// A count in CL.
  case count
  case divide
  /// A bit string: the register whose value reaches outside the operand.
  case bitOffset(register: Int)
  /// The accumulator is often equal to the operand.
  case compareExchange
  case compareExchangeDouble
  /// RSP points into the memory.
  case stack
  case popFlags
  case enter
  /// RBP points into the memory.
  case leave
  /// A string instruction; one that reads two operands meets their faults in no defined order.
  case string(repeats: Bool, compares: Bool)
  case tableLookup
  /// The operand holds the target of a branch, which may use the stack.
  case branch(target: UInt64)
  /// The target is on the stack.
  case returns(target: UInt64)
}

/// A memory operand: where it is, and which registers must be solved for that.
struct MemoryOperand {
  var target: UInt64
  var size: Int
  var base: Int?
  var index: Int?
  var scale: UInt64 = 0
  var displacement: UInt64 = 0
  /// The value of an index without a base.
  var indexValue: UInt64 = 0
  /// 32-bit addresses.
  var isShort = false

  /// Makes the operand's address the target; registers that are not part of it stay.
  func solve(_ registers: inout Registers, noise: UInt64) {
    let mask: UInt64 = isShort ? 0xFFFF_FFFF : ~0
    let high = isShort ? noise & ~mask : 0
    let wanted = (target &- displacement) & mask
    switch (base, index) {
    case (nil, nil): break
    case (let base?, nil): registers[base] = wanted | high
    case (nil, let index?): registers[index] = indexValue & mask | high
    case (let base?, let index?) where base != index:
      registers[base] = (wanted &- registers[index] &<< scale) & mask | high
    case (let base?, _):
      // (1 + 2^scale) times the register: halved, or multiplied with the inverse of 3, 5 or 9.
      let solved = scale == 0 ? wanted >> 1 : wanted &* Self.inverse(1 + 1 << scale)
      registers[base] = solved & mask | high
    }
  }

  /// The inverse of an odd number modulo 2^64, by Newton's iteration.
  static func inverse(_ odd: UInt64) -> UInt64 {
    var x = odd
    for _ in 0..<5 { x &*= 2 &- odd &* x }
    return x
  }
}

struct InstructionForm {
  var bytes: [UInt8]
  var family: Family
  /// Of the operands, in bytes.
  var width: Int
  var address: UInt64
  var memory: MemoryOperand?
  /// The register in ModRM.rm, where that is one, and the one in ModRM.reg.
  var operandRegister: Int?
  var register: Int?
  /// An immediate shift count.
  var immediateCount: UInt64?
  var setup = Setup.plain
  /// The registers that string instructions use are 32 bits wide.
  var isShort = false
  /// Perhaps no instruction: the machine does not look for the end of what is none.
  var isKeptWhole = false

  /// Whether its address is free and every byte of it counts.
  var mayBeCutOff: Bool {
    guard bytes.count > 1, !isKeptWhole, family != .defined, case .plain = setup else { return false }
    guard let memory else { return true }
    return memory.base != nil || memory.index != nil
  }

  /// Whether the instruction may look at or change memory.
  var touchesMemory: Bool {
    if memory != nil { return true }
    switch setup {
    case .plain, .count, .divide, .compareExchange: return false
    default: return true
    }
  }
}

/// The general registers, RFLAGS and RIP, laid out as the host's side has them.
struct Registers {
  var words = InlineArray<18, UInt64>(repeating: 0)
  subscript(_ i: Int) -> UInt64 {
    get { words[i] }
    set { words[i] = newValue }
  }
  static let rax = 0, rcx = 1, rdx = 2, rbx = 3, rsp = 4, rbp = 5, rsi = 6, rdi = 7
  static let rflags = 16, rip = 17
  static let names = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rflags", "rip",
  ]
}
