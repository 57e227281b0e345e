/// Xen PV as a platform: the hypervisor delivers every event by a bounce frame, and kernel and user share privilege 3.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `create_bounce_frame`, `test_all_events`; `xen/include/public/callback.h`.
import Findings
import Foundation
import KernelImage
import Machine
import Platform

extension XenPVComputer: PlatformComputer {
  public static var platform: PlatformName { .xenPV }

  public static var commandLine: String { "console=hvc0 nokaslr" }

  public static var events: [EventKind] {
    [.debugBreakpoint, .eventUpcall, .nmiCallback, .virtualMachineCheck, .hostFailsafe]
  }
  public static var timer: EventKind { .eventUpcall }

  // MARK: Start and archive

  public static func start(_ guest: Guest, profile: Profile) throws -> Self {
    guard let computer = Self(memorySize: guest.memory << 20, profile: profile) else {
      throw Guest.Refusal.noMemory(mebibytes: guest.memory)
    }
    guard let elf = guest.kernel.elf else {
      throw Guest.Refusal.notForPlatform(kernel: guest.kernel.name, platform: .xenPV, why: "it is no ELF file")
    }
    guard guest.modules.isEmpty else { throw Guest.Refusal.noModules(kernel: guest.kernel.name) }
    let kernel = GuestKernel(
      entry: elf.entry,
      segments: guest.kernel.loadSegments.filter { !$0.isInaccessible }.map {
        GuestKernel.Segment(
          physicalAddress: $0.physicalAddress, bytes: guest.kernel.contents(of: $0), memorySize: $0.memorySize)
      },
      notes: guest.kernel.notes.filter(\.isXens).map {
        GuestKernel.Note(type: $0.type, descriptor: $0.descriptor)
      },
      guestString: guest.kernel.guestString, is32Bit: elf.fileClass == .elf32, hasSymbolTable: elf.hasSymbolTable)
    do {
      try computer.build(
        kernel, module: guest.initrd.isEmpty ? nil : guest.initrd, commandLine: guest.commandLine)
    } catch {
      if let remedy = Guest.Remedy(more: error.needsMemory, less: error.hasTooMuchMemory) {
        throw Guest.Refusal.doesNotFit(kernel: guest.kernel.name, why: "\(error)", remedy: remedy)
      }
      throw Guest.Refusal.notForPlatform(kernel: guest.kernel.name, platform: .xenPV, why: "\(error)")
    }
    computer.domain.vcpu.initialKernelSP = computer.domain.vcpu.kernelSP
    return computer
  }

  public var archive: ComputerArchive? {
    guard let domain = try? JSONEncoder().encode(domain) else { return nil }
    return ComputerArchive(processor: processor.archive, platform: [UInt8](domain))
  }

  public static func resume(
    _ archive: ComputerArchive, guest: Guest, file descriptor: Int32, fileSize: Int, profile: Profile
  ) -> Self? {
    guard let domain = try? JSONDecoder().decode(Domain.self, from: Data(archive.platform)),
      domain.map == MachineMap(domainPages: guest.memory << 8), fileSize == domain.map.memorySize,
      let state = Processor.state(fromArchive: archive.processor)
    else { return nil }
    return Self(file: descriptor, state: state, domain: domain, profile: profile)
  }

  // MARK: Running

  public func feedConsole(_ bytes: [UInt8]) { type(bytes) }

  public func proceed(_ budget: UInt64, until address: UInt64?) -> ComputerEnd {
    ComputerEnd(run(budget, until: address))
  }

  public func proceed(toward position: UInt64) -> ComputerEnd { ComputerEnd(run(.max / 2, toward: position)) }

  public func takeStep() -> ComputerEnd { ComputerEnd(step()) }

  public var isEventDue: Bool { hasDueTimer }
  public var blocksNMIsItself: Bool { true }

  public func settledPlatform(blockingNMIs: Bool) -> Int {
    var settled = domain
    settled.forgetDeliveries()
    settled.vcpu.timers.settle(at: now)
    if blockingNMIs { settled.vcpu.blockNMIs() }
    return settledDomains.number(of: settled)
  }

