/// Loads and stores by linear address: the cached path that every instruction takes, and the slow path behind it.
///
/// SDM vol. 3A, "Paging", "Alignment Checking"; vol. 1, "Canonical Addressing".
/// The slow path takes over for a missing translation, an access that crosses a page, memory that is not RAM, a store to decoded
/// code, a page that a data breakpoint watches, and whenever somebody observes or takes down (the caches then stay empty).

extension Processor {
  /// Loads a `W` from `linear`. `stack` says that a non-canonical address is a stack fault.
  @inline(__always)
  func load<W: FixedWidthInteger & UnsignedInteger>(_ linear: UInt64, as type: W.Type, stack: Bool = false)
    throws(Fault) -> W
  {
    let entry = readTranslations + Int((linear >> 12) & TranslationCache.indexMask)
    // The tag is that of the last byte: an access that crosses into the next page cannot match its first page's entry.
    let lastByte = linear &+ UInt64(W.bitWidth / 8 &- 1)
    if entry.pointee.tag == (lastByte & ~0xFFF) | s.pointee.translationTag {
      // SAFETY: the entry was made by a walk of this page, whose host page lies inside RAM.
      return UnsafeRawPointer(bitPattern: Int(bitPattern: UInt(linear)) &+ entry.pointee.addend).unsafelyUnwrapped
        .loadUnaligned(as: W.self)
    }
    return W(truncatingIfNeeded: try loadSlow(linear, size: W.bitWidth / 8, stack: stack))
  }

  /// Stores `value` at `linear`.
  @inline(__always)
  func store<W: FixedWidthInteger & UnsignedInteger>(_ linear: UInt64, _ value: W, stack: Bool = false) throws(Fault) {
    let entry = writeTranslations + Int((linear >> 12) & TranslationCache.indexMask)
    let lastByte = linear &+ UInt64(W.bitWidth / 8 &- 1)
    if entry.pointee.tag == (lastByte & ~0xFFF) | s.pointee.translationTag {
      // SAFETY: as in `load`; the walk also found the page writable and saved it for the innermost fork.
      UnsafeMutableRawPointer(bitPattern: Int(bitPattern: UInt(linear)) &+ entry.pointee.addend).unsafelyUnwrapped
        .storeBytes(of: value, as: W.self)
      return
    }
    try storeSlow(linear, UInt64(truncatingIfNeeded: value), size: W.bitWidth / 8, stack: stack)
  }

  /// Loads for an instruction that will store to the same place: the store's permission is checked first.
  @inline(__always)
  func loadToModify<W: FixedWidthInteger & UnsignedInteger>(_ linear: UInt64, as type: W.Type, stack: Bool = false)
    throws(Fault) -> W
  {
    let entry = writeTranslations + Int((linear >> 12) & TranslationCache.indexMask)
    let lastByte = linear &+ UInt64(W.bitWidth / 8 &- 1)
    if entry.pointee.tag == (lastByte & ~0xFFF) | s.pointee.translationTag {
      // SAFETY: as in `store`.
      return UnsafeRawPointer(bitPattern: Int(bitPattern: UInt(linear)) &+ entry.pointee.addend).unsafelyUnwrapped
        .loadUnaligned(as: W.self)
    }
    try probeWrite(linear, size: W.bitWidth / 8, stack: stack)
    return W(truncatingIfNeeded: try loadSlow(linear, size: W.bitWidth / 8, stack: stack))
  }

  // MARK: The slow path

  /// Raises the fault that a store of `size` bytes would raise, and stores nothing.
  func probeWrite(_ linear: UInt64, size: Int, stack: Bool = false) throws(Fault) {
    try checkAddress(linear, size: size, stack: stack)
    _ = try physical(linear, .write)
    if (linear & 0xFFF) + UInt64(size) > 4096 { _ = try physical((linear | 0xFFF) &+ 1, .write) }
  }

  @inline(never)
  func loadSlow(_ linear: UInt64, size: Int, stack: Bool) throws(Fault) -> UInt64 {
    try checkAddress(linear, size: size, stack: stack)
    let inPage = Int(4096 - (linear & 0xFFF))
    let value: UInt64
    if inPage >= size {
      value = try loadPhysical(try physical(linear, .read), size: size)
    } else {
      let first = try physical(linear, .read)
      let second = try physical((linear | 0xFFF) &+ 1, .read)
      let low = try loadPhysical(first, size: inPage)
      let high = try loadPhysical(second, size: size - inPage)
      value = low | high << UInt64(inPage * 8)
    }
    if s.pointee.dr7 & 0xFF != 0 { noteDataBreakpoints(linear, size: size, write: false) }
    observer?.read(linear, size: size, value: value)
    return value
  }

