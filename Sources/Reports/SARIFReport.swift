import Findings

/// The report for code scanning: SARIF 2.1.0 (OASIS). A run for each kernel; its rules are the invariants' own declarations, a finding's path is its
/// code flow, and its fingerprint has no address in it. What was not answered is a notification of the invocation.
///
/// Of what a guest sees on a model of its hypervisor each difference is a result. A trace is one result, whose code flow is the run; it informs
/// (`kind`) unless the run is the machine's end. Of the thread each question is a rule, and its answer a result that informs.
enum SARIFReport {
  /// - Parameter invariants: the rules, whether or not anything broke them.
  static func text(of document: Document, invariants: [InvariantDescription]) -> String {
    let runs =
      switch document {
      case .check(let reports, _): reports.map { SARIFLog.Run($0, invariants) }
      case .diff(let report, let reports, _):
        reports.map { SARIFLog.Run($0, invariants) } + (report.agreements ?? []).map { SARIFLog.Run($0, report.limen) }
      case .thread(let report): [SARIFLog.Run(report)]
      case .trace(let record, _): [SARIFLog.Run(record)]
      }
    return documentText(SARIFLog(runs: runs))
  }
}

// MARK: A check

extension SARIFLog.Run {
  fileprivate init(_ report: CheckReport, _ invariants: [InvariantDescription]) {
    // A report may be of another Limen, and name what this one does not have.
    let names = Set(report.sections.flatMap(\.findings).map(\.invariant)).subtracting(invariants.map(\.identifier))
    let rules = invariants.map { SARIFLog.Rule($0) } + names.sorted().map { SARIFLog.Rule($0) }
    let notifications = report.sections.flatMap { section in
      section.answers.compactMap { SARIFLog.Invocation.Notification(section.place + [$0.name], $0.verdict) }
    }
    self.init(
      tool: .init(driver: .init(version: report.limen, rules: rules)),
      invocations: [.init(report.exitStatus, notifications)], artifacts: [.init(report.kernel)],
      results: report.sections.flatMap { section in
        section.findings.map { finding in
          SARIFLog.Result(
            finding, section, report.kernel, rule: rules.firstIndex { $0.id == finding.invariant.rawValue }!)
        }
      })
  }
}

extension SARIFLog.Result {
  fileprivate init(_ finding: Finding, _ section: CheckSection, _ kernel: KernelIdentity, rule: Int) {
    let steps = finding.path.steps.map { SARIFLog.Place($0.location, kernel, saying: $0.description) }
    self.init(
      ruleId: finding.invariant.rawValue, ruleIndex: rule,
      level: finding.severity == .violation ? "error" : "note",
      baselineState: finding.known.map { $0 ? "unchanged" : "new" },
      message: .init(text: printable("\(finding.location.functionForm): \(finding.message)")),
      locations: [.init(finding.location, kernel)],
      relatedLocations: finding.origin.map { [.init($0.location, kernel, id: 1, saying: $0.explanation)] },
      codeFlows: [.init(steps + [.init(finding.location, kernel, saying: finding.message)])],
      partialFingerprints: ["limenFinding/v1": printable(section.fingerprint(of: finding), limit: 4096)],
      properties: [
        "platform": section.platform.rawValue, "profile": section.profile.rawValue,
        "crossing": section.crossing.rawValue, "posture": section.posture.rawValue,
        "path": printable(finding.path.description, limit: 4096), "replay": printable(finding.replay, limit: 4096),
      ])
  }
}

// MARK: An agreement

extension SARIFLog.Run {
  fileprivate init(_ agreement: Agreement, _ limen: String) {
    let claim = "The guest sees on the model of its hypervisor what it sees on the hypervisor."
    let rule = SARIFLog.Rule("agreement", short: claim, full: claim, help: "See: Documentation/RealXen.md.")
    let place = [agreement.profile.rawValue, agreement.crossing.rawValue, agreement.posture.rawValue]
    self.init(
      tool: .init(driver: .init(version: limen, rules: [rule])),
      invocations: [
        .init(
          ExitStatus(agreement.verdict),
          [SARIFLog.Invocation.Notification(["xen-pv and xen"] + place, agreement.verdict)].compactMap { $0 })
      ],
      artifacts: [.init(agreement.kernel)],
      results: agreement.differences.map { one in
        let event = one.event.map { [$0.event.rawValue] } ?? []
        let fingerprint = (place + [one.what, one.from.description] + event).joined(separator: " ")
        let there = SARIFLog.Place(one.from, agreement.kernel, saying: one.sentence)
        let flow = one.event.map { step in
          SARIFLog.CodeFlow([SARIFLog.Place(step.location, agreement.kernel, saying: step.description), there])
        }
        return SARIFLog.Result(
          ruleId: rule.id, ruleIndex: 0, level: "error", message: .init(text: printable(one.sentence, limit: 4096)),
          locations: [.init(one.from, agreement.kernel)],
          codeFlows: flow.map { [$0] },
          partialFingerprints: ["limenAgreement/v1": printable(fingerprint, limit: 4096)],
          properties: ["profile": place[0], "crossing": place[1], "posture": place[2]])
      })
  }
}

