/// The test whether SYSRET would do, under a hypervisor where no SYSRET of the kernel's exists.
import Findings

struct OpportunisticSYSRET: ThreadQuestion {
  let title = "Does every way out under Xen end in the iret hypercall?"
  let author = "Andrew Cooper"
  let words =
    "None of the opportunistic sysret stuff makes sense under Xen. The path will inevitably end up in xen_iret making a hypercall"
  let commands = ["limen trace design:2015 --platform xen-pv --crossing syscall64"]
  let designs = ["2015", "complete"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    var rows: [[String]] = []
    var (hypercalls, others) = (0, 0)
    for title in runs.designs.map(\.title) {
      for platform in PlatformName.running {
        var counts: [String: Int] = [:]
        for frame in runs.frames(title, platform) + runs.frames(title, platform, .sigreturn) {
          guard let back = frame.wayBack, frame.view != nil else { continue }
          counts[back.rawValue, default: 0] += 1
          guard platform == .xenPV else { continue }
          if back == .hypercall || back == .hypercallInSyscall { hypercalls += 1 } else { others += 1 }
        }
        let ways: [WayBack] = [.sysret, .iret, .hypercall, .hypercallInSyscall]
        rows.append([title, platform.rawValue] + ways.map { "\(counts[$0.rawValue] ?? 0)" })
      }
    }
    let evidence = [
      ThreadTable(
        "How the kernel went back, over every posture of SYSCALL and of the signal return",
        header: ["design", "platform", "SYSRET", "IRET", "iret hypercall", "with VGCF_in_syscall"], rows: rows)
    ]
    guard hypercalls + others > 0 else {
      return Judgement(outcome: .open, answer: "Nothing came back under Xen.", evidence: evidence)
    }
    let inevitable = others == 0
    var answer =
      inevitable
      ? "All \(hypercalls) returns under Xen, in every design, end in the iret hypercall."
      : "\(others) of \(hypercalls + others) returns under Xen end otherwise."
    if let tested = runs.parts("exit-slow:at-sysret", .xenPV)?.wayOut.instructions,
      let short = runs.parts("exit-slow:before-test", .xenPV)?.wayOut.instructions
    {
      answer += " The test and what it leads to cost \(tested - short) instructions there."
    }
    answer += " The test can decide one thing under Xen, the flag VGCF_in_syscall; what that is worth follows."
    return Judgement(outcome: inevitable ? .yes : .no, answer: answer, evidence: evidence)
  }
}
