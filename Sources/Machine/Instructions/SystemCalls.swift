/// SYSCALL, SYSRET, SYSENTER, SYSEXIT and SWAPGS, as each vendor has them.
///
/// SDM vol. 2B, "SYSCALL", "SYSRET", "SYSENTER", "SYSEXIT", "SWAPGS"; AMD APM vol. 3, the same. The vendors differ: AMD's
/// processors execute SYSCALL in compatibility mode and have no SYSENTER in long mode; Intel's SYSRET checks the return address
/// while still at privilege 0, AMD's does not check it, and AMD's SYSRET leaves the hidden part of SS as it was.

extension Processor {
  func systemCall(_ u: Operation) throws(Fault) {
    guard deliversByFRED || s.pointee.msr.efer & EFER.syscallEnable != 0 else { throw Fault.ud }
    guard isLongModeActive else { throw Fault.unsupported("SYSCALL outside long mode") }
    let in64 = s.pointee.codeMode == .bits64
    guard in64 || profile.hasSyscallInCompatibilityMode else { throw Fault.ud }
    if deliversByFRED { return try callByFRED(u, 1) }
    set(Slot.rcx, nextInstruction(s.pointee.rip, u.pointee.length))
    // R11 has RF as it was before the instruction: it is saved as zero.
    set(Slot.r11, s.pointee.rflags.rawValue & ~RFLAGS.resume.rawValue)
    if interception != nil {
      s.pointee.eventCount &+= 1
      throw Fault.exit(.intercepted(.systemCall, next: get(Slot.rcx, UInt64.self)))
    }
    s.pointee.rip = in64 ? s.pointee.msr.lstar : s.pointee.msr.cstar
    let flags = s.pointee.rflags.rawValue & ~s.pointee.msr.syscallMask & ~RFLAGS.resume.rawValue
    s.pointee.rflags = RFLAGS(rawValue: flags)
    // CS loses the RPL bits of STAR, SS is the next selector with whatever RPL STAR has.
    let selector = UInt16(truncatingIfNeeded: s.pointee.msr.star >> 32)
    enterFixed(code: selector & 0xFFFC, stack: selector &+ 8, cpl: 0, mode: .bits64)
    // The trap flag counts as it is after the mask.
    s.pointee.trapAfter = s.pointee.flag(.trap)
    s.pointee.clearsResume = false
    updateView()
    expectEndBranch()
  }

  /// SYSCALL, 1, or SYSENTER, 2, as an event: no register but RSP and RFLAGS changes.
  private func callByFRED(_ u: Operation, _ number: UInt8) throws(Fault) {
    try deliver(
      Vector(number), errorCode: nil, kind: .software, returnTo: nextInstruction(s.pointee.rip, u.pointee.length),
      fred: FREDEvent(.other))
    s.pointee.trapAfter = false
  }

  func systemReturn(_ u: Operation) throws(Fault) {
    if deliversByFRED { throw Fault.ud }
    guard s.pointee.msr.efer & EFER.syscallEnable != 0 else { throw Fault.ud }
    guard s.pointee.codeMode == .bits64 || profile.hasSyscallInCompatibilityMode, isLongModeActive else {
      throw Fault.ud
    }
    try requirePrivilege()
    let to64 = u.pointee.width == 8
    let target = get(Slot.rcx, UInt64.self)
    if to64 && profile.checksSysretTarget && !Self.isCanonical(target) { throw Fault.gp() }
    let base = UInt16(truncatingIfNeeded: s.pointee.msr.star >> 48)
    let code = (to64 ? base &+ 16 : base) | 3
    // Intel's processors force RPL 3 on SS, AMD's take the selector as STAR has it.
    let stack = profile.vendor == .intel ? (base &+ 8) | 3 : base &+ 8
    let oldStack = s.pointee.segments[SegmentName.ss.rawValue]
    let oldStackBase = get(Slot.ssBase, UInt64.self)
    enterFixed(code: code, stack: stack, cpl: 3, mode: to64 ? .bits64 : .bits32)
    if profile.sysretKeepsStackAttributes {
      var segment = oldStack
      segment.selector = stack
      s.pointee.segments[SegmentName.ss.rawValue] = segment
      set(Slot.ssBase, oldStackBase)
    }
    s.pointee.rip = to64 ? target : target & 0xFFFF_FFFF
    // RF and VM are cleared, bit 1 set, reserved bits dropped (SDM: R11 & 3C7FD7H | 2).
    s.pointee.rflags = RFLAGS(rawValue: get(Slot.r11, UInt64.self) & 0x3C_7FD7 | 2)
    // Unlike IRET and POPF, SYSRET traps before the first instruction at its target when it sets TF.
    s.pointee.trapAfter = false
    if s.pointee.flag(.trap) { s.pointee.pendingDebug |= DR6.singleStep }
    updateView()
  }

