/// The stack outside the 64-bit fast forms, and addresses in 16- and 32-bit code.
///
/// SDM vol. 1, "Procedure Calls, Interrupts, and Exceptions", "Address-Size Attribute for Stack"; vol. 3A, "Limit Checking",
/// "Type Checking".

extension Processor {
  /// Checks an access through a segment in 16- or 32-bit code and leaves its linear address in the temporary.
  func legacyAddress(_ u: Operation) throws(Fault) {
    let name = SegmentName(rawValue: Int(u.pointee.imm >> 32) & 7).unsafelyUnwrapped
    let offset = effective(u) & (u.pointee.imm & 0xFFFF_FFFF)
    let write = u.pointee.imm >> 40 & 1 != 0
    set(u.pointee.dst, try legacyLinear(name, offset, size: Int(u.pointee.width), write: write))
  }

  /// Linear address of `offset` in a segment, after the checks of 16- and 32-bit code.
  func legacyLinear(_ name: SegmentName, _ offset: UInt64, size: Int, write: Bool) throws(Fault) -> UInt64 {
    let segment = s.pointee.segments[name.rawValue]
    let bad = name == .ss ? Fault.ss() : Fault.gp()
    guard segment.attributes & 0x80 != 0 else { throw bad }
    if write {
      guard segment.isWritableData else { throw Fault.gp() }
    } else {
      guard segment.isReadable else { throw Fault.gp() }
    }
    let last = offset &+ UInt64(size - 1)
    if segment.isExpandDown {
      let top: UInt64 = segment.isDefault32 ? 0xFFFF_FFFF : 0xFFFF
      guard offset > UInt64(segment.limit), last <= top else { throw bad }
    } else {
      guard last <= UInt64(segment.limit) else { throw bad }
    }
    return (offset &+ segmentBase(name)) & 0xFFFF_FFFF
  }

  // MARK: Push and pop of any width

  /// Bits of the stack pointer that a push or pop changes.
  private var stackMask: UInt64 {
    if s.pointee.codeMode == .bits64 { return ~0 }
    return s.pointee.segments[SegmentName.ss.rawValue].isDefault32 ? 0xFFFF_FFFF : 0xFFFF
  }

  func setStackPointer(_ value: UInt64) {
    let mask = stackMask
    if mask == 0xFFFF {
      set(Slot.rsp, UInt16(truncatingIfNeeded: value))
    } else {
      set(Slot.rsp, value & mask)
    }
  }

  func stackLinear(_ offset: UInt64, size: Int, write: Bool) throws(Fault) -> UInt64 {
    if s.pointee.codeMode == .bits64 { return offset }
    return try legacyLinear(.ss, offset & stackMask, size: size, write: write)
  }

  func push(_ value: UInt64, width: Int) throws(Fault) {
    let top = (get(Slot.rsp, UInt64.self) &- UInt64(width)) & stackMask
    try storeSized(try stackLinear(top, size: width, write: true), value, width, stack: true)
    setStackPointer(top)
  }

  /// The value `depth` bytes above the top of the stack, which stays.
  func peek(width: Int, depth: Int = 0) throws(Fault) -> UInt64 {
    let at = (get(Slot.rsp, UInt64.self) &+ UInt64(depth)) & stackMask
    return try loadSized(try stackLinear(at, size: width, write: false), width, stack: true)
  }

  func pop(bytes: Int) { setStackPointer(get(Slot.rsp, UInt64.self) &+ UInt64(bytes)) }

  func popSized(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let popped = try peek(width: width)
    pop(bytes: width)
    setSized(u.pointee.dst, popped, width)
  }

  /// POP to memory: the address is computed with the stack pointer already raised.
  func popMemory(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let popped = try peek(width: width)
    let before = get(Slot.rsp, UInt64.self)
    pop(bytes: width)
    do throws(Fault) {
      let offset = effective(u) & (u.pointee.traits.contains(.shortAddress) ? 0xFFFF_FFFF : ~0)
      let at = offset &+ get(u.pointee.segment, UInt64.self)
      try storeSized(at, popped, width, stack: u.pointee.traits.contains(.stack))
    } catch {
      set(Slot.rsp, before)
      throw error
    }
  }

  func popSegment(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let selector = UInt16(truncatingIfNeeded: try peek(width: width))
    try loadSegment(SegmentName(rawValue: Int(u.pointee.dst)).unsafelyUnwrapped, selector)
    pop(bytes: width)
  }

