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

  @Test("SSSE3, SSE4.1 and SSE4.2 instructions", .enabled(if: HostProcessor.current.hasExtensions))
  func extendedVectorsAgree() throws {
    let total = Self.total / 4
    var comparison = try #require(
      VectorComparison(seed: 0x4C69_6D65_6E07, isExtended: true), "the fixed addresses are not free")
    // Each string comparison with each immediate, a register and memory.
    for name in [0x60, 0x61, 0x62, 0x63] as [UInt8] {
      for order in 0...255 as ClosedRange<UInt8> {
        for operand in [[0xC1], [0x4F, 0x10]] as [[UInt8]] {
          comparison.compare([0x66, 0x0F, 0x3A, name] + operand + [order], rounds: max(4, total / 32_768))
        }
      }
    }
    while comparison.compared < total { comparison.compare(rounds: min(8, total - comparison.compared)) }
    print(
      "\(comparison.compared) comparisons of SSSE3 to SSE4.2, \(comparison.raised) exceptions,",
      "\(HostProcessor.current), as \(comparison.processor.profile.name)")
    for difference in comparison.differences { Issue.record("\(HostProcessor.current): \(difference)") }
    #expect(comparison.differing == 0)
    #expect(comparison.raised > total / 200)
  }
}
