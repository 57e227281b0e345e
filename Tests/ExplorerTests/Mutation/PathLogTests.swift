/// Goal: two logs of the same paths are told apart by what they tell, and only what has something to be compared with is compared in memory.
import Findings
import Search
import Testing

@Suite struct PathLogTests {
  /// The crossing without events, an NMI at each of two addresses, and what a handler takes down of where it was called.
  private static let kernel = PathLog(entries: [
    PathLog.Entry(rip: nil, event: nil, digest: 1, outcome: 10, view: 100),
    PathLog.Entry(rip: 0x1000, event: .nmi, digest: 2, outcome: 11, view: 100),
    PathLog.Entry(rip: 0x1008, event: .nmi, digest: 3, outcome: 12, view: 100),
  ])

  private func log(_ change: (inout [PathLog.Entry]) -> Void) -> PathLog {
    var entries = Self.kernel.entries
    change(&entries)
    return PathLog(entries: entries)
  }

  @Test func theSameIsTheSame() {
    #expect(log { _ in }.isSame(as: Self.kernel, butAt: []) && log { _ in }.endsAsSome(of: Self.kernel))
  }

  @Test func anotherWayMayEndAlike() {
    let other = log { $0[0].digest = 7 }
    #expect(!other.isSame(as: Self.kernel, butAt: []) && other.endsAsSome(of: Self.kernel))
  }

  @Test func memoryCountsWithoutAnEventAndWhereTheKernelHasOneToo() {
    #expect(!log { $0[0].outcome = 13 }.endsAsSome(of: Self.kernel))
    #expect(!log { $0[1].outcome = 13 }.endsAsSome(of: Self.kernel))
  }

  /// At an address where the kernel never is: its own trace of that is no other end, what user mode sees would be.
  @Test func atAnotherPlaceWhatUserModeSeesCounts() {
    let elsewhere = PathLog.Entry(rip: 0x2000, event: .nmi, digest: 4, outcome: 13, view: 100)
    #expect(log { $0.append(elsewhere) }.endsAsSome(of: Self.kernel))
    var seen = elsewhere
    seen.view = 101
    #expect(!log { $0.append(seen) }.endsAsSome(of: Self.kernel))
  }

  /// An event of which the kernel as it is has no path.
  @Test func anEventThatNeverCameHasNothingToEndAs() {
    let first = PathLog.Entry(rip: 0x1000, event: .machineCheck, digest: 4, outcome: 11, view: 100)
    #expect(!log { $0.append(first) }.endsAsSome(of: Self.kernel))
  }
}
