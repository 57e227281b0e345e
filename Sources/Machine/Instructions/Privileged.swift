/// Flags, halting, ports, control and debug registers, translation invalidation.
///
/// SDM vol. 2, each instruction's page; vol. 3A, "Control Registers", "Debug Registers"; vol. 1, "I/O Permission Bit Map".

extension Processor {
  func halt() throws(Fault) {
    try requirePrivilege()
    s.pointee.isHalted = true
    attention = true
  }

  func clearInterrupt() throws(Fault) {
    if s.pointee.cpl > ioPrivilegeLevel { throw Fault.gp() }
    s.pointee.otherFlags &= ~RFLAGS.interruptEnable.rawValue
    updateAttention()
  }

  func setInterrupt() throws(Fault) {
    if s.pointee.cpl > ioPrivilegeLevel { throw Fault.gp() }
    if !s.pointee.flag(.interruptEnable) { s.pointee.shadow = .sti }
    s.pointee.otherFlags |= RFLAGS.interruptEnable.rawValue
    updateAttention()
  }

  /// STAC and CLAC.
  func changeAC(_ u: Operation) throws(Fault) {
    guard s.pointee.cpl == 0 else { throw Fault.ud }
    if u.pointee.detail == External.setAC.rawValue {
      s.pointee.otherFlags |= RFLAGS.alignmentCheck.rawValue
    } else {
      s.pointee.otherFlags &= ~RFLAGS.alignmentCheck.rawValue
    }
    updateView()
  }

  // MARK: Ports

  /// IOPL, or the I/O permission bit map of the TSS.
  func checkPort(_ port: UInt16, _ width: Int) throws(Fault) {
    if s.pointee.cpl <= ioPrivilegeLevel { return }
    let limit = UInt64(s.pointee.tr.limit)
    guard limit >= 0x67 else { throw Fault.gp() }
    let base = UInt64(try loadSystem(s.pointee.trBase &+ 0x66, as: UInt16.self))
    let at = base + UInt64(port >> 3)
    guard at + 1 <= limit else { throw Fault.gp() }
    let bits = try loadSystem(s.pointee.trBase &+ at, as: UInt16.self)
    let mask = UInt16((1 << width) - 1) << (port & 7)
    if bits & mask != 0 { throw Fault.gp() }
  }

  private func port(_ u: Operation) -> UInt16 {
    u.pointee.src == Slot.rdx ? get(Slot.rdx, UInt16.self) : UInt16(truncatingIfNeeded: u.pointee.imm)
  }

  func input(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    try checkPort(port(u), width)
    setSized(Slot.rax, try readPort(port(u), size: width), width)
    notePortBreakpoints(port(u), size: width)
  }

  func output(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    try checkPort(port(u), width)
    try writePort(port(u), size: width, value: getSized(Slot.rax, width))
    notePortBreakpoints(port(u), size: width)
  }

  // MARK: Control registers

  func readControl(_ u: Operation) throws(Fault) {
    try requirePrivilege()
    let value: UInt64
    switch u.pointee.src {
    case 0: value = s.pointee.cr0
    case 2: value = s.pointee.cr2
    case 3: value = s.pointee.cr3
    case 4: value = s.pointee.cr4
    case 8: value = s.pointee.cr8
    default: throw Fault.ud
    }
    setSized(u.pointee.dst, value, s.pointee.codeMode == .bits64 ? 8 : 4)
  }

  func writeControl(_ index: Int, _ raw: UInt64) throws(Fault) {
    try requirePrivilege()
    let value = s.pointee.codeMode == .bits64 ? raw : raw & 0xFFFF_FFFF
    switch index {
    case 0: try writeCR0(value)
    case 2: s.pointee.cr2 = value
    case 3: try writeCR3(value)
    case 4: try writeCR4(value)
    case 8:
      guard value & ~0xF == 0 else { throw Fault.gp() }
      s.pointee.cr8 = value
      deviceWasAccessed = true
    default: throw Fault.ud
    }
  }

  private func writeCR0(_ value: UInt64) throws(Fault) {
    guard value >> 32 == 0 else { throw Fault.gp() }
    let new = value & CR0.defined | CR0.extensionType
    let old = s.pointee.cr0
    if new & CR0.paging != 0 && new & CR0.protection == 0 { throw Fault.gp() }
    if new & CR0.notWriteThrough != 0 && new & CR0.cacheDisable == 0 { throw Fault.gp() }
    if new & CR0.protection == 0 { throw Fault.unsupported("real-address mode") }
    if new & CR0.writeProtect == 0 && s.pointee.cr4 & CR4.controlFlowEnforcement != 0 { throw Fault.gp() }
    let turnsOn = new & CR0.paging != 0 && old & CR0.paging == 0
    let turnsOff = new & CR0.paging == 0 && old & CR0.paging != 0
    if turnsOn && s.pointee.msr.efer & EFER.longModeEnable != 0 {
      guard s.pointee.cr4 & CR4.physicalAddressExtension != 0,
        !s.pointee.segments[SegmentName.cs.rawValue].isLong
      else { throw Fault.gp() }
    }
    if turnsOff
      && (s.pointee.codeMode == .bits64 || s.pointee.cr4 & (CR4.processContextIdentifiers | CR4.fred) != 0)
    {
      throw Fault.gp()
    }
    s.pointee.cr0 = new
    if turnsOn && s.pointee.msr.efer & EFER.longModeEnable != 0 { s.pointee.msr.efer |= EFER.longModeActive }
    if turnsOff { s.pointee.msr.efer &= ~EFER.longModeActive }
    let watched = CR0.paging | CR0.writeProtect | CR0.protection | CR0.alignmentMask
    if (new ^ old) & watched != 0 { flushTranslations() }
  }

