/// What an `.external` micro-operation of MMX, SSE to SSE4.2 carries in its immediate: the family of the body, the operation
/// within the family, the instruction's own immediate byte, and whether memory must be aligned.
///
/// Intel SDM vol. 1, "MMX Instructions", "SSE Instructions", "SSE2 Instructions", "SSE3 Instructions".

/// The bodies. Everything from `mmxMove` on names an MMX register, everything from `mixed` on an XMM register as well.
enum VectorFamily: UInt8 {
  /// Only check that SSE instructions, FXSAVE or MMX instructions may execute: they come before the address checks of
  /// 16- and 32-bit code.
  case available, stateAvailable, mmxAvailable
  // Moves: the whole register, or `width` bytes of it
  case moveWhole, storeWhole, moveZeroExtended, moveLow, storeLow, moveHigh, storeHigh, moveHighToLow, moveLowToHigh
  case moveFromGeneral, moveToGeneral, storeSelected
  // Integers, shuffles and logic
  case packed, unpackLowQuadwords, unpackHighQuadwords
  case shift, shiftImmediate, shiftLeftBytes, shiftRightBytes, shuffle, insertWord, extractWord
  case byteSigns, singleSigns, doubleSigns
  case duplicateEven, duplicateOdd, duplicateLow
  // Floating point
  case arithmetic, compare, compareToFlags, toInteger, fromInteger
  case reciprocal, reciprocalScalar, reciprocalRoot, reciprocalRootScalar
  // Control and state
  case loadControl, storeControl, saveState, restoreState
  // SSSE3 to SSE4.2
  case ssse3, sse4, sse4Float, insertElement, extractElement, test, compareStrings

  case mmxMove, mmxStore, mmxFromGeneral, mmxToGeneral, mmxStoreSelected
  case mmxPacked, mmxShift, mmxShiftImmediate, mmxShuffle, mmxInsertWord, mmxExtractWord, mmxByteSigns
  case mmxEmpty, mmxSSSE3

  case mixedFromMMX, mixedToMMX, mixedSinglesFromMMX, mixedDoublesFromMMX
  case mixedSinglesToMMX, mixedDoublesToMMX, mixedSinglesTruncatedToMMX, mixedDoublesTruncatedToMMX

  var namesMMX: Bool { rawValue >= VectorFamily.mmxMove.rawValue }
  var namesXMM: Bool { rawValue < VectorFamily.mmxMove.rawValue || rawValue >= VectorFamily.mixedFromMMX.rawValue }

  /// The family that only checks what this one checks first.
  var availability: VectorFamily {
    switch self {
    case .saveState, .restoreState: .stateAvailable
    default: namesXMM ? .available : .mmxAvailable
    }
  }
}

extension MicroOperation {
  /// Fills in the immediate: bits 0 to 7 the instruction's own, 8 to 15 the code, 16 to 23 the family, 24 alignment.
  mutating func setVector(_ family: VectorFamily, code: UInt8, immediate: UInt8, aligned: Bool) {
    imm = UInt64(immediate) | UInt64(code) << 8 | UInt64(family.rawValue) << 16 | (aligned ? 1 << 24 : 0)
  }

  @inline(__always) var vectorImmediate: UInt8 { UInt8(truncatingIfNeeded: imm) }
  @inline(__always) var vectorCode: UInt8 { UInt8(truncatingIfNeeded: imm >> 8) }
  @inline(__always) var vectorFamily: VectorFamily {
    // SAFETY: only `setVector` writes the field.
    VectorFamily(rawValue: UInt8(truncatingIfNeeded: imm >> 16)).unsafelyUnwrapped
  }
  @inline(__always) var mustBeAligned: Bool { imm & 1 << 24 != 0 }
}
