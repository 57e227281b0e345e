import Machine
import Testing

/// Goal: a near branch whose target is not canonical faults where it stands, with every register as it was, and nobody gets to the target.
/// SDM vol. 2, "JMP", "Jcc", "LOOP/LOOPcc", "CALL"; AMD APM vol. 3, the same. What CALL has stored by then: `Documentation/Oracles.md`.
struct BranchesOutsideTests {
  /// The last page below the hole, where relative branches lead out of it.
  private static let page: UInt64 = 0x7FFF_FFFF_F000
  private static let frame: UInt64 = 0x1000
  private static let stack: UInt64 = 0x2800

  private func processor(_ profile: Profile) throws -> Processor {
    let memory = try #require(PhysicalMemory(size: 1 << 20))
    let processor = Processor(memory: memory, profile: profile)
    let pages = [
      UserPages(Self.frame..<0x2000, isWritable: false, isExecutable: true),
      UserPages(0x2000..<0x3000, isWritable: true, isExecutable: false),
    ]
    try #require(processor.startUserMode(pages: pages, systemArea: 0x10000))
    // Present, writable, user.
    let tables: [UInt64] = [0x8_0000, 0x8_1000, 0x8_2000]
    processor.setPhysicalWord(tables[0] | 7, at: processor.cr3 + 255 * 8)
    processor.setPhysicalWord(tables[1] | 7, at: tables[0] + 511 * 8)
    processor.setPhysicalWord(tables[2] | 7, at: tables[1] + 511 * 8)
    processor.setPhysicalWord(Self.frame | 7, at: tables[2] + 511 * 8)
    processor[.rsp] = Self.stack
    return processor
  }

  /// Executes `bytes` at `offset` in the page, and asks for the fault.
  private func expectFault(_ bytes: [UInt8], at offset: UInt64 = 0x800, _ processor: Processor) throws {
    processor.writePhysical(bytes, at: Self.frame + offset)
    processor.rip = Self.page + offset
    processor[.rsp] = Self.stack
    let before = processor[.rcx]
    _ = processor.step()
    let taken = try #require(processor.takeException(), "\(bytes)")
    #expect(taken.vector == .generalProtection)
    #expect(taken.errorCode == 0)
    #expect(taken.rip == Self.page + offset, "\(bytes)")
    #expect(processor[.rcx] == before, "\(bytes)")
  }

  @Test(arguments: Profile.plain) func jumpsFault(profile: Profile) throws {
    // JMP; JZ and JNZ, one of which is taken; LOOP and JRCXZ, with a count with which they jump.
    try expectFault([0xE9, 0xF0, 0xFF, 0xFF, 0x7F], try processor(profile))
    try expectFault([0xEB, 0x7F], at: 0xFF0, try processor(profile))
    let jumping = try processor(profile)
    let condition: UInt8 = jumping.rflags.contains(.zero) ? 0x84 : 0x85
    try expectFault([0x0F, condition, 0xF0, 0xFF, 0xFF, 0x7F], jumping)
    let counting = try processor(profile)
    counting[.rcx] = 5
    try expectFault([0xE2, 0x7F], at: 0xFF0, counting)
    let empty = try processor(profile)
    empty[.rcx] = 0
    try expectFault([0xE3, 0x7F], at: 0xFF0, empty)
  }

  @Test(arguments: Profile.plain) func whatIsNotTakenGoesOn(profile: Profile) throws {
    let processor = try processor(profile)
    let condition: UInt8 = processor.rflags.contains(.zero) ? 0x85 : 0x84
    processor.writePhysical([0x0F, condition, 0xF0, 0xFF, 0xFF, 0x7F], at: Self.frame + 0x800)
    processor.rip = Self.page + 0x800
    _ = processor.step()
    #expect(processor.takeException() == nil)
    #expect(processor.rip == Self.page + 0x806)
    processor[.rcx] = 1
    processor.writePhysical([0xE2, 0x7F], at: Self.frame + 0xFF0)
    processor.rip = Self.page + 0xFF0
    _ = processor.step()
    #expect(processor.takeException() == nil)
    #expect(processor.rip == Self.page + 0xFF2)
    #expect(processor[.rcx] == 0)
  }

  @Test("CALL has stored its return address on Intel's processors alone", arguments: Profile.plain)
  func callsFault(profile: Profile) throws {
    // Relative, and through RAX.
    for (bytes, length) in [([0xE8, 0xF0, 0xFF, 0xFF, 0x7F], 5), ([0xFF, 0xD0], 2)] as [([UInt8], UInt64)] {
      let processor = try processor(profile)
      processor[.rax] = 0x8000_0000_0000
      processor.setPhysicalWord(0x1111, at: Self.stack - 8)
      try expectFault(bytes, processor)
      let stored = profile.vendor == .intel ? Self.page + 0x800 + length : 0x1111
      #expect(processor.word(atLinear: Self.stack - 8) == stored, "\(profile.name) \(bytes)")
    }
  }
}