  @inline(never)
  func storeSlow(_ linear: UInt64, _ value: UInt64, size: Int, stack: Bool) throws(Fault) {
    try checkAddress(linear, size: size, stack: stack)
    let inPage = Int(4096 - (linear & 0xFFF))
    if inPage >= size {
      try storePhysical(try physical(linear, .write), value, size: size)
    } else {
      // Both pages are checked before either is written.
      let first = try physical(linear, .write)
      let second = try physical((linear | 0xFFF) &+ 1, .write)
      try storePhysical(first, value, size: inPage)
      try storePhysical(second, value >> UInt64(inPage * 8), size: size - inPage)
    }
    if s.pointee.dr7 & 0xFF != 0 { noteDataBreakpoints(linear, size: size, write: true) }
    observer?.wrote(linear, size: size, value: value)
  }

  /// Canonical form and alignment, which are checked before translation.
  private func checkAddress(_ linear: UInt64, size: Int, stack: Bool) throws(Fault) {
    if isLongModeActive {
      let last = linear &+ UInt64(size - 1)
      if !Self.isCanonical(linear) || !Self.isCanonical(last) { throw stack ? Fault.ss() : Fault.gp() }
    }
    if alignmentChecked && size > 1 && linear & UInt64(size - 1) != 0 { throw Fault.ac }
  }

  /// Alignment checking is on: CR0.AM, RFLAGS.AC and CPL 3.
  var alignmentChecked: Bool {
    s.pointee.cpl == 3 && s.pointee.flag(.alignmentCheck) && s.pointee.cr0 & CR0.alignmentMask != 0
  }

  /// The current view of data accesses.
  var dataView: TranslationView {
    if s.pointee.cpl == 3 { return .user }
    return s.pointee.cr4 & CR4.smap != 0 && !s.pointee.flag(.alignmentCheck) ? .supervisorPrevented : .supervisor
  }

  /// Translates a data access of the current privilege and remembers the translation where that is allowed.
  func physical(_ linear: UInt64, _ access: Access) throws(Fault) -> UInt64 {
    let view = dataView
    if footprint != nil, let known = takenDownBefore(linear, access, view) { return known }
    let found = try walk(linear, access, user: view == .user, preventUser: view == .supervisorPrevented)
    remember(linear, found, access, view)
    return found.physical
  }

  /// The translation of an access that is taken down: its page was walked under this context, and no instruction finds the entry.
  private func takenDownBefore(_ linear: UInt64, _ access: Access, _ view: TranslationView) -> UInt64? {
    let cache = access == .write ? writeCache : readCache
    let entry = cache.set(view)[Int((linear >> 12) & TranslationCache.indexMask)]
    guard entry.tag == (linear & ~0xFFF) | takingDownTag, takingDownTag != TranslationCache.disabledTag else {
      return nil
    }
    return UInt64(Int(bitPattern: UInt(linear)) &+ entry.addend &- Int(bitPattern: memory.base))
  }

  /// The tag under which translations are kept while a footprint is taken; the disabled one where none may be.
  private var takingDownTag: UInt64 {
    observer != nil || alignmentChecked ? TranslationCache.disabledTag : UInt64(contextOfPCID[currentPCID] & 0xFFF)
  }

  func remember(_ linear: UInt64, _ found: Translation, _ access: Access, _ view: TranslationView) {
    let pagePhysical = found.physical & ~0xFFF
    guard memory.contains(pagePhysical, count: 4096) else { return }
    let page = Int(pagePhysical >> 12)
    if access == .write { memory.prepareWrite(page: page) }
    if found.pageBytes > 4096 { noteLargePage(linear, found.pageBytes) }
    let tag = footprint != nil ? takingDownTag : s.pointee.translationTag
    guard tag != TranslationCache.disabledTag else { return }
    if access == .write && (memory.codeLines[page] != 0 || memory.uses[page] & PageUse.table != 0) { return }
    if watchesData(page: linear) || access == .write && page == heardPage { return }
    let pageLinear = linear & ~0xFFF
    let entry = TranslationEntry(
      tag: pageLinear | tag,
      addend: Int(bitPattern: memory.base + page &* 4096) &- Int(bitPattern: UInt(pageLinear)))
    let cache = access == .write ? writeCache : readCache
    let place = cache.set(view) + Int((linear >> 12) & TranslationCache.indexMask)
    place.pointee = entry
    if access == .write && keepsTranslations { kept.note(place) }
  }

  // MARK: Physical memory

  private func loadPhysical(_ address: UInt64, size: Int) throws(Fault) -> UInt64 {
    guard memory.contains(address, count: size) else { return try loadOutsideRAM(address, size: size) }
    takenDown?._withUnsafeGuaranteedRef { $0.read(address, size: size) }
    let host = memory.base + Int(address)
    switch size {
    case 1: return UInt64(host.load(as: UInt8.self))
    case 2: return UInt64(host.loadUnaligned(as: UInt16.self))
    case 4: return UInt64(host.loadUnaligned(as: UInt32.self))
    case 8: return host.loadUnaligned(as: UInt64.self)
    default:
      var value: UInt64 = 0
      for i in 0..<size { value |= UInt64((host + i).load(as: UInt8.self)) << UInt64(i * 8) }
      return value
    }
  }

