/// Goal: whole x87, MMX and SSE instructions of user mode, decoded from their bytes, leave in the machine what they leave on the
/// host processor: all of FXSAVE's state, general registers, flags, memory, and which exception.
///
/// `LIMEN_COMPARISONS` sets how many are made.

import Machine
import Testing

// Of the same suite as the integer instructions: both own the same pages, so they take turns.
extension HostAgreesTests {
  @Test("x87, MMX and SSE instructions") func vectorsAgree() throws {
    let total = Self.total / 4
    var comparison = try #require(VectorComparison(seed: 0x4C69_6D65_6E03), "the fixed addresses are not free")
    while comparison.compared < total { comparison.compare(rounds: min(8, total - comparison.compared)) }
    print(
      "\(comparison.compared) comparisons of vector instructions, \(comparison.raised) exceptions,",
      HostProcessor.current)
    for difference in comparison.differences { Issue.record("\(HostProcessor.current): \(difference)") }
    #expect(comparison.differing == 0)
    #expect(comparison.raised > total / 200)
  }
}
