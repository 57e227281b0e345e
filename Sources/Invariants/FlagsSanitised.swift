/// Kernel code does not run with flags that the user chose.
///
/// SDM vol. 2B, "SYSCALL" (IA32_FMASK); vol. 1, "EFLAGS Register"; vol. 3A, "Flag Usage By Exception- or Interrupt-Handler Procedure",
/// "Determination of Access Rights" (AC under SMAP).
import Findings
import Machine

struct FlagsSanitised: Monitor {
  static let description = InvariantDescription(
    identifier: "flags-sanitised",
    claim: "Beyond the entry window kernel code runs without the user's TF, DF, NT and, where SMAP is on, AC.",
    why:
      "DF turns every string copy around, NT makes IRET fault, TF single-steps the kernel, AC lets the kernel into the "
      + "user's pages. The entry code, or the SYSCALL mask, must clear them before anything depends on them: before the code "
      + "that does the work is called, and DF before the first string instruction.",
    citation:
      "Intel SDM vol. 2B, \"SYSCALL\"; vol. 1, \"EFLAGS Register\"; vol. 3A, \"Determination of Access Rights\"",
    specimens: ["ablation tf-not-masked-at-syscall"])

  /// SYSENTER leaves TF as the user had it, and the processor's trap finds kernel code.
  let allowsTrapFlag: Bool
  private var bad: (step: Int, rip: UInt64, flags: RFLAGS)?
  private var entry = Entry()
  /// The entries that events interrupted, the outermost first.
  private var interrupted: [Entry] = []

  /// What has become of the user's flags since the kernel was entered.
  private struct Entry: Sendable, Hashable {
    /// Those of the user's that nobody has cleared yet; nil before the first boundary.
    var flags: RFLAGS?
    /// CALLs of the entry code on the kernel's stack, as far as they matter.
    var calls = 0
  }

  init(allowsTrapFlag: Bool) { self.allowsTrapFlag = allowsTrapFlag }

  /// An instruction enters the kernel.
  mutating func enter() {
    entry = Entry()
    interrupted = []
  }

  /// An event of the kernel's own code finds what is left of the user's flags there; or that code's own DF and AC, which the handler has to
  /// clear as it has the user's.
  mutating func take(_ delivery: DeliveryRecord, flags: RFLAGS) {
    guard delivery.fromKernel else { return enter() }
    interrupted.append(entry)
    let users = entry.flags ?? flags
    if !flags.intersection([.direction, .alignmentCheck]).subtracting(users).isEmpty { entry = Entry() }
  }

  mutating func leave(isKernel: Bool) {
    if isKernel, let outer = interrupted.popLast() { entry = outer }
  }

  /// The entry code has until it calls what does the work to clear the flags; its first call may be to the code that does that (Linux
  /// 5.10: `error_entry` and `paranoid_entry` begin with CLD).
  mutating func arrive(_ sight: Sight) {
    guard bad == nil else { return }
    let flags = sight.rflags
    let left = flags.intersection(
      entry.flags ?? (sight.hasSMAP ? Self.flags.union(.alignmentCheck) : Self.flags))
    entry.flags = left
    if flags.contains(.trap) && !allowsTrapFlag || left.contains(.direction) && sight.nextInstructionIsString {
      bad = (sight.step, sight.rip, flags)
    } else if sight.ownsRSP && entry.calls < 2 && sight.nextInstructionIsCall {
      if entry.calls == 1 && (!left.isEmpty || !flags.isDisjoint(with: Self.flags)) {
        bad = (sight.step, sight.rip, flags)
      }
      entry.calls += 1
    }
  }

  private static let flags: RFLAGS = [.direction, .nestedTask]

  func needsEveryBoundary(_ sight: Sight) -> Bool {
    entry.calls < 2 || entry.flags?.isEmpty != true || sight.rflags.contains(.trap)
  }

  func goesOn(as other: FlagsSanitised) -> Bool {
    bad == nil && other.bad == nil && entry == other.entry && interrupted == other.interrupted
  }

  /// The same wherever one goes on as the other.
  func hash(into hasher: inout Hasher) {
    hasher.combine(entry)
    hasher.combine(interrupted)
  }

  func judge(_ run: Outcome) -> Violation? {
    bad.map {
      Violation(
        "kernel code runs with RFLAGS \(hex($0.flags.rawValue)), which are not its own", step: $0.step, at: $0.rip)
    }
  }
}
