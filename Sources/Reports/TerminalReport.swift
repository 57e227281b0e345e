import Findings

/// The report for eyes. A finding is one line of the shape kernel developers know from objtool,
/// `kernel: function()+0x9: what is wrong`, with its origin, path, registers and replay line below it; the window map
/// stands beside the findings, the summary last.
public struct TerminalReport {
  let style: TerminalStyle
  /// Tables are to be no wider; nil where they may be as wide as they like.
  let columns: Int?

  public init(colour: Bool = false, columns: Int? = nil) {
    style = TerminalStyle(colour: colour)
    self.columns = columns
  }

  public func text(of report: CheckReport) -> String {
    head(report.kernel, ablations: report.ablations, limen: report.limen)
      + report.sections.map { text(of: $0, kernel: report.kernel) }.joined() + summary(of: report)
  }

  // MARK: The parts of a report, to be printed as they come

  /// What is known before anything ran.
  public func head(
    _ kernel: KernelIdentity, ablations: [AblationName], limen: String = LimenVersion.current
  ) -> String {
    var lines = ["\(SymbolLine.title(of: kernel)): sha256 \(printable(kernel.sha256)), limen \(limen)"]
    if let symbols = SymbolLine.text(of: kernel) { lines.append(style(.open, symbols)) }
    if !ablations.isEmpty {
      let names = ablations.sorted().map { printable($0.rawValue) }.joined(separator: ", ")
      lines.append(style(.open, "taken away: \(names)"))
    }
    return text(lines)
  }

  public func text(of section: CheckSection, kernel: KernelIdentity) -> String {
    "\n" + text(self.section(section, kernel: printable(kernel.name)))
  }

  /// What can be said at the end.
  public func summary(of report: CheckReport) -> String { "\n" + text(summary(report)) }

  /// A line for each kernel of several.
  public func summary(of collection: CheckCollection) -> String {
    var table = TextTable(alignments: [.left, .left])
    for report in collection.reports { table.rows.append([printable(report.kernel.name), word(report.verdict)]) }
    return text(["\(count(collection.reports.count, "kernel")):"] + table.lines(indent: "  "))
  }

  private func text(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }

  /// Each kernel's report, and at the end a line for each.
  public func text(of collection: CheckCollection) -> String {
    collection.reports.map { text(of: $0) + "\n" }.joined() + summary(of: collection)
  }

  private func section(_ section: CheckSection, kernel: String) -> [String] {
    let name = [
      section.platform.rawValue, section.profile.rawValue, section.crossing.rawValue,
      printable(section.posture.rawValue),
    ].joined(separator: " ")
    let known = section.verdict == .violated && section.newVerdict != .violated ? ", all known" : ""
    var lines = ["\(style(.bold, name)): \(word(section.verdict))\(known)"]
    if let baseline = section.baseline {
      lines.append(
        "  \(count(baseline.instructions, "instruction")), \(count(baseline.memoryReads, "read")), "
          + "\(count(baseline.memoryWrites, "write")), \(count(baseline.privilegedOperations, "privileged operation"))")
    }
    if section.boundaries > 0 {
      lines.append("  \(counted(section.boundaries, "boundary", "boundaries")), \(trials(section))")
    }
    for one in section.nested ?? [] {
      let rest = one.notTried > 0 ? ", \(one.notTried) given up after harm" : ""
      lines.append("  paths of \(one.depth) events: \(count(one.trials, "trial")), \(one.unique) distinct\(rest)")
    }
    // What held goes without saying; anything else is said by name.
    for answer in section.invariants where answer.verdict.kind != .held {
      lines.append("  \(printable(answer.invariant.rawValue)): \(word(answer.verdict))")
    }
    if !section.windows.isEmpty { lines += windowMap(section.windows) }
    for finding in section.findings { lines += self.finding(finding, kernel: kernel) }
    return lines
  }

  private func trials(_ section: CheckSection) -> String {
    guard !section.trials.isEmpty else { return "no trials" }
    let each = section.trials.map { "\($0.event.title) \($0.trials)" }.joined(separator: ", ")
    return "\(count(section.allTrials, "trial")) (\(each)), \(section.uniqueTrials) distinct"
  }

  // MARK: Window map

  private func windowMap(_ windows: [Window]) -> [String] {
    let events = EventKind.allCases.filter { event in windows.contains { $0.events.contains { $0.event == event } } }
    var table = TextTable(alignments: [.left, .left, .right, .left, .left] + events.map { _ in .left })
    table.rows.append(["window", "way", "boundaries", "first", "last"] + events.map(\.title))
    for window in windows {
      table.rows.append(
        [
          window.kind.rawValue, window.direction.rawValue, String(window.boundaries),
          printable(window.first.description), printable(window.last.description),
        ] + events.map { event in fate(of: event, in: window) })
    }
    let lines = table.lines(indent: "  ")
    if let columns, lines.contains(where: { $0.count > columns }) {
      return windows.flatMap { stacked($0, events, columns) }
    }
    return [style(.quiet, lines[0])] + lines.dropFirst()
  }

