/// "The Xen ABI takes what is essentially tss->esp0": HYPERVISOR_stack_switch.
import Findings

struct NormalKernelStack: ThreadQuestion {
  let title = "Does Xen enter the kernel on its normal stack?"
  let author = "Andy Lutomirski; Andrew Cooper: \"Yes\""
  let words = "Is that stuff running on the normal kernel stack?"
  let commands = ["limen trace design:complete --platform xen-pv --crossing syscall64"]
  let designs = ["complete"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let crossings: [CrossingKind] = [.syscall64, .syscall32, .sysenter, .int80]
    var rows: [[String]] = []
    var (on, all) = (0, 0)
    for crossing in crossings {
      let found = runs.designs.flatMap { runs.frames($0.title, .xenPV, crossing) }.compactMap(\.isOnKernelStack)
      guard !found.isEmpty else { continue }
      on += found.count { $0 }
      all += found.count
      rows.append([crossing.title, "\(found.count { $0 })", "\(found.count)"])
    }
    let evidence = [
      ThreadTable(
        "Frames that end exactly where stack_switch put the kernel's stack, over every design and posture",
        header: ["crossing", "there", "of"], rows: rows)
    ]
    guard all > 0 else { return Judgement(outcome: .open, answer: "Nothing ran under Xen.", evidence: evidence) }
    let answer =
      on == all
      ? "Each of the \(all) frames that Xen pushed for a system call ends where the kernel's last stack_switch put its stack, as "
        + "a frame that the processor pushes ends at TSS.RSP0, whatever the user's RSP was."
      : "\(all - on) of \(all) frames lie elsewhere."
    return Judgement(outcome: on == all ? .yes : on == 0 ? .no : .partly, answer: answer, evidence: evidence)
  }
}
