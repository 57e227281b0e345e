/// Alternatives instead of paravirt hooks.
import Findings

struct HooksGo: ThreadQuestion {
  let title = "Can the USERGS_SYSRET hooks go?"
  let author = "Andy Lutomirski; Andrew Cooper: \"a good idea\""
  let words =
    "Then we could remove the USERGS_SYSRET hooks entirely. [...] we could have: ALTERNATIVE \"\", \"jmp xen_pop_things_and_iret\""
  let commands = ["limen check design:complete", "limen diff design:2015 design:complete"]
  let designs = ["2015", "complete"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let titles = ["2015", "complete"]
    var evidence = [runs.verdictTable("Without the hooks", ["complete"], on: PlatformName.running)]
    evidence.append(
      ThreadTable(
        "The whole crossing", header: ["design", "platform", "in", "work", "out"],
        rows: titles.flatMap { title in
          PlatformName.running.compactMap { platform in
            runs.parts(title, platform).map { [title, platform.rawValue] + ThreadRuns.costs($0) }
          }
        }))
    let sites = titles.compactMap { title in runs.patchSites(title).map { [title, "\($0)"] } }
    if !sites.isEmpty {
      evidence.append(ThreadTable("Patch sites of the image", header: ["design", "sites"], rows: sites))
    }
    let sections = PlatformName.running.flatMap { runs.sections("complete", $0) }
    guard !sections.isEmpty else {
      return Judgement(outcome: .open, answer: "`complete` did not run.", evidence: evidence)
    }
    let bad = sections.filter { $0.verdict.kind != .held }
    let windows = runs.sections("complete", .xenPV).reduce(0) {
      $0 + $1.boundaries(.rsp, .entry) + $1.boundaries(.rsp, .exit)
    }
    let answer =
      bad.isEmpty
      ? "`complete` has an alternative jump in their place, and holds on every machine and threshold that was run "
        + "(\(sections.count)); under Xen \(windows == 0 ? "no boundary" : counted(windows, "boundary", "boundaries")) runs on the "
        + "user's RSP."
      : "`complete` does not hold everywhere: "
        + bad.map { "\($0.machineText) \($0.crossing.rawValue): \($0.verdictText)" }.joined(separator: "; ") + "."
    return Judgement(outcome: bad.isEmpty && windows == 0 ? .yes : .no, answer: answer, evidence: evidence)
  }
}
