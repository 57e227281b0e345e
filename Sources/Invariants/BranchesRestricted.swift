/// The kernel restricts its branch predictions before it makes any, and gives back what it found.
///
/// Intel, "Indirect Branch Restricted Speculation"; "Return Stack Buffer Underflow"; SDM vol. 4, "IA32_SPEC_CTRL".
import Findings
import Machine

struct BranchesRestricted: Monitor {
  static let description = InvariantDescription(
    identifier: "branches-restricted",
    claim:
      "Where the part's branch predictors serve all privileges, IBRS is on before the kernel's first return or indirect branch and stays on "
      + "to its last, and interrupted kernel code makes no branch, and user mode gets nothing, with another IA32_SPEC_CTRL than they had.",
    why:
      "Until IA32_SPEC_CTRL.IBRS is set, the kernel's returns and indirect branches may be predicted from what user mode has trained. An "
      + "entry that calls a function before it writes the register makes that function's RET the user's (Xen's XSA-429). A "
      + "handler that leaves another value takes the restriction from the code that it interrupted.",
    citation: "Intel, \"Indirect Branch Restricted Speculation\"; SDM vol. 4, \"IA32_SPEC_CTRL\"",
    specimens: ["ablation ibrs-not-written"])

  let isOwed: Bool
  /// The kernel was entered, and has made no return and no indirect branch since.
  private var awaitsBranch = false
  /// IBRS was on since the kernel was entered.
  private var hasRestricted = false
  /// What events interrupted in the kernel, the outermost first.
  private struct Interrupted: Sendable, Hashable {
    var control: UInt64
    var hadRestricted: Bool
  }
  private var interrupted: [Interrupted] = []
  /// SPEC_CTRL when user mode was left.
  private var users: UInt64 = 0
  /// Interrupted code goes on with another value than it had.
  private struct Mismatch: Sendable, Hashable {
    var had: UInt64
    var given: UInt64
    /// Events that interrupted the kernel and are not over.
    var depth: Int
    var wrong: Violation

    var takesIBRS: Bool { had & ~given & SpeculationControl.restrictedBranches != 0 }
  }
  /// It is no harm as long as that code makes no branch without IBRS, and user mode does not get the value: where a handler finds Xen's code on its
  /// way in or out, the value that it leaves is the one that the code is about to write.
  private var mismatch: Mismatch?
  private var broken: Violation?

  init(isOwed: Bool) { self.isOwed = isOwed }

  mutating func watch(_ transition: Transition, step: Int, _ processor: Processor) {
    guard isOwed else { return }
    switch transition.kind {
    case .entry: enter(processor)
    case .event where transition.delivery?.fromKernel == true:
      interrupted.append(Interrupted(control: processor.speculationControl, hadRestricted: hasRestricted))
      awaitsBranch = true
      hasRestricted = processor.speculationControl & SpeculationControl.restrictedBranches != 0
    case .event: enter(processor)
    case .exit where transition.after.isKernel:
      awaitsBranch = false
      guard let popped = interrupted.popLast() else { return }
      hasRestricted = popped.hadRestricted
      let old = popped.control
      guard broken == nil, old != processor.speculationControl else { return }
      let given = processor.speculationControl
      let wrong = Violation(
        "interrupted kernel code goes on with IA32_SPEC_CTRL \(hex(given)), not the \(hex(old)) that it had",
        step: step, at: transition.rip)
      mismatch = mismatch ?? Mismatch(had: old, given: given, depth: interrupted.count, wrong: wrong)
    case .exit:
      awaitsBranch = false
      if broken == nil && processor.speculationControl != users { broken = mismatch?.wrong }
      mismatch = nil
      hasRestricted = false
    case .speculationControl:
      if processor.speculationControl & SpeculationControl.restrictedBranches != 0 { hasRestricted = true }
    default: return
    }
  }

  private mutating func enter(_ processor: Processor) {
    awaitsBranch = true
    hasRestricted = processor.speculationControl & SpeculationControl.restrictedBranches != 0
    interrupted = []
    users = processor.speculationControl
  }

  mutating func execute(_ sight: Sight) {
    guard needsEveryBoundary(sight), let next = sight.nextInstruction,
      next.kind == .nearReturn || next.kind == .indirectBranch
    else { return }
    if let mismatch, goesOnWithout(sight) {
      if broken == nil { broken = mismatch.wrong }
      self.mismatch = nil
    }
    let isFirst = awaitsBranch
    awaitsBranch = false
    guard broken == nil, sight.speculationControl & SpeculationControl.restrictedBranches == 0 else { return }
    let what = next.kind == .nearReturn ? "return" : "indirect branch"
    guard hasRestricted || isFirst else { return }
    broken = Violation(
      hasRestricted
        ? "a \(what) of the kernel's comes behind the clearing of IA32_SPEC_CTRL.IBRS"
        : "the kernel's first \(what) since it was entered is made with IA32_SPEC_CTRL.IBRS clear", step: sight.step,
      at: sight.rip)
  }

  /// IBRS was on, and is not.
  private func hasCleared(_ sight: Sight) -> Bool {
    hasRestricted && sight.speculationControl & SpeculationControl.restrictedBranches == 0
  }

  /// The code that was interrupted runs, and has not written the register since.
  private func goesOnWithout(_ sight: Sight) -> Bool {
    guard let mismatch, mismatch.takesIBRS, mismatch.depth == interrupted.count else { return false }
    return sight.speculationControl == mismatch.given
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool {
    isOwed && sight.isKernel && (awaitsBranch || hasCleared(sight) || goesOnWithout(sight))
  }

  func goesOn(as other: BranchesRestricted) -> Bool {
    broken == nil && other.broken == nil && awaitsBranch == other.awaitsBranch && hasRestricted == other.hasRestricted
      && interrupted == other.interrupted
      && users == other.users && mismatch == nil && other.mismatch == nil
  }

  func judge(_ run: Outcome) -> Violation? { broken }
}
