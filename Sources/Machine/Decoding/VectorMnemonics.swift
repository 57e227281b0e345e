/// Which operation each mnemonic of MMX, SSE, SSE2 and SSE3 names.
///
/// Intel SDM vol. 1, "MMX Instructions", "SSE Instructions", "SSE2 Instructions", "SSE3 Instructions".
import CZydis
import HostFloatingPoint

/// A body and the operation within it.
struct VectorMnemonic {
  var family: VectorFamily
  var code: UInt8 = 0

  init(_ family: VectorFamily, _ code: UInt8 = 0) {
    self.family = family
    self.code = code
  }

  private init(_ operation: PackedOperation) { self.init(.packed, operation.rawValue) }
  private init(_ instruction: SSEInstruction) { self.init(.arithmetic, instruction.rawValue) }
  private init(_ operation: ShuffleOperation) { self.init(.shuffle, operation.rawValue) }

  /// The operation of instructions whose operand form does not change it.
  static func named(_ mnemonic: ZydisMnemonic) -> VectorMnemonic? { table[mnemonic.rawValue] }

  /// A packed shift: by a register or memory operand, or by an immediate.
  static func shift(_ mnemonic: ZydisMnemonic) -> PackedShift? {
    switch mnemonic {
    case ZYDIS_MNEMONIC_PSLLW: .psllw
    case ZYDIS_MNEMONIC_PSLLD: .pslld
    case ZYDIS_MNEMONIC_PSLLQ: .psllq
    case ZYDIS_MNEMONIC_PSRLW: .psrlw
    case ZYDIS_MNEMONIC_PSRLD: .psrld
    case ZYDIS_MNEMONIC_PSRLQ: .psrlq
    case ZYDIS_MNEMONIC_PSRAW: .psraw
    case ZYDIS_MNEMONIC_PSRAD: .psrad
    default: nil
    }
  }

  private static let table: [UInt32: VectorMnemonic] = {
    var table: [UInt32: VectorMnemonic] = [:]
    for (mnemonic, operation) in packed { table[mnemonic.rawValue] = VectorMnemonic(operation) }
    for (mnemonic, instruction) in arithmetic { table[mnemonic.rawValue] = VectorMnemonic(instruction) }
    for (mnemonic, operation) in shuffles { table[mnemonic.rawValue] = VectorMnemonic(operation) }
    for (mnemonic, family) in others { table[mnemonic.rawValue] = VectorMnemonic(family) }
    for (mnemonic, kind) in comparisons { table[mnemonic.rawValue] = VectorMnemonic(.compare, kind.rawValue) }
    for (mnemonic, kind) in flagComparisons {
      table[mnemonic.rawValue] = VectorMnemonic(.compareToFlags, kind.rawValue)
    }
    return table
  }()

