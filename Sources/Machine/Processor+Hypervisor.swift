/// What a platform that is a hypervisor does to the processor between two stretches of its guest.
///
/// The guest runs at privilege 3 only; these are the instructions of privilege 0 that its hypervisor would execute: loads and
/// stores of guest memory, IRETQ, SYSRET, loads of segment, control and debug registers. SDM vol. 3A, "System Architecture
/// Overview"; AMD APM vol. 2, "System Resources".

/// The frame that IRETQ pops.
public struct InterruptReturnFrame: Sendable, Hashable {
  public var rip: UInt64
  public var cs: UInt16
  public var rflags: RFLAGS
  public var rsp: UInt64
  public var ss: UInt16

  public init(rip: UInt64, cs: UInt16, rflags: RFLAGS, rsp: UInt64, ss: UInt16) {
    self.rip = rip
    self.cs = cs
    self.rflags = rflags
    self.rsp = rsp
    self.ss = ss
  }
}

extension Processor {
  /// Puts the processor into 64-bit mode at privilege 3 with flat segments, paging on, SYSCALL and no-execute enabled.
  /// `task` is what STR reads; its segment has no room for a port bit map, so that every port belongs to the platform.
  public func startDeprivileged(tables: UInt64, gdt: DescriptorTable, code: UInt16, stack: UInt16, task: UInt16) {
    var state = ProcessorState()
    state.cr0 =
      CR0.protection | CR0.monitorCoprocessor | CR0.extensionType | CR0.numericError | CR0.writeProtect
      | CR0.alignmentMask | CR0.paging
    state.cr3 = tables
    state.cr4 =
      CR4.physicalAddressExtension | CR4.machineCheckEnable | CR4.globalPages | CR4.fxsave
      | CR4.unmaskedSIMDExceptions
    state.msr.efer = EFER.syscallEnable | EFER.longModeEnable | EFER.longModeActive | EFER.noExecute
    // Any selector that is not null: where SYSENTER would lead is never reached.
    state.msr.sysenterCS = 8
    state.gdtr = gdt
    // SIDT sees the size of a whole table; where it lies is the platform's secret, and nothing reads it.
    state.idtr = DescriptorTable(base: 0, limit: 0xFFF)
    state.tr = SegmentRegister(selector: task, attributes: 0x8B, limit: 0)
    state.rflags = [.interruptEnable, .fixedOne]
    setState(state)
    enterFixed(code: code | 3, stack: stack | 3, cpl: 3, mode: .bits64)
    setGuestRunsKernel(true)
    updateView()
  }

  /// Whether the code segment is a 64-bit one, rather than compatibility mode.
  public var isIn64BitCode: Bool { s.pointee.codeMode == .bits64 }

  /// Whether an interrupt for the hypervisor is taken at this boundary: no trap of the last instruction comes first, and neither
  /// STI nor a load of SS holds it back. RFLAGS.IF is always set while a guest runs.
  public var canTakeExternalEvent: Bool { s.pointee.pendingDebug == 0 && s.pointee.shadow == .none }

  /// Takes the debug trap that is due at this boundary, with what its delivery does to DR6 and DR7; false where none is. After an
  /// intercepted call or software interrupt this is a #DB that MOV SS put off: it comes at privilege 0, behind the change of
  /// privilege (SDM vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks").
  public func takeDebugTrap() -> Bool {
    let bits = s.pointee.pendingDebug
    guard bits != 0 else { return false }
    s.pointee.pendingDebug = 0
    reportDebug(bits)
    updateAttention()
    return true
  }

  // MARK: Guest memory, with the hypervisor's rights

