import BareMetal
import Foundation
import Machine
import Testing

/// Goal: no guest kills Limen or runs past its bound, whatever it executes; and a run goes where single steps go.
///
/// `LIMEN_FUZZ_IMAGES=1000000` makes another number of images, and `LIMEN_FUZZ_SEED` other ones: `Documentation/Oracles.md` has the counts.
struct RandomCodeTests {
  static let budget: UInt64 = 2000
  /// What one instruction, one event and one look at the board may spend beyond a budget.
  static let overrun: UInt64 = 1200

  @Test(arguments: Profile.plain)
  func survivesAndStaysWithinItsBound(_ profile: Profile) throws {
    let environment = ProcessInfo.processInfo.environment
    let images = environment["LIMEN_FUZZ_IMAGES"].flatMap { Int($0) } ?? 20_000
    let seed = environment["LIMEN_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
    let computer = try BareMetalComputer(memorySize: 8 << 20, profile: profile)
    let processor = computer.processor
    let start = LongModeStart { processor.writePhysical($0, at: $1) }
    try #require(start.start(processor))
    var random = RandomCode(seed: 0x4C69_6D65_6E00_0000 ^ seed &* 0x9E37_79B9_7F4A_7C15, memorySize: 8 << 20)
    var outcomes: [String: Int] = [:]
    var events: [UInt8: Int] = [:]
    var retired: UInt64 = 0
    computer.fork()
    for image in 0..<images {
      random.prepare(processor)
      let before = processor.spent
      let counts = (processor.retired, processor.eventCount)
      let end = computer.run(Self.budget)
      let spent = processor.spent - before
      #expect(spent <= Self.budget + Self.overrun, "image \(image) spent \(spent)")
      outcomes[Self.kind(end), default: 0] += 1
      if processor.eventCount != counts.1 { events[processor.lastVector.rawValue, default: 0] += 1 }
      retired += processor.retired - counts.0
      computer.restore()
    }
    // Most of what can happen does; otherwise the images are worth little.
    #expect(events.count >= 12)
    #expect(outcomes.count >= 4)
    if environment["LIMEN_FUZZ_IMAGES"] != nil {
      let list = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
      let vectors = events.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
      print(
        "\(profile.name), seed \(seed), \(images) images, \(retired) instructions: \(list); last vectors \(vectors)")
    }
  }

  static func kind(_ end: BareMetalComputer.End) -> String {
    switch end {
    case .budget: "bound"
    case .powerOff: "halted"
    case .softOff: "switched off"
    case .reset(byShutdown: true): "shutdown"
    case .reset(byShutdown: false): "reset"
    case .debugExit: "left"
    case .unsupported(let what): "unsupported (\(what.what))"
    }
  }

  /// The same images, run and stepped, stand in the same state at the same place.
  @Test(arguments: Profile.plain)
  func stepsLeadWhereARunLeads(_ profile: Profile) throws {
    let computers = try (0..<2).map { _ in try BareMetalComputer(memorySize: 8 << 20, profile: profile) }
    for computer in computers {
      let start = LongModeStart { computer.processor.writePhysical($0, at: $1) }
      try #require(start.start(computer.processor))
      computer.processor.translationThreshold = 0
      computer.fork()
    }
    var random = RandomCode(seed: 0x4C69_6D65_6E01, memorySize: 8 << 20)
    for image in 0..<4000 {
      var second = random
      random.prepare(computers[0].processor)
      second.prepare(computers[1].processor)
      let ran = computers[0].run(300)
      let processor = computers[1].processor
      var stepped = BareMetalComputer.End.budget
      for _ in 0..<4000 {
        if Self.kind(stepped) != "bound" { break }
        if Self.kind(ran) == "bound" && Self.agree(computers[0].processor, processor) { break }
        stepped = computers[1].step()
      }
      #expect(Self.kind(ran) == Self.kind(stepped), "image \(image)")
      #expect(Self.agree(computers[0].processor, processor), "image \(image)")
      #expect(computers[0].board == computers[1].board, "image \(image)")
      for computer in computers { computer.restore() }
    }
  }

  private static func agree(_ a: Processor, _ b: Processor) -> Bool {
    a.retired == b.retired && a.eventCount == b.eventCount && a.rip == b.rip && a.rflags == b.rflags
      && GeneralRegister.allCases.allSatisfy { a[$0] == b[$0] } && a.digestVectors() == b.digestVectors()
      && a.selectors == b.selectors
  }
}