  private func writeCR3(_ value: UInt64) throws(Fault) {
    let pcids = s.pointee.cr4 & CR4.processContextIdentifiers != 0
    let keeps = pcids && value >> 63 != 0
    let new = pcids ? value & ~(1 << 63) : value
    // Every bit above the physical address is reserved, bit 63 too unless it is the PCIDs' "no flush".
    guard new >> Profile.physicalAddressBits == 0 else { throw Fault.gp() }
    s.pointee.cr3 = new
    if !keeps {
      contextOfPCID[currentPCID] = 0
      droppedTranslations = .one(pcid: UInt16(currentPCID))
    }
    enterContext()
    updateView()
  }

  private func writeCR4(_ value: UInt64) throws(Fault) {
    guard value & ~profile.cr4Allowed == 0 else { throw Fault.gp() }
    let old = s.pointee.cr4
    if isLongModeActive && value & CR4.physicalAddressExtension == 0 { throw Fault.gp() }
    if !isLongModeActive && value & CR4.fred != 0 { throw Fault.gp() }
    if value & CR4.controlFlowEnforcement != 0 && s.pointee.cr0 & CR0.writeProtect == 0 { throw Fault.gp() }
    if value & ~old & CR4.processContextIdentifiers != 0 {
      guard isLongModeActive, s.pointee.cr3 & 0xFFF == 0 else { throw Fault.gp() }
    }
    s.pointee.cr4 = value
    if (value ^ old) & CR4.controlFlowEnforcement != 0 { updateAttention() }
    let watched =
      CR4.globalPages | CR4.physicalAddressExtension | CR4.pageSizeExtensions | CR4.processContextIdentifiers
      | CR4.smep | CR4.smap
    if (value ^ old) & watched != 0 { flushTranslations() }
  }

  func loadMachineStatus(_ u: Operation) throws(Fault) {
    try requirePrivilege()
    let low = UInt64(get(u.pointee.src, UInt16.self))
    // LMSW cannot clear PE.
    let kept = s.pointee.cr0 & CR0.protection
    try writeCR0(s.pointee.cr0 & ~0xF | low & 0xF | kept)
  }

  func storeMachineStatus(_ u: Operation) throws(Fault) {
    try refuseUnderUMIP()
    setSized(u.pointee.dst, s.pointee.cr0, Int(u.pointee.width))
  }

  // MARK: Debug registers

  /// #UD for DR4 and DR5 under CR4.DE, #DB for general detect, #GP below privilege 0.
  private func checkDebugAccess(_ raw: UInt8) throws(Fault) -> Int {
    var index = Int(raw)
    if index > 7 { throw Fault.ud }
    if index == 4 || index == 5 {
      if s.pointee.cr4 & CR4.debuggingExtensions != 0 { throw Fault.ud }
      index += 2
    }
    try requirePrivilege()
    if s.pointee.dr7 & DR7.generalDetect != 0 { throw Fault.debug(DR6.debugRegisterAccess) }
    return index
  }

  func readDebug(_ u: Operation) throws(Fault) {
    let index = try checkDebugAccess(u.pointee.src)
    if index == 6 { footprint?.readDebugStatus() }
    let value = index < 4 ? s.pointee.dr[index] : index == 6 ? s.pointee.dr6 : s.pointee.dr7
    setSized(u.pointee.dst, value, s.pointee.codeMode == .bits64 ? 8 : 4)
  }

  func writeDebug(_ u: Operation) throws(Fault) {
    let index = try checkDebugAccess(u.pointee.dst)
    let enabled = s.pointee.dr7
    let raw = get(u.pointee.src, UInt64.self)
    let value = s.pointee.codeMode == .bits64 ? raw : raw & 0xFFFF_FFFF
    switch index {
    case 6:
      guard value >> 32 == 0 else { throw Fault.gp() }
      s.pointee.dr6 = value & 0xE00F | DR6.fixedOnes
    case 7:
      guard value >> 32 == 0 else { throw Fault.gp() }
      s.pointee.dr7 = value & 0xFFFF_23FF | DR7.fixedOnes
    default: s.pointee.dr[index] = value
    }
    followBreakpoints(since: enabled)
  }

  // MARK: Translations

  /// INVPCID. SDM vol. 2A, "INVPCID".
  func invalidatePCID(_ u: Operation) throws(Fault) {
    try requirePrivilege()
    let type = s.pointee.codeMode == .bits64 ? get(u.pointee.dst, UInt64.self) : UInt64(get(u.pointee.dst, UInt32.self))
    let at = linear(u)
    let low = try load(at, as: UInt64.self)
    let address = try load(at &+ 8, as: UInt64.self)
    guard type <= 3, low >> 12 == 0 else { throw Fault.gp() }
    if type <= 1 && s.pointee.cr4 & CR4.processContextIdentifiers == 0 && low & 0xFFF != 0 { throw Fault.gp() }
    switch type {
    case 0:
      guard Self.isCanonical(address) else { throw Fault.gp() }
      dropTranslation(of: address)
    case 1:
      contextOfPCID[Int(low & 0xFFF)] = 0
      droppedTranslations = .one(pcid: UInt16(low & 0xFFF))
      enterContext()
      updateView()
    default: flushTranslations()
    }
  }
}
