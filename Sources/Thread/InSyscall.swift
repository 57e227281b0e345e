/// Xen's own opportunistic return: VGCF_in_syscall lets Xen leave by SYSRET and RCX and R11 behind.
///
/// Xen `xen/arch/x86/pv/iret.c`, `do_iret`; `xen/arch/x86/x86_64/entry.S`, `restore_all_guest`.
import Findings
import Invariants

struct InSyscall: ThreadQuestion {
  let title = "Should Xen have its own opportunistic VGCF_in_syscall, and what is it worth?"
  let author = "Andy Lutomirski"
  let words = "Maybe Xen should have its own opportunistic VGCF_IN_SYSCALL logic."
  let commands = [
    "limen check design:opportunistic-in-syscall --platform xen-pv --crossing syscall64,sigreturn --posture all",
    "limen diff design:complete design:opportunistic-in-syscall --platform xen-pv",
  ]
  let designs = ["complete", "opportunistic-in-syscall"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let (plain, own) = ("complete", "opportunistic-in-syscall")
    let crossings: [CrossingKind] = [.syscall64, .sigreturn]
    let mine = crossings.flatMap { runs.frames(own, .xenPV, $0) }
    let theirs = crossings.flatMap { runs.frames(plain, .xenPV, $0) }
    var same = 0
    var different: [String] = []
    var selectors: [String] = []
    for frame in mine {
      guard let other = theirs.first(where: { $0.crossing == frame.crossing && $0.posture == frame.posture }) else {
        continue
      }
      switch Self.compare(frame.view, other.view) {
      case .same: same += 1
      case .otherSelectors(let text): selectors.append(text)
      case .different: different.append("\(frame.crossing.rawValue) \(frame.posture)")
      }
    }
    let flagged = mine.filter { $0.wayBack == .hypercallInSyscall }
    let unflagged = mine.filter { $0.wayBack == .hypercall }
    func list(_ frames: [SystemCallFrames]) -> String {
      let own = frames.filter { $0.crossing == .syscall64 }.map(\.posture.rawValue)
      let returns = frames.count - own.count
      return (own + (returns == 0 ? [] : ["sigreturn from \(returns)"])).joined(separator: ", ")
    }
    func words(_ frames: [SystemCallFrames]) -> String {
      Set(frames.compactMap(\.restored)).sorted().map(String.init).joined(separator: ", ")
    }
    let evidence = [
      ThreadTable(
        "What the test decides, and how many of RAX, R11, RCX, RIP, RFLAGS and RSP Xen then takes from the frame",
        header: ["way back", "postures", "words taken", "which"],
        rows: [
          ["with VGCF_in_syscall", "\(flagged.count)", words(flagged), list(flagged)],
          ["without", "\(unflagged.count)", words(unflagged), list(unflagged)],
        ]),
      ThreadTable(
        "The way out under Xen", header: ThreadRuns.costHeader,
        rows: runs.costRows(["2015", plain, own], .xenPV, \.wayOut)),
      runs.verdictTable("The verdicts", [own], on: [.xenPV]),
    ]
    guard same + selectors.count + different.count > 0, let out = runs.parts(own, .xenPV)?.wayOut.instructions,
      let plainOut = runs.parts(plain, .xenPV)?.wayOut.instructions, let section = runs.cell(own, .xenPV)?.section
    else { return Judgement(outcome: .open, answer: "The design did not come back under Xen.", evidence: evidence) }
    let isCorrect = different.isEmpty && section.verdict.kind == .held
    var answer =
      isCorrect
      ? "The test leaves the flag out where it would be wrong, and the verdict is \(section.verdictText). "
      : "It is not correct: \(section.verdictText)"
        + (different.isEmpty
          ? ". " : "; the user sees something else than with `complete` from \(different.joined(separator: ", ")). ")
    if section.findings.contains(where: {
      $0.invariant.rawValue == "user-state-preserved" && $0.path.steps.first?.event == .eventUpcall
    }) {
      answer +=
        "An upcall that falls due while the way out has them masked is pending at the iret. Xen pushes its frame first, with the "
        + "hypercall's own RCX and R11, which the flag keeps from being restored; the upcall's return then gives them to the user: an "
        + "address of the kernel's. "
    }
    answer += "From \(same) postures the user sees exactly what it sees with `complete`"
    answer +=
      selectors.isEmpty
      ? ". "
      : ", from \(selectors.count) the same registers and flags but other selectors (\(Set(selectors).sorted().joined(separator: "; "))): "
        + "SYSRET loads those of the hypervisor, the iret those of the frame. "
    let (with, without) = (flagged.compactMap(\.restored).first, unflagged.compactMap(\.restored).first)
    if let with, let without {
      answer +=
        "With the flag Xen takes \(with) words of the frame instead of \(without) and leaves by SYSRET instead of IRET; "
    } else if flagged.isEmpty {
      answer += "The test never chose the flag; "
    }
    answer += "the guest pays \(signed(out - plainOut)) instructions on the way out."
    let outcome: ThreadOutcome =
      !isCorrect || flagged.isEmpty ? .no : out > plainOut || !selectors.isEmpty ? .partly : .yes
    return Judgement(outcome: outcome, answer: answer, evidence: evidence)
  }

  private enum Sameness {
    case same
    /// How they differ, where nothing else does.
    case otherSelectors(String)
    case different
  }

  /// What a task can tell of the return itself; where its memory lies is the kernel's.
  private static func compare(_ a: UserView?, _ b: UserView?) -> Sameness {
    guard let a, let b else { return a == nil && b == nil ? .same : .different }
    guard
      a.registers == b.registers && a.rip == b.rip && a.rflags == b.rflags && a.fsBase == b.fsBase
        && a.gsBase == b.gsBase
    else { return .different }
    let names = ["ES", "CS", "SS", "DS", "FS", "GS"]
    let unequal = zip(names, zip(a.selectors, b.selectors)).filter { $1.0 != $1.1 }
    guard !unequal.isEmpty else { return .same }
    return .otherSelectors(
      unequal.map { "\($0) \(Location(address: UInt64($1.0))) for \(Location(address: UInt64($1.1)))" }.joined(
        separator: ", "))
  }
}
