import Machine
import Testing
import WatchedRuns
import XenPV

/// Goal: of a PV guest, too, the log of a free run equals the log of a stepped run, event for event, and both lead to the same state.
struct FreeRunTests {
  private static func words(_ end: XenPVComputer.End) -> String? { end == .budget ? nil : "\(end)" }

  static func watched(_ computer: XenPVComputer) -> WatchedMachine {
    WatchedMachine(
      computer.processor, step: { words(computer.step()) }, run: { words(computer.run(.max / 2, toward: $0)) })
  }

  @Test func randomGuests() throws {
    let pair = try (0..<2).map { _ in try TransitionGuest.computer() }
    pair[0].0.processor.translationThreshold = 0
    var heard = [[UInt8]](repeating: [], count: 2)
    for (index, (computer, _)) in pair.enumerated() {
      computer.console = { byte in
        heard[index].append(byte)
        if byte == 0x0A { computer.processor.requestStop() }
      }
      computer.fork()
    }
    var kinds: [Transition.Kind: Int] = [:]
    var platformKinds: [UInt8: Int] = [:]
    var positions: UInt64 = 0
    var ends = 0
    for seed in 1...800 as ClosedRange<UInt64> {
      var program = TransitionGuest(seed: seed, entry: pair[0].1)
      var copy = program
      program.prepare(pair[0].0.processor)
      copy.prepare(pair[1].0.processor)
      let stretch = UInt64(500 + program.below(2500))
      let longest = [1, 7, 100, 100_000][program.below(4)]
      let free = Self.watched(pair[0].0).free(stretch) { UInt64(1 + program.below(longest)) }
      let stepped = Self.watched(pair[1].0).stepped(stretch)
      if let found = free.difference(from: stepped) ?? pair[0].0.processor.difference(from: pair[1].0.processor) {
        Issue.record("guest \(seed): \(found)")
        return
      }
      #expect(heard[0] == heard[1], "guest \(seed)")
      #expect("\(pair[0].0.domain.vcpu)" == "\(pair[1].0.domain.vcpu)", "guest \(seed)")
      for noted in stepped.log {
        kinds[noted.transition.kind, default: 0] += 1
        if let delivery = noted.transition.delivery { platformKinds[delivery.platformKind, default: 0] += 1 }
      }
      positions += stepped.position
      if stepped.end != nil { ends += 1 }
      for (computer, _) in pair { computer.restore() }
    }
    print("\(positions) positions, \(ends) ends, \(kinds), \(platformKinds)")
    let wanted: [Transition.Kind] = [.event, .exit, .stackLoad, .gsBase, .flags]
    #expect(wanted.allSatisfy { kinds[$0, default: 0] > 100 })
    #expect(platformKinds.count >= 5)
  }
}
