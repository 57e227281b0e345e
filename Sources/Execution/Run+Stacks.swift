/// What a run does with the kernel's stacks, for those who watch their ends.
import Invariants
import Machine
import Subjects

extension Run {
  /// Takes in where RSP has come by the transition, whose owner is known.
  func followStacks(_ transition: Transition) {
    let (before, after) = (transition.before, transition.after)
    if !after.isKernel || stack.isUser { return monitors.leaveStacks() }
    switch transition.kind {
    case .event, .lostEvent:
      guard let delivery = transition.delivery else { break }
      if delivery.onCurrentStack {
        monitors.move(to: delivery.frame, step: boundary, rip: transition.rip)
      } else {
        monitors.stand(at: delivery.frame)
      }
    case .exit:
      // Within the kernel IRET alone returns so, or a hypervisor for it.
      monitors.stand(at: after.rsp, isReturn: returnsToInterrupted)
    case .entry, .stackLoad: if after.rsp != before.rsp { monitors.stand(at: after.rsp) }
    case .stackMove, .gsBase, .pageTables, .invalidation, .flags, .letInterruptsIn, .speculationControl, .buffers,
      .lowBranch:
      monitors.move(to: after.rsp, step: boundary, rip: transition.rip)
    }
  }

  /// Looks whether the words at the top of stacks on which the run was not are what they were at the innermost fork.
  func lookAtStacks() {
    for top in monitors.untouchedStacks {
      guard let stack = stacks.first(where: { $0.top == top }) else { continue }
      for (index, word) in stack.words.enumerated() where memory.isChanged(word: word) {
        monitors.find(changed: top &- 8 &* UInt64(index + 1), of: top, rip: injectedAt ?? processor.rip)
        return
      }
    }
  }
}
