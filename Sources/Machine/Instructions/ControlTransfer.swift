/// Far transfers, software interrupts and counted jumps.
///
/// SDM vol. 2, "JMP", "CALL", "RET", "INT n/INTO/INT3/INT1", "LOOP/LOOPcc"; vol. 3A, "Privilege Level Checking When Transferring
/// Program Control Between Code Segments"; AMD APM vol. 2, "Far Control Transfers".
/// Not modelled: 16- and 32-bit call gates and task gates, which long mode does not have.

extension Processor {
  func countedJump(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let name = External(rawValue: u.pointee.detail).unsafelyUnwrapped
    var count = getSized(Slot.rcx, width)
    var taken: Bool
    if name == .jumpIfCounterZero {
      taken = count == 0
    } else {
      count = count &- 1
      taken = count & (width == 2 ? 0xFFFF : width == 4 ? 0xFFFF_FFFF : ~0) != 0
      if name == .loopIfZero { taken = taken && s.pointee.zero }
      if name == .loopIfNotZero { taken = taken && !s.pointee.zero }
    }
    if taken && s.pointee.codeMode == .bits64 && !Self.isCanonical(u.pointee.imm) { throw Fault.gp() }
    if name != .jumpIfCounterZero { setSized(Slot.rcx, count, width) }
    s.pointee.rip = taken ? u.pointee.imm : u.pointee.disp
  }

  /// Jcc to an address that is not canonical.
  func jumpOutsideIf(_ u: Operation) throws(Fault) {
    if s.pointee.holds(u.pointee.base) { throw Fault.gp() }
    s.pointee.rip = u.pointee.disp
  }

  /// A near CALL to an address that is not canonical.
  func refuseCall(returnTo next: UInt64) throws(Fault) -> Never {
    if profile.storesReturnAddressFirst { try store(get(Slot.rsp, UInt64.self) &- 8, next, stack: true) }
    throw Fault.gp()
  }

  func softwareInterrupt(_ u: Operation, _ vector: Vector, _ kind: FREDEvent.Kind = .softwareInterrupt) throws(Fault) {
    let start = s.pointee.rip
    try deliver(
      vector, errorCode: nil, kind: .software, returnTo: nextInstruction(start, u.pointee.length), fred: FREDEvent(kind)
    )
    s.pointee.trapAfter = false
  }

  /// INT1: a debug trap that checks no privilege and sets no DR6 bit.
  func interruptOne(_ u: Operation) throws(Fault) {
    let next = nextInstruction(s.pointee.rip, u.pointee.length)
    s.pointee.dr7 &= ~DR7.generalDetect
    try deliver(.debug, errorCode: nil, kind: .trap, returnTo: next, fred: FREDEvent(.privilegedInterrupt))
    // The #DB that MOV SS put off is lost with this one.
    s.pointee.pendingDebug = 0
    s.pointee.trapAfter = false
  }

  // MARK: Far jumps and calls

  private func farTarget(_ u: Operation) throws(Fault) -> (Selector, UInt64) {
    if !u.pointee.traits.contains(.memory) {
      return (Selector(UInt16(truncatingIfNeeded: u.pointee.disp)), u.pointee.imm)
    }
    let width = Int(u.pointee.width)
    let at = linear(u)
    let offset = try loadSized(at, width)
    let selector = try load(at &+ UInt64(width), as: UInt16.self)
    return (Selector(selector), offset)
  }

  /// Checks a code segment that is reached without a gate. Returns it with RPL replaced by CPL.
  private func checkDirect(_ selector: Selector, _ descriptor: Descriptor, _ offset: UInt64) throws(Fault) -> Selector {
    guard descriptor.isCode else { throw Fault.gp(selector.errorCode) }
    if isLongModeActive && descriptor.isLong && descriptor.isDefault32 { throw Fault.gp(selector.errorCode) }
    if deliversByFRED && s.pointee.cpl == 0 && !descriptor.isLong { throw Fault.gp(selector.errorCode) }
    if descriptor.isConforming {
      guard descriptor.dpl <= s.pointee.cpl else { throw Fault.gp(selector.errorCode) }
    } else {
      guard selector.rpl <= s.pointee.cpl, descriptor.dpl == s.pointee.cpl else {
        throw Fault.gp(selector.errorCode)
      }
    }
    guard descriptor.isPresent else { throw Fault.np(selector.errorCode) }
    try checkOffset(offset, descriptor)
    return Selector(selector.rawValue & ~3 | UInt16(s.pointee.cpl))
  }

