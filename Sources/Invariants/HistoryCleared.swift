/// The branches that user mode has made are gone from the processor's memory before the kernel makes an indirect one for it.
///
/// Intel, "Branch History Injection and Intra-mode Branch Target Injection"; SDM vol. 4, "IA32_SPEC_CTRL".
import Findings
import Machine

struct HistoryCleared: Monitor {
  static let description = InvariantDescription(
    identifier: "history-cleared",
    claim:
      "Where the part predicts indirect branches by the history of both privileges, a system call's first indirect branch is made with "
      + "IA32_SPEC_CTRL.BHI_DIS_S set or behind a loop that overwrites the history.",
    why:
      "Enhanced IBRS keeps the targets of user mode out of the kernel's predictions, not the history by which one of the kernel's own "
      + "targets is chosen (CVE-2022-0001, CVE-2024-2201). Parts with BHI_CTRL can leave it out; on others the entry runs through some sixty taken "
      + "branches in a row. Interrupts and exceptions are not asked: their handlers' arguments are not the user's to choose, and no kernel "
      + "clears for them.",
    citation:
      "Intel, \"Branch History Injection and Intra-mode Branch Target Injection\"; SDM vol. 4, \"IA32_SPEC_CTRL\"",
    specimens: ["ablation history-loop-skipped"])

  /// A loop is so many taken branches one behind the other in so little code: Intel's sequence makes 61 in 160 bytes.
  private static let branchesOfLoop = 50
  private static let extentOfLoop: UInt64 = 256

  private struct Waiting: Sendable, Hashable {
    /// Taken branches so far, the last ones: how many, and where the lowest and the highest of them stand.
    var branches = 0
    var lowest: UInt64 = .max
    var highest: UInt64 = 0
    /// Where the instruction before leads when it does not branch.
    var next: UInt64?
    var place: UInt64 = 0
    /// Events of the kernel's own code that have not returned yet.
    var depth = 0

    mutating func take(branchAt place: UInt64) {
      (lowest, highest) = (min(lowest, place), max(highest, place))
      if highest - lowest < HistoryCleared.extentOfLoop {
        branches += 1
      } else {
        (branches, lowest, highest) = (1, place, place)
      }
    }
  }

  let isOwed: Bool
  /// User mode's history is there.
  private var waiting: Waiting?
  private var broken: Violation?

  init(isOwed: Bool) { self.isOwed = isOwed }

  mutating func watch(_ transition: Transition) {
    guard isOwed else { return }
    switch transition.kind {
    case .entry: waiting = Waiting()
    case .event where transition.delivery?.fromKernel == true:
      waiting?.depth += 1
      waiting?.next = nil
    case .event: waiting = transition.delivery?.vector == 0x80 ? Waiting() : nil
    case .exit where transition.after.isKernel:
      guard let depth = waiting?.depth else { return }
      waiting!.depth = max(0, depth - 1)
      waiting!.next = nil
    case .exit: waiting = nil
    default: return
    }
  }

  mutating func execute(_ sight: Sight) {
    guard isOwed, sight.isKernel, var now = waiting, now.depth == 0, let instruction = sight.nextInstruction else {
      return
    }
    if let next = now.next, sight.rip != next, sight.rip != now.place { now.take(branchAt: now.place) }
    (now.next, now.place) = (sight.rip &+ UInt64(instruction.length), sight.rip)
    waiting = now.branches >= Self.branchesOfLoop ? nil : now
    guard waiting != nil, instruction.kind == .indirectBranch else { return }
    waiting = nil
    guard broken == nil, sight.speculationControl & SpeculationControl.branchHistoryDisable == 0 else { return }
    broken = Violation(
      "the first indirect branch since the system call is made with user mode's branch history and IA32_SPEC_CTRL.BHI_DIS_S clear",
      step: sight.step, at: sight.rip)
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { waiting?.depth == 0 && sight.isKernel }

  func goesOn(as other: HistoryCleared) -> Bool { broken == nil && other.broken == nil && waiting == other.waiting }

  func judge(_ run: Outcome) -> Violation? { broken }
}
