/// String instructions, with and without a repeat prefix. SDM vol. 2, "REP/REPE/REPZ/REPNE/REPNZ", "MOVS", "STOS" and others.
///
/// Each iteration commits its registers before the next begins, so a fault leaves them at the iteration that met it. A run of
/// iterations is taken at once; under single-stepping one iteration is one step. After many iterations, and after one that
/// reached a device, the instruction stands as an interrupt between two iterations would leave it, and has not retired.

#if canImport(Glibc)
  import Glibc
#endif

extension Processor {
  /// Iterations that are done at most before the processor looks at its boundary again.
  private static var longestStretch: UInt64 { 1 << 16 }
  /// Iterations that take as long as an instruction, as most are done many at once.
  private static var iterationsPerInstruction: UInt64 { 64 }

  func stringInstruction(_ u: Operation) throws(Fault) {
    let start = s.pointee.rip
    let repeats = u.pointee.traits.contains(.rep) || u.pointee.traits.contains(.repne)
    let counterWidth = Int(u.pointee.base)
    if !repeats {
      try stringIteration(u)
      s.pointee.rip = nextInstruction(start, u.pointee.length)
      return
    }
    if counterWidth == 4, profile.zeroExtendsBeforeIterating { zeroExtendAddresses(u) }
    guard comparesString(u), profile.restoresFlagsOfComparedStrings else {
      return try repeatString(u, start, counterWidth)
    }
    let flags = s.pointee.arithmeticFlags
    do throws(Fault) {
      try repeatString(u, start, counterWidth)
    } catch {
      // What is left to do compares again, so the flags may be put back at an exit to the platform as well.
      s.pointee.setArithmeticFlags(flags)
      throw error
    }
  }

  private func comparesString(_ u: Operation) -> Bool {
    let name = External(rawValue: u.pointee.detail).unsafelyUnwrapped
    return name == .compareString || name == .scanString
  }

  /// 32 bits of ECX, and of what MOVS and STOS address by, remain.
  private func zeroExtendAddresses(_ u: Operation) {
    guard s.pointee.codeMode == .bits64 else { return }
    set(Slot.rcx, get(Slot.rcx, UInt32.self))
    let name = External(rawValue: u.pointee.detail).unsafelyUnwrapped
    if name == .moveString { set(Slot.rsi, get(Slot.rsi, UInt32.self)) }
    if name == .moveString || name == .storeString { set(Slot.rdi, get(Slot.rdi, UInt32.self)) }
  }

  private func repeatString(_ u: Operation, _ start: UInt64, _ counterWidth: Int) throws(Fault) {
    let name = External(rawValue: u.pointee.detail).unsafelyUnwrapped
    let compares = comparesString(u)
    var iterations: UInt64 = 0
    // Charged however the instruction ends.
    defer { s.pointee.work &+= iterations / Self.iterationsPerInstruction }
    while true {
      let count = getSized(Slot.rcx, counterWidth)
      if count == 0 { break }
      if iterations >= Self.longestStretch || iterations > 0 && deviceWasAccessed { return pause(at: start) }
      let done = bulk(
        u, name, count: count, atMost: Self.longestStretch - iterations, addressWidth: counterWidth)
      iterations += done
      if done > 0 { continue }
      try stringIteration(u)
      iterations += 1
      setSized(Slot.rcx, count &- 1, counterWidth)
      if compares && s.pointee.zero != u.pointee.traits.contains(.rep) { break }
      if count == 1 { break }
      if s.pointee.trapAfter || s.pointee.pendingDebug != 0 {
        // The trap is reported between two iterations, with RIP at the instruction and RF set, so that a breakpoint on it does not
        // come again (SDM vol. 3B, "Instruction-Breakpoint Exception Condition").
        s.pointee.rip = start
        s.pointee.otherFlags |= RFLAGS.resume.rawValue
        s.pointee.clearsResume = false
        return
      }
    }
    s.pointee.rip = nextInstruction(start, u.pointee.length)
  }

  /// Leaves the instruction between two iterations. RF keeps a breakpoint on it from coming again, as in the frame of an
  /// interrupt there.
  private func pause(at start: UInt64) {
    s.pointee.rip = start
    s.pointee.otherFlags |= RFLAGS.resume.rawValue
    s.pointee.retired &-= 1
    s.pointee.unretired &+= 1
    updateAttention()
  }

