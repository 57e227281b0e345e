/// What a crossing may leave of the user's state other than it was, by what its instruction and the call's interface say. Where a
/// hypervisor's SYSRET goes back, its own flat selectors are there instead of the kernel's: the one thing that a platform adds.
///
/// SDM vol. 2B, "SYSCALL", "SYSENTER"; vol. 2A, "INT n/INTO/INT3/INT1"; System V ABI, AMD64 supplement, "Linux Conventions";
/// rt_sigreturn(2), sigaction(2); Linux arch/x86/entry/vdso/vdso32/system_call.S (the compatibility crossings' way back); Xen
/// xen/include/public/arch-x86/xen-x86_64.h, `FLAT_USER_CS64`.
///
///     crossing        may change                                           goes on
///     syscall64       RAX: the result; RCX: RIP; R11: RFLAGS                behind it
///     int80           RAX                                                  behind it
///     syscall32       RAX; RCX, RDX, RBP, which the vDSO restores;          in the vDSO
///     sysenter        R8 to R15, which 32-bit code has not, to 0
///     sigreturn       everything, to what its frame says                   where the frame says
///     exceptions      nothing: a signal's handler goes on, and its frame tells of the exception
///     irq, nmi        nothing                                              where it was
///
/// Where a signal answers instead, its frame holds this state, and the handler keeps the rest: bases, data segments, and the
/// memory outside its frame.
///
/// Not modelled: the floating-point state that a signal's frame and rt_sigreturn carry.
import Findings
import Machine

public struct CrossingContract: Sendable {
  let crossing: CrossingKind
  let platform: PlatformName
  /// The user's view before the crossing.
  let before: UserView
  /// What the system call returns.
  let result: UInt64?
  /// The frame at RSP, for rt_sigreturn; nil where the user cannot read it.
  let asked: SignalFrame?
  /// The first instructions of the user's signal handlers.
  let handlers: Set<UInt64>

  public init(
    _ crossing: CrossingKind, on platform: PlatformName, before: UserView, result: UInt64?, asked: SignalFrame?,
    handlers: Set<UInt64>
  ) {
    self.crossing = crossing
    self.platform = platform
    self.before = before
    self.result = result
    self.asked = asked
    self.handlers = handlers
  }

  /// Nothing breaks it at the end of a run.
  public func isKept(_ run: Outcome) -> Bool {
    run.end == .user && run.view.map { breach($0, frame: run.frame) == nil } ?? false
  }

  /// Values that the user had before the crossing, or asks to be given.
  public var chosen: [UInt64] {
    before.registers + [before.rip, before.fsBase, before.gsBase] + before.debugRegisters
      + (asked.map { $0.registers + [$0.rip] } ?? [])
  }

  /// The GS base that user mode had.
  var gsBase: UInt64 { before.gsBase }

  /// What breaks it, in words; nil when it was kept.
  ///
  /// - Parameters:
  ///   - view: the user's, where the crossing came back.
  ///   - frame: the signal's, where RDX leads to one.
  func breach(_ view: UserView, frame: SignalFrame?) -> String? {
    guard handlers.contains(view.rip) else { return directBreach(view) }
    guard let frame else { return "a signal's handler runs, and RDX leads to no frame of its" }
    return (promise.breach(frame, ignoring: ignoredInFrame) ?? toldBreach(frame)).map { "the signal's frame: \($0)" }
      ?? handlerBreach(view)
  }

  /// User mode goes on in the handler of a signal.
  func isInHandler(_ view: UserView) -> Bool { handlers.contains(view.rip) }

  // MARK: What the frame tells

  /// The crossing's exception, where it is one: SDM vol. 3A, "Exception and Interrupt Reference"; INT 4 pushes no error code. The write to 0x10 is a user's, of a page that is not
  /// there. The IRET to an address that is not canonical is answered with #GP.
  private var exception: (vector: UInt64, errorCode: UInt64, address: UInt64?)? {
    switch crossing {
    case .de: (0, 0, nil)
    case .db: (1, 0, nil)
    case .bp: (3, 0, nil)
    case .of: (4, 0, nil)
    case .ud: (6, 0, nil)
    case .ss: (12, 0, nil)
    case .gp: (13, 0, nil)
    case .pf: (14, 6, 0x10)
    case .mf: (16, 0, nil)
    case .ac: (17, 0, nil)
    case .xm: (19, 0, nil)
    case .sigreturn: asked.flatMap { Processor.isCanonical($0.rip) ? nil : (13, 0, nil) }
    default: nil
    }
  }

  private func toldBreach(_ frame: SignalFrame) -> String? {
    guard let told = frame.told, let exception else { return nil }
    if told.vector == 14 && xenReadsBeyondThePage { return nil }
    if told.vector != exception.vector { return "it tells of vector \(told.vector), not \(exception.vector)" }
    if told.errorCode != exception.errorCode {
      return "it tells of error code \(hex(told.errorCode)), not \(hex(exception.errorCode))"
    }
    guard let address = exception.address, told.address != address else { return nil }
    return "it tells of address \(hex(told.address)), not \(hex(address))"
  }