  /// A window in one line.
  func line(of window: Window) -> String {
    let events = EventKind.allCases.filter { event in window.events.contains { $0.event == event } }
    return stacked(window, events, .max).map { $0.trimmingPrefix { $0 == " " } }.joined(separator: "; ")
  }

  /// A window on lines of its own, where the table is too wide.
  private func stacked(_ window: Window, _ events: [EventKind], _ columns: Int) -> [String] {
    let first = printable(window.first.description)
    let places = window.boundaries == 1 ? first : "\(first) to \(printable(window.last.description))"
    let title = "  \(window.kind.rawValue) \(window.direction.rawValue), "
    let fates = events.map { "\($0.title) \(fate(of: $0, in: window))" }.joined(separator: ", ")
    return HelpText.wrap(
      title + "\(counted(window.boundaries, "boundary", "boundaries")): \(places)", columns: columns, hanging: 4)
      + HelpText.wrap("    " + fates, columns: columns, hanging: 4)
  }

  private func fate(of event: EventKind, in window: Window) -> String {
    let fates = window.events.filter { $0.event == event }
    guard !fates.isEmpty else { return "-" }
    return fates.map { fate in
      var text = phrase(fate.arrival)
      if let detail = fate.detail { text += " (\(printable(detail)))" }
      if fate.canArrive && fate.boundaries < window.boundaries { text += " at \(fate.boundaries)" }
      return text
    }.joined(separator: "; ")
  }

  private func phrase(_ arrival: Arrival) -> String {
    switch arrival {
    case .noSource: "no source"
    case .masked: "masked"
    case .blocked: "blocked"
    case .ownStack: "own stack"
    case .recovered: "recovered"
    case .harmful: "HARMFUL"
    case .notTried: "not tried"
    }
  }

  // MARK: Findings

  private func finding(_ finding: Finding, kernel: String) -> [String] {
    let place = printable(finding.location.functionForm)
    let rule = printable(finding.invariant.rawValue)
    let label =
      finding.known == true
      ? style(.open, rule + ", known") : finding.severity == .violation ? style(.bad, rule) : "note, " + rule
    var lines = ["", "\(kernel): \(style(.bold, place)): \(printable(finding.message)) [\(label)]"]
    if let source = finding.location.source { lines.append("  source     \(printable(source.description))") }
    if let origin = finding.origin {
      let place = origin.location.sourcedDescription
      lines.append("  from       \(printable(place)): \(printable(origin.explanation))")
    }
    for (index, step) in finding.path.steps.enumerated() {
      lines.append("  \(index == 0 ? "path" : "    ")       \(printable(step.description))")
    }
    if finding.path.steps.isEmpty { lines.append("  path       no event: the baseline itself") }
    // Four to a line keeps sixty-four-bit values within a hundred columns.
    for start in stride(from: 0, to: finding.registers.count, by: 4) {
      let group = finding.registers[start..<min(start + 4, finding.registers.count)]
      let values = group.map { "\(printable($0.name))=\(Location(address: $0.value))" }.joined(separator: " ")
      lines.append("  \(start == 0 ? "registers" : "         ")  \(values)")
    }
    lines.append("  replay     \(printable(finding.replay))")
    return lines
  }

  // MARK: Summary

  private func summary(_ report: CheckReport) -> [String] {
    let totals = report.totals
    guard totals.sections > 0 else { return [style(.open, "nothing was checked")] }
    let parts = [
      (totals.held, "held", TerminalStyle.Emphasis.good), (totals.violated, "violated", .bad),
      (totals.unsupported, "unsupported", .open), (totals.inconclusive, "inconclusive", .open),
      (totals.notApplicable, "not applicable", .quiet), (totals.internalErrors, "internal error", .bad),
    ]
    let verdicts = parts.filter { $0.0 > 0 }.map { style($0.2, "\($0.0) \($0.1)") }.joined(separator: ", ")
    let marks = report.sections.flatMap(\.findings).compactMap(\.known)
    let known = marks.isEmpty ? [] : ["baseline: \(marks.count { $0 }) known, \(marks.count { !$0 }) new"]
    return known + [
      "\(count(totals.sections, "section")): \(verdicts)",
      "\(count(totals.findings, "finding")), \(count(totals.windows, "window")), "
        + "\(counted(totals.boundaries, "boundary", "boundaries")), \(count(totals.trials, "trial")), "
        + count(totals.costs.instructions, "guest instruction"),
    ]
  }

  private func word(_ verdict: Verdict) -> String {
    let text = printable(verdict.description)
    return switch verdict.kind {
    case .held: style(.good, text)
    case .violated, .internalError: style(.bad, text)
    case .unsupported, .inconclusive: style(.open, text)
    case .notApplicable: style(.quiet, text)
    }
  }

  private func count(_ number: Int, _ noun: String) -> String { counted(number, noun, noun + "s") }

  private func counted(_ number: Int, _ one: String, _ many: String) -> String {
    "\(number) \(number == 1 ? one : many)"
  }
}
