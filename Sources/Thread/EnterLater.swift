/// "<-- Xen enters here": behind the pushes that make the frame, on the frame that Xen has pushed already.
import Findings

struct EnterLater: ThreadQuestion {
  let title = "Can Xen enter behind the pushes, and is pt_regs then equal to native's?"
  let author = "Andy Lutomirski; Andrew Cooper: \"This looks plausible\""
  let words = "If so, can we just enter later on"
  let commands = [
    "limen diff design:complete --platform bare-metal,xen-pv --crossing syscall64",
    "limen check design:complete --crossing syscall64 --posture all",
  ]
  let designs = ["complete"]

  func judge(_ runs: ThreadRuns) -> Judgement {
    let native = Dictionary(
      runs.frames("complete", .bareMetal).compactMap { frame in Self.relative(frame).map { (frame.posture, $0) } }
    ) { first, _ in first }
    let xen = runs.frames("complete", .xenPV).compactMap { frame in Self.relative(frame).map { (frame.posture, $0) } }
    let pairs = xen.compactMap { posture, frame in native[posture].map { (posture, $0, frame) } }
    guard !pairs.isEmpty, let section = runs.cell("complete", .xenPV)?.section else {
      return Judgement(outcome: .open, answer: "The join point was not reached on both platforms.")
    }
    var rows: [[String]] = []
    var different: [Int] = []
    for (index, name) in JoinFrame.names.enumerated() {
      let unequal = pairs.filter { $0.1.words[index] != $0.2.words[index] }
      if !unequal.isEmpty { different.append(index) }
      let example = unequal.first ?? pairs[0]
      rows.append([
        name, "\(pairs.count - unequal.count) of \(pairs.count)", "\(example.0)",
        Location(address: example.1.words[index]).description,
        Location(address: example.2.words[index]).description,
      ])
    }
    let missing = native.keys.filter { posture in !xen.contains { $0.0 == posture } }.sorted()
    let evidence = [
      ThreadTable(
        "The five words at the join point, native against Xen, from every posture of SYSCALL (RSP as its distance from the user's)",
        header: ["word", "equal", "posture", "native", "Xen"], rows: rows),
      runs.verdictTable("The design with both halves", ["complete"], on: PlatformName.running),
    ]
    let window = section.boundaries(.rsp, .entry)
    let words = different.map { JoinFrame.names[$0] }.joined(separator: ", ")
    let sameness =
      different.isEmpty
      ? "All five words are equal to native's from each of \(pairs.count) postures."
      : "Of the five words \(words) differ\(different.count == 1 ? "s" : "") from native's; the others are equal from each of "
        + "\(pairs.count) postures."
    let selectors = Set(different).isSubset(of: [1, 4])
    var answer =
      window == 0
      ? "Entered there, no boundary on the way in runs on the user's RSP. "
      : "\(counted(window, "boundary", "boundaries")) on the way in still run on the user's RSP. "
    answer += sameness
    if !different.isEmpty && selectors {
      answer +=
        " Those are selectors, which Xen writes as constants of its own (FLAT_USER_CS64, FLAT_USER_SS64), not the user's "
        + "state."
    }
    if !missing.isEmpty {
      answer += " Not compared: \(missing.map(\.rawValue).joined(separator: ", ")), which did not get there under Xen."
    }
    return Judgement(
      outcome: window > 0 ? .no : selectors && missing.isEmpty ? .yes : .partly, answer: answer, evidence: evidence)
  }

  /// The frame with the distance from the user's own RSP in place of RSP: one posture chooses an address of the kernel's,
  /// which is another on each platform.
  private static func relative(_ frames: SystemCallFrames) -> JoinFrame? {
    guard var join = frames.join else { return nil }
    join.words[3] &-= frames.userRSP
    return join
  }
}
