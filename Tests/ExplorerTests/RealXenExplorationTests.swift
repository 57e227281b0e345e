/// Goal: `--platform xen` explores a crossing through the hypervisor's own bytes, from the user through Xen into the kernel and back, and
/// says of the reference kernel's designs what the model says: the finished one holds, that of 2015 is broken at the boundaries where RSP
/// is the user's. A witness replays. What is missing, or is no hypervisor, is refused in one line.
import Foundation
import KernelImage
import Testing

@Suite(.serialized) struct RealXenExplorationTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  /// Debian's 4.17.
  static let xen: String? = try? run("bash", [Probe.root.appendingPathComponent("Scripts/xen.sh").path]).output
    .trimmingCharacters(in: .whitespacesAndNewlines)

  /// The members of a report and of a trace that are asked for here.
  private struct Place: Decodable { var symbol: String? }
  private struct Report: Decodable {
    struct Section: Decodable {
      var crossing: String
      var verdict: Verdict
      var boundaries: Int
      var trials: [Trials]
      var windows: [Window]
      var findings: [Finding]
    }
    struct Verdict: Decodable { var kind: String }
    struct Trials: Decodable {
      var event: String
      var trials: Int
    }
    struct Window: Decodable {
      var kind: String
      var first: Place
      var boundaries: Int
      var events: [Arrival]
    }
    struct Arrival: Decodable { var arrival: String }
    struct Finding: Decodable {
      var invariant: String
      var message: String
    }
    var sections: [Section]
  }
  private struct Trace: Decodable {
    struct Step: Decodable {
      var mode: String
      var cr3: String
      var location: Place
    }
    var steps: [Step]
  }

  private func ask<Answer: Decodable>(_ words: [String], status: Int32, _ type: Answer.Type) throws -> Answer {
    let machine = ["--platform", "xen", "--hypervisor", try #require(Self.xen), "--format", "json"]
    let ended = try limen.start(words + machine).ended()
    // A boot that takes more than a minute says so.
    #expect(ended.status == status && !ended.bySignal, "\(ended.complaint)")
    return try JSONDecoder().decode(type, from: Data(ended.output.utf8))
  }

  @Test func theFinishedDesignHolds() throws {
    let witnesses = folder.url.appendingPathComponent("witnesses").path
    let report = try ask(
      [
        "check", "design:complete", "--profile", "intel", "--crossing", "syscall64,int80,nmi", "--witnesses", witnesses,
      ],
      status: 0, Report.self)
    #expect(report.sections.map(\.crossing) == ["syscall64", "int80", "nmi"])
    for section in report.sections {
      #expect(section.verdict.kind == "held" && section.findings.isEmpty)
      // What makes the guest's timer due lets the alarm run out that the probe has set for an NMI to come.
      let upcall = section.crossing == "nmi" ? [] : ["event-upcall"]
      #expect(
        section.trials.map(\.event)
          == ["nmi", "external-interrupt", "machine-check", "debug-breakpoint"] + upcall)
      // An NMI's handler in Xen leaves the kernel's part to an interrupt of its own, which belongs to the crossing.
      #expect(section.boundaries > 500)
    }

    // From the same boot: in through SYSCALL and IRET, back by a hypercall and IRET.
    let trace = try ask(
      ["trace", "design:complete", "--profile", "intel", "--crossing", "syscall64"], status: 0, Trace.self)
    // Xen lets its guest set no breakpoint in Xen's addresses.
    let breakpoints = report.sections[0].trials.first { $0.event == "debug-breakpoint" }
    #expect(breakpoints?.trials == trace.steps.count { $0.mode == "kernel" })
    var turns: [String] = []
    for step in trace.steps where step.mode != turns.last { turns.append(step.mode) }
    #expect(turns == ["user", "hypervisor", "kernel", "hypervisor", "user"])
    for symbol in ["lstar_enter", "toggle_guest_mode", "xen_syscall_target", "do_syscall_64"] {
      #expect(trace.steps.contains { $0.location.symbol == symbol }, "\(symbol)")
    }
  }

  /// Where the guest's timer has come, what it made due is done before user mode goes on; an interrupt of Xen's own makes nothing due.
  @Test func theAlarmsSignalIsNotLost() throws {
    let section = try #require(
      try ask(
        ["check", "design:complete", "--profile", "amd", "--crossing", "syscall64", "--posture", "alarm-due"],
        status: 0, Report.self
      ).sections.first)
    #expect(section.verdict.kind == "held" && section.trials.map(\.event) == ["event-upcall"])
  }

  /// Page-table isolation of Xen's own, which a part of Intel's without RDCL_NO gets where nobody turns it off: Xen copies the top table of
  /// the guest's kernel, or of its user, into one of its own before it returns there.
  @Test func theGuestsTablesMayBeCopies() throws {
    let words = [
      "--profile", "skylake", "--hypervisor-append", "xpti=yes", "--crossing", "syscall64", "--no-witnesses",
    ]
    let section = try #require(try ask(["check", "design:complete"] + words, status: 0, Report.self).sections.first)
    #expect(section.verdict.kind == "held")
    let trace = try ask(["trace", "design:complete"] + words.dropLast(), status: 0, Trace.self)
    func tables(_ mode: String) -> Set<Substring> {
      Set(trace.steps.filter { $0.mode == mode }.map { $0.cr3.dropLast(3) })
    }
    #expect(tables("user").count == 1 && tables("user") == tables("kernel"))
    #expect(tables("hypervisor").count == 3)
  }

  /// Xen pushes the frame of the NMI that it passes on where the kernel's RSP points: at the three boundaries on the way in before the
  /// kernel's stack is loaded, and at three on the way out, as in the model.
  @Test func theDesignOf2015IsBrokenWhereRSPIsTheUsers() throws {
    let witnesses = folder.url.appendingPathComponent("witnesses").path
    let report = try ask(
      [
        "check", "design:2015", "--profile", "amd", "--crossing", "syscall64", "--event", "nmi", "--witnesses",
        witnesses,
      ],
      status: 1, Report.self)
    let section = try #require(report.sections.first)
    #expect(section.verdict.kind == "violated")
    // Xen's frame on the user's stack, at these six; and the way back by SYSRET, whose RCX an NMI inside Xen finds lost.
    #expect(Set(section.findings.map(\.invariant)) == ["rsp-owned", "user-state-preserved"])
    let windows = section.windows.filter { window in
      window.kind == "rsp" && ["xen_syscall_target", "syscall_fast_return"].contains(window.first.symbol)
    }
    #expect(windows.map(\.boundaries) == [3, 3])
    #expect(windows.allSatisfy { $0.events.contains { $0.arrival == "harmful" } })

    let file = try #require(try FileManager.default.contentsOfDirectory(atPath: witnesses).sorted().first)
    let replayed = try limen.start(["replay", "\(witnesses)/\(file)"]).ended()
    #expect(replayed.status == 1 && replayed.output.contains("[rsp-owned]"), "\(replayed)")
  }

  /// Xen aligns the frame to 16 bytes below the kernel's RSP, whatever that is a multiple of.
  @Test func theFrameIsFoundBelowAnUnalignedRSP() throws {
    let design = Probe.root.appendingPathComponent("ReferenceKernel/Designs/2015")
    for name in try FileManager.default.contentsOfDirectory(atPath: design.path) {
      var text = try String(contentsOf: design.appendingPathComponent(name), encoding: .utf8)
      if name == "Hooks.h" {
        let load = "  movq 5*8(%rsp), %rsp\n"
        try #require(text.components(separatedBy: load).count == 2)
        text = text.replacingOccurrences(of: load, with: load + "  leaq -8(%rsp), %rsp\n  leaq 8(%rsp), %rsp\n")
      }
      try text.write(to: folder.url.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    let question = ["--profile", "amd", "--crossing", "syscall64", "--event", "nmi", "--no-witnesses"]
    let edited = folder.url.appendingPathComponent("Entry.S").path
    for (kernel, more) in [("design:2015", 5), (edited, 7)] {
      let report = try ask(["check", kernel] + question, status: 1, Report.self)
      let finding = report.sections.first?.findings.first { $0.invariant == "rsp-owned" }
      #expect(finding?.message.hasSuffix("(and at \(more) more boundaries)") == true, "\(String(describing: finding))")
    }
  }

  /// The finished design as domain 0 of the same bytes under QEMU, an outside witness: the probe says the same there, line by line.
  @Test func theProbeSaysWhatItSaysUnderQEMU() throws {
    let limen = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "limen").path
    let script = Probe.root.appendingPathComponent("Scripts/xen-boots.sh").path
    let lines = try run("env", ["LIMEN=\(limen)", "bash", script, "4.17", "amd", "complete"]).output
      .split(whereSeparator: \.isNewline)
    let row = try #require(lines.last).split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    try #require(lines.count == 3 && row.count == 7, "\(lines)")
    // What is not ok is Xen's own doing: #UD at the last bytes of user space (Documentation/StockKernels.md, "What the probe sees").
    #expect(row[..<6] == ["4.17", "amd", "complete", "199 of 200 ok", "199 of 200 ok", "0"])
  }

  /// What Xen owes its guest on a part of Intel's it does, at every boundary; a copy without its VERW is caught, also where it lacks but the
  /// one before SYSRET, by which this crossing enters the guest's kernel and not user mode.
  @Test func theGuardsAreXensOwn() throws {
    struct Report: Decodable {
      struct Section: Decodable {
        struct Invariant: Decodable {
          struct Verdict: Decodable { var kind: String }
          var invariant: String
          var verdict: Verdict
        }
        struct Finding: Decodable {
          struct Event: Decodable {}
          var invariant: String
          var path: [Event]
        }
        var invariants: [Invariant]
        var findings: [Finding]
        func kind(of name: String) -> String? { invariants.first { $0.invariant == name }?.verdict.kind }
      }
      var sections: [Section]
    }
    let question = ["check", "design:complete", "--profile", "skylake", "--crossing", "syscall64", "--no-witnesses"]
    let section = try #require(try ask(question, status: 0, Report.self).sections.first)
    #expect(section.kind(of: "branches-restricted") == "held" && section.kind(of: "buffers-cleared") == "held")
    // Nothing is said of what nobody asked.
    #expect(section.kind(of: "gates-closed") == nil && section.kind(of: "returns-untrained") == nil)

    let image = try [UInt8](Data(contentsOf: URL(filePath: try #require(Self.xen))))
    // VERW 0x54(%rsp), and a NOP of as many bytes.
    let (verw, nop): ([UInt8], [UInt8]) = ([0x0F, 0x00, 0x6C, 0x24, 0x54], [0x0F, 0x1F, 0x44, 0x00, 0x00])
    let places = image.indices.dropLast(verw.count - 1).filter { image[$0..<$0 + verw.count].elementsEqual(verw) }
    // Before SYSRET, before IRET, and elsewhere.
    try #require(places.count >= 2)
    for (name, missing) in [("none", places), ("no-first", [places[0]])] {
      var lacking = image
      for place in missing { lacking.replaceSubrange(place..<place + verw.count, with: nop) }
      let copy = folder.url.appendingPathComponent("xen-with-\(name)-verw")
      try Data(lacking).write(to: copy)
      let ended = try limen.start(
        question + ["--event", "nmi", "--platform", "xen", "--hypervisor", copy.path, "--format", "json"]
      ).ended()
      let without = try #require(try JSONDecoder().decode(Report.self, from: Data(ended.output.utf8)).sections.first)
      #expect(ended.status == 1, "\(ended.complaint)")
      // Without an event, too.
      #expect(without.findings.contains { $0.invariant == "buffers-cleared" && $0.path.isEmpty }, "\(name)")
    }
  }

  /// `Documentation/Findings/xen-bhi-dis-s-boot-cpu.md`: found in Debian's bytes, and gone from a copy whose default has the bit from the
  /// beginning. Xen tracks its own indirect branches on this part.
  @Test func theBootProcessorLacksBHIDisS() throws {
    let script = Probe.root.appendingPathComponent("Scripts/findings/xen-bhi-dis-s-boot-cpu.sh")
    let found = try run("env", ["LIMEN=\(LimenProgram.path)", "bash", script.path, "4.17"])
    #expect(
      found.output
        == "Xen 4.17: history-cleared violated; with BHI_DIS_S in default_xen_spec_ctrl from the beginning held\n")
  }

  /// The model and Xen itself, at each boundary of the guest: SYSCALL and INT 0x80 with every event that both have.
  @Test func theModelAgreesWithTheOriginal() throws {
    struct Report: Decodable {
      struct Agreement: Decodable {
        struct Verdict: Decodable { var kind: String }
        struct Trials: Decodable {
          var model: String
          var trials: Int
          var entries: Int
          var oneSided: Int
        }
        var crossing: String
        var verdict: Verdict
        var boundaries: Int
        var entries: Int
        var trials: [Trials]
      }
      var agreements: [Agreement]
    }
    let words = [
      "diff", "design:complete", "--platform", "xen-pv", "--only-agreement", "--profile", "amd", "--crossing",
      "syscall64,int80",
    ]
    let report = try ask(words, status: 0, Report.self)
    #expect(report.agreements.map(\.crossing) == ["syscall64", "int80"])
    for agreement in report.agreements {
      #expect(agreement.verdict.kind == "held")
      // Into the kernel, its calls of the hypervisor, and back to the user.
      #expect(agreement.entries >= 2 && agreement.boundaries > 50)
      #expect(agreement.trials.map(\.model) == ["nmi-callback", "event-upcall", "debug-breakpoint"])
      for trials in agreement.trials {
        #expect(trials.trials > agreement.boundaries / 2 && trials.entries >= 2 * trials.trials, "\(trials)")
      }
    }
  }

  // MARK: Refusals

  @Test(arguments: [
    ["check", "design:complete"], ["trace", "design:complete", "--crossing", "syscall64"], ["boot", "design:complete"],
  ]) func whatIsMissingIsSaid(words: [String]) throws {
    let ended = try limen.start(words + ["--platform", "xen"]).ended()
    #expect(ended.status == 2 && ended.complaint.split(separator: "\n").count == 1)
    #expect(ended.complaint.hasSuffix("platform xen runs a hypervisor's own bytes: --hypervisor names its image\n"))
  }

  /// A module that Xen refuses, and one that it starts and has to end: an image without Xen's notes, and one whose code is breakpoints.
  @Test func whatXenDoesNotTakeIsSaidInOneLine() throws {
    let image = try [UInt8](Data(contentsOf: URL(filePath: Design("complete").path)))
    var noNotes = image
    for at in noNotes.indices.dropLast(3) where noNotes[at..<at + 4].elementsEqual("Xen\0".utf8) {
      noNotes[at + 1] = 0x6F
    }
    var noCode = image
    let elf = try KernelImage(bytes: image, name: "complete").elf
    let text = try #require(elf?.section(named: ".text"))
    for at in Int(text.offset)..<Int(text.offset + text.size) { noCode[at] = 0xCC }
    for (bytes, reason) in [
      (noNotes, "the hypervisor died: Could not construct domain 0; before that it said: ERROR: Will only load images"),
      (noCode, "the hypervisor ended its domain: "),
    ] {
      let file = folder.url.appendingPathComponent("module.elf")
      try Data(bytes).write(to: file)
      let ended = try limen("boot", file.path, "--platform", "xen", "--hypervisor", try #require(Self.xen))
      #expect(ended.status == 1 && !ended.bySignal, "\(ended.complaint)")
      let lines = ended.complaint.split(separator: "\n")
      #expect(lines.count == 1 && lines[0].hasPrefix("limen: \(file.path): \(reason)"), "\(ended.complaint)")
    }
  }

  @Test func whatIsNoHypervisorIsRefused() throws {
    let design = try Design("complete").path
    let ended = try limen("boot", "design:complete", "--platform", "xen", "--hypervisor", design)
    #expect(ended.status == 3 && !ended.bySignal, "\(ended)")
    #expect(ended.complaint.contains("a hypervisor is started by multiboot"))
    let absent = try limen("boot", "design:complete", "--platform", "xen", "--hypervisor", "/nowhere/xen")
    #expect(absent.status == 2 && absent.complaint.contains("/nowhere/xen"))
  }
}
