/// Delivery of exceptions and interrupts through the IDT in long mode.
///
/// SDM vol. 3A, "Exception and Interrupt Handling in 64-bit Mode", "64-Bit Mode Stack Frame", "Interrupt Stack Table", "Error
/// Code", "Double Fault Exception (#DF)"; AMD APM vol. 2, "Long-Mode Interrupt Control Transfers".
///
///     old SS        <- aligned down to 16 before the first push
///     old RSP
///     RFLAGS
///     CS
///     RIP
///     error code    where the vector has one
///
/// Not modelled: delivery outside long mode, shadow stacks.

enum EventKind {
  /// A fault or abort of the processor.
  case exception
  /// A debug trap: like a fault, but RF is not set in the frame.
  case trap
  /// INT n, INT3, INTO: the gate's DPL is checked.
  case software
  /// An interrupt or NMI: EXT is set in error codes of nested faults.
  case external
}

extension Processor {
  /// Turns what an instruction threw into a delivered exception. Returns an exit for the platform, or nil.
  func raise(_ fault: Fault) -> Exit? { raise(fault, during: nil) }

  /// `first` is the vector whose delivery met the fault, if one was being delivered.
  func raise(_ fault: Fault, during first: Vector?) -> Exit? {
    var fault = fault
    var first = first
    while true {
      var vector: Vector
      var code: UInt32?
      var kind = EventKind.exception
      var data: UInt64 = 0
      switch fault {
      case .exit(let exit):
        if case .intercepted(let what, let next) = exit { finish(what, next: next) }
        return exit
      case .alone: preconditionFailure("only an instruction inside a block is executed again")
      case .exception(let v, let c): (vector, code) = (v, c)
      case .page(let c, let address):
        (vector, code) = (.pageFault, c)
        s.pointee.cr2 = address
        data = address
      case .debug(let bits):
        (vector, code) = (.debug, nil)
        data = bits
        // An instruction breakpoint pushes RF as it was. SDM vol. 3B, "Instruction-Breakpoint Exception Condition".
        if bits & DR6.debugRegisterAccess == 0 { kind = .trap }
        reportDebug(bits)
      }
      // A fault loses the traps of its own instruction and the #DB that MOV SS put off.
      if first == nil { s.pointee.pendingDebug = 0 }
      if let earlier = first {
        if earlier == .doubleFault { return .shutdown }
        if Self.doubleFaults(earlier, vector) { (vector, code, kind, data) = (.doubleFault, 0, .exception, 0) }
      }
      do throws(Fault) {
        try deliver(
          vector, errorCode: code, kind: kind,
          fred: FREDEvent(.hardwareException, data: data, isNested: first != nil && vector != .doubleFault))
        return nil
      } catch {
        fault = error
        first = vector
      }
    }
  }

  /// Whether `second`, met while delivering `first`, makes a double fault. SDM vol. 3A, "Conditions for Generating a Double
  /// Fault": both contributory, or a page fault followed by a page fault or a contributory exception.
  private static func doubleFaults(_ first: Vector, _ second: Vector) -> Bool {
    let contributory: Set<Vector> = [
      .divideError, .invalidTSS, .segmentNotPresent, .stackFault, .generalProtection, .controlProtection,
    ]
    if first == .pageFault { return second == .pageFault || contributory.contains(second) }
    return contributory.contains(first) && contributory.contains(second)
  }

