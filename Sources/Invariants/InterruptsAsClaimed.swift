/// IF, or Xen's upcall mask, and NMI blocking are what the kernel believes, and every injected event is handled exactly once.
///
/// SDM vol. 3A, "Maskable Hardware Interrupts", "Handling Multiple NMIs", "Signaling Interrupt Servicing Completion".
import Findings

struct InterruptsAsClaimed: Monitor {
  static let description = InvariantDescription(
    identifier: "interrupts-as-claimed",
    claim:
      "Interrupts are masked wherever the user's RSP or GS base is current, while NMIs are blocked, on the stack of an event's gate and, where they "
      + "were masked, in the handler of what came there; they are on and off where the kernel claims it, and every injected event is "
      + "handled exactly once, and at once where the kernel lets it in.",
    why:
      "A kernel that believes interrupts masked when they are not is interrupted in the middle of its bookkeeping; an "
      + "interrupt that is never completed, or an NMI block that is never lifted, silences the machine; one that the return "
      + "of an interrupt lifts lets an NMI in on top of the one that is being handled; whoever is scheduled from the stack of a gate finds it "
      + "overwritten by the gate's next event; causes left in DR6 "
      + "are taken for the next #DB's. A PV guest's IF is "
      + "the hypervisor's upcall mask, which must be as the callback's registration and the frame of the return say; where a store "
      + "clears it nothing is delivered, so that the kernel has to look whether an upcall is pending. A kernel "
      + "can claim the state of its interrupts for a range of addresses (section .limen.claims).",
    citation:
      "Intel SDM vol. 3A, \"Maskable Hardware Interrupts\", \"Handling Multiple NMIs\", \"Interrupt Acceptance for "
      + "Fixed Interrupts\"; vol. 3B, \"Debug Status Register (DR6)\"; Xen public/callback.h, CALLBACKF_mask_events; "
      + "public/xen.h, evtchn_upcall_pending",
    specimens: [
      "ablation if-not-masked-at-syscall", "ablation upcall-mask-not-set-at-syscall",
      "ablation mask-not-restored-at-iret", "ablation nmi-mask-never-cleared",
    ])

  /// Where interrupts are claimed to be on and are known to be off, so that it is no news.
  var knownFalselyOn: Set<UInt64> = []
  /// A boundary that runs on the user's RSP with maskable interrupts open.
  private var openWindow: (step: Int, rip: UInt64, rsp: UInt64)?
  /// An interrupt that came where the user's GS base was active, and whether the kernel has one of its own.
  private var onUsersGS: DeliveryRecord?
  private var hasOwnGS = false
  /// A handler that does not run under the mask that the kernel asked the platform for.
  private var brokenPromise: (step: Int, rip: UInt64, message: String)?
  /// A boundary at which the kernel takes interrupts to be on, and they are off; `since` is where they were first found so.
  private var falselyOn: (step: Int, rip: UInt64, since: UInt64)?
  /// An interrupt that was delivered where the kernel takes interrupts to be off.
  private var falselyOff: DeliveryRecord?
  /// An interrupt that came while NMIs were blocked, by whose return they no longer are.
  private var insideNMI: DeliveryRecord?
  /// An instruction that let maskable interrupts in where they must not be, and why not.
  private var letIn: (step: Int, rip: UInt64, message: String)?
  /// An instruction that let upcalls in with one pending, for which nobody has looked since.
  private var passedOver: (step: Int, rip: UInt64)?
  /// One for which nobody looked in time.
  private var neglected: (step: Int, rip: UInt64)?
  /// What was interrupted by an event whose handler has not returned to it.
  private struct Interrupted: Sendable {
    var event: String
    var rsp: UInt64
    /// In the kernel, with interrupts masked.
    var wasMasked: Bool
    /// The handler began on a stack of its gate's.
    var hasStack: Bool
  }
  /// The outermost first.
  private var interrupted: [Interrupted] = []
  /// Where interrupts were first found off, since they were last on.
  private var offSince: UInt64?

  /// So many instructions a look may take: Linux takes two, a kernel that calls a function for it some twenty.
  private static let patience = 64

