/// The counts of the kernel's crossings from `normal`, found once for all that is asked of it.
import Findings
import Machine
import Platform

extension ReadyMachine {
  /// A crossing that takes more is not followed any further.
  private static let longest: UInt64 = 20_000

  /// To be asked at the request, with its fork the innermost.
  func findCounts() -> [NestingCount] {
    if computer.platform.needsHypervisor { return [] }
    var found: [NestingCount] = []
    for crossing in Self.asked {
      computer.restore()
      guard request(crossing, from: "normal"), let target = try? probe.crossingAddress(crossing, posture: "normal"),
        case .budget = computer.proceed(Self.approachBound, until: target), computer.processor.rip == target
      else { continue }
      found += counts(of: crossing)
    }
    computer.restore()
    return found.withoutRepeats
  }

  /// Of the crossing at which the machine stands.
  private func counts(of crossing: CrossingKind) -> [NestingCount] {
    let processor = computer.processor
    var words = CountedWords()
    var hasEntered = false
    let bound = processor.position &+ Self.longest
    while processor.position < bound {
      if computer.isInKernel {
        hasEntered = true
        words.arrive(processor)
      } else if hasEntered {
        words.settle(processor)
        return words.counts
      }
      guard case .budget = computer.takeStep() else { return [] }
    }
    return []
  }
}

extension [NestingCount] {
  /// Each word once, as the first who found it has it.
  package var withoutRepeats: [NestingCount] {
    var known: Set<[UInt64]> = []
    return filter { known.insert([$0.word, $0.mask]).inserted }
  }
}