  private func storePhysical(_ address: UInt64, _ value: UInt64, size: Int) throws(Fault) {
    guard memory.contains(address, count: size) else { return try storeOutsideRAM(address, value, size: size) }
    let page = Int(address >> 12)
    if page == heardPage { try hearStore(address, size: size) }
    takenDown?._withUnsafeGuaranteedRef { $0.write(address, size: size) }
    noteStore(address, size: size)
    memory.prepareWrite(page: page)
    if memory.codeLines[page] != 0 { dropCode(at: address, count: size, isStore: true) }
    let host = memory.base + Int(address)
    switch size {
    case 1: host.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    case 2: host.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case 4: host.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    case 8: host.storeBytes(of: value, as: UInt64.self)
    default:
      for i in 0..<size {
        (host + i).storeBytes(of: UInt8(truncatingIfNeeded: value >> UInt64(i * 8)), as: UInt8.self)
      }
    }
  }

  /// Bytes of the current address space by linear address, for somebody who only looks; nil unless all are mapped RAM.
  public func bytes(atLinear linear: UInt64, count: Int) -> [UInt8]? {
    bytes(atLinear: linear, count: count, tables: s.pointee.cr3)
  }

  /// The byte there; nil where it is not in RAM.
  public func byte(atLinear linear: UInt64) -> UInt8? {
    guard let physical = physicalAddress(of: linear), memory.contains(physical, count: 1) else { return nil }
    return memory.base.load(fromByteOffset: Int(physical), as: UInt8.self)
  }

  /// The eight bytes there as a number, the lowest first; they need not be aligned. Nil where they are not all in RAM.
  public func word(atLinear linear: UInt64) -> UInt64? {
    if linear & 0xFFF <= 4096 - 8 {
      guard let physical = physicalAddress(of: linear), memory.contains(physical, count: 8) else { return nil }
      return memory.base.loadUnaligned(fromByteOffset: Int(physical), as: UInt64.self)
    }
    return bytes(atLinear: linear, count: 8)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  public func bytes(atLinear linear: UInt64, count: Int, tables: UInt64) -> [UInt8]? {
    var result: [UInt8] = []
    var at = linear
    while result.count < count {
      let piece = min(count - result.count, Int(4096 - (at & 0xFFF)))
      guard let physical = physicalAddress(of: at, tables: tables),
        let bytes = memory.bytes(at: physical, count: piece)
      else { return nil }
      result += bytes
      at &+= UInt64(piece)
    }
    return result
  }
}

extension Processor {
  // MARK: Implicit supervisor accesses: descriptor tables, TSS, event frames

  /// Loads a `W` as the processor's own access to a system table: privilege 0 whatever the CPL; SMAP ignores AC.
  func loadSystem<W: FixedWidthInteger & UnsignedInteger>(_ linear: UInt64, as type: W.Type) throws(Fault) -> W {
    let size = W.bitWidth / 8
    if isLongModeActive && !Self.isCanonical(linear) { throw Fault.gp() }
    let inPage = Int(4096 - (linear & 0xFFF))
    let first = try systemPhysical(linear, .read)
    let raw: UInt64
    if inPage >= size {
      raw = try loadPhysical(first, size: size)
    } else {
      let second = try systemPhysical(linear &+ UInt64(inPage), .read)
      let low = try loadPhysical(first, size: inPage)
      let high = try loadPhysical(second, size: size - inPage)
      raw = low | high << UInt64(inPage * 8)
    }
    let value = W(truncatingIfNeeded: raw)
    observer?.read(linear, size: size, value: UInt64(truncatingIfNeeded: value))
    return value
  }

  func storeSystem<W: FixedWidthInteger & UnsignedInteger>(_ linear: UInt64, _ value: W) throws(Fault) {
    let size = W.bitWidth / 8
    // The first byte that faults is the one that CR2 names.
    let first = try systemPhysical(linear, .write)
    let inPage = Int(4096 - (linear & 0xFFF))
    if inPage >= size {
      try storePhysical(first, UInt64(truncatingIfNeeded: value), size: size)
    } else {
      let second = try systemPhysical(linear &+ UInt64(inPage), .write)
      try storePhysical(first, UInt64(truncatingIfNeeded: value), size: inPage)
      try storePhysical(second, UInt64(truncatingIfNeeded: value) >> UInt64(inPage * 8), size: size - inPage)
    }
    if s.pointee.dr7 & 0xFF != 0 { noteDataBreakpoints(linear, size: size, write: true) }
    observer?.wrote(linear, size: size, value: UInt64(truncatingIfNeeded: value))
  }

  private func systemPhysical(_ linear: UInt64, _ access: Access) throws(Fault) -> UInt64 {
    try walk(linear, access, user: false, preventUser: s.pointee.cr4 & CR4.smap != 0).physical
  }
}
