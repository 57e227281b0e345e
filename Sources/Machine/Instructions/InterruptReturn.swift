/// IRET in all its forms. SDM vol. 2A, "IRET/IRETD/IRETQ"; vol. 3A, "IRET in IA-32e Mode"; AMD APM vol. 3, "IRET".
///
///     RIP, CS, RFLAGS           always
///     RSP, SS                   always popped in 64-bit code, else when the return is outwards
///
/// Not modelled: returns to virtual-8086 mode and from nested tasks outside long mode.

extension Processor {
  func interruptReturn(_ u: Operation) throws(Fault) {
    guard isLongModeActive else { throw Fault.unsupported("IRET outside long mode") }
    if s.pointee.flag(.nestedTask) { throw Fault.gp() }
    let width = Int(u.pointee.width)
    // Any IRET ends NMI blocking, even one that faults later. SDM vol. 3A, "Handling Multiple NMIs".
    let wasBlocked = s.pointee.nmiBlocked
    s.pointee.nmiBlocked = false
    if wasBlocked && s.pointee.nmiLatched { attention = true }

    let target = try peek(width: width)
    let selector = Selector(UInt16(truncatingIfNeeded: try peek(width: width, depth: width)))
    let flags = try peek(width: width, depth: 2 * width)
    guard !selector.isNull else { throw Fault.gp() }
    let code = try readDescriptor(selector)
    try checkReturnCode(selector, code)
    try refuseUnderFRED(selector, code)
    let outward = selector.rpl > s.pointee.cpl
    let in64 = s.pointee.codeMode == .bits64
    let oldCPL = s.pointee.cpl

    var stack: UInt64 = 0
    var stackSelector = Selector(0)
    var stackDescriptor: Descriptor?
    if outward || in64 {
      stack = try peek(width: width, depth: 3 * width)
      stackSelector = Selector(UInt16(truncatingIfNeeded: try peek(width: width, depth: 4 * width)))
      stackDescriptor = try checkReturnStack(stackSelector, code: code, newCPL: selector.rpl)
    }
    let to64 = code.isLong
    if to64 {
      guard Self.isCanonical(target) else { throw Fault.gp() }
    } else {
      guard target & 0xFFFF_FFFF <= UInt64(code.limit) else { throw Fault.gp() }
    }
    try markAccessed(selector, code)

    if outward || in64 {
      enterOuter(
        selector, code, to64 ? target : target & 0xFFFF_FFFF, stackSelector, stackDescriptor, stack, width: width)
    } else {
      pop(bytes: 3 * width)
      setCodeSegment(selector, code)
      s.pointee.rip = to64 ? target : target & 0xFFFF_FFFF
    }
    var writable: RFLAGS = [.arithmetic, .trap, .direction, .nestedTask]
    if width != 2 { writable.formUnion([.resume, .alignmentCheck, .identification]) }
    if oldCPL == 0 {
      writable.insert(.ioPrivilegeLevel)
      if width != 2 { writable.formUnion([.virtualInterrupt, .virtualInterruptPending]) }
    }
    if oldCPL <= ioPrivilegeLevel { writable.insert(.interruptEnable) }
    s.pointee.clearsResume = false
    replaceFlags(RFLAGS(rawValue: flags), writable)
  }
}
