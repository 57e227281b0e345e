/// RDMSR, WRMSR, the time-stamp counter and CPUID.
///
/// SDM vol. 4, "Architectural MSRs"; vol. 2, "CPUID", "RDMSR", "WRMSR", "RDTSC"; AMD APM vol. 2, "System-Control MSRs".
/// An MSR that a profile does not have is #GP, for reads and writes; those that restrain speculation: `Profile+Speculation.swift`.
/// Not modelled: what AMD's performance counters would count; they hold what was written.

extension Processor {
  func readTimeStamp(_ u: Operation) throws(Fault) {
    if s.pointee.cr4 & CR4.timeStampDisable != 0 && s.pointee.cpl != 0 { throw Fault.gp() }
    let time = now(at: u) &+ s.pointee.msr.tscOffset
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

  func readMSR(_ u: Operation) throws(Fault) {
    try requirePrivilege()
    guard let value = modelSpecific(get(Slot.rcx, UInt32.self), now: now(at: u)) else { throw Fault.gp() }
    set(Slot.rax, UInt32(truncatingIfNeeded: value))
    set(Slot.rdx, UInt32(truncatingIfNeeded: value >> 32))
  }

  /// - Parameter now: what the clock says where it is read.
  func modelSpecific(_ index: UInt32, now: UInt64) -> UInt64? {
    let msr = s.pointee.msr
    switch index {
    // The time-stamp counter: virtual nanoseconds plus what the guest wrote.
    case 0x10: return now &+ msr.tscOffset
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
    case Self.fredRegisters, Self.shadowStackOfLevel0: return profile.hasFRED ? fredRegister(index) : nil
    case 0x1D9: return msr.debugControl
    case 0x6A0: return profile.hasBranchTracking ? msr.userControlFlow : nil
    case 0x6A2: return profile.hasBranchTracking ? msr.supervisorControlFlow : nil
    case 0x200...0x20F, 0x250, 0x258, 0x259, 0x268...0x26F: return 0
    case 0x277: return msr.pageAttributes
    case 0x2FF: return msr.mtrrDefaultType
    case 0x48: return profile.speculationControls != 0 ? msr.speculationControl : nil
    case 0x10A: return profile.hasArchitectureCapabilities ? profile.architectureCapabilities : nil
    case 0x123: return profile.microcodeOptions != 0 ? msr.microcodeOptions : nil
    case 0xC000_0080: return msr.efer
    case 0xC000_0081: return msr.star
    case 0xC000_0082: return msr.lstar
    case 0xC000_0083: return msr.cstar
    case 0xC000_0084: return msr.syscallMask
    case 0xC000_0100: return get(Slot.fsBase, UInt64.self)
    case 0xC000_0101: return get(Slot.gsBase, UInt64.self)
    case 0xC000_0102: return msr.kernelGSBase
    case 0xC000_0103: return profile.hasRDTSCP ? msr.tscAuxiliary : nil
    case 0xC001_0000...0xC001_0003 where profile.hasPerformanceCounters:
      return msr.performanceEventSelects[Int(index & 3)]
    case 0xC001_0004...0xC001_0007 where profile.hasPerformanceCounters: return msr.performanceCounters[Int(index & 3)]
    case 0xC001_0015 where profile.vendor == .amd: return HWCR.frequencySelect | msr.hardwareConfiguration
    case 0xC001_1029 where profile.hasBranchConfiguration:
      return profile.decodeConfiguration | msr.branchConfiguration[0]
    case 0xC001_102E where profile.hasBranchConfiguration: return msr.branchConfiguration[1]
    case 0xC001_10E3 where profile.hasBranchConfiguration: return msr.branchConfiguration[2]
    default: return profile.constantMSR(index)
    }
  }

  func writeMSR(_ u: Operation) throws(Fault) {
    try requirePrivilege()
    let index = get(Slot.rcx, UInt32.self)
    let value = UInt64(get(Slot.rax, UInt32.self)) | UInt64(get(Slot.rdx, UInt32.self)) << 32
    try writeMSR(index, value, now: now(at: u))
  }

  /// - Parameter now: what the clock says where it is written.
  func writeMSR(_ index: UInt32, _ value: UInt64, now: UInt64) throws(Fault) {
    switch index {
    case 0x10: s.pointee.msr.tscOffset = value &- now
    case 0x1B: try writeAPICBase(value)
    case 0x8B, 0x79: break
    case 0x48: s.pointee.msr.speculationControl = try permitted(value, profile.speculationControls)
    // Commands: there is nothing that they could clear.
    case 0x49: _ = try permitted(value, profile.predictorCommands)
    case 0x10B: _ = try permitted(value, profile.hasFlushCommand ? 1 : 0)
    case 0x123: s.pointee.msr.microcodeOptions = try permitted(value, profile.microcodeOptions)
    case 0x174: s.pointee.msr.sysenterCS = value
    case 0x175: s.pointee.msr.sysenterESP = try canonical(value)
    case 0x176: s.pointee.msr.sysenterEIP = try canonical(value)
    case 0x17A: s.pointee.msr.machineCheckStatus = value & 7
    // Software may only clear what a bank reports (SDM vol. 3B, "IA32_MCi_STATUS MSRS"), on AMD's processors the status alone,
    // unless HWCR.McStatusWrEn is set (AMD APM vol. 2, "MCi_STATUS").
    case 0x401, 0x402, 0x403:
      let isOpen =
        profile.vendor == .amd
        && (index != 0x401 || s.pointee.msr.hardwareConfiguration & HWCR.machineCheckStatusWriteEnable != 0)
      guard value == 0 || isOpen else { throw Fault.gp() }
      s.pointee.msr.machineCheckBank[Int(index - 0x400)] = value
    case 0x400: s.pointee.msr.machineCheckBank[0] = value
    case 0x1A0:
      guard profile.vendor == .intel else { throw Fault.gp() }
      s.pointee.msr.miscellaneousEnable = value
    case 0x1D9: s.pointee.msr.debugControl = value & 0x3
    case 0x6A0, 0x6A2: try setControlFlow(value, ofUser: index == 0x6A0)
    case Self.fredRegisters where profile.hasFRED, Self.shadowStackOfLevel0 where profile.hasFRED:
      try setFREDRegister(index, value)
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
    // AMD's processors drop what is written to reserved bits.
    case 0xC001_0000...0xC001_0003 where profile.hasPerformanceCounters:
      s.pointee.msr.performanceEventSelects[Int(index & 3)] = value & 0x0000_030F_FFD7_FFFF
    case 0xC001_0004...0xC001_0007 where profile.hasPerformanceCounters:
      s.pointee.msr.performanceCounters[Int(index & 3)] = value & 0x0000_FFFF_FFFF_FFFF
    case 0xC001_0015 where profile.vendor == .amd:
      s.pointee.msr.hardwareConfiguration = value & HWCR.machineCheckStatusWriteEnable
    case 0xC001_1029 where profile.hasBranchConfiguration: s.pointee.msr.branchConfiguration[0] = value
    case 0xC001_102E where profile.hasBranchConfiguration: s.pointee.msr.branchConfiguration[1] = value
    case 0xC001_10E3 where profile.hasBranchConfiguration: s.pointee.msr.branchConfiguration[2] = value
    default:
      guard profile.ignoresWrite(index) else { throw Fault.gp() }
    }
  }

  /// RDPMC. SDM vol. 2B, "RDPMC"; AMD APM vol. 2, "Performance Counter MSRs".
  func readPerformanceCounter() throws(Fault) {
    if s.pointee.cr4 & CR4.performanceCounters == 0 { try requirePrivilege() }
    let index = get(Slot.rcx, UInt32.self)
    guard profile.hasPerformanceCounters, index < 4 else { throw Fault.gp() }
    let value = s.pointee.msr.performanceCounters[Int(index)]
    set(Slot.rax, UInt32(truncatingIfNeeded: value))
    set(Slot.rdx, UInt32(truncatingIfNeeded: value >> 32))
  }

  /// SDM vol. 3A, "Local APIC Status and Location"; AMD APM vol. 2, "Local APIC Enable". The platform looks behind the instruction:
  /// the next access finds the registers at their new place.
  private func writeAPICBase(_ value: UInt64) throws(Fault) {
    let defined: UInt64 = (1 << Profile.physicalAddressBits - 0x1000) | 1 << 11 | 1 << 8
    guard value & ~defined == 0 else { throw Fault.gp() }
    s.pointee.msr.apicBase = value
    deviceWasAccessed = true
  }

  /// The value, of which other bits than these are reserved; without any the register is not there.
  private func permitted(_ value: UInt64, _ bits: UInt64) throws(Fault) -> UInt64 {
    guard bits != 0, value & ~bits == 0 else { throw Fault.gp() }
    return value
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

/// Bits of AMD's hardware configuration register. AMD APM vol. 2, "Hardware Configuration Register (HWCR)".
enum HWCR {
  static let machineCheckStatusWriteEnable: UInt64 = 1 << 18
  /// TscFreqSel: the TSC counts with the P0 frequency.
  static let frequencySelect: UInt64 = 1 << 24
}
