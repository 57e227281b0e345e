/// Calls that manage the machine and its domains, that belong to other kinds of guest, or to parts that this hypervisor lacks.
///
/// Xen `xen/arch/x86/platform_hypercall.c`, `xen/common/sysctl.c`, `xen/common/domctl.c`, `xen/common/kexec.c`,
/// `xen/common/xenoprof.c`, `xen/arch/x86/hvm/hvm.c`, `xen/arch/x86/hvm/dm.c`, `xen/common/hypfs.c`,
/// `xen/arch/x86/cpu/mcheck/mce.c`, `xen/arch/x86/cpu/vpmu.c`, `xen/include/xsm/dummy.h`.
/// Not modelled: what a domain 0 may do by them. It is answered ENOSYS, with the same checks before as in Xen.
extension XenPVComputer {
  func controlOp(_ kind: Hypercall, _ call: HypercallArguments) throws(Errno) -> Int64 {
    switch kind {
    case .platformOp:
      try checkInterface(call.first, size: 136, version: 0x0300_0001)
      try requirePrivilege()
    case .sysctl:
      try checkInterface(call.first, size: 136, version: 0x15)
      try requirePrivilege()
    case .domctl:
      let raw = try checkInterface(call.first, size: 144, version: 0x15)
      let (command, identifier): (UInt32, UInt16) = (raw.field(0), raw.field(8))
      // createdomain names no domain, and getdomaininfo asks for the next one.
      if command != 1 && command != 5 && identifier != 0 && identifier != domain.identifier { throw .ESRCH }
      try requirePrivilege()
    case .pagingDomctlCont:
      let raw = try copyFromGuest(call.first, count: 144)
      // XEN_DOMCTL_shadow_op.
      guard (raw.field(0) as UInt32) == 10, (raw.field(4) as UInt32) == 0x15 else { throw .EOPNOTSUPP }
      let identifier: UInt16 = raw.field(8)
      guard identifier == 0 || identifier == domain.identifier else { throw .ESRCH }
      try requirePrivilege()
    case .mca:
      try requirePrivilege()
      try checkInterface(call.first, size: 16, version: 0x01EC_C003)
    case .kexecOp, .hypfsOp: try requirePrivilege()
    case .xenoprofOp:
      let operation = call.first & 0xFFFF_FFFF
      guard operation <= 17 else { throw .EINVAL }
      throw .EPERM
    // The performance monitor is not virtualised unless Xen is told to.
    case .xenpmuOp: throw .EOPNOTSUPP
    case .dmOp: try deviceModelOp(call)
    case .hvmOp: return try hvmOp(call)
    default: break
    }
    throw .ENOSYS
  }

  private func requirePrivilege() throws(Errno) {
    guard domain.isPrivileged else { throw .EPERM }
  }

  /// { u32 cmd, interface_version; ... }
  @discardableResult
  private func checkInterface(_ argument: UInt64, size: Int, version: UInt32) throws(Errno) -> [UInt8] {
    let raw = try copyFromGuest(argument, count: size)
    guard (raw.field(4) as UInt32) == version else { throw .EACCES }
    return raw
  }

  /// A domain that emulates devices for an HVM guest: there is none.
  private func deviceModelOp(_ call: HypercallArguments) throws(Errno) {
    let count = call.second & 0xFFFF_FFFF
    guard count <= 3 else { throw .E2BIG }
    _ = try copyFromGuest(call.third, count: Int(count) * 16)
    switch UInt16(truncatingIfNeeded: call.first) {
    case domain.identifier: throw .EPERM
    case 0: throw .EINVAL
    default: throw .ESRCH
    }
  }

  /// Only what needs no HVM domain does something: the time.
  private func hvmOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let argument = call.second
    switch call.first {
    case 0, 1, 23:  // set_param, get_param, set_evtchn_upcall_vector
      _ = try copyFromGuest(argument, count: call.first == 23 ? 8 : 16)
      throw .EINVAL
    case 5: throw .EINVAL  // flush_tlbs
    case 9:  // pagetable_dying
      let identifier: UInt16 = try copyFromGuest(argument, count: 16).field(0)
      guard identifier == DomainID.own || identifier == domain.identifier || identifier == 0 else { throw .ESRCH }
      throw identifier == DomainID.own || identifier == domain.identifier ? .EINVAL : .EOPNOTSUPP
    case 10:  // get_time
      try copyToGuest(littleEndian(now), argument)
    case 11:  // xentrace: { u16 event, extra_bytes; u8 extra[28]; }, an event below 1 << TRC_SUBCLS_SHIFT
      let raw = try copyFromGuest(argument, count: 32)
      guard (raw.field(0) as UInt16) < 1 << 12, (raw.field(2) as UInt16) <= 28 else { throw .EINVAL }
    case 24:  // guest_request_vm_event
      guard argument == 0 else { throw .EINVAL }
    case 25: throw .EOPNOTSUPP  // altp2m
    default: throw .ENOSYS
    }
    return 0
  }

  /// event_channel_op_compat: { u32 cmd; union u @4; }, for the operations that there were. `xen/arch/x86/compat.c`.
  func eventChannelOpCompat(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let operation: UInt32 = try copyFromGuest(call.first, count: 32).field(0)
    guard operation <= 9 else { throw .ENOSYS }
    try eventChannelOp(UInt64(operation), call.first &+ 4)
    return 0
  }
}
