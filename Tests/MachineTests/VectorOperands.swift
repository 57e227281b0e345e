/// Random operands drawn to extremes, reproducibly: seed and count make the run.

import Foundation
import HostOracle
import Machine

/// How often each random comparison with the host is made: `rounds` times a factor for a long recorded run.
func hostRounds(_ rounds: Int) -> Int {
  rounds * (ProcessInfo.processInfo.environment["LIMEN_HOST_ROUNDS"].flatMap(Int.init) ?? 1)
}

struct OperandSource {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// SplitMix64, the generator of Steele, Lea and Flood.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Elements of one width at a time, so that several interesting ones can stand side by side.
  mutating func quadword() -> UInt64 {
    switch below(6) {
    case 0: next()
    case 1: Self.quadwords[below(Self.quadwords.count)]
    case 2, 3: UInt64(doubleword()) | UInt64(doubleword()) << 32
    case 4: (0..<4).reduce(0) { all, i in all | UInt64(Self.words[below(Self.words.count)]) << (16 * UInt64(i)) }
    default: (0..<8).reduce(0) { all, i in all | UInt64(Self.bytes[below(Self.bytes.count)]) << (8 * UInt64(i)) }
    }
  }

  mutating func doubleword() -> UInt32 {
    switch below(4) {
    case 0: UInt32(truncatingIfNeeded: next())
    // Of a similar exponent, so that sums cancel and round.
    case 1: UInt32(truncatingIfNeeded: next()) & 0x81FF_FFFF | 0x3E00_0000
    default: Self.doublewords[below(Self.doublewords.count)] ^ (below(8) == 0 ? 0x8000_0000 : 0)
    }
  }

  mutating func vector() -> Vector128 { Vector128(low: quadword(), high: quadword()) }

  static let bytes: [UInt8] = [0, 1, 2, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x55, 0xAA]
  static let words: [UInt16] = [
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF, 0xFF80,
  ]
  /// Also singles: zeros, denormals, the ends of the normal range, infinity, quiet and signalling NaNs, halves, 2^31.
  static let doublewords: [UInt32] = [
    0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFF,
    0x007F_FFFF, 0x0080_0000, 0x0080_0001, 0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001, 0x7FBF_FFFF, 0x7FC0_0000, 0x7FC1_2345,
    0x3F00_0000, 0x3F80_0000, 0x3F7F_FFFF, 0x3FC0_0000, 0x4020_0000, 0x4F00_0000, 0x4EFF_FFFF, 0x5F00_0000, 0x3380_0000,
  ]
  /// Also doubles of the same kinds, and small shift counts.
  static let quadwords: [UInt64] = [
    0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 1 << 32, 1 << 63, 1 << 63 | 1, .max, .max >> 1,
    0x000F_FFFF_FFFF_FFFF, 0x0010_0000_0000_0000, 0x7FEF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000,
    0x7FF0_0000_0000_0001, 0x7FF7_FFFF_FFFF_FFFF, 0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_1234, 0x3FF0_0000_0000_0000,
    0x3FE0_0000_0000_0000, 0x3FF8_0000_0000_0000, 0xBFF0_0000_0000_0001, 0x41DF_FFFF_FFE0_0000, 0x41E0_0000_0000_0000,
    0x43E0_0000_0000_0000, 0x47EF_FFFF_F000_0000, 0x3810_0000_0000_0000, 0x36A0_0000_0000_0000, 0x369F_FFFF_FFFF_FFFF,
  ]
}

extension Vector128 {
  init(_ host: HostVector) { self.init(low: host.low, high: host.high) }
  var host: HostVector { HostVector(low: low, high: high) }
}
