import Machine
import Testing

/// Goal: on a part where it matters a return or an indirect branch of privilege 0 is noted where its last byte is among the first 32 of a
/// cache line, and nowhere else. Intel, "Indirect Target Selection".
@Suite struct LowBranchTests {
  /// At which address in its line the instruction begins, and whether it is to be noted.
  @Test(
    arguments: [
      ([0xC3], 0, true), ([0xC3], 31, true), ([0xC3], 32, false), ([0xC3], 63, false),
      ([0xFF, 0xE0], 30, true), ([0xFF, 0xE0], 31, false), ([0xFF, 0xE0], 63, true), ([0xFF, 0xD0], 10, true),
      ([0x41, 0xFF, 0xD3], 40, false), ([0xFF, 0x10], 0, true), ([0xC2, 8, 0], 29, true), ([0xC2, 8, 0], 30, false),
      ([0xEB, 0], 0, false), ([0xE8, 0, 0, 0, 0], 0, false), ([0x74, 0], 0, false),
    ] as [([UInt8], UInt64, Bool)])
  func isNotedWhereItLies(bytes: [UInt8], offset: UInt64, noted: Bool) throws {
    for (profile, isPart) in [(Profile.iceLake, true), (.raptorLake, false), (.intel, false)] {
      // At privilege 0.
      let processor = try FREDMachine(profile, isOn: false).processor
      let data = FREDMachine.stack - 0x800
      for word in 0..<8 { processor.setPhysicalWord(FREDMachine.code, at: data + UInt64(word) * 8) }
      (processor[.rax], processor[.r11], processor[.rsp]) = (data, data, data)
      processor.rip = FREDMachine.code + 0x400 + offset
      processor.writePhysical(bytes, at: processor.rip)
      processor.isWatched = true
      processor.clearTransitions()
      guard case .budget = processor.step() else {
        Issue.record("\(bytes) did not complete")
        return
      }
      let kinds = processor.transitions.filter { $0.kind == .lowBranch }
      #expect(kinds.count == (noted && isPart ? 1 : 0), "\(profile.name) \(bytes) at \(offset)")
      #expect(kinds.allSatisfy { $0.rip == FREDMachine.code + 0x400 + offset })
    }
  }

  /// User mode's branches are its own.
  @Test func userModeIsNotAsked() throws {
    let memory = try #require(PhysicalMemory(size: 1 << 20))
    let processor = Processor(memory: memory, profile: .iceLake)
    let pages = [
      UserPages(0x1000..<0x2000, isWritable: false, isExecutable: true),
      UserPages(0x2000..<0x3000, isWritable: true, isExecutable: false),
    ]
    try #require(processor.startUserMode(pages: pages, systemArea: 0x10000))
    processor.writePhysical([0xC3], at: 0x1000)
    processor.setPhysicalWord(0x1000, at: 0x2800)
    processor.rip = 0x1000
    processor[.rsp] = 0x2800
    processor.isWatched = true
    guard case .budget = processor.step() else {
      Issue.record("RET did not complete")
      return
    }
    #expect(processor.transitions.isEmpty)
  }
}
