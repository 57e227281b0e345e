import Findings
import Foundation
import Testing

/// Goal: a kernel that cannot be started, does not come far or does wrong ends `limen` with the status that the README
/// names for it and one clear line; never with a crash, a hang or half a report.
@Suite struct BadInputTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: try TinyKernel(in: folder.url, named: "probe.elf").path, cache: folder.url.path + "/cache")
  }

  /// One line on standard error that says this, nothing on standard output, and this status.
  private func expectRefusal(
    _ ended: LimenProgram.Ended, _ status: Int32, _ text: String, location: SourceLocation = #_sourceLocation
  ) {
    #expect(!ended.bySignal && ended.status == status, "\(ended)", sourceLocation: location)
    #expect(ended.output.isEmpty, sourceLocation: location)
    #expect(ended.complaint.hasPrefix("limen: ") && ended.complaint.hasSuffix("\n"), sourceLocation: location)
    #expect(ended.complaint.filter(\.isNewline).count == 1, "\(ended.complaint)", sourceLocation: location)
    #expect(ended.complaint.contains(text), "\(ended.complaint)", sourceLocation: location)
  }

  // MARK: Files

  @Test func whatIsNoKernelIsTwo() throws {
    let kernel = try TinyKernel(in: folder.url)
    let bytes = try Data(contentsOf: kernel.url)
    let truncated = folder.url.appending(path: "truncated.elf")
    try bytes.prefix(bytes.count / 2).write(to: truncated)
    let loop = folder.url.appending(path: "loop").path
    try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
    for (path, text) in [
      (truncated.path, "outside the image"), (#filePath, "neither a bzImage nor an ELF file nor a flat image"),
      ("/", "not a regular file"), ("/dev/zero", "not a regular file"), ("/nonexistent", "No such file"),
      (kernel.path + "/within", "Not a directory"), (loop, "symbolic links"),
    ] {
      expectRefusal(try limen("check", path), 2, text)
      expectRefusal(try limen("check", path, "--platform", "xen-pv"), 2, text)
      expectRefusal(try limen("boot", path), 2, text)
      expectRefusal(try limen("trace", path, "--crossing", "syscall64"), 2, text)
      expectRefusal(try limen("diff", kernel.path, path), 2, text)
    }
  }

  /// A report whose sections all say this, nothing on standard error, and this status.
  private func expectSections(
    _ ended: LimenProgram.Ended, _ status: Int32, _ text: String, location: SourceLocation = #_sourceLocation
  ) {
    #expect(!ended.bySignal && ended.status == status, "\(ended)", sourceLocation: location)
    #expect(ended.complaint.isEmpty && ended.output.contains(text), "\(ended)", sourceLocation: location)
    #expect(ended.output.contains(" section"), "\(ended)", sourceLocation: location)
    #expect(!ended.output.contains(" held"), "\(ended)", sourceLocation: location)
  }

  /// A file of names that is nothing but separators is refused at its first line, in no more memory than it takes to read it.
  @Test(arguments: ["\n", " "]) func namesOfNothingButSeparatorsAreTwo(separator: String) throws {
    let kernel = try TinyKernel(in: folder.url)
    let names = folder.url.appending(path: "names")
    try Data(repeating: separator.utf8.first!, count: 64 << 20).write(to: names)
    let bounded = ["bash", "-c", "ulimit -v 3000000; exec \"$@\"", "--"]
    expectRefusal(
      try limen("trace", kernel.path, "--crossing", "syscall64", "--symbols", names.path, before: bounded), 2,
      "line 1 is not an address, a letter and a name")
  }

  @Test func whatLimenDoesNotStartIsThree() throws {
    let noNote = try TinyKernel(["NO_NOTE"], in: folder.url)
    expectSections(try limen("check", noNote.path), 3, "unsupported: the image has no PVH entry point")
    expectRefusal(try limen("boot", noNote.path), 3, "and no multiboot header")
    // Its notes say how to enter it on bare metal, and nothing to Xen.
    let xen = try TinyKernel(in: folder.url, named: "xen.elf")
    expectRefusal(
      try limen("boot", xen.path, "--platform", "xen-pv", "--memory", "16"), 3,
      "cannot be started on xen-pv: the notes name neither the generic loader nor Linux")
    // The other platform's answers are there all the same.
    let both = try limen(
      "check", xen.path, "--platform", "xen-pv,bare-metal", "--memory", "16", "--crossing", "syscall64", "--profile",
      "intel", "--event", "machine-check")
    #expect(both.status == 3 && both.complaint.isEmpty, "\(both)")
    #expect(both.output.contains("bare-metal intel syscall64 normal: held"))
    #expect(
      both.output.contains("xen-pv intel syscall64 normal: unsupported: cannot be started on xen-pv: the notes name"))
    // ELF-64 Object File Format, "e_ident": byte 4 is the class, and 1 is ELFCLASS32.
    var bytes = try Data(contentsOf: noNote.url)
    bytes[4] = 1
    let narrow = folder.url.appending(path: "narrow.elf")
    try bytes.write(to: narrow)
    expectRefusal(try limen("check", narrow.path), 3, "byte 0x12: unsupported: ELF machine 62, not 80386 (3)")
  }

  @Test func whatDoesNotFitIsTwo() throws {
    let kernel = try TinyKernel(in: folder.url)
    expectRefusal(try limen("check", kernel.path, "--memory", "1"), 2, "does not fit into 1048576 bytes of memory")
    let large = try limen("boot", kernel.path, "--memory", "4096")
    expectRefusal(large, 2, "\(kernel.path): memory of 4294967296 bytes is not supported")
    expectRefusal(large, 2, "(--memory takes a smaller number)")
    // The file and the remedy are named.
    for ended in [try limen("check", kernel.path, "--memory", "1"), try limen("boot", kernel.path, "--memory", "1")] {
      expectRefusal(ended, 2, "limen: \(kernel.path): a segment of ")
      expectRefusal(ended, 2, "--memory gives it more")
    }
    let initrd = folder.url.appending(path: "initrd")
    try #require(FileManager.default.createFile(atPath: initrd.path, contents: nil))
    try FileHandle(forWritingTo: initrd).truncate(atOffset: 32 << 20)
    expectRefusal(
      try limen("boot", kernel.path, "--memory", "16", "--initrd", initrd.path), 2,
      "the initrd of 33554432 bytes does not fit")
  }

  /// Every verb names the kernel, what of it does not fit, and the option; one that has no such option where the number is from.
  @Test func everyVerbSaysThatAKernelIsTooLarge() throws {
    let kernel = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url)
    let small = ["--memory", "1"]
    let crossing = ["--crossing", "syscall64"]
    for (arguments, subject, text) in [
      (["boot", kernel.path], kernel.path, "a segment of "),
      (["check", kernel.path], kernel.path, "a segment of "),
      (["trace", kernel.path] + crossing, kernel.path, "a segment of "),
      (["diff", kernel.path, kernel.path] + crossing, kernel.path, "a segment of "),
      (
        ["boot", "design:complete", "--platform", "xen-pv"], "design:complete", "do not fit into a domain of 256 pages"
      ),
      (
        ["check", "design:complete", "--platform", "xen-pv"], "design:complete", "do not fit into a domain of 256 pages"
      ),
      (
        ["trace", "design:complete", "--platform", "xen-pv"] + crossing, "design:complete",
        "do not fit into a domain of 256 pages"
      ),
      (["diff", "design:complete", "--platform", "xen-pv,bare-metal"], "design:complete", "not fit into "),
      (["thread"], "design:", "does not fit into 1048576 bytes of memory"),
    ] {
      let ended = try limen.start(arguments + small).ended()
      expectRefusal(ended, 2, "limen: \(subject)")
      expectRefusal(ended, 2, text)
      expectRefusal(ended, 2, "(--memory gives it more)")
    }
    let found = try limen(
      "check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--event", "nmi",
      "--witnesses", folder.url.path + "/witnesses")
    let line = try #require(found.output.split(separator: "\n").first { $0.hasPrefix("  replay ") })
    let witness = String(line.split(separator: " ").last!)
    let text = try String(contentsOfFile: witness, encoding: .utf8)
    try #require(text.contains("\"memory\" : 16"))
    try text.replacingOccurrences(of: "\"memory\" : 16", with: "\"memory\" : 1")
      .write(toFile: witness, atomically: true, encoding: .utf8)
    let replayed = try limen("replay", witness, "--kernel", kernel.path)
    expectRefusal(
      replayed, 2, "limen: \(witness): \(kernel.path) does not run in the 1 MiB of memory that the witness says")
    expectRefusal(replayed, 2, "a segment of ")
    expectRefusal(replayed, 2, "--memory of the check that writes a witness")
  }

  // MARK: Kernels that do not reach user mode

  @Test(arguments: [
    // Without a gate for #UD.
    ("ud2", 5, "the kernel did not reach the probe: it died at"),
    ("hlt", 5, "it halts and nothing can wake it"),
    ("1: jmp 1b", 5, "did not reach the probe within 20 million instructions"),
    // #UD whose handler is UD2, each time on the same interrupt stack: no instruction ever retires.
    ("GATE 6, bad_opcode, 1; ud2", 5, "did not reach the probe within 20 million instructions"),
    ("movl $0x400000, %eax; jmp *%rax", 3, "instructions outside RAM"),
  ])
  func kernelsThatDoNotComeFar(boot: String, status: Int, text: String) throws {
    let kernel = try TinyKernel(["BOOT=\(boot)"], in: folder.url)
    expectSections(try limen("check", kernel.path, "--profile", "intel", "--bound", "20"), Int32(status), text)
  }

  /// One of several kernels that does not come far takes nothing from the others.
  @Test func aBadKernelTakesNothingFromTheOthers() throws {
    let good = try TinyKernel(in: folder.url, named: "good.elf")
    let dead = try TinyKernel(["BOOT=ud2"], in: folder.url, named: "dead.elf")
    let noNote = try TinyKernel(["NO_NOTE"], in: folder.url, named: "note.elf")
    let question = [
      "--memory", "16", "--crossing", "syscall64", "--profile", "intel", "--event", "machine-check", "--platform",
      "bare-metal",
    ]
    let ended = try limen.start(["check", dead.path, noNote.path, good.path] + question).ended()
    #expect(ended.status == 3 && ended.complaint.isEmpty, "\(ended)")
    #expect(ended.output.contains("bare-metal intel syscall64 normal: held"))
    #expect(ended.output.contains("it died at") && ended.output.contains("no PVH entry point"))
    #expect(ended.output.contains("3 kernels:"))
    // What no section can tell is found before anything is explored.
    let tooSmall = try limen.start(["check", good.path, dead.path, "--memory", "1"]).ended()
    expectRefusal(tooSmall, 2, "does not fit into 1048576 bytes of memory")
  }

  // MARK: What is known when it has to end

  /// The first machine's section is printed before the second's boot, which never ends.
  @Test func sectionsAreWrittenAsTheyCome() throws {
    let good = try TinyKernel(in: folder.url, named: "good.elf")
    let spinning = try TinyKernel(["BOOT=1: jmp 1b"], in: folder.url, named: "spinning.elf")
    let question = [
      "check", good.path, spinning.path, "--memory", "16", "--crossing", "syscall64", "--profile", "intel",
      "--platform", "bare-metal", "--bound", "1000000",
    ]
    for (number, reason) in [(SIGINT, "interrupted (SIGINT)"), (SIGTERM, "ended (SIGTERM)")] {
      let running = try limen.start(question, before: ["env", "--default-signal=INT,TERM"])
      try running.signal(number, afterOutput: "1 section")
      let ended = try running.ended()
      #expect(!ended.bySignal && ended.status == 5, "\(ended)")
      #expect(ended.output.contains("intel syscall64 normal: held"))
      #expect(ended.output.contains("intel syscall64 normal: inconclusive: \(reason)"))
      #expect(ended.complaint == "limen: \(reason): the report holds what was done by then\n")
    }
  }

  /// Programs get a whole document, with every section in its place.
  @Test func theClockEndsACheckHonestly() throws {
    let good = try TinyKernel(in: folder.url, named: "good.elf")
    let spinning = try TinyKernel(["BOOT=1: jmp 1b"], in: folder.url, named: "spinning.elf")
    let ended = try limen(
      "check", good.path, spinning.path, "--memory", "16", "--crossing", "syscall64", "--crossing", "int80",
      "--profile",
      "intel", "--platform", "bare-metal", "--format", "json", "--timeout", "1s", "--bound", "1000000")
    #expect(!ended.bySignal && ended.status == 5, "\(ended)")
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    let reports = try #require(document["reports"] as? [[String: Any]])
    #expect(reports.map { ($0["sections"] as? [Any])?.count } == [2, 2])
    #expect(ended.output.contains("\"bound\" : \"--timeout 1s ran out\""))
    #expect(ended.complaint == "limen: --timeout 1s ran out: the report holds what was done by then\n")
    for wrong in ["", "0", "s", "1d", "-1s", "99999999999999999999"] {
      #expect(try limen("check", good.path, "--timeout", wrong).status == 2)
    }
  }

  /// A crossing that is long has many trials that are long. What is found before the bound counts, and nothing else is claimed.
  @Test func aSectionHasABound() throws {
    func kernel(_ definitions: [String], _ length: Int) throws -> String {
      try TinyKernel(
        definitions + ["CROSSING=movl $\(length), %ecx; 1: loop 1b"], in: folder.url,
        named: "long-\(definitions.count)-\(length).elf"
      ).path
    }
    func check(_ kernel: String, _ more: String...) throws -> LimenProgram.Ended {
      try limen.start(
        [
          "check", kernel, "--memory", "16", "--crossing", "syscall64", "--profile", "intel", "--event", "nmi",
          "--witnesses", folder.url.path + "/w",
        ] + more
      ).ended()
    }
    let sound = try kernel([], 100_000)
    let bounded = try check(sound, "--section-bound", "2")
    #expect(bounded.status == 5 && bounded.complaint.isEmpty, "\(bounded)")
    #expect(bounded.output.contains("normal: inconclusive: 2 million instructions were spent at boundary "))
    #expect(bounded.output.contains(" of 1000") && bounded.output.contains("rsp-owned: inconclusive"))
    #expect(try check(sound, "--section-bound", "2") == bounded)
    let broken = try check(try kernel(["ON_NMI=incq %rbx"], 100_000), "--section-bound", "2")
    #expect(broken.status == 1 && broken.output.contains("user-state-preserved: violated"), "\(broken)")
    #expect(broken.output.contains("rsp-owned: inconclusive: 2 million instructions"))
    // How far the clock lets it come depends on the host.
    let stopped = try check(try kernel(["ON_NMI=incq %rbx"], 600_000), "--timeout", "2s")
    #expect(
      [1, 5].contains(stopped.status) && stopped.output.contains("inconclusive: --timeout 2s ran out"), "\(stopped)")
  }

  /// Whatever the address space is limited to, the last line is clear, and there is no signal. (Swift's runtime says which allocation
  /// failed on a line before it.)
  @Test func memoryThatEndsIsNoCrash() throws {
    let kernel = try TinyKernel(in: folder.url)
    var seen: Set<Int32> = []
    for mebibytes in stride(from: 90, through: 450, by: 30) {
      let ended = try limen(
        "check", kernel.path, "--memory", "64", "--crossing", "syscall64", "--profile", "intel",
        before: ["bash", "-c", "ulimit -v \(mebibytes * 1024); exec \"$0\" \"$@\""])
      // Too little for the program's own libraries is no doing of Limen's.
      if ended.status == 127 && ended.output.isEmpty && !ended.complaint.contains("limen: ") { continue }
      seen.insert(ended.status)
      #expect(!ended.bySignal && [0, 2, 5].contains(ended.status), "\(mebibytes) MiB: \(ended)")
      let last = ended.complaint.split(separator: "\n").last ?? ""
      #expect(ended.status == 0 || last.hasPrefix("limen: ") && last.contains("the host"), "\(mebibytes) MiB: \(ended)")
    }
    #expect(seen.contains(5), "\(seen)")
  }

  // MARK: Witnesses that cannot be written

  @Test func aVerdictOutlivesItsWitnesses() throws {
    let kernel = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url)
    func check(_ witnesses: String) throws -> LimenProgram.Ended {
      try limen(
        "check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--event", "nmi",
        "--witnesses", witnesses)
    }
    let below = try check(kernel.path + "/below/a-file")
    #expect(below.status == 1 && below.output.contains("user-state-preserved: violated"), "\(below)")
    let lines = below.complaint.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasSuffix("Not a directory: no witness will be written"), "\(lines)")
    // Folders are made, and a shell takes the line back as it is.
    let folder = folder.url.path + "/two words/it's/deep"
    let deep = try check(folder)
    #expect(deep.status == 1 && deep.complaint.isEmpty, "\(deep)")
    let replay = try #require(deep.output.split(separator: "\n").first { $0.hasPrefix("  replay     limen replay ") })
    let word = String(replay.dropFirst("  replay     limen replay ".count))
    #expect(
      try run("bash", ["-c", "ls \(word)"]).output
        == "\(folder)/bare-metal_intel_syscall64_normal_user-state-preserved_0-nmi.json\n")
    // Nothing to write makes no folder.
    let sound = try TinyKernel(in: self.folder.url, named: "sound.elf")
    let none = self.folder.url.path + "/none"
    let held = try limen(
      "check", sound.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--witnesses", none)
    #expect(held.status == 0 && !FileManager.default.fileExists(atPath: none))
  }

  /// Whatever the bytes of a kernel are, Limen ends by itself with one of its statuses, and a report says no more than it may:
  /// 0 and 1 come with sections that ran, everything else with one line.
  @Test func bitFlippedKernels() throws {
    let bytes = [UInt8](try Data(contentsOf: try TinyKernel(in: folder.url).url))
    // The code, from the entry to the handlers, found by its MOV to CR3; flips in the rest of the file are `MutationTests`'.
    let place = try #require(bytes.firstIndex(ofSequence: [0x0F, 0x22, 0xD8]))
    let code = place - 55..<place + 350
    var generator = Mutator(seed: 0x4C69_6D65_6E42_4954)
    var seen: Set<Int32> = []
    for _ in 0..<32 {
      var damaged = bytes
      damaged[generator.place(in: code)] ^= 1 << UInt8(generator.place(in: 0..<8))
      let path = folder.url.appending(path: "flipped.elf")
      try Data(damaged).write(to: path)
      let ended = try limen(
        "check", path.path, "--profile", "intel", "--crossing", "syscall64", "--event", "nmi", "--memory", "16",
        "--bound", "2",
        "--witnesses", folder.url.path + "/flipped")
      seen.insert(ended.status)
      #expect(!ended.bySignal && (0...5).contains(ended.status), "\(ended)")
      if ended.complaint.isEmpty {
        #expect(ended.output.contains("1 section:"), "\(ended)")
      } else {
        #expect(ended.output.isEmpty && ended.complaint.filter(\.isNewline).count == 1, "\(ended)")
      }
    }
    // Some do no harm, some are seen to do some, some do not come so far.
    #expect(seen.count >= 3 && seen.contains(0), "\(seen)")
  }

  // MARK: Kernels that do wrong in the crossing

  @Test(arguments: [
    (nil, 0, "held"),
    ("CROSSING=ud2", 1, "the processor shut down (triple fault) [no-kernel-death]"),
    ("CROSSING=hlt", 1, "it halts and nothing can wake it [no-kernel-death]"),
    ("ON_NMI=incq %rbx", 1, "[user-state-preserved]"),
    ("CROSSING=movl $0x400000, %eax; jmp *%rax", 3, "instructions outside RAM"),
  ])
  func kernelsThatDoWrong(definition: String?, status: Int, text: String) throws {
    let kernel = try TinyKernel(definition.map { [$0] } ?? [], in: folder.url)
    let witnesses = folder.url.appending(path: "witnesses").path
    let ended = try limen(
      "check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--witnesses", witnesses)
    #expect(!ended.bySignal && ended.status == Int32(status) && ended.complaint.isEmpty, "\(ended)")
    #expect(ended.output.contains(text), "\(ended.output)")
  }

  /// A trace with a guard taken away shows what the guard was for.
  @Test func aTraceWithoutAGuard() throws {
    let kernel = try TinyKernel(in: folder.url).path
    func trace(_ ablation: String...) throws -> LimenProgram.Ended {
      try limen.start(
        ["trace", kernel, "--crossing", "syscall64", "--memory", "16", "--inject", "1:nmi"] + ablation
      ).ended()
    }
    #expect(try trace().status == 0)
    let ablated = try trace("--ablate", "nmi-gate-absent")
    #expect(ablated.status == 1 && ablated.output.contains(", without nmi-gate-absent, NMI at boundary 1\n"))
    #expect(ablated.output.contains("triple fault"))
    expectRefusal(try trace("--ablate", "nonsense"), 2, "'nonsense' is not known")
    expectRefusal(try trace("--ablate", "frame-at-user-rsp"), 4, "bare-metal has none of the guards")
  }

  @Test func whatTheProbeCannotDoIsFour() throws {
    let kernel = try TinyKernel(in: folder.url)
    let ended = try limen("check", kernel.path, "--profile", "intel", "--crossing", "int80", "--memory", "16")
    #expect(ended.status == 4 && ended.complaint.isEmpty)
  }

  /// It names a crossing, and has no such place.
  @Test func aProbeWithoutASymbolIsTwo() throws {
    let name = "int80"
    let probe = try TinyKernel(["CROSSED_AS=\"\(name)\""], in: folder.url, named: "other.elf")
    let limen = LimenProgram(probe: probe.path, cache: folder.url.path + "/cache")
    expectRefusal(
      try limen("check", probe.path, "--profile", "intel", "--crossing", name, "--memory", "16"), 2,
      "the probe has no symbol limen_crossing_int80")
  }

  /// Another platform's, so nothing was tried that could have held.
  @Test func anEventOfAnotherPlatformIsFour() throws {
    let kernel = try TinyKernel(in: folder.url)
    let ended = try limen(
      "check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16",
      "--event", "event-upcall")
    #expect(ended.status == 4 && ended.output.contains("none of the events exists"), "\(ended)")
  }

  /// An honest host never does it, so that a list that names it is a mistake.
  @Test func whatAMaliciousHostDoesIsAskedForAsSuch() throws {
    let kernel = try TinyKernel(in: folder.url)
    // On bare metal there is no failsafe callback.
    for event in EventKind.allCases where event.isFromHost && event != .hostFailsafe {
      let question = [
        "check", kernel.path, "--profile", "amd", "--crossing", "syscall64", "--memory", "16", "--event",
        "nmi,\(event.rawValue)",
      ]
      expectRefusal(try limen.start(question).ended(), 2, "'\(event.rawValue)' comes from a malicious host alone")
      let asked = try limen.start(question + ["--host", "malicious", "--format", "json"]).ended()
      #expect(asked.output.contains("\"event\" : \"\(event.rawValue)\""), "\(asked)")
      let all = try limen.start(question.dropLast() + ["all", "--format", "json"]).ended()
      #expect(!all.output.contains(event.rawValue), "\(all)")
    }
  }

  // MARK: Guards that cannot be taken away

  /// A kernel without the guard is the kernel as it is, and says nothing of what the guard is for.
  @Test(arguments: [
    ("nmi-without-ist", "BOOT=movb $0, gates + 16 * 2 + 4", Int32(4), "the gate uses no interrupt stack"),
    ("nmi-gate-absent", "BOOT=movb $0x0e, gates + 16 * 2 + 5", 4, "the NMI gate is not present"),
    ("if-not-masked-at-syscall", "MASK=0x47500", 4, "IA32_FMASK does not clear IF"),
    ("swapgs-skipped-at-entry", "", 4, "nothing of the kind was met"),
    ("swapgs-skipped-at-exit", "", 4, "nothing of the kind was met"),
    ("user-cr3-kept-at-entry", "", 4, "nothing of the kind was met"),
    ("frame-slot-unwritten", "", 4, "nothing of the kind was met"),
    // It loads RSP with a constant.
    ("kernel-stack-pointer-user", "", 5, "took nothing away"),
    ("kernel-stack-short", "", 5, "took nothing away"),
  ])
  func anAblationThatTakesNothingAwayNeverHolds(ablation: String, definition: String, status: Int32, text: String)
    throws
  {
    let kernel = try TinyKernel(definition.isEmpty ? [] : [definition], in: folder.url)
    let ended = try limen(
      "check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--event",
      "debug-breakpoint", "--ablate", ablation)
    #expect(ended.status == status && ended.output.contains(text), "\(ended)")
  }

  /// Where the IDT lies is the guest's to choose. The event finds no gate, and a triple fault is the kernel's death.
  @Test func anIDTAcrossTheEndOfAllAddresses() throws {
    let kernel = try TinyKernel(["BOOT=pushq $-8; pushw $0xfff; lidt (%rsp); addq $10, %rsp"], in: folder.url)
    let ended = try limen(
      "check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--event", "nmi")
    #expect(ended.status == 1 && !ended.bySignal && ended.output.contains("[no-kernel-death]"), "\(ended)")
  }
}

extension [UInt8] {
  fileprivate func firstIndex(ofSequence wanted: [UInt8]) -> Int? {
    (0...count - wanted.count).first { self[$0..<$0 + wanted.count].elementsEqual(wanted) }
  }
}
