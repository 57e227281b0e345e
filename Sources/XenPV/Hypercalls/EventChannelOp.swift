/// event_channel_op. Xen `xen/common/event_channel.c`, `do_event_channel_op`; `xen/include/public/event_channel.h`, EVTCHNOP_*.
///
/// Each operation copies its structure in, checks, acts, and copies the structure out with what it found.
extension XenPVComputer {
  func eventChannelOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try eventChannelOp(call.first & 0xFFFF_FFFF, call.second)
    return 0
  }

  func eventChannelOp(_ operation: UInt64, _ argument: UInt64) throws(Errno) {
    switch operation {
    case 0: try bindInterdomain(argument)
    case 1: try bindVIRQ(argument)
    case 2: try bindPIRQ(argument)
    case 3:
      let port: UInt32 = try copyFromGuest(argument, count: 4).field(0)
      try close(port)
    case 4:
      let port: UInt32 = try copyFromGuest(argument, count: 4).field(0)
      try send(port)
    case 5: try eventChannelStatus(argument)
    case 6: try allocateUnbound(argument)
    case 7: try bindIPI(argument)
    case 8: try bindVCPU(argument)
    case 9:
      let port: UInt32 = try copyFromGuest(argument, count: 4).field(0)
      guard domain.eventChannels.isValid(port) else { throw .EINVAL }
      unmask(port)
    case 10, 14: try resetEventChannels(argument)
    case 11: try initControl(argument)
    case 12: try expandArray(argument)
    case 13: try setPriority(argument)
    default: throw .ENOSYS
    }
  }

  /// rcu_lock_domain_by_any_id, then the check that the caller may act for that domain.
  func checkTarget(_ identifier: UInt16) throws(Errno) {
    if identifier == DomainID.own || identifier == domain.identifier { return }
    // Domain 0 exists beside a domU, and nobody else.
    throw identifier == 0 ? .EPERM : .ESRCH
  }

  private func bind(_ binding: EventChannels.Binding) throws(Errno) -> UInt32 {
    let last = domain.isPrivileged ? Int(Int32.max) : EventChannels.lastGuestPort
    // A port whose word is still on a queue of the guest's is not free yet.
    let isBusy = { self.domain.eventChannels.fifo != nil && self.fifoBit($0, FIFOEventChannels.linked) }
    var channels = domain.eventChannels
    guard let port = channels.bind(binding, upTo: last, isBusy: isBusy) else { throw .ENOSPC }
    domain.eventChannels = channels
    return port
  }

  /// domain_vcpu: there is one virtual CPU.
  private func checkVCPU(_ number: UInt32) throws(Errno) {
    guard number == 0 else { throw .ENOENT }
  }

  /// { u16 dom, remote_dom; u32 port; }
  private func allocateUnbound(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 8)
    try checkTarget(raw.field(0))
    let remote: UInt16 = raw.field(2)
    let port = try bind(.unbound(remoteDomain: remote == DomainID.own ? domain.identifier : remote))
    raw.setField(4, port)
    try copyToGuest(raw, argument)
  }

  /// { u16 remote_dom; u32 remote_port @4; u32 local_port @8; }
  private func bindInterdomain(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 12)
    let remoteDomain: UInt16 = raw.field(0)
    let remote: UInt32 = raw.field(4)
    guard remoteDomain == DomainID.own || remoteDomain == domain.identifier else {
      // Domain 0 has no port that waits for this domain.
      throw remoteDomain == 0 ? .EINVAL : .ESRCH
    }
    guard domain.eventChannels.isValid(remote),
      domain.eventChannels.bindings[Int(remote)] == .unbound(remoteDomain: domain.identifier)
    else { throw .EINVAL }
    let port = try bind(.ipi)
    domain.eventChannels.join(port, remote)
    // Notifications may have been lost while the other end was unbound.
    setPending(port)
    raw.setField(8, port)
    try copyToGuest(raw, argument)
  }

  /// { u32 virq, vcpu, port; }
  private func bindVIRQ(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 12)
    let (virq, vcpu): (UInt32, UInt32) = (raw.field(0), raw.field(4))
    guard virq < VirtualIRQ.count else { throw .EINVAL }
    if VirtualIRQ.isGlobal(virq) && vcpu != 0 { throw .EINVAL }
    try checkVCPU(vcpu)
    guard domain.eventChannels.port(ofVIRQ: virq) == nil else { throw .EEXIST }
    let port = try bind(.virq(virq))
    raw.setField(8, port)
    try copyToGuest(raw, argument)
  }

  /// { u32 pirq, flags, port; }: the domain was given no physical interrupt.
  private func bindPIRQ(_ argument: UInt64) throws(Errno) {
    let pirq: UInt32 = try copyFromGuest(argument, count: 12).field(0)
    throw pirq < PhysicalInterrupts.count ? .EPERM : .EINVAL
  }

  /// { u32 vcpu, port; }
  private func bindIPI(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 8)
    try checkVCPU(raw.field(0))
    let port = try bind(.ipi)
    raw.setField(4, port)
    try copyToGuest(raw, argument)
  }

  /// { u32 port, vcpu; }
  private func bindVCPU(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 8)
    try checkVCPU(raw.field(4))
    let port: UInt32 = raw.field(0)
    guard domain.eventChannels.isValid(port) else { throw .EINVAL }
    switch domain.eventChannels.bindings[Int(port)] {
    case .virq(let virq) where VirtualIRQ.isGlobal(virq): break
    case .unbound, .interdomain, .console, .xenStore: break
    default: throw .EINVAL
    }
  }

  private func close(_ port: UInt32) throws(Errno) {
    guard domain.eventChannels.isUsable(port) else { throw .EINVAL }
    clearPending(port)
    domain.eventChannels.close(port, domain: domain.identifier)
  }

  private func send(_ port: UInt32) throws(Errno) {
    guard domain.eventChannels.isValid(port) else { throw .EINVAL }
    switch domain.eventChannels.bindings[Int(port)] {
    case .interdomain(let remote): setPending(remote)
    case .ipi: setPending(port)
    case .unbound: break
    case .console: serveConsole()
    case .xenStore: serveXenStore()
    case .free, .reserved, .virq: throw .EINVAL
    }
  }

  /// { u16 dom; u32 port @4; u32 status @8, vcpu @12; union @16; }: 24 bytes.
  private func eventChannelStatus(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 24)
    try checkTarget(raw.field(0))
    let port: UInt32 = raw.field(4)
    guard domain.eventChannels.isValid(port) else { throw .EINVAL }
    let status: UInt32
    switch domain.eventChannels.bindings[Int(port)] {
    case .free, .reserved: status = 0
    case .unbound(let remote):
      status = 1
      raw.setField(16, remote)
    case .interdomain(let remote):
      status = 2
      raw.setField(16, domain.identifier)
      raw.setField(20, remote)
    case .console, .xenStore:
      status = 2
      raw.setField(16, UInt16(0))
      // The port that the other end has in domain 0 is its own affair; any number will do.
      raw.setField(20, port)
    case .virq(let virq):
      status = 4
      raw.setField(16, virq)
    case .ipi: status = 5
    }
    raw.setField(8, UInt64(status))
    try copyToGuest(raw, argument)
  }

  /// { u16 dom; }
  private func resetEventChannels(_ argument: UInt64) throws(Errno) {
    try checkTarget(try copyFromGuest(argument, count: 2).field(0))
    for port in 1..<UInt32(domain.eventChannels.bindings.count) where domain.eventChannels.isUsable(port) {
      try close(port)
    }
    leaveFIFO()
  }
}

/// Numbers of domains. `xen/include/public/xen.h`, DOMID_*.
enum DomainID {
  /// DOMID_SELF.
  static let own: UInt16 = 0x7FF0
}
