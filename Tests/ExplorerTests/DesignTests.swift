/// Goal: a kernel can be named by its design or by an assembly file wherever a verb takes one, and whatever is wrong with the
/// file is said in a line that helps, with status 2, and without a trace in the temporary folder.
import Foundation
import Testing

@Suite struct DesignTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  static let designs = Probe.root.appendingPathComponent("ReferenceKernel/Designs")

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  /// A design of the project as one file: what it includes beside it is found in the build's folder.
  static func complete() throws -> String {
    try String(contentsOf: designs.appendingPathComponent("complete/Entry.S"), encoding: .utf8)
      .replacingOccurrences(of: "#include \"Compat.h\"", with: "#include \"designs/complete/Compat.h\"")
  }

  private func write(_ text: String, _ name: String = "my-entry.S") throws -> String {
    let url = folder.url.appendingPathComponent(name)
    try text.write(to: url, atomically: true, encoding: .utf8)
    return url.path
  }

  private func check(_ kernel: String, _ more: String...) throws -> LimenProgram.Ended {
    let witnesses = folder.url.appendingPathComponent("witnesses").path
    return try limen.start(["check", kernel, "--crossing", "syscall64", "--witnesses", witnesses] + more).ended()
  }

  // MARK: Names

  @Test func theListIsTheBuildsList() throws {
    let list = try String(contentsOf: Self.designs.appendingPathComponent("list"), encoding: .utf8)
    let names = list.split(separator: "\n").map { String($0.prefix { $0 != " " }) }
    let ended = try limen("list", "designs")
    #expect(ended.status == 0 && ended.output.split(separator: "\n").map(String.init) == names)
    #expect(names.contains("complete") && names.contains("enter-later:before-masked"))
  }

  /// Under Xen three boundaries in and three out run on the user's RSP; bare metal has stacks of its own for what arrives.
  @Test func theDesignOf2015FailsUnderXenAlone() throws {
    let native = try check("design:2015", "--platform", "bare-metal")
    #expect(native.status == 0)
    let xen = try check("design:2015", "--platform", "xen-pv", "--profile", "intel")
    #expect(xen.status == 1)
    let windows = xen.output.split(separator: "\n").filter { $0.hasPrefix("  rsp ") }
    #expect(windows.map { $0.split(separator: " ").prefix(3).joined(separator: " ") } == ["rsp in 3", "rsp out 3"])
    #expect(xen.output.contains("rsp-owned: violated") && xen.output.contains("HARMFUL"))
  }

  /// An upcall that falls due while it is masked waits for the iret, which with VGCF_in_syscall leaves the hypercall's RCX and R11 in the
  /// frame. Real Xen shows the same now and then: `FourPlacesTests.undisturbedXen`.
  @Test func anUpcallPendingAtIretGetsTheHypercallsRegisters() throws {
    for (design, status) in [("opportunistic-in-syscall", Int32(1)), ("exit-slow", 0), ("complete", 0)] {
      let ended = try check("design:\(design)", "--platform", "xen-pv", "--event", "event-upcall")
      #expect(ended.status == status)
      #expect(ended.output.contains("rcx is 0xffffffff8") == (status == 1))
      #expect(ended.output.contains("user-state-preserved: violated") == (status == 1))
    }
  }

  @Test func theCompleteDesignHoldsEverywhere() throws {
    let ended = try check(
      "design:complete", "--crossing", "syscall64,syscall32,sysenter", "--posture", "normal,rsp-zero,flags-all")
    #expect(ended.status == 0)
    #expect(!ended.output.contains("HARMFUL"))
  }

  @Test func aDesignWithCellsIsSeveralKernelsOrNone() throws {
    let cells = try check("design:enter-later", "--platform", "xen-pv", "--profile", "intel", "--format", "json")
    #expect(cells.status == 1)
    #expect(cells.output.contains("\"format\" : \"limen-checks\""))
    for cell in ["before-masked", "before-unmasked", "after-masked", "after-unmasked"] {
      #expect(cells.output.contains("\"name\" : \"design:enter-later:\(cell)\""))
    }
    let one = try limen("trace", "design:enter-later", "--crossing", "syscall64")
    #expect(one.status == 2 && one.complaint.contains("design:enter-later:after-masked"))
    let diff = try limen("diff", "design:exit-slow", "--platform", "xen-pv")
    #expect(diff.output.contains("design:exit-slow:at-sysret") && diff.output.contains("design:exit-slow:before-test"))
  }

  @Test(arguments: [
    ("design:frobnicate", "there is no such design (designs: 2015,"), ("design:2015:x", "has no cells"),
    ("design:enter-later:x", "cells: before-masked"), ("design:", "design:NAME"), ("design:../x", "design:NAME"),
    ("/nonexistent/my-entry.S", "No such file"), ("/tmp/.S", "No such file"),
  ])
  func wrongNamesAreTwoAndOneLine(name: String, complaint: String) throws {
    let ended = try check(name)
    #expect(ended.status == 2 && ended.output.isEmpty)
    #expect(ended.complaint.hasPrefix("limen: ") && ended.complaint.contains(complaint))
    #expect(ended.complaint.filter(\.isNewline).count == 1)
  }

  @Test func withoutTheBuildItSaysWhatToDo() throws {
    let ended = try limen("check", before: ["env", "LIMEN_REFERENCE=\(folder.url.path)"])
    #expect(ended.status == 2 && ended.complaint.contains("./dev build"))
  }

  // MARK: What nobody says

  /// Every crossing from `normal`; those that a design defines, and the way back from a signal, from every posture that the machine has.
  @Test func withoutOptionsItIsCheckedFromEveryPosture() throws {
    let ended = try limen(
      "check", "design:complete", "--platform", "bare-metal", "--profile", "intel", "--event", "nmi",
      "--witnesses", folder.url.path)
    let heads = ended.output.split(separator: "\n").filter { $0.hasPrefix("bare-metal intel ") }
    let answers = Set(heads.map { $0.dropFirst("bare-metal intel ".count) })
    for section in ["ud normal", "nmi normal", "int80 flags-ac", "syscall64 code-top", "sigreturn return-ss-bad"] {
      #expect(answers.contains("\(section): held"), "\(section)")
    }
    // Of a posture that was named nothing would be left out: this kernel has no LDT, and SYSCALL from 32-bit code is AMD's.
    #expect(!answers.contains { $0.hasPrefix("sigreturn return-ss-ldt") || $0.hasPrefix("syscall32 flags") })
    #expect(answers.contains { $0.hasPrefix("syscall32 normal: not applicable") })
    let named = try limen(
      "check", "design:complete", "--platform", "bare-metal", "--profile", "intel", "--event", "nmi", "--crossing",
      "syscall64", "--witnesses", folder.url.path)
    #expect(named.output.split(separator: "\n").filter { $0.hasPrefix("bare-metal intel ") }.count == 1)
  }

  // MARK: A file

  @Test func aFileIsCheckedAndItsWitnessReplays() throws {
    // The user's RSP one push early.
    let text = try Self.complete().replacingOccurrences(
      of: "  pushq $USER_DS\n",
      with: "  movq PER_CPU(rsp_scratch), %rsp\n  movq PER_CPU(top_of_stack), %rsp\n  pushq $USER_DS\n")
    let path = try write(text)
    let found = try check(path, "--platform", "bare-metal,xen-pv", "--profile", "intel", "--ablate", "nmi-without-ist")
    #expect(found.status == 1 && found.output.contains("rsp-owned"))
    let line = try #require(found.output.split(separator: "\n").first { $0.hasPrefix("  replay ") })
    let witness = String(line.split(separator: " ").last!)
    let again = try limen("replay", witness)
    #expect(again.status == 1 && again.output.contains("rsp-owned"))
    // Another file is another kernel.
    _ = try write(text.replacingOccurrences(of: "entry_join:\n", with: "entry_join:\n  nop\n"))
    let other = try limen("replay", witness)
    #expect(other.status == 2 && other.complaint.contains("not the kernel of the witness"))
  }

  @Test func clangsMessageComesThrough() throws {
    let path = try write(try Self.complete().replacingOccurrences(of: "  swapgs\n", with: "  swapsg\n"))
    let ended = try check(path)
    #expect(ended.status == 2 && ended.output.isEmpty)
    #expect(ended.complaint.contains("\(path):") && ended.complaint.contains("invalid instruction mnemonic 'swapsg'"))
    #expect(ended.complaint.contains("limen: \(path): cannot be assembled"))
  }

  @Test func missingAndDoubleSymbolsAreNamed() throws {
    let text = try Self.complete()
    let cut = try check(
      try write(
        text.replacingOccurrences(of: "xen_syscall_target:", with: "xen_syscall_tarket:")
          .replacingOccurrences(of: ", xen_syscall_target\n", with: "\n")))
    #expect(cut.status == 2)
    #expect(cut.complaint.contains("the symbol xen_syscall_target is missing: Xen's callback for SYSCALL"))
    let misspelt = try check(try write(text.replacingOccurrences(of: "call do_syscall_64", with: "call do_syscal_64")))
    #expect(misspelt.status == 2)
    #expect(misspelt.complaint.contains("refers to do_syscal_64, which neither it nor the reference kernel defines"))
    let double = try check(try write(text + "\n  .text\n  .globl do_syscall_64\ndo_syscall_64: ret\n"))
    #expect(
      double.status == 2 && double.complaint.contains("defines do_syscall_64, which the reference kernel defines"))
    let flags = try check(
      try write(text.replacingOccurrences(of: ".set xen_callback_flags, 1", with: ".set xen_callback_flags, 2")))
    #expect(flags.status == 2 && flags.complaint.contains("neither 0 nor 1"))
  }

  @Test func anOverrunSectionIsSaid() throws {
    let ended = try check(try write(try Self.complete() + "\n  .section .entry.text, \"ax\"\n  .skip 0x100000\n"))
    #expect(ended.status == 2 && ended.complaint.contains(".entry.text"))
  }

  @Test func withoutToolsItSaysWhichIsMissing() throws {
    let path = try write(try Self.complete())
    let ended = try limen("check", path, before: ["env", "PATH=/nonexistent"].map { $0 })
    #expect(ended.status == 2 && ended.complaint.contains("clang: not found"))
  }

  /// It boots up to the first system call, and stays there.
  @Test func aThresholdThatNeverReturnsEnds() throws {
    let path = try write(
      try Self.complete().replacingOccurrences(of: "entry_join:\n", with: "entry_join:\n  jmp entry_join\n"))
    let ended = try check(path, "--bound", "20")
    #expect(ended.status == 5 && ended.output.contains("it stands at entry_join"))
  }

  /// Where a label stands before the first instruction of a line, that line is what a trace says of the label's place. The names are as the
  /// command line has them, and the image's digest does not depend on where the file lies.
  @Test func aThresholdsPlacesHaveItsLines() throws {
    let text = try Self.complete()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.prefix { $0 != "/" }.trimmingCharacters(in: .whitespaces)
    }
    let below = folder.url.appendingPathComponent("below")
    try FileManager.default.createDirectory(at: below, withIntermediateDirectories: true)
    _ = try write(text)
    _ = try write(text, "below/my-entry.S")
    var digests: Set<String> = []
    for (name, directory) in [("my-entry.S", folder.url), ("below/my-entry.S", folder.url), ("my-entry.S", below)] {
      let ended = try limen.start(
        ["trace", name, "--crossing", "syscall64", "--format", "json"], before: ["env", "-C", directory.path]
      ).ended()
      let document = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
      digests.insert(try #require((document["kernel"] as? [String: Any])?["sha256"] as? String))
      var labels = 0
      for step in try #require(document["steps"] as? [[String: Any]]) {
        let place = try #require(step["location"] as? [String: Any])
        guard let file = place["file"] as? String else { continue }
        #expect(file == name || !file.hasPrefix("/") && file != "my-entry.S", "\(place)")
        guard file == name, place["offset"] as? Int == 0, let symbol = place["symbol"] as? String,
          let label = lines.firstIndex(of: symbol + ":")
        else { continue }
        // A macro, in capitals, may be nothing there.
        let first = lines[(label + 1)...].firstIndex { !$0.isEmpty && !$0.hasSuffix(":") && !$0.hasPrefix(".") }
        guard let first, lines[first].first?.isLowercase == true else { continue }
        #expect(place["line"] as? Int == first + 1, "\(place)")
        labels += 1
      }
      #expect(labels > 1)
    }
    #expect(digests.count == 1)
  }

  /// What a compiler has written has line tables of its own, to which no others may be added.
  @Test func aThresholdMayHaveLineTables() throws {
    let path = try write(".file 1 \"other.c\"\n.loc 1 7\n" + (try Self.complete()))
    let ended = try check(path, "--platform", "bare-metal", "--profile", "intel", "--event", "nmi")
    #expect(ended.status == 0, "\(ended)")
  }

  /// clang takes an argument `@FILE` for a file of arguments.
  @Test func aNameIsNoFileOfArguments() throws {
    let path = try write(try Self.complete(), "@my.S")
    let written = folder.url.appendingPathComponent("written").path
    _ = try write("-MD -MF \(written) \(path)\n", "my.S")
    let ended = try limen.start(
      [
        "check", "@my.S", "--crossing", "syscall64", "--profile", "intel", "--platform", "bare-metal", "--event", "nmi",
      ], before: ["env", "-C", folder.url.path]
    ).ended()
    #expect(ended.status == 0, "\(ended)")
    #expect(!FileManager.default.fileExists(atPath: written))
    // Nor an option.
    _ = try write("nonsense\n", "-v.S")
    let option = try limen.start(["check", "--", "-v.S"], before: ["env", "-C", folder.url.path]).ended()
    #expect(option.status == 2 && option.complaint.contains("-v.S:1:1: error: invalid instruction mnemonic 'nonsense'"))
  }

  /// What it may include lies beside it; of everything else nothing reaches a message or the guest, however the directive is put together.
  @Test(arguments: [
    "#include \"SECRET\"\n", ".include \"SECRET\"\n", ".incbin \"SECRET\"\n", "#include \"below/secret.h\"\n",
    "#include \"link.h\"\n", ".incbin \"../PARENT/link.h\"\n", "#include </etc/passwd>\n",
    ".macro both a, b\n.\\a\\b \"SECRET\"\n.endm\nboth inc, bin\n",
    ".macro both a, b\n.\\a\\b \"SECRET\"\n.endm\nboth inc, lude\n",
  ])
  func aDesignReadsWhatLiesBesideIt(attack: String) throws {
    let elsewhere = try TemporaryFolder()
    let secret = elsewhere.url.appendingPathComponent("secret.h").path
    try "s3cr3t_w0rd here\n".write(toFile: secret, atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      atPath: folder.url.appendingPathComponent("link.h").path, withDestinationPath: secret)
    let below = folder.url.appendingPathComponent("below")
    try FileManager.default.createDirectory(at: below, withIntermediateDirectories: true)
    try "s3cr3t_w0rd here\n".write(to: below.appendingPathComponent("secret.h"), atomically: true, encoding: .utf8)
    let text = attack.replacingOccurrences(of: "SECRET", with: secret)
      .replacingOccurrences(of: "PARENT", with: folder.url.lastPathComponent)
    let ended = try check(try write(try Self.complete() + text), "--platform", "bare-metal", "--profile", "intel")
    #expect(ended.status == 2 && ended.output.isEmpty, "\(ended)")
    #expect(!ended.complaint.contains("s3cr3t"), "\(ended.complaint)")
    #expect(ended.complaint.contains("my-entry.S: cannot be assembled"))
  }

  @Test func whatLiesBesideIsPartOfADesign() throws {
    _ = try write("#define LATER .byte 0x90\n", "own.h")
    _ = try write("  nop\n", "own.inc")
    let whole = try Self.complete().replacingOccurrences(
      of: "entry_join:\n", with: "entry_join:\n  LATER\n  .include \"own.inc\"\n")
    let path = try write("#include \"own.h\"\n" + whole)
    let ended = try check(path, "--platform", "bare-metal", "--profile", "intel", "--event", "machine-check")
    #expect(ended.status == 0, "\(ended)")
  }

  /// LLVM's dependent libraries: ld.lld opens what the section names.
  @Test func noLibraryIsLinked() throws {
    let text = ".section \".deplibs\",\"MS\",@llvm_dependent_libraries,1\n.asciz \"/etc/hostname\"\n"
    let ended = try check(
      try write(try Self.complete() + text), "--platform", "bare-metal", "--profile", "intel", "--event",
      "machine-check")
    #expect(ended.status == 0 && !ended.complaint.contains("hostname"), "\(ended)")
  }

  /// clang as a driver starts a second process: both are gone when the time is up, as is what they wrote. A pipe is no file to include.
  @Test func anAssemblerThatDoesNotEndIsEnded() throws {
    let temporary = folder.url.appendingPathComponent("tmp")
    try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    let pipe = folder.url.appendingPathComponent("pipe.h").path
    #expect(mkfifo(pipe, 0o600) == 0)
    let waits = try check(try write(".include \"\(pipe)\"\n"))
    #expect(waits.status == 2 && waits.complaint.contains("cannot be assembled"), "\(waits)")
    // Nothing is written and nothing nests too deep, but it takes longer than anybody waits. Here a signal is what ends it.
    var text = ".macro m15\n.endm\n"
    for level in (0..<15).reversed() {
      text += ".macro m\(level)\n" + String(repeating: "m\(level + 1)\n", count: 9) + ".endm\n"
    }
    let running = try limen.start(
      ["check", try write(text + "m0\n")], before: ["env", "--default-signal=TERM", "TMPDIR=\(temporary.path)"])
    func isPreprocessed() throws -> Bool {
      try FileManager.default.subpathsOfDirectory(atPath: temporary.path).contains { $0.hasSuffix(".s") }
    }
    while try running.process.isRunning && !isPreprocessed() { usleep(10_000) }
    usleep(200_000)
    kill(running.process.processIdentifier, SIGTERM)
    let ended = try running.ended()
    #expect(!ended.bySignal && ended.status == 5 && ended.complaint == "limen: ended (SIGTERM)\n", "\(ended)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).isEmpty)
    let left = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap {
      try? String(decoding: Data(contentsOf: URL(filePath: "/proc/\($0)/cmdline")), as: UTF8.self)
    }.filter { $0.contains(folder.url.lastPathComponent) }
    #expect(left.isEmpty, "\(left)")
  }

  @Test func nothingIsLeftBehind() throws {
    let temporary = folder.url.appendingPathComponent("tmp")
    try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    let path = try write(try Self.complete())
    for text in [try Self.complete(), "frobnicate\n", ".globl memcpy\nmemcpy: ret\n"] {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      _ = try limen(
        "check", path, "--crossing", "syscall64", "--profile", "intel", "--witnesses", temporary.path + "-w",
        before: ["env", "TMPDIR=\(temporary.path)"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).isEmpty)
    }
  }

  // MARK: The page

  @Test func theTutorialsExampleHolds() throws {
    let page = try String(
      contentsOf: Probe.root.appendingPathComponent("Documentation/Designs.md"), encoding: .utf8)
    let example = try #require(
      page.components(separatedBy: "```asm\n").dropFirst().first?.components(separatedBy: "```").first)
    #expect(try check(try write(example), "--crossing", "syscall64,syscall32,sysenter").status == 0)
    let swapped = try check(try write(example.replacingOccurrences(of: "  swapgs\n", with: "")))
    #expect(swapped.status == 1 && swapped.output.contains("on its way to the probe"))
    let masked = try check(try write(example.replacingOccurrences(of: "  ENABLE_INTERRUPTS\n", with: "")))
    #expect(masked.status == 1 && masked.output.contains("interrupts-as-claimed"))
  }
}
