/// Goal: nobody can tell whether code ran translated or interpreted. Random programs run translated from their first block on, for
/// random budgets, and one instruction at a time in a machine that never translates; after each budget everything is the same.

import Foundation
import Machine
import Testing

struct TranslationAgreesTests {
  /// Programs; `LIMEN_PROGRAMS` sets another number for a long run.
  static let programs = ProcessInfo.processInfo.environment["LIMEN_PROGRAMS"].flatMap(Int.init) ?? 1000

  @Test("random programs") func randomPrograms() throws {
    var retired: UInt64 = 0
    var faults: UInt64 = 0
    var translated = 0
    for seed in 0..<Self.programs {
      var pair = try #require(MachinePair(RandomProgram(seed: 0x7472_616E + UInt64(seed))))
      for round in 0..<30 {
        try pair.runOnce(round)
        if let difference = pair.difference() {
          Issue.record("program \(seed), round \(round): \(difference)")
          return
        }
      }
      retired += pair.translating.state.retired
      faults += pair.translating.state.eventCount
      translated += pair.translating.translatedBlockCount
      #expect(pair.stepping.translatedBlockCount == 0)
    }
    print("\(retired) instructions, \(faults) exceptions, \(translated) translated blocks")
    // A condition on the test itself: most of it ran in translated code.
    #expect(translated > Self.programs * 10)
    #expect(retired > UInt64(Self.programs) * 1000)
  }

  /// DEC RCX; JNZ: one block that goes on with itself. However the budget falls, a run stops exactly there.
  @Test("a loop of one block stops at its budget") func loopStopsAtItsBudget() throws {
    let memory = try #require(PhysicalMemory(size: 4 << 20))
    let processor = Processor(memory: memory, profile: .intel)
    processor.translationThreshold = 0
    let pages = UserPages(0x20_0000..<0x20_1000, isWritable: true, isExecutable: true)
    #expect(processor.startUserMode(pages: [pages], systemArea: 0x10_0000))
    processor.writePhysical([0x48, 0xFF, 0xC9, 0x75, 0xFB, 0xCC], at: 0x20_0000)
    processor.rip = 0x20_0000
    processor[.rcx] = 1000
    for budget in 1...50 as ClosedRange<UInt64> {
      let before = (processor.state.retired, processor[.rcx], processor.rip)
      _ = processor.run(budget)
      #expect(processor.state.retired == before.0 + budget)
      let half = before.2 == 0x20_0003
      #expect(processor[.rcx] == before.1 - (budget + (half ? 0 : 1)) / 2)
      #expect((processor.rip == 0x20_0003) == (half != (budget % 2 == 1)))
    }
    #expect(processor.translatedBlockCount > 0)
  }

  @Test("a run stops at an address inside translated code") func stopsAtAnAddress() throws {
    let memory = try #require(PhysicalMemory(size: 4 << 20))
    let processor = Processor(memory: memory, profile: .intel)
    processor.translationThreshold = 0
    let pages = UserPages(0x20_0000..<0x20_1000, isWritable: true, isExecutable: true)
    #expect(processor.startUserMode(pages: [pages], systemArea: 0x10_0000))
    // INC RAX; INC RBX; JMP to the first.
    processor.writePhysical([0x48, 0xFF, 0xC0, 0x48, 0xFF, 0xC3, 0xEB, 0xF8], at: 0x20_0000)
    processor.rip = 0x20_0000
    processor[.rax] = 0
    processor[.rbx] = 0
    _ = processor.run(3000)
    #expect(processor[.rax] == 1000)
    _ = processor.run(3000, until: 0x20_0003)
    #expect((processor.rip, processor[.rax], processor[.rbx]) == (0x20_0003, 1001, 1000))
    // It stands there already: the stop comes before the first instruction.
    _ = processor.run(3000, until: 0x20_0003)
    #expect((processor[.rax], processor[.rbx]) == (1001, 1000))
    _ = processor.run(3)
    for _ in 0..<10 { _ = processor.run(3000, until: 0x20_0006) }
    #expect((processor.rip, processor[.rax] - processor[.rbx]) == (0x20_0006, 0))
  }
}
