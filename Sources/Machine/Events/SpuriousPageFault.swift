/// The page fault of a store that the page tables allow, raised because the processor still has the page's translation of before.
///
/// SDM vol. 3A, "Optional Invalidation": software that gives a page more rights need not invalidate; the fault then comes where the old
/// translation forbade the access, and itself drops that translation, so that its frame may lie in the same page. AMD APM vol. 2,
/// "Translation-Lookaside Buffer (TLB)".
///
/// Not modelled: those of an instruction fetch (XD was set before) and of a load (the page was the supervisor's, or none).

extension Processor {
  /// The first store that the next instruction makes; nil where it makes none, or something else comes than an instruction. Nothing changes.
  public func nextStore() -> Store? {
    // `guardedStep` would take the event.
    guard !debugTrapIsDue, !s.pointee.nmiLatched || nmiBlocked else { return nil }
    // What the instruction would touch it has not touched.
    let wasTakenDown = footprint?.isOpen ?? false
    footprint?.isOpen = false
    defer { footprint?.isOpen = wasTakenDown }
    let (_, stores) = guardedStep(writing: Self.noStop)
    let isPlain = !guardedTransitions.contains { $0.delivery != nil || $0.kind == .entry || $0.kind == .exit }
    undoGuardedStep()
    return isPlain ? stores.first : nil
  }

  /// Delivers the spurious fault of that store. The translation that the page tables have now is used from then on.
  public func deliverSpuriousPageFault(of store: Store) -> Exit? {
    let code = PageFaultCode.present | PageFaultCode.write | (cpl == 3 ? PageFaultCode.user : 0)
    return raise(.page(errorCode: code, address: store.linear))
  }
}
