/// Indirect branch tracking: where a near CALL or JMP through a register or memory, a far one, an event or a system call leads, ENDBR64 has to
/// stand (ENDBR32 outside 64-bit code), or #CP is raised there.
///
/// SDM vol. 1, "Indirect Branch Tracking"; vol. 2, "ENDBR64", and the "Operation" of each of those; vol. 3A, "Control Protection Exception
/// (#CP)". The state between the branch and the instruction at its target, WAIT_FOR_ENDBRANCH, is a bit of IA32_S_CET for privileges 0 to 2 and
/// of IA32_U_CET for 3. What comes at that boundary comes first: an interrupt sees the state, and through the IDT its handler's ENDBR64 ends
/// it, so that behind IRET nothing is asked; FRED keeps it in the frame, and ERETS gives it back.
/// INT3 may stand at the target too: Bochs cpu/icache.cc ("getICacheEntry").
/// Not modelled: the bitmap of code without ENDBR64 (LEG_IW_EN), and prefixes before ENDBR64, with which it is none here.

/// Bits of IA32_U_CET and IA32_S_CET. SDM vol. 4, "IA32_U_CET".
enum ControlFlowEnforcement {
  static let tracksBranches: UInt64 = 1 << 2
  static let legacyCode: UInt64 = 1 << 3
  static let noTrackPrefix: UInt64 = 1 << 4
  static let suppressDisabled: UInt64 = 1 << 5
  static let suppressed: UInt64 = 1 << 10
  static let waits: UInt64 = 1 << 11
  /// What is not of shadow stacks: above bit 11, where the bitmap lies.
  static let defined = tracksBranches | legacyCode | noTrackPrefix | suppressDisabled | suppressed | waits | ~0xFFF
}

extension ProcessorState {
  /// The current privilege's register.
  fileprivate var controlFlow: UInt64 {
    get { cpl == 3 ? msr.userControlFlow : msr.supervisorControlFlow }
    set { if cpl == 3 { msr.userControlFlow = newValue } else { msr.supervisorControlFlow = newValue } }
  }

  /// Indirect branches of the current privilege are tracked.
  fileprivate var tracksBranches: Bool {
    cr4 & CR4.controlFlowEnforcement != 0 && controlFlow & ControlFlowEnforcement.tracksBranches != 0
  }

  /// The next instruction has to be ENDBR64.
  var waitsForEndBranch: Bool { tracksBranches && controlFlow & ControlFlowEnforcement.waits != 0 }

  /// It matters whether the next instruction is ENDBR64.
  var mindsEndBranch: Bool {
    tracksBranches && controlFlow & (ControlFlowEnforcement.waits | ControlFlowEnforcement.suppressed) != 0
  }
}

extension Processor {
  /// A near indirect branch is about to be made.
  ///
  /// - Parameter isMarked: it has the prefix 3E, which takes it out where software allows that.
  func trackBranch(isMarked: Bool) {
    let control = s.pointee.controlFlow
    guard s.pointee.tracksBranches, control & ControlFlowEnforcement.suppressed == 0,
      !isMarked || control & ControlFlowEnforcement.noTrackPrefix == 0
    else { return }
    s.pointee.controlFlow |= ControlFlowEnforcement.waits
    attention = true
  }

  /// It was not made.
  func forgetBranch() {
    if s.pointee.waitsForEndBranch { endBranch() }
  }

  /// A far branch, an event or a system call has led here.
  func expectEndBranch() {
    guard s.pointee.tracksBranches else { return }
    s.pointee.controlFlow =
      s.pointee.controlFlow & ~ControlFlowEnforcement.suppressed | ControlFlowEnforcement.waits
    attention = true
  }

  private func endBranch() {
    s.pointee.controlFlow &= ~(ControlFlowEnforcement.waits | ControlFlowEnforcement.suppressed)
    updateAttention()
  }

  /// Looks at the instruction that is about to be executed: ENDBR64 ends the wait, and what suppresses it. SDM vol. 2A, "ENDBR64".
  func checkEndBranch() throws(Fault) {
    guard s.pointee.mindsEndBranch else { return }
    let waits = s.pointee.waitsForEndBranch
    let last: UInt8 = s.pointee.codeMode == .bits64 ? 0xFA : 0xFB
    for (i, byte) in [0xF3, 0x0F, 0x1E, last].enumerated() {
      let found = try fetchByte(s.pointee.rip &+ UInt64(i))
      if i == 0 && found == 0xCC { return }
      if found != byte {
        if waits { throw Fault.cp(.endBranch) }
        return
      }
    }
    endBranch()
  }

  // MARK: FRED

  /// An event is delivered, whose handler needs no ENDBR64; the frame keeps what privilege 0 waited for.
  func resetTracker() {
    s.pointee.msr.supervisorControlFlow &= ~(ControlFlowEnforcement.waits | ControlFlowEnforcement.suppressed)
  }

  /// ERETS gives back what the frame kept.
  func setTracker(waits: Bool) {
    resetTracker()
    if waits { expectEndBranch() }
  }

  // MARK: Registers

  func setControlFlow(_ value: UInt64, ofUser: Bool) throws(Fault) {
    let both = ControlFlowEnforcement.suppressed | ControlFlowEnforcement.waits
    guard profile.hasBranchTracking, value & ~ControlFlowEnforcement.defined == 0, value & both != both,
      Self.isCanonical(value)
    else { throw Fault.gp() }
    if value & ControlFlowEnforcement.legacyCode != 0 {
      throw Fault.unsupported("code without ENDBR64 under indirect branch tracking")
    }
    if ofUser { s.pointee.msr.userControlFlow = value } else { s.pointee.msr.supervisorControlFlow = value }
    updateAttention()
  }
}
