/// Loads, stores and the stack in host code: the cached path of `Memory/Processor+Access.swift`. Without a cached translation the
/// code is left before anything was changed, and the interpreter makes the access.

extension BlockCompiler {
  /// The linear or effective address, in RCX. Changes the host's flags only where a segment base is added.
  mutating func emitAddress(segment: Bool) {
    let operation = u.pointee
    let displacement = operation.disp
    let fits = HostAssembler.fits(displacement)
    let near = fits ? Int(Int64(bitPattern: displacement)) : 0
    switch (operation.base != Slot.zero, operation.index != Slot.zero) {
    case (false, false): assembler.move(.rcx, immediate: displacement)
    case (true, false): assembler.address(.rcx, HostAddress(use(operation.base), near))
    case (true, true):
      let base = use(operation.base)
      assembler.address(.rcx, HostAddress(base, index: use(operation.index), scale: operation.scale, near))
    case (false, true):
      assembler.address(.rcx, HostAddress(nil, index: use(operation.index), scale: operation.scale, near))
    }
    if !fits && (operation.base != Slot.zero || operation.index != Slot.zero) {
      assembler.move(.rdx, immediate: displacement)
      assembler.address(.rcx, HostAddress(.rcx, index: .rdx))
    }
    if segment && operation.segment != Slot.zero {
      assembler.arithmetic(.add, 8, .rcx, Self.address(of: operation.segment))
      hostFlagsHold = false
    }
  }

  /// Looks the linear address in RCX up; afterwards the operand is at RCX + RDX. Changes RSI.
  mutating func emitLookup(_ width: Int, _ access: Access) {
    let translations: HostRegister = access == .write ? .r13 : .r12
    let stride = MemoryLayout<TranslationEntry>.stride
    // Bits 12 and up, times the size of an entry.
    assembler.move(.rdx, .rcx, 4)
    assembler.shift(.right, .rdx, 4, by: UInt8(12 - stride.trailingZeroBitCount))
    assembler.arithmetic(.and, 4, .rdx, immediate: Int32(truncatingIfNeeded: Int(TranslationCache.indexMask) * stride))
    // The tag is that of the last byte.
    if width == 1 { assembler.move(.rsi, .rcx) } else { assembler.address(.rsi, HostAddress(.rcx, width - 1)) }
    assembler.arithmetic(.and, 8, .rsi, immediate: -4096)
    assembler.arithmetic(.or, 8, .rsi, .r15)
    assembler.arithmetic(.cmp, 8, .rsi, HostAddress(translations, index: .rdx, Self.tagOffset))
    exitIf(HostCondition.notEqual)
    assembler.load(.rdx, HostAddress(translations, index: .rdx, Self.addendOffset))
    hostFlagsHold = false
  }

  private static let tagOffset = MemoryLayout<TranslationEntry>.offset(of: \.tag)!
  private static let addendOffset = MemoryLayout<TranslationEntry>.offset(of: \.addend)!
  private static let operand = HostAddress(.rcx, index: .rdx)

  mutating func load(_ width: Int, _ access: Access) {
    emitAddress(segment: true)
    emitLookup(width, access)
    if width < 4 {
      assembler.loadExtended(.rcx, Self.operand, width)
      write(u.pointee.dst, .rcx, width)
    } else {
      let to = define(u.pointee.dst)
      assembler.load(to, Self.operand, width)
      keep(u.pointee.dst, to)
    }
  }

  mutating func store(_ width: Int) {
    emitAddress(segment: true)
    emitLookup(width, .write)
    storeValue(width)
  }

  /// Stores the value operand at RCX + RDX.
  private mutating func storeValue(_ width: Int) {
    if !isImmediate && width >= 4 {
      assembler.store(use(u.pointee.src), Self.operand, width)
    } else {
      copyValue(to: .rsi, width)
      assembler.store(.rsi, Self.operand, width)
    }
  }

  // MARK: The stack

  mutating func push() {
    assembler.address(.rcx, HostAddress(use(Slot.rsp), -8))
    emitLookup(8, .write)
    storeValue(8)
    moveStack(by: -8)
  }

  mutating func pushReturnAddress() {
    assembler.address(.rcx, HostAddress(use(Slot.rsp), -8))
    emitLookup(8, .write)
    assembler.move(.rsi, immediate: u.pointee.disp)
    assembler.store(.rsi, Self.operand)
    moveStack(by: -8)
  }

  private mutating func moveStack(by bytes: Int) {
    let stack = use(Slot.rsp)
    assembler.address(stack, HostAddress(stack, bytes))
    keep(Slot.rsp, stack)
  }

  mutating func pop() {
    assembler.move(.rcx, use(Slot.rsp))
    emitLookup(8, .read)
    assembler.load(.rcx, Self.operand)
    // POP RSP: the popped value wins over the increment.
    moveStack(by: 8)
    write(u.pointee.dst, .rcx, 8)
  }

  /// The popped target of a RET, in RCX and RIP.
  mutating func popTarget() {
    assembler.move(.rcx, use(Slot.rsp))
    emitLookup(8, .read)
    assembler.load(.rcx, Self.operand)
    exitUnlessCanonical(.rcx)
    let extra = u.pointee.imm
    moveStack(by: 8 + Int(extra))
  }

  // MARK: Targets

  /// Leaves where the target is not canonical.
  mutating func checkCanonical(_ slot: UInt8) {
    let target = use(slot)
    exitUnlessCanonical(target)
  }

  private mutating func exitUnlessCanonical(_ target: HostRegister) {
    assembler.move(.rdx, target)
    assembler.shift(.left, .rdx, 8, by: 16)
    assembler.shift(.arithmeticRight, .rdx, 8, by: 16)
    assembler.arithmetic(.cmp, 8, .rdx, target)
    exitIf(HostCondition.notEqual)
    hostFlagsHold = false
  }

  mutating func copyTarget(_ slot: UInt8) { copy(slot, to: .rcx, 8) }
}
