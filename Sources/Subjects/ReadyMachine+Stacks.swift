/// The stacks of a kernel by their tops: those that the processor's tables name at the crossing or the hypervisor was told of, and those of other
/// tasks, which they name while the probe ends, its parent goes on, and the machine is turned off.
///
/// SDM vol. 3A, "64-Bit Task State Segment"; Xen xen/include/public/xen.h, HYPERVISOR_stack_switch.
import Findings
import Machine
import Platform

extension ReadyMachine {
  /// A stack, and the words at its top, the numbers of which are their physical addresses divided by 8.
  package struct Stack: Sendable, Hashable {
    package var top: UInt64
    package var words: [UInt64]
  }

  /// What is looked at of a stack: more than any frame has.
  private static let wordCount: UInt64 = 8
  /// A kernel that has not come to its end by then is left where it is.
  private static let bound: UInt64 = 20_000_000

  /// To be asked at the request, with its fork the innermost: whatever is asked later, the answer is the same.
  func findStacks() -> [Stack] {
    var found: [UInt64: Stack] = [:]
    func look() {
      let processor = computer.processor
      for top in computer.stackTops where found[top] == nil {
        let words = (1...Self.wordCount).compactMap {
          processor.physicalAddress(of: top &- 8 &* $0, tables: processor.cr3).map { $0 >> 3 }
        }
        if words.count == Int(Self.wordCount) { found[top] = Stack(top: top, words: words) }
      }
    }
    look()
    guard !found.isEmpty, request(.syscall64, from: "normal") else { return found.values.sorted { $0.top < $1.top } }
    computer.processor.isWatched = true
    let end = computer.processor.position &+ Self.bound
    while computer.processor.position < end, case .budget = computer.proceed(toward: end) {
      // A switch of tasks loads RSP.
      let isSwitch = computer.processor.transitions.contains { $0.kind == .stackLoad }
      computer.processor.clearTransitions()
      if isSwitch { look() }
    }
    computer.processor.isWatched = false
    computer.processor.clearTransitions()
    computer.restore()
    return found.values.sorted { $0.top < $1.top }
  }
}
