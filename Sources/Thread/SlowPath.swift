/// Under Xen every way out goes through the full frame and the iret hypercall.
import Findings

struct SlowPath: ThreadQuestion {
  let title = "Does forcing Xen onto the slow path work, and at what cost?"
  let author = "Andy Lutomirski"
  let words = "force Xen to always use the syscall slow path"
  let commands = ["limen diff design:2015 design:exit-slow --platform xen-pv --crossing syscall64"]
  let designs = ["2015", "exit-slow"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let cells = runs.cells(of: "exit-slow")
    let evidence = [
      ThreadTable(
        "The way out under Xen", header: ThreadRuns.costHeader + ["user's RSP out"],
        rows: (["2015"] + cells).flatMap { title in
          runs.costRows([title], .xenPV, \.wayOut).map {
            $0 + ["\(runs.cell(title, .xenPV)?.section.boundaries(.rsp, .exit) ?? 0)"]
          }
        })
    ]
    let found = cells.compactMap { runs.cell($0, .xenPV) }
    guard let old = runs.cell("2015", .xenPV), let oldOut = runs.parts("2015", .xenPV)?.wayOut,
      found.count == cells.count,
      cells.allSatisfy({ runs.parts($0, .xenPV) != nil })
    else { return Judgement(outcome: .open, answer: "Not every design crossed.", evidence: evidence) }
    let clean = found.count { $0.section.boundaries(.rsp, .exit) == 0 }
    let costs = cells.map { title in
      let out = runs.parts(title, .xenPV)!.wayOut
      return "`\(title)` \(signed(out.instructions - oldOut.instructions)) instructions, "
        + "\(signed(out.memoryReads - oldOut.memoryReads)) reads, \(signed(out.memoryWrites - oldOut.memoryWrites)) writes"
    }
    let answer =
      clean == cells.count
      ? "No boundary on the way out runs on the user's RSP any more, where `2015` has \(old.section.boundaries(.rsp, .exit))."
      : "\(cells.count - clean) of \(cells.count) variants still run on the user's RSP on the way out."
    return Judgement(
      outcome: clean == cells.count ? .yes : clean == 0 ? .no : .partly,
      answer: "\(answer) Against `2015` the way out costs: \(costs.joined(separator: "; ")).", evidence: evidence)
  }
}

func signed(_ number: Int) -> String { number < 0 ? "\(number)" : "+\(number)" }
