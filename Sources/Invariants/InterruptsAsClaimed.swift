/// IF, or Xen's upcall mask, and NMI blocking are what the kernel believes, and every injected event is handled exactly once.
///
/// SDM vol. 3A, "Maskable Hardware Interrupts", "Handling Multiple NMIs", "Signaling Interrupt Servicing Completion".
import Findings

struct InterruptsAsClaimed: Monitor {
  static let description = InvariantDescription(
    identifier: "interrupts-as-claimed",
    claim:
      "Interrupts are masked wherever the user's RSP is current and while NMIs are blocked, they are on and off where the "
      + "kernel claims it, and every injected event is handled exactly once.",
    why:
      "A kernel that believes interrupts masked when they are not is interrupted in the middle of its bookkeeping; an "
      + "interrupt that is never completed, or an NMI block that is never lifted, silences the machine; one that the return "
      + "of an interrupt lifts lets an NMI in on top of the one that is being handled; causes left in DR6 "
      + "are taken for the next #DB's. A PV guest's IF is "
      + "the hypervisor's upcall mask, which must be as the callback's registration and the frame of the return say. A kernel "
      + "can claim the state of its interrupts for a range of addresses (section .limen.claims).",
    citation:
      "Intel SDM vol. 3A, \"Maskable Hardware Interrupts\", \"Handling Multiple NMIs\", \"Interrupt Acceptance for "
      + "Fixed Interrupts\"; vol. 3B, \"Debug Status Register (DR6)\"; Xen public/callback.h, CALLBACKF_mask_events",
    specimens: [
      "ablation if-not-masked-at-syscall", "ablation upcall-mask-not-set-at-syscall",
      "ablation mask-not-restored-at-iret", "ablation nmi-mask-never-cleared",
    ])

  /// Where interrupts are claimed to be on and are known to be off, so that it is no news.
  var knownFalselyOn: Set<UInt64> = []
  /// A boundary that runs on the user's RSP with maskable interrupts open.
  private var openWindow: (step: Int, rip: UInt64, rsp: UInt64)?
  /// A handler that does not run under the mask that the kernel asked the platform for.
  private var brokenPromise: (step: Int, rip: UInt64, message: String)?
  /// A boundary at which the kernel takes interrupts to be on, and they are off; `since` is where they were first found so.
  private var falselyOn: (step: Int, rip: UInt64, since: UInt64)?
  /// An interrupt that was delivered where the kernel takes interrupts to be off.
  private var falselyOff: DeliveryRecord?
  /// An interrupt that came while NMIs were blocked, by whose return they no longer are.
  private var insideNMI: DeliveryRecord?
  /// An instruction that let maskable interrupts in while NMIs were blocked.
  private var opensInNMI: (step: Int, rip: UInt64)?
  /// Where interrupts were first found off, since they were last on.
  private var offSince: UInt64?

  mutating func arrive(_ sight: Sight) {
    if !sight.ownsRSP && sight.interruptsOpen && openWindow == nil && sight.step > 0 {
      openWindow = (sight.step, sight.rip, sight.rsp)
    }
    guard sight.hasClaims else { return }
    if sight.interruptsOpen {
      offSince = nil
      return
    }
    let since = offSince ?? sight.rip
    offSince = since
    if falselyOn == nil && sight.claimedOn == true && !knownFalselyOn.contains(sight.rip) {
      falselyOn = (sight.step, sight.rip, since)
    }
  }

  mutating func open(inNMIAt rip: UInt64, step: Int) { opensInNMI = opensInNMI ?? (step, rip) }

  /// - Parameters:
  ///   - claimedOn: what the kernel claims of the place that was interrupted.
  ///   - promise: what the kernel asked the platform for and the handler does not have.
  mutating func take(_ delivery: DeliveryRecord, claimedOn: Bool?, promise: (rip: UInt64, message: String)?) {
    if insideNMI == nil, delivery.isMaskable, delivery.fromKernel, delivery.liftsNMIBlock { insideNMI = delivery }
    if falselyOff == nil, delivery.isMaskable, delivery.fromKernel, claimedOn == false { falselyOff = delivery }
    if brokenPromise == nil, let promise { brokenPromise = (delivery.step, promise.rip, promise.message) }
  }

  /// Code for which interrupts are claimed to be on is watched anyway.
  func needsEveryBoundary(_ sight: Sight) -> Bool { !sight.ownsRSP }

  /// Since when interrupts are off is said, but decides nothing.
  func goesOn(as other: InterruptsAsClaimed) -> Bool { sawNothing && other.sawNothing }

  private var sawNothing: Bool {
    openWindow == nil && opensInNMI == nil && brokenPromise == nil && insideNMI == nil && falselyOn == nil
      && falselyOff == nil
  }

  func judge(_ run: Outcome) -> Violation? {
    if let open = openWindow {
      return Violation(
        "maskable interrupts are open while RSP \(hex(open.rsp)) is not the kernel's", step: open.step, at: open.rip)
    }
    if let open = opensInNMI {
      return Violation(
        "maskable interrupts are let in while NMIs are blocked: the return of the first lets the next NMI in before this one is done",
        step: open.step, at: open.rip, origin: run.eventOrigin, Outcome.eventWords)
    }
    if let promise = brokenPromise { return Violation(promise.message, step: promise.step, at: promise.rip) }
    if let inside = insideNMI {
      return Violation(
        "\(inside.name) was let in while NMIs were blocked, and its return lets the next NMI in before this one is done",
        step: inside.step, at: inside.from)
    }
    if let claim = brokenClaim(run) { return claim }
    guard run.end == .user else { return nil }
    if run.unfinished.nmiBlocked {
      return Violation(
        "user mode runs with NMIs blocked", at: run.view?.rip ?? 0, origin: run.eventOrigin, Outcome.eventWords)
    }
    if run.shutsEventsOut {
      return Violation(
        "user mode crossed with maskable events let in and goes on with them kept out", at: run.view?.rip ?? 0,
        origin: run.eventOrigin, Outcome.eventWords)
    }
    if run.unfinished.interrupt {
      return Violation(
        "an interrupt is still in service in user mode", at: run.view?.rip ?? 0, origin: run.eventOrigin,
        Outcome.eventWords)
    }
    if run.unfinished.debugStatus {
      return Violation(
        "user mode runs with the causes of a #DB in DR6, which the next one will seem to have too",
        at: run.view?.rip ?? 0,
        origin: run.eventOrigin, Outcome.eventWords)
    }
    if run.unfinished.machineCheck {
      return Violation(
        "user mode runs with a machine check in progress, so that the next one shuts the processor down",
        at: run.view?.rip ?? 0, origin: run.eventOrigin, Outcome.eventWords)
    }
    return nil
  }

  /// What the kernel says of itself, and is not so. Where both kinds show, the earlier speaks.
  private func brokenClaim(_ run: Outcome) -> Violation? {
    let on = falselyOn.map {
      Violation(
        "the kernel takes interrupts to be on here, and they are off", step: $0.step, at: $0.rip, origin: $0.since,
        "they have been off since here")
    }
    let off = falselyOff.map {
      Violation(
        "\($0.name) was delivered where the kernel takes interrupts to be off", step: $0.step, at: $0.from,
        origin: run.eventOrigin, Outcome.eventWords)
    }
    guard let on, let off else { return on ?? off }
    return on.step <= off.step ? on : off
  }
}
