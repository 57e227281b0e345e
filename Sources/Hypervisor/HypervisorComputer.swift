/// A hypervisor's own bytes as a platform: Debian's Xen runs on the bare-metal machine, with the kernel as its domain 0, and a crossing
/// goes from the user through the hypervisor into the kernel and back the same way. Nothing of Xen is modelled here; what is below it is
/// the processor and the board, which deliver every event by the manuals' rules.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `xen/arch/x86/pv/domain.c`, `toggle_guest_mode`: kernel and user of a 64-bit PV guest both run at
/// privilege 3, and the user's page tables do not hold the kernel. By that the two are told apart.
///
/// Not modelled: a kernel that maps itself in its user's page tables; that a breakpoint is met while the guest's own DR6, which Xen keeps,
/// still has the causes of another.
import BareMetal
import Findings
import KernelImage
import Machine
import Platform

public final class HypervisorComputer: PlatformComputer {
  public static var platform: PlatformName { .xen }

  public static var commandLine: String { "console=hvc0 nokaslr" }

  /// The processor's, and the guest's timer: an interrupt behind which Xen has an upcall for its guest.
  public static var events: [EventKind] {
    [.nmi, .externalInterrupt, .machineCheck, .debugBreakpoint, .pageFault, .eventUpcall]
  }
  /// An external interrupt is the hypervisor's own, and may come before anything of the guest's is due.
  public static var timer: EventKind { .eventUpcall }

  /// What the hypervisor is told before what the user adds. It finds the memory map in real mode, which the machine has not, or is told of it
  /// by the loader; the console that is not there is the display's.
  public static let hypervisorCommandLine =
    "xen no-real-mode console=com1 com1=115200,8n1 dom0_max_vcpus=1 watchdog=0 nmi=dom0 noreboot serial_tx_buffer=1M xpti=no"

  let machine: BareMetalComputer
  public var console: ((UInt8) -> Void)?
  /// What it said, and what it had said at each fork.
  private var words = HypervisorWords()
  private var forks: [HypervisorWords] = []
  /// Where `struct vcpu` names the guest's vcpu_info.
  let vcpuInfoField: UInt64?

  private init(_ machine: BareMetalComputer, _ guest: Guest) {
    self.machine = machine
    vcpuInfoField = guest.hypervisor.flatMap { Self.vcpuInfoField(in: $0.image.bytes) }
    machine.processor.guestKernel = Self.anchor(guest.kernel)
    machine.console = { [unowned self] in
      words.hear($0)
      console?($0)
    }
  }

  /// The kernel's first address in the upper half, where its user has nothing.
  private static func anchor(_ kernel: KernelImage) -> UInt64? {
    kernel.loadSegments.filter { !$0.isInaccessible && $0.virtualAddress >> 63 != 0 }.map(\.virtualAddress).min()
  }

  // MARK: Start and archive

  public static func start(_ guest: Guest, profile: Profile) throws -> Self {
    guard let hypervisor = guest.hypervisor else { throw Guest.Refusal.noHypervisor(platform) }
    guard guest.modules.isEmpty else { throw Guest.Refusal.noModules(kernel: guest.kernel.name) }
    guard hypervisor.image.bootProtocol == .multiboot else {
      throw Guest.Refusal.notForPlatform(
        kernel: hypervisor.image.name, platform: platform,
        why: "a hypervisor is started by multiboot, and the image has no header for that")
    }
    let kernel = guest.kernel
    guard anchor(kernel) != nil else {
      throw Guest.Refusal.notForPlatform(
        kernel: kernel.name, platform: platform,
        why: "it has no segment in the upper half of the address space, by which kernel and user are told apart")
    }
    let domain = Guest.Module(bytes: kernel.bytes, words: "\(kernel.name) \(guest.commandLine)")
    // Half of the memory is the domain's, and the rest Xen's own with room for its modules.
    let line = [hypervisorCommandLine, "dom0_mem=\(guest.memory / 2)M", hypervisor.commandLine]
    let below = Guest(
      kernel: hypervisor.image, initrd: [],
      modules: [domain] + (guest.initrd.isEmpty ? [] : [Guest.Module(bytes: guest.initrd, words: "initrd")]),
      commandLine: line.filter { !$0.isEmpty }.joined(separator: " "), memory: guest.memory)
    return Self(try BareMetalComputer.start(below, profile: profile), guest)
  }

  public var archive: ComputerArchive? { machine.archive }

  public static func resume(
    _ archive: ComputerArchive, guest: Guest, file descriptor: Int32, fileSize: Int, profile: Profile
  ) -> Self? {
    BareMetalComputer.resume(archive, guest: guest, file: descriptor, fileSize: fileSize, profile: profile)
      .map { Self($0, guest) }
  }

  // MARK: Running

  public var processor: Processor { machine.processor }
  public func feedConsole(_ bytes: [UInt8]) { machine.feedConsole(bytes) }

