/// The timers of the virtual CPU and the domain, and how time passes while nothing runs.
///
/// Xen `xen/common/sched/core.c`, `vcpu_singleshot_timer_fn`, `vcpu_periodic_timer_work`, `poll_timer_fn`, `domain_watchdog_timeout`.

/// Absolute times in nanoseconds; nil where a timer is not set.
public struct Timers: Sendable, Codable, Hashable {
  public var singleshot: UInt64?
  public var poll: UInt64?
  /// Period in nanoseconds, zero where it is stopped; a new virtual CPU has 10 ms. `xen/arch/x86/pv/domain.c`.
  public var period: UInt64 = 10_000_000
  public var lastPeriodic: UInt64 = 0
  /// NR_DOMAIN_WATCHDOG_TIMERS.
  public var watchdogs: [UInt64?] = [nil, nil]

  public init() {}

  /// Forgets when what is not due by `now` will be, for a run that ends before the clock moves. No call tells the guest.
  mutating func settle(at now: UInt64) {
    if let time = singleshot, time > now { singleshot = .max }
    if let time = poll, time > now { poll = .max }
  }

  /// The periodic timer's next event.
  var periodic: UInt64? { period == 0 ? nil : lastPeriodic &+ period }
  /// What fires while the virtual CPU is blocked: the periodic timer stands still then. A time more than a century away is never.
  var whileBlocked: UInt64? { ([singleshot, poll] + watchdogs).compactMap { $0 }.filter { $0 < 1 << 62 }.min() }
}

extension XenPVComputer {
  /// Raises what is due by now: timers, and bytes that were typed. Whether the guest may have to be told.
  func runTimers() -> Bool {
    var hasNews = false
    if !domain.consoleInput.isEmpty { hasNews = offerConsoleInput() }
    guard let deadline = nextDeadline, deadline <= now else { return hasNews }
    let time = now
    if let due = domain.vcpu.timers.singleshot, due <= time {
      domain.vcpu.timers.singleshot = nil
      sendVIRQ(VirtualIRQ.timer)
    }
    if let due = domain.vcpu.timers.poll, due <= time {
      domain.vcpu.timers.poll = nil
      if domain.vcpu.polledPorts != nil { unblock() }
    }
    if !domain.vcpu.isBlocked, let due = domain.vcpu.timers.periodic, due <= time {
      domain.vcpu.timers.lastPeriodic = time
      sendVIRQ(VirtualIRQ.timer)
    }
    if domain.vcpu.timers.watchdogs.contains(where: { $0.map { $0 <= time } ?? false }) {
      shutDown(Shutdown.watchdogCode)
    }
    return true
  }

  /// `runTimers` has something to do.
  public var hasDueTimer: Bool { !domain.consoleInput.isEmpty || nextDeadline.map { $0 <= now } ?? false }

  /// When a timer is due next, in nanoseconds; nil where none is set.
  var nextDeadline: UInt64? {
    let others = domain.vcpu.timers.whileBlocked
    guard !domain.vcpu.isBlocked, let periodic = domain.vcpu.timers.periodic else { return others }
    return others.map { min($0, periodic) } ?? periodic
  }

  /// vcpu_block_enable_events: nothing runs until an event is pending, unless one is.
  func block() {
    upcallMask = 0
    if eventsNeedDelivery { return }
    domain.vcpu.isBlocked = true
    enter(.blocked)
  }

  /// vcpu_unblock.
  func unblock() {
    guard domain.vcpu.isBlocked else { return }
    domain.vcpu.isBlocked = false
    domain.vcpu.polledPorts = nil
    domain.vcpu.timers.poll = nil
    enter(.running)
    if let due = domain.vcpu.timers.periodic, due <= now {
      domain.vcpu.timers.lastPeriodic = now
      sendVIRQ(VirtualIRQ.timer)
    }
  }

  /// evtchn_check_pollers: SCHEDOP_poll ends with an event on a port that it waits for, masked or not.
  func checkPollers(_ port: UInt32) {
    guard let ports = domain.vcpu.polledPorts, ports.count != 1 || ports[0] == port else { return }
    unblock()
  }

  /// Lets time pass while the virtual CPU is blocked, up to what wakes it; without such a thing the domain ends.
  func wake() {
    if domain.vcpu.nmi.isPending && domain.vcpu.asyncExceptionMask & AsyncMask.nmi == 0
      || domain.vcpu.machineCheck.isPending && domain.vcpu.asyncExceptionMask & AsyncMask.machineCheck == 0
      || eventsNeedDelivery
    {
      unblock()
    }
    _ = runTimers()
    while domain.vcpu.isBlocked && domain.shutdown == nil {
      guard let deadline = nextDeadline else {
        domain.shutdown = .powerOff
        return
      }
      processor.skipIdle(nanoseconds: processor.instructions(until: deadline))
      _ = runTimers()
    }
    if domain.shutdown == nil { returnFromInterrupt() }
  }
}
