/// Goal: two reports differ in what differs, and in nothing else. The expectations are worked out by hand.
import Findings
import Reports
import Testing

@Suite struct ReportChangesTests {
  private static func report(_ change: (inout CheckSection) -> Void = { _ in }) -> CheckReport {
    var section = Sample.violated
    change(&section)
    return CheckReport(kernel: Sample.kernel, sections: [section])
  }

  @Test func equalReportsAreAlike() {
    let changes = ReportChanges(from: [Self.report()], to: [Self.report()])
    #expect(changes.sections.isEmpty && changes.alike == 1 && changes.exitStatus == .allHeld)
  }

  /// Another address of the same place is no difference.
  @Test func anAddressIsNoPlace() {
    let moved = Self.report { section in
      for index in section.findings.indices where section.findings[index].location.symbol != nil {
        section.findings[index].location.address += 0x1000
        for step in section.findings[index].path.steps.indices
        where section.findings[index].path.steps[step].location.symbol != nil {
          section.findings[index].path.steps[step].location.address += 0x1000
        }
      }
    }
    #expect(ReportChanges(from: [Self.report()], to: [moved]).sections.isEmpty)
  }

  /// The probe may be another, and its code lie elsewhere.
  @Test func userCodeIsNoPlaceOfTheKernels() {
    func report(_ address: UInt64) -> CheckReport {
      Self.report { $0.findings[0].location = Location(address: address) }
    }
    #expect(ReportChanges(from: [report(0x1000_1D5D)], to: [report(0x1000_2000)]).sections.isEmpty)
    #expect(
      ReportChanges(from: [report(0xFFFF_8000_0000_0000)], to: [report(0xFFFF_8000_0000_1000)]).count(.moved) == 1)
  }

  @Test func aPlaceThatMovesIsNotNew() {
    let moved = Self.report { section in
      let index = section.findings.firstIndex { $0.location.symbol != nil }!
      section.findings[index].location.offset += 4
    }
    let changes = ReportChanges(from: [Self.report()], to: [moved])
    #expect(changes.count(.moved) == 1 && changes.count(.new) == 0 && changes.exitStatus == .allHeld)
    let text = ChangesReport().text(of: changes)
    #expect(text.contains("  moved: entry_SYSCALL_64()+0xd: ") && text.contains("    was at entry_SYSCALL_64()+0x9\n"))
  }

  @Test func whatIsGoneAndWhatIsNotAnswered() {
    let held = Self.report { section in
      section.findings = []
      section.verdict = .held
    }
    let gone = ReportChanges(from: [Self.report()], to: [held])
    #expect(gone.count(.gone) == Sample.violated.findings.count && gone.exitStatus == .allHeld)
    let back = ReportChanges(from: [held], to: [Self.report()])
    #expect(back.count(.new) == Sample.violated.findings.count && back.exitStatus == .violation)
    let open = Self.report { section in
      section.findings = []
      section.verdict = .inconclusive(bound: "b")
    }
    let lost = ReportChanges(from: [Self.report()], to: [open])
    #expect(lost.count(.unanswered) == Sample.violated.findings.count && lost.exitStatus == .inconclusive)
    let nothing = ReportChanges(from: [Self.report()], to: [CheckReport(kernel: Sample.kernel, sections: [])])
    #expect(nothing.exitStatus == .inconclusive && nothing.sections[0].newVerdict == nil)
  }

  @Test func costsAreCompared() {
    let dearer = Self.report { section in
      section.baseline!.instructions += 3
      section.boundaries += 3
      section.windows.removeFirst()
    }
    let changes = ReportChanges(from: [Self.report()], to: [dearer])
    #expect(
      changes.sections[0].counts.map { "\($0.name) \($0.old) \($0.new)" } == [
        "instructions 431 434", "boundaries 413 416", "rsp window in 5 0",
      ])
    #expect(changes.exitStatus == .allHeld)
    #expect(ChangesReport().text(of: changes).contains("  instructions: 431 -> 434\n"))
  }

  @Test func hostileNamesStayText() {
    let evil = "x\u{1B}[31m\ny"
    let other = CheckReport(
      kernel: KernelIdentity(name: evil, sha256: evil),
      sections: [
        CheckSection(
          platform: .xenPV, profile: .amd, crossing: .nmi, posture: PostureName(rawValue: evil), verdict: .violated,
          findings: [
            Finding(
              invariant: InvariantName(rawValue: evil), message: evil,
              location: Location(address: 1, symbol: evil, offset: 1), path: Path(), replay: evil)
          ])
      ])
    let text = ChangesReport().text(of: ReportChanges(from: [Self.report()], to: [other]))
    #expect(!text.contains("\u{1B}") && !text.contains("\ny"))
  }

  // MARK: What is known

  @Test func theKnownIsForgiven() throws {
    let report = Self.report()
    let known = KnownFindings(of: [report])
    #expect(known.entries.count == 1)
    #expect(try KnownFindings(reading: Array(known.text.utf8)) == known)
    let marked = known.marking(report)
    #expect(marked.verdict == .violated)
    #expect(marked.sections[0].findings.map(\.known) == [true, false])
    // Another's violation stays: the sample has one more invariant that is broken, or none.
    #expect(
      marked.newVerdict
        == Verdict.combining(report.sections[0].invariants.map { $0.invariant == "rsp-owned" ? .held : $0.verdict }))
    #expect(known.stale(after: [report]).isEmpty)
    let without = CheckReport(kernel: Sample.kernel, ablations: ["nmi-without-ist"], sections: report.sections)
    #expect(known.marking(without).sections[0].findings.allSatisfy { $0.known == false })
    #expect(known.stale(after: [without]).isEmpty, "another question")
    #expect(KnownFindings(of: [without]).marking(without).sections[0].findings[0].known == true)
  }

  @Test func aDesignIsKnownByItsName() {
    func report(_ name: String) -> CheckReport {
      CheckReport(kernel: KernelIdentity(name: name, sha256: "0"), sections: Self.report().sections)
    }
    let known = KnownFindings(of: [report("design:a")])
    #expect(known.marking(report("design:a")).sections[0].findings[0].known == true)
    #expect(known.marking(report("design:b")).sections[0].findings[0].known == false)
    let files = KnownFindings(of: [report("vmlinuz-1")])
    #expect(files.marking(report("vmlinuz-2")).sections[0].findings[0].known == true)
  }

  @Test func theFormatsSayWhatIsKnown() {
    let known = KnownFindings(of: [Self.report()])
    let marked = known.marking(Self.report())
    #expect(Reporter().text(of: .check([marked]), as: .sarif).contains("\"baselineState\" : \"unchanged\""))
    #expect(!Reporter().text(of: .check([Self.report()]), as: .sarif).contains("baselineState"))
    #expect(Reporter().text(of: .check([marked]), as: .ktap).contains("rsp-owned # XFAIL known"))
    #expect(Reporter().text(of: .check([marked]), as: .junit).contains("<skipped message=\"known: "))
    #expect(Reporter().text(of: .check([marked]), as: .terminal).contains("[rsp-owned, known]"))
    #expect(Reporter().text(of: .check([marked]), as: .markdown).contains("(known)"))
  }
}
