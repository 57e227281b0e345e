/// What the page of an HTML report draws from: the sections with their runs as JSON, in columns, so that thousands of boundaries stay small.
///
/// A run is `places`, `lines` (of source, where any are known), `code`, `bits` (IF 1, kernel mode 2, executed 4, owners of RSP, GS base and page tables by two bits each from bit 3, the
/// hypervisor 512),
/// `guards` (what the step does against speculation, a letter each), `registers` (what changed: index into `names` and digits, in turn), `accesses` (1 for a write, address, size, value, in turn) and
/// `deliveries`. Words are hexadecimal digits without a prefix.
import Findings

enum HTMLData {
  /// - Parameter beside: of a diff, for each crossing the numbers of its sections, one for each side; sections are numbered over all reports.
  static func text(of reports: [CheckReport], records: [[SectionRecord]], beside: [[Int]] = []) -> String {
    let parts = reports.enumerated().map { index, report in
      let own = index < records.count ? records[index] : []
      let sections = report.sections.enumerated().map { place, section in
        self.section(section, place < own.count ? own[place] : SectionRecord())
      }
      return object([("kernel", quoted(SymbolLine.title(of: report.kernel))), ("sections", array(sections))])
    }
    let pairs = beside.map { array($0.map(String.init)) }
    return object([("reports", array(parts)), ("beside", array(pairs))])
  }

  /// Of a trace, as of a section that was not explored.
  static func text(of record: TraceRecord) -> String {
    let events = record.injections.map { "\($0.event.title) at boundary \($0.boundary): \($0.outcome.phrase)" }
    let section = object([
      ("place", array(record.place.map(quoted))), ("verdict", quoted(events.joined(separator: "; "))),
      ("windows", "[]"), ("arrivals", "[]"), ("run", run(record)), ("findings", "[]"), ("isTrace", "true"),
    ])
    let report = object([
      ("kernel", quoted(SymbolLine.title(of: record.kernel))), ("sections", array([section])),
    ])
    return object([("reports", array([report])), ("beside", "[]")])
  }

  private static func section(_ section: CheckSection, _ record: SectionRecord) -> String {
    let kinds = EventKind.allCases.filter { kind in record.arrivals.contains { $0[kind] != nil } }
    let arrivals = kinds.map { kind in
      let letters = record.arrivals.map { $0[kind].map(letter) ?? " " }
      return array([quoted(kind.title), quoted(String(letters))])
    }
    let report = TerminalReport()
    let findings = section.findings.enumerated().map { index, finding in
      self.finding(finding, index < record.findings.count ? record.findings[index] : nil)
    }
    return object([
      ("place", array(section.place.map(quoted))), ("verdict", quoted(section.verdict.description)),
      ("windows", array(section.windows.map { quoted(report.line(of: $0)) })), ("arrivals", array(arrivals)),
      ("run", record.crossing.map(run) ?? "null"), ("findings", array(findings)),
    ])
  }

  private static func letter(_ arrival: Arrival) -> Character {
    switch arrival {
    case .harmful: "h"
    case .ownStack: "o"
    case .recovered: "r"
    case .masked: "m"
    case .blocked: "b"
    case .noSource: "n"
    case .notTried: "t"
    }
  }

  private static func finding(_ finding: Finding, _ record: TraceRecord?) -> String {
    let origin = finding.origin.map { "\($0.location.sourcedDescription): \($0.explanation)" } ?? ""
    let registers = finding.registers.map { "\($0.name)=\(Location(address: $0.value))" }.joined(separator: " ")
    return object([
      ("rule", quoted(finding.invariant.rawValue + (finding.known == true ? " (known)" : ""))),
      ("place", quoted(finding.location.description)),
      ("source", quoted(finding.location.source?.description ?? "")),
      ("message", quoted(finding.message)), ("origin", quoted(origin)),
      ("steps", array(finding.path.steps.map { quoted("\($0)") })), ("registers", quoted(registers)),
      ("replay", quoted(finding.replay, limit: 4096)), ("boundary", "\(finding.path.steps.last?.boundary ?? 0)"),
      ("run", record.map(run) ?? "null"),
    ])
  }

  // MARK: A run

  /// SDM vol. 2, "ModR/M and SIB Bytes": general registers by their encoding.
  private static let names = [
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RIP",
    "RFLAGS", "GS base", "CR3",
  ]

