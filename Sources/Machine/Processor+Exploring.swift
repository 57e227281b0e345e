/// What whoever explores asks of the processor at a boundary, without copying the whole state.
///
/// SDM vol. 3A, "Interrupt Descriptor Table (IDT)", "4-Level Paging".
extension Processor {
  public var eventCount: UInt64 { s.pointee.eventCount }
  /// The last event that was delivered.
  public var lastVector: Vector { s.pointee.lastVector }
  public var cr2: UInt64 { s.pointee.cr2 }
  /// The physical address of the top page table, without what else CR3 holds.
  public var topTable: UInt64 { Self.topTable(of: s.pointee.cr3) }
  /// The same of any value of CR3.
  public static func topTable(of cr3: UInt64) -> UInt64 { cr3 & PageTableEntry.addressMask }
  public var cr0: UInt64 { s.pointee.cr0 }
  public var cr4: UInt64 { s.pointee.cr4 }
  /// CR4.PCIDE: the low 12 bits of CR3 are a PCID.
  public var usesPCIDs: Bool { s.pointee.cr4 & CR4.processContextIdentifiers != 0 }
  /// A debug trap of the instruction before is to be delivered at this boundary.
  public var debugTrapIsDue: Bool { s.pointee.pendingDebug != 0 }
  public var nmiBlocked: Bool {
    get { s.pointee.nmiBlocked }
    set {
      s.pointee.nmiBlocked = newValue
      updateAttention()
    }
  }
  /// An instruction that lets maskable interrupts in is noted: `Transition.Kind.letInterruptsIn`.
  public var tellsOfInterruptsLetIn: Bool {
    get { s.pointee.tellsOfInterruptsLetIn }
    set { s.pointee.tellsOfInterruptsLetIn = newValue }
  }
  public var shadow: InterruptShadow { s.pointee.shadow }
  /// IA32_FMASK.
  public var syscallMask: UInt64 {
    get { s.pointee.msr.syscallMask }
    set { s.pointee.msr.syscallMask = newValue }
  }

  /// The IST index of a vector's gate; nil where the gate cannot be read.
  public func interruptStack(of vector: Vector) -> UInt8? {
    byte(atLinear: gateAddress(vector) &+ 4).map { $0 & 7 }
  }

  /// Top of the interrupt stack that a vector's gate names; nil where there is none. SDM vol. 3A, "64-Bit Task State Segment".
  public func interruptStackTop(of vector: Vector) -> UInt64? {
    guard let index = interruptStack(of: vector), index != 0 else { return nil }
    return taskStackTop(at: 0x1C + UInt64(index) * 8)
  }

  /// Tops of the stacks that the task state segment names: RSP0, then IST1 to IST7; by FRED those of the levels. Without those that
  /// are 0.
  public var taskStackTops: [UInt64] {
    if deliversByFRED { return (0..<4).map { fred.stacks[$0] }.filter { $0 != 0 } }
    return ([4] + (1...7).map { 0x1C + $0 * 8 }).compactMap { taskStackTop(at: $0) }.filter { $0 != 0 }
  }

  /// By FRED, the level of a vector's stack.
  public func stackLevel(of vector: Vector) -> UInt8 { fred.level(of: vector, .hardwareException) }

  /// Replaces it.
  public func setStackLevel(of vector: Vector, to level: UInt8) {
    let shift = UInt64(vector.rawValue & 31) * 2
    s.pointee.msr.fred.stackLevels = s.pointee.msr.fred.stackLevels & ~(3 << shift) | UInt64(level & 3) << shift
  }

  /// The processor's tables name an interrupt stack whose last two pages have RSP in them; by FRED, the stack of a level above 0.
  public func isOnInterruptStack(_ rsp: UInt64) -> Bool {
    if deliversByFRED { return (1...3).contains { fred.stacks[$0] != 0 && fred.stacks[$0] &- rsp <= 8192 } }
    return (1...7).contains { index in
      taskStackTop(at: 0x1C + index * 8).map { $0 != 0 && $0 &- rsp <= 8192 } ?? false
    }
  }

