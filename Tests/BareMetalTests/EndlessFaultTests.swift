import BareMetal
import Machine
import Testing

/// Goal: a guest that faults for ever without retiring an instruction still uses up what it was given to run.
struct EndlessFaultTests {
  @Test func handlerThatFaultsAtItsFirstInstruction() throws {
    let computer = try BareMetalComputer(memorySize: 1 << 20, profile: .intel)
    let processor = computer.processor
    let area: UInt64 = 0x10000
    let pages = [UserPages(0..<0x1000, isWritable: false, isExecutable: true)]
    try #require(processor.startUserMode(pages: pages, systemArea: area))
    // UD2 for user mode and where the gate of #UD leads, which takes its stack from IST1 and so never runs out of it.
    try #require(processor.writePhysical([0x0F, 0x0B], at: 0))
    try #require(processor.writePhysical([0x0F, 0x0B], at: area + 0x4000 + 6 * 16))
    try #require(processor.setInterruptStack(of: .invalidOpcode, to: 1))
    let stackTop = withUnsafeBytes(of: (area + 0x6000).littleEndian) { [UInt8]($0) }
    try #require(processor.writePhysical(stackTop, at: area + 0x3424))
    processor.rip = 0
    let end = computer.run(10_000)
    guard case .budget = end else {
      Issue.record("ended with \(end)")
      return
    }
    #expect(processor.lastVector == .invalidOpcode)
    #expect(processor.retired == 0)
    #expect(processor.eventCount >= 10_000 / 32)
  }
}