  private static func run(_ record: TraceRecord) -> String {
    var registers: [String] = []
    var before: [UInt64?] = names.map { _ in nil }
    var deliveries: [String] = []
    for (index, step) in record.steps.enumerated() {
      var state: [UInt64?] = step.registers?.map { $0.value } ?? Array(repeating: nil, count: 16)
      state[4] = step.rsp.value
      state += [step.location.address, step.rflags.value, step.gsBase.value, step.cr3.value]
      var changes: [String] = []
      for (name, value) in state.enumerated() where value != before[name] {
        if let value { changes += ["\(name)", digits(value)] }
      }
      registers.append(array(changes))
      before = state
      for delivery in (step.outerDeliveries ?? []) + (step.delivery.map { [$0] } ?? []) {
        deliveries.append(self.delivery(delivery, at: index))
      }
    }
    return object([
      ("places", array(record.steps.map { quoted($0.location.description) })),
      ("lines", array(lines(record))),
      ("code", array(record.steps.map { quoted(code($0)) })), ("bits", array(record.steps.map { "\(bits($0))" })),
      ("guards", quoted(String(record.steps.map(guardLetter)), limit: record.steps.count)),
      ("names", array(names.map { quoted($0) })), ("registers", array(registers)),
      ("accesses", array(record.steps.map(accesses))), ("deliveries", array(deliveries)),
      ("end", quoted(end(record))),
    ])
  }

  /// The line of source of each boundary; none where nothing is known of any.
  private static func lines(_ record: TraceRecord) -> [String] {
    guard record.steps.contains(where: { $0.location.source != nil }) else { return [] }
    return record.steps.map { quoted($0.location.source?.description ?? "") }
  }

  private static func code(_ step: TraceStep) -> String {
    var text = step.instruction ?? "cannot be read"
    if let target = step.target { text += " <\(target)>" }
    return text
  }

  /// What an executed instruction does against speculation, whatever the kernel calls it: a barrier, a clearing of buffers or predictors,
  /// a write of IA32_SPEC_CTRL with IBRS (bit 0) set or clear. SDM vol. 2, "LFENCE" and "VERR/VERW"; vol. 4, "IA32_SPEC_CTRL",
  /// "IA32_PRED_CMD", "IA32_FLUSH_CMD".
  private static func guardLetter(_ step: TraceStep) -> Character {
    guard step.executed, let instruction = step.instruction else { return " " }
    if instruction.hasPrefix("lfence") { return "l" }
    if instruction.hasPrefix("verw") { return "v" }
    guard instruction.hasPrefix("wrmsr"), let registers = step.registers else { return " " }
    switch registers[1].value & 0xFFFF_FFFF {
    case 0x48: return registers[0].value & 1 == 1 ? "I" : "i"
    case 0x49: return "p"
    case 0x10B: return "f"
    default: return " "
    }
  }

  private static func bits(_ step: TraceStep) -> Int {
    func owner(_ owner: Owner) -> Int {
      switch owner {
      case .kernel: 0
      case .user: 1
      case .none: 2
      case .shared: 3
      }
    }
    let world = (step.isKernel ? 2 : 0) | (step.mode == .hypervisor ? 512 : 0)
    let flags = (step.interruptsEnabled ? 1 : 0) | (step.executed ? 4 : 0) | world
    return flags | owner(step.rspOwner) << 3 | owner(step.gsOwner) << 5 | owner(step.pageTables) << 7
  }

  private static func accesses(_ step: TraceStep) -> String {
    array(
      (step.accesses ?? []).flatMap { access in
        [
          access.kind == .write ? "1" : "0", digits(access.location.address), "\(access.size)",
          digits(access.value.value),
        ]
      })
  }

  private static func delivery(_ delivery: TraceDelivery, at step: Int) -> String {
    var names = delivery.errorCode == nil ? TraceReport.frameWords : ["error code"] + TraceReport.frameWords
    if delivery.bounce != nil { names = TraceReport.bounceWords + names }
    let title = delivery.bounce ?? TraceReport.title(ofVector: delivery.vector ?? 0)
    let stack = delivery.interruptStack == 0 ? "" : " on IST \(delivery.interruptStack)"
    let words = delivery.words.indices.map { $0 < names.count ? names[$0] : "" }
    return object([
      ("step", "\(step)"), ("title", quoted(title + stack)), ("injected", "\(delivery.injected)"),
      ("frame", digits(delivery.frame.value)), ("words", array(words.map { quoted($0) })),
    ])
  }

  private static func end(_ record: TraceRecord) -> String {
    let detail = record.end.detail ?? ""
    return switch record.end.kind {
    case .user: ""
    case .bound: "the run goes on behind what is shown: \(detail)"
    case .dead: "the machine dies at the end: \(detail)"
    case .unsupported: "the run ends in what Limen does not support: \(detail)"
    }
  }

  // MARK: JSON (RFC 8259)

  private static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
  }

  private static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

  private static func digits(_ value: UInt64) -> String { "\"" + String(value, radix: 16) + "\"" }

  /// Control characters are gone behind `printable`; `<` would end the element that the text stands in.
  private static func quoted(_ text: String) -> String { quoted(text, limit: 512) }

  private static func quoted(_ text: String, limit: Int) -> String {
    var result = "\""
    for scalar in printable(text, limit: limit).unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "<": result += "\\u003c"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
