/// Zydis, behind one file: bytes to a decoded instruction, and to text.
///
/// Extensions that a profile does not advertise decode as the older instruction where the encodings overlap (TZCNT is BSF with
/// a REP prefix, and so on), as a processor without the extension does. SDM vol. 2, each instruction's page.
import CZydis

/// One decoded instruction with its operands.
struct DecodedInstruction {
  var instruction = ZydisDecodedInstruction()
  var operands: [ZydisDecodedOperand] = []
  /// An instruction that Zydis does not know; of the rest only its length and operand hold then.
  var fred: FREDInstruction?
  /// It has the prefix 3E, which on an indirect branch is NOTRACK.
  var isMarked = false

  var mnemonic: ZydisMnemonic { instruction.mnemonic }
  var length: Int { Int(instruction.length) }
  /// Operands that the assembler would show.
  var visible: Int { Int(instruction.operand_count_visible) }
  func has(_ attribute: UInt64) -> Bool { instruction.attributes & attribute != 0 }
}

enum DecodingFailure: Error {
  /// More bytes are needed than were given.
  case truncated
  /// Longer than 15 bytes: #GP.
  case tooLong
  /// No such instruction: #UD.
  case undefined
}

// SAFETY: the decoders are written once, here, and only read afterwards.
final class Decoder: @unchecked Sendable {
  private var decoders: [ZydisDecoder] = []

  /// For a processor that has TZCNT and LZCNT, or has not.
  init(countsTrailingZeros: Bool = false, countsLeadingZeros: Bool = false) {
    for (machine, stack) in [
      (ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16), (ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32),
      (ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64),
    ] {
      var decoder = ZydisDecoder()
      ZydisDecoderInit(&decoder, machine, stack)
      for absent in [
        ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET, ZYDIS_DECODER_MODE_WBNOINVD, ZYDIS_DECODER_MODE_CLDEMOTE,
      ] {
        ZydisDecoderEnableMode(&decoder, absent, 0)
      }
      ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_TZCNT, countsTrailingZeros ? 1 : 0)
      ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_LZCNT, countsLeadingZeros ? 1 : 0)
      decoders.append(decoder)
    }
  }

  func decode(_ bytes: UnsafeRawBufferPointer, mode: CodeMode) throws(DecodingFailure) -> DecodedInstruction {
    if mode == .bits64, let decoded = try decodeFRED(bytes) { return decoded }
    return try decodeByZydis(bytes, mode: mode)
  }

  func decodeByZydis(_ bytes: UnsafeRawBufferPointer, mode: CodeMode) throws(DecodingFailure) -> DecodedInstruction {
    var result = DecodedInstruction()
    var storage = [ZydisDecodedOperand](repeating: ZydisDecodedOperand(), count: 10)
    var decoder = decoders[Int(mode.rawValue)]
    let status = ZydisDecoderDecodeFull(
      &decoder, bytes.baseAddress, min(bytes.count, 15), &result.instruction, &storage)
    if status & 0x8000_0000 != 0 {
      // The low bits are Zydis' status codes: 0 no more data, 2 instruction too long.
      switch status & 0xFFFFF {
      case 0: throw bytes.count >= 15 ? .tooLong : .truncated
      case 2: throw .tooLong
      default: throw .undefined
      }
    }
    result.operands = storage
    result.isMarked = bytes.prefix(Int(result.instruction.raw.prefix_count)).contains(0x3E)
    return result
  }

  /// The instruction in AT&T syntax and its length; nil where the bytes are none.
  func text(_ bytes: [UInt8], at address: UInt64, mode: CodeMode) -> (text: String, length: Int)? {
    var formatter = ZydisFormatter()
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)
    guard let decoded = try? bytes.withUnsafeBytes({ try decode($0, mode: mode) }) else { return nil }
    if let name = decoded.fred, name != .loadKernelGS { return (name.rawValue, decoded.length) }
    var buffer = [CChar](repeating: 0, count: 256)
    var instruction = decoded.instruction
    let status = ZydisFormatterFormatInstruction(
      &formatter, &instruction, decoded.operands, UInt8(decoded.visible), &buffer, 256, address, nil)
    if status & 0x8000_0000 != 0 { return nil }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return (
      decoded.fred == nil ? text : FREDInstruction.loadKernelGS.rawValue + text.drop { $0 != " " }, decoded.length
    )
  }
}

extension Processor {
  /// The instruction at a linear address of the current address space, disassembled.
  public func disassemble(at linear: UInt64) -> (text: String, length: Int)? {
    var bytes: [UInt8] = []
    for i in 0..<15 {
      guard let byte = self.bytes(atLinear: linear &+ UInt64(i), count: 1) else { break }
      bytes += byte
    }
    return decoder.text(bytes, at: linear, mode: s.pointee.codeMode)
  }
}

/// Disassembly of bytes that no machine executes.
public enum Disassembler {
  /// The first instruction of 64-bit code at `address`, in AT&T syntax, and its length; nil where the bytes are none.
  public static func instruction(_ bytes: [UInt8], at address: UInt64) -> (text: String, length: Int)? {
    Decoder().text(bytes, at: address, mode: .bits64)
  }
}
