/// Delivery of events by FRED: one entry for user mode and one for privilege 0, four stacks, one frame.
///
/// Bochs cpu/fred.cc, "FRED_EventDelivery"; Linux arch/x86/entry/entry_fred.c, entry_64_fred.S; Xen arch/x86/traps.c. What each rule
/// rests on: `Documentation/FRED.md`.
///
///     0             <- a multiple of 64
///     event data    CR2 of #PF, the causes of #DB
///     SS+           SS; bit 16: blocking by STI; 17: INT n, SYSCALL, SYSENTER; 18: NMI; 32: vector; 48: kind; 57: 64-bit code;
///                   58: met while another event was delivered; 60: length of the instruction
///     RSP
///     RFLAGS
///     CS+           CS; bits 17 to 16: the stack level; 18: ENDBR64 is waited for
///     RIP
///     error code    0 where the event has none; here RSP comes to lie

extension Processor {
  /// Delivers an event. State changes only when nothing can fault any more.
  func deliverByFRED(
    _ vector: Vector, errorCode: UInt32?, kind: EventKind, returnTo: UInt64?, _ event: FREDEvent
  ) throws(Fault) {
    let from = s.pointee.rip
    let before = standing
    let fred = s.pointee.msr.fred
    let fromUser = s.pointee.cpl == 3
    let oldLevel = fromUser ? 0 : fred.level
    // User mode's events have the stack of level 0, but for #DF and what is met while another is delivered.
    let isBound = fromUser && !event.isNested && !(event.kind == .hardwareException && vector == .doubleFault)
    let level = isBound ? 0 : max(oldLevel, fred.level(of: vector, event.kind))
    let stays = !fromUser && level == oldLevel
    let oldRSP = get(Slot.rsp, UInt64.self)
    let top = stays ? (oldRSP &- fred.redZone) & ~63 : fred.stacks[Int(level)]
    let frame = top &- FREDFrame.size
    guard Self.isCanonical(frame), Self.isCanonical(top &- 8) else { throw Fault.ss(kind == .software ? 0 : 1) }

    var flags = s.pointee.rflags.rawValue
    if kind == .exception && Self.isFault(vector) { flags |= RFLAGS.resume.rawValue }
    let next = returnTo ?? from
    var stack = UInt64(s.pointee.segments[SegmentName.ss.rawValue].selector)
    if s.pointee.shadow == .sti { stack |= FREDFrame.blockedBySTI }
    if event.kind.isSoftwareEvent { stack |= FREDFrame.softwareEvent }
    if event.kind == .nmi { stack |= FREDFrame.nmi }
    stack |= UInt64(vector.rawValue) << FREDFrame.vectorShift | UInt64(event.kind.rawValue) << FREDFrame.kindShift
    if s.pointee.codeMode == .bits64 { stack |= FREDFrame.bits64 }
    if event.isNested { stack |= FREDFrame.nested }
    if event.kind.hasLength { stack |= (next &- from) << FREDFrame.lengthShift }
    var words = InlineArray<8, UInt64>(repeating: 0)
    words[0] = UInt64(errorCode ?? 0) & 0xFFFF
    words[1] = next
    words[2] =
      UInt64(s.pointee.segments[SegmentName.cs.rawValue].selector) | UInt64(oldLevel) << FREDFrame.levelShift
    if !fromUser && s.pointee.waitsForEndBranch { words[2] |= FREDFrame.waitForEndBranch }
    words[3] = flags
    words[4] = oldRSP
    words[5] = stack
    words[6] = event.data
    // A frame never crosses a page: the first word that is written says whether all can be.
    for i in (0..<FREDFrame.wordCount).reversed() { try storeSystem(frame &+ UInt64(i) * 8, words[i]) }

    resetTracker()
    if fromUser {
      let code = UInt16(truncatingIfNeeded: s.pointee.msr.star >> 32) & 0xFFFC
      enterFixed(code: code, stack: code &+ 8, cpl: 0, mode: .bits64)
      exchangeGSBases()
    }
    set(Slot.rsp, frame)
    s.pointee.rip = fred.entry &+ (fromUser ? 0 : 256)
    s.pointee.rflags = .fixedOne
    s.pointee.msr.fred.level = level
    s.pointee.shadow = .none
    // What MOV SS put off is lost with any event.
    s.pointee.pendingDebug = 0
    s.pointee.isHalted = false
    s.pointee.eventCount &+= 1
    // INT n, INT1, SYSCALL and the like retire.
    if returnTo == nil { s.pointee.unretired &+= 1 }
    // The numbers of SYSCALL and SYSENTER are no vectors.
    s.pointee.lastVector = event.kind == .other ? Vector(0xFF) : vector
    updateView()
    if isWatched {
      note(
        Transition(
          kind: .event, rip: from, before: before, after: standing,
          delivery: Delivered(
            vector: event.kind == .other ? nil : vector.rawValue,
            platformKind: FREDDelivered(
              kind: event.kind.rawValue, number: vector.rawValue, oldLevel: oldLevel, isNested: event.isNested
            ).rawValue, errorCode: errorCode, fromKernel: before.isKernel, frame: frame,
            wordCount: FREDFrame.wordCount, interruptStack: Int(level), onCurrentStack: stays, cr2: s.pointee.cr2,
            isMaskable: event.kind == .externalInterrupt && before.rflags.contains(.interruptEnable),
            atReturn: returnFaulted)))
      returnFaulted = false
    }
    observer?.delivered(vector, errorCode: errorCode, from: from)
  }

  func exchangeGSBases() {
    let base = get(Slot.gsBase, UInt64.self)
    set(Slot.gsBase, s.pointee.msr.kernelGSBase)
    s.pointee.msr.kernelGSBase = base
  }
}

/// How the log tells a delivery by FRED from one through the IDT, in `Delivered.platformKind`. The level that it led to is
/// `Delivered.interruptStack`.
public struct FREDDelivered: Sendable, Hashable {
  public var rawValue: UInt8

  /// Nil for a delivery that was not FRED's.
  public init?(rawValue: UInt8) {
    guard rawValue & 0x80 != 0 else { return nil }
    self.rawValue = rawValue
  }

  /// - Parameters:
  ///   - kind: as in the frame, 0 to 7.
  ///   - number: the vector; for kind 7, 1 is SYSCALL and 2 SYSENTER.
  init(kind: UInt8, number: UInt8, oldLevel: UInt8, isNested: Bool) {
    // No kind is 8 or more: SYSENTER is told from SYSCALL by 8.
    let spelled = kind == FREDEvent.Kind.other.rawValue && number == 2 ? 8 : kind
    rawValue = 0x80 | (isNested ? 0x40 : 0) | oldLevel << 4 | spelled
  }

  /// As in the frame, 0 to 7.
  public var kind: UInt8 { min(rawValue & 0xF, 7) }
  public var isSyscall: Bool { rawValue & 0xF == 7 }
  public var isSysenter: Bool { rawValue & 0xF == 8 }
  /// INT n, SYSCALL or SYSENTER.
  public var isSoftwareEvent: Bool { kind == 4 || kind == 7 }
  /// The stack level that was interrupted, 0 to 3.
  public var oldLevel: UInt8 { rawValue >> 4 & 3 }
  /// It was met while another event was delivered.
  public var isNested: Bool { rawValue & 0x40 != 0 }
}
