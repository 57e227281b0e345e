/// The model-specific registers of FRED. Bochs cpu/msr.cc; Xen arch/x86/include/asm/msr-index.h.

extension Processor {
  /// IA32_FRED_RSP0 to IA32_FRED_CONFIG, and IA32_PL0_SSP.
  static let fredRegisters: ClosedRange<UInt32> = 0x1CC...0x1D4
  static let shadowStackOfLevel0: UInt32 = 0x6A4
  /// Of IA32_FRED_CONFIG: bits 2, 4, 5 and 11.
  private static let reservedConfiguration: UInt64 = 0x834

  /// Nil where the index is none of them.
  func fredRegister(_ index: UInt32) -> UInt64? {
    let fred = s.pointee.msr.fred
    switch index {
    case 0x1CC...0x1CF: return fred.stacks[Int(index - 0x1CC)]
    case 0x1D0: return fred.stackLevels
    case 0x1D1...0x1D3: return fred.shadowStacks[Int(index - 0x1D0)]
    case 0x1D4: return fred.configuration
    case Self.shadowStackOfLevel0: return fred.shadowStacks[0]
    default: return nil
    }
  }

  func setFREDRegister(_ index: UInt32, _ value: UInt64) throws(Fault) {
    switch index {
    case 0x1CC...0x1CF:
      guard Self.isCanonical(value), value & 63 == 0 else { throw Fault.gp() }
      s.pointee.msr.fred.stacks[Int(index - 0x1CC)] = value
    case 0x1D0: s.pointee.msr.fred.stackLevels = value
    case 0x1D1...0x1D3:
      s.pointee.msr.fred.shadowStacks[Int(index - 0x1D0)] = try shadowStack(value)
    case 0x1D4:
      guard Self.isCanonical(value), value & Self.reservedConfiguration == 0 else { throw Fault.gp() }
      s.pointee.msr.fred.configuration = value
    case Self.shadowStackOfLevel0: s.pointee.msr.fred.shadowStacks[0] = try shadowStack(value)
    default: throw Fault.gp()
    }
  }

  private func shadowStack(_ value: UInt64) throws(Fault) -> UInt64 {
    guard Self.isCanonical(value), value & 7 == 0 else { throw Fault.gp() }
    return value
  }
}
