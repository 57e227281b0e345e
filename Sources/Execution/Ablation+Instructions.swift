/// The instructions by which a run finds the guards that strike while it goes on, as bytes.
///
/// SDM vol. 2, "SWAPGS", "IRET/IRETD/IRETQ", "JMP", "PUSH", "MOV—Move to/from Control Registers".
import Platform

extension Ablation {
  static let swapgs: [UInt8] = [0x0F, 0x01, 0xF8]
  static let iretq: [UInt8] = [0x48, 0xCF]
  /// JMP to itself.
  static let loop: [UInt8] = [0xEB, 0xFE]

  /// PUSH of R8, R9 or R10: 50 to 52 behind REX.B. (SYSCALL leaves the flags in R11.)
  static func pushesArgument(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 2 && bytes[0] == 0x41 && (0x50...0x52).contains(bytes[1])
  }

  static let lfence: [UInt8] = [0x0F, 0xAE, 0xE8]
  static let wrmsr: [UInt8] = [0x0F, 0x30]

  /// VERW with a memory operand: 0F 00 with ModRM xx 101 xxx, xx not 11.
  static func clearsBuffers(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 3 && bytes[0] == 0x0F && bytes[1] == 0x00 && bytes[2] & 0x38 == 0x28 && bytes[2] & 0xC0 != 0xC0
  }

  /// MOV to CR3: 0F 22 with ModRM 11 011 xxx, perhaps behind a REX prefix.
  static func writesCR3(_ bytes: [UInt8]) -> Int? {
    let rex = bytes.first.map { $0 & 0xF0 == 0x40 } ?? false
    let at = rex ? 1 : 0
    guard bytes.count >= at + 3, bytes[at] == 0x0F, bytes[at + 1] == 0x22, bytes[at + 2] & 0xF8 == 0xD8 else {
      return nil
    }
    return at + 3
  }
}