  private static let packed: [(ZydisMnemonic, PackedOperation)] = [
    (ZYDIS_MNEMONIC_PAND, .pand), (ZYDIS_MNEMONIC_ANDPS, .pand), (ZYDIS_MNEMONIC_ANDPD, .pand),
    (ZYDIS_MNEMONIC_PANDN, .pandn), (ZYDIS_MNEMONIC_ANDNPS, .pandn), (ZYDIS_MNEMONIC_ANDNPD, .pandn),
    (ZYDIS_MNEMONIC_POR, .por), (ZYDIS_MNEMONIC_ORPS, .por), (ZYDIS_MNEMONIC_ORPD, .por),
    (ZYDIS_MNEMONIC_PXOR, .pxor), (ZYDIS_MNEMONIC_XORPS, .pxor), (ZYDIS_MNEMONIC_XORPD, .pxor),
    (ZYDIS_MNEMONIC_PADDB, .paddb), (ZYDIS_MNEMONIC_PADDW, .paddw), (ZYDIS_MNEMONIC_PADDD, .paddd),
    (ZYDIS_MNEMONIC_PADDQ, .paddq), (ZYDIS_MNEMONIC_PADDSB, .paddsb), (ZYDIS_MNEMONIC_PADDSW, .paddsw),
    (ZYDIS_MNEMONIC_PADDUSB, .paddusb), (ZYDIS_MNEMONIC_PADDUSW, .paddusw),
    (ZYDIS_MNEMONIC_PSUBB, .psubb), (ZYDIS_MNEMONIC_PSUBW, .psubw), (ZYDIS_MNEMONIC_PSUBD, .psubd),
    (ZYDIS_MNEMONIC_PSUBQ, .psubq), (ZYDIS_MNEMONIC_PSUBSB, .psubsb), (ZYDIS_MNEMONIC_PSUBSW, .psubsw),
    (ZYDIS_MNEMONIC_PSUBUSB, .psubusb), (ZYDIS_MNEMONIC_PSUBUSW, .psubusw),
    (ZYDIS_MNEMONIC_PCMPEQB, .pcmpeqb), (ZYDIS_MNEMONIC_PCMPEQW, .pcmpeqw), (ZYDIS_MNEMONIC_PCMPEQD, .pcmpeqd),
    (ZYDIS_MNEMONIC_PCMPGTB, .pcmpgtb), (ZYDIS_MNEMONIC_PCMPGTW, .pcmpgtw), (ZYDIS_MNEMONIC_PCMPGTD, .pcmpgtd),
    (ZYDIS_MNEMONIC_PAVGB, .pavgb), (ZYDIS_MNEMONIC_PAVGW, .pavgw),
    (ZYDIS_MNEMONIC_PMINUB, .pminub), (ZYDIS_MNEMONIC_PMAXUB, .pmaxub),
    (ZYDIS_MNEMONIC_PMINSW, .pminsw), (ZYDIS_MNEMONIC_PMAXSW, .pmaxsw),
    (ZYDIS_MNEMONIC_PMULLW, .pmullw), (ZYDIS_MNEMONIC_PMULHW, .pmulhw), (ZYDIS_MNEMONIC_PMULHUW, .pmulhuw),
    (ZYDIS_MNEMONIC_PMULUDQ, .pmuludq), (ZYDIS_MNEMONIC_PMADDWD, .pmaddwd), (ZYDIS_MNEMONIC_PSADBW, .psadbw),
    (ZYDIS_MNEMONIC_PUNPCKLBW, .punpcklbw), (ZYDIS_MNEMONIC_PUNPCKLWD, .punpcklwd),
    (ZYDIS_MNEMONIC_PUNPCKLDQ, .punpckldq), (ZYDIS_MNEMONIC_UNPCKLPS, .punpckldq),
    (ZYDIS_MNEMONIC_PUNPCKHBW, .punpckhbw), (ZYDIS_MNEMONIC_PUNPCKHWD, .punpckhwd),
    (ZYDIS_MNEMONIC_PUNPCKHDQ, .punpckhdq), (ZYDIS_MNEMONIC_UNPCKHPS, .punpckhdq),
    (ZYDIS_MNEMONIC_PACKSSWB, .packsswb), (ZYDIS_MNEMONIC_PACKSSDW, .packssdw),
    (ZYDIS_MNEMONIC_PACKUSWB, .packuswb),
  ]

  private static let arithmetic: [(ZydisMnemonic, SSEInstruction)] = [
    (ZYDIS_MNEMONIC_ADDPS, .addps), (ZYDIS_MNEMONIC_ADDPD, .addpd), (ZYDIS_MNEMONIC_ADDSS, .addss),
    (ZYDIS_MNEMONIC_ADDSD, .addsd), (ZYDIS_MNEMONIC_SUBPS, .subps), (ZYDIS_MNEMONIC_SUBPD, .subpd),
    (ZYDIS_MNEMONIC_SUBSS, .subss), (ZYDIS_MNEMONIC_SUBSD, .subsd), (ZYDIS_MNEMONIC_MULPS, .mulps),
    (ZYDIS_MNEMONIC_MULPD, .mulpd), (ZYDIS_MNEMONIC_MULSS, .mulss), (ZYDIS_MNEMONIC_MULSD, .mulsd),
    (ZYDIS_MNEMONIC_DIVPS, .divps), (ZYDIS_MNEMONIC_DIVPD, .divpd), (ZYDIS_MNEMONIC_DIVSS, .divss),
    (ZYDIS_MNEMONIC_DIVSD, .divsd), (ZYDIS_MNEMONIC_MINPS, .minps), (ZYDIS_MNEMONIC_MINPD, .minpd),
    (ZYDIS_MNEMONIC_MINSS, .minss), (ZYDIS_MNEMONIC_MINSD, .minsd), (ZYDIS_MNEMONIC_MAXPS, .maxps),
    (ZYDIS_MNEMONIC_MAXPD, .maxpd), (ZYDIS_MNEMONIC_MAXSS, .maxss), (ZYDIS_MNEMONIC_MAXSD, .maxsd),
    (ZYDIS_MNEMONIC_SQRTPS, .sqrtps), (ZYDIS_MNEMONIC_SQRTPD, .sqrtpd), (ZYDIS_MNEMONIC_SQRTSS, .sqrtss),
    (ZYDIS_MNEMONIC_SQRTSD, .sqrtsd), (ZYDIS_MNEMONIC_ADDSUBPS, .addsubps), (ZYDIS_MNEMONIC_ADDSUBPD, .addsubpd),
    (ZYDIS_MNEMONIC_HADDPS, .haddps), (ZYDIS_MNEMONIC_HADDPD, .haddpd), (ZYDIS_MNEMONIC_HSUBPS, .hsubps),
    (ZYDIS_MNEMONIC_HSUBPD, .hsubpd), (ZYDIS_MNEMONIC_CVTPS2PD, .cvtps2pd), (ZYDIS_MNEMONIC_CVTPD2PS, .cvtpd2ps),
    (ZYDIS_MNEMONIC_CVTSS2SD, .cvtss2sd), (ZYDIS_MNEMONIC_CVTSD2SS, .cvtsd2ss),
    (ZYDIS_MNEMONIC_CVTDQ2PS, .cvtdq2ps), (ZYDIS_MNEMONIC_CVTDQ2PD, .cvtdq2pd),
    (ZYDIS_MNEMONIC_CVTPS2DQ, .cvtps2dq), (ZYDIS_MNEMONIC_CVTTPS2DQ, .cvttps2dq),
    (ZYDIS_MNEMONIC_CVTPD2DQ, .cvtpd2dq), (ZYDIS_MNEMONIC_CVTTPD2DQ, .cvttpd2dq),
  ]

