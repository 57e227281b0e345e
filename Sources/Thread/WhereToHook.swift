/// Two places for the jump that Xen takes.
import Findings

struct WhereToHook: ThreadQuestion {
  let title = "Where should Xen hook into the way out?"
  let author = "Andy Lutomirski"
  let words = "Xen could hook into syscall_return_via_sysret or even right before the opportunistic sysret stuff"
  let commands = ["limen diff design:exit-slow:at-sysret design:exit-slow:before-test --crossing syscall64"]
  let designs = ["exit-slow"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let (label, test) = ("exit-slow:at-sysret", "exit-slow:before-test")
    let evidence = [
      ThreadTable(
        "The way out", header: ThreadRuns.costHeader,
        rows: PlatformName.running.flatMap { runs.costRows([label, test], $0, \.wayOut) }),
      runs.verdictTable("The verdicts", [label, test], on: [.xenPV]),
    ]
    func out(_ title: String, _ platform: PlatformName) -> Int? { runs.parts(title, platform)?.wayOut.instructions }
    guard let atLabel = out(label, .xenPV), let beforeTest = out(test, .xenPV),
      let nativeLabel = out(label, .bareMetal),
      let nativeTest = out(test, .bareMetal)
    else {
      return Judgement(outcome: .open, answer: "Not both variants crossed on both platforms.", evidence: evidence)
    }
    let works = [label, test].filter { runs.cell($0, .xenPV)?.section.boundaries(.rsp, .exit) == 0 }
    let cheaper =
      atLabel == beforeTest
      ? "both cost \(atLabel) instructions"
      : "`\(atLabel < beforeTest ? label : test)` is cheaper by \(abs(atLabel - beforeTest)) instructions, "
        + "\(min(atLabel, beforeTest)) against \(max(atLabel, beforeTest))"
    return Judgement(
      outcome: works.count == 2 ? .yes : works.isEmpty ? .no : .partly,
      answer:
        "\(works.count == 2 ? "Both places work" : "\(works.count) of the two places work\(works.count == 1 ? "s" : "")"): under "
        + "Xen \(cheaper). On bare metal the way out takes \(nativeLabel) and \(nativeTest) instructions.",
      evidence: evidence)
  }
}
