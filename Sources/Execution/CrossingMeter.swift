/// What a crossing costs, counted while it runs without events, and its three parts: the way in, the kernel's work, the way out.
import Findings
import Invariants
import Machine
import Platform

/// Counts at every boundary of one run, so that any stretch of it can be summed up afterwards.
package final class CrossingMeter: Observer {
  /// Everything up to a boundary.
  private struct Reading {
    var retired: UInt64
    var reads: Int
    var writes: Int
    var privileged: Int
    var hypercalls: Int
    var rip: UInt64
    var rsp: UInt64
    /// Instructions of what is below the kernel.
    var below: UInt64
  }

  /// What the instruction at a boundary does to the kernel's call chain.
  private enum Turn { case none, call, `return` }

  package init() {}

  private var reads = 0
  private var writes = 0
  private var privileged = 0
  /// The kinds in the order they were made.
  private var hypercalls: [String] = []
  private var readings: [Reading] = []
  private var turns: [Turn] = []
  private var below: UInt64 = 0
  /// Where the last reading was taken: whether the hypervisor ran, and how much had retired.
  private var last: (isBelow: Bool, retired: UInt64)?
  private var hasHypervisor = false

  package func read(_ linear: UInt64, size: Int, value: UInt64) { reads += 1 }
  package func wrote(_ linear: UInt64, size: Int, value: UInt64) { writes += 1 }
  package func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {}

  /// Listens to the computer while `run` goes on, and reads the counts at every boundary up to the last.
  package func follow(_ run: Run, on computer: any PlatformComputer) {
    computer.processor.observer = self
    hasHypervisor = computer.platform.needsHypervisor
    computer.hearHypercalls { [unowned self] in hypercalls.append($0) }
    defer {
      computer.processor.observer = nil
      computer.hearHypercalls(nil)
    }
    run.play {
      note(computer)
      if computer.nextIsPrivileged { privileged += 1 }
      return .step
    }
    note(computer)
  }

  private func note(_ computer: any PlatformComputer) {
    if let last, last.isBelow { below &+= computer.processor.retired &- last.retired }
    last = (computer.isInHypervisor, computer.processor.retired)
    turns.append(computer.processor.bytes(atLinear: computer.processor.rip, count: 4).map(Self.turn) ?? .none)
    readings.append(
      Reading(
        retired: computer.processor.retired, reads: reads, writes: writes, privileged: privileged,
        hypercalls: hypercalls.count, rip: computer.processor.rip, rsp: computer.processor[.rsp], below: below))
  }

  /// Near CALL and RET behind whatever prefixes: SDM vol. 2A, "CALL"; vol. 2B, "RET".
  private static func turn(_ bytes: [UInt8]) -> Turn {
    let prefixes: Set<UInt8> = [0x2E, 0x3E, 0x66, 0xF2, 0xF3]
    let rest = bytes.drop { prefixes.contains($0) || $0 & 0xF0 == 0x40 }
    switch rest.first {
    case 0xE8: return .call
    case 0xFF: return rest.dropFirst().first.map { $0 >> 3 & 7 == 2 } ?? false ? .call : .none
    case 0xC2, 0xC3: return .return
    default: return .none
    }
  }

  /// The whole crossing.
  package var baseline: Baseline {
    let all = cost(0, readings.count - 1)
    return Baseline(
      instructions: all.instructions, memoryReads: all.memoryReads, memoryWrites: all.memoryWrites,
      privilegedOperations: all.privilegedOperations)
  }

  /// The first boundary at which the kernel makes a CALL on its own state; nil where there is none.
  package func firstCall(_ boundaries: [Boundary]) -> Int? {
    (1..<max(1, readings.count - 1)).first {
      turns[$0] == .call && $0 < boundaries.count && boundaries[$0].state.isKernel && boundaries[$0].ownership.isEmpty
    }
  }

  /// The boundary behind the last RET that the kernel executes on its own state; the last where there is none.
  package func lastReturn(_ boundaries: [Boundary]) -> Int {
    let last = readings.count - 1
    let back = (1..<max(1, last)).last {
      turns[$0] == .return && $0 < boundaries.count && boundaries[$0].state.isKernel && boundaries[$0].ownership.isEmpty
    }
    return back.map { $0 + 1 } ?? last
  }

  /// The parts, given whose state each boundary runs on.
  package func parts(_ boundaries: [Boundary]) -> CrossingParts {
    let last = readings.count - 1
    func isOwn(_ index: Int) -> Bool {
      index < boundaries.count && boundaries[index].state.isKernel && boundaries[index].ownership.isEmpty
    }
    let call = (1..<max(1, last)).first { turns[$0] == .call && isOwn($0) } ?? last
    let back = (call..<last).last { turns[$0] == .return && isOwn($0) }.map { $0 + 1 } ?? last
    return CrossingParts(wayIn: cost(0, call), work: cost(call, back), wayOut: cost(back, last))
  }

  /// The parts around one function: up to its first instruction, to its return, and from there. Nil where it is not called, or
  /// does not return. Near CALL: SDM vol. 2A, "CALL".
  package func parts(around function: UInt64) -> CrossingParts? {
    guard let call = readings.firstIndex(where: { $0.rip == function }) else { return nil }
    let stack = readings[call].rsp &+ 8
    guard let back = (call..<readings.count).first(where: { turns[$0] == .return && readings[$0].rsp &+ 8 == stack })
    else { return nil }
    return CrossingParts(wayIn: cost(0, call), work: cost(call, back + 1), wayOut: cost(back + 1, readings.count - 1))
  }

  private func cost(_ from: Int, _ to: Int) -> CrossingCost {
    let (a, b) = (readings[from], readings[to])
    var kinds: [String: Int] = [:]
    for kind in hypercalls[a.hypercalls..<b.hypercalls] { kinds[kind, default: 0] += 1 }
    return CrossingCost(
      instructions: Int(b.retired - a.retired), memoryReads: b.reads - a.reads, memoryWrites: b.writes - a.writes,
      privilegedOperations: b.privileged - a.privileged, hypercalls: kinds.map { HypercallCount($0, $1) },
      hypervisorInstructions: hasHypervisor ? Int(b.below &- a.below) : nil)
  }
}