  mutating func arrive(_ sight: Sight) {
    if let open = passedOver {
      if sight.hasPending && (!sight.interruptsOpen || sight.step - open.step > Self.patience) {
        (neglected, passedOver) = (neglected ?? open, nil)
      } else if !sight.hasPending {
        passedOver = nil
      }
    }
    if !sight.ownsRSP && sight.interruptsOpen && openWindow == nil && sight.step > 0 {
      openWindow = (sight.step, sight.rip, sight.rsp)
    }
    hasOwnGS = hasOwnGS || !sight.gsIsUser
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

  // MARK: Letting interrupts in

  var mindsLettingIn: Bool { interrupted.last.map { $0.wasMasked || $0.hasStack } ?? false }

  mutating func letIn(at rip: UInt64, step: Int, nmiBlocked: Bool, onInterruptStack: Bool) {
    guard letIn == nil else { return }
    if nmiBlocked {
      letIn = (
        step, rip,
        "maskable interrupts are let in while NMIs are blocked: the return of the first lets the next NMI in before this one is done"
      )
    } else if let last = interrupted.last, last.wasMasked {
      letIn = (
        step, rip,
        "the handler of \(last.event) lets maskable interrupts in, and it came where the kernel had them masked"
      )
    } else if let last = interrupted.last, last.hasStack, onInterruptStack {
      letIn = (
        step, rip, "maskable interrupts are let in on the stack of \(last.event)'s gate, which the next one begins anew"
      )
    }
  }

  /// Upcalls are let in, and the one that is pending is not delivered by that.
  mutating func passOver(at rip: UInt64, step: Int) { if passedOver == nil { passedOver = (step, rip) } }

  /// An instruction or a hypercall returned.
  mutating func leave(to rsp: UInt64, isKernel: Bool) {
    if !isKernel {
      interrupted = []
    } else if let index = Interruption.ended(byReturnTo: rsp, of: interrupted.lazy.map { $0.rsp }) {
      interrupted.removeSubrange(index...)
    }
  }

  // MARK: Events

  /// - Parameters:
  ///   - claimedOn: what the kernel claims of the place that was interrupted.
  ///   - wasMasked: maskable events were kept out.
  ///   - onUsersGS: the kernel was interrupted with the user's GS base active.
  ///   - promise: what the kernel asked the platform for and the handler does not have.
  mutating func take(
    _ delivery: DeliveryRecord, claimedOn: Bool?, wasMasked: Bool, onUsersGS isOnUsersGS: Bool,
    promise: (rip: UInt64, message: String)?
  ) {
    if !delivery.fromKernel { interrupted = [] }
    // The handler of a fault of a return may go on as if it came from the user (Linux: fixup_bad_iret).
    interrupted.append(
      Interrupted(
        event: delivery.name, rsp: delivery.previousRSP,
        wasMasked: wasMasked && delivery.fromKernel && !delivery.atReturn,
        hasStack: delivery.interruptStack != 0))
    // Where the handler of whatever comes returns to the hypervisor that looks for what is pending.
    passedOver = nil
    if onUsersGS == nil, isOnUsersGS, delivery.isMaskable { onUsersGS = delivery }
    if insideNMI == nil, delivery.isMaskable, delivery.fromKernel, delivery.liftsNMIBlock { insideNMI = delivery }
    if falselyOff == nil, delivery.isMaskable, delivery.fromKernel, claimedOn == false { falselyOff = delivery }
    if brokenPromise == nil, let promise { brokenPromise = (delivery.step, promise.rip, promise.message) }
  }

  /// Code for which interrupts are claimed to be on is watched anyway.
  func needsEveryBoundary(_ sight: Sight) -> Bool { !sight.ownsRSP || passedOver != nil }

  /// Since when interrupts are off is said, but decides nothing. Whether letting them in is minded is known to the processor, too.
  func goesOn(as other: InterruptsAsClaimed) -> Bool {
    sawNothing && other.sawNothing && interrupted.count == other.interrupted.count
  }

  private var sawNothing: Bool {
    openWindow == nil && onUsersGS == nil && letIn == nil && brokenPromise == nil && insideNMI == nil
      && passedOver == nil && neglected == nil
      && falselyOn == nil
      && falselyOff == nil
  }

  func judge(_ run: Outcome) -> Violation? {
    if let open = openWindow {
      return Violation(
        "maskable interrupts are open while RSP \(hex(open.rsp)) is not the kernel's", step: open.step, at: open.rip)
    }
    if let letIn {
      return Violation(letIn.message, step: letIn.step, at: letIn.rip, origin: run.eventOrigin, Outcome.eventWords)
    }
    if let open = neglected {
      return Violation(
        "an upcall is pending and is let in here, and the kernel does not look for it: it waits for what comes to the hypervisor next",
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
    if let open = onUsersGS, hasOwnGS {
      return Violation(
        "\(open.name) was let in on the user's GS base, and handlers take the kernel's to be there", step: open.step,
        at: open.from, of: open.use(of: .gsBase))
    }
    if run.unfinished.nmiBlocked {
      return Violation(
        "user mode runs with NMIs blocked", at: run.view?.rip ?? 0, origin: run.eventOrigin, Outcome.eventWords)
    }
    if run.shutsEventsOut {
      return Violation(
        "user mode goes on with maskable events kept out, which it could not do itself", at: run.view?.rip ?? 0,
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
