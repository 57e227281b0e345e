/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators"): the same places for the same seed.
struct Mutator {
  var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func place(in range: Range<Int>) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return range.lowerBound + Int((mixed ^ mixed >> 31) % UInt64(range.count))
  }
}
