/// Where crossings do their work, and with what they begin it: the pages at the tops of the stacks on which each comes to stand, and the
/// registers at the first instruction of the function that does it. A task has one kernel stack, and a function that is given its arguments
/// needs no other register of the user's; so those of all kinds come to the same, by whatever entry.
///
/// Linux Documentation/arch/x86/kernel-stacks.rst: every active thread has a stack; SDM vol. 3A, "64-Bit Task State Segment"; System V ABI, AMD64
/// supplement, "Registers and the Stack Frame".
import Findings
import Machine
import Platform

/// What a crossing of one kind came to, followed to its end.
package struct Workplace: Sendable, Hashable {
  /// Numbers of the pages at the tops of the stacks on which it stood.
  package var pages: Set<UInt64> = []
  /// Nil where it calls nothing.
  package var beginning: Beginning?
}

/// The first instruction of the longest function that a crossing calls with no CALL outstanding: there its work begins.
///
/// Not modelled: work that is done in a shorter one, before the longest.
package struct Beginning: Sendable, Hashable {
  package var rip: UInt64
  /// By number.
  package var registers: [UInt64]
  /// Registers that have the value with which the processor entered the kernel.
  package var kept: Set<GeneralRegister> = []

  /// Registers that are 0.
  package var cleared: Set<GeneralRegister> { Set(GeneralRegister.allCases.filter { registers[$0.rawValue] == 0 }) }
}

extension ReadyMachine {
  /// Kinds that are asked, each from `normal`: different instructions and gates.
  static let asked: [CrossingKind] = [.syscall64, .int80, .ud, .bp, .de, .gp, .pf]

  /// To be asked at the request, with its fork the innermost.
  func findWorkplaces() -> [CrossingKind: Workplace] {
    var found: [CrossingKind: Workplace] = [:]
    if computer.platform.needsHypervisor { return found }
    for crossing in Self.asked {
      computer.restore()
      guard request(crossing, from: "normal"), let target = try? probe.crossingAddress(crossing, posture: "normal"),
        case .budget = computer.proceed(Self.approachBound, until: target), computer.processor.rip == target
      else { continue }
      found[crossing] = workplace(of: crossing)
    }
    computer.restore()
    return found
  }

  /// What is known of the other kinds of crossings.
  private func others(than crossing: CrossingKind) -> [Workplace] {
    let same: Set<CrossingKind> = crossing == .sigreturn ? [.sigreturn, .syscall64] : [crossing]
    let others = (workplaces ?? [:]).filter { !same.contains($0.key) }.map(\.value)
    return others.count < 3 ? [] : others
  }

  /// The pages to which most other kinds of crossings come, and how many kinds those are, at least; none where too few are known, or they do
  /// not agree. What the processor's tables name as a stack is only passed over where there is another such page.
  package func commonWorkplaces(without crossing: CrossingKind) -> (pages: Set<UInt64>, kinds: Int) {
    let others = others(than: crossing)
    var counts: [UInt64: Int] = [:]
    for place in others { for page in place.pages { counts[page, default: 0] += 1 } }
    let common = Set(counts.filter { $0.value * 2 > others.count }.keys)
    let entered = Set(computer.stackTops.map { ($0 &- 8) >> 12 })
    let own = common.subtracting(entered)
    let pages = own.isEmpty ? common : own
    return (pages, pages.map { counts[$0]! }.min() ?? 0)
  }

  /// The registers that are 0 where most other kinds of crossings begin their work, each with how many kinds those are.
  package func clearedRegisters(without crossing: CrossingKind) -> [GeneralRegister: Int] {
    let others = others(than: crossing)
    var counts: [GeneralRegister: Int] = [:]
    for place in others { for register in place.beginning?.cleared ?? [] { counts[register, default: 0] += 1 } }
    return counts.filter { $0.value * 2 > others.count }
  }

  /// Some kind of crossing begins its work with a register cleared that most others clear, too.
  package var clearsRegisters: Bool {
    (workplaces ?? [:]).keys.contains { !clearedRegisters(without: $0).isEmpty }
  }
}
