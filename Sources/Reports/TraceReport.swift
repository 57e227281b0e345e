import Findings

/// A trace for eyes: a line for each boundary, narrow columns first, and below it the event that was taken there with
/// its frame drawn as it lies in memory, highest address first.
public struct TraceReport {
  let style: TerminalStyle
  /// The table is to be no wider if it can; nil where it may be as wide as it likes.
  let columns: Int?

  public init(colour: Bool = false, columns: Int? = nil) {
    style = TerminalStyle(colour: colour)
    self.columns = columns
  }

  static let legend = [
    "rsp, gs, cr3: whose stack pointer, GS base and page tables the boundary runs on; none: no frame could be pushed",
    "there; if: maskable interrupts; (in parentheses): next, but not executed by this step",
  ]

  public func text(of record: TraceRecord) -> String {
    let removed =
      record.ablations.map { ", without \($0.map { printable($0.rawValue) }.joined(separator: ", "))" } ?? ""
    let asked = record.injections.map { ", \($0.event.title) at boundary \($0.boundary)" }.joined()
    let name = [
      record.platform.rawValue, record.profile.rawValue, record.crossing.rawValue, printable(record.posture.rawValue),
    ].joined(separator: " ")
    var lines = [
      "\(SymbolLine.title(of: record.kernel)): sha256 \(printable(record.kernel.sha256)), limen \(record.limen)",
      style(.bold, name) + removed + asked,
    ]
    if let symbols = SymbolLine.text(of: record.kernel) { lines.append(style(.open, symbols)) }
    lines.append("")
    lines += Self.legend.map { style(.quiet, $0) }
    lines.append("")
    lines += steps(record)
    lines.append("")
    lines += record.injections.filter { $0.outcome == .notReached }.map {
      style(.open, "\($0.event.title) at boundary \($0.boundary): not reached")
    }
    if let writers = Self.writers(Self.lastWriters(record)) { lines.append(style(.quiet, "at the end: \(writers)")) }
    lines.append(end(record))
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: The table

  private func steps(_ record: TraceRecord) -> [String] {
    let lines = steps(record, namesEachPlace: true)
    guard let columns, lines.contains(where: { $0.replacing(Self.emphasis, with: "").count > columns }) else {
      return lines
    }
    return steps(record, namesEachPlace: false)
  }

  private static var emphasis: Regex<Substring> { /\u{1B}\[[0-9;]*m/ }

  /// - Parameter namesEachPlace: else a symbol has a line of its own, before the boundaries that are told by their distance from it.
  private func steps(_ record: TraceRecord, namesEachPlace: Bool) -> [String] {
    func place(_ step: TraceStep) -> String {
      namesEachPlace || step.location.symbol == nil
        ? step.location.description : "+\(Location(address: step.location.offset))"
    }
    var table = TextTable(alignments: [.right, .right, .left, .left, .left, .left, .left, .left])
    table.rows.append([
      "#", record.steps.contains { $0.mode != nil } ? "mode" : "cpl", "if", "rsp", "gs", "cr3", "place", "instruction",
    ])
    for step in record.steps {
      table.rows.append([
        String(step.boundary), step.mode?.rawValue ?? String(step.cpl), step.interruptsEnabled ? "on" : "off",
        step.rspOwner.rawValue,
        step.gsOwner.rawValue, step.pageTables.rawValue, printable(place(step)), instruction(step),
      ])
    }
    let rows = table.lines(indent: "")
    // Details stand below the place, which the header finds.
    let indent = String(repeating: " ", count: Self.column(of: "place", in: rows[0]))
    let refused = Dictionary(
      grouping: record.injections.filter { $0.outcome != .taken && $0.outcome != .notReached }, by: \.boundary)
    var lines = [style(.quiet, rows[0])]
    var symbol: String?
    /// The last step that wrote each of them.
    var writers: [TracePart: TraceStep] = [:]
    for (step, row) in zip(record.steps, rows.dropFirst()) {
      if !namesEachPlace, let name = step.location.symbol, name != symbol { lines.append("\(printable(name)):") }
      symbol = step.location.symbol
      let ours = !step.isKernel || (step.rspOwner == .kernel && step.gsOwner != .user && step.pageTables != .user)
      lines.append(ours ? row : style(.open, row))
      for injection in refused[step.boundary] ?? [] {
        lines.append(indent + style(.open, "\(injection.event.title) not taken here: \(injection.outcome.phrase)"))
      }
      let before = writers
      for access in step.accesses ?? [] { lines.append(indent + style(.quiet, self.access(access))) }
      for call in step.hypercalls ?? [] { lines.append(indent + style(.bold, "hypercall \(printable(call))")) }
      for part in step.writes ?? [] { writers[part] = step }
      if step.delivery != nil, let line = Self.writers(before) { lines.append(indent + style(.quiet, line)) }
      for delivery in (step.outerDeliveries ?? []) + (step.delivery.map { [$0] } ?? []) {
        lines += self.delivery(delivery).map { indent + $0 }
      }
    }
    return lines
  }

  private static func lastWriters(_ record: TraceRecord) -> [TracePart: TraceStep] {
    var writers: [TracePart: TraceStep] = [:]
    for step in record.steps { for part in step.writes ?? [] { writers[part] = step } }
    return writers
  }

  /// `RSP written at boundary 4, entry+0xc`, and the others; nil where nothing was since user mode.
  private static func writers(_ writers: [TracePart: TraceStep]) -> String? {
    let parts = writers.sorted { $0.key < $1.key }.map { part, step in
      "\(part.title) written at boundary \(step.boundary), \(printable(step.location.description))"
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  private static func column(of title: String, in header: String) -> Int {
    guard let range = header.firstRange(of: title) else { preconditionFailure("the header has no column \(title)") }
    return header.distance(from: header.startIndex, to: range.lowerBound)
  }

  private func instruction(_ step: TraceStep) -> String {
    var text = step.instruction.map { printable($0) } ?? "cannot be read"
    if let target = step.target { text += " <\(printable(target.description))>" }
    return step.executed ? text : "(\(text))"
  }

  private func access(_ access: MemoryAccess) -> String {
    let verb = access.kind == .read ? "reads " : "writes"
    var place = "\(Location(address: access.location.address))"
    if access.location.symbol != nil { place += " <\(printable(access.location.description))>" }
    return "\(verb) \(access.size) at \(place): \(Location(address: access.value.value))"
  }

  // MARK: Frames

  private func delivery(_ delivery: TraceDelivery) -> [String] {
    var title = Self.title(of: delivery)
    if let code = delivery.errorCode { title += ", error code \(Location(address: code.value))" }
    if delivery.injected { title += ", injected" }
    let stack =
      delivery.fred.map { " on stack level \($0.stackLevel)" }
      ?? (delivery.interruptStack == 0 ? "" : " on IST \(delivery.interruptStack)")
    var lines = [style(.bold, "\(title): frame at \(Location(address: delivery.frame.value))\(stack)")]
    var names = delivery.errorCode == nil ? Self.frameWords : ["error code"] + Self.frameWords
    if delivery.bounce != nil { names = Self.bounceWords + names }
    if delivery.fred != nil { names = Self.fredWords }
    var table = TextTable(alignments: [.right, .left, .left])
    for (index, word) in delivery.words.enumerated().reversed() {
      let address = Location(address: delivery.frame.value &+ UInt64(index) &* 8)
      let text = delivery.fred.flatMap { Self.fields(of: index, word.value, $0) } ?? "\(Location(address: word.value))"
      table.rows.append(["\(address)", index < names.count ? names[index] : "", text])
    }
    lines += table.lines(indent: "  ")
    return lines
  }

  /// From the lowest address. SDM vol. 3A, "64-Bit Mode Stack Frame".
  static let frameWords = ["RIP", "CS", "RFLAGS", "RSP", "SS"]

  /// From the lowest address. SDM vol. 2, "ERETS", "ERETU"; Xen public headers, arch-x86/cpu-user-regs.h.
  static let fredWords = ["error code", "RIP", "CS+", "RFLAGS", "RSP", "SS+", "event data", ""]

  /// The words with CS and SS hold more than the selector: what else they say. Nil for the others.
  static func fields(of index: Int, _ word: UInt64, _ fred: TraceFRED) -> String? {
    var parts = ["\(Location(address: word & 0xFFFF))"]
    switch index {
    case 2:
      parts.append("stack level \(word >> 16 & 3)")
      if word & 1 << 18 != 0 { parts.append("waits for ENDBRANCH") }
    case 5:
      parts.append("\(fred.kind.title), vector \(word >> 32 & 0xFF)")
      if word & 1 << 16 != 0 { parts.append("blocked by STI") }
      if word & 1 << 17 != 0 { parts.append("software event") }
      if word & 1 << 18 != 0 { parts.append("unblocks NMIs") }
      if word & 1 << 57 != 0 { parts.append("64-bit code") }
      if word & 1 << 58 != 0 { parts.append("nested") }
      if word >> 60 != 0 { parts.append("length \(word >> 60)") }
    default: return nil
    }
    return parts.joined(separator: ", ")
  }

  /// What lies below these in a bounce frame. Xen xen/arch/x86/x86_64/entry.S, create_bounce_frame.
  static let bounceWords = ["RCX", "R11"]

  /// Which event it is.
  static func title(of delivery: TraceDelivery) -> String {
    delivery.bounce.map { "bounce frame of \(printable($0))" } ?? delivery.vector.map(title(ofVector:))
      ?? delivery.fred?.kind.title ?? title(ofVector: 0)
  }

  /// SDM vol. 3A, "Exception and Interrupt Vectors".
  static func title(ofVector vector: Int) -> String {
    let exceptions = [
      0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP",
      12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM", 20: "#VE", 21: "#CP",
    ]
    return exceptions[vector].map { "\($0) (vector \(vector))" } ?? "vector 0x\(String(vector, radix: 16))"
  }

  // MARK: The end

  private func end(_ record: TraceRecord) -> String {
    let kernel = record.steps.count { $0.isKernel }
    let below = record.steps.count { $0.mode == .hypervisor }
    let count =
      "\(kernel) \(kernel == 1 ? "boundary" : "boundaries") in kernel mode"
      + (below == 0 ? "" : ", \(below) of them the hypervisor's")
    let detail = printable(record.end.detail ?? "")
    return switch record.end.kind {
    case .user: "\(count), then back in user mode"
    case .bound: style(.open, "\(count), then given up: \(detail)")
    case .dead: style(.bad, "\(count), then the end: \(detail)")
    case .unsupported: style(.open, "\(count), then unsupported: \(detail)")
    }
  }
}
