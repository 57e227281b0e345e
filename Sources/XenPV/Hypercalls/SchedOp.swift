/// sched_op and set_timer_op: giving the processor up, and ending the domain.
///
/// Xen `xen/common/sched/core.c`, `do_sched_op`, `do_poll`, `do_set_timer_op`; `xen/common/domain.c`, `domain_shutdown`;
/// `xen/include/public/sched.h`, SCHEDOP_*.
extension XenPVComputer {
  func schedOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try schedOp(call.first & 0xFFFF_FFFF, call.second)
  }

  func schedOp(_ operation: UInt64, _ argument: UInt64) throws(Errno) -> Int64 {
    switch operation {
    case 0: return 0  // There is nobody to yield to.
    case 1: block()
    case 2: shutDown(try copyFromGuest(argument, count: 4)[0])
    case 3: try poll(argument)
    case 4: try remoteShutdown(argument)
    case 5:
      let code = try copyFromGuest(argument, count: 4)[0]
      if domain.shutdownCode == nil { domain.shutdownCode = code }
    case 6: return try setWatchdog(argument)
    case 7:
      guard domain.isPrivileged else { throw .EPERM }
      let processor = Int32(bitPattern: try copyFromGuest(argument, count: 4).field(0))
      // NR_CPUS; the one processor that there is can be pinned to.
      guard processor < 256 else { throw .EINVAL }
      if processor > 0 { throw .EINVAL }
    default: throw .ENOSYS
    }
    return 0
  }

  /// domain_shutdown. The code that was noted first is the one that counts.
  func shutDown(_ code: UInt8) {
    let code = domain.shutdownCode ?? code
    domain.shutdownCode = code
    if domain.shutdown == nil { domain.shutdown = Shutdown(code: code) }
  }

  /// { u16 domain_id; u32 reason; }
  private func remoteShutdown(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 8)
    let identifier: UInt16 = raw.field(0)
    // By its number only: DOMID_SELF names nobody here. A domain may not shut itself down this way either.
    guard identifier == 0 || identifier == domain.identifier else { throw .ESRCH }
    guard domain.isPrivileged else { throw .EPERM }
    shutDown(raw[4])
  }

  /// { u64 ports; u32 nr_ports; u64 timeout @16; }
  private func poll(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 24)
    let (list, count, timeout): (UInt64, UInt32, UInt64) = (raw.field(0), raw.field(8), raw.field(16))
    guard count <= 128 else { throw .EINVAL }
    guard isAccessible(list, count: Int(count) * 4) else { throw .EFAULT }
    if eventsNeedDelivery { return }
    var ports: [UInt32] = []
    for index in 0..<UInt64(count) {
      let port: UInt32 = try copyFromGuest(list &+ index * 4, count: 4).field(0)
      guard domain.eventChannels.isUsable(port) else { throw .EINVAL }
      if isPending(port) { return }
      ports.append(port)
    }
    domain.vcpu.polledPorts = ports
    domain.vcpu.isBlocked = true
    enter(.blocked)
    // Times are signed.
    if timeout != 0 { domain.vcpu.timers.poll = Int64(bitPattern: timeout) < 0 ? now : timeout }
  }

  /// domain_watchdog. { u32 id, timeout; }: identifier 0 asks for a new one, timeout 0 gives it back.
  private func setWatchdog(_ argument: UInt64) throws(Errno) -> Int64 {
    let raw = try copyFromGuest(argument, count: 8)
    let (identifier, seconds): (UInt32, UInt32) = (raw.field(0), raw.field(4))
    guard identifier <= domain.vcpu.timers.watchdogs.count else { throw .EINVAL }
    let deadline = now &+ UInt64(seconds) * 1_000_000_000
    if identifier == 0 {
      guard let free = domain.vcpu.timers.watchdogs.firstIndex(of: nil) else { throw .ENOSPC }
      domain.vcpu.timers.watchdogs[free] = deadline
      return Int64(free) + 1
    }
    let index = Int(identifier) - 1
    guard domain.vcpu.timers.watchdogs[index] != nil else { throw .EINVAL }
    domain.vcpu.timers.watchdogs[index] = seconds == 0 ? nil : deadline
    return 0
  }

  /// An absolute time for the single-shot timer; zero stops it.
  func setTimerOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let timeout = Int64(bitPattern: call.first)
    let offset = timeout &- Int64(bitPattern: now)
    if timeout == 0 {
      domain.vcpu.timers.singleshot = nil
    } else if timeout < 0 || offset > 0 && UInt32(truncatingIfNeeded: offset >> 50) != 0 {
      // Wrapped, or more than 13 days away: Xen takes either for a mistake and comes back in 100 ms.
      domain.vcpu.timers.singleshot = now &+ 100_000_000
    } else {
      domain.vcpu.timers.singleshot = call.first
    }
    return 0
  }

  // MARK: The old call

  /// sched_op_compat: the argument is in the register. `xen/arch/x86/compat.c`.
  func schedOpCompat(_ call: HypercallArguments) throws(Errno) -> Int64 {
    switch call.first & 0xFFFF_FFFF {
    case 0, 1: return try schedOp(call.first & 0xFFFF_FFFF, 0)
    case 2: shutDown(UInt8(truncatingIfNeeded: call.second))
    default: throw .ENOSYS
    }
    return 0
  }
}

extension Shutdown {
  /// SHUTDOWN_watchdog.
  static let watchdogCode: UInt8 = 4

  /// SHUTDOWN_*.
  init(code: UInt8) {
    switch code {
    case 0: self = .powerOff
    case 1: self = .reboot
    case 2: self = .suspend
    case 3: self = .guestCrash
    default: self = .other(UInt32(code))
    }
  }
}