  private func checkOffset(_ offset: UInt64, _ descriptor: Descriptor) throws(Fault) {
    if isLongModeActive && descriptor.isLong {
      guard Self.isCanonical(offset) else { throw Fault.gp() }
    } else {
      guard offset <= UInt64(descriptor.limit) else { throw Fault.gp() }
    }
  }

  func farJump(_ u: Operation) throws(Fault) {
    let (selector, offset) = try farTarget(u)
    guard !selector.isNull else { throw Fault.gp() }
    let descriptor = try readDescriptor(selector)
    if !descriptor.isCodeOrData && isLongModeActive && descriptor.type == 0xC {
      let (code, codeSelector, target) = try readCallGate(selector, descriptor)
      let privilege = code.isConforming ? code.dpl <= s.pointee.cpl : code.dpl == s.pointee.cpl
      guard privilege else { throw Fault.gp(codeSelector.errorCode) }
      guard code.isPresent else { throw Fault.np(codeSelector.errorCode) }
      guard Self.isCanonical(target) else { throw Fault.gp() }
      branch(to: Selector(codeSelector.rawValue & ~3 | UInt16(s.pointee.cpl)), code, target)
      return
    }
    if !descriptor.isCodeOrData && !isLongModeActive { throw Fault.unsupported("far jump through a gate or task") }
    let checked = try checkDirect(selector, descriptor, offset)
    try markAccessed(selector, descriptor)
    branch(to: checked, descriptor, offset)
  }

  private func branch(to selector: Selector, _ descriptor: Descriptor, _ target: UInt64) {
    enterCode(selector, descriptor, target)
    expectEndBranch()
  }

  private func enterCode(_ selector: Selector, _ descriptor: Descriptor, _ target: UInt64) {
    setCodeSegment(selector, descriptor)
    s.pointee.rip = target
    updateView()
  }

  /// A 64-bit call gate: the code segment it names and the address in it.
  private func readCallGate(_ selector: Selector, _ gate: Descriptor) throws(Fault) -> (Descriptor, Selector, UInt64) {
    // FRED knows no call gates.
    guard !deliversByFRED, gate.dpl >= s.pointee.cpl, selector.rpl <= gate.dpl else {
      throw Fault.gp(selector.errorCode)
    }
    guard gate.isPresent else { throw Fault.np(selector.errorCode) }
    let base = selector.usesLDT ? s.pointee.ldtrBase : s.pointee.gdtr.base
    let limit = selector.usesLDT ? UInt64(s.pointee.ldtr.limit) : UInt64(s.pointee.gdtr.limit)
    guard selector.offset + 15 <= limit else { throw Fault.gp(selector.errorCode) }
    let high = try loadSystem(base &+ selector.offset &+ 8, as: UInt64.self)
    guard high >> 40 & 0x1F == 0 else { throw Fault.gp(selector.errorCode) }
    let codeSelector = Selector(UInt16(truncatingIfNeeded: gate.rawValue >> 16))
    guard !codeSelector.isNull else { throw Fault.gp() }
    let code = try readDescriptor(codeSelector)
    guard code.isCode, code.dpl <= s.pointee.cpl, code.isLong, !code.isDefault32 else {
      throw Fault.gp(codeSelector.errorCode)
    }
    let target = gate.rawValue & 0xFFFF | (gate.rawValue >> 32) & 0xFFFF_0000 | high << 32
    return (code, codeSelector, target)
  }

