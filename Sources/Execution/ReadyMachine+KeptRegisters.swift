/// Whether a crossing begins its work with what the user had in a register, of those that the kernel's other crossings clear.
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

  /// To be asked at the crossing, to which the machine comes back. Nil where it does not, or nothing can be said.
  package func keptRegister(_ crossing: CrossingKind) -> KeptRegister? {
    let cleared = clearedRegisters(without: crossing)
    if cleared.isEmpty { return nil }
    computer.restore()
    defer { computer.restore() }
    guard let once = workplace(of: crossing)?.beginning else { return nil }
    var kept = once.kept
    computer.restore()
    for register in GeneralRegister.allCases where register.decidesNothing(in: crossing) {
      computer.processor[register] ^= Self.difference(register)
    }
    if let again = workplace(of: crossing)?.beginning, again.rip == once.rip {
      kept.formUnion(
        GeneralRegister.allCases.filter { once.registers[$0.rawValue] != again.registers[$0.rawValue] })
    }
    for register in GeneralRegister.allCases where kept.contains(register) {
      guard let others = cleared[register] else { continue }
      return KeptRegister(
        register: register, value: once.registers[register.rawValue], others: others, rip: once.rip)
    }
    return nil
  }
}

extension GeneralRegister {
  /// The way to the work is the same whatever user mode has in it: neither the call's number, nor where the stack of 32-bit code is (Linux
  /// arch/x86/entry/vdso/vdso32/system_call.S).
  fileprivate func decidesNothing(in crossing: CrossingKind) -> Bool {
    self != .rax && self != .rsp && !(self == .rbp && (crossing == .sysenter || crossing == .syscall32))
  }
}
