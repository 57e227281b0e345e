import BareMetal
import Machine
import Testing
import WatchedRuns

/// Goal: a run that keeps the translations of the runs before it is what it would be from empty caches, A and D flags included, or says that
/// it may not be. The other machine takes single steps and keeps nothing.
struct KeptTranslationsTests {
  private static let directory: UInt64 = 0x70_0000
  private static let firstTable: UInt64 = 0x70_1000
  private static let data: UInt64 = 0x40_0000
  private static let accessedAndDirty: UInt64 = 0x60

  private static func place(ofEntryFor linear: UInt64) -> UInt64 { firstTable + (linear >> 12) * 8 }

  private static func write(_ word: UInt64, at place: UInt64, _ processor: Processor) {
    processor.writePhysical(withUnsafeBytes(of: word.littleEndian) { [UInt8]($0) }, at: place)
  }

  /// Maps all of RAM at its own address by pages of 4 KiB that have their A and D flags.
  private static func mapByPages(_ processor: Processor) {
    let rights: UInt64 = 7 | accessedAndDirty
    for page in 0..<2048 as Range<UInt64> { write(page << 12 | rights, at: firstTable + page * 8, processor) }
    for table in 0..<4 as Range<UInt64> {
      write((firstTable + table << 12) | rights, at: directory + table * 8, processor)
    }
    write(directory | rights, at: 0x3000, processor)
    write(0x3000 | rights, at: 0x2000, processor)
  }

  /// A program; a third meets pages without their flags, and a third has registers that point to the page table of the data.
  private static func prepare(_ seed: UInt64, _ computer: BareMetalComputer) -> TransitionCode {
    var program = TransitionCode(seed: seed)
    program.prepare(computer)
    switch seed % 3 {
    case 0:
      for _ in 0..<8 {
        let page = data + UInt64(program.below(64)) << 12
        write(page | 7, at: place(ofEntryFor: page), computer.processor)
      }
    case 1:
      for register in [GeneralRegister.rbx, .rdi, .rsi] {
        computer.processor[register] = place(ofEntryFor: data) + UInt64(program.below(64) * 8)
      }
    default: break
    }
    return program
  }

  /// As fast as it can, in pieces.
  private static func play(_ seed: UInt64, _ computer: BareMetalComputer, keeps: Bool) -> Stretch {
    var program = prepare(seed, computer)
    computer.processor.isWatched = true
    computer.processor.keepsTranslations = keeps
    let longest = [1, 7, 100, 100_000][program.below(4)]
    return FreeRunTests.watched(computer).free(1000) { UInt64(1 + program.below(longest)) }
  }

  @Test(arguments: Profile.plain)
  func isAsFromEmptyCaches(_ profile: Profile) throws {
    let pair = try (0..<2).map { _ in try #require(try TransitionCode.computer(profile)) }
    pair[0].processor.translationThreshold = 0
    for computer in pair {
      Self.mapByPages(computer.processor)
      computer.fork()
    }
    let processor = pair[0].processor
    var (kept, again, flagged) = (0, 0, 0)
    for seed in 1...600 as ClosedRange<UInt64> {
      var free = Self.play(seed, pair[0], keeps: true)
      if processor.storedToTables {
        again += 1
        processor.keepsTranslations = false
        pair[0].restore()
        free = Self.play(seed, pair[0], keeps: false)
      } else {
        kept += 1
      }
      _ = Self.prepare(seed, pair[1])
      let stepped = FreeRunTests.watched(pair[1]).stepped(1000)
      if let found = free.difference(from: stepped) ?? FreeRunTests.difference(pair[0], pair[1]) {
        Issue.record("program \(seed): \(found)")
        return
      }
      if seed % 3 == 0, processor.memory[word: Self.place(ofEntryFor: Self.data) / 8] & 0x20 != 0 { flagged += 1 }
      processor.keepsTranslations = false
      for computer in pair { computer.restore() }
    }
    // Conditions on the test itself: it is about all of them.
    print("\(kept) kept, \(again) made again, \(flagged) found the first page's flags")
    #expect(kept > 100 && again > 100 && flagged > 100)
  }

  /// A page that an earlier run found is mapped elsewhere before this one touches it.
  @Test func sayWhatTheyCannotTell() throws {
    let computer = try #require(try TransitionCode.computer(.intel))
    let processor = computer.processor
    Self.mapByPages(processor)
    Self.write(0x1111, at: Self.data, processor)
    Self.write(0x2222, at: Self.data + 0x1000, processor)
    // test %rcx, %rcx; jz 1f; mov %rdx, (%rbx); 1: mov (%rdi), %rax; hlt
    let code: [UInt8] = [0x48, 0x85, 0xC9, 0x74, 3, 0x48, 0x89, 0x13, 0x48, 0x8B, 0x07, 0xF4]
    processor.writePhysical(code, at: LongModeStart.code)
    processor.rip = LongModeStart.code
    processor[.rbx] = Self.place(ofEntryFor: Self.data)
    processor[.rdx] = (Self.data + 0x1000) | 7 | Self.accessedAndDirty
    processor[.rdi] = Self.data
    processor.isWatched = true
    computer.fork()
    func run(changes: Bool, keeps: Bool) -> (rax: UInt64, stored: Bool) {
      computer.restore()
      processor[.rcx] = changes ? 1 : 0
      processor.keepsTranslations = keeps
      defer { processor.keepsTranslations = false }
      _ = processor.run(100)
      return (processor[.rax], processor.storedToTables)
    }
    #expect(run(changes: false, keeps: true) == (0x1111, false))
    #expect(run(changes: false, keeps: true) == (0x1111, false))
    // The stale page, and the word that it is not to be believed.
    #expect(run(changes: true, keeps: true) == (0x1111, true))
    #expect(run(changes: true, keeps: false) == (0x2222, false))
    #expect(run(changes: false, keeps: true) == (0x1111, false))
  }
}
