/// The subject of the mail: under Xen the SYSCALL path runs with an RSP that no event may be pushed to.
import Findings

struct InvalidRSP: ThreadQuestion {
  let title = "Does SYSCALL run on an invalid RSP under Xen?"
  let author = "the subject"
  let words = "Getting rid of invalid SYSCALL RSP under Xen?"
  let commands = ["limen check design:2015 --crossing syscall64,syscall32,sysenter"]
  let designs = ["2015"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    var evidence = [
      runs.verdictTable(
        "Boundaries that run on the user's RSP, and what does harm there", ["2015"], on: PlatformName.running)
    ]
    guard let xen = runs.cell("2015", .xenPV)?.section, let native = runs.cell("2015", .bareMetal)?.section else {
      return Judgement(outcome: .open, answer: "`2015` did not run on both platforms.", evidence: evidence)
    }
    let windows = runs.sections("2015", .xenPV).flatMap { section in section.windows.map { (section, $0) } }.filter {
      $1.kind == .rsp
    }
    evidence.append(
      ThreadTable(
        "Where the windows under Xen lie", header: ["machine", "crossing", "way", "boundaries", "where"],
        rows: windows.map {
          [$0.machineText, $0.crossing.rawValue, $1.direction.rawValue, "\($1.boundaries)", $1.places]
        }))
    let witnesses = runs.sections("2015", .xenPV).filter { $0.profile == .intel }.flatMap { section in
      section.findings.filter { $0.invariant.rawValue == "rsp-owned" }.map {
        [section.crossing.rawValue, $0.path.description, Self.withoutAddresses($0.message)]
      }
    }
    evidence.append(
      ThreadTable(
        "The witness of each event (`limen check` writes one for `limen replay`)",
        header: ["crossing", "path", "what happens"],
        rows: witnesses))
    let harm = xen.harmful(.rsp)
    let nativeHarm = native.harmful(.rsp)
    let counts =
      "\(xen.boundaries(.rsp, .entry)) boundaries in and \(xen.boundaries(.rsp, .exit)) out run on the user's RSP"
    if harm.isEmpty || !xen.brokenInvariants.contains("rsp-owned") {
      return Judgement(
        outcome: .no, answer: "Under Xen \(counts), and no event did harm there: \(xen.verdictText).",
        evidence: evidence)
    }
    return Judgement(
      outcome: .yes,
      answer:
        "Under Xen \(counts). \(harm.map(\.title).joined(separator: ", ")) can arrive there, and Xen pushes the frame at "
        + "that RSP: rsp-owned is violated. On bare metal the same design has such boundaries too "
        + "(\(native.boundaries(.rsp, .entry)) in, \(native.boundaries(.rsp, .exit)) out); "
        + (nativeHarm.isEmpty
          ? "what arrives there has a stack of its own, and the verdict is \(native.verdictText)."
          : "\(nativeHarm.map(\.title).joined(separator: ", ")) does harm there as well: \(native.verdictText)."),
      evidence: evidence)
  }

  /// The stack's addresses are the probe's and say nothing here.
  static func withoutAddresses(_ message: String) -> String {
    message.replacing(#/ at 0x[0-9a-f]+,/#, with: "").replacing(#/ RSP 0x[0-9a-f]+/#, with: " RSP")
  }
}
