import Foundation
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
    #expect(names == ["memory", "platform", "processor", "seal"])
    let files = try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: snapshot.appending(path: $0))) })

    for name in names {
      let bytes = try #require(files[name])
      for damaged in [nil, Data(), bytes.prefix(bytes.count / 2), Data(bytes.map { ~$0 })] {
        let file = snapshot.appending(path: name)
        try FileManager.default.removeItem(at: file)
        if let damaged { try damaged.write(to: file) }
        #expect(try check(limen) == first, "\(name)")
        let written = try Data(contentsOf: file)
        #expect(written.count == bytes.count && written != damaged, "\(name)")
      }
    }
    // A file where the folder should be.
    try FileManager.default.removeItem(at: snapshot)
    try Data("foreign".utf8).write(to: snapshot)
    #expect(try check(limen) == first)
    #expect(try check(limen) == first)
  }

  @Test func aCacheThatCannotBeWrittenIsNoCache() throws {
    let first = try check(limen)
    #expect(try check(LimenProgram(probe: kernel.path, cache: kernel.path + "/below-a-file")) == first)
    // A limit on the size of files, in KiB, which the snapshot of RAM meets as it would a full disk.
    let full = LimenProgram(probe: kernel.path, cache: folder.url.path + "/full")
    #expect(try check(full, before: ["bash", "-c", "ulimit -f 64; exec \"$0\" \"$@\""]) == first)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path + "/full/snapshots") == [])
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
    let running = try limen.start(["check", spinning.path], before: ["env", "--default-signal=INT"])
    while running.process.isRunning {
      running.process.interrupt()
      usleep(50_000)
    }
    let ended = try running.ended()
    #expect(ended.bySignal && ended.status == SIGINT && ended.output.isEmpty)
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
