/// The failsafe callback: how Xen tells a kernel that a segment register could not be loaded when its virtual CPU was switched to.
///
/// Xen `xen/arch/x86/domain.c`, `load_segments`; `xen/include/public/arch-x86/xen.h`, `failsafe_callback`;
/// `xen/include/public/callback.h`, CALLBACKTYPE_failsafe.
///
///     SS
///     RSP
///     RFLAGS        IF is the upcall mask's opposite
///     CS            bits 32 to 39: the upcall mask before
///     RIP
///     GS            the selectors as they were to be loaded
///     FS
///     ES
///     DS
///     R11
///     RCX
///
/// Not modelled: the switch itself. A domain has one virtual CPU and the processor to itself, and Xen reloads nothing on the way
/// from its idle loop back to the guest that ran before, so nothing here calls `loadSegments` but what a host does (`host-failsafe`).
import Machine

extension XenPVComputer {
  /// load_segments, after another virtual CPU ran: loads DS, ES, FS and GS anew from the tables as they are now. One that cannot
  /// be loaded is null, and the kernel hears of all four by its failsafe callback before anything else runs.
  ///
  /// - Parameter lost: what ES is to be loaded with; nil for what it holds.
  public func loadSegments(lost: UInt16? = nil) {
    saveRegisters()
    let order: [SegmentName] = [.ds, .es, .fs, .gs]
    var selectors = order.map { processor.selectors[$0.rawValue] }
    if let lost { selectors[1] = lost }
    let fsBase = processor.segmentBase(.fs)
    // GS is loaded while the user's base is the active one.
    let isInKernel = domain.vcpu.isInKernel
    let kernelBase = processor.segmentBase(.gs)
    if isInKernel { processor.setSegmentBase(.gs, domain.vcpu.inactiveGSBase) }
    let userBase = processor.segmentBase(.gs)
    var allLoaded = true
    for (name, selector) in zip(order, selectors) where !processor.loadDataSegment(name, selector) {
      allLoaded = false
      _ = processor.loadDataSegment(name, 0)
    }
    // A null selector leaves the base that was set by call.
    if selectors[2] <= 3 { processor.setSegmentBase(.fs, fsBase) }
    if selectors[3] <= 3 { processor.setSegmentBase(.gs, userBase) }
    if isInKernel {
      domain.vcpu.inactiveGSBase = processor.segmentBase(.gs)
      processor.setSegmentBase(.gs, kernelBase)
    }
    if !allLoaded { createFailsafeFrame(selectors) }
    returnToGuest()
  }

  /// `selectors` are DS, ES, FS and GS.
  private func createFailsafeFrame(_ selectors: [UInt16]) {
    let wasInKernel = domain.vcpu.isInKernel
    let (from, before) = (registers, guestStanding)
    if !wasInKernel { toggleGuestMode() }
    let top = (wasInKernel ? registers.rsp : domain.vcpu.kernelSP) & ~0xF
    let savedCS = UInt64(wasInKernel ? registers.cs & ~3 : registers.cs)
    let mask = upcallMask
    var flags = registers.rflags.rawValue & ~(RFLAGS.interruptEnable.rawValue | RFLAGS.ioPrivilegeLevel.rawValue)
    if mask == 0 { flags |= RFLAGS.interruptEnable.rawValue }
    if domain.hasAssist(.architecturalIOPL) { flags |= domain.vcpu.iopl }
    let words =
      [UInt64(registers.ss), registers.rsp, flags, savedCS | UInt64(mask) << 32, registers.rip]
      + selectors.reversed().map { UInt64($0) } + [processor[.r11], processor[.rcx]]
    let delivery = Delivery(
      kind: .failsafe, vector: 0, errorCode: nil, rip: from.rip, wasInKernel: wasInKernel,
      frame: top &- UInt64(words.count * 8), previousRSP: from.rsp)
    for (index, word) in words.enumerated() {
      let address = top &- UInt64(index + 1) * 8
      guard Layout.isGuestAddress(address), processor.storeGuest(address, word) else {
        processor.note(
          Transition(
            kind: .lostEvent, rip: from.rip, before: before, after: guestStanding, delivery: delivered(delivery)))
        return crash("a fault while the failsafe frame was pushed at 0x\(String(address, radix: 16))")
      }
    }
    if domain.vcpu.failsafeCallback.masksEvents { upcallMask = 1 }
    registers.leavesBySysret = true
    let cleared: RFLAGS = [.alignmentCheck, .virtual8086, .resume, .nestedTask, .ioPrivilegeLevel, .trap]
    registers.rflags.subtract(cleared)
    registers.ss = FlatSelector.data
    registers.rsp = delivery.frame
    registers.cs = FlatSelector.code64
    registers.rip = domain.vcpu.failsafeCallback.address
    domain.note(delivery)
    processor.note(
      Transition(kind: .event, rip: from.rip, before: before, after: guestStanding, delivery: delivered(delivery)))
    processor.observer?.delivered(Vector(0), errorCode: nil, from: from.rip)
  }
}
