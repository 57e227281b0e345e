import Findings

/// A diff for eyes: for each crossing a table with a column for each machine, and below it what is more than a number.
public struct DiffTable {
  let style: TerminalStyle
  /// Nothing but a name is to be wider; nil where it may be as wide as it likes.
  let columns: Int?

  public init(colour: Bool = false, columns: Int? = nil) {
    style = TerminalStyle(colour: colour)
    self.columns = columns
  }

  static let legend = [
    "in: up to the kernel's first CALL on RSP, GS base and page tables of its own; out: behind its last RET so; work:",
    "between them. windows: boundaries in kernel mode that run on the user's",
  ]

  public func text(of report: DiffReport) -> String {
    var lines = ["limen \(report.limen)"]
    let names = Self.names(report.sides)
    var table = TextTable(alignments: [.left, .left, .left, .left, .left])
    for (name, side) in zip(names, report.sides) {
      table.rows.append([
        name, SymbolLine.title(of: side.kernel), side.platform.rawValue, side.profile.rawValue,
        "sha256 \(printable(side.kernel.sha256))",
      ])
    }
    lines += table.lines(indent: "  ").flatMap(folded)
    for (name, side) in zip(names, report.sides) {
      if let symbols = SymbolLine.text(of: side.kernel) { lines.append(style(.open, "  \(name): \(symbols)")) }
    }
    if !report.crossings.isEmpty {
      lines += columns == nil ? Self.legend.map { style(.quiet, $0) } : folded(Self.legend.joined(separator: " "))
    }
    for crossing in report.crossings {
      lines.append("")
      lines += self.crossing(crossing, names)
    }
    if let agreements = report.agreements { lines += [""] + AgreementTable(style: style).lines(agreements) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A, B, C, ... Beyond Z nobody reads a table; the letters go on in pairs all the same.
  static func names(_ sides: [DiffSide]) -> [String] {
    sides.indices.map { index in
      let letter = String(UnicodeScalar(UInt8(65 + index % 26)))
      return index < 26 ? letter : letter + "\(index / 26)"
    }
  }

  private func folded(_ line: String) -> [String] {
    columns.map { HelpText.wrap(line, columns: $0, hanging: 4) } ?? [line]
  }

  // MARK: One crossing

  private func crossing(_ crossing: DiffCrossing, _ names: [String]) -> [String] {
    var table = TextTable(alignments: [.left, .left] + names.map { _ in .right })
    table.rows = rows(of: crossing, names)
    let rows = table.lines(indent: "")
    var lines = [style(.bold, rows[0])] + zip(table.rows, rows).dropFirst().map(marked)
    for (name, side) in zip(names, crossing.sides) { lines += details(name, side) }
    return lines
  }

  /// What was counted: what, on which way, and a number for each side; the first has the crossing's name and the sides'.
  func rows(of crossing: DiffCrossing, _ names: [String]) -> [[String]] {
    let head = ["\(crossing.crossing.rawValue) \(printable(crossing.posture.rawValue))", ""] + names
    let verdicts = ["verdict", ""] + crossing.sides.map { $0.section.verdict.kind.rawValue }
    // Where nobody crossed there is nothing to count.
    let hasRun = crossing.sides.contains { $0.parts != nil }
    return [head, verdicts] + (hasRun ? counts(crossing) : [])
  }

  private func counts(_ crossing: DiffCrossing) -> [[String]] {
    var rows: [[String]] = []
    func add(_ title: String, _ way: String, _ value: (DiffCell) -> Int?) {
      rows.append([title, way] + crossing.sides.map { side in value(side).map(String.init) ?? "-" })
    }
    func measure(_ title: String, _ number: (CrossingCost) -> Int) {
      add(title, "in") { $0.parts.map { number($0.wayIn) } }
      add("", "work") { $0.parts.map { number($0.work) } }
      add("", "out") { $0.parts.map { number($0.wayOut) } }
    }
    measure("instructions", \.instructions)
    if crossing.sides.compactMap(\.parts).contains(where: { $0.wayIn.hypervisorInstructions != nil }) {
      measure("of these the hypervisor's", { $0.hypervisorInstructions ?? 0 })
    }
    measure("memory reads", \.memoryReads)
    measure("memory writes", \.memoryWrites)
    measure("privileged operations", \.privilegedOperations)
    if crossing.sides.compactMap(\.parts).contains(where: { $0.hypercallCount > 0 }) {
      measure("hypercalls", \.hypercallCount)
    }
    let windows = crossing.sides.flatMap(\.section.windows)
    for kind in WindowKind.allCases where kind.isUserState || windows.contains(where: { $0.kind == kind }) {
      add("\(Self.title(kind)) window", "in") { self.boundaries(of: kind, .entry, in: $0) }
      add("", "out") { self.boundaries(of: kind, .exit, in: $0) }
    }
    add("boundaries", "") { $0.parts == nil ? nil : $0.section.boundaries }
    add("trials", "") { $0.parts == nil ? nil : $0.section.allTrials }
    add("findings", "") { $0.parts == nil ? nil : $0.section.findings.count }
    return rows
  }

  /// Lines whose sides say the same are quiet: what differs is what was asked for.
  private func marked(_ cells: [String], _ line: String) -> String {
    Set(cells.dropFirst(2)).count == 1 ? style(.quiet, line) : line
  }

  private static func title(_ kind: WindowKind) -> String {
    switch kind {
    case .rsp: "RSP"
    case .gs: "GS base"
    case .pageTables: "page-table"
    case .interrupts: "interrupt"
    case .interruptTrace: "interrupt trace"
    }
  }

  private func boundaries(of kind: WindowKind, _ direction: Direction, in side: DiffCell) -> Int? {
    guard side.parts != nil else { return nil }
    return side.section.windows.filter { $0.kind == kind && $0.direction == direction }.reduce(0) {
      $0 + $1.boundaries
    }
  }

  // MARK: What is more than a number

  private func details(_ name: String, _ side: DiffCell) -> [String] {
    var lines: [String] = []
    if side.section.verdict.kind != .held && side.section.verdict.kind != .violated {
      lines.append("  \(name)  \(printable(side.section.verdict.description))")
    }
    for window in side.section.windows {
      let places =
        window.boundaries == 1
        ? printable(window.first.description)
        : "\(printable(window.first.description)) to \(printable(window.last.description))"
      lines.append("  \(name)  \(window.kind.rawValue) \(window.direction.rawValue): \(places)")
    }
    if let parts = side.parts {
      for (way, cost) in [("in", parts.wayIn), ("work", parts.work), ("out", parts.wayOut)]
      where !cost.hypercalls.isEmpty {
        let kinds = cost.hypercalls.map { $0.count == 1 ? printable($0.kind) : "\(printable($0.kind)) \($0.count)" }
        lines.append("  \(name)  hypercalls \(way): \(kinds.joined(separator: ", "))")
      }
    }
    for finding in side.section.findings {
      let rule = style(finding.severity == .violation ? .bad : .quiet, printable(finding.invariant.rawValue))
      lines.append(
        "  \(name)  \(printable(finding.location.functionForm)): \(printable(finding.message)) [\(rule)]")
    }
    return lines
  }
}
