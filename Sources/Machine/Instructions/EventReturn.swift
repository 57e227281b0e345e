/// ERETS and ERETU, the returns of FRED, and LKGS.
///
/// SDM vol. 2, "ERETS", "ERETU", "LKGS". The frame is that of `Events/FREDDelivery.swift`; of the word with SS bits 63 to 32 are not
/// looked at. ERETU loads flat segments where the selectors are those of IA32_STAR, and descriptors, with IRET's checks, where not.
/// Unlike IRET it restores RSP whole for 64-bit code and leaves ES, DS, FS and GS alone.

extension Processor {
  /// A frame as ERETS and ERETU pop it, from above the error code.
  private struct ReturnFrame {
    var rip: UInt64
    var cs: UInt64
    var flags: UInt64
    var rsp: UInt64
    var ss: UInt64
  }

  private func popReturnFrame() throws(Fault) -> ReturnFrame {
    guard deliversByFRED, s.pointee.cpl == 0 else { throw Fault.ud }
    return ReturnFrame(
      rip: try peek(width: 8, depth: 8), cs: try peek(width: 8, depth: 16), flags: try peek(width: 8, depth: 24),
      rsp: try peek(width: 8, depth: 32), ss: try peek(width: 8, depth: 40))
  }

  func eventReturnToSupervisor() throws(Fault) {
    let frame = try popReturnFrame()
    guard Self.isCanonical(frame.rip),
      frame.cs & ~(FREDFrame.levelMask | FREDFrame.waitForEndBranch)
        == UInt64(s.pointee.segments[SegmentName.cs.rawValue].selector),
      frame.flags & 0xFFFF_FFFF_FFC2_802A == 2,
      frame.ss & 0xFFF8_FFFF == UInt64(s.pointee.segments[SegmentName.ss.rawValue].selector)
    else { throw Fault.gp() }
    s.pointee.rip = frame.rip
    set(Slot.rsp, frame.rsp)
    // The level is never raised.
    let level = UInt8(truncatingIfNeeded: frame.cs >> FREDFrame.levelShift & 3)
    s.pointee.msr.fred.level = min(s.pointee.msr.fred.level, level)
    completeReturn(frame)
    setTracker(waits: frame.cs & FREDFrame.waitForEndBranch != 0)
    // As STI: only where nothing was blocked before.
    if frame.ss & FREDFrame.blockedBySTI != 0 && s.pointee.flag(.interruptEnable) && !s.pointee.followsSTI {
      s.pointee.shadow = .sti
    }
    updateView()
  }

  func eventReturnToUser() throws(Fault) {
    guard deliversByFRED, s.pointee.cpl == 0 else { throw Fault.ud }
    guard s.pointee.msr.fred.level == 0 else { throw Fault.gp() }
    let frame = try popReturnFrame()
    guard frame.cs & 0xFFFF_FFFF_FFFF_0003 == 3, frame.flags & 0xFFFF_FFFF_FFC2_B02A == 2,
      frame.ss & 0xFFF8_0003 == 3
    else { throw Fault.gp() }
    let code = UInt16(truncatingIfNeeded: frame.cs)
    let stack = UInt16(truncatingIfNeeded: frame.ss)
    let base = UInt16(truncatingIfNeeded: s.pointee.msr.star >> 48)
    let is64: Bool
    if stack == base &+ 8 && (code == base &+ 16 || code == base) {
      is64 = code == base &+ 16
      if is64 && !Self.isCanonical(frame.rip) { throw Fault.gp() }
      enterFixed(code: code, stack: stack, cpl: 3, mode: is64 ? .bits64 : .bits32)
    } else {
      is64 = try loadReturnSegments(Selector(code), Selector(stack), frame.rip)
    }
    s.pointee.rip = is64 ? frame.rip : frame.rip & 0xFFFF_FFFF
    set(Slot.rsp, is64 ? frame.rsp : frame.rsp & 0xFFFF_FFFF)
    exchangeGSBases()
    completeReturn(frame)
    updateView()
  }

  /// CS and SS from their descriptors, as IRET to privilege 3 loads them. Returns whether 64-bit code follows.
  private func loadReturnSegments(_ selector: Selector, _ stackSelector: Selector, _ rip: UInt64) throws(Fault)
    -> Bool
  {
    guard !selector.isNull else { throw Fault.gp() }
    let code = try readDescriptor(selector)
    try checkReturnCode(selector, code)
    let stack = try checkReturnStack(stackSelector, code: code, newCPL: 3)
    if code.isLong {
      guard Self.isCanonical(rip) else { throw Fault.gp() }
    } else {
      guard rip & 0xFFFF_FFFF <= UInt64(code.limit) else { throw Fault.gp() }
    }
    try markAccessed(selector, code)
    setCodeSegment(selector, code)
    if let stack { setSegment(.ss, stackSelector, stack) }
    return code.isLong
  }

  /// RFLAGS, the trap that the event's instruction did not have, and the end of NMI blocking.
  private func completeReturn(_ frame: ReturnFrame) {
    s.pointee.rflags = RFLAGS(rawValue: frame.flags)
    s.pointee.clearsResume = false
    if frame.ss & FREDFrame.softwareEvent != 0 && s.pointee.flag(.trap) { s.pointee.pendingDebug |= DR6.singleStep }
    if frame.ss & FREDFrame.nmi != 0 { s.pointee.nmiBlocked = false }
  }

  /// LKGS: loads GS but for its base, which goes to IA32_KERNEL_GS_BASE.
  func loadKernelGS(_ u: Operation) throws(Fault) {
    guard s.pointee.cpl == 0, s.pointee.codeMode == .bits64 else { throw Fault.ud }
    let base = get(Slot.gsBase, UInt64.self)
    try loadSegment(.gs, get(u.pointee.src, UInt16.self))
    let selector = Selector(s.pointee.segments[SegmentName.gs.rawValue].selector)
    s.pointee.msr.kernelGSBase = selector.isNull ? 0 : get(Slot.gsBase, UInt64.self)
    set(Slot.gsBase, base)
  }
}
