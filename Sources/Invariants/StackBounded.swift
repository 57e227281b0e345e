/// A stack holds what events push on it, and nothing is taken from beyond its ends.
///
/// SDM vol. 3A, "Double Fault Exception (#DF)": a push beyond the stack's last page faults while an exception is delivered. Without a guard page nothing
/// faults: then the words that belong to another stack show it, whose top the processor's tables name, or the hypervisor was told.
///
/// Not modelled: neighbours that are no stacks; stacks that only the kernel's own memory names.
import Findings

struct StackBounded: Monitor {
  static let description = InvariantDescription(
    identifier: "stack-bounded",
    claim: "No stack is used beyond its ends, whatever arrives, and a task's crossings work on the task's.",
    why:
      "Events nest on the stack of what they interrupt. A kernel that leaves too little room runs into the guard page or, "
      + "without one, over its neighbour; one that is wrong by a word at the top has its frame half in the next one's. So RSP may not move "
      + "below the top of the stack that lies beneath, the words at the top of a stack on which nobody was stay what they were, and no "
      + "IRET takes a frame that lies across a top. And a task has one kernel stack: a crossing that never comes to the page at the top of it, where most "
      + "other kinds of crossings do, overwrites something else.",
    citation: "Intel SDM vol. 3A, \"Double Fault Exception (#DF)\", \"64-Bit Task State Segment\"",
    specimens: ["ablation kernel-stack-short"])

  /// Where stacks begin, ascending.
  private let tops: [UInt64]
  /// The highest of the tops below RSP when it was loaded last: what it may not move below.
  private var floor: UInt64 = 0
  /// Stacks on which the run was.
  private var entered: Set<UInt64> = []
  private var violation: Violation?
  private var fault: DeliveryRecord?

  /// How far below a top RSP still is on that stack's first words, and not anywhere.
  private static let reach: UInt64 = 1 << 16
  /// What IRET pops in 64-bit mode.
  private static let frameSize: UInt64 = 40

  init(tops: [UInt64] = []) { self.tops = tops }

  // MARK: What a run tells

  mutating func take(_ delivery: DeliveryRecord) {
    // The fault that became a double fault lies just below the stack pointer. That of an IRET lies where the frame was that it took: a
    // kernel may have put that elsewhere than on a stack, and what it makes of the double fault shows (Linux: espfix).
    guard fault == nil, !delivery.isLost, !delivery.atReturn, delivery.vector == 8, delivery.cr2 != 0,
      delivery.previousRSP &- delivery.cr2 < 4096, !delivery.ownership.contains(.userRSP),
      !delivery.ownership.contains(.userTables)
    else { return }
    fault = delivery
  }

  /// RSP was loaded, or an event switched stacks. Of a return to what was interrupted nobody need have been on the stack before.
  mutating func stand(at rsp: UInt64, isReturn: Bool) {
    if tops.isEmpty { return }
    floor = tops.last { $0 < rsp } ?? 0
    if !isReturn, let top = tops.first(where: { $0 >= rsp }) { entered.insert(top) }
  }

  /// User mode runs, or the kernel on the user's RSP.
  mutating func leaveStacks() { floor = 0 }

  /// RSP is here by what only moves it.
  mutating func move(to rsp: UInt64, step: Int, rip: UInt64) {
    guard rsp < floor, floor &- rsp < Self.reach, violation == nil else { return }
    violation = Violation(
      "RSP \(hex(rsp)) is on the stack that begins at \(hex(floor)), and came there from above it", step: step, at: rip,
      of: StateUse(.rsp, at: step))
  }

  /// IRET took its frame from there.
  mutating func takeFrame(at rsp: UInt64, step: Int, rip: UInt64) {
    guard violation == nil, let top = tops.first(where: { $0 > rsp }), top &- rsp < Self.frameSize else { return }
    violation = Violation(
      "the frame at \(hex(rsp)) that was returned from lies across \(hex(top)), where a stack begins", step: step,
      at: rip, of: StateUse(.rsp, at: step - 1))
  }

  /// Stacks on which nobody was so far.
  var untouched: [UInt64] { tops.filter { !entered.contains($0) } }

  /// The first words of such a stack are not what they were.
  mutating func find(changed word: UInt64, of top: UInt64, rip: UInt64) {
    guard violation == nil else { return }
    violation = Violation(
      "the word at \(hex(word)) was written, of the stack that begins at \(hex(top)), on which nobody was", at: rip)
  }

  // MARK: What it makes of it

  /// On more stacks nothing is said of fewer words.
  func goesOn(as other: StackBounded) -> Bool {
    fault == nil && other.fault == nil && violation == nil && other.violation == nil && floor == other.floor
      && entered.isSuperset(of: other.entered)
  }

  private static func violation(_ stray: StrayStack) -> Violation {
    Violation(
      "the crossing works on a stack at \(hex(stray.rsp)), and never comes to that of the task, at \(hex(stray.page)), where "
        + "\(stray.others) other kinds of crossings do", at: stray.rip)
  }

  func judge(_ run: Outcome) -> Violation? {
    if let fault, violation.map({ fault.step <= $0.step }) ?? true {
      return Violation(
        "a push below RSP \(hex(fault.previousRSP)) left the stack", step: fault.step, at: fault.from,
        of: fault.use(of: .rsp))
    }
    guard var violation else { return run.strayStack.map(Self.violation) }
    if violation.use == nil { (violation.origin, violation.originText) = (run.eventOrigin, Outcome.eventWords) }
    return violation
  }
}
