/// The parts of the kernel's stacks that hold nothing alive while the user runs, to be filled with other bytes.
///
/// SDM vol. 3A, "64-Bit Task State Segment": every stack that it names is entered at its top.
import Invariants
import Machine
import Platform

package struct DeadStacks {
  private var ranges: [Range<UInt64>] = []

  /// No more of an interrupt stack is filled: what a crossing leaves there lies near the top.
  private static let besideTop: UInt64 = 1024
  /// The stack of the crossing is filled that far below its lowest use.
  private static let belowLowest: UInt64 = 2048
  /// Kernel stacks that the crossing only passes over lie farther away than this.
  private static let largestStack: UInt64 = 16384

  package init(_ boundaries: [Boundary], _ processor: Processor) {
    let owned = boundaries.filter { $0.state.isKernel && $0.ownership.isDisjoint(with: .notKernelStack) }
    let pointers = owned.map(\.state.rsp).sorted()
    if !pointers.isEmpty {
      // The stack that most of the crossing runs on; the small ones beside it are in the task state segment.
      let middle = pointers[pointers.count / 2]
      let main = pointers.filter { max($0, middle) - min($0, middle) < Self.largestStack }
      ranges.append(main.first! &- Self.belowLowest..<main.last!)
    }
    for top in processor.taskStackTops where processor.isSupervisorWritable(top &- Self.besideTop) {
      ranges.append(top &- Self.besideTop..<top)
    }
  }

  /// Fills them, as far as they are mapped. False when there are none.
  package func fill(_ processor: Processor, tables: UInt64?) -> Bool {
    var pattern: UInt64 = 0x5EC2_E700_0000_0001
    var filled = false
    for range in ranges {
      for at in stride(from: range.lowerBound & ~7, to: range.upperBound, by: 8) {
        pattern = pattern &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        guard let place = processor.physicalAddress(of: at, tables: tables ?? processor.cr3) else { continue }
        let bytes = withUnsafeBytes(of: pattern) { [UInt8]($0) }
        filled = processor.writePhysical(bytes, at: place) || filled
      }
    }
    return filled
  }
}
