/// What a run hears of the byte by which a guest of a hypervisor's keeps maskable events out. Nothing but a store changes it in the kernel, so that a run
/// at full speed would pass over it.
///
/// Xen `xen/include/public/xen.h`, `struct vcpu_info`: evtchn_upcall_mask, evtchn_upcall_pending.
import Invariants
import Machine
import Platform

extension Run {
  /// Listens where it says something that the kernel clears the byte: in the handlers of NMIs and of what came with events kept out, and while an event is
  /// kept out by the byte.
  func listen() {
    guard let mask = computer.eventMask else { return }
    let isWanted =
      monitors.mindInterruptsLetIn || computer.isInKernel && (computer.unfinished.nmiBlocked || isHeldBack(mask))
    processor.heardByte = isWanted ? mask.byte : nil
  }

  private func isHeldBack(_ mask: EventMask) -> Bool { mask.isEventPending && !computer.interruptsOpen }

  /// The instruction behind which the run stands has stored to the byte.
  func hearMask() {
    guard let rip = processor.takeHeardStore(), let mask = computer.eventMask, computer.interruptsOpen else { return }
    monitors.letInterruptsIn(
      at: rip, step: boundary, nmiBlocked: computer.unfinished.nmiBlocked, onInterruptStack: false,
      pending: mask.isEventPending)
  }

  /// Maskable events were kept out where the event came: a hypervisor's frame says so by IF, which is always set in the processor's.
  func wereMasked(before transition: Transition, _ delivery: DeliveredEvent) -> Bool {
    guard delivery.isBounce else { return !transition.before.rflags.contains(.interruptEnable) }
    let place = delivery.frame &+ UInt64(delivery.wordCount - 3) * 8
    return processor.word(atLinear: place).map { !RFLAGS(rawValue: $0).contains(.interruptEnable) } ?? false
  }
}
