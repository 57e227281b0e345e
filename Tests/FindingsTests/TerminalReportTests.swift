import Findings
import Reports
import Testing

/// Goal: the report for eyes says each thing once, in objtool's shape, and nothing a kernel image holds can drive the
/// terminal.
@Suite struct TerminalReportTests {
  @Test func matchesTheGoldenText() throws {
    try Golden.check(TerminalReport().text(of: Sample.report), "check.txt")
    try Golden.check(TerminalReport().text(of: Sample.collection), "checks.txt")
    try Golden.check(TerminalReport(colour: true).text(of: Sample.report), "check-colour.txt")
    try Golden.check(TerminalReport().text(of: Sample.held), "check-held.txt")
    try Golden.check(InvariantPage.text(of: Sample.invariant), "invariant.txt")
  }

  @Test func aFindingIsOneLineOfObjtoolsShape() {
    let lines = TerminalReport().text(of: Sample.report).split(separator: "\n")
    #expect(
      lines.contains(
        "vmlinuz-6.1.0-55-cloud-amd64: entry_SYSCALL_64()+0x9: NMI here pushes its frame at the user's RSP [rsp-owned]")
    )
    #expect(lines.contains("  replay     limen replay limen-witnesses/sample.json"))
  }

  @Test func colourIsOnlyColour() {
    let coloured = TerminalReport(colour: true).text(of: Sample.report)
    #expect(coloured.contains("\u{1B}["))
    #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == TerminalReport().text(of: Sample.report))
    #expect(!TerminalReport().text(of: Sample.report).contains("\u{1B}"))
  }

  /// A table that does not fit is no table: each window has lines of its own, and says the same.
  @Test func theWindowMapFitsTheTerminal() {
    let wide = TerminalReport().text(of: Sample.report)
    #expect(TerminalReport(columns: 300).text(of: Sample.report) == wide)
    for columns in [60, 80, 100] {
      let text = TerminalReport(columns: columns).text(of: Sample.report)
      #expect(!text.contains("window  way"))
      let lines = text.split(separator: "\n").map(String.init)
      let map = lines.filter { $0.hasPrefix("  rsp ") || $0.hasPrefix("  gs ") || $0.hasPrefix("    ") }
      #expect(map.allSatisfy { $0.count <= columns })
      let words = text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
      #expect(
        words.contains("rsp in, 5 boundaries: entry_SYSCALL_64 to entry_SYSCALL_64+0x1c NMI HARMFUL, interrupt masked"))
      #expect(words.contains("gs out, 1 boundary: entry_SYSRETQ_unsafe_stack+0x140 NMI recovered"))
    }
  }

  @Test func aReleaseIsSaidWhereTheNameDoesNotSayIt() {
    func head(_ name: String, _ release: String?) -> String {
      TerminalReport().head(KernelIdentity(name: name, sha256: "0", release: release), ablations: [])
    }
    #expect(head("vmlinuz", "7.3.4-cloud-amd64").hasPrefix("vmlinuz (Linux 7.3.4-cloud-amd64): sha256 0,"))
    #expect(head("vmlinuz-6.1.0-9", "6.1.0-9").hasPrefix("vmlinuz-6.1.0-9: sha256 0,"))
    #expect(head("design:complete", nil).hasPrefix("design:complete: sha256 0,"))
  }

  @Test func nothingCheckedIsSaid() {
    let text = TerminalReport().text(of: CheckReport(kernel: Sample.kernel, sections: []))
    #expect(text.hasSuffix("\nnothing was checked\n"))
  }

  @Test func hostileNamesStayText() {
    let evil = "x\u{1B}]0;owned\u{7}\nkernel: fine"
    let place = Location(address: 1, symbol: evil, offset: 2)
    let finding = Finding(
      invariant: InvariantName(rawValue: evil), message: evil, location: place,
      origin: Origin(location: place, explanation: evil),
      path: Path([PathStep(boundary: 0, location: place, event: .nmi)]), replay: evil,
      registers: [RegisterValue(evil, 1)])
    let section = CheckSection(
      platform: .bareMetal, profile: .intel, crossing: .nmi, posture: PostureName(rawValue: evil),
      verdict: .unsupported(what: evil, where: evil), boundaries: 1,
      invariants: [InvariantVerdict(invariant: InvariantName(rawValue: evil), verdict: .internalError(message: evil))],
      windows: [
        Window(
          kind: .rsp, crossing: .nmi, direction: .entry, start: 0, first: place, last: place, boundaries: 1,
          events: [WindowEvent(.nmi, .harmful, boundaries: 1, detail: evil)])
      ], findings: [finding])
    let text = TerminalReport().text(
      of: CheckReport(
        kernel: KernelIdentity(name: evil, sha256: evil), ablations: [AblationName(rawValue: evil)], sections: [section]
      ))
    #expect(!text.contains("\u{1B}") && !text.contains("\u{7}"))
    #expect(!text.contains("\nkernel: fine"))
  }
}