  func systemEnter(_ u: Operation) throws(Fault) {
    if isLongModeActive && !profile.hasSysenterInLongMode { throw Fault.ud }
    if deliversByFRED { return try callByFRED(u, 2) }
    let selector = UInt16(truncatingIfNeeded: s.pointee.msr.sysenterCS)
    guard selector & 0xFFFC != 0 else { throw Fault.gp() }
    if interception != nil {
      s.pointee.eventCount &+= 1
      throw Fault.exit(.intercepted(.systemEnter, next: nextInstruction(s.pointee.rip, u.pointee.length)))
    }
    let long = isLongModeActive
    s.pointee.otherFlags &= ~(RFLAGS.virtual8086.rawValue | RFLAGS.interruptEnable.rawValue | RFLAGS.resume.rawValue)
    let esp = s.pointee.msr.sysenterESP
    let eip = s.pointee.msr.sysenterEIP
    set(Slot.rsp, long ? esp : esp & 0xFFFF_FFFF)
    s.pointee.rip = long ? eip : eip & 0xFFFF_FFFF
    enterFixed(code: selector & 0xFFFC, stack: (selector & 0xFFFC) &+ 8, cpl: 0, mode: long ? .bits64 : .bits32)
    s.pointee.trapAfter = s.pointee.flag(.trap)
    updateView()
    expectEndBranch()
  }

  func systemExit(_ u: Operation) throws(Fault) {
    if deliversByFRED || isLongModeActive && !profile.hasSysenterInLongMode { throw Fault.ud }
    let selector = UInt16(truncatingIfNeeded: s.pointee.msr.sysenterCS)
    guard selector & 0xFFFC != 0 else { throw Fault.gp() }
    try requirePrivilege()
    let to64 = u.pointee.width == 8
    let target = get(Slot.rdx, UInt64.self)
    let stack = get(Slot.rcx, UInt64.self)
    if to64 && !(Self.isCanonical(target) && Self.isCanonical(stack)) { throw Fault.gp() }
    set(Slot.rsp, to64 ? stack : stack & 0xFFFF_FFFF)
    s.pointee.rip = to64 ? target : target & 0xFFFF_FFFF
    let base = (selector & 0xFFFC) &+ (to64 ? 32 : 16)
    enterFixed(code: base | 3, stack: (base &+ 8) | 3, cpl: 3, mode: to64 ? .bits64 : .bits32)
    s.pointee.trapAfter = s.pointee.flag(.trap)
    updateView()
  }

  /// Loads CS and SS with the fixed flat attributes of these instructions; no descriptor is read.
  func enterFixed(code: UInt16, stack: UInt16, cpl: UInt8, mode: CodeMode) {
    let dpl = UInt16(cpl) << 5
    let attributes: UInt16 = mode == .bits64 ? 0xA09B : 0xC09B
    s.pointee.segments[SegmentName.cs.rawValue] = SegmentRegister(
      selector: code, attributes: attributes | dpl, limit: 0xFFFF_FFFF)
    s.pointee.segments[SegmentName.ss.rawValue] = SegmentRegister(
      selector: stack, attributes: 0xC093 | dpl, limit: 0xFFFF_FFFF)
    set(Slot.csBase, 0 as UInt64)
    set(Slot.ssBase, 0 as UInt64)
    s.pointee.cpl = cpl
    s.pointee.codeMode = mode
  }

  func swapGS() throws(Fault) {
    guard s.pointee.codeMode == .bits64, !deliversByFRED else { throw Fault.ud }
    try requirePrivilege()
    exchangeGSBases()
  }

  func readBase(_ u: Operation, _ slot: UInt8) throws(Fault) {
    try requireFSGSBASE()
    setSized(u.pointee.dst, get(slot, UInt64.self), Int(u.pointee.width))
  }

  func writeBase(_ u: Operation, _ slot: UInt8) throws(Fault) {
    try requireFSGSBASE()
    let base = getSized(u.pointee.src, Int(u.pointee.width))
    guard Self.isCanonical(base) else { throw Fault.gp() }
    set(slot, base)
  }

  private func requireFSGSBASE() throws(Fault) {
    guard s.pointee.codeMode == .bits64, s.pointee.cr4 & CR4.fsgsbase != 0 else { throw Fault.ud }
  }
}
