/// RDMSR, WRMSR, the time-stamp counter and CPUID.
///
/// SDM vol. 4, "Architectural MSRs"; vol. 2, "CPUID", "RDMSR", "WRMSR", "RDTSC"; AMD APM vol. 2, "System-Control MSRs".
/// An MSR that a profile does not have is #GP, for reads and writes.

extension Processor {
  /// The time-stamp counter: virtual nanoseconds plus what the guest wrote.
  var timeStamp: UInt64 { now &+ s.pointee.msr.tscOffset }

  func readTimeStamp(_ u: Operation) throws(Fault) {
    if s.pointee.cr4 & CR4.timeStampDisable != 0 && s.pointee.cpl != 0 { throw Fault.gp() }
    let time = timeStamp &+ UInt64(u.pointee.ordinal)
    set(Slot.rax, UInt32(truncatingIfNeeded: time))
    set(Slot.rdx, UInt32(truncatingIfNeeded: time >> 32))
  }

  func cpuid() {
    let leaf = get(Slot.rax, UInt32.self)
    let subleaf = get(Slot.rcx, UInt32.self)
    let (a, b, c, d) = profile.cpuid(
      leaf: leaf, subleaf: subleaf, osxsave: s.pointee.cr4 & CR4.osxsave != 0,
      apicEnabled: s.pointee.msr.apicBase & 1 << 11 != 0)
    set(Slot.rax, a)
    set(Slot.rbx, b)
    set(Slot.rcx, c)
    set(Slot.rdx, d)
  }

  func readMSR() throws(Fault) {
    try requirePrivilege()
    guard let value = modelSpecific(get(Slot.rcx, UInt32.self)) else { throw Fault.gp() }
    set(Slot.rax, UInt32(truncatingIfNeeded: value))
    set(Slot.rdx, UInt32(truncatingIfNeeded: value >> 32))
  }

  func modelSpecific(_ index: UInt32) -> UInt64? {
    let msr = s.pointee.msr
    switch index {
    case 0x10: return timeStamp
    case 0x17: return profile.vendor == .intel ? 0 : nil
    case 0x1B: return msr.apicBase
    case 0x8B: return profile.microcodeRevision
    case 0xFE: return 0x508
    case 0x174: return msr.sysenterCS
    case 0x175: return msr.sysenterESP
    case 0x176: return msr.sysenterEIP
    case 0x179: return profile.machineCheckCapabilities
    case 0x17A: return msr.machineCheckStatus
    case 0x400...0x403: return msr.machineCheckBank[Int(index - 0x400)]
    case 0x1A0: return profile.vendor == .intel ? msr.miscellaneousEnable : nil
    case 0x1D9: return msr.debugControl
    case 0x200...0x20F, 0x250, 0x258, 0x259, 0x268...0x26F: return 0
    case 0x277: return msr.pageAttributes
    case 0x2FF: return msr.mtrrDefaultType
    case 0x48, 0x49, 0x10A: return nil
    case 0xC000_0080: return msr.efer
    case 0xC000_0081: return msr.star
    case 0xC000_0082: return msr.lstar
    case 0xC000_0083: return msr.cstar
    case 0xC000_0084: return msr.syscallMask
    case 0xC000_0100: return get(Slot.fsBase, UInt64.self)
    case 0xC000_0101: return get(Slot.gsBase, UInt64.self)
    case 0xC000_0102: return msr.kernelGSBase
    case 0xC000_0103: return profile.hasRDTSCP ? msr.tscAuxiliary : nil
    default: return profile.constantMSR(index)
    }
  }

  func writeMSR() throws(Fault) {
    try requirePrivilege()
    let index = get(Slot.rcx, UInt32.self)
    let value = UInt64(get(Slot.rax, UInt32.self)) | UInt64(get(Slot.rdx, UInt32.self)) << 32
    switch index {
    case 0x10: s.pointee.msr.tscOffset = value &- now
    // The platform reads where its local APIC is from here.
    case 0x1B: s.pointee.msr.apicBase = value
    case 0x8B, 0x79: break
    case 0x174: s.pointee.msr.sysenterCS = value
    case 0x175: s.pointee.msr.sysenterESP = try canonical(value)
    case 0x176: s.pointee.msr.sysenterEIP = try canonical(value)
    case 0x17A: s.pointee.msr.machineCheckStatus = value & 7
    // SDM vol. 3B, "IA32_MCi_STATUS MSRS": software may only clear the status.
    case 0x401, 0x402, 0x403:
      guard value == 0 || profile.vendor == .amd else { throw Fault.gp() }
      s.pointee.msr.machineCheckBank[Int(index - 0x400)] = value
    case 0x400: s.pointee.msr.machineCheckBank[0] = value
    case 0x1A0:
      guard profile.vendor == .intel else { throw Fault.gp() }
      s.pointee.msr.miscellaneousEnable = value
    case 0x1D9: s.pointee.msr.debugControl = value & 0x3
    case 0x200...0x20F, 0x250, 0x258, 0x259, 0x268...0x26F: break
    case 0x277:
      for i in 0..<8 {
        let type = value >> UInt64(i * 8) & 0xFF
        guard type <= 7, type != 2, type != 3 else { throw Fault.gp() }
      }
      s.pointee.msr.pageAttributes = value
    case 0x2FF: s.pointee.msr.mtrrDefaultType = value & 0xCFF
    case 0xC000_0080: try writeEFER(value)
    case 0xC000_0081: s.pointee.msr.star = value
    case 0xC000_0082: s.pointee.msr.lstar = try canonical(value)
    case 0xC000_0083: s.pointee.msr.cstar = try canonical(value)
    case 0xC000_0084: s.pointee.msr.syscallMask = value & 0xFFFF_FFFF
    case 0xC000_0100: set(Slot.fsBase, try canonical(value))
    case 0xC000_0101: set(Slot.gsBase, try canonical(value))
    case 0xC000_0102: s.pointee.msr.kernelGSBase = try canonical(value)
    case 0xC000_0103:
      guard profile.hasRDTSCP, value >> 32 == 0 else { throw Fault.gp() }
      s.pointee.msr.tscAuxiliary = value
    default:
      guard profile.ignoresWrite(index) else { throw Fault.gp() }
    }
  }

  private func canonical(_ value: UInt64) throws(Fault) -> UInt64 {
    guard Self.isCanonical(value) else { throw Fault.gp() }
    return value
  }

  private func writeEFER(_ value: UInt64) throws(Fault) {
    guard value & ~profile.eferAllowed == 0 else { throw Fault.gp() }
    let old = s.pointee.msr.efer
    if (value ^ old) & EFER.longModeEnable != 0 && s.pointee.cr0 & CR0.paging != 0 { throw Fault.gp() }
    s.pointee.msr.efer = value & ~EFER.longModeActive | old & EFER.longModeActive
    if (value ^ old) & EFER.noExecute != 0 { flushTranslations() }
  }
}
