/// IF, or Xen's upcall mask, and NMI blocking are what the kernel believes, and every injected event is handled exactly once.
///
/// SDM vol. 3A, "Maskable Hardware Interrupts", "Handling Multiple NMIs", "Signaling Interrupt Servicing Completion".
import Findings

struct InterruptsAsClaimed: Invariant {
  let description = InvariantDescription(
    identifier: "interrupts-as-claimed",
    claim:
      "Interrupts are masked wherever the user's RSP is current, they are on and off where the kernel claims it, and every "
      + "injected event is handled exactly once.",
    why:
      "A kernel that believes interrupts masked when they are not is interrupted in the middle of its bookkeeping; an "
      + "interrupt that is never completed, or an NMI block that is never lifted, silences the machine. A PV guest's IF is "
      + "the hypervisor's upcall mask, which must be as the callback's registration and the frame of the return say. A kernel "
      + "can claim the state of its interrupts for a range of addresses (section .limen.claims).",
    citation:
      "Intel SDM vol. 3A, \"Maskable Hardware Interrupts\", \"Handling Multiple NMIs\", \"Interrupt Acceptance for "
      + "Fixed Interrupts\"; Xen public/callback.h, CALLBACKF_mask_events",
    specimens: [
      "ablation if-not-masked-at-syscall", "ablation upcall-mask-not-set-at-syscall",
      "ablation mask-not-restored-at-iret", "ablation nmi-mask-never-cleared",
    ])

  func judge(_ run: Evidence) -> Violation? {
    if let open = run.openWindow {
      return Violation(
        "maskable interrupts are open while RSP \(hex(open.state.rsp)) is not the kernel's", step: open.step,
        at: open.state.rip)
    }
    if let promise = run.brokenPromise {
      return Violation(promise.message, step: promise.step, at: promise.rip)
    }
    if let claim = brokenClaim(run) { return claim }
    guard run.end == .user else { return nil }
    if run.unfinished.nmiBlocked {
      return Violation(
        "user mode runs with NMIs blocked", at: run.view?.rip ?? 0, origin: run.boundary?.rip,
        "the event was taken here")
    }
    if run.shutsEventsOut {
      return Violation(
        "user mode crossed with maskable events let in and goes on with them kept out", at: run.view?.rip ?? 0,
        origin: run.boundary?.rip, run.boundary == nil ? nil : "the event was taken here")
    }
    if run.unfinished.interrupt {
      return Violation(
        "an interrupt is still in service in user mode", at: run.view?.rip ?? 0, origin: run.boundary?.rip,
        "the event was taken here")
    }
    return nil
  }

  /// What the kernel says of itself, and is not so. Where both kinds show, the earlier speaks.
  private func brokenClaim(_ run: Evidence) -> Violation? {
    let on = run.falselyOn.map {
      Violation(
        "the kernel takes interrupts to be on here, and they are off", step: $0.step, at: $0.rip, origin: $0.since,
        "they have been off since here")
    }
    let off = run.falselyOff.map {
      Violation(
        "\($0.name) was delivered where the kernel takes interrupts to be off", step: $0.step, at: $0.from,
        origin: run.boundary?.rip, run.boundary == nil ? nil : "the event was taken here")
    }
    guard let on, let off else { return on ?? off }
    return on.step <= off.step ? on : off
  }
}