// MARK: The thread

extension SARIFLog.Run {
  fileprivate init(_ report: ThreadReport) {
    let rules = report.answers.map { answer in
      SARIFLog.Rule(
        Self.identifier(answer.title), short: answer.title, full: answer.words.isEmpty ? answer.title : answer.words,
        help: answer.commands.joined(separator: "; "), level: "none")
    }
    self.init(
      tool: .init(driver: .init(version: report.limen, rules: rules)),
      invocations: [
        .init(report.exitStatus, report.answers.compactMap { .init([$0.title], $0.verdict) })
      ],
      results: zip(rules, report.answers).enumerated().map { index, pair in
        let (rule, answer) = pair
        return SARIFLog.Result(
          ruleId: rule.id, ruleIndex: index, kind: answer.outcome == .open ? "open" : "informational", level: "none",
          message: .init(text: printable("\(answer.outcome.rawValue): \(answer.answer)", limit: 4096)), locations: [],
          partialFingerprints: ["limenThread/v1": rule.id],
          properties: ["outcome": answer.outcome.rawValue])
      })
  }

  /// A title's letters and digits, with hyphens between its words.
  private static func identifier(_ title: String) -> String {
    "thread/" + title.lowercased().split { !($0.isLetter || $0.isNumber) }.joined(separator: "-")
  }
}

// MARK: A trace

extension SARIFLog.Run {
  fileprivate init(_ record: TraceRecord) {
    let verdict = record.runVerdict
    let claim = "The run comes back to user mode."
    let rule = SARIFLog.Rule("run", short: claim, full: claim, help: "Its code flow is the run, boundary by boundary.")
    var notifications = [SARIFLog.Invocation.Notification(record.place + ["run"], verdict)]
    for event in record.injections {
      notifications.append(.init(record.place + ["\(event.event.title) at boundary \(event.boundary)"], event.verdict))
    }
    let places = record.steps.map { step in
      SARIFLog.Place(step.location, record.kernel, saying: "boundary \(step.boundary): \(Self.happening(step))")
    }
    let events = record.injections.map { "\($0.boundary):\($0.event.rawValue)" }
    let fingerprint = (record.place + events).map { printable($0) }.joined(separator: " ")
    let end = record.end.detail.map { "\(record.end.kind.rawValue): \($0)" } ?? record.end.kind.rawValue
    let text = "\(record.place.joined(separator: " ")), \(record.steps.count) boundaries, and then \(end)"
    let kind = verdict == .violated ? "fail" : verdict == .held ? "informational" : "open"
    let result = SARIFLog.Result(
      ruleId: rule.id, ruleIndex: 0, kind: kind,
      level: verdict == .violated ? "error" : "none", message: .init(text: printable(text)),
      locations: record.steps.last.map { [.init($0.location, record.kernel)] } ?? [],
      codeFlows: places.isEmpty ? nil : [.init(places)],
      partialFingerprints: ["limenTrace/v1": fingerprint],
      properties: [
        "platform": record.platform.rawValue, "profile": record.profile.rawValue,
        "crossing": record.crossing.rawValue, "posture": printable(record.posture.rawValue),
      ])
    self.init(
      tool: .init(driver: .init(version: record.limen, rules: [rule])),
      invocations: [.init(record.exitStatus, notifications.compactMap { $0 })], artifacts: [.init(record.kernel)],
      results: [result])
  }

  /// The instruction, or what came instead.
  private static func happening(_ step: TraceStep) -> String {
    let instruction = step.instruction ?? "cannot be read"
    let deliveries = ((step.outerDeliveries ?? []) + (step.delivery.map { [$0] } ?? [])).map(TraceReport.title(of:))
    let executed = step.executed ? [instruction] : deliveries.isEmpty ? ["(\(instruction))"] : []
    return (executed + deliveries).joined(separator: ", then ")
  }
}
