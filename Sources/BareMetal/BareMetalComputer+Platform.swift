/// Bare metal as a platform: the processor delivers every event itself, by the rules of the manuals.
///
/// SDM vol. 3A, "Interrupt and Exception Handling"; AMD APM vol. 2, "Exceptions and Interrupts".
import Findings
import Foundation
import KernelImage
import Machine
import Platform

extension BareMetalComputer: PlatformComputer {
  public static var platform: PlatformName { .bareMetal }

  public static var commandLine: String { "console=ttyS0 nokaslr" }

  public static var events: [EventKind] {
    [
      .nmi, .externalInterrupt, .machineCheck, .debugBreakpoint, .pageFault, .hostVector80, .hostSpurious,
      .hostMaskedInterrupt, .hostVC,
    ]
  }
  public static var timer: EventKind { .externalInterrupt }

  // MARK: Start and archive

  public static func start(_ guest: Guest, profile: Profile) throws -> Self {
    let kernel = guest.kernel
    guard let placement = try kernel.placement() else { throw Guest.Refusal.noEntryPoint(kernel: kernel.name) }
    let segments = placement.segments.map {
      Segment(address: $0.physicalAddress, bytes: kernel.contents(of: $0), memorySize: $0.memorySize)
    }
    if placement.bootProtocol == .pvh && !guest.modules.isEmpty { throw Guest.Refusal.noModules(kernel: kernel.name) }
    do throws(StartRefusal) {
      let computer = try Self(memorySize: guest.memory << 20, profile: profile)
      switch placement.bootProtocol {
      case .pvh:
        try computer.start(
          segments: segments, entry: placement.entry, initrd: guest.initrd, commandLine: guest.commandLine)
      case .multiboot:
        let modules = (guest.initrd.isEmpty ? [] : [Guest.Module(bytes: guest.initrd, words: "initrd")]) + guest.modules
        try computer.startMultiboot(
          segments: segments, entry: placement.entry,
          modules: modules.map { Module(bytes: $0.bytes, words: $0.words) }, commandLine: guest.commandLine)
      }
      return computer
    } catch {
      throw Guest.Refusal.doesNotFit(
        kernel: kernel.name, why: "\(error)",
        remedy: Guest.Remedy(more: error.needsMemory, less: error.hasTooMuchMemory))
    }
  }

  public var archive: ComputerArchive? {
    guard let board = try? JSONEncoder().encode(board) else { return nil }
    return ComputerArchive(processor: processor.archive, platform: [UInt8](board))
  }

  public static func resume(
    _ archive: ComputerArchive, guest: Guest, file descriptor: Int32, fileSize: Int, profile: Profile
  ) -> Self? {
    guard fileSize == guest.memory << 20,
      let board = try? JSONDecoder().decode(Board.self, from: Data(archive.platform)),
      let state = Processor.state(fromArchive: archive.processor)
    else { return nil }
    return try? Self(memorySize: fileSize, file: descriptor, state: state, board: board, profile: profile)
  }

  // MARK: Running

  public func feedConsole(_ bytes: [UInt8]) { board.feedSerial(bytes) }

  public func proceed(_ budget: UInt64, until address: UInt64?) -> ComputerEnd {
    ComputerEnd(run(budget, until: address))
  }

  public func proceed(toward position: UInt64) -> ComputerEnd { ComputerEnd(run(.max / 2, toward: position)) }

  public func takeStep() -> ComputerEnd { ComputerEnd(step()) }

  public var isEventDue: Bool { board.nmiRequest || board.interruptRequest }
  public var blocksNMIsItself: Bool { false }
  public func settledPlatform(blockingNMIs: Bool) -> Int { settledBoards.number(of: board) }

  // MARK: The boundary

  public var isInKernel: Bool { processor.cpl != 3 }
  public var interruptsOpen: Bool { processor.rflags.contains(.interruptEnable) }
  public var eventMask: EventMask? { nil }
  /// The word below RSP is mapped, writable and not the user's.
  public func canPushFrame(below rsp: UInt64) -> Bool { processor.isSupervisorWritable(rsp &- 8) }
  public var nextIsPrivileged: Bool { isInKernel && processor.nextInstructionIsPrivileged() }

  public var stackTops: [UInt64] { processor.taskStackTops }
  public var entryState: EntryState { processor.entryState }
  public var entryBytes: [UInt64: UInt8] { processor.entryBytes }

  public var debugRegisters: [UInt64] { [0, 1, 2, 3, 7].map(processor.debugRegister) }

  public func hearHypercalls(_ hear: ((String) -> Void)?) {}

  // MARK: Events

  public func event(of crossing: CrossingKind) -> EventKind? {
    switch crossing {
    case .irq: .externalInterrupt
    case .nmi: .nmi
    default: nil
    }
  }