  // MARK: The boundary

  public var isInKernel: Bool { domain.vcpu.isInKernel }
  public var interruptsOpen: Bool { upcallMask == 0 }
  public var eventMask: EventMask? {
    EventMask(byte: domain.vcpu.vcpuInfo + VCPUInfo.upcallMask, isEventPending: upcallPending != 0)
  }

  /// Every page that the longest frame could touch is mapped and writable in the kernel's tables, and not the hypervisor's.
  public func canPushFrame(below rsp: UInt64) -> Bool {
    let top = rsp & ~0xF
    return processor.isMappedWritable(top &- 8) && processor.isMappedWritable(top &- 64)
  }

  public var nextIsPrivileged: Bool {
    guard isInKernel else { return false }
    // SYSCALL in the kernel is a hypercall. SDM vol. 2B, "SYSCALL": 0F 05.
    return processor.nextInstructionIsPrivileged()
      || processor.bytes(atLinear: processor.rip, count: 2) == [0x0F, 0x05]
  }

  public var stackTops: [UInt64] { [domain.vcpu.kernelSP].filter { $0 != 0 } }
  public var entryState: EntryState { domain.vcpu.entryState }
  /// Xen keeps all of it itself.
  public var entryBytes: [UInt64: UInt8] { [:] }

  public var debugRegisters: [UInt64] {
    (0..<4).map(processor.debugRegister) + [domain.vcpu.dr7 | domain.vcpu.dr7Emulated]
  }

  public var sharedCPU: SharedCPU? {
    processor.memory.bytes(at: domain.vcpu.vcpuInfo, count: 24).flatMap { SharedCPU($0) }
  }

  public func hearHypercalls(_ hear: ((String) -> Void)?) {
    hypercallObserver = hear.map { hear in { call, _ in hear(Self.kind(call)) } }
  }

  private static func kind(_ call: HypercallArguments) -> String {
    guard let hypercall = Hypercall(rawValue: call.number) else { return "hypercall \(call.number)" }
    return hypercall.hasOperation ? "\(hypercall.name)(\(call.first & 0xFFFF_FFFF))" : hypercall.name
  }

  // MARK: Events

  public func event(of crossing: CrossingKind) -> EventKind? {
    switch crossing {
    case .irq: .eventUpcall
    case .nmi: .nmiCallback
    default: nil
    }
  }

  public func obstacle(to event: EventKind) -> Arrival? {
    let traps = domain.vcpu.traps
    switch event {
    case .debugBreakpoint:
      // As on bare metal: not in user code, and not while the virtual DR6 has causes that the kernel has not cleared.
      if traps[1].address == 0 || !isInKernel || domain.vcpu.dr6 & DR6.causes != 0 { return .noSource }
      return processor.rflags.contains(.resume) || processor.shadow == .movSS ? .masked : nil
    case .eventUpcall:
      if !hasTimerEvent { return .noSource }
      return upcallMask == 0 && canEnterHypervisor ? nil : .masked
    case .nmiCallback:
      if traps[2].address == 0 { return .noSource }
      if !canEnterHypervisor { return .masked }
      return acceptsNMI ? nil : .blocked
    case .virtualMachineCheck:
      if traps[18].address == 0 { return .noSource }
      if !canEnterHypervisor { return .masked }
      return acceptsMachineCheck ? nil : .blocked
    case .hostFailsafe:
      // One that holds a selector would lose it, and no kernel could give it back.
      guard domain.vcpu.failsafeCallback.address != 0, processor.selectors[SegmentName.es.rawValue] <= 3 else {
        return .noSource
      }
      return canEnterHypervisor ? nil : .masked
    default: return .noSource
    }
  }

  /// Xen marks an upcall pending whatever the mask is. It may be delivered by an iret that opens the mask, before the return that the
  /// iret is for: `test_all_events` in `xen/arch/x86/x86_64/entry.S`.
  public func canBecomePending(_ event: EventKind) -> Bool {
    event == .eventUpcall && isInKernel && upcallMask != 0 && upcallPending == 0 && hasTimerEvent && canEnterHypervisor
  }

