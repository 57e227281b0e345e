/// What a run has of a task's turns. A kernel may give the processor to another task before the crossing's comes back to user mode; then
/// the run is not endless because it is long.
///
/// A switch of tasks loads RSP from the middle of a stack on which another call of the scheduler stands, and so leaves the crossing's stack
/// for one that is neither its own, nor an interrupt stack that the processor's tables name, nor one that is begun at its top, as for an
/// interrupt's handler. Linux, `__switch_to_asm` (arch/x86/entry/entry_64.S) and Documentation/arch/x86/kernel-stacks.rst.
import Invariants
import Machine

extension Run {
  /// A task that waits for its turn waits so many instructions and no more, 100 ms: twenty times what Linux's scheduler gives a task, for
  /// one that works on in the kernel without being asked whether it should (`PREEMPT_VOLUNTARY`).
  private static let waitingBound = 100_000_000
  /// So near its page's end a stack has just been begun: a few words.
  private static let begun: UInt64 = 64
  /// Within a page RSP is still where it was when its task was left.
  private static let nearby: UInt64 = 4096

  /// The end of a run that has taken as many instructions as it may; a task that waits gets as many again.
  func atBound() -> RunEnd? {
    guard instructions >= Self.bound + waited else { return nil }
    if waits, waited < Self.waitingBound, isAnothersTurn {
      waited += Self.bound
      return nil
    }
    return .bound(UInt64(Self.bound + waited))
  }

  /// Another task has the processor.
  var isAnothersTurn: Bool { leftStack != nil }

  /// Takes in that RSP was loaded whole.
  func followTasks(_ transition: Transition) {
    let (before, after) = (transition.before, transition.after)
    guard before.isKernel, after.isKernel, !stack.isUser else { return }
    if let left = leftStack {
      if after.rsp.isNear(left, Self.nearby) { leftStack = nil }
    } else if !before.rsp.isNear(after.rsp, Self.nearby), (0 &- after.rsp) & 0xFFF >= Self.begun,
      !processor.isOnInterruptStack(before.rsp)
    {
      leftStack = before.rsp
    }
  }
}

extension UInt64 {
  fileprivate func isNear(_ other: UInt64, _ distance: UInt64) -> Bool {
    Swift.min(self &- other, other &- self) < distance
  }
}
