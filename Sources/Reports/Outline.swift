/// A document as programs that count test results read it: whose it is, the sections of that, and below each what was asked.
///
/// Of a check and of a diff each invariant is asked of each section; of a model of a hypervisor, whether it agrees with the hypervisor; of a
/// trace, whether the run came back and each event was taken; of the thread, whether each question is settled.
import Findings

struct Outline {
  struct Test {
    var name: String
    var verdict: Verdict
    /// It is violated by nothing but what the baseline knows.
    var isKnown = false
    /// What shows it: for each of the things to be shown its sentence, and more lines.
    var evidence: [[String]] = []
  }

  struct Section {
    var place: [String]
    var verdict: Verdict
    var isKnown = false
    var tests: [Test]
  }

  struct Subject {
    var name: String
    var verdict: Verdict
    var isKnown = false
    var sections: [Section]
  }

  var subjects: [Subject]

  init(_ document: Document) {
    switch document {
    case .check(let reports, _): subjects = reports.map(Subject.init)
    case .diff(let report, let reports, _): subjects = Self.subjects(report, reports)
    case .thread(let report): subjects = [Subject(report)]
    case .trace(let record, _): subjects = [Subject(record)]
    }
  }

  /// Each kernel with its sections, and with what a guest sees on it.
  private static func subjects(_ diff: DiffReport, _ reports: [CheckReport]) -> [Subject] {
    var subjects = reports.map(Subject.init)
    for agreement in diff.agreements ?? [] {
      let section = Section(agreement)
      if let index = reports.firstIndex(where: { $0.kernel == agreement.kernel })
        ?? subjects.indices.first(where: { $0 >= reports.count && subjects[$0].name == agreement.kernel.name })
      {
        subjects[index].sections.append(section)
        subjects[index].verdict = .combining([subjects[index].verdict, section.verdict])
        subjects[index].isKnown = subjects[index].isKnown && section.verdict != .violated
      } else {
        subjects.append(Subject(name: agreement.kernel.name, verdict: section.verdict, sections: [section]))
      }
    }
    return subjects
  }
}

// MARK: A check

extension Outline.Subject {
  init(_ report: CheckReport) {
    self.init(
      name: report.kernel.name, verdict: report.verdict, isKnown: report.newVerdict.kind != .violated,
      sections: report.sections.map(Outline.Section.init))
  }
}

extension Outline.Section {
  init(_ section: CheckSection) {
    self.init(
      place: section.place, verdict: section.verdict, isKnown: section.newVerdict.kind != .violated,
      tests: section.answers.map(Outline.Test.init))
  }
}

extension Outline.Test {
  init(_ answer: Answer) {
    self.init(
      name: answer.name, verdict: answer.verdict, isKnown: answer.isKnown,
      evidence: answer.findings.map { finding in
        ["\(finding.location.functionForm): \(finding.message)"] + finding.path.steps.map { "path: \($0)" }
          + ["replay: \(finding.replay)"]
      })
  }
}

// MARK: An agreement

extension Outline.Section {
  init(_ agreement: Agreement) {
    let test = Outline.Test(
      name: "agreement", verdict: agreement.verdict, evidence: agreement.differences.map { [$0.sentence] })
    self.init(
      place: ["xen-pv and xen", agreement.profile.rawValue, agreement.crossing.rawValue, agreement.posture.rawValue],
      verdict: agreement.verdict, tests: [test])
  }
}

extension AgreementDifference {
  /// What differs, behind which place and event.
  var sentence: String {
    let event = event.map { ", \($0.description)" } ?? ""
    return "\(what) is \(model) on xen-pv and \(original) on xen, behind \(from)\(event)"
      + (count > 1 ? ", \(count) times" : "")
  }
}

// MARK: The thread

extension Outline.Subject {
  init(_ report: ThreadReport) {
    let questions = report.answers.map { answer in
      Outline.Test(
        name: answer.title, verdict: answer.verdict,
        evidence: [["\(answer.outcome.rawValue): \(answer.answer)"] + answer.commands])
    }
    let costs = Outline.Test(
      name: "costs", verdict: report.costs.rows.isEmpty ? .notApplicable(reason: "nothing was counted") : .held,
      evidence: report.costs.rows.isEmpty ? [] : [[report.costs.caption] + report.costs.sentences])
    let tests = questions + [costs]
    let verdict = Verdict.combining(tests.map(\.verdict))
    self.init(
      name: "thread", verdict: verdict,
      sections: [Outline.Section(place: ["questions"], verdict: verdict, tests: tests)])
  }
}

extension ThreadAnswer {
  /// A question that is settled holds, whichever way.
  var verdict: Verdict { outcome == .open ? .inconclusive(bound: answer) : .held }
}

extension ThreadTable {
  /// A row in a line: `name, second column 2, third column 3`.
  var sentences: [String] {
    rows.map { row in
      ([row.first ?? ""] + zip(header, row).dropFirst().map { "\($0) \($1)" }).joined(separator: ", ")
    }
  }
}

// MARK: A trace

extension Outline.Subject {
  init(_ record: TraceRecord) {
    let run = Outline.Test(
      name: "run", verdict: record.runVerdict, evidence: record.end.detail.map { [[$0]] } ?? [])
    let events = record.injections.map {
      Outline.Test(name: "\($0.event.title) at boundary \($0.boundary)", verdict: $0.verdict)
    }
    let tests = [run] + events
    let verdict = Verdict.combining(tests.map(\.verdict))
    self.init(
      name: record.kernel.name, verdict: verdict,
      sections: [Outline.Section(place: record.place, verdict: verdict, tests: tests)])
  }
}

extension TraceRecord {
  var place: [String] { [platform.rawValue, profile.rawValue, crossing.rawValue, posture.rawValue] }

  /// Whether the run came back.
  var runVerdict: Verdict {
    let detail = end.detail ?? "nothing more is said"
    return switch end.kind {
    case .user: .held
    case .dead: .violated
    case .bound: .inconclusive(bound: detail)
    case .unsupported: .unsupported(what: detail, where: steps.last?.location.description ?? "the crossing")
    }
  }
}

extension TraceInjection {
  var verdict: Verdict {
    outcome == .taken ? .held : .notApplicable(reason: outcome.phrase)
  }
}

extension InjectionOutcome {
  var phrase: String {
    switch self {
    case .taken: "taken"
    case .masked: "masked"
    case .blocked: "blocked"
    case .noSource: "nothing can raise it"
    case .notReached: "not reached"
    }
  }
}