  func farCall(_ u: Operation) throws(Fault) {
    let (selector, offset) = try farTarget(u)
    guard !selector.isNull else { throw Fault.gp() }
    let descriptor = try readDescriptor(selector)
    let width = Int(u.pointee.width)
    let next = nextInstruction(s.pointee.rip, u.pointee.length)
    let oldCS = UInt64(s.pointee.segments[SegmentName.cs.rawValue].selector)
    if !descriptor.isCodeOrData && isLongModeActive && descriptor.type == 0xC {
      return try callThroughGate(selector, descriptor, oldCS, next)
    }
    if !descriptor.isCodeOrData && !isLongModeActive { throw Fault.unsupported("far call through a gate or task") }
    let checked = try checkDirect(selector, descriptor, offset)
    let before = get(Slot.rsp, UInt64.self)
    do throws(Fault) {
      try push(oldCS, width: width)
      try push(next, width: width)
    } catch {
      set(Slot.rsp, before)
      throw error
    }
    try markAccessed(selector, descriptor)
    branch(to: checked, descriptor, offset)
  }

  ///     old SS, old RSP   when the gate leads inwards
  ///     old CS
  ///     return RIP        <- RSP
  private func callThroughGate(_ selector: Selector, _ gate: Descriptor, _ oldCS: UInt64, _ next: UInt64) throws(Fault)
  {
    let (code, codeSelector, target) = try readCallGate(selector, gate)
    guard code.isPresent else { throw Fault.np(codeSelector.errorCode) }
    guard Self.isCanonical(target) else { throw Fault.gp() }
    let inward = !code.isConforming && code.dpl < s.pointee.cpl
    let newCPL = inward ? code.dpl : s.pointee.cpl
    if !inward {
      var top = get(Slot.rsp, UInt64.self)
      for word in [oldCS, next] {
        top &-= 8
        try store(top, word, stack: true)
      }
      set(Slot.rsp, top)
    } else {
      let at = s.pointee.trBase &+ 4 &+ UInt64(newCPL) * 8
      guard UInt64(newCPL) * 8 + 11 <= UInt64(s.pointee.tr.limit) else {
        throw Fault.ts(Selector(s.pointee.tr.selector).errorCode)
      }
      var top = try loadSystem(at, as: UInt64.self)
      guard Self.isCanonical(top) else { throw Fault.ss() }
      let oldSS = UInt64(s.pointee.segments[SegmentName.ss.rawValue].selector)
      let words = [oldSS, get(Slot.rsp, UInt64.self), oldCS, next]
      for word in words {
        top &-= 8
        try storeSystem(top, word)
      }
      set(Slot.rsp, top)
      s.pointee.segments[SegmentName.ss.rawValue] = .nullStack(newCPL)
    }
    branch(to: Selector(codeSelector.rawValue & ~3 | UInt16(newCPL)), code, target)
  }

  // MARK: Far return

  func farReturn(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let offset = try peek(width: width)
    let selector = Selector(UInt16(truncatingIfNeeded: try peek(width: width, depth: width)))
    guard !selector.isNull else { throw Fault.gp() }
    let descriptor = try readDescriptor(selector)
    try checkReturnCode(selector, descriptor)
    try refuseUnderFRED(selector, descriptor)
    try checkOffset(offset, descriptor)
    let extra = Int(u.pointee.imm)
    if selector.rpl == s.pointee.cpl {
      pop(bytes: 2 * width + extra)
      try markAccessed(selector, descriptor)
      enterCode(selector, descriptor, offset)
      return
    }
    let stack = try peek(width: width, depth: 2 * width + extra)
    let stackSelector = Selector(UInt16(truncatingIfNeeded: try peek(width: width, depth: 3 * width + extra)))
    let stackDescriptor = try checkReturnStack(stackSelector, code: descriptor, newCPL: selector.rpl)
    try markAccessed(selector, descriptor)
    enterOuter(selector, descriptor, offset, stackSelector, stackDescriptor, stack &+ UInt64(extra), width: width)
  }

  /// Under FRED neither a far return nor IRET changes the privilege, and privilege 0 has 64-bit code alone.
  func refuseUnderFRED(_ selector: Selector, _ descriptor: Descriptor) throws(Fault) {
    guard deliversByFRED else { return }
    if selector.rpl != s.pointee.cpl || s.pointee.cpl == 0 && !descriptor.isLong { throw Fault.gp(selector.errorCode) }
  }

