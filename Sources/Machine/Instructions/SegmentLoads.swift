/// Loads of segment registers and the instructions that look at descriptors.
///
/// SDM vol. 2, "MOV", "LDS/LES/LFS/LGS/LSS", "LAR", "LSL", "VERR/VERW"; vol. 3A, "Protection", "Segment Loading Instructions in
/// IA-32e Mode"; AMD APM vol. 2, "Segment Registers" (a null load clears the base on Intel's processors, AMD's keep it).

extension Processor {
  /// Loads a data or stack segment register. CS cannot be loaded this way.
  func loadSegment(_ name: SegmentName, _ raw: UInt16) throws(Fault) {
    let selector = Selector(raw)
    if name == .cs { throw Fault.ud }
    if name == .ss { return try loadStackSegment(selector) }
    if selector.isNull {
      loadNull(name, raw)
      return
    }
    let descriptor = try readDescriptor(selector)
    let conforming = descriptor.isCode && descriptor.isConforming
    guard descriptor.isData || (descriptor.isCode && descriptor.isReadableCode) else {
      throw Fault.gp(selector.errorCode)
    }
    if !conforming {
      guard selector.rpl <= descriptor.dpl, s.pointee.cpl <= descriptor.dpl else { throw Fault.gp(selector.errorCode) }
    }
    guard descriptor.isPresent else { throw Fault.np(selector.errorCode) }
    try markAccessed(selector, descriptor)
    setSegment(name, selector, descriptor)
  }

  /// Loads a null selector into ES, DS, FS or GS.
  func loadNull(_ name: SegmentName, _ raw: UInt16) {
    s.pointee.segments[name.rawValue] = SegmentRegister(selector: raw, attributes: 0, limit: 0)
    if profile.nullSelectorClearsBase { set(Slot.at(20 + name.rawValue), 0 as UInt64) }
  }

  func loadStackSegment(_ selector: Selector) throws(Fault) {
    let cpl = s.pointee.cpl
    if selector.isNull {
      guard s.pointee.codeMode == .bits64, cpl < 3, selector.rpl == cpl else { throw Fault.gp() }
      s.pointee.segments[SegmentName.ss.rawValue] = .nullStack(cpl)
    } else {
      let descriptor = try readDescriptor(selector)
      guard selector.rpl == cpl, descriptor.isWritableData, descriptor.dpl == cpl else {
        throw Fault.gp(selector.errorCode)
      }
      guard descriptor.isPresent else { throw Fault.ss(selector.errorCode) }
      try markAccessed(selector, descriptor)
      setSegment(.ss, selector, descriptor)
    }
    s.pointee.shadow = .movSS
    attention = true
  }

  func setSegment(_ name: SegmentName, _ selector: Selector, _ descriptor: Descriptor) {
    s.pointee.segments[name.rawValue] = SegmentRegister(
      selector: selector.rawValue, descriptor: Descriptor(descriptor.rawValue | Descriptor.accessed))
    set(Slot.at(20 + name.rawValue), UInt64(descriptor.base))
  }

  func loadFarPointer(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let at = linear(u)
    let offset = try loadSized(at, width)
    let selector = UInt16(truncatingIfNeeded: try loadSized(at &+ UInt64(width), 2))
    try loadSegment(SegmentName(rawValue: Int(u.pointee.imm)).unsafelyUnwrapped, selector)
    // LSS opens no shadow.
    s.pointee.shadow = .none
    setSized(u.pointee.dst, offset, width)
  }

  // MARK: Descriptor tables

  func loadTable(_ u: Operation) throws(Fault) {
    try requirePrivilege()
    let at = linear(u)
    let limit = try load(at, as: UInt16.self)
    let base =
      u.pointee.width == 8
      ? try load(at &+ 2, as: UInt64.self) : UInt64(try load(at &+ 2, as: UInt32.self))
    guard !isLongModeActive || Self.isCanonical(base) else { throw Fault.gp() }
    let table = DescriptorTable(base: base, limit: limit)
    if u.pointee.detail == External.loadGDT.rawValue { s.pointee.gdtr = table } else { s.pointee.idtr = table }
  }

  func storeTable(_ u: Operation) throws(Fault) {
    try refuseUnderUMIP()
    let table = u.pointee.detail == External.storeGDT.rawValue ? s.pointee.gdtr : s.pointee.idtr
    let at = linear(u)
    try probeWrite(at, size: 2 + Int(u.pointee.width))
    try store(at, table.limit)
    try storeSized(at &+ 2, table.base, Int(u.pointee.width))
  }

  /// CR4.UMIP keeps user code from reading system registers.
  func refuseUnderUMIP() throws(Fault) {
    if s.pointee.cr4 & CR4.userModeInstructionPrevention != 0 && s.pointee.cpl > 0 { throw Fault.gp() }
  }

  func storeSystemSelector(_ u: Operation, _ selector: UInt16) throws(Fault) {
    try refuseUnderUMIP()
    setSized(u.pointee.dst, UInt64(selector), Int(u.pointee.width))
  }

