/// shared_info and vcpu_info: the pages through which the hypervisor and the guest speak without a call.
///
/// Xen `xen/include/public/xen.h`, `struct shared_info`, `struct vcpu_info`, `struct vcpu_time_info`.

/// Byte offsets in `struct vcpu_info`, 64 bytes.
enum VCPUInfo {
  static let upcallPending: UInt64 = 0
  static let upcallMask: UInt64 = 1
  static let pendingSelector: UInt64 = 8
  static let cr2: UInt64 = 16
  static let time: UInt64 = 32
  static let size: UInt64 = 64
}

/// Byte offsets in `struct shared_info`.
enum SharedInfo {
  static let vcpuInfo: UInt64 = 0
  static let pending: UInt64 = 32 * 64
  static let mask: UInt64 = pending + 64 * 8
  static let wallClockVersion: UInt64 = mask + 64 * 8
  static let wallClockSeconds: UInt64 = wallClockVersion + 4
  static let wallClockNanoseconds: UInt64 = wallClockVersion + 8
  static let wallClockSecondsHigh: UInt64 = wallClockVersion + 12
  /// arch.max_pfn.
  static let maximumFrame: UInt64 = wallClockVersion + 16
}

extension XenPVComputer {
  func machineByte(_ address: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: processor.physicalWord(at: address & ~7) >> ((address & 7) * 8))
  }

  func setMachineByte(_ address: UInt64, _ value: UInt8) {
    let shift = (address & 7) * 8
    let word = processor.physicalWord(at: address & ~7)
    processor.setPhysicalWord(word & ~(0xFF << shift) | UInt64(value) << shift, at: address & ~7)
  }

  func machineWord32(_ address: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: processor.physicalWord(at: address & ~7) >> ((address & 4) * 8))
  }

  /// The address is a multiple of 4.
  func setMachineWord32(_ address: UInt64, _ value: UInt32) {
    let shift = (address & 4) * 8
    let word = processor.physicalWord(at: address & ~7)
    processor.setPhysicalWord(word & ~(0xFFFF_FFFF << shift) | UInt64(value) << shift, at: address & ~7)
  }

  public var upcallMask: UInt8 {
    get { machineByte(domain.vcpu.vcpuInfo + VCPUInfo.upcallMask) }
    set { setMachineByte(domain.vcpu.vcpuInfo + VCPUInfo.upcallMask, newValue) }
  }

  public var upcallPending: UInt8 {
    get { machineByte(domain.vcpu.vcpuInfo + VCPUInfo.upcallPending) }
    set { setMachineByte(domain.vcpu.vcpuInfo + VCPUInfo.upcallPending, newValue) }
  }

  func setVCPUInfoWord(at offset: UInt64, _ value: UInt64) {
    processor.setPhysicalWord(value, at: domain.vcpu.vcpuInfo + offset)
  }
}
