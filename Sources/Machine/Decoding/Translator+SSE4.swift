/// SSSE3, SSE4.1 and SSE4.2 into micro-operations, where the profile's CPUID names them.
///
/// Intel SDM vol. 1, "SSSE3 Instructions", "SSE4.1 Instructions", "SSE4.2 Instructions"; vol. 2, each instruction's page.
import CZydis

extension Translator {
  mutating func translateSSSE3() -> Bool {
    guard profile.hasSSSE3, let operation = Self.ssse3[current.mnemonic.rawValue] else { return false }
    vector(isMMX(0) ? .mmxSSSE3 : .ssse3, code: operation.rawValue)
    return true
  }

  mutating func translateSSE41() -> Bool {
    guard profile.hasSSE41 else { return false }
    if let operation = Self.sse4[current.mnemonic.rawValue] {
      vector(.sse4, code: operation.rawValue)
      return true
    }
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_MOVNTDQA: vector(.moveWhole)
    case ZYDIS_MNEMONIC_PTEST: vector(.test)
    case ZYDIS_MNEMONIC_INSERTPS:
      // Memory is one element, whichever of four the order names.
      vector(.sse4, code: SSE4Operation.insertps.rawValue, immediateMask: isMemory(1) ? 0x3F : 0xFF)
    case ZYDIS_MNEMONIC_PINSRB: vector(.insertElement, code: 1)
    case ZYDIS_MNEMONIC_PINSRD: vector(.insertElement, code: 4)
    case ZYDIS_MNEMONIC_PINSRQ: vector(.insertElement, code: 8, width: 8)
    case ZYDIS_MNEMONIC_PEXTRB: vector(.extractElement, code: 1, writes: true)
    case ZYDIS_MNEMONIC_PEXTRW: vector(.extractElement, code: 2, writes: true)
    case ZYDIS_MNEMONIC_PEXTRD, ZYDIS_MNEMONIC_EXTRACTPS: vector(.extractElement, code: 4, writes: true)
    case ZYDIS_MNEMONIC_PEXTRQ: vector(.extractElement, code: 8, writes: true)
    case ZYDIS_MNEMONIC_ROUNDPS: vector(.sse4Float, code: SSE4FloatOperation.roundps.rawValue)
    case ZYDIS_MNEMONIC_ROUNDPD: vector(.sse4Float, code: SSE4FloatOperation.roundpd.rawValue)
    case ZYDIS_MNEMONIC_ROUNDSS: vector(.sse4Float, code: SSE4FloatOperation.roundss.rawValue)
    case ZYDIS_MNEMONIC_ROUNDSD: vector(.sse4Float, code: SSE4FloatOperation.roundsd.rawValue)
    case ZYDIS_MNEMONIC_DPPS: vector(.sse4Float, code: SSE4FloatOperation.dpps.rawValue)
    case ZYDIS_MNEMONIC_DPPD: vector(.sse4Float, code: SSE4FloatOperation.dppd.rawValue)
    default: return false
    }
    return true
  }

  /// CRC32 is among the integer instructions.
  mutating func translateSSE42() -> Bool {
    guard profile.hasSSE42 else { return false }
    // REX.W makes the lengths 64 bits wide.
    let lengths: StringOperation = current.instruction.raw.rex.W == 1 ? [.explicit, .wide] : .explicit
    let operation: StringOperation
    switch current.mnemonic {
    case ZYDIS_MNEMONIC_PCMPGTQ:
      vector(.sse4, code: SSE4Operation.pcmpgtq.rawValue)
      return true
    case ZYDIS_MNEMONIC_PCMPESTRI: operation = lengths
    case ZYDIS_MNEMONIC_PCMPESTRM: operation = lengths.union(.mask)
    case ZYDIS_MNEMONIC_PCMPISTRI: operation = []
    case ZYDIS_MNEMONIC_PCMPISTRM: operation = .mask
    default: return false
    }
    vector(.compareStrings, code: operation.rawValue, aligned: false)
    return true
  }

  private static let ssse3: [UInt32: SSSE3Operation] = table([
    (ZYDIS_MNEMONIC_PSHUFB, .pshufb), (ZYDIS_MNEMONIC_PHADDW, .phaddw), (ZYDIS_MNEMONIC_PHADDD, .phaddd),
    (ZYDIS_MNEMONIC_PHADDSW, .phaddsw), (ZYDIS_MNEMONIC_PHSUBW, .phsubw), (ZYDIS_MNEMONIC_PHSUBD, .phsubd),
    (ZYDIS_MNEMONIC_PHSUBSW, .phsubsw), (ZYDIS_MNEMONIC_PMADDUBSW, .pmaddubsw), (ZYDIS_MNEMONIC_PMULHRSW, .pmulhrsw),
    (ZYDIS_MNEMONIC_PSIGNB, .psignb), (ZYDIS_MNEMONIC_PSIGNW, .psignw), (ZYDIS_MNEMONIC_PSIGND, .psignd),
    (ZYDIS_MNEMONIC_PABSB, .pabsb), (ZYDIS_MNEMONIC_PABSW, .pabsw), (ZYDIS_MNEMONIC_PABSD, .pabsd),
    (ZYDIS_MNEMONIC_PALIGNR, .palignr),
  ])

  private static let sse4: [UInt32: SSE4Operation] = table([
    (ZYDIS_MNEMONIC_BLENDPS, .blendps), (ZYDIS_MNEMONIC_BLENDPD, .blendpd), (ZYDIS_MNEMONIC_PBLENDW, .pblendw),
    (ZYDIS_MNEMONIC_BLENDVPS, .blendvps), (ZYDIS_MNEMONIC_BLENDVPD, .blendvpd), (ZYDIS_MNEMONIC_PBLENDVB, .pblendvb),
    (ZYDIS_MNEMONIC_MPSADBW, .mpsadbw), (ZYDIS_MNEMONIC_PHMINPOSUW, .phminposuw),
    (ZYDIS_MNEMONIC_PACKUSDW, .packusdw), (ZYDIS_MNEMONIC_PCMPEQQ, .pcmpeqq), (ZYDIS_MNEMONIC_PMULDQ, .pmuldq),
    (ZYDIS_MNEMONIC_PMULLD, .pmulld),
    (ZYDIS_MNEMONIC_PMAXSB, .pmaxsb), (ZYDIS_MNEMONIC_PMAXSD, .pmaxsd), (ZYDIS_MNEMONIC_PMAXUW, .pmaxuw),
    (ZYDIS_MNEMONIC_PMAXUD, .pmaxud), (ZYDIS_MNEMONIC_PMINSB, .pminsb), (ZYDIS_MNEMONIC_PMINSD, .pminsd),
    (ZYDIS_MNEMONIC_PMINUW, .pminuw), (ZYDIS_MNEMONIC_PMINUD, .pminud),
    (ZYDIS_MNEMONIC_PMOVSXBW, .pmovsxbw), (ZYDIS_MNEMONIC_PMOVSXBD, .pmovsxbd), (ZYDIS_MNEMONIC_PMOVSXBQ, .pmovsxbq),
    (ZYDIS_MNEMONIC_PMOVSXWD, .pmovsxwd), (ZYDIS_MNEMONIC_PMOVSXWQ, .pmovsxwq), (ZYDIS_MNEMONIC_PMOVSXDQ, .pmovsxdq),
    (ZYDIS_MNEMONIC_PMOVZXBW, .pmovzxbw), (ZYDIS_MNEMONIC_PMOVZXBD, .pmovzxbd), (ZYDIS_MNEMONIC_PMOVZXBQ, .pmovzxbq),
    (ZYDIS_MNEMONIC_PMOVZXWD, .pmovzxwd), (ZYDIS_MNEMONIC_PMOVZXWQ, .pmovzxwq), (ZYDIS_MNEMONIC_PMOVZXDQ, .pmovzxdq),
  ])

  private static func table<Operation>(_ entries: [(ZydisMnemonic, Operation)]) -> [UInt32: Operation] {
    Dictionary(uniqueKeysWithValues: entries.map { ($0.0.rawValue, $0.1) })
  }
}
