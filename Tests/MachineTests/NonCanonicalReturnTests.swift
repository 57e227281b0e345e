import Machine
import Testing

/// Goal: a RIP that is not canonical is a fault at that RIP wherever it points; no address is special to the loop that runs.
/// AMD APM vol. 3, "SYSRET": RIP := RCX without a check; vol. 2, "Canonical Address Form": the fetch is #GP.
struct NonCanonicalReturnTests {
  @Test(arguments: [1 << 63, 1 << 63 | 0x1000, 0x8000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF] as [UInt64])
  func fetchFaults(address: UInt64) throws {
    let memory = try #require(PhysicalMemory(size: 1 << 20))
    let processor = Processor(memory: memory, profile: .amd)
    let pages = [UserPages(0..<0x1000, isWritable: false, isExecutable: true)]
    try #require(processor.startUserMode(pages: pages, systemArea: 0x10000))
    processor.rip = address
    // One step delivers the fault and retires nothing.
    _ = processor.run(0)
    #expect(processor.eventCount == 0)
    _ = processor.step()
    let taken = try #require(processor.takeException())
    #expect(taken.vector == .generalProtection)
    #expect(taken.errorCode == 0)
    #expect(taken.rip == address)
    // A run gets there too, rather than coming back with its budget unused.
    _ = processor.run(1)
    #expect(processor.eventCount >= 2)
  }
}