  /// Xen looks at five bytes of an invalid instruction, whether they are its own prefix, and tells of a page fault where it cannot read them.
  /// Xen `xen/arch/x86/pv/emul-inv-op.c`, `emulate_forced_invalid_op`.
  private var xenReadsBeyondThePage: Bool { crossing == .ud && platform != .bareMetal && before.rip & 0xFFF > 0xFFB }

  // MARK: The ways back

  private func directBreach(_ view: UserView) -> String? {
    let promise = promise
    let state = SignalFrame(view)
    if let breach = promise.breach(state, ignoring: []) { return breach }
    if let breach = keptBreach(view) { return breach }
    // rt_sigreturn loads floating-point state and code segment from the frame.
    guard asked == nil else { return nil }
    for segment in SegmentName.allCases {
      let i = segment.rawValue
      guard view.selectors[i] == before.selectors[i], view.attributes[i] != before.attributes[i] else { continue }
      return "the hidden part of \(segment) differs"
    }
    if view.vectors != before.vectors { return "the floating-point or vector state differs" }
    return before.memoryDifference(from: view).map { "memory at \(hex($0)) differs" }
  }

  /// RDI, RSI and RDX are the handler's arguments; other general registers are nobody's.
  private func handlerBreach(_ view: UserView) -> String? {
    if view.rflags.contains(.direction) { return "a signal's handler runs with DF set" }
    if view.rflags.contains(.trap) { return "a signal's handler runs with TF set" }
    let cs = SegmentName.cs.rawValue
    if view.attributes[cs] & SegmentRegister.longMode == 0 {
      return "a signal's handler of a 64-bit program runs in a 32-bit segment, CS \(hex(UInt64(view.selectors[cs])))"
    }
    return keptBreach(view) ?? strayWrite(view).map { "memory at \(hex($0)) differs, outside the signal's frame" }
  }

  /// What no crossing changes.
  private func keptBreach(_ view: UserView) -> String? {
    for segment in SegmentName.allCases where segment != .cs && segment != .ss {
      let i = segment.rawValue
      if view.selectors[i] != before.selectors[i] {
        return "\(segment) is \(hex(UInt64(view.selectors[i]))), not \(hex(UInt64(before.selectors[i])))"
      }
    }
    if view.fsBase != before.fsBase { return "FS base is \(hex(view.fsBase)), not \(hex(before.fsBase))" }
    if view.gsBase != before.gsBase { return "GS base is \(hex(view.gsBase)), not \(hex(before.gsBase))" }
    return view.breakpointDifference(from: before)
  }

  /// No frame of a signal, floating-point state and all, is larger.
  private static let largestFrame: UInt64 = 1 << 16

  private func strayWrite(_ view: UserView) -> UInt64? {
    let start = view.registers[GeneralRegister.rsp.rawValue] & ~0xFFF
    let known = Set(before.memory)
    return view.memory.first { $0.linear &- start >= Self.largestFrame && !known.contains($0) }?.linear
  }

  // MARK: What the table says

  /// Values of which one must be there; nil where any may.
  private struct Promise {
    var registers: [[UInt64]?]
    var rips: [UInt64]
    /// RIP may lie in here as well.
    var landing: Range<UInt64> = 0..<0
    var rflags: RFLAGS
    /// Flags that may be anything.
    var freeFlags: RFLAGS = []
    var cs: [UInt16]
    var ss: [UInt16]
    /// R11 may hold the flags with which user mode goes on: SYSRET's.
    var hasFlagsInR11 = false
    /// Bits of RSP that are the user's: 32-bit code has ESP, and an IRET to a 16-bit SS gives it SP alone (SDM vol. 2A,
    /// "IRET/IRETD/IRETQ").
    var rspMask: UInt64 = .max

    subscript(register: GeneralRegister) -> [UInt64]? {
      get { registers[register.rawValue] }
      set { registers[register.rawValue] = newValue }
    }

    func breach(_ state: SignalFrame, ignoring ignored: RFLAGS) -> String? {
      for register in GeneralRegister.allCases {
        guard let values = registers[register.rawValue], let first = values.first else { continue }
        let value = state.registers[register.rawValue]
        let mask = register == .rsp ? rspMask : .max
        if register == .r11 && hasFlagsInR11 && value == state.rflags.rawValue { continue }
        if !values.contains(where: { ($0 ^ value) & mask == 0 }) {
          return "\(register) is \(hex(value)), not \(hex(first))"
        }
      }
      if !rips.contains(state.rip) && !landing.contains(state.rip) {
        return "RIP is \(hex(state.rip)), not \(hex(rips.first ?? landing.lowerBound))"
      }
      let differing = state.rflags.symmetricDifference(rflags).subtracting(freeFlags).subtracting(ignored)
      if !differing.isEmpty { return "RFLAGS is \(hex(state.rflags.rawValue)), not \(hex(rflags.rawValue))" }
      if !cs.contains(state.cs) { return "CS is \(hex(UInt64(state.cs))), not \(hex(UInt64(cs[0])))" }
      if !ss.contains(state.ss) { return "SS is \(hex(UInt64(state.ss))), not \(hex(UInt64(ss[0])))" }
      return nil
    }
  }

