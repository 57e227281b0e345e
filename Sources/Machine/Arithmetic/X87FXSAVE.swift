/// FXSAVE and FXRSTOR: x87, MMX, XMM and MXCSR in 512 bytes; also the legacy region of XSAVE.
/// Intel SDM vol. 1, "FXSAVE Area" and "x87 State" of "Managing State Using the XSAVE Feature Set"; vol. 2, "FXSAVE";
/// AMD APM vol. 2, "FXSAVE and FXRSTOR Instructions".
///
///       byte   7     6     5     4     3     2     1     0
///          0 |   FOP     |  0  | FTW |    FSW    |    FCW    |
///          8 |   0   |  CS   |         FIP                   |   or 64 bits of FIP (REX.W)
///         16 |   0   |  DS   |         FDP                   |   or 64 bits of FDP (REX.W)
///         24 |      MXCSR_MASK       |         MXCSR         |
///         32   ST(0) to ST(7), 16 bytes each
///        160   XMM0 to XMM15, 16 bytes each
///        416   not written

/// The area as 64 quadwords, which is how the machine reads and writes it.
public typealias FXSAVEArea = InlineArray<64, UInt64>

/// What becomes of FOP, FIP and FDP when no unmasked exception is pending.
public enum X87PointerSaving: Sendable {
  /// Intel.
  case always
  /// AMD before RstrFpErrPtrs (CPUID Fn8000_0008_EBX[2]): FXSAVE leaves memory, and FXRSTOR the registers, as they were.
  case onlyWhenPending
  /// AMD with it: FXSAVE writes zeros, FXRSTOR always loads.
  case zeroUnlessPending
}

public struct FXSAVEFormat: Sendable {
  /// REX.W: 64-bit pointers instead of 32-bit ones with selectors.
  public var wide: Bool
  /// 16 in 64-bit mode, 8 outside it, 0 under AMD's EFER.FFXSR at CPL 0 in 64-bit mode.
  public var vectorCount: Int
  public var pointers: X87PointerSaving

  public init(wide: Bool, vectorCount: Int, pointers: X87PointerSaving) {
    self.wide = wide
    self.vectorCount = vectorCount
    self.pointers = pointers
  }

  /// How many quadwords, from the start, FXSAVE writes and FXRSTOR reads.
  public var quadwordCount: Int { 20 + 2 * vectorCount }
}

extension X87State {
  /// FXSAVE. `area` holds what memory held before, for the bytes that stay.
  public func save(
    to area: inout FXSAVEArea, mxcsr: MXCSR, vectors: borrowing InlineArray<16, Vector128>, format: FXSAVEFormat
  ) {
    area[0] =
      area[0] & 0xFFFF << 48 | UInt64(control) | UInt64(statusWord) << 16 | UInt64(occupied) << 32
    if format.pointers == .always || hasPendingException {
      area[0] = area[0] & ~(0xFFFF << 48) | UInt64(opcode) << 48
      area[1] = Self.pointer(instructionPointer, instructionSelector, wide: format.wide)
      area[2] = Self.pointer(operandPointer, operandSelector, wide: format.wide)
    } else if format.pointers == .zeroUnlessPending {
      area[0] &= ~(0xFFFF << 48)
      area[1] = 0
      area[2] = 0
    }
    area[3] = UInt64(mxcsr.rawValue) | UInt64(MXCSR.mask) << 32
    for i in 0..<8 {
      let value = self[UInt8(i)]
      area[4 + 2 * i] = value.significand
      area[5 + 2 * i] = UInt64(value.signExponent)
    }
    for i in 0..<format.vectorCount {
      area[20 + 2 * i] = vectors[i].low
      area[21 + 2 * i] = vectors[i].high
    }
  }

  private static func pointer(_ pointer: UInt64, _ selector: UInt16, wide: Bool) -> UInt64 {
    wide ? pointer : pointer & 0xFFFF_FFFF | UInt64(selector) << 32
  }

  /// MXCSR of an area; nil when a reserved bit is set, so that FXRSTOR faults (#GP) before it loads anything.
  public static func mxcsr(of area: borrowing FXSAVEArea) -> MXCSR? {
    let value = UInt32(truncatingIfNeeded: area[3])
    return value & ~MXCSR.mask == 0 ? MXCSR(rawValue: value) : nil
  }

  /// FXRSTOR, once `mxcsr(of:)` has passed and been loaded by the caller.
  public mutating func restore(
    from area: borrowing FXSAVEArea, vectors: inout InlineArray<16, Vector128>, format: FXSAVEFormat
  ) {
    loadControl(UInt16(truncatingIfNeeded: area[0]))
    statusWord = UInt16(truncatingIfNeeded: area[0] >> 16)
    occupied = UInt8(truncatingIfNeeded: area[0] >> 32)
    if format.pointers != .onlyWhenPending || hasPendingException {
      opcode = UInt16(area[0] >> 48 & 0x7FF)
      let mask: UInt64 = format.wide ? .max : 0xFFFF_FFFF
      instructionPointer = area[1] & mask
      instructionSelector = format.wide ? 0 : UInt16(truncatingIfNeeded: area[1] >> 32)
      operandPointer = area[2] & mask
      operandSelector = format.wide ? 0 : UInt16(truncatingIfNeeded: area[2] >> 32)
    }
    for i in 0..<8 {
      let signExponent = UInt16(truncatingIfNeeded: area[5 + 2 * i])
      registers[register(UInt8(i))] = DoubleExtended(significand: area[4 + 2 * i], signExponent: signExponent)
    }
    for i in 0..<format.vectorCount { vectors[i] = Vector128(low: area[20 + 2 * i], high: area[21 + 2 * i]) }
  }
}
