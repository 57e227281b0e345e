/// RDRAND and RDSEED, which always succeed: SplitMix64 of how many numbers were given before, so that the same run gives the same ones.
///
/// SDM vol. 2B, "RDRAND", "RDSEED": CF says that there was a number, the other arithmetic flags are cleared; AMD APM vol. 3, the same.

extension Processor {
  func readRandom(_ u: Operation) {
    s.pointee.randomCount &+= 1
    var word = s.pointee.randomCount &* 0x9E37_79B9_7F4A_7C15
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    setSized(u.pointee.dst, word ^ word >> 31, Int(u.pointee.width))
    s.pointee.setArithmeticFlags(RFLAGS.carry.rawValue)
  }
}
