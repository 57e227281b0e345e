/// Whether a crossing begins its work with what the user had in a register, of those that the kernel's other crossings clear, or where it has
/// cleared nearly all others itself.
///
/// Asked twice, with other values in the user's registers: where the work begins with another value in a register, it is made of the user's.
import Findings
import Invariants
import Machine
import Subjects

extension ReadyMachine {
  /// What a register of the user's is changed by: in each byte, and in no two registers by the same.
  private static func difference(_ register: GeneralRegister) -> UInt64 {
    0x0101_0101_0101_0101 &* UInt64(register.rawValue &* 2 &+ 1)
  }

  /// A crossing that clears so many of those that hold no argument clears them for that, and means all of them.
  private static let nearlyAll = 8

  /// To be asked at the crossing, to which the machine comes back. Nil where it does not, or nothing can be said.
  package func keptRegister(_ crossing: CrossingKind) -> KeptRegister? {
    let clearedElsewhere = clearedRegisters(without: crossing)
    if clearedElsewhere.isEmpty { return nil }
    computer.restore()
    defer { computer.restore() }
    guard let once = workplace(of: crossing)?.beginning else { return nil }
    var (kept, cleared) = (once.kept, Set<GeneralRegister>())
    computer.restore()
    for register in GeneralRegister.allCases where register.decidesNothing(in: crossing) {
      computer.processor[register] ^= Self.difference(register)
    }
    if let again = workplace(of: crossing)?.beginning, again.rip == once.rip {
      kept.formUnion(
        GeneralRegister.allCases.filter { once.registers[$0.rawValue] != again.registers[$0.rawValue] })
      cleared = once.cleared.intersection(again.cleared)
    }
    func found(_ register: GeneralRegister, _ clearing: KeptRegister.Clearing) -> KeptRegister {
      KeptRegister(
        register: register, value: once.registers[register.rawValue], clearing: clearing, rip: once.rip)
    }
    for register in GeneralRegister.allCases where kept.contains(register) {
      if let kinds = clearedElsewhere[register] { return found(register, .byOtherCrossings(kinds)) }
    }
    let clearedHere = cleared.filter(\.isNoneOfTheCalls).count
    guard clearedHere >= Self.nearlyAll else { return nil }
    return GeneralRegister.allCases.first { kept.contains($0) && $0.isNoneOfTheCalls && !$0.isArgument }
      .map { found($0, .ofOthersHere(clearedHere)) }
  }
}

extension GeneralRegister {
  /// RBX, RBP and R8 to R15: those that the call of the work is not made by, as RAX, RCX, RDX, RSI and RDI may be.
  fileprivate var isNoneOfTheCalls: Bool { self == .rbx || self == .rbp || rawValue >= Self.r8.rawValue }

  /// Of these, those that hold the fifth and sixth argument. System V ABI, AMD64 supplement, "Parameter Passing".
  fileprivate var isArgument: Bool { self == .r8 || self == .r9 }

  /// The way to the work is the same whatever user mode has in it: neither the call's number, nor where the stack of 32-bit code is (Linux
  /// arch/x86/entry/vdso/vdso32/system_call.S).
  fileprivate func decidesNothing(in crossing: CrossingKind) -> Bool {
    self != .rax && self != .rsp && !(self == .rbp && (crossing == .sysenter || crossing == .syscall32))
  }
}