  public func proceed(_ budget: UInt64, until address: UInt64?) -> ComputerEnd {
    ended(machine.proceed(budget, until: address))
  }
  public func proceed(toward position: UInt64) -> ComputerEnd { ended(machine.proceed(toward: position)) }
  public func takeStep() -> ComputerEnd { ended(machine.takeStep()) }

  /// A hypervisor that gives up halts, or resets the machine: what it said tells who died.
  private func ended(_ end: ComputerEnd) -> ComputerEnd {
    switch end {
    case .powerOff, .died:
      words.death.map { .died(how: $0) } ?? (words.domainGaveUp ? .died(how: "it had its domain crashed") : end)
    case .budget, .left, .unsupported: end
    }
  }

  public func settledPlatform(blockingNMIs: Bool) -> Int { machine.settledPlatform(blockingNMIs: blockingNMIs) }
  public var platformUses: Int { machine.platformUses }
  public var blocksNMIsItself: Bool { false }
  public var eventMask: EventMask? { nil }
  public var isEventDue: Bool { machine.isEventDue }
  /// An NMI's handler that came from the guest leaves the rest to an interrupt of its own: `handle_ist_exception` in entry.S.
  public var owesTheGuest: Bool { machine.board.interruptRequest && !isInKernel }

  public func fork() {
    machine.fork()
    forks.append(words)
  }
  public func restore() {
    machine.restore()
    words = forks[forks.count - 1]
  }
  public func refork() {
    machine.refork()
    forks[forks.count - 1] = words
  }
  public func drop() {
    machine.drop()
    forks.removeLast()
  }

  // MARK: The boundary

  public var isInKernel: Bool { processor.runsKernel }
  public var isInHypervisor: Bool { processor.cpl != 3 }
  /// An interrupt leaves its frame on the hypervisor's stack wherever the guest runs, and where the guest lets its own events in is between
  /// the two: in the guest's kernel none is let in by the processor's rules.
  public var interruptsOpen: Bool { machine.interruptsOpen && (isInHypervisor || !isInKernel) }

  /// The hypervisor pushes the frames of the guest's events, and can where the guest could; the processor pushes those of its own.
  public func canPushFrame(below rsp: UInt64) -> Bool {
    isInHypervisor ? machine.canPushFrame(below: rsp) : processor.isMappedWritable(rsp &- 8)
  }

  /// What the guest asks of the hypervisor, and what only the hypervisor can do.
  public var nextIsPrivileged: Bool {
    guard isInKernel else { return false }
    return processor.nextInstructionIsPrivileged()
      || !isInHypervisor && processor.bytes(atLinear: processor.rip, count: 2) == [0x0F, 0x05]
  }

  public func hearHypercalls(_ hear: ((String) -> Void)?) {}
  public var debugRegisters: [UInt64] { machine.debugRegisters }
  /// The hypervisor's lie in one block, and those of its guest it alone knows.
  public var stackTops: [UInt64] { [] }
  /// The hypervisor's own: what it keeps of its guest lies in its memory.
  public var entryState: EntryState { machine.entryState }
  public var entryBytes: [UInt64: UInt8] { machine.entryBytes }

  // MARK: Events

  /// An interrupt that is none of the guest's does not reach its kernel, and would be no crossing.
  public func event(of crossing: CrossingKind) -> EventKind? {
    crossing == .irq ? .eventUpcall : machine.event(of: crossing)
  }

  public func obstacle(to event: EventKind) -> Arrival? {
    switch event {
    case .nmi, .externalInterrupt, .machineCheck: return machine.obstacle(to: event)
    // One of the guest's own pages is the guest's, and Xen's tables are not older than what it loads of them.
    case .pageFault: return isInHypervisor ? machine.obstacle(to: event) : .noSource
    case .eventUpcall: return machine.obstacle(to: .externalInterrupt)
    case .debugBreakpoint:
      // Xen lets its guest set none in its own addresses: `set_debugreg` in xen/arch/x86/traps.c.
      if !isInKernel || isInHypervisor { return .noSource }
      return processor.canTakeInstructionBreakpoint ? nil : .masked
    default: return .noSource
    }
  }

  /// Whatever timer the guest has set is due by then: it ticks 250 times a second at least where it is Linux, and where nothing is set Xen's
  /// periodic timer 100 times: `vcpu_create` in xen/common/domain.c. Xen's own clock, a counter of 16 bits at worst, has not wrapped.
  private static let tick: UInt64 = 20_000_000

  public func leftover(against event: EventKind) -> String? { machine.leftover(against: event) }
  public func inject(_ event: EventKind) -> ComputerEnd {
    guard event == .eventUpcall else { return ended(machine.inject(event)) }
    processor.skipIdle(nanoseconds: Self.tick)
    return ended(machine.inject(.externalInterrupt))
  }
  public func event(_ transition: Transition) -> DeliveredEvent { machine.event(transition) }
  public var brokenPromise: String? { nil }
  public var unfinished: Unfinished { machine.unfinished }

  // MARK: Ablations

  public func prepare(_ ablation: Ablation) -> Verdict? {
    .notApplicable(reason: "the guard is not taken away from a hypervisor's own bytes")
  }
}
