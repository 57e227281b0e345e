/// The frame that Xen pushed is undone, only to be pushed again.
import Findings

struct DoubleStep: ThreadQuestion {
  let title = "Is that preferable to the double step?"
  let author = "Andrew Cooper"
  let words = "indeed preferable to the current doublestep with undo_xen_syscall"
  let commands = ["limen diff design:2015 design:enter-later:after-masked --platform xen-pv --crossing syscall64"]
  let designs = ["2015", "enter-later"]
  /// Differs from `2015` in nothing but the way in: it too registers the callback with the flag, and calls to enable interrupts.
  private static let new = "enter-later:after-masked"

  func judge(_ runs: ThreadRuns) -> Judgement {
    let titles = ["2015"] + runs.cells(of: "enter-later") + ["complete"]
    let evidence = [
      ThreadTable(
        "The way in under Xen", header: ThreadRuns.costHeader, rows: runs.costRows(titles, .xenPV, \.wayIn))
    ]
    guard let old = runs.parts("2015", .xenPV)?.wayIn, let new = runs.parts(Self.new, .xenPV)?.wayIn,
      let before = runs.cell("2015", .xenPV)?.section, let after = runs.cell(Self.new, .xenPV)?.section
    else { return Judgement(outcome: .open, answer: "One of the two did not cross.", evidence: evidence) }
    let saves = [
      old.instructions - new.instructions, old.memoryReads - new.memoryReads, old.memoryWrites - new.memoryWrites,
    ]
    let windows = before.boundaries(.rsp, .entry) - after.boundaries(.rsp, .entry)
    let isBetter = saves.allSatisfy { $0 >= 0 } && saves[0] > 0 && windows >= 0
    let isWorse = saves.allSatisfy { $0 <= 0 } && windows <= 0
    return Judgement(
      outcome: isBetter ? .yes : isWorse ? .no : .partly,
      answer:
        "With `\(Self.new)`, which shares the rest with `2015`, the way in takes \(new.instructions) instructions instead of \(old.instructions), \(new.memoryReads) reads instead "
        + "of \(old.memoryReads) and \(new.memoryWrites) writes instead of \(old.memoryWrites), and runs "
        + "\(after.boundaries(.rsp, .entry)) boundaries on the user's RSP instead of \(before.boundaries(.rsp, .entry)).",
      evidence: evidence)
  }
}
