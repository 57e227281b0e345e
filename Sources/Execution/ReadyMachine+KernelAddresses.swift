/// Where the kernel is, asked of what user mode has behind a crossing: addresses of the kernel's that it did not have before, and what is
/// otherwise with the kernel's stack at another place.
///
/// SDM vol. 3A, "Determination of Access Rights"; Linux Documentation/security/self-protection.rst, "Kernel addresses".
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension ReadyMachine {
  /// The first value that user mode was given in a register or in its memory and that is an address of the kernel's: a page is there in the
  /// kernel's page tables that the user cannot reach. To be asked at the end of a run from the crossing, whose fork is the innermost.
  ///
  /// - Parameters:
  ///   - chosen: values that the user had itself; what is near one says nothing of the kernel.
  ///   - tables: the kernel's CR3.
  package func kernelAddress(
    in view: UserView, chosen: [UInt64], user: UserSide, tables: UInt64
  ) -> KernelAddress? {
    let processor = computer.processor
    func isKernels(_ value: UInt64) -> Bool {
      value >> 47 == 0x1FFFF && processor.physicalAddress(of: value, tables: tables) != nil
        && !user.canReach(value, processor)
        && !chosen.contains { max($0, value) - min($0, value) < Self.pageSize }
    }
    for register in GeneralRegister.allCases {
      let value = view.registers[register.rawValue]
      if isKernels(value) { return KernelAddress(value: value, place: "\(register)") }
    }
    var seen: KernelAddress?
    _ = processor.memory.forEachChangedWord { word, _, value in
      guard isKernels(value), let place = userMemory.linearAddress(ofWord: word) else { return true }
      if seen.map({ place < $0.linear! }) ?? true {
        seen = KernelAddress(value: value, place: "memory at 0x\(String(place, radix: 16))", linear: place)
      }
      return true
    }
    return seen
  }

  private static let pageSize: UInt64 = 4096
  /// Whole lines, so that everything on the stack keeps its alignment.
  private static let shift: UInt64 = 0x240

  /// What user mode sees when the stack of the crossing begins lower, and what that took. Nil where the kernel names its stack in no place that
  /// is found, or does not do its work from there: then user mode goes on elsewhere. Linux writes a signal's registers by `task_pt_regs`, which has a
  /// place of its own, so that a system call that ends in a signal returns behind itself.
  package func viewWithMovedStack(
    _ user: UserSide, _ crossing: CrossingKind, _ boundaries: [Boundary], _ contract: CrossingContract, end: UInt64
  ) -> (view: UserView?, instructions: Int) {
    guard let pointer = stackPointer(user, crossing, boundaries, pushed: true) else { return (nil, 0) }
    computer.restore()
    guard store(pointer.value &- Self.shift, at: pointer.place) else { return (nil, 0) }
    let run = run(user, crossing, [], 0)
    var outcome = run.outcome(run.crossAndFinish(stepped: false))
    outcome.frame = signalFrame(outcome)
    return (contract.isKept(outcome) && outcome.view?.rip == end ? outcome.view : nil, run.instructions)
  }
}
