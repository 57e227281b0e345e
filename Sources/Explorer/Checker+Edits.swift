/// Sections of a kernel whose code was edited in memory, at the crossing; and of the same kernel as it is, to compare them with.
import Execution
import Findings
import Invariants
import Platform
import Search
import Subjects

/// Bytes that replace others.
package struct CodeEdit: Sendable, Hashable {
  /// A physical address.
  package var place: UInt64
  package var bytes: [UInt8]

  package init(place: UInt64, bytes: [UInt8]) {
    self.place = place
    self.bytes = bytes
  }
}

/// What an exploration says, with what it says it of.
package struct EditedSection {
  package var section: CheckSection
  /// The crossing without events; empty where it was not recorded.
  package var baseline: [Boundary]
  /// What every path did, where that was asked for.
  package var log: PathLog?
}

extension Checker {
  /// The section as any check has it, of the kernel with the edits.
  ///
  /// - Parameters:
  ///   - stopsAtFirst: it ends with the first finding.
  ///   - log: where every path is taken down, each of which is then run to its end.
  ///   - withEvents: false for the crossing alone.
  package func section(
    _ task: Task, on machine: ReadyMachine, edits: [CodeEdit], stopsAtFirst: Bool = false, log: PathLog? = nil,
    withEvents: Bool = true, reason: @escaping @Sendable () -> String? = { nil }
  ) throws -> EditedSection {
    let exploration = Exploration(
      machine, crossing: task.crossing, posture: task.posture, events: withEvents ? injectedEvents : [], ablations: [],
      stepped: stepped, prunes: prunes && log == nil, depth: depth
    ) { _, _ in "" }
    exploration.edits = edits
    exploration.question.stopsAtFirst = stopsAtFirst
    exploration.question.log = log
    exploration.question.supervision = Supervision(bound: sectionBound, reason: reason)
    let section = try exploration.section()
    return EditedSection(section: section, baseline: exploration.recorded, log: exploration.question.log)
  }
}

extension Exploration {
  /// Every later run has the edits.
  func apply(_ edits: [CodeEdit]) throws {
    if edits.isEmpty { return }
    for edit in edits {
      guard computer.processor.writePhysical(edit.bytes, at: edit.place) else {
        preconditionFailure("an edit is of code that was executed, which lies in RAM")
      }
    }
    machine.refork()
  }
}
