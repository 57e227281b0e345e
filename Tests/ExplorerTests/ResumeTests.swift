/// Goal: a check that ended before it was complete goes on from what `--resume` kept, and its report is that of a check that nobody
/// interrupted, byte for byte. Whatever else the file holds is refused in one line, and left as it is.
import Findings
import Foundation
import KernelImage
import Testing

@Suite(.serialized) struct ResumeTests {
  let folder: TemporaryFolder
  let limen: LimenProgram
  /// Leaves a register changed, so that there is a finding; and one whose crossing takes a second or two.
  let short: TinyKernel
  let long: TinyKernel

  init() throws {
    folder = try TemporaryFolder()
    short = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url, named: "short.elf")
    long = try TinyKernel(["CROSSING=movl $3000, %ecx; 1: loop 1b"], in: folder.url, named: "long.elf")
    limen = LimenProgram(probe: short.path, cache: folder.url.path + "/cache")
  }

  private var file: String { folder.url.appending(path: "progress").path }

  private func question(_ kernels: TinyKernel...) -> [String] {
    ["check"] + kernels.map(\.path) + [
      "--memory", "16", "--crossing", "syscall64", "--profile", "intel", "--event", "nmi", "--witnesses",
      folder.url.appending(path: "witnesses").path,
    ]
  }

  private func lines() throws -> [Substring] {
    try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
  }

  private func witnesses() throws -> [String: Data] {
    let all = try FileManager.default.subpathsOfDirectory(atPath: folder.url.appending(path: "witnesses").path)
    return try all.filter { $0.hasSuffix(".json") }.reduce(into: [:]) {
      $0[$1] = try Data(contentsOf: folder.url.appending(path: "witnesses").appending(path: $1))
    }
  }

  /// A line as `Documentation/Formats.md` has it.
  private func line(_ object: String) -> String {
    "\(SHA256.hexadecimal(of: Array(object.utf8))) \(object)"
  }

  // MARK: Going on

  @Test func whatWasInterruptedGoesOn() throws {
    let all = question(short, long)
    let whole = try limen.start(all + ["--format", "json"]).ended()
    let found = try witnesses()
    try #require(whole.status == 1 && whole.complaint.isEmpty && !found.isEmpty)
    try FileManager.default.removeItem(at: folder.url.appending(path: "witnesses"))

    let running = try limen.start(all + ["--resume", file], before: ["env", "--default-signal=INT"])
    try running.signal(SIGINT, afterOutput: "1 section")
    let cut = try running.ended()
    #expect(!cut.bySignal && cut.status == 1 && cut.output.contains("inconclusive: interrupted (SIGINT)"))
    #expect(
      cut.complaint == """
        limen: \(file): no section is done
        limen: interrupted (SIGINT): the report holds what was done by then; the same command goes on from \(file)

        """)
    // The head and the section of the first kernel.
    #expect(try lines().count == 3)

    let resumed = try limen.start(all + ["--format", "json", "--resume", file]).ended()
    #expect(resumed.output == whole.output && resumed.status == whole.status)
    #expect(resumed.complaint == "limen: \(file): 1 section is done\n")
    #expect(try witnesses() == found)
    // Complete, it answers at once, and as before.
    let again = try limen.start(all + ["--format", "json", "--resume", file]).ended()
    #expect(again.output == whole.output && again.complaint == "limen: \(file): 2 sections are done\n")
    #expect(try lines().count == 4)
  }

  /// Not because it is explored once more.
  @Test func whatWasDoneIsTakenOver() throws {
    _ = try limen.start(question(short) + ["--resume", file]).ended()
    var kept = try lines()
    let object = kept[1].dropFirst(65)
    let changed = object.replacing(/"forks":\d+/, with: "\"forks\":77777")
    try #require(changed != object)
    kept[1] = Substring(line(String(changed)))
    try kept.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
    let resumed = try limen.start(question(short) + ["--format", "json", "--resume", file]).ended()
    #expect(resumed.output.contains("\"forks\" : 77777"))
  }

  /// A section that ended at its own bound would end there again; one that the clock ended would not.
  @Test func onlyWhatTheQuestionEndsIsComplete() throws {
    let bounded = question(long) + ["--no-pruning", "--section-bound", "1", "--format", "json", "--resume", file]
    let first = try limen.start(bounded).ended()
    #expect(first.output.contains("1 million instructions were spent"))
    #expect(try limen.start(bounded).ended().output == first.output)
    #expect(try lines().count == 3)

    try FileManager.default.removeItem(atPath: file)
    // With two events it takes some thousand times as long, on whatever host.
    let timed = try limen.start(
      question(long) + ["--no-pruning", "--depth", "2", "--timeout", "1s", "--resume", file]
    ).ended()
    #expect(timed.status == 5)
    #expect(try lines().count == 2)
  }

  // MARK: Refusals

  private func expectRefusal(
    _ arguments: [String], _ text: String, location: SourceLocation = #_sourceLocation
  ) throws {
    let before = try Data(contentsOf: URL(filePath: file))
    let ended = try limen.start(arguments + ["--resume", file]).ended()
    #expect(!ended.bySignal && ended.status == 2 && ended.output.isEmpty, "\(ended)", sourceLocation: location)
    #expect(
      ended.complaint.hasPrefix("limen: \(file): ") && ended.complaint.filter(\.isNewline).count == 1, "\(ended)",
      sourceLocation: location)
    #expect(ended.complaint.contains(text), "\(ended)", sourceLocation: location)
    #expect(try Data(contentsOf: URL(filePath: file)) == before, sourceLocation: location)
  }

  @Test func anotherQuestionIsRefused() throws {
    let asked = question(short)
    try #require(try limen.start(asked + ["--resume", file]).ended().status == 1)
    for (more, text) in [
      (["--depth", "2"], "it is about another check: --depth was '1' and is '2'; name"),
      (["--stepped"], "--stepped was 'false' and is 'true'"),
      (["--append", "quiet"], "--append was '' and is 'quiet'"),
      (["--event", "machine-check"], "--event was 'nmi' and is 'nmi,machine-check'"),
      (["--section-bound", "5"], "--section-bound was '1000000' and is '5'"),
      (["--bound", "6"], "and is '6'"), (["--ablate", "nmi-without-ist"], "--ablate was '' and is 'nmi-without-ist'"),
      (["--crossing", "int80"], "--crossing was 'syscall64' and is 'syscall64,int80'"),
      (["--platform", "xen-pv"], "--platform was 'bare-metal' and is 'xen-pv'"),
      (["--profile", "amd"], "--profile was 'intel' and is 'intel,amd'"),
      (["--memory", "17"], "--memory was '16' and is '17'"), ([long.path], "another number of kernels: 1, and now 2"),
      (["--witnesses", "/elsewhere"], "and is '/elsewhere'"),
    ] {
      try expectRefusal(asked + more, text)
    }
    try expectRefusal(question(long), "kernel was '\(short.path)' and is '\(long.path)'")
    // What changes nothing in the report is no other question.
    #expect(try limen.start(asked + ["-j", "2", "--timeout", "1h", "--resume", file]).ended().status == 1)
    // Another image in the same place.
    _ = try TinyKernel(["ON_NMI=incq %rbp"], in: folder.url, named: "short.elf")
    try expectRefusal(asked, "sha256 was '")
  }

  @Test func anotherLimenIsRefused() throws {
    let asked = question(short)
    _ = try limen.start(asked + ["--resume", file]).ended()
    let kept = try lines()
    let head = String(kept[0].dropFirst(65))
    for (old, new, text) in [
      ("\"limen\":\"\(LimenVersion.current)\"", "\"limen\":\"9.9\"", "it was begun by limen 9.9, and this is"),
      ("\"build\":\"", "\"build\":\"x", "it was begun by another build of limen \(LimenVersion.current)"),
      ("\"version\":1", "\"version\":2", "limen-progress version 2 is not known, only 1"),
      ("limen-progress", "limen-check", "its format is 'limen-check', not 'limen-progress'"),
      ("\"kernels\":[", "\"kernel\":[", "line 1 does not hold what it should"),
    ] {
      try #require(head.contains(old))
      let other = [Substring(line(head.replacing(old, with: new)))] + kept.dropFirst()
      try other.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
      try expectRefusal(asked, text)
    }
    let strange = [kept[0], Substring(line("{\"kernel\":1,\(kept[1].dropFirst(65 + 12))")), ""]
    try strange.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
    try expectRefusal(asked, "line 2: there is no kernel 1")
  }

  @Test func whatIsNoProgressIsRefused() throws {
    for (path, text) in [
      (folder.url.path, "Is a directory"), ("/nonexistent/progress", "No such file"),
      ("/dev/null", "not a regular file"),
    ] {
      let ended = try limen.start(question(short) + ["--resume", path]).ended()
      #expect(ended.status == 2 && ended.output.isEmpty && ended.complaint.hasPrefix("limen: \(path): \(text)"))
    }
    for text in ["a\n", "\n", "text without an end", String(repeating: "0", count: 64) + " {}\n"] {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      try expectRefusal(question(short), "not the progress of a check")
    }
  }

  /// Any byte may be wrong and the end may be missing: that is noticed, and the report never differs.
  @Test func damageIsNoticed() throws {
    let asked = question(short) + ["--format", "json"]
    let whole = try limen.start(asked + ["--resume", file]).ended().output
    let kept = [UInt8](try Data(contentsOf: URL(filePath: file)))
    for round in 0..<24 {
      var bytes = kept
      if round % 4 == 0 {
        bytes.removeLast(1 + round * 37 % 200)
      } else {
        bytes[(round * 7919 + 13) % bytes.count] ^= 1 << UInt8(round % 8)
      }
      try Data(bytes).write(to: URL(filePath: file))
      let ended = try limen.start(asked + ["--resume", file]).ended()
      #expect(!ended.bySignal && (ended.status == 2 || ended.output == whole), "\(ended)")
      if round % 4 == 0 { #expect(ended.output == whole && ended.complaint.contains("the last line is cut short")) }
    }
  }

  // MARK: The line on a terminal

  /// Starts limen with a terminal for its complaints.
  private func startOnTerminal(_ asked: [String]) throws -> (running: LimenProgram.Running, terminal: Int32) {
    var (ours, its): (Int32, Int32) = (-1, -1)
    try #require(openpty(&ours, &its, nil, nil, nil) == 0)
    defer { close(its) }
    let running = try limen.start(
      asked, before: ["env", "--default-signal=TERM", "TERM=vt100"],
      complaint: FileHandle(fileDescriptor: its, closeOnDealloc: false))
    return (running, ours)
  }

  /// What the terminal shows until `isEnough` or until nobody writes to it any more.
  private func read(_ terminal: Int32, isEnough: (String) -> Bool = { _ in false }) -> String {
    var seen: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    // Linux answers EIO when nobody has the other side open any more (pty(7)).
    while case let count = Glibc.read(terminal, &piece, piece.count), count > 0 {
      seen += piece[..<count]
      if isEnough(String(decoding: seen, as: UTF8.self)) { break }
    }
    return String(decoding: seen, as: UTF8.self)
  }

  @Test func aTerminalSeesWhenTheEndIsToBeExpected() throws {
    // It takes hours, if nobody ends it.
    let endless = try TinyKernel(["CROSSING=movl $300000, %ecx; 1: loop 1b"], in: folder.url, named: "endless.elf")
    let (running, terminal) = try startOnTerminal(question(endless) + ["--no-pruning"])
    defer { close(terminal) }
    let line = /\d+ (s|min|h) left: intel syscall64\/normal, boundary \d+ of 300\d\d\d, \d+ paths/
    let text = read(terminal) { $0.contains(line) }
    #expect(text.contains(line), "\(text.suffix(500))")
    try running.signal(SIGTERM)
    #expect(read(terminal).contains("limen: ended (SIGTERM)"))
    #expect(try running.ended().status == 5)
  }

  @Test func theLineGoesAwayAtTheEnd() throws {
    let plain = try limen.start(question(long) + ["--no-pruning"]).ended()
    let (running, terminal) = try startOnTerminal(question(long) + ["--no-pruning"])
    defer { close(terminal) }
    let text = read(terminal)
    #expect(try running.ended().output == plain.output && plain.complaint.isEmpty)
    #expect(text.contains("intel syscall64/normal, boundary ") && text.hasSuffix("\r\u{1B}[K"), "\(text.suffix(500))")
  }
}