  /// Delivers `vector` through the IDT, or by FRED, whose frame has what `fred` says. State changes only when nothing can fault any
  /// more.
  func deliver(
    _ vector: Vector, errorCode: UInt32?, kind: EventKind, returnTo: UInt64? = nil, fred: FREDEvent
  ) throws(Fault) {
    if let interception {
      return try intercept(vector, errorCode: errorCode, kind: kind, next: returnTo, by: interception)
    }
    guard isLongModeActive else { throw Fault.unsupported("an event outside long mode") }
    if deliversByFRED {
      return try deliverByFRED(vector, errorCode: errorCode, kind: kind, returnTo: returnTo, fred)
    }
    let from = s.pointee.rip
    let before = standing
    let ext: UInt32 = kind == .software ? 0 : 1
    let idtCode = UInt32(vector.rawValue) << 3 | 2
    let offset = UInt64(vector.rawValue) * 16
    guard offset + 15 <= UInt64(s.pointee.idtr.limit) else { throw Fault.gp(idtCode | ext) }
    let low = try loadSystem(s.pointee.idtr.base &+ offset, as: UInt64.self)
    let high = try loadSystem(s.pointee.idtr.base &+ offset &+ 8, as: UInt64.self)
    let gate = Descriptor(low)
    guard !gate.isCodeOrData, gate.type == 0xE || gate.type == 0xF else { throw Fault.gp(idtCode | ext) }
    if kind == .software && gate.dpl < s.pointee.cpl { throw Fault.gp(idtCode | ext) }
    guard gate.isPresent else { throw Fault.np(idtCode | ext) }

    let selector = Selector(UInt16(truncatingIfNeeded: low >> 16))
    guard !selector.isNull else { throw Fault.gp(ext) }
    let code = try readDescriptor(selector, extra: ext)
    guard code.isCode, code.dpl <= s.pointee.cpl else { throw Fault.gp(selector.errorCode | ext) }
    guard code.isPresent else { throw Fault.np(selector.errorCode | ext) }
    guard code.isLong, !code.isDefault32 else { throw Fault.gp(selector.errorCode | ext) }
    let target = low & 0xFFFF | (low >> 32) & 0xFFFF_0000 | high << 32
    let newCPL = code.isConforming ? s.pointee.cpl : code.dpl

    let ist = Int((low >> 32) & 7)
    var stack: UInt64
    if ist != 0 {
      stack = try taskStackPointer(at: 0x24 + UInt64(ist - 1) * 8, extra: ext)
    } else if newCPL < s.pointee.cpl {
      stack = try taskStackPointer(at: 4 + UInt64(newCPL) * 8, extra: ext)
    } else {
      stack = get(Slot.rsp, UInt64.self)
    }
    guard Self.isCanonical(target) else { throw Fault.gp(ext) }
    // A stack of the gate's own choosing that is not canonical is #SS with the EXT bit alone.
    guard Self.isCanonical(stack) else { throw Fault.ss(ext) }
    stack &= ~0xF

    var flags = s.pointee.rflags.rawValue
    // Faults are reported with RF set so that the instruction can be restarted past its breakpoint; traps and interrupts as is.
    if kind == .exception && Self.isFault(vector) { flags |= RFLAGS.resume.rawValue }
    let oldSS = UInt64(s.pointee.segments[SegmentName.ss.rawValue].selector)
    let oldCS = UInt64(s.pointee.segments[SegmentName.cs.rawValue].selector)
    var words = InlineArray<6, UInt64>(repeating: 0)
    words[0] = oldSS
    words[1] = get(Slot.rsp, UInt64.self)
    words[2] = flags
    words[3] = oldCS
    words[4] = returnTo ?? s.pointee.rip
    words[5] = UInt64(errorCode ?? 0)
    let count = errorCode == nil ? 5 : 6
    // The frame is written with the new privilege's rights; every page is checked before the first word is written.
    let oldCPL = s.pointee.cpl
    s.pointee.cpl = newCPL
    let user = newCPL == 3
    do throws(Fault) {
      if !Self.isCanonical(stack &- UInt64(count * 8)) { throw Fault.ss(ext) }
      if user {
        updateView()
        for i in 0..<count { try store(stack &- UInt64((i + 1) * 8), words[i], stack: true) }
      } else {
        for i in 0..<count { try storeSystem(stack &- UInt64((i + 1) * 8), words[i]) }
      }
    } catch {
      s.pointee.cpl = oldCPL
      updateView()
      throw error
    }

    set(Slot.rsp, stack &- UInt64(count * 8))
    if newCPL != oldCPL || (ist != 0 && profile.interruptStackTableNullsSS) {
      // SS becomes a null selector with the new privilege: on Intel's processors with every stack of the IST, else when the
      // privilege changes (SDM vol. 3A, "Interrupt Stack Table"; AMD APM vol. 2, "Long-Mode Stack Switches").
      s.pointee.segments[SegmentName.ss.rawValue] = .nullStack(newCPL)
    }
    setCodeSegment(Selector(selector.rawValue & ~3 | UInt16(newCPL)), code)
    s.pointee.rip = target
    var cleared: RFLAGS = [.trap, .nestedTask, .resume, .virtual8086]
    if gate.type == 0xE { cleared.insert(.interruptEnable) }
    s.pointee.otherFlags &= ~cleared.rawValue
    s.pointee.shadow = .none
    s.pointee.isHalted = false
    s.pointee.eventCount &+= 1
    // An INT n retires.
    if returnTo == nil { s.pointee.unretired &+= 1 }
    s.pointee.lastVector = vector
    updateView()
    expectEndBranch()
    if isWatched {
      let fromKernel = before.isKernel
      note(
        Transition(
          kind: .event, rip: from, before: before, after: standing,
          delivery: Delivered(
            vector: vector.rawValue, errorCode: errorCode, fromKernel: fromKernel, frame: get(Slot.rsp, UInt64.self),
            wordCount: count, interruptStack: ist,
            // SDM vol. 3A, "64-Bit Mode Stack Frame": without a change of privilege and without an IST the stack stays.
            onCurrentStack: fromKernel && ist == 0 && newCPL == oldCPL, cr2: s.pointee.cr2,
            isMaskable: vector.rawValue >= 32 && before.rflags.contains(.interruptEnable), atReturn: returnFaulted,
            liftsNMIBlock: s.pointee.nmiBlocked)))
      returnFaulted = false
    }
    observer?.delivered(vector, errorCode: errorCode, from: from)
  }