  private static let shuffles: [(ZydisMnemonic, ShuffleOperation)] = [
    (ZYDIS_MNEMONIC_PSHUFD, .pshufd), (ZYDIS_MNEMONIC_PSHUFHW, .pshufhw), (ZYDIS_MNEMONIC_PSHUFLW, .pshuflw),
    (ZYDIS_MNEMONIC_SHUFPS, .shufps), (ZYDIS_MNEMONIC_SHUFPD, .shufpd),
  ]

  private static let comparisons: [(ZydisMnemonic, SSECompareInstruction)] = [
    (ZYDIS_MNEMONIC_CMPPS, .cmpps), (ZYDIS_MNEMONIC_CMPPD, .cmppd), (ZYDIS_MNEMONIC_CMPSS, .cmpss),
    (ZYDIS_MNEMONIC_CMPSD, .cmpsd),
  ]

  private static let flagComparisons: [(ZydisMnemonic, SSEFlagComparison)] = [
    (ZYDIS_MNEMONIC_COMISS, .comiss), (ZYDIS_MNEMONIC_COMISD, .comisd), (ZYDIS_MNEMONIC_UCOMISS, .ucomiss),
    (ZYDIS_MNEMONIC_UCOMISD, .ucomisd),
  ]

  private static let others: [(ZydisMnemonic, VectorFamily)] = [
    (ZYDIS_MNEMONIC_MOVHLPS, .moveHighToLow), (ZYDIS_MNEMONIC_MOVLHPS, .moveLowToHigh),
    (ZYDIS_MNEMONIC_PUNPCKLQDQ, .unpackLowQuadwords), (ZYDIS_MNEMONIC_UNPCKLPD, .unpackLowQuadwords),
    (ZYDIS_MNEMONIC_PUNPCKHQDQ, .unpackHighQuadwords), (ZYDIS_MNEMONIC_UNPCKHPD, .unpackHighQuadwords),
    (ZYDIS_MNEMONIC_PSLLDQ, .shiftLeftBytes), (ZYDIS_MNEMONIC_PSRLDQ, .shiftRightBytes),
    (ZYDIS_MNEMONIC_PSHUFW, .mmxShuffle),
    (ZYDIS_MNEMONIC_PINSRW, .insertWord), (ZYDIS_MNEMONIC_PEXTRW, .extractWord),
    (ZYDIS_MNEMONIC_PMOVMSKB, .byteSigns), (ZYDIS_MNEMONIC_MOVMSKPS, .singleSigns),
    (ZYDIS_MNEMONIC_MOVMSKPD, .doubleSigns),
    (ZYDIS_MNEMONIC_MOVSLDUP, .duplicateEven), (ZYDIS_MNEMONIC_MOVSHDUP, .duplicateOdd),
    (ZYDIS_MNEMONIC_MOVDDUP, .duplicateLow),
    (ZYDIS_MNEMONIC_RCPPS, .reciprocal), (ZYDIS_MNEMONIC_RCPSS, .reciprocalScalar),
    (ZYDIS_MNEMONIC_RSQRTPS, .reciprocalRoot), (ZYDIS_MNEMONIC_RSQRTSS, .reciprocalRootScalar),
    (ZYDIS_MNEMONIC_LDMXCSR, .loadControl), (ZYDIS_MNEMONIC_STMXCSR, .storeControl),
    (ZYDIS_MNEMONIC_EMMS, .mmxEmpty),
    (ZYDIS_MNEMONIC_MOVQ2DQ, .mixedFromMMX), (ZYDIS_MNEMONIC_MOVDQ2Q, .mixedToMMX),
    (ZYDIS_MNEMONIC_CVTPI2PS, .mixedSinglesFromMMX), (ZYDIS_MNEMONIC_CVTPI2PD, .mixedDoublesFromMMX),
    (ZYDIS_MNEMONIC_CVTPS2PI, .mixedSinglesToMMX), (ZYDIS_MNEMONIC_CVTPD2PI, .mixedDoublesToMMX),
    (ZYDIS_MNEMONIC_CVTTPS2PI, .mixedSinglesTruncatedToMMX), (ZYDIS_MNEMONIC_CVTTPD2PI, .mixedDoublesTruncatedToMMX),
  ]
}