  /// What rt_sigreturn takes from its frame: Linux arch/x86/kernel/signal.c, `FIX_EFLAGS`.
  private static let restoredFlags: RFLAGS = .arithmetic.union([.trap, .direction, .resume, .alignmentCheck])
  /// Where a process has the 32-bit vDSO that it asked for at 0x20000000.
  private static let vdso: Range<UInt64> = 0x2000_0000..<0x2010_0000
  /// Of a system call that cannot read its argument: errno(3), EFAULT.
  private static let badAddress = UInt64(bitPattern: -14)

  /// FLAT_USER_CS64 and FLAT_USER_CS32; FLAT_USER_SS of either.
  private static let flatCodeSelectors: [UInt16] = [0xE033, 0xE023]
  private static let flatDataSelector: UInt16 = 0xE02B

  private func lower(_ value: UInt64) -> UInt64 { UInt64(UInt32(truncatingIfNeeded: value)) }

  /// RF, by which the instruction can be tried again, is the fault's (SDM vol. 3B, "Instruction-Breakpoint Exception Condition").
  /// SYSENTER keeps the user's TF in the kernel, whose trap is the signal's reason.
  private var ignoredInFrame: RFLAGS { crossing == .sysenter ? [.resume, .trap] : .resume }

  private var promise: Promise {
    var promise = Promise(
      registers: before.registers.map { [$0] }, rips: [before.rip], rflags: before.rflags,
      cs: [before.selectors[SegmentName.cs.rawValue]], ss: [before.selectors[SegmentName.ss.rawValue]])
    let results = result.map { [$0] }
    switch crossing {
    case .syscall64: callReturns(&promise, results)
    case .int80:
      promise[.rax] = results
      promise.rips = [before.rip &+ 2]
    case .syscall32, .sysenter: compatibilityCallReturns(&promise, results)
    case .sigreturn:
      guard let asked else {
        callReturns(&promise, nil)
        break
      }
      promise.registers = asked.registers.map { [$0] }
      promise.rips = [asked.rip]
      promise.rflags = before.rflags.subtracting(Self.restoredFlags)
        .union(asked.rflags.intersection(Self.restoredFlags))
      if asked.ss != promise.ss[0] { promise.rspMask = 0xFFFF_FFFF }
      (promise.cs, promise.ss) = ([asked.cs | 3], [asked.ss | 3])
    case .bp, .db: promise.rips = [before.rip &+ 1]
    case .of: promise.rips = [before.rip &+ 2]
    case .ud, .de, .gp, .pf, .ss, .ac, .mf, .xm, .irq, .nmi: break
    }
    if platform != .bareMetal && [.syscall64, .syscall32, .sysenter, .sigreturn].contains(crossing) {
      promise.cs += Self.flatCodeSelectors
      promise.ss.append(Self.flatDataSelector)
    }
    return promise
  }

  /// RCX and R11 may be kept or hold what SYSCALL puts there.
  private func callReturns(_ promise: inout Promise, _ results: [UInt64]?) {
    let next = before.rip &+ 2
    promise.rips = [next]
    promise[.rax] = results
    promise[.rcx]?.append(next)
    promise[.r11]?.append(before.rflags.rawValue)
  }

  private func compatibilityCallReturns(_ promise: inout Promise, _ results: [UInt64]?) {
    promise.rips = []
    promise.landing = Self.vdso
    promise[.rax] = results.map { $0 + [Self.badAddress, lower(Self.badAddress)] }
    promise.rspMask = 0xFFFF_FFFF
    for register in [GeneralRegister.rcx, .rdx, .rbp] { promise[register] = nil }
    for register in [GeneralRegister.r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15] { promise[register]?.append(0) }
    promise[.r11]?.append(before.rflags.rawValue)
    promise.hasFlagsInR11 = true
    // Linux keeps the ESP of a 32-bit SYSCALL here on its way in.
    if crossing == .syscall32 { promise[.r8]?.append(lower(before.registers[GeneralRegister.rsp.rawValue])) }
    // SYSENTER saves no flags: the arithmetic ones are those of the kernel's first instructions.
    // Xen makes a frame for it, with its own.
    if crossing == .sysenter { promise.freeFlags = .arithmetic }
    if crossing == .sysenter && platform != .bareMetal {
      promise.freeFlags.formUnion([.trap, .nestedTask, .alignmentCheck])
    }
  }
}

extension SignalFrame {
  /// A user's view in the same words.
  init(_ view: UserView) {
    registers = view.registers
    rip = view.rip
    rflags = view.rflags
    cs = view.selectors[SegmentName.cs.rawValue]
    ss = view.selectors[SegmentName.ss.rawValue]
  }
}
