/// The time that the guest reads without a call: the parameters of the paravirtual clock and the wall clock.
///
/// Xen `xen/arch/x86/time.c`, `__update_vcpu_system_time`; `xen/common/time.c`, `update_domain_wallclock_time`;
/// `xen/include/public/xen.h`, `struct vcpu_time_info`:
///
///     u32 version, pad; u64 tsc_timestamp, system_time; u32 tsc_to_system_mul; s8 tsc_shift; u8 flags; u8 pad[2]
///     nanoseconds = system_time + (((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul >> 32)
///
/// The TSC counts virtual nanoseconds, so the parameters say 1 GHz for good, and no calibration ever changes them. The flag
/// XEN_PVCLOCK_TSC_STABLE_BIT is clear, as where Xen's own clock source is a platform timer.
extension XenPVComputer {
  /// Seconds since 1970 at the start of virtual time: 2026-01-01 00:00:00 UTC, as the clock of the bare-metal board has it.
  static let wallClockAtStart: UInt64 = 1_767_225_600

  /// Writes vcpu_info's time: the version is odd while the rest is being written.
  public func updateSystemTime() {
    let address = domain.vcpu.vcpuInfo + VCPUInfo.time
    let version = UInt32(truncatingIfNeeded: processor.physicalWord(at: address))
    // What set_time_scale computes for 1 GHz.
    let (multiplier, shift): (UInt64, UInt64) = (0x8000_0000, 1)
    let time = now
    let begun = (version &+ 1) | 1
    processor.setPhysicalWord(UInt64(begun), at: address)
    processor.setPhysicalWord(time, at: address + 8)
    processor.setPhysicalWord(time, at: address + 16)
    processor.setPhysicalWord(multiplier | shift << 32, at: address + 24)
    processor.setPhysicalWord(UInt64(begun &+ 1), at: address)
    updateSecondarySystemTime()
  }

  /// update_secondary_system_time: the copy that VCPUOP_register_vcpu_time_memory_area asked for.
  private func updateSecondarySystemTime() {
    let area = domain.vcpu.timeArea
    guard area != 0 else { return }
    let address = domain.vcpu.vcpuInfo + VCPUInfo.time
    let words = (0..<4).map { processor.physicalWord(at: address + UInt64($0) * 8) }
    let version = UInt32(truncatingIfNeeded: words[0])
    guard processor.copyToGuest(littleEndian(version &- 1), area) else { return }
    processor.copyToGuest(words[1...].flatMap(littleEndian), area &+ 8)
    processor.copyToGuest(littleEndian(version), area)
  }

  /// Writes shared_info's wall clock: what it was when system time was zero.
  public func updateWallClock() {
    let page = domain.map.sharedInfo << 12
    let old = processor.physicalWord(at: page + SharedInfo.wallClockVersion)
    let begun = (UInt32(truncatingIfNeeded: old) &+ 1) | 1
    let seconds = Self.wallClockAtStart
    let low = seconds & 0xFFFF_FFFF
    processor.setPhysicalWord(UInt64(begun) | low << 32, at: page + SharedInfo.wallClockVersion)
    processor.setPhysicalWord(seconds & ~0xFFFF_FFFF, at: page + SharedInfo.wallClockNanoseconds)
    processor.setPhysicalWord(UInt64(begun &+ 1) | low << 32, at: page + SharedInfo.wallClockVersion)
  }
}