  func callSized(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let target = u.pointee.imm != 0 || u.pointee.src == Slot.zero ? u.pointee.imm : get(u.pointee.src, UInt64.self)
    do throws(Fault) { try push(u.pointee.disp, width: width) } catch {
      forgetBranch()
      throw error
    }
    s.pointee.rip = target & (width == 2 ? 0xFFFF : 0xFFFF_FFFF)
  }

  func returnSized(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let target = try peek(width: width)
    guard target <= UInt64(s.pointee.segments[SegmentName.cs.rawValue].limit) else { throw Fault.gp() }
    pop(bytes: width + Int(u.pointee.imm))
    s.pointee.rip = target
  }

  func pushAll(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let before = get(Slot.rsp, UInt64.self)
    let bottom = (before &- UInt64(8 * width)) & stackMask
    try probeWrite(try stackLinear(bottom, size: 8 * width, write: true), size: 8 * width, stack: true)
    for i in 0..<8 { try push(i == 4 ? before : get(Slot.at(i), UInt64.self), width: width) }
  }

  func popAll(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    var values = InlineArray<8, UInt64>(repeating: 0)
    for i in 0..<8 { values[i] = try peek(width: width, depth: i * width) }
    pop(bytes: 8 * width)
    for i in 0..<8 where i != 3 { setSized(Slot.at(7 - i), values[i], width) }
  }

  func enterFrame(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let level = Int(u.pointee.disp) & 31
    let before = get(Slot.rsp, UInt64.self)
    let base = get(Slot.rbp, UInt64.self)
    do throws(Fault) {
      try push(base, width: width)
      let frame = get(Slot.rsp, UInt64.self)
      if level > 0 {
        for i in 1..<max(level, 1) {
          let at = base &- UInt64(i * width)
          let pointer = try loadSized(try stackLinear(at, size: width, write: false), width, stack: true)
          try push(pointer, width: width)
        }
        try push(frame, width: width)
      }
      let top = get(Slot.rsp, UInt64.self) &- u.pointee.imm
      // The processor touches the new top of the stack as a write of the operand's width before it commits.
      try probeWrite(try stackLinear(top, size: width, write: true), size: width, stack: true)
      setStackPointer(top)
      setSized(Slot.rbp, frame, width)
    } catch {
      set(Slot.rsp, before)
      throw error
    }
  }

  func leaveFrame(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let base = get(Slot.rbp, UInt64.self)
    let popped = try loadSized(try stackLinear(base, size: width, write: false), width, stack: true)
    setStackPointer(base &+ UInt64(width))
    setSized(Slot.rbp, popped, width)
  }

  // MARK: Flags

  /// SDM vol. 2B, "PUSHF/PUSHFD/PUSHFQ": VM and RF are pushed as zero.
  func pushFlags(_ u: Operation) throws(Fault) {
    try push(s.pointee.rflags.rawValue & 0xFC_FFFF, width: Int(u.pointee.width))
  }

  /// SDM vol. 2B, "POPF/POPFD/POPFQ": IF by IOPL, IOPL at privilege 0 alone, RF cleared, VM kept.
  func popFlags(_ u: Operation) throws(Fault) {
    let width = Int(u.pointee.width)
    let popped = try peek(width: width)
    pop(bytes: width)
    var writable: RFLAGS = [
      .arithmetic, .trap, .direction, .nestedTask, .alignmentCheck, .identification, .resume,
    ]
    if width == 2 { writable = [.arithmetic, .trap, .direction, .nestedTask] }
    let cpl = s.pointee.cpl
    if cpl == 0 { writable.insert(.ioPrivilegeLevel) }
    if cpl <= ioPrivilegeLevel { writable.insert(.interruptEnable) }
    var value = RFLAGS(rawValue: popped)
    value.remove(.resume)
    replaceFlags(value, writable)
  }

  var ioPrivilegeLevel: UInt8 { UInt8(truncatingIfNeeded: s.pointee.otherFlags >> 12) & 3 }

  /// Replaces the flags in `mask` and follows a change of AC, TF or IF.
  func replaceFlags(_ value: RFLAGS, _ mask: RFLAGS) {
    let kept = s.pointee.rflags.rawValue & ~mask.rawValue
    s.pointee.rflags = RFLAGS(rawValue: kept | value.rawValue & mask.rawValue)
    updateView()
  }
}