  private func stringIteration(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let addressWidth = Int(u.pointee.base)
    let step = s.pointee.flag(.direction) ? 0 &- UInt64(width) : UInt64(width)
    let sourceSegment = SegmentName(rawValue: Int(u.pointee.index)).unsafelyUnwrapped
    let si = getSized(Slot.rsi, addressWidth)
    let di = getSized(Slot.rdi, addressWidth)
    func advance(_ slot: UInt8, _ from: UInt64) { setSized(slot, from &+ step, addressWidth) }

    switch External(rawValue: u.pointee.detail).unsafelyUnwrapped {
    case .moveString:
      let from = try stringLinear(sourceSegment, si, width, write: false)
      let to = try stringLinear(.es, di, width, write: true)
      let moved = try loadSized(from, width, stack: sourceSegment == .ss)
      try storeSized(to, moved, width)
      advance(Slot.rsi, si)
      advance(Slot.rdi, di)
    case .storeString:
      let to = try stringLinear(.es, di, width, write: true)
      try storeSized(to, get(Slot.rax, UInt64.self), width)
      advance(Slot.rdi, di)
    case .loadString:
      let from = try stringLinear(sourceSegment, si, width, write: false)
      setSized(Slot.rax, try loadSized(from, width), width)
      advance(Slot.rsi, si)
    case .compareString:
      let a = try loadSized(try stringLinear(sourceSegment, si, width, write: false), width)
      let b = try loadSized(try stringLinear(.es, di, width, write: false), width)
      compareSized(a, b, width)
      advance(Slot.rsi, si)
      advance(Slot.rdi, di)
    case .scanString:
      let b = try loadSized(try stringLinear(.es, di, width, write: false), width)
      compareSized(getSized(Slot.rax, width), b, width)
      advance(Slot.rdi, di)
    case .inString:
      let port = get(Slot.rdx, UInt16.self)
      try checkPort(port, width)
      let to = try stringLinear(.es, di, width, write: true)
      try probeWrite(to, size: width)
      try storeSized(to, try readPort(port, size: width), width)
      notePortBreakpoints(port, size: width)
      advance(Slot.rdi, di)
    default:
      let port = get(Slot.rdx, UInt16.self)
      try checkPort(port, width)
      // Before the load, so that an observer hears it once.
      try requireAlone()
      let from = try stringLinear(sourceSegment, si, width, write: false)
      try writePort(port, size: width, value: try loadSized(from, width))
      notePortBreakpoints(port, size: width)
      advance(Slot.rsi, si)
    }
  }

  private func compareSized(_ a: UInt64, _ b: UInt64, _ width: Int) {
    switch width {
    case 1: _ = s.pointee.subtract(UInt8(truncatingIfNeeded: a), UInt8(truncatingIfNeeded: b))
    case 2: _ = s.pointee.subtract(UInt16(truncatingIfNeeded: a), UInt16(truncatingIfNeeded: b))
    case 4: _ = s.pointee.subtract(UInt32(truncatingIfNeeded: a), UInt32(truncatingIfNeeded: b))
    default: _ = s.pointee.subtract(a, b)
    }
  }

  private func stringLinear(_ name: SegmentName, _ offset: UInt64, _ size: Int, write: Bool) throws(Fault) -> UInt64 {
    if s.pointee.codeMode != .bits64 { return try legacyLinear(name, offset, size: size, write: write) }
    return name == .fs || name == .gs ? offset &+ segmentBase(name) : offset
  }

  /// Moves or fills as many elements as lie on one page of source and destination, in either direction, where both are cached RAM.
  /// Returns how many it did.
  private func bulk(_ u: Operation, _ name: External, count: UInt64, atMost: UInt64, addressWidth: Int) -> UInt64 {
    guard name == .moveString || name == .storeString, addressWidth == 8, s.pointee.codeMode == .bits64,
      !s.pointee.trapAfter, s.pointee.translationTag != TranslationCache.disabledTag, u.pointee.index < 4
    else { return 0 }
    let width = UInt64(u.pointee.width)
    let backwards = s.pointee.flag(.direction)
    let di = get(Slot.rdi, UInt64.self)
    guard let to = cachedHost(di, writeTranslations) else { return 0 }
    var elements = min(count, atMost, elementsOnPage(di, width, backwards))
    let si = get(Slot.rsi, UInt64.self)
    if name == .moveString {
      guard let from = cachedHost(si, readTranslations) else { return 0 }
      elements = min(elements, elementsOnPage(si, width, backwards))
      guard elements > 0 else { return 0 }
      let bytes = Int(elements * width)
      // An overlap that a copy in this direction would propagate is left to the iterations.
      let ahead = (Int(bitPattern: to) &- Int(bitPattern: from)) * (backwards ? -1 : 1)
      guard ahead <= 0 || ahead >= bytes else { return 0 }
      // The lowest of the elements that are behind one another downwards.
      let below = backwards ? bytes - Int(width) : 0
      memmove(to - below, from - below, bytes)
    } else {
      guard elements > 0 else { return 0 }
      fill(to - (backwards ? Int((elements - 1) * width) : 0), count: Int(elements), width: width)
    }
    let distance = backwards ? 0 &- elements * width : elements * width
    if name == .moveString { set(Slot.rsi, si &+ distance) }
    set(Slot.rdi, di &+ distance)
    set(Slot.rcx, count &- elements)
    return elements
  }

  /// Elements of which all bytes lie on the page of the first, which is at `address`.
  private func elementsOnPage(_ address: UInt64, _ width: UInt64, _ backwards: Bool) -> UInt64 {
    let rest = (4096 - (address & 0xFFF)) / width
    if !backwards { return rest }
    return rest == 0 ? 0 : (address & 0xFFF) / width + 1
  }

  private func fill(_ to: UnsafeMutableRawPointer, count: Int, width: UInt64) {
    let value = get(Slot.rax, UInt64.self)
    if width == 1 {
      memset(to, Int32(truncatingIfNeeded: value & 0xFF), count)
      return
    }
    for i in 0..<count {
      let at = to + i * Int(width)
      switch width {
      case 2: at.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
      case 4: at.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
      default: at.storeBytes(of: value, as: UInt64.self)
      }
    }
  }

  /// Host address of a byte whose translation is cached.
  private func cachedHost(_ linear: UInt64, _ translations: UnsafeMutablePointer<TranslationEntry>)
    -> UnsafeMutableRawPointer?
  {
    let entry = translations + Int((linear >> 12) & TranslationCache.indexMask)
    guard entry.pointee.tag == (linear & ~0xFFF) | s.pointee.translationTag else { return nil }
    // SAFETY: as in `Processor.store`.
    return UnsafeMutableRawPointer(bitPattern: Int(bitPattern: UInt(linear)) &+ entry.pointee.addend)
  }
}
