/// The instructions by which a run finds the guards that strike while it goes on, as bytes.
///
/// SDM vol. 2, "SWAPGS", "IRET/IRETD/IRETQ", "JMP", "CALL", "PUSH", "MOV—Move to/from Control Registers".
import Machine
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

  /// A routine begins with MOV of a small count to ECX and a CALL, behind what makes its frame: the loop that overwrites the branch history.
  static func clearsHistory(_ bytes: [UInt8]) -> Bool {
    bytes.indices.contains { i in
      bytes.count >= i + 6 && bytes[i] == 0xB9 && bytes[i + 2..<i + 5] == [0, 0, 0] && bytes[i + 5] == 0xE8
    }
  }

  /// A routine begins with one instruction and LFENCE: what untrains a return.
  static func untrainsReturns(_ bytes: [UInt8]) -> Bool {
    (0..<11).contains { bytes.count >= $0 + 3 && Array(bytes[$0..<$0 + 3]) == lfence }
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

extension Processor {
  /// The first bytes of what the next instruction calls, where that is a near CALL to a fixed place; a jump there is followed. And the
  /// length of the CALL.
  var directCallTarget: (bytes: [UInt8], length: UInt64)? {
    guard let call = bytes(atLinear: rip, count: 5), call[0] == 0xE8 else { return nil }
    var place = rip &+ 5 &+ Self.displacement(call)
    for _ in 0..<2 {
      guard let jump = bytes(atLinear: place, count: 5) else { return nil }
      if jump[0] == 0xE9 {
        place = place &+ 5 &+ Self.displacement(jump)
      } else if jump[0] == 0xEB {
        place = place &+ 2 &+ UInt64(bitPattern: Int64(Int8(bitPattern: jump[1])))
      }
    }
    return bytes(atLinear: place, count: 16).map { ($0, 5) }
  }

  private static func displacement(_ bytes: [UInt8]) -> UInt64 {
    let word = bytes[1...4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return UInt64(bitPattern: Int64(Int32(bitPattern: word)))
  }
}
