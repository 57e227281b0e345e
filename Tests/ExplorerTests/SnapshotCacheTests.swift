import Foundation
import KernelImage
import Platform
import Subjects
import Testing

/// Goal: whatever is wrong with the cache, a check says the same, byte for byte.
@Suite struct SnapshotCacheTests {
  let folder: TemporaryFolder
  let kernel: TinyKernel
  let cache: URL
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    kernel = try TinyKernel(in: folder.url)
    cache = folder.url.appending(path: "cache")
    limen = LimenProgram(probe: kernel.path, cache: cache.path)
  }

  private var arguments: [String] {
    ["check", kernel.path, "--profile", "intel", "--crossing", "syscall64", "--memory", "16", "--format", "json"]
  }

  private func check(_ limen: LimenProgram, before: [String] = []) throws -> LimenProgram.Ended {
    try limen.start(arguments, before: before).ended()
  }

  /// What is in the cache, drafts included.
  private func kept() -> [URL] {
    let snapshots = cache.appending(path: "snapshots")
    return (try? FileManager.default.contentsOfDirectory(at: snapshots, includingPropertiesForKeys: nil)) ?? []
  }

  @Test func whatIsNoSnapshotOfOursIsReplaced() throws {
    let first = try check(limen)
    #expect(first.status == 0)
    let snapshot = try #require(kept().first)
    #expect(kept().count == 1)
    let names = try FileManager.default.contentsOfDirectory(atPath: snapshot.path).sorted()
    // What a listing says of it decides nothing, and may hold anything.
    #expect(names == ["label", "memory", "platform", "processor", "seal"])
    try Data("\u{1B}[31mforeign".utf8).write(to: snapshot.appending(path: "label"))
    #expect(try check(limen) == first)
    #expect(try limen("cache").output.contains("\\u{1b}[31mforeign") || !limen("cache").output.contains("\u{1B}"))
    let files = try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: snapshot.appending(path: $0))) })

    for name in names where name != "label" {
      let bytes = try #require(files[name])
      for damaged in [nil, Data(), bytes.prefix(bytes.count / 2), Data(bytes.map { ~$0 })] {
        let file = snapshot.appending(path: name)
        try FileManager.default.removeItem(at: file)
        if let damaged { try damaged.write(to: file) }
        let ended = try check(limen)
        #expect(ended.status == first.status && ended.output == first.output, "\(name)")
        #expect(ended.complaint.hasPrefix("limen: warning: the snapshot of a boot, \(snapshot.path), is damaged"))
        #expect(ended.complaint.filter(\.isNewline).count == 1)
        let written = try Data(contentsOf: file)
        #expect(written.count == bytes.count && written != damaged, "\(name)")
      }
    }
    // A file where the folder should be.
    try FileManager.default.removeItem(at: snapshot)
    try Data("foreign".utf8).write(to: snapshot)
    #expect(try check(limen).output == first.output)
    #expect(try check(limen) == first)
    // A pipe that nobody writes to.
    let pipe = snapshot.appending(path: "platform")
    try FileManager.default.removeItem(at: pipe)
    #expect(mkfifo(pipe.path, 0o600) == 0)
    #expect(try check(limen).output == first.output)
    #expect(try check(limen) == first)
  }

  /// Another snapshot under this one's name, whole and sealed.
  @Test func aSnapshotUnderAnothersNameIsNoSnapshot() throws {
    let first = try check(limen)
    let other = try TinyKernel(["CROSSING=ud2"], in: folder.url, named: "other.elf")
    let own = try #require(kept().first)
    let broken = try limen.start(
      ["check", other.path] + arguments.dropFirst(2) + ["--witnesses", folder.url.path + "/w"]
    ).ended()
    #expect(broken.status == 1)
    let its = try #require(kept().first { $0.lastPathComponent != own.lastPathComponent })
    try FileManager.default.removeItem(at: own)
    try FileManager.default.moveItem(at: its, to: own)
    let ended = try check(limen)
    #expect(ended.status == 0 && ended.output == first.output && ended.complaint.contains("damaged"))
  }

  /// A boot that took longer than the bound is no answer, whether or not another question's boot is kept.
  @Test func theAnswerDoesNotDependOnTheCache() throws {
    let slow = try TinyKernel(["BOOT=movl $3000000, %ecx; 1: loop 1b"], in: folder.url, named: "slow.elf")
    let question = ["check", slow.path] + arguments.dropFirst(2)
    let cold = try limen.start(question + ["--bound", "1"]).ended()
    #expect(cold.status == 5)
    #expect(try limen.start(question).ended().status == 0)
    #expect(try limen.start(question + ["--bound", "1"]).ended() == cold)
  }

  /// Every bit of the files of a snapshot counts: each that is flipped is noticed, and the kernel is booted again.
  @Test func everyFlippedBitIsNoticed() throws {
    let flips = ProcessInfo.processInfo.environment["LIMEN_SNAPSHOT_FLIPS"].flatMap(Int.init) ?? 100
    let guest = Guest(
      kernel: try KernelImage(contentsOf: kernel.path), initrd: [], commandLine: "", memory: 16)
    let probe = try ProbeImage(bytes: [UInt8](Data(contentsOf: kernel.url)))
    let snapshot = BootSnapshot(guest: guest, probe: probe, platform: .bareMetal, profile: .intel, cache: cache)
    var warnings: [String] = []
    func start() throws { _ = try snapshot.ready(warn: { warnings.append($0) }) }
    try start()
    let lies = try #require(
      try FileManager.default.contentsOfDirectory(at: cache, includingPropertiesForKeys: nil).first)
    let names = ["memory", "platform", "processor", "seal"]
    // JSON's names come in any order, so `platform` and its seal are other bytes after each boot.
    func contents(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: lies.appending(path: name))) }
    let memory = try contents("memory")
    let used = memory.indices.filter { memory[$0] != 0 }
    try #require(used.count > 500)
    try start()
    #expect(warnings == [])

    var random = Mutator(seed: 0x536E_6170_7368_6F74)
    for flip in 0..<flips {
      // Of RAM half a byte that is used, else any.
      let file = flip % 8 < 5 ? 0 : flip % 8 - 4
      let bytes = try file == 0 ? memory : contents(names[file])
      let at = flip % 8 < 3 ? used[random.place(in: used.indices)] : random.place(in: bytes.indices)
      let byte = bytes[at] ^ 1 << UInt8(random.place(in: 0..<8))
      let handle = try FileHandle(forUpdating: lies.appending(path: names[file]))
      try handle.seek(toOffset: UInt64(at))
      try handle.write(contentsOf: [byte])
      try handle.close()
      warnings = []
      try start()
      #expect(warnings.count == 1, "bit of byte \(at) of \(names[file])")
      if flip % 16 == 0 {
        warnings = []
        try start()
        #expect(warnings.isEmpty)
      }
    }
  }

  @Test func aCacheThatCannotBeWrittenIsNoCache() throws {
    let first = try check(limen)
    #expect(try check(LimenProgram(probe: kernel.path, cache: kernel.path + "/below-a-file")) == first)
    // A limit on the size of files, in KiB, which the snapshot of RAM meets as it would a full disk.
    let full = LimenProgram(probe: kernel.path, cache: folder.url.path + "/full")
    #expect(try check(full, before: ["bash", "-c", "ulimit -f 64; exec \"$0\" \"$@\""]) == first)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path + "/full/snapshots") == [])
  }

  /// The newest stay that fit, and of what does not fit the newest alone.
  @Test func theCacheIsBoundedByBytes() throws {
    let kernels = try (0..<14).map {
      try TinyKernel(["CROSSING=movl $\($0), %ecx"], in: folder.url, named: "k\($0).elf")
    }
    for kernel in kernels {
      #expect(try limen.start(["check", kernel.path] + arguments.dropFirst(2)).ended().status == 0)
    }
    #expect(kept().count == 14)
    let last = kernels[13]
    let question = ["check", last.path] + arguments.dropFirst(2) + ["--append", "again"]
    let ended = try limen.start(question, before: ["env", "LIMEN_CACHE_LIMIT=0"]).ended()
    #expect(ended.status == 0 && kept().count == 1)
  }

  @Test func theCacheIsListedAndCleaned() throws {
    #expect(try limen("cache").output.contains(": 0 snapshots, 0.0 MiB"))
    #expect(try check(limen).status == 0)
    let listed = try limen("cache", "list")
    #expect(listed.status == 0 && listed.complaint.isEmpty)
    let lines = listed.output.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasSuffix("\(kernel.path), bare-metal, intel, 16 MiB"))
    #expect(lines[1].contains(": 1 snapshot, "))
    let other = cache.appending(path: "kernels")
    try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
    try Data("fetched".utf8).write(to: other.appending(path: "vmlinuz"))
    #expect(try limen("cache", "clean").output.contains("of snapshots removed"))
    #expect(kept() == [])
    #expect(FileManager.default.fileExists(atPath: other.appending(path: "vmlinuz").path))
  }

  @Test func twoAtOnceAgree() throws {
    let running = try (0..<2).map { _ in try limen.start(arguments) }
    let ended = try running.map { try $0.ended() }
    #expect(ended[0].status == 0 && ended[0] == ended[1])
    #expect(kept().count == 1)
    #expect(try check(limen) == ended[0])
  }

  @Test func whatWasInterruptedIsIgnored() throws {
    let spinning = try TinyKernel(["BOOT=1: jmp 1b"], in: folder.url, named: "spinning.elf")
    // Whoever started the tests may have ignored the signal.
    let running = try limen.start(
      ["check", spinning.path, "--bound", "1000000"], before: ["env", "--default-signal=INT"])
    try running.signal(SIGINT)
    let ended = try running.ended()
    #expect(!ended.bySignal && ended.status == 5 && ended.output.contains("inconclusive: interrupted (SIGINT)"))
    #expect(kept() == [])

    // As an interruption in the middle of writing leaves it.
    let draft = cache.appending(path: "snapshots/draft-1-0123456789abcdef")
    try FileManager.default.createDirectory(at: draft, withIntermediateDirectories: true)
    try Data("half".utf8).write(to: draft.appending(path: "memory"))
    let first = try check(limen)
    #expect(first.status == 0)
    #expect(try check(limen) == first)
    #expect(kept().count == 2)
  }
}