  /// Reads `count` bytes of the current address space; nil where a page is not mapped. User pages are no obstacle.
  public func copyFromGuest(_ linear: UInt64, count: Int) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    while result.count < count {
      let at = linear &+ UInt64(result.count)
      let piece = min(count - result.count, Int(4096 - (at & 0xFFF)))
      guard let physical = hypervisorAddress(at, .read), let bytes = physicalBytes(at: physical, count: piece) else {
        return nil
      }
      result += bytes
    }
    return result
  }

  /// Writes bytes to the current address space; false where a page is not mapped or read-only, with the bytes before it written,
  /// as an instruction would have it.
  @discardableResult public func copyToGuest(_ bytes: [UInt8], _ linear: UInt64) -> Bool {
    var done = 0
    while done < bytes.count {
      let at = linear &+ UInt64(done)
      let piece = min(bytes.count - done, Int(4096 - (at & 0xFFF)))
      guard let physical = hypervisorAddress(at, .write), writePhysical(bytes[done..<done + piece], at: physical)
      else { return false }
      done += piece
    }
    return true
  }

  /// Lets the observer hear what the hypervisor read or wrote of the guest's data for a call, in pieces of up to eight bytes.
  /// Words are heard without it; instructions that are fetched to be emulated are no data.
  public func hear(_ bytes: [UInt8], at linear: UInt64, isWrite: Bool) {
    guard let observer else { return }
    for start in stride(from: 0, to: bytes.count, by: 8) {
      let piece = bytes[start..<min(start + 8, bytes.count)]
      let value = piece.reversed().reduce(0) { $0 << 8 | UInt64($1) }
      let at = linear &+ UInt64(start)
      if isWrite {
        observer.wrote(at, size: piece.count, value: value)
      } else {
        observer.read(at, size: piece.count, value: value)
      }
    }
  }

  /// Reads a word of the current address space; nil where it is not mapped.
  public func loadGuest(_ linear: UInt64) -> UInt64? {
    guard linear & 0xFFF <= 0xFF8 else {
      return copyFromGuest(linear, count: 8).map { bytes in bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
      }
    }
    guard let physical = hypervisorAddress(linear, .read), memory.contains(physical, count: 8) else { return nil }
    footprint?.read(physical, size: 8)
    let value = loadPhysical64(physical)
    observer?.read(linear, size: 8, value: value)
    return value
  }

  /// Writes a word to the current address space; false where it is not mapped or read-only.
  public func storeGuest(_ linear: UInt64, _ value: UInt64) -> Bool {
    guard linear & 0xFFF <= 0xFF8 else { return copyToGuest(withUnsafeBytes(of: value) { [UInt8]($0) }, linear) }
    guard let physical = hypervisorAddress(linear, .write), memory.contains(physical, count: 8) else { return false }
    footprint?.write(physical, size: 8)
    noteStore(physical, size: 8)
    storePhysical64(physical, value)
    observer?.wrote(linear, size: 8, value: value)
    return true
  }

  /// Translates as an access of privilege 0 with SMAP off does, with its A and D flags; nil where it would fault.
  private func hypervisorAddress(_ linear: UInt64, _ access: Access) -> UInt64? {
    guard Self.isCanonical(linear) else { return nil }
    return try? walk(linear, access, user: false, preventUser: false).physical
  }

  /// A word of machine memory; all ones outside RAM.
  public func physicalWord(at address: UInt64) -> UInt64 {
    if memory.contains(address, count: 8) { footprint?.read(address, size: 8) }
    return loadPhysical64(address)
  }

  /// Writes a word of machine memory; nothing outside RAM.
  public func setPhysicalWord(_ value: UInt64, at address: UInt64) {
    guard memory.contains(address, count: 8) else { return }
    footprint?.write(address, size: 8)
    noteStore(address, size: 8)
    storePhysical64(address, value)
  }

  /// Bytes of machine memory; nil unless all are RAM.
  public func physicalBytes(at address: UInt64, count: Int) -> [UInt8]? {
    guard let bytes = memory.bytes(at: address, count: count) else { return nil }
    if count > 0 { footprint?.read(address, size: count) }
    return bytes
  }

  // MARK: Returning to the guest

  /// IRETQ from privilege 0. Returns the exception that it raises, if any, with the state as it was.
  public func returnToGuest(_ frame: InterruptReturnFrame) -> (vector: Vector, errorCode: UInt32?)? {
    let before = s.pointee
    s.pointee.cpl = 0
    s.pointee.codeMode = .bits64
    do throws(Fault) {
      try completeReturn(frame)
      s.pointee.shadow = .none
      updateView()
      return nil
    } catch {
      s.pointee = before
      updateView()
      switch error {
      case .exception(let vector, let code): return (vector, code)
      case .page(let code, let address):
        s.pointee.cr2 = address
        return (.pageFault, code)
      case .debug: return (.debug, nil)
      case .exit, .alone: return (.generalProtection, 0)
      }
    }
  }

  private func completeReturn(_ frame: InterruptReturnFrame) throws(Fault) {
    let selector = Selector(frame.cs)
    let stackSelector = Selector(frame.ss)
    guard !selector.isNull else { throw Fault.gp() }
    let code = try readDescriptor(selector)
    try checkReturnCode(selector, code)
    let stackDescriptor = try checkReturnStack(stackSelector, code: code, newCPL: selector.rpl)
    if code.isLong {
      guard Self.isCanonical(frame.rip) else { throw Fault.gp() }
    } else {
      guard frame.rip & 0xFFFF_FFFF <= UInt64(code.limit) else { throw Fault.gp() }
    }
    try markAccessed(selector, code)
    enterOuter(
      selector, code, code.isLong ? frame.rip : frame.rip & 0xFFFF_FFFF, stackSelector, stackDescriptor, frame.rsp,
      width: 8)
    s.pointee.rflags = RFLAGS(rawValue: frame.rflags.rawValue & 0x3F_7FD7 | 2)
  }

  /// What SYSRET does to CS and SS: flat segments, no descriptor read. The rest of its effects are the caller's.
  public func enterFlat(code: UInt16, stack: UInt16, is64Bit: Bool) {
    enterFixed(code: code | 3, stack: stack | 3, cpl: 3, mode: is64Bit ? .bits64 : .bits32)
    s.pointee.shadow = .none
    updateView()
  }

  /// SYSRET that sets TF traps before the first instruction at its target.
  public func trapAtOnce() {
    s.pointee.pendingDebug |= DR6.singleStep
    updateAttention()
  }

  /// Loads ES, DS, FS or GS as MOV at privilege 0 does. False, with the register as it was, where that would fault.
  public func loadDataSegment(_ name: SegmentName, _ selector: UInt16) -> Bool {
    let cpl = s.pointee.cpl
    s.pointee.cpl = 0
    defer { s.pointee.cpl = cpl }
    do throws(Fault) {
      try loadSegment(name, selector)
      return true
    } catch {
      return false
    }
  }

  /// LLDT with a descriptor made for it: `limit` is the offset of the last byte; nil unloads the LDT.
  public func setLDT(base: UInt64, limit: UInt32?) {
    s.pointee.ldtr =
      limit.map { SegmentRegister(selector: 0xE050, attributes: 0x82, limit: $0) }
      ?? SegmentRegister(selector: 0, attributes: 0, limit: 0)
    s.pointee.ldtrBase = base
  }

  // MARK: Control and debug registers

  /// Writes CR3 and drops every cached translation.
  public func setPageTables(_ cr3: UInt64) {
    let before = standing
    s.pointee.cr3 = cr3
    flushTranslations()
    noteChange(.pageTables, since: before, \.cr3)
  }

  /// Writes CR3 for the address space that it belongs to, 0 or 1, and drops what was cached for that space unless it `keeps` it.
  public func switchPageTables(_ cr3: UInt64, space: UInt8, keeps: Bool) {
    let before = standing
    s.pointee.cr3 = cr3
    s.pointee.addressSpace = space
    if !keeps { contextOfPCID[currentPCID] = 0 }
    enterContext()
    updateView()
    noteChange(.pageTables, since: before, \.cr3)
  }

  /// Drops every cached translation.
  public func flushGuestTranslations() { flushTranslations() }

  /// INVLPG.
  public func invalidateGuestPage(_ linear: UInt64) { dropTranslation(of: linear) }

  /// CR0.TS: the next floating-point instruction is #NM.
  public var taskSwitched: Bool {
    get { s.pointee.cr0 & CR0.taskSwitched != 0 }
    set { s.pointee.cr0 = newValue ? s.pointee.cr0 | CR0.taskSwitched : s.pointee.cr0 & ~CR0.taskSwitched }
  }

  /// Sets or clears bits of CR4 that change no translation, such as TSD, DE and FSGSBASE.
  public func setCR4(_ bits: UInt64, _ on: Bool) {
    s.pointee.cr4 = on ? s.pointee.cr4 | bits : s.pointee.cr4 & ~bits
  }

  /// DR0 to DR3, DR6 and DR7.
  public func debugRegister(_ index: Int) -> UInt64 {
    if index == 6 { footprint?.readDebugStatus() }
    return switch index {
    case 0..<4: s.pointee.dr[index]
    case 6: s.pointee.dr6
    default: s.pointee.dr7
    }
  }

  public func setDebugRegister(_ index: Int, _ value: UInt64) {
    let enabled = s.pointee.dr7
    switch index {
    case 0..<4: s.pointee.dr[index] = value
    case 6: s.pointee.dr6 = value & 0xE00F | DR6.fixedOnes
    default: s.pointee.dr7 = value & 0xFFFF_23FF | DR7.fixedOnes
    }
    followBreakpoints(since: enabled)
  }

  /// RDMSR at privilege 0; nil where it is #GP.
  public func modelSpecificRegister(_ index: UInt32) -> UInt64? { modelSpecific(index, now: now) }

  /// WRMSR at privilege 0; false where it is #GP.
  public func writeModelSpecific(_ index: UInt32, _ value: UInt64) -> Bool {
    (try? writeMSR(index, value, now: now)) != nil
  }

  /// IA32_TSC_AUX: what RDTSCP returns in ECX.
  public var timeStampAuxiliary: UInt64 {
    get { s.pointee.msr.tscAuxiliary }
    set { s.pointee.msr.tscAuxiliary = newValue }
  }

  /// CPUID as the processor itself answers.
  public func cpuid(leaf: UInt32, subleaf: UInt32) -> (eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32) {
    profile.cpuid(
      leaf: leaf, subleaf: subleaf, osxsave: s.pointee.cr4 & CR4.osxsave != 0, apicEnabled: true)
  }
}
