/// The encodings that Zydis 4.0 does not know: ERETS, ERETU, LKGS and WRMSRNS.
///
/// SDM vol. 2, the pages of these instructions; "Instruction Prefixes" for what may stand before an opcode.
///
///     F2 0F 01 CA   ERETS        NP 0F 01 C6   WRMSRNS
///     F3 0F 01 CA   ERETU        F2 0F 00 /6   LKGS r/m16
import CZydis

enum FREDInstruction: String {
  case returnToSupervisor = "erets"
  case returnToUser = "eretu"
  case writeMSRNonSerialising = "wrmsrns"
  case loadKernelGS = "lkgs"

  /// The instruction that begins the bytes, if it is one of these; `opcode` is where its first opcode byte lies, and `repeatPrefix` where
  /// the F2 or F3 that counts is. A LOCK prefix makes none of them.
  init?(_ bytes: UnsafeRawBufferPointer, opcode: inout Int, repeatPrefix: inout Int) {
    var place = 0
    var prefix: UInt8 = 0
    var hasOperandSize = false
    loop: while place < min(bytes.count, 14) {
      switch bytes[place] {
      case 0xF2, 0xF3: (prefix, repeatPrefix) = (bytes[place], place)
      case 0x66: hasOperandSize = true
      case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x67, 0x40...0x4F: break
      default: break loop
      }
      place += 1
    }
    guard bytes.count - place >= 3, bytes[place] == 0x0F else { return nil }
    opcode = place
    switch (bytes[place + 1], bytes[place + 2], prefix) {
    case (0x01, 0xCA, 0xF2): self = .returnToSupervisor
    case (0x01, 0xCA, 0xF3): self = .returnToUser
    case (0x01, 0xC6, 0) where !hasOperandSize: self = .writeMSRNonSerialising
    case (0x00, let modrm, 0xF2) where modrm >> 3 & 7 == 6: self = .loadKernelGS
    default: return nil
    }
  }
}

extension Decoder {
  /// The instruction at the start of 64-bit code where it is one of these; nil where it is not.
  func decodeFRED(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> DecodedInstruction? {
    var (opcode, repeatPrefix) = (0, 0)
    guard let name = FREDInstruction(bytes, opcode: &opcode, repeatPrefix: &repeatPrefix) else { return nil }
    if name == .loadKernelGS {
      // Its operand is that of LTR, 0F 00 /3, which has no use for an operand size.
      var copy = [UInt8](bytes.prefix(15))
      copy[repeatPrefix] = 0x66
      copy[opcode + 2] = copy[opcode + 2] & ~0x38 | 3 << 3
      // Swift cannot throw a typed error through a rethrowing closure, so the result is carried out of it.
      let result = copy.withUnsafeBytes { raw -> Result<DecodedInstruction, DecodingFailure> in
        do throws(DecodingFailure) { return .success(try decodeByZydis(raw, mode: .bits64)) } catch {
          return .failure(error)
        }
      }
      var decoded = try result.get()
      decoded.fred = name
      return decoded
    }
    var decoded = DecodedInstruction()
    decoded.operands = [ZydisDecodedOperand](repeating: ZydisDecodedOperand(), count: 10)
    decoded.instruction.length = UInt8(opcode + 3)
    decoded.instruction.operand_width = 64
    decoded.instruction.address_width = 64
    decoded.fred = name
    return decoded
  }
}

extension Translator {
  /// One of FRED's instructions, where the processor has it; #UD where not.
  mutating func translate(_ name: FREDInstruction) {
    switch name {
    case .returnToSupervisor where profile.hasFRED: emit(.eventReturnToSupervisor, [.endsBlock, .setsRIP])
    case .returnToUser where profile.hasFRED: emit(.eventReturnToUser, [.endsBlock, .setsRIP])
    case .writeMSRNonSerialising where profile.hasWRMSRNS: emit(.writeMSR, [.endsBlock])
    case .loadKernelGS where profile.hasLKGS:
      emit(.loadKernelGS, src: load(0, into: Slot.t0) ?? Slot.zero, [.endsBlock])
    default: emit(.undefined, [.endsBlock])
    }
  }
}