  public func obstacle(to event: EventKind) -> Arrival? {
    switch event {
    // The trap of the instruction before goes first, and what it leads to has boundaries of its own: SDM vol. 3A, "Priority Among
    // Concurrent Events"; AMD APM vol. 2, "Priorities".
    case .nmi: return !processor.canTakeNMI ? .blocked : processor.debugTrapIsDue ? .masked : nil
    case .externalInterrupt:
      if !processor.canTakeInterrupt || processor.debugTrapIsDue { return .masked }
      return board.canRaiseTimerInterrupt ? nil : .noSource
    case .machineCheck:
      // Behind another that is not over it would shut the processor down, and no kernel can do anything about that.
      if processor.machineCheckIsInProgress || isOnStack(of: .machineCheck) { return .blocked }
      // It would discard a debug trap that the user is due, and no kernel could make up for that.
      return processor.machineChecksEnabled && (isInKernel || !processor.debugTrapIsDue) ? nil : .noSource
    case .debugBreakpoint:
      // One in user code is no event that the user cannot see, but a crossing.
      if !isInKernel || isOnStack(of: .debug) || debugStatusIsLeft { return .noSource }
      return processor.canTakeInstructionBreakpoint ? nil : .masked
    case .pageFault:
      // One in user code is a crossing; and what is due at the boundary goes first.
      return isInKernel && !isEventIn && processor.nextStore() != nil ? nil : .noSource
    case .hostVector80, .hostSpurious, .hostMaskedInterrupt, .hostVC: return obstacle(toHost: event)
    default: return .noSource
    }
  }

  /// An interrupt is asked for and let in.
  private var isEventIn: Bool { board.nmiRequest || board.interruptRequest && processor.canTakeInterrupt }

  /// On the interrupt stack of #DB itself no breakpoint is met: the second frame would take the place of the first, which no
  /// kernel survives, and so none lets a breakpoint be set there (SDM vol. 3A, "Interrupt Stack Table"; Linux:
  /// `within_kprobe_blacklist` in arch/x86/kernel/hw_breakpoint.c, `local_db_save`). Nor is one met from there until DR6 is
  /// clear of the first's causes: the processor adds to them, and nobody could tell the two apart (SDM vol. 3B, "Debug Status
  /// Register (DR6)"). A machine check on its own stack is the same case: MCIP, which keeps a second one out, is cleared before the IRET,
  /// and whatever stands between the two stands on that stack (Linux: `do_machine_check` in arch/x86/kernel/cpu/mce/core.c writes it last).
  /// Where an NMI has the same stack, it may be an NMI that stands there, and nothing keeps the other out.
  /// By FRED a second frame lies below the first: of the two only a breakpoint is kept out, where #DB has a level.
  private func isOnStack(of vector: Vector) -> Bool {
    if processor.deliversByFRED {
      guard vector == .debug else { return false }
      let level = Int(processor.stackLevel(of: vector))
      return level > 0 && processor.fred.stacks[level] &- processor[.rsp] <= 4096
    }
    guard let top = processor.interruptStackTop(of: vector), top &- processor[.rsp] <= 4096 else { return false }
    return !(processor.nmiBlocked && processor.interruptStack(of: .nmi) == processor.interruptStack(of: vector))
  }

  /// DR6 holds the causes of a #DB that the next one will seem to have too. FRED gives every #DB its own in the frame.
  private var debugStatusIsLeft: Bool {
    !processor.deliversByFRED && processor.debugRegister(6) & DR6.causes != 0
  }

  public func leftover(against event: EventKind) -> String? {
    switch event {
    case .nmi: processor.nmiBlocked ? "NMIs are blocked" : nil
    case .externalInterrupt, .hostVector80, .hostSpurious:
      board.localAPIC.isServicing ? "an interrupt is in service" : nil
    case .machineCheck: processor.machineCheckIsInProgress ? "MCG_STATUS says that one is in progress" : nil
    case .debugBreakpoint: debugStatusIsLeft ? "DR6 holds causes" : nil
    default: nil
    }
  }

  public func inject(_ event: EventKind) -> ComputerEnd {
    switch event {
    case .nmi:
      processor.raiseNMI()
      return takeStep()
    case .externalInterrupt:
      // The timer's, which every kernel expects at any time.
      board.raiseTimer()
      return takeStep()
    case .machineCheck: return ComputerEnd(deliver { $0.deliverMachineCheck() })
    case .debugBreakpoint: return ComputerEnd(deliver { $0.deliverInstructionBreakpoint(0) })
    case .pageFault:
      guard let store = processor.nextStore() else {
        return .unsupported("a spurious page fault where nothing is stored")
      }
      return ComputerEnd(deliver { $0.deliverSpuriousPageFault(of: store) })
    case .hostVector80, .hostSpurious, .hostMaskedInterrupt, .hostVC: return injectHost(event)
    default: return .unsupported("\(event.title) is not injected on bare metal")
    }
  }

  public func event(_ transition: Transition) -> DeliveredEvent {
    let fred = transition.delivery.flatMap { FREDDelivered(rawValue: $0.platformKind) }
    let call = fred.flatMap { $0.isSyscall ? "SYSCALL" : $0.isSysenter ? "SYSENTER" : nil }
    return DeliveredEvent(transition, name: call ?? "vector \(transition.delivery?.vector ?? 0)", fred: fred)
  }

  /// The processor promises nothing that the boundary itself would not show.
  public var brokenPromise: String? { nil }

  public var unfinished: Unfinished {
    Unfinished(
      nmiBlocked: processor.nmiBlocked, interrupt: board.localAPIC.isServicing,
      debugStatus: debugStatusIsLeft, machineCheck: processor.machineCheckIsInProgress)
  }
}

extension ComputerEnd {
  init(_ end: BareMetalComputer.End) {
    self =
      switch end {
      case .budget: .budget
      case .powerOff: .powerOff(how: "it halts and nothing can wake it")
      case .softOff: .powerOff(how: "it switched the machine off")
      case .reset(let byShutdown):
        .died(how: byShutdown ? "the processor shut down (triple fault)" : "it reset the machine")
      case .debugExit(let status): .left(status: status, how: "it left through the debug port")
      case .unsupported(let what): .unsupported("\(what)")
      }
  }
}