  public func leftover(against event: EventKind) -> String? {
    switch event {
    case .nmiCallback: unfinished.nmiBlocked ? "NMIs are masked" : nil
    case .virtualMachineCheck: unfinished.machineCheck ? "machine checks are masked" : nil
    case .debugBreakpoint: domain.vcpu.dr6 & DR6.causes != 0 ? "DR6 holds causes" : nil
    default: nil
    }
  }

  public func inject(_ event: EventKind) -> ComputerEnd {
    switch event {
    case .debugBreakpoint: ComputerEnd(injectInstructionBreakpoint())
    case .eventUpcall: ComputerEnd(injectTimerEvent())
    case .nmiCallback: ComputerEnd(injectNMI())
    case .virtualMachineCheck: ComputerEnd(injectMachineCheck())
    case .hostFailsafe: ComputerEnd(injectFailsafe())
    default: .unsupported("\(event.title) is not injected on Xen PV")
    }
  }

  public func event(_ transition: Transition) -> DeliveredEvent {
    let delivered = transition.delivery
    let kind = Delivery.Kind(rawValue: delivered?.platformKind ?? 0) ?? .exception
    return DeliveredEvent(transition, name: Self.name(kind, delivered?.vector ?? 0), isBounce: true)
  }

  private static func name(_ kind: Delivery.Kind, _ vector: UInt8) -> String {
    switch kind {
    case .exception: "vector \(vector)"
    case .softwareInterrupt: "INT 0x\(String(vector, radix: 16))"
    case .systemCall: "SYSCALL"
    case .systemEnter: "SYSENTER"
    case .eventUpcall: "event upcall"
    case .nmi: "NMI callback"
    case .machineCheck: "virtual MCE"
    case .failsafe: "failsafe callback"
    }
  }

  /// Xen `xen/include/public/xen.h`, HYPERVISOR_stack_switch: "tss->esp0" of a PV guest.
  public var lastFrameEndsAtKernelStack: Bool? {
    guard let last = domain.lastDelivery else { return nil }
    let words = last.kind.wordCount + (last.errorCode == nil ? 0 : 1)
    return last.frame &+ UInt64(words) * 8 == domain.vcpu.kernelSP & ~0xF
  }

  /// A handler that was registered to run with events masked does.
  public var brokenPromise: String? {
    guard upcallMask == 0, let last = domain.lastDelivery else { return nil }
    let vcpu = domain.vcpu
    let masks =
      switch last.kind {
      case .exception, .softwareInterrupt, .nmi, .machineCheck: vcpu.traps[Int(last.vector)].masksEvents
      case .systemCall:
        processor.rip == vcpu.syscall32Callback.address && processor.rip != vcpu.syscallCallback.address
          ? vcpu.syscall32Callback.masksEvents : vcpu.syscallCallback.masksEvents
      case .systemEnter: vcpu.sysenterCallback.masksEvents
      case .eventUpcall: true
      case .failsafe: vcpu.failsafeCallback.masksEvents
      }
    guard masks else { return nil }
    return
      "the handler of \(Self.name(last.kind, last.vector)), registered to run with events masked, runs with them let in"
  }

  public var unfinished: Unfinished {
    Unfinished(
      nmiBlocked: domain.vcpu.traps[2].address != 0 && !acceptsNMI, interrupt: upcallPending != 0 && upcallMask == 0,
      debugStatus: domain.vcpu.dr6 & DR6.causes != 0,
      machineCheck: domain.vcpu.traps[18].address != 0 && !acceptsMachineCheck)
  }
}

extension ComputerEnd {
  init(_ end: XenPVComputer.End) {
    self =
      switch end {
      case .budget: .budget
      case .powerOff: .powerOff(how: "the domain powered off, or blocks and nothing can wake it")
      case .reboot: .died(how: "the domain rebooted")
      case .crash(let reason): .died(how: "the domain crashed: \(reason)")
      case .unsupported(let what): .unsupported(what)
      }
  }
}