  private func taskStackTop(at offset: UInt64) -> UInt64? {
    word(atLinear: s.pointee.trBase &+ offset)
  }

  /// Replaces the IST index in a vector's gate, behind the kernel's back and whatever the page's permissions.
  @discardableResult
  public func setInterruptStack(of vector: Vector, to index: UInt8) -> Bool {
    write([index & 7], atLinear: gateAddress(vector) &+ 4)
  }

  /// Whether a vector's gate is present; nil where it cannot be read.
  public func isGatePresent(of vector: Vector) -> Bool? {
    byte(atLinear: gateAddress(vector) &+ 5).map { $0 & 0x80 != 0 }
  }

  /// Clears the present bit of a vector's gate in the same way.
  @discardableResult
  public func setGateAbsent(of vector: Vector) -> Bool {
    let place = gateAddress(vector) &+ 5
    guard let access = byte(atLinear: place) else { return false }
    return write([access & 0x7F], atLinear: place)
  }

  private func gateAddress(_ vector: Vector) -> UInt64 { s.pointee.idtr.base &+ UInt64(vector.rawValue) * 16 }

  /// Goes on at `address` as if the instruction before it had been a NOP.
  public func skip(to address: UInt64) { s.pointee.rip = address }

  /// Whether a gate may be used with the current CR4: machine checks can be delivered.
  public var machineChecksEnabled: Bool { s.pointee.cr4 & CR4.machineCheckEnable != 0 }

  /// IA32_MCG_STATUS.MCIP: another machine check would shut the processor down. SDM vol. 3B, "IA32_MCG_STATUS MSR".
  public var machineCheckIsInProgress: Bool { s.pointee.msr.machineCheckStatus & 4 != 0 }

  /// Supervisor code that runs now cannot reach the user's pages while AC is clear. SDM vol. 3A, "Determination of Access Rights".
  public var keepsSupervisorOut: Bool { cpl < 3 && s.pointee.cr4 & CR4.smap != 0 }

  // MARK: What user mode sees

  public var selectors: [UInt16] { SegmentName.allCases.map { s.pointee.segments[$0.rawValue].selector } }
  public var segmentAttributes: [UInt16] { SegmentName.allCases.map { s.pointee.segments[$0.rawValue].attributes } }

  /// LDTR: selector, base and limit in bytes; all 0 where no table is loaded.
  public var localTable: [UInt64] {
    let register = s.pointee.ldtr
    return register.selector & ~7 == 0
      ? [0, 0, 0] : [UInt64(register.selector), s.pointee.ldtrBase, UInt64(register.limit)]
  }

  /// A digest of the floating-point and vector registers. The pointers to the last x87 instruction are left out: AMD's
  /// FXSAVE keeps them only while an exception is pending. AMD APM vol. 3, "FXSAVE".
  public func digestVectors() -> UInt64 {
    var digest = WordDigest()
    digest.add(UInt64(s.pointee.mxcsr))
    for i in 0..<16 {
      digest.add(s.pointee.vectors[i].low)
      digest.add(s.pointee.vectors[i].high)
    }
    for i in 0..<8 {
      digest.add(s.pointee.x87.registers[i].significand)
      digest.add(UInt64(s.pointee.x87.registers[i].signExponent))
    }
    digest.add(UInt64(s.pointee.x87.occupied) | UInt64(s.pointee.x87.top) << 8)
    digest.add(UInt64(s.pointee.x87.status) | UInt64(s.pointee.x87.control) << 16)
    return digest.value
  }

  // MARK: Snapshots

  /// The state as bytes: only the same build reads them back.
  public var archive: [UInt8] { withUnsafeBytes(of: s.pointee) { [UInt8]($0) } }

  /// State from bytes that `archive` of the same build made; nil when the size differs.
  public static func state(fromArchive bytes: [UInt8]) -> ProcessorState? {
    guard bytes.count == MemoryLayout<ProcessorState>.size else { return nil }
    // SAFETY: the structure is trivial and every bit pattern of its integers is one; the bytes come from the same build.
    return bytes.withUnsafeBytes { $0.loadUnaligned(as: ProcessorState.self) }
  }
}
