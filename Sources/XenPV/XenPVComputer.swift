/// The whole computer of one PV domain: one processor, machine memory and the hypervisor, and the loop that lets them act on
/// each other.
///
/// The processor runs the guest alone; whatever enters the hypervisor stops it, is handled here as Xen does, and the guest goes
/// on. Everything happens in virtual time, one virtual CPU on one processor.
import Machine

public final class XenPVComputer {
  public let processor: Processor
  public var domain: Domain
  /// Hears the bytes that the guest sends to its console.
  public var console: ((UInt8) -> Void)?
  /// Hears each hypercall when it is made: number, arguments, and where from.
  public var hypercallObserver: ((HypercallArguments, UInt64) -> Void)?

  /// The guest's registers while the hypervisor runs: `cpu_user_regs`, as far as they are not the processor's own.
  var registers = UserRegisters()
  /// The call that the guest is to make again, when the current one did a part of its work.
  var continuation: HypercallArguments?
  var isInMulticall = false
  /// Page-table entries looked at since the current call began: one that goes on for long is continued by the guest.
  var memoryWork = 0
  private var forks: [Domain] = []
  /// Numbers for domains: see `StateNumbers`.
  public var settledDomains = StateNumbers<Domain>()
  public private(set) var platformUses = 0

  /// Why a run ended.
  public enum End: Sendable, Hashable {
    case budget
    /// SHUTDOWN_poweroff, or the guest blocks and nothing can wake it.
    case powerOff
    case reboot
    /// The domain is dead: the hypervisor crashed it, or it asked for it.
    case crash(reason: String)
    case unsupported(String)
  }

  /// A computer whose memory is empty: `build` places a kernel. Nil when the host has no room for the memory.
  public init?(memorySize: Int, profile: Profile) {
    let map = MachineMap(domainPages: memorySize >> 12)
    guard let memory = PhysicalMemory(size: map.memorySize) else { return nil }
    processor = Processor(memory: memory, profile: profile)
    domain = Domain(map: map)
    processor.interception = Self.interception
  }

  /// A computer that goes on from a snapshot: machine memory from an open file, privately mapped.
  public init?(file descriptor: Int32, state: ProcessorState, domain: Domain, profile: Profile) {
    guard let memory = PhysicalMemory(size: domain.map.memorySize, privateCopyOf: descriptor) else { return nil }
    processor = Processor(memory: memory, profile: profile)
    self.domain = domain
    processor.interception = Self.interception
    processor.setState(state)
  }

  /// Gates of privilege 3 in Xen's IDT: #BP, #OF and the direct gate of INT 0x80. Xen `xen/arch/x86/traps.c`, `trap_init`.
  static let interception = Interception(userVectors: [3, 4, 0x80])

  /// NOW(): nanoseconds since the machine started.
  var now: UInt64 { processor.now }

  // MARK: Running

  /// Runs until `budget` is spent (see `Processor.spent`), `position` is reached, a stop was requested or the domain ends; with
  /// `address`, also until the instruction there is next.
  public func run(_ budget: UInt64, until address: UInt64? = nil, toward position: UInt64 = .max) -> End {
    let limit = processor.spent &+ budget
    while true {
      if let end = end { return end }
      let spent = processor.spent
      if spent >= limit || processor.position >= position || processor.isStopRequested || processor.rip == address {
        return .budget
      }
      if enterByTimer() { continue }
      // No step spends less than one.
      var slice = min(limit - spent, position - processor.position)
      if let deadline = nextDeadline { slice = min(slice, max(1, processor.instructions(until: deadline))) }
      let exit = address.map { processor.run(slice, until: $0) } ?? processor.run(slice)
      // What enters the hypervisor without an event uses up the budget as well.
      if processor.spent == spent { processor.charge(1) }
      if let end = answer(exit) { return end }
      processor.stopInWatchedCode()
    }
  }

  /// Takes one step: one instruction with whatever the hypervisor does about it, or the delivery of one event that is due.
  public func step() -> End {
    let position = processor.position
    while end == nil && processor.position == position && enterByTimer() {}
    if let end { return end }
    if processor.position != position { return .budget }
    return answer(processor.step()) ?? end ?? .budget
  }

  /// Enters the hypervisor where the guest waits or a timer is due; false where neither is. What is delivered to the guest is a step.
  private func enterByTimer() -> Bool {
    let delivered = domain.deliveries
    if domain.vcpu.isBlocked {
      wake()
    } else if processor.canTakeExternalEvent && runTimers() {
      returnFromInterrupt()
    } else {
      return false
    }
    if domain.deliveries != delivered || end != nil { processor.countStep() }
    platformUses += 1
    return true
  }

  func answer(_ exit: Exit) -> End? {
    if case .budget = exit {} else { platformUses += 1 }
    switch exit {
    case .budget: return nil
    case .intercepted(let what, _):
      enterHypervisor(what)
      return end
    case .unsupported(let what): return .unsupported("\(what)")
    case .deviceAccess: return .unsupported("an access to machine memory that is not RAM")
    case .halted, .interruptWindow, .shutdown:
      preconditionFailure("a guest at privilege 3 cannot halt, reach a port or shut the processor down")
    }
  }

  /// How the domain ended; nil while it lives.
  var end: End? {
    switch domain.shutdown {
    case nil: nil
    case .powerOff: .powerOff
    case .reboot: .reboot
    case .suspend: .crash(reason: "the guest suspended itself")
    case .guestCrash: .crash(reason: "the guest said that it crashed (SHUTDOWN_crash)")
    case .crash(let reason): .crash(reason: reason)
    case .other(let code): .crash(reason: "the guest shut down with code \(code)")
    }
  }

  /// domain_crash: the domain never runs again.
  func crash(_ reason: String) {
    if domain.shutdown == nil { domain.shutdown = .crash(reason: reason) }
  }

  /// An interrupt entered the hypervisor and it may have something for the guest on the way back.
  func returnFromInterrupt() {
    saveRegisters()
    returnToGuest()
  }

  // MARK: Forks

  public func fork() {
    processor.fork()
    forks.append(domain)
  }

  /// Goes back to the innermost fork, which stays open.
  public func restore() {
    processor.restore()
    domain = forks[forks.count - 1]
  }

  /// Moves the innermost fork here: what happened since becomes part of what it goes back to.
  public func refork() {
    drop()
    fork()
  }

  /// Closes the innermost fork and keeps what happened since.
  public func drop() {
    processor.drop()
    forks.removeLast()
  }
}
