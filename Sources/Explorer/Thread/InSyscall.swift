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
    var (same, different): (Int, [String]) = (0, [])
    for frame in mine {
      guard let other = theirs.first(where: { $0.crossing == frame.crossing && $0.posture == frame.posture }) else { continue }
      if Self.equal(frame.view, other.view) { same += 1 } else { different.append("\(frame.crossing.rawValue) \(frame.posture)") }
    }
    let flagged = mine.filter { $0.wayBack == .hypercallInSyscall }
    let unflagged = mine.filter { $0.wayBack == .hypercall }
    func list(_ frames: [SystemCallFrames]) -> String {
      frames.map { $0.crossing == .syscall64 ? "\($0.posture)" : "\($0.crossing.rawValue) \($0.posture)" }
        .joined(separator: ", ")
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
    guard same + different.count > 0, let out = runs.cell(own, .xenPV)?.parts?.wayOut.instructions,
      let plainOut = runs.cell(plain, .xenPV)?.parts?.wayOut.instructions, let section = runs.cell(own, .xenPV)?.section
    else { return Judgement(outcome: .open, answer: "The design did not come back under Xen.", evidence: evidence) }
    let isCorrect = different.isEmpty && section.verdict.kind == .held
    var answer =
      isCorrect
      ? "It is correct where the test leaves it out: from all \(same) postures the user sees the same as with `complete`, and "
        + "\(section.verdictText). "
      : "It is not correct: \(section.verdictText)"
        + (different.isEmpty ? ". " : "; the user sees something else than with `complete` from \(different.joined(separator: ", ")). ")
    let (with, without) = (flagged.compactMap(\.restored).first, unflagged.compactMap(\.restored).first)
    if let with, let without {
      answer += "With the flag Xen takes \(with) words of the frame instead of \(without) and leaves by SYSRET instead of IRET; "
    } else if flagged.isEmpty {
      answer += "The test never chose the flag; "
    }
    answer += "the guest pays \(signed(out - plainOut)) instructions on the way out."
    let outcome: ThreadOutcome = !isCorrect || flagged.isEmpty ? .no : out > plainOut ? .partly : .yes
    return Judgement(outcome: outcome, answer: answer, evidence: evidence)
  }

  /// What a task can tell of the return itself; where its memory lies is the kernel's.
  private static func equal(_ a: UserView?, _ b: UserView?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return a.registers == b.registers && a.rip == b.rip && a.rflags == b.rflags && a.selectors == b.selectors
      && a.fsBase == b.fsBase && a.gsBase == b.gsBase
  }
}
