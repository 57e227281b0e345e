/// vcpu_op. Xen `xen/arch/x86/domain.c`, `do_vcpu_op`; `xen/common/domain.c`, `common_vcpu_op`, `map_vcpu_info`;
/// `xen/include/public/vcpu.h`, VCPUOP_*.
///
/// The domain has one virtual CPU, number 0, which is always up.
extension XenPVComputer {
  func vcpuOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    guard call.second & 0xFFFF_FFFF == 0 else { throw .ENOENT }
    let argument = call.third
    switch call.first & 0xFFFF_FFFF {
    case 0:
      // The context is copied before anything is found wrong with it: struct vcpu_guest_context, 5168 bytes.
      _ = try copyFromGuest(argument, count: 5168)
      throw .EEXIST
    case 1: break
    case 2: shutDown(0)
    case 3: return 1
    case 4: try copyToGuest(domain.vcpu.runstate.bytes(at: now), argument)
    case 5: try registerRunstateArea(argument)
    case 6: try setPeriodicTimer(argument)
    case 7: domain.vcpu.timers.period = 0
    case 8: try setSingleshotTimer(argument)
    case 9: domain.vcpu.timers.singleshot = nil
    case 10: try registerVCPUInfo(argument)
    case 11:
      guard argument == 0 else { throw .EINVAL }
      domain.vcpu.nmi.isPending = true
    case 12:
      // is_hwdom_pinned_vcpu: domain 0 on the only processor. { u64 phys_id; }: APIC ID and ACPI ID, both zero.
      guard domain.isPrivileged else { throw .EINVAL }
      try copyToGuest(littleEndian(UInt64(0)), argument)
    case 13: try registerTimeArea(argument)
    default: throw .ENOSYS
    }
    return 0
  }

  private func registerRunstateArea(_ argument: UInt64) throws(Errno) {
    let area: UInt64 = try copyFromGuest(argument, count: 8).field(0)
    guard isAccessible(area, count: 48) else { throw .EFAULT }
    domain.vcpu.runstateArea = area
    // What cannot be written now is not an error.
    if area != 0 { processor.copyToGuest(domain.vcpu.runstate.bytes(), area) }
  }

  private func registerTimeArea(_ argument: UInt64) throws(Errno) {
    let area: UInt64 = try copyFromGuest(argument, count: 8).field(0)
    guard isAccessible(area, count: 32) else { throw .EFAULT }
    domain.vcpu.timeArea = area
    updateSystemTime()
  }

  /// { u64 period_ns; }: from a millisecond to STIME_DELTA_MAX, about 73 years.
  private func setPeriodicTimer(_ argument: UInt64) throws(Errno) {
    let period: UInt64 = try copyFromGuest(argument, count: 8).field(0)
    guard period >= 1_000_000, period <= UInt64(Int64.max) >> 2 else { throw .EINVAL }
    domain.vcpu.timers.period = period
    if let due = domain.vcpu.timers.periodic, due <= now {
      domain.vcpu.timers.lastPeriodic = now
      sendVIRQ(VirtualIRQ.timer)
    }
  }

  /// { u64 timeout_abs_ns; u32 flags; }: a time that is past raises the event at once, whatever the flags say.
  private func setSingleshotTimer(_ argument: UInt64) throws(Errno) {
    let deadline: UInt64 = try copyFromGuest(argument, count: 16).field(0)
    if Int64(bitPattern: deadline) < Int64(bitPattern: now) {
      domain.vcpu.timers.singleshot = nil
      sendVIRQ(VirtualIRQ.timer)
    } else {
      domain.vcpu.timers.singleshot = deadline
    }
  }

  /// { u64 mfn; u32 offset, rsvd; }: vcpu_info moves to a page of the guest's own, once.
  private func registerVCPUInfo(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 16)
    defer { updateSystemTime() }
    let (frame, offset): (UInt64, UInt32) = (raw.field(0), raw.field(8))
    guard offset <= 4096 - UInt32(VCPUInfo.size), offset & 7 == 0 else { throw .ENXIO }
    guard !domain.vcpu.hasOwnVCPUInfo else { throw .EINVAL }
    guard holdWritableFrame(frame) else { throw .EINVAL }
    let address = frame << 12 + UInt64(offset)
    for at in stride(from: 0, to: VCPUInfo.size, by: 8) {
      processor.setPhysicalWord(processor.physicalWord(at: domain.vcpu.vcpuInfo + at), at: address + at)
    }
    domain.vcpu.vcpuInfo = address
    domain.vcpu.hasOwnVCPUInfo = true
    // Everything counts as pending, so that nothing is lost.
    setVCPUInfoWord(at: VCPUInfo.pendingSelector, ~0)
    markEventsPending()
  }
}
