/// The enabling moves behind the join point on native too, and the callback keeps its flag.
import Findings

struct EnableLater: ThreadQuestion {
  let title = "Does enabling interrupts a few instructions later make the special case unnecessary?"
  let author = "Andy Lutomirski"
  let words = "Let's just move the ENABLE_INTERRUPTS a few instructions later even on native"
  let commands = ["limen check design:enter-later:after-masked --crossing syscall64", "limen check design:complete"]
  let designs = ["2015", "enter-later", "complete"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let titles = ["enter-later:after-masked", "complete"]
    let masked = ["2015", "enter-later:before-masked", "enter-later:after-masked", "complete"].flatMap { title in
      PlatformName.running.compactMap { platform -> [String]? in
        guard let frame = runs.frames(title, platform).first(where: { $0.posture == "normal" }) else { return nil }
        return [title, platform.rawValue, frame.masked.map(String.init) ?? "all"]
      }
    }
    let evidence = [
      runs.verdictTable("Enabled behind the join point, the flag kept", titles, on: PlatformName.running),
      ThreadTable(
        "Kernel-mode boundaries of SYSCALL before interrupts are on", header: ["design", "platform", "boundaries"],
        rows: masked),
    ]
    let sections = titles.flatMap { title in PlatformName.running.compactMap { runs.cell(title, $0)?.section } }
    guard sections.count == 4 else {
      return Judgement(outcome: .open, answer: "Not every design ran on both platforms.", evidence: evidence)
    }
    let broken = sections.filter { $0.brokenInvariants.contains("interrupts-as-claimed") }
    func count(_ title: String) -> Int? {
      runs.frames(title, .bareMetal).first { $0.posture == "normal" }?.masked
    }
    var answer =
      broken.isEmpty
      ? "With the callback registered as ever, interrupts are as the code claims at every boundary, on both platforms."
      : "interrupts-as-claimed is violated on \(broken.map(\.machineText).joined(separator: ", "))."
    if let old = count("2015"), let new = count("complete") {
      answer += " On bare metal interrupts are off for \(new) boundaries instead of \(old)."
    }
    return Judgement(outcome: broken.isEmpty ? .yes : .no, answer: answer, evidence: evidence)
  }
}
