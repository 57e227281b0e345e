/// The log of transitions, and the stop at the boundary behind one.
///
/// While the processor is watched every transition is appended to `transitions`, and a run stops at the boundary that it led to; so all
/// that stands in the log at a stop led to that boundary. What is not watched costs a test for each out-of-line body.

extension Processor {
  /// A machine's own clock: instructions retired, and events delivered that retired none. Every step, of `step()` or inside a run, adds
  /// one; so does a REP that is left between two iterations. A platform counts with `countStep` what it does for an instruction, or
  /// between two.
  public var position: UInt64 { s.pointee.retired &+ s.pointee.unretired }

  /// A step that retired nothing and delivered nothing.
  public func countStep() { s.pointee.unretired &+= 1 }

  /// Makes a run stop at the next boundary.
  public func requestStop() { isStopRequested = true }

  /// Empties the log, and lets a run go on.
  public func clearTransitions() {
    transitions.removeAll(keepingCapacity: true)
    isStopRequested = false
    returnFaulted = false
  }

  /// A hypervisor's guest goes over from its kernel to its user, or back: both may run at privilege 3.
  public func setGuestRunsKernel(_ runs: Bool) { s.pointee.guestRunsKernel = runs }

  /// The kernel runs, or what is below it, and not its user: by the privilege; by what a hypervisor that is modelled says; or, where a
  /// hypervisor's own bytes run, by the page tables, of which the user's do not hold the kernel.
  public var runsKernel: Bool {
    if s.pointee.cpl != 3 || s.pointee.guestRunsKernel { return true }
    guard let guestKernel else { return false }
    return physicalAddress(of: guestKernel) != nil
  }

  // MARK: Code at which a run stops

  func isSplit(_ rip: UInt64) -> Bool { splitCode.contains { $0.contains(rip) } }

  /// From now on no block runs across the code. What is decoded of it is dropped, and nothing else.
  func split(_ code: Range<UInt64>) {
    if code.isEmpty || splitCode.contains(code) { return }
    splitCode.append(code)
    for i in 0..<blocks.blocksUsed where !blocks.blocks[i].isDead {
      let block = blocks.blocks + i
      if block.pointee.rip < code.upperBound && code.lowerBound < block.pointee.rip &+ UInt64(block.pointee.length) {
        blocks.kill(block)
      }
    }
    changeFetchKey()
  }

  @inline(__always) var isInWatchedCode: Bool {
    isWatched && !watchedCode.isEmpty && watchedCode.contains { $0.contains(s.pointee.rip) }
  }

  /// The boundary is one of watched code, by whatever the guest came there.
  public func stopInWatchedCode() { if isInWatchedCode { isStopRequested = true } }

  // MARK: The log

  public var standing: Standing {
    Standing(
      rsp: get(Slot.rsp, UInt64.self), gsBase: get(Slot.gsBase, UInt64.self), cr3: s.pointee.cr3,
      rflags: s.pointee.rflags, isKernel: runsKernel)
  }

  /// Appends what a platform did between two stretches of its guest.
  public func note(_ transition: Transition) {
    guard isWatched else { return }
    transitions.append(transition)
    isStopRequested = true
  }

  /// Appends what a platform changed of the standing, where it changed.
  func noteChange(_ kind: Transition.Kind, since before: Standing, _ part: KeyPath<Standing, UInt64>) {
    guard isWatched, before[keyPath: part] != standing[keyPath: part] else { return }
    note(Transition(kind: kind, rip: actsFor ?? s.pointee.rip, before: before, after: standing))
  }

  /// Executes an out-of-line body, and notes what it did to the processor's standing.
  @inline(__always)
  func executeExternal(_ u: Operation) throws(Fault) {
    if isWatched { return try executeWatched(u) }
    try dispatch(u)
  }

  private func executeWatched(_ u: Operation) throws(Fault) {
    let body = External(rawValue: u.pointee.detail).unsafelyUnwrapped
    guard let kind = Transition.Kind(body) else { return try dispatch(u) }
    let (rip, control) = (s.pointee.rip, s.pointee.msr.speculationControl)
    var before = standing
    droppedTranslations = .none
    if kind == .stackLoad || kind == .stackMove { before.rsp = get(Slot.stackBefore, UInt64.self) }
    do throws(Fault) {
      try dispatch(u)
    } catch {
      returnFaulted = kind == .exit && !body.isFarTransfer
      throw error
    }
    // INT n is an event, and SYSCALL and SYSENTER are by FRED: the delivery noted it.
    let after = standing
    let happened =
      switch kind {
      case .event, .lostEvent: false
      // Within one privilege a far transfer moves RSP as a near one does.
      case .entry where deliversByFRED && !body.isFarTransfer: false
      case .entry, .exit: !body.isFarTransfer || before.isKernel != after.isKernel
      case .stackLoad, .stackMove: true
      case .gsBase: before.gsBase != after.gsBase
      // Below a hypervisor's own bytes code that was interrupted may find loaded what it is about to load.
      case .pageTables: before.cr3 != after.cr3 || guestKernel != nil
      // The operand was loaded from memory.
      case .lowBranch: s.pointee.cpl == 0
      case .buffers: profile.verwClearsBuffers && u.pointee.src == Slot.t0
      case .flags:
        !before.rflags.symmetricDifference(after.rflags).isDisjoint(with: [.trap, .nestedTask])
      case .invalidation, .letInterruptsIn, .speculationControl: false
      }
    if happened {
      note(Transition(kind: kind, rip: rip, before: before, after: after, dropped: droppedTranslations))
    } else if kind == .pageTables || kind == .invalidation, usesPCIDs, droppedTranslations != .none {
      note(Transition(kind: .invalidation, rip: rip, before: before, after: after, dropped: droppedTranslations))
    }
    if kind == .letInterruptsIn || kind == .flags, s.pointee.nmiBlocked || s.pointee.tellsOfInterruptsLetIn,
      !before.rflags.contains(.interruptEnable), after.rflags.contains(.interruptEnable)
    {
      note(Transition(kind: .letInterruptsIn, rip: rip, before: before, after: after))
    }
    if control != s.pointee.msr.speculationControl, profile.owed.contains(.restrictedBranches) {
      note(Transition(kind: .speculationControl, rip: rip, before: before, after: after))
    }
  }
}

extension Transition.Kind {
  /// What a body may do; nil where it is nothing that is noted.
  init?(_ body: External) {
    switch body {
    case .systemCall, .systemEnter, .farCall, .farJump: self = .entry
    case .interruptReturn, .systemReturn, .systemExit, .farReturn, .eventReturnToSupervisor, .eventReturnToUser:
      self = .exit
    case .stackLoaded: self = .stackLoad
    case .stackMoved: self = .stackMove
    case .swapGS, .writeGSBase, .writeMSR, .writeSegment, .popSegment, .loadFarPointer: self = .gsBase
    case .writeControl: self = .pageTables
    case .invalidatePCID: self = .invalidation
    case .popFlags: self = .flags
    case .setInterrupt: self = .letInterruptsIn
    case .verifyWrite: self = .buffers
    case .branchesLow: self = .lowBranch
    default: return nil
    }
  }
}

extension External {
  fileprivate var isFarTransfer: Bool { self == .farCall || self == .farJump || self == .farReturn }
}
