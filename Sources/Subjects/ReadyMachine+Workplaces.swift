/// Where crossings do their work: the pages at the tops of the stacks on which each comes to stand. A task has one kernel stack, so those of all
/// kinds come to the same, by whatever entry.
///
/// Linux Documentation/arch/x86/kernel-stacks.rst: every active thread has a stack; SDM vol. 3A, "64-Bit Task State Segment".
import Findings
import Machine
import Platform

extension ReadyMachine {
  /// Kinds that are asked, each from `normal`: different instructions and gates.
  private static let asked: [CrossingKind] = [.syscall64, .int80, .ud, .bp, .de, .gp, .pf]
  /// A crossing that takes more is not asked any further.
  private static let longest: UInt64 = 2_000_000

  /// To be asked at the request, with its fork the innermost.
  func findWorkplaces() -> [CrossingKind: Set<UInt64>] {
    var found: [CrossingKind: Set<UInt64>] = [:]
    if computer.platform.needsHypervisor { return found }
    for crossing in Self.asked {
      computer.restore()
      guard request(crossing, from: "normal"), let target = try? probe.crossingAddress(crossing, posture: "normal"),
        case .budget = computer.proceed(Self.approachBound, until: target), computer.processor.rip == target
      else { continue }
      found[crossing] = visitedPages()
    }
    computer.restore()
    return found
  }

  /// Of the crossing at which the machine stands.
  private func visitedPages() -> Set<UInt64>? {
    let processor = computer.processor
    var pages: Set<UInt64> = []
    processor.isWatched = true
    processor.clearTransitions()
    defer {
      processor.isWatched = false
      processor.clearTransitions()
    }
    let end = processor.position &+ Self.longest
    _ = computer.takeStep()
    while processor.position < end {
      for transition in processor.transitions {
        let rsp = transition.after.rsp
        if transition.kind == .exit && !transition.after.isKernel { return pages }
        guard transition.after.isKernel, rsp >> 47 == 0x1FFFF,
          !processor.isUserReachable(rsp, tables: processor.cr3)
        else { continue }
        pages.insert((rsp &- 8) >> 12)
      }
      processor.clearTransitions()
      guard case .budget = computer.proceed(toward: end) else { return nil }
    }
    return nil
  }

  /// The pages to which most other kinds of crossings come, and how many kinds those are, at least; none where too few are known, or they do
  /// not agree. What the processor's tables name as a stack is only passed over where there is another such page.
  package func commonWorkplaces(without crossing: CrossingKind) -> (pages: Set<UInt64>, kinds: Int) {
    let same: Set<CrossingKind> = crossing == .sigreturn ? [.sigreturn, .syscall64] : [crossing]
    let others = (workplaces ?? [:]).filter { !same.contains($0.key) }.values
    if others.count < 3 { return ([], 0) }
    var counts: [UInt64: Int] = [:]
    for pages in others { for page in pages { counts[page, default: 0] += 1 } }
    let common = Set(counts.filter { $0.value * 2 > others.count }.keys)
    let entered = Set(computer.stackTops.map { ($0 &- 8) >> 12 })
    let own = common.subtracting(entered)
    let pages = own.isEmpty ? common : own
    return (pages, pages.map { counts[$0]! }.min() ?? 0)
  }
}
