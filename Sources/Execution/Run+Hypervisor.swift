/// Frames that a hypervisor's own bytes push for its guest, for those who judge whose stack they lie on.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `create_bounce_frame`: where the guest's kernel was interrupted the frame lies right below its RSP,
/// aligned to 16 bytes, and the last but one of its words is that RSP.
import Invariants
import Machine
import Platform

/// What the guest's kernel stood on when what is below it took over.
struct LeftGuest {
  var rip: UInt64
  var standing: Standing
  var ownership: Ownership
}

extension Run {
  /// The transition as those see it who owe user mode the guards against speculation.
  func asGuarded(_ transition: Transition) -> Transition {
    guard computer.platform == .xen else { return transition }
    var result = transition
    result.before.isKernel = isBelow
    result.after.isKernel = computer.isInHypervisor
    result.delivery?.fromKernel = isBelow
    return result
  }

  /// What the guest's kernel stands on as it gives the processor away.
  func leftGuest(_ transition: Transition) -> LeftGuest {
    let before = transition.before
    let ownership = user.ownership(
      isKernel: true, gsBase: before.gsBase, cr3: before.cr3, rspIsUser: stack.isUser,
      canPush: computer.processor.isMappedWritable(before.rsp &- 8), isAtStackEnd: false)
    return LeftGuest(rip: transition.rip, standing: before, ownership: ownership)
  }

  /// The frame that was pushed for the guest's kernel since it was left, where it lies on the stack that it was on.
  func bounceFrame(since left: LeftGuest, _ after: Standing) -> DeliveryRecord? {
    let top = left.standing.rsp & ~0xF
    for (words, place) in [(7, 40), (8, 48)] as [(Int, UInt64)] where after.rsp == top &- UInt64(words * 8) {
      guard computer.processor.word(atLinear: after.rsp &+ place) == left.standing.rsp else { continue }
      let delivered = Delivered(
        vector: nil, errorCode: nil, fromKernel: true, frame: after.rsp, wordCount: words, onCurrentStack: true, cr2: 0,
        isMaskable: false)
      let transition = Transition(
        kind: .event, rip: left.rip, before: left.standing, after: after, delivery: delivered)
      return DeliveryRecord(
        DeliveredEvent(transition, name: "an event", isBounce: true), step: boundary, ownership: left.ownership,
        injected: false)
    }
    return nil
  }
}