  /// The code segment that a far return or IRET names.
  func checkReturnCode(_ selector: Selector, _ descriptor: Descriptor) throws(Fault) {
    guard descriptor.isCode, selector.rpl >= s.pointee.cpl else { throw Fault.gp(selector.errorCode) }
    if isLongModeActive && descriptor.isLong && descriptor.isDefault32 { throw Fault.gp(selector.errorCode) }
    if descriptor.isConforming {
      guard descriptor.dpl <= selector.rpl else { throw Fault.gp(selector.errorCode) }
    } else {
      guard descriptor.dpl == selector.rpl else { throw Fault.gp(selector.errorCode) }
    }
    guard descriptor.isPresent else { throw Fault.np(selector.errorCode) }
  }

  /// The stack segment that a return to `newCPL` names; nil for a null one, which 64-bit code below privilege 3 may have.
  func checkReturnStack(_ selector: Selector, code: Descriptor, newCPL: UInt8) throws(Fault) -> Descriptor? {
    if selector.isNull {
      guard code.isLong, isLongModeActive, newCPL != 3, selector.rpl == newCPL else { throw Fault.gp() }
      return nil
    }
    let descriptor = try readDescriptor(selector)
    guard selector.rpl == newCPL, descriptor.isWritableData, descriptor.dpl == newCPL else {
      throw Fault.gp(selector.errorCode)
    }
    guard descriptor.isPresent else { throw Fault.ss(selector.errorCode) }
    try markAccessed(selector, descriptor)
    return descriptor
  }

  /// Enters outer or equal code with a stack of its own, and takes away the data segments that it may not have.
  func enterOuter(
    _ selector: Selector, _ code: Descriptor, _ target: UInt64, _ stackSelector: Selector,
    _ stackDescriptor: Descriptor?, _ stack: UInt64, width: Int
  ) {
    let changes = selector.rpl != s.pointee.cpl
    setCodeSegment(selector, code)
    s.pointee.rip = target
    if let stackDescriptor {
      setSegment(.ss, stackSelector, stackDescriptor)
    } else {
      s.pointee.segments[SegmentName.ss.rawValue] = .nullStack(stackSelector.rpl)
    }
    // A 16-bit stack segment takes the low half of the pointer alone and keeps the rest (the leak that espfix is about).
    let narrow = !(isLongModeActive && code.isLong) && stackDescriptor.map { !$0.isDefault32 } ?? false
    if narrow {
      // Intel's processors clear bits 63 to 32, AMD's keep them. Linux tools/testing/selftests/x86/sigreturn.c.
      let kept = get(Slot.rsp, UInt64.self) & (profile.vendor == .intel ? 0xFFFF_0000 : ~0xFFFF)
      set(Slot.rsp, kept | stack & 0xFFFF)
    } else {
      set(Slot.rsp, width == 8 ? stack : stack & 0xFFFF_FFFF)
    }
    if changes { dropInnerSegments() }
    updateView()
  }

  /// A return outwards takes away the data segments of inner privilege: the selector becomes null and the segment unusable. Unlike
  /// a load of a null selector it leaves the base. SDM vol. 2, "IRET/IRETD/IRETQ", "RET"; AMD APM vol. 3, "IRET", "RET (Far)".
  private func dropInnerSegments() {
    for name in [SegmentName.es, .ds, .fs, .gs] {
      let segment = s.pointee.segments[name.rawValue]
      // A null selector loses its RPL bits as well: its hidden descriptor has DPL 0. The base stays.
      if segment.selector & 0xFFFC == 0 {
        s.pointee.segments[name.rawValue].selector = 0
        continue
      }
      if segment.attributes & 0x80 == 0 { continue }
      let conforming = segment.attributes & 0x1C == 0x1C
      if !conforming && segment.dpl < s.pointee.cpl {
        s.pointee.segments[name.rawValue] = SegmentRegister(selector: 0, attributes: 0, limit: 0)
      }
    }
  }
}