  static func isFault(_ vector: Vector) -> Bool {
    switch vector {
    case .nmi, .breakpoint, .overflow, .doubleFault, .machineCheck: return false
    default: return vector.rawValue < 32
    }
  }

  private func taskStackPointer(at offset: UInt64, extra: UInt32) throws(Fault) -> UInt64 {
    guard offset + 7 <= UInt64(s.pointee.tr.limit) else {
      throw Fault.ts(Selector(s.pointee.tr.selector).errorCode | extra)
    }
    return try loadSystem(s.pointee.trBase &+ offset, as: UInt64.self)
  }

  // MARK: Descriptor tables

  /// Reads a descriptor of the GDT or LDT; #GP with the selector when it lies outside. `extra` is the EXT bit.
  func readDescriptor(_ selector: Selector, extra: UInt32 = 0, fault: Vector = .generalProtection) throws(Fault)
    -> Descriptor
  {
    let outside = Fault.exception(fault, errorCode: selector.errorCode | extra)
    let base: UInt64
    let limit: UInt64
    if selector.usesLDT {
      guard s.pointee.ldtr.selector & 0xFFFC != 0, s.pointee.ldtr.isPresent else { throw outside }
      base = s.pointee.ldtrBase
      limit = UInt64(s.pointee.ldtr.limit)
    } else {
      base = s.pointee.gdtr.base
      limit = UInt64(s.pointee.gdtr.limit)
    }
    guard selector.offset + 7 <= limit else { throw outside }
    return Descriptor(try loadSystem(base &+ selector.offset, as: UInt64.self))
  }

  /// Sets the accessed bit of the descriptor in memory, where it is clear.
  func markAccessed(_ selector: Selector, _ descriptor: Descriptor) throws(Fault) {
    guard descriptor.rawValue & Descriptor.accessed == 0 else { return }
    let base = selector.usesLDT ? s.pointee.ldtrBase : s.pointee.gdtr.base
    try storeSystem(base &+ selector.offset &+ 5, UInt8(truncatingIfNeeded: descriptor.rawValue >> 40) | 1)
  }

  /// Loads CS; the privilege level becomes the selector's RPL.
  func setCodeSegment(_ selector: Selector, _ descriptor: Descriptor) {
    s.pointee.segments[SegmentName.cs.rawValue] = SegmentRegister(
      selector: selector.rawValue, descriptor: Descriptor(descriptor.rawValue | Descriptor.accessed))
    s.pointee.cpl = selector.rpl
    set(Slot.csBase, descriptor.isLong && isLongModeActive ? 0 : UInt64(descriptor.base))
    s.pointee.codeMode = isLongModeActive && descriptor.isLong ? .bits64 : descriptor.isDefault32 ? .bits32 : .bits16
  }
}
