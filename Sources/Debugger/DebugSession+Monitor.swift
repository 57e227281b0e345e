/// `monitor` commands: what gdb has no word for. Each answers with lines for gdb's console.
import Explorer
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension DebugSession {
  private static let help = [
    "monitor world             who runs at this boundary, and what is let in",
    "monitor owner             whose RSP, GS base and page tables the boundary runs on, and who wrote them last",
    "monitor events            what happens in this run, and what could happen at this boundary",
    "monitor inject EVENT      make it happen at this boundary, with the next step; what was to happen later is forgotten",
    "monitor withdraw          nothing happens at this boundary, nor later",
    "monitor finding           what the invariants say of the run",
    "monitor goto BOUNDARY     go there; also: start, finding, end; rsp, gs, cr3: where that was written last",
    "monitor help              this",
    "Behind 'goto' gdb has to be told that registers changed: maintenance flush register-cache",
  ]

  func monitor(_ words: [String]) -> [String] {
    switch (words.first, words.count) {
    case ("help", 1), (nil, _): Self.help
    case ("world", 1): world()
    case ("owner", 1): owner()
    case ("events", 1): events()
    case ("finding", 1): [finding.text]
    case ("inject", 2): inject(words[1])
    case ("withdraw", 1): withdraw()
    case ("goto", 2): go(to: words[1])
    default: ["no such command: \(printable(words.joined(separator: " "), limit: 80)) ('monitor help' lists them)"]
    }
  }

  /// `boundary 5, entry_SYSCALL_64+0x9`.
  private var place: String {
    "boundary \(timeline.boundary), \(timeline.crossing.machine.location(timeline.processor.rip))"
  }

  private var computer: any PlatformComputer { timeline.computer }

  private func world() -> [String] {
    let who = !computer.isInKernel ? "the user" : computer.isInHypervisor ? "the hypervisor" : "the kernel"
    let crossing = timeline.crossing
    var lines = [
      "\(place): \(who) runs, at privilege \(timeline.processor.cpl)",
      "\(computer.platform.rawValue), \(crossing.machine.profileName.rawValue); \(crossing.crossing.title), posture "
        + "\(crossing.posture)",
      "maskable events are \(computer.interruptsOpen ? "let in" : "kept out")"
        + (timeline.processor.nmiBlocked ? "; NMIs are blocked" : ""),
    ]
    if timeline.end != nil && !timeline.goesOn { lines.append(timeline.endText) }
    return lines
  }

  private func owner() -> [String] {
    let processor = timeline.processor
    let ownership = timeline.crossing.ownership(timeline.run)
    func line(_ name: String, _ value: UInt64, _ flag: Ownership, _ other: String = "the kernel's") -> String {
      "\(name) \(hex(value)): \(!computer.isInKernel || ownership.contains(flag) ? "the user's" : other)"
    }
    let stack =
      ownership.contains(.noStack)
      ? "nobody's: no frame could be pushed there"
      : ownership.contains(.fullStack) ? "the kernel's, and used up" : "the kernel's"
    return [
      place, line("RSP", processor[.rsp], .userRSP, stack) + writer(.rsp),
      line("GS base", processor.segmentBase(.gs), .userGS) + writer(.gsBase),
      (timeline.crossing.hasSplitTables
        ? line("CR3", processor.cr3, .userTables) : "CR3 \(hex(processor.cr3)): both run on the same page tables")
        + writer(.cr3),
    ]
  }

  /// Who wrote it last; nothing where nobody has since user mode.
  private func writer(_ part: StatePart) -> String {
    timeline.run.writes.last(part).map {
      ", written at boundary \($0.boundary), \(timeline.crossing.machine.location($0.rip))"
    } ?? ""
  }

  private func go(toWriterOf part: StatePart) -> [String] {
    guard let writer = timeline.run.writes.last(part) else {
      return ["\(part.title) was not written since user mode", place]
    }
    timeline.go(to: writer.boundary)
    return [place]
  }

  private func events() -> [String] {
    var lines = timeline.path.steps.map { step in
      "\(step)" + (step.boundary < timeline.boundary ? ": behind" : step.boundary == timeline.boundary ? ": next" : "")
    }
    if lines.isEmpty { lines = ["no event"] }
    lines.append("at \(place):")
    for event in type(of: computer).events where EventKind.usual.contains(event) {
      lines.append("  \(event.rawValue): \(timeline.obstacle(to: event) == nil ? "can be taken" : why(event))")
    }
    return lines
  }

  private func why(_ event: EventKind) -> String {
    let obstacle = computer.obstacle(to: event)
    return obstacle == .noSource ? "nothing can raise it" : obstacle?.rawValue ?? "kept out"
  }

  private func inject(_ name: String) -> [String] {
    let known = type(of: computer).events.map(\.rawValue).joined(separator: ", ")
    guard let event = EventKind(rawValue: name) else {
      return ["there is no event \(printable(name, limit: 80)) (known: \(known))"]
    }
    if let end = timeline.end, end != .user { return ["nothing can happen here: \(timeline.endText)"] }
    if let obstacle = timeline.obstacle(to: event) { return [obstacle] }
    timeline.setEvent(event)
    return ["\(event.title) happens at \(place), with the next step"]
  }

  private func withdraw() -> [String] {
    timeline.setEvent(nil)
    return ["nothing happens at \(place), nor later"]
  }

  private func go(to name: String) -> [String] {
    switch name {
    case "start": timeline.go(to: 0)
    case "rsp": return go(toWriterOf: .rsp)
    case "gs": return go(toWriterOf: .gsBase)
    case "cr3": return go(toWriterOf: .cr3)
    case "end": timeline.advance { isInterrupted() }
    case "finding":
      guard finding.invariant != nil else { return [finding.text] }
      guard let boundary = finding.boundary else {
        timeline.advance { isInterrupted() }
        return [place, finding.text]
      }
      timeline.go(to: boundary, isInterrupted: isInterrupted)
    default:
      guard let boundary = Int(name), boundary >= 0 else {
        return ["goto takes the number of a boundary, 'start', 'finding' or 'end'"]
      }
      if !timeline.go(to: boundary, isInterrupted: isInterrupted) {
        return ["the run has no boundary \(boundary): \(timeline.endText)", place]
      }
    }
    return [place]
  }
}

extension PreparedCrossing.Judgement {
  /// `rsp-owned is broken at boundary 6, entry+0x9: …`.
  var text: String {
    guard let invariant else { return message }
    let at = (boundary.map { "at boundary \($0), " } ?? "at the end, ") + (location.map { "\($0)" } ?? "")
    return "\(invariant) is broken \(at): \(message)"
  }
}

extension Timeline {
  /// How the run ended, or where it stands.
  var endText: String {
    switch end {
    case .user: "the task is back in user mode at boundary \(boundary)"
    case .dead(let how): "the kernel died behind boundary \(boundary): \(how)"
    case .bound(let instructions): "the run was given up after \(instructions) boundaries"
    case .unsupported(let what): "unsupported, behind boundary \(boundary): \(what)"
    case nil: "the run stands at boundary \(boundary)"
    }
  }
}
