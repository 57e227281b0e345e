/// The words of the kernel's stacks in which nothing is alive while the user runs.
///
/// SDM vol. 3A, "64-Bit Task State Segment": every stack that it names is entered at its top. The stack of the crossing is entered where its
/// RSP was highest.
import Invariants
import Machine
import Subjects

extension ReadyMachine {
  /// No stack is taken to be longer; one that has a page less in memory ends there.
  private static let largestStack: UInt64 = 8192

  /// Their physical addresses divided by 8.
  package func deadWords(_ boundaries: [Boundary]) -> Set<UInt64> {
    let processor = computer.processor
    let owned = boundaries.filter { $0.state.isKernel && $0.ownership.isDisjoint(with: .notKernelStack) }
    var tops = processor.taskStackTops
    let pointers = owned.map(\.state.rsp).sorted()
    if !pointers.isEmpty {
      // The stack that most of the crossing runs on.
      let middle = pointers[pointers.count / 2]
      tops.append(pointers.last { $0 &- middle < 2 * Self.largestStack }!)
    }
    // The user's tables, where a crossing begins, do not have all of them.
    let tables = Set(owned.map(\.state.cr3)).union([processor.cr3])
    var words: Set<UInt64> = []
    for top in tops {
      for below in stride(from: UInt64(8), through: Self.largestStack, by: 8) {
        let places = tables.lazy.compactMap { processor.physicalAddress(of: top &- below, tables: $0) }
        guard let place = places.first else { break }
        words.insert(place >> 3)
      }
    }
    return words
  }

  /// Numbers of the pages that are page tables of the crossing's.
  package func tablePages(_ boundaries: [Boundary]) -> Set<Int> {
    Set(boundaries.map { Processor.topTable(of: $0.state.cr3) }).reduce(into: []) {
      $0.formUnion(computer.processor.tablePages(of: $1))
    }
  }
}
