/// Runs of one crossing on one machine, written down as the guest sees them.
import Execution
import Findings
import Invariants
import Platform
import Subjects

final class GuestRecorder {
  let machine: ReadyMachine
  let crossing: CrossingKind
  private let user: UserSide
  private var expected: UserView?

  /// A run is given up behind so many boundaries of the guest's.
  private static let longest = 400_000

  private var computer: any PlatformComputer { machine.computer }

  init(_ machine: ReadyMachine, _ crossing: CrossingKind, from posture: PostureName) throws {
    self.machine = machine
    self.crossing = crossing
    try machine.position(crossing: crossing, posture: posture)
    user = machine.userSide(crossing)
  }

  /// Where the bytes of a hypervisor push the frames nobody says, so that so many bytes above RSP are kept: two frames, and more.
  private static let window = 192

  /// - Parameter wanted: which boundaries to take for an entry, besides those at which a frame was pushed; nil for those behind the
  ///   hypervisor's own.
  func record(_ path: [Int: EventKind] = [:], wanted: Set<Int>? = nil) -> GuestRun {
    computer.restore()
    let run = machine.run(user, crossing, [], 0)
    var result = GuestRun()
    var last: GuestSight?
    var isBehindHypervisor = false
    var delivered = 0
    var isTooLong = false
    func note() {
      if computer.isInHypervisor {
        isBehindHypervisor = true
        return
      }
      let sight = GuestSight(computer, boundary: run.boundary)
      if let last, sight.isSame(as: last) {
        // The hypervisor did something of its own, or goes on at once with what it owes.
        isBehindHypervisor = false
        return
      }
      let index = result.rips.count
      result.rips.append(sight.rip)
      result.boundaries.append(sight.boundary)
      result.masks.append(sight.shared?.upcallMask ?? 0)
      let pushed = run.deliveries.dropFirst(delivered)
      delivered = run.deliveries.count
      let isEntry = wanted.map { $0.contains(index) || !pushed.isEmpty } ?? isBehindHypervisor
      if let last, isEntry {
        var places = wanted == nil && sight.isKernel ? Array(stride(from: 0, to: Self.window, by: 8)) : []
        for record in pushed where wanted != nil {
          let start = Int(truncatingIfNeeded: Int64(bitPattern: record.frame &- sight.rsp))
          places += (0..<record.wordCount).map { start + $0 * 8 }.filter { 0..<Self.window ~= $0 }
        }
        result.entries.append(
          GuestEntry(
            index: index, before: last, after: sight, stack: stack(of: last), frame: words(places, at: sight.rsp)))
      }
      last = sight
      isBehindHypervisor = false
    }
    let end = run.play(
      goesOn: { run.hasEvent(path) },
      choosing: {
        note()
        if result.rips.count > Self.longest {
          isTooLong = true
          return .stop
        }
        if let event = path[run.boundary], computer.takes(event) { result.happened = true }
        return run.choice(path)
      })
    guard let end, !isTooLong else { return result }
    result.end = Self.word(end)
    if end == .user {
      note()
      let view = machine.userView()
      if path.isEmpty && expected == nil { expected = view }
      result.endsAsExpected = view == expected
    }
    return result
  }

  /// The words above RSP; none where the user ran, or where they are not mapped.
  private func stack(of sight: GuestSight) -> [UInt64] {
    guard sight.isKernel,
      let bytes = computer.processor.bytes(atLinear: sight.rsp, count: 128, tables: sight.cr3)
    else { return [] }
    return stride(from: 0, to: bytes.count, by: 8).map {
      bytes[$0..<$0 + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  private func words(_ places: [Int], at rsp: UInt64) -> [Int: UInt64] {
    var words: [Int: UInt64] = [:]
    for place in places {
      guard let bytes = computer.processor.bytes(atLinear: rsp &+ UInt64(bitPattern: Int64(place)), count: 8) else {
        continue
      }
      words[place] = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    return words
  }

  /// Who dies says it in other words on the two.
  private static func word(_ end: RunEnd) -> String {
    switch end {
    case .user: "the user runs again"
    case .dead: "the guest is dead"
    case .bound: "it does not come back"
    case .unsupported(let what): "unsupported: \(what)"
    }
  }

  func leave() { machine.leave() }
}
