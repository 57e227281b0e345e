import BareMetal
import KernelImage
import Machine
import Testing
import WatchedRuns

/// Goal: on bare metal the log of a free run equals the log of a stepped run, event for event, and both lead to the same state.
struct FreeRunTests {
  /// Ends in words, for a comparison.
  static func words(_ end: BareMetalComputer.End) -> String? {
    if case .budget = end { nil } else { "\(end)" }
  }

  static func watched(_ computer: BareMetalComputer) -> WatchedMachine {
    WatchedMachine(
      computer.processor, step: { words(computer.step()) }, run: { words(computer.run(.max / 2, toward: $0)) })
  }

  /// The first difference of two computers that stand at a boundary. The board is told the time first, as the next step would.
  static func difference(_ one: BareMetalComputer, _ other: BareMetalComputer) -> String? {
    for computer in [one, other] { _ = computer.run(0) }
    return one.processor.difference(from: other.processor) ?? (one.board == other.board ? nil : "the boards")
  }

  @Test(arguments: Profile.plain)
  func randomPrograms(_ profile: Profile) throws {
    let pair = try (0..<2).map { _ in try #require(try TransitionCode.computer(profile)) }
    pair[0].processor.translationThreshold = 0
    var heard = [[UInt8]](repeating: [], count: 2)
    for (index, computer) in pair.enumerated() {
      computer.console = { byte in
        heard[index].append(byte)
        // As whoever reads the console does: a line is looked at as soon as it stands.
        if byte == 0x0A { computer.processor.requestStop() }
      }
      computer.fork()
    }
    var kinds: [Transition.Kind: Int] = [:]
    var vectors: Set<UInt8> = []
    var positions: UInt64 = 0
    for seed in 1...600 as ClosedRange<UInt64> {
      var program = TransitionCode(seed: seed)
      var copy = program
      program.prepare(pair[0])
      copy.prepare(pair[1])
      let stretch = UInt64(1000 + program.below(3000))
      let longest = [1, 7, 100, 100_000][program.below(4)]
      let free = Self.watched(pair[0]).free(stretch) { UInt64(1 + program.below(longest)) }
      let stepped = Self.watched(pair[1]).stepped(stretch)
      if let found = free.difference(from: stepped) ?? Self.difference(pair[0], pair[1]) {
        Issue.record("program \(seed): \(found)")
        return
      }
      #expect(heard[0] == heard[1], "program \(seed)")
      for noted in stepped.log {
        kinds[noted.transition.kind, default: 0] += 1
        if let vector = noted.transition.delivery?.vector { vectors.insert(vector) }
      }
      positions += stretch
      for computer in pair { computer.restore() }
    }
    // Conditions on the test itself: it is about all of them.
    print("\(positions) positions, \(kinds), \(vectors.sorted())")
    let wanted: [Transition.Kind] = [.event, .entry, .exit, .stackLoad, .gsBase, .pageTables, .flags]
    #expect(wanted.allSatisfy { kinds[$0, default: 0] > 100 })
    #expect(vectors.isSuperset(of: [0, 1, 2, 3, 6, 8, 13, 14, 0x20, 0x40]))
  }

  /// The images of Tests/Privileged, to their end.
  @Test(arguments: QEMUAgreesTests.images, Profile.plain)
  func privilegedImages(image: String, profile: Profile) throws {
    // That about FRED ends at once where there is none.
    let ofFRED: Profile = profile.vendor == .intel ? .wildcatLake : .zen6
    let profile = image == "fred" ? ofFRED : profile
    try #require(QEMUAgreesTests.buildFailure == nil, "\(QEMUAgreesTests.buildFailure ?? "")")
    let kernel = try KernelImage(contentsOf: "\(QEMUAgreesTests.build)/\(image)")
    let segments = kernel.loadSegments.map {
      BareMetalComputer.Segment(address: $0.physicalAddress, bytes: kernel.contents(of: $0), memorySize: $0.memorySize)
    }
    let pair = try (0..<2).map { _ in
      let computer = try BareMetalComputer(memorySize: 64 << 20, profile: profile)
      try computer.start(segments: segments, entry: try #require(kernel.pvhEntry), initrd: [], commandLine: "")
      computer.fork()
      return computer
    }
    var random = RandomCode(seed: 0x5072_6976, memorySize: 64 << 20)
    pair[0].processor.translationThreshold = 0
    let free = Self.watched(pair[0]).free(4_000_000) { UInt64(1 + random.below(10_000)) }
    let stepped = Self.watched(pair[1]).stepped(4_000_000)
    #expect(free.difference(from: stepped) == nil)
    #expect(Self.difference(pair[0], pair[1]) == nil)
    // A condition on the test itself; `triple` ends at its third event.
    #expect(stepped.log.count > 3)
    print("\(image): \(stepped.position) positions, \(stepped.log.count) transitions, \(stepped.end ?? "goes on")")
  }
}
