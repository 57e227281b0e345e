/// One run of a crossing: from the instruction that leaves user mode, with events injected at chosen boundaries, until the
/// task is back in user mode. An event may come before the crossing, and when its handler has given the user everything back the
/// crossing follows; one may come behind it, and the run then ends when its handler has.
///
/// Boundary 0 is the one before the crossing. Every step, an instruction or the delivery of an event, leads to the next
/// boundary, so that (boundary, event) pairs name a run exactly.
import Findings
import Invariants
import Machine
import Platform
import Subjects

package final class Run {
  let computer: any PlatformComputer
  let processor: Processor
  let user: UserSide
  let crossing: CrossingKind
  let ablations: [Ablation]
  private let isAblatedStepByStep: Bool
  /// How many SWAPGS the unablated baseline executes before it returns: the last one is skipped by ablation.
  let swapgsCount: Int
  /// What the kernel says of its interrupts.
  let claims: KernelClaims
  /// The kernel's, as far as they are known.
  let stacks: [ReadyMachine.Stack]
  /// The user's memory at the crossing.
  private let userMemory: UserMemory
  /// How the kernel is entered before the crossing.
  private let entryState: EntryState
  /// The machine's position at boundary 0, and where the bound on a run was counted from last.
  private let origin: UInt64
  private var start: UInt64
  /// How many more the run may take for having waited, and whether it may.
  var waited = 0
  package var waits = true
  var console: [UInt8] = []
  /// Bytes that came over the console so far.
  package var printed: Int { console.count }

  /// Whose stack RSP points to.
  package private(set) var stack: StackOwner
  /// An event could push its frame at RSP when RSP or the page tables got their value.
  package private(set) var hasRoom = true
  /// What happened so far, as one number: every transition and its place.
  package private(set) var digest = RunDigest()
  /// Who gave RSP, the GS base and CR3 their values.
  package private(set) var writes: StateWrites
  var swapgsSeen = 0
  /// Ablations that took something away in this run.
  package internal(set) var struck: Set<Ablation> = []
  /// What the invariants saw of it.
  package let monitors: Monitors
  /// Somebody looks at the next boundary, whatever leads to it: a monitor, or the run itself while user mode is not left.
  private var mustSeeNext = true
  private var gsOwner: GSOwner
  /// What was delivered so far.
  package private(set) var deliveries: [DeliveryRecord] = []
  /// The last event that was injected, and where.
  private var injected: (event: EventKind, boundary: BoundaryState)?
  private var entered = false
  /// User mode was left into a hypervisor, whose return to its guest's kernel is the kernel's entry.
  private var kernelIsToBeEntered = false
  /// What is below the guest runs, and what its kernel stood on when that took over from it.
  private(set) var isBelow = false
  private var left: LeftGuest?
  /// The last return led to what an event interrupted.
  private(set) var returnsToInterrupted = false
  /// Where the last event was injected.
  var injectedAt: UInt64? { injected?.boundary.rip }
  /// The boundary at which the crossing was made; nil as long as it was not.
  private var crossedAt: Int?
  /// What the user sees before the crossing, where an event comes first.
  private var before: UserView?
  /// The user has set an alarm that is to run out with the first interrupt of the timer.
  private let hasAlarm: Bool
  /// It has.
  private var alarmIsDue = false
  /// RSP where a switch of tasks left the crossing's stack, until one comes back to it.
  var leftStack: UInt64?
  private var consoleRead = 0
  /// Where the last step began that was taken by itself.
  private var stepFrom: UInt64 = 0
  /// Where the last NMI was delivered; 0 for nowhere.
  package private(set) var lastNMI: UInt64 = 0
  /// Where to look whether the rest is known: see `proceed`.
  package var meeting: (rip: UInt64, rsp: UInt64)?
  /// Where frames came to lie since this was emptied, and RSP behind returns.
  package var stackPointers: [UInt64] = []

  /// Longer than the probe's alarm is set for (`Probe/postures.c`), in nanoseconds.
  private static let alarm: UInt64 = 5_000_000

  /// A run that takes more is not coming back.
  package static let bound = 2_000_000

  init(
    _ computer: any PlatformComputer, user: UserSide, crossing: CrossingKind, ablations: [Ablation] = [],
    swapgsCount: Int = 0, claims: KernelClaims = KernelClaims(), stacks: [ReadyMachine.Stack] = [],
    userMemory: UserMemory, hasAlarm: Bool = false
  ) {
    self.userMemory = userMemory
    self.hasAlarm = hasAlarm
    self.computer = computer
    processor = computer.processor
    self.user = user
    self.crossing = crossing
    self.ablations = ablations
    isAblatedStepByStep = ablations.contains(where: \.watchesInstructions)
    self.swapgsCount = swapgsCount
    self.claims = claims
    stack = StackOwner(values: user.stackPointers)
    entryState = EntryState(computer, user)
    writes = StateWrites(from: computer.processor.rip)
    monitors = Monitors(
      allowsTrapFlag: user.entersBySysenter,
      owed: computer.owed,
      fred: FREDSight(computer.processor), stackTops: stacks.map(\.top),
      cachedTables: computer.processor.usesPCIDs ? [user.cr3] + (user.kernelCR3.map { [$0] } ?? []) : [])
    self.stacks = stacks
    gsOwner = GSOwner(processor.segmentBase(.gs), user)
    origin = processor.position
    start = origin
    processor.isWatched = true
    processor.clearTransitions()
    listen()
  }

  package var memory: PhysicalMemory { processor.memory }

  /// Boundaries taken so far.
  package var boundary: Int { Int(processor.position &- origin) }
  /// Boundaries taken since the bound was counted anew.
  package var instructions: Int { Int(processor.position &- start) }

  package var mark: Mark {
    get {
      Mark(
        stack: stack, hasRoom: hasRoom, digest: digest, writes: writes, swapgsSeen: swapgsSeen, struck: struck,
        monitors: monitors.fork(), deliveries: deliveries, injected: injected, entered: entered,
        kernelIsToBeEntered: kernelIsToBeEntered, isBelow: isBelow, left: left, crossedAt: crossedAt, console: console,
        lastNMI: lastNMI, alarmIsDue: alarmIsDue, leftStack: leftStack)
    }
    set {
      stack = newValue.stack
      hasRoom = newValue.hasRoom
      digest = newValue.digest
      writes = newValue.writes
      swapgsSeen = newValue.swapgsSeen
      struck = newValue.struck
      monitors.restore(newValue.monitors)
      deliveries = newValue.deliveries
      injected = newValue.injected
      entered = newValue.entered
      kernelIsToBeEntered = newValue.kernelIsToBeEntered
      (isBelow, left) = (newValue.isBelow, newValue.left)
      crossedAt = newValue.crossedAt
      console = newValue.console
      lastNMI = newValue.lastNMI
      alarmIsDue = newValue.alarmIsDue
      leftStack = newValue.leftStack
      consoleRead = console.count
      processor.clearTransitions()
      listen()
    }
  }

  package var phase: Phase {
    Phase(
      isCrossed: crossedAt != nil, entered: entered, kernelIsToBeEntered: kernelIsToBeEntered, isBelow: isBelow,
      alarmIsDue: alarmIsDue)
  }

  // MARK: Steps

  /// Takes the first step: the crossing instruction, or the event that is the crossing.
  package func cross() -> RunEnd? {
    crossedAt = boundary
    if let event = computer.event(of: crossing) { return inject(event, asCrossing: true) }
    let known = deliveries.count
    let end = step()
    // An event that was due comes first, and the crossing is still to come. INT n looks like an interrupt.
    if deliveries.count > known, deliveries[known].isFromOutside, crossing != .int80 || deliveries[known].vector != 0x80
    {
      crossedAt = nil
    }
    return end
  }

  /// What an event before the crossing left to be done comes before an event that is the crossing.
  private var owesBeforeCrossing: Bool { computer.owesTheGuest && computer.event(of: crossing) != nil }

  /// One step. Nil while the run goes on.
  package func step() -> RunEnd? {
    if crossedAt == nil && !computer.isInKernel && !owesBeforeCrossing { return cross() }
    skipAblated()
    monitors.execute(sight)
    stepFrom = processor.rip
    let returns = ablations.contains(.registerNotRestored) && computer.isInKernel && isNext(Ablation.iretq)
    let end = absorb(drive { $0.takeStep() })
    if returns, let at = injected?.boundary, processor.rip == at.rip, processor[.rsp] == at.rsp {
      processor[.r15] ^= 1 << 40
      struck.insert(.registerNotRestored)
    }
    return end
  }

  /// Goes on as fast as the machine can, up to the end or the boundary. What happens is the same as step by step. Nil at the boundary,
  /// and where something returned to the `meeting`.
  package func proceed(to boundary: Int = .max) -> RunEnd? {
    while self.boundary < boundary {
      let target = min(UInt64(boundary) &+ origin, start &+ UInt64(Self.bound + waited))
      if let end = mustSeeNext || isAblatedStepByStep ? step() : absorb(drive { $0.proceed(toward: target) }) {
        return end
      }
      if let meeting, processor.rip == meeting.rip, processor[.rsp] == meeting.rsp {
        lookAtStacks()
        return nil
      }
    }
    return nil
  }

  /// Lets the machine go on. What it reads and writes meanwhile is the guest's doing, and what is read between is not.
  private func drive(_ go: (any PlatformComputer) -> ComputerEnd) -> ComputerEnd {
    processor.footprint?.isOpen = true
    defer { processor.footprint?.isOpen = false }
    return go(computer)
  }

  /// The boundary at which the run stands.
  private var sight: Sight {
    gsOwner.follow(processor.segmentBase(.gs), user)
    return Sight(
      processor, step: boundary, isKernel: computer.isInKernel, isGuarding: computer.isGuarding,
      ownsRSP: !stack.isUser && hasRoom, gsIsUser: gsOwner.isUser, gsIsForeign: gsOwner.isForeign,
      interruptsOpen: computer.interruptsOpen, hasPending: computer.eventMask?.isEventPending ?? false,
      hasClaims: !claims.isEmpty, claimedOn: claims.isEmpty ? nil : claims.areOn(at: processor.rip))
  }

  private func isNext(_ instruction: [UInt8]) -> Bool {
    processor.bytes(atLinear: processor.rip, count: instruction.count) == instruction
  }

  // MARK: What happened

  /// Takes in what led to the boundary at which the machine stands.
  private func absorb(_ end: ComputerEnd, injected: Bool = false) -> RunEnd? {
    if !processor.transitions.isEmpty {
      for transition in processor.transitions {
        if transition.before.isKernel && !stack.isUser {
          monitors.move(to: transition.before.rsp, step: boundary, rip: transition.rip)
        }
        take(transition, injected: injected)
        followStacks(transition)
      }
      hasRoom = computer.canPushFrame(below: processor[.rsp])
      processor.tellsOfInterruptsLetIn = monitors.mindInterruptsLetIn
    }
    hearMask()
    processor.clearTransitions()
    listen()
    mustSeeNext = true
    switch end {
    case .budget: break
    case .powerOff(let how), .died(let how), .left(_, let how): return .dead(how)
    case .unsupported(let what): return .unsupported(what)
    }
    if console.count != consoleRead, let words = newLastWords() { return .dead("it said: \(words)") }
    if computer.isInKernel {
      entered = true
    } else if let crossedAt {
      // A crossing like single-stepping executes its user instruction first.
      if entered ? !computer.owesTheGuest : boundary >= crossedAt + 8 { return .user }
      return atBound()
    } else {
      // From a state that the user did not have the crossing is another one.
      if UserView(computer, userMemory) != before { return .user }
      entered = false
      return nil
    }
    if let end = atBound() { return end }
    mustSeeNext = monitors.arrive(sight)
    return nil
  }

  private func take(_ transition: Transition, injected: Bool) {
    if transition.kind != .invalidation { digest.add(transition) }
    // User mode is left step by step.
    writes.take(transition, at: boundary - 1, transition.before.isKernel ? transition.rip : stepFrom)
    monitors.watch(asGuarded(transition), step: boundary, processor)
    let (before, after) = (transition.before, transition.after)
    followHypervisor(transition)
    if !before.isKernel && computer.isInHypervisor {
      kernelIsToBeEntered = true
    } else if kernelIsToBeEntered && after.isKernel && !computer.isInHypervisor {
      kernelIsToBeEntered = false
      monitors.enter()
    }
    switch transition.kind {
    case .event, .lostEvent: record(transition, injected: injected)
    case .entry, .exit, .stackLoad:
      if transition.kind == .entry { monitors.enter() }
      if transition.kind == .exit {
        returnsToInterrupted = after.isKernel && monitors.isInterrupted(at: after.rsp)
        if !stack.isUser, isIRET(at: transition.rip) {
          monitors.takeFrame(at: before.rsp, step: boundary, rip: transition.rip)
        }
        monitors.leave(to: after.rsp, isKernel: after.isKernel, tables: tables(transition))
        if let sight = FREDSight(processor) {
          monitors.leave(
            FREDReturn(
              sight, step: boundary, from: transition.rip, rip: processor.rip, rsp: after.rsp, isKernel: after.isKernel)
          )
        }
        stackPointers.append(after.rsp)
      }
      if transition.kind == .stackLoad { followTasks(transition) }
      // Only a switch of tasks leaves a kernel stack for another one by an instruction and not by an event.
      if transition.kind == .stackLoad, monitors.haveForeignTables, !stack.isUser,
        !processor.isOnInterruptStack(before.rsp)
      {
        monitors.leaveStack()
      }
      if !after.isKernel {
        stack.follow(.user, to: after.rsp)
      } else if after.rsp != before.rsp {
        stack.follow(loaded(after.rsp), to: after.rsp)
      }
    case .pageTables:
      monitors.load(tables(transition), isKernel: after.isKernel)
      followTranslations(transition)
    case .invalidation: followTranslations(transition)
    case .letInterruptsIn:
      monitors.letInterruptsIn(
        at: transition.rip, step: boundary, nmiBlocked: processor.nmiBlocked || computer.blocksNMIsItself,
        onInterruptStack: !processor.deliversByFRED && processor.isOnInterruptStack(after.rsp), pending: false)
    case .stackMove, .gsBase, .flags, .speculationControl, .buffers, .lowBranch: break
    }
  }

  /// A hypervisor's own bytes take over from the guest, or give it back.
  private func followHypervisor(_ transition: Transition) {
    let was = isBelow
    isBelow = computer.isInHypervisor
    if isBelow && !was {
      left = transition.before.isKernel ? leftGuest(transition) : nil
    } else if was && !isBelow {
      if let left, transition.after.isKernel, let frame = bounceFrame(since: left, transition.after) {
        monitors.take(bounce: frame)
      }
      left = nil
    }
  }

  /// The tables that are loaded behind the transition.
  private func tables(_ transition: Transition) -> Tables {
    let top = Processor.topTable(of: transition.after.cr3)
    return Tables(top: top, isForeign: user.isForeign(topTable: top), step: boundary, rip: transition.rip)
  }

  private func followTranslations(_ transition: Transition) {
    let load = transition.kind == .pageTables && processor.usesPCIDs ? transition.after.cr3 : nil
    monitors.drop(transition.dropped, load: load, tables(transition))
  }

  private func record(_ transition: Transition, injected: Bool) {
    let delivery = computer.event(transition)
    if !delivery.fromKernel { stack.follow(.user, to: delivery.previousRSP) }
    var ownership = ownership(of: transition.before)
    // An alias of the kernel's stack that was made for the return (Linux, Documentation/arch/x86, espfix) has bits of the user's RSP.
    if delivery.atReturn, isFrameOfKernels(at: delivery.previousRSP, from: delivery.from) {
      ownership.subtract(.notKernelStack)
    }
    let record = DeliveryRecord(
      delivery, step: boundary, ownership: ownership, injected: injected, isLost: transition.kind == .lostEvent,
      isUnmapped: isUnmappedForKernel(delivery))
    let promise = record.isLost ? nil : computer.brokenPromise.map { (rip: processor.rip, message: $0) }
    monitors.take(
      record, tables: Processor.topTable(of: transition.before.cr3), claimedOn: claims.areOn(at: delivery.from),
      flags: transition.before.rflags, wasMasked: wereMasked(before: transition, delivery),
      onUsersGS: delivery.fromKernel && ownership.contains(.userGS) && !computer.isInHypervisor, promise: promise,
      fred: FREDSight(processor, behind: delivery, in: transition.before.rflags))
    if record.isLost { return }
    deliveries.append(record)
    if delivery.vector == Vector.nmi.rawValue { lastNMI = processor.position }
    stackPointers.append(delivery.frame)
    stack.interrupt(at: delivery.previousRSP)
    stack.follow(delivery.onCurrentStack ? .moved : .switched, to: delivery.frame)
  }

  /// A line that the kernel has just finished and in which it gives up.
  private func newLastWords() -> String? {
    guard console.count > consoleRead, console.last == UInt8(ascii: "\n") else { return nil }
    let bytes = console[consoleRead...]
    consoleRead = console.count
    return NoKernelDeath.lastLine(of: bytes)
  }

  /// Starts the bound on instructions anew, for another run from the same boundary.
  package func resetInstructions() { (start, waited) = (processor.position, 0) }

  // MARK: Injection

  /// Makes the event happen at this boundary. Nil while the run goes on.
  package func inject(_ event: EventKind, asCrossing: Bool = false) -> RunEnd? {
    stepFrom = processor.rip
    if !asCrossing { injected = (event, BoundaryState(computer)) }
    if crossedAt == nil && before == nil { before = UserView(computer, userMemory) }
    if hasAlarm && event == type(of: computer).timer && !alarmIsDue {
      processor.skipIdle(nanoseconds: Self.alarm)
      alarmIsDue = true
    }
    return absorb(drive { $0.inject(event) }, injected: true)
  }

  // MARK: The end

  /// How the run ended, now that it ended so.
  package func outcome(_ end: RunEnd) -> Outcome {
    // A run that died may have been about to go there.
    if end == .user { lookAtStacks() }
    var result = Outcome(end: end)
    (result.event, result.boundary) = (injected?.event, injected?.boundary)
    result.alarmIsDue = alarmIsDue
    if end != .user { result.stoppedAt = processor.rip }
    if case .bound = end { result.isAnothersTurn = isAnothersTurn }
    if end == .user {
      result.view = UserView(computer, userMemory)
      if crossedAt == nil { result.expected = before }
      result.unfinished = computer.unfinished
      result.entryChange = EntryState(computer, user).difference(from: entryState)
      // With IOPL 3 user mode has CLI.
      result.shutsEventsOut =
        !computer.interruptsOpen && (user.interruptsOpen || !processor.rflags.isSuperset(of: .ioPrivilegeLevel))
      if processor.topTable != user.topTable {
        result.foreignTables = processor.topTable
        // Not this task's user mode: what becomes of this one is still to come.
        result.isAnothersTurn = isAnothersTurn
      }
    }
    return result
  }
}
