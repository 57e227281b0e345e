/// Goal: whole integer instructions of user mode leave in the machine what they leave on the host processor: registers, flags,
/// memory, RIP, and which exception with which error code and address. The machine runs under the profile of the host's vendor.
///
/// `LIMEN_COMPARISONS` sets how many are made; `Documentation/Oracles.md` records a long run.

import Foundation
import Machine
import Testing

/// Hears everything and keeps nothing: while it listens, every access takes the slow path.
private final class SlowPath: Observer {
  func read(_ linear: UInt64, size: Int, value: UInt64) {}
  func wrote(_ linear: UInt64, size: Int, value: UInt64) {}
  func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {}
}

@Suite(.serialized) struct HostAgreesTests {
  static let total = ProcessInfo.processInfo.environment["LIMEN_COMPARISONS"].flatMap(Int.init) ?? 1_200_000
  static let rounds = 16

  /// By whom the machine's instructions are executed.
  enum Way { case interpreted, onTheSlowPath, translated }

  @Test(
    "integer instructions",
    arguments: [
      (seed: UInt64(0x4C69_6D65_6E01), way: Way.interpreted),
      (seed: 0x4C69_6D65_6E02, way: .onTheSlowPath),
      (seed: 0x4C69_6D65_6E03, way: .translated),
    ])
  func hostAgrees(seed: UInt64, way: Way) throws {
    let share = (Self.total + 2) / 3
    let comparison = try #require(HostComparison(seed: seed), "the fixed addresses are not free")
    try compare(comparison, share, way) { $0.form() }
  }

  @Test(
    "bit manipulation, MOVBE and CRC32", .enabled(if: HostProcessor.current.hasExtensions),
    arguments: [
      (seed: UInt64(0x4C69_6D65_6E04), way: Way.interpreted),
      (seed: 0x4C69_6D65_6E05, way: .onTheSlowPath),
      (seed: 0x4C69_6D65_6E06, way: .translated),
    ])
  func bitManipulationAgrees(seed: UInt64, way: Way) throws {
    let share = (Self.total / 4 + 2) / 3
    let profile = HostProcessor.current.extendedProfile
    let comparison = try #require(HostComparison(seed: seed, profile: profile), "the fixed addresses are not free")
    try compare(comparison, share, way) { $0.bitManipulation() }
  }

  private func compare(
    _ start: HostComparison, _ share: Int, _ way: Way, by draw: (inout FormSource) -> InstructionForm
  ) throws {
    var comparison = start
    let listener = SlowPath()
    if way == .onTheSlowPath { comparison.processor.observer = listener }
    comparison.processor.translationThreshold = way == .translated ? 0 : .max
    while comparison.compared < share {
      let form = draw(&comparison.source)
      comparison.compare(form, rounds: min(Self.rounds, share - comparison.compared))
    }
    print(
      "\(way): \(comparison.compared) comparisons, \(comparison.raised) exceptions, \(HostProcessor.current),",
      "as \(comparison.processor.profile.name)")
    for difference in comparison.differences { Issue.record("\(HostProcessor.current): \(difference)") }
    #expect(comparison.differing == 0)
    #expect(comparison.compared == share)
    #expect(comparison.raised > share / 200)
    let translated = comparison.processor.translatedBlockCount
    #expect(way == .translated ? translated > share / Self.rounds / 4 : translated == 0)
  }
}

extension FormSource {
  mutating func form() -> InstructionForm {
    switch random.below(64) {
    case 0..<12: binaryArithmetic()
    case 12..<14: test()
    case 14..<16: oneOperand()
    case 16..<19: multiply()
    case 19..<21: divide()
    case 21..<26: shift()
    case 26..<28: shiftDouble()
    case 28..<32: bitTest()
    case 32: bitScan()
    case 33: byteSwap()
    case 34: extendAccumulator()
    case 35: flagInstruction()
    case 36..<38: move()
    case 38..<40: extendingMove()
    case 40..<42: conditional()
    case 42..<44: loadAddress()
    case 44: noOperation()
    case 45: exchange()
    case 46..<49: compareExchange()
    case 49..<51: push()
    case 51..<53: pop()
    case 53: pushFlags()
    case 54: frame()
    case 55: tableLookup()
    case 56..<60: string()
    case 60..<62: relativeBranch()
    case 62: indirectBranch()
    default: chance(4) ? refused() : binaryArithmetic()
    }
  }
}