  func loadLDT(_ selector: Selector) throws(Fault) {
    try requirePrivilege()
    if selector.isNull {
      s.pointee.ldtr = SegmentRegister(selector: selector.rawValue, attributes: 0, limit: 0)
      return
    }
    let (descriptor, base) = try readSystemDescriptor(selector, types: [2])
    s.pointee.ldtr = SegmentRegister(selector: selector.rawValue, descriptor: descriptor)
    s.pointee.ldtrBase = base
  }

  func loadTask(_ selector: Selector) throws(Fault) {
    try requirePrivilege()
    if selector.isNull { throw Fault.gp() }
    let (descriptor, base) = try readSystemDescriptor(selector, types: [9])
    // The descriptor becomes busy.
    try storeSystem(
      s.pointee.gdtr.base &+ selector.offset &+ 5, UInt8(truncatingIfNeeded: descriptor.rawValue >> 40) | 2)
    s.pointee.tr = SegmentRegister(selector: selector.rawValue, descriptor: Descriptor(descriptor.rawValue | 2 << 40))
    s.pointee.trBase = base
  }

  /// A system descriptor of the GDT with its whole base.
  private func readSystemDescriptor(_ selector: Selector, types: Set<UInt8>) throws(Fault) -> (Descriptor, UInt64) {
    if selector.usesLDT { throw Fault.gp(selector.errorCode) }
    let descriptor = try readDescriptor(selector)
    guard !descriptor.isCodeOrData, types.contains(descriptor.type) else { throw Fault.gp(selector.errorCode) }
    guard descriptor.isPresent else { throw Fault.np(selector.errorCode) }
    var base = UInt64(descriptor.base)
    if isLongModeActive {
      guard selector.offset + 15 <= UInt64(s.pointee.gdtr.limit) else { throw Fault.gp(selector.errorCode) }
      let high = try loadSystem(s.pointee.gdtr.base &+ selector.offset &+ 8, as: UInt64.self)
      base |= high << 32
      guard high >> 40 & 0x1F == 0, Self.isCanonical(base) else { throw Fault.gp(selector.errorCode) }
    }
    return (descriptor, base)
  }

  // MARK: Looking at descriptors

  /// The descriptor if the table holds it; nil rather than a fault.
  private func visibleDescriptor(_ selector: Selector) throws(Fault) -> Descriptor? {
    if selector.isNull { return nil }
    let limit: UInt64
    if selector.usesLDT {
      guard s.pointee.ldtr.selector & 0xFFFC != 0 else { return nil }
      limit = UInt64(s.pointee.ldtr.limit)
    } else {
      limit = UInt64(s.pointee.gdtr.limit)
    }
    guard selector.offset + 7 <= limit else { return nil }
    return try readDescriptor(selector)
  }

  private func setZero(_ zero: Bool) {
    let others = s.pointee.arithmeticFlags & ~RFLAGS.zero.rawValue
    s.pointee.setArithmeticFlags(others | (zero ? RFLAGS.zero.rawValue : 0))
  }

  /// Privilege allows a look at the descriptor.
  private func mayLook(_ selector: Selector, _ descriptor: Descriptor) -> Bool {
    if descriptor.isCode && descriptor.isConforming { return true }
    return s.pointee.cpl <= descriptor.dpl && selector.rpl <= descriptor.dpl
  }

  func verify(_ u: Operation, write: Bool) throws(Fault) {
    let selector = Selector(get(u.pointee.src, UInt16.self))
    guard let descriptor = try visibleDescriptor(selector), descriptor.isCodeOrData, mayLook(selector, descriptor)
    else { return setZero(false) }
    setZero(write ? descriptor.isWritableData : descriptor.isData || descriptor.isReadableCode)
  }

  func loadAccessRights(_ u: Operation) throws(Fault) {
    let selector = Selector(get(u.pointee.src, UInt16.self))
    let systemTypes: Set<UInt8> = isLongModeActive ? [2, 9, 0xB, 0xC] : [1, 2, 3, 4, 5, 9, 0xB, 0xC]
    guard let descriptor = try visibleDescriptor(selector),
      descriptor.isCodeOrData || systemTypes.contains(descriptor.type), mayLook(selector, descriptor)
    else { return setZero(false) }
    let rights = (descriptor.rawValue >> 32) & (u.pointee.width == 2 ? 0xFF00 : 0x00F0_FF00)
    setSized(u.pointee.dst, rights, Int(u.pointee.width))
    setZero(true)
  }

  func loadSegmentLimit(_ u: Operation) throws(Fault) {
    let selector = Selector(get(u.pointee.src, UInt16.self))
    let systemTypes: Set<UInt8> = isLongModeActive ? [2, 9, 0xB] : [1, 2, 3, 9, 0xB]
    guard let descriptor = try visibleDescriptor(selector),
      descriptor.isCodeOrData || systemTypes.contains(descriptor.type), mayLook(selector, descriptor)
    else { return setZero(false) }
    setSized(u.pointee.dst, UInt64(descriptor.limit), Int(u.pointee.width))
    setZero(true)
  }
}
