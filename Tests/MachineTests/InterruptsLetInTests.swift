import Machine
import Testing

/// Goal: an instruction that lets maskable interrupts in while NMIs are blocked, or where somebody asks for it, is noted, and nothing else is.
/// SDM vol. 3A, "Handling Multiple NMIs": the block ends with the next IRET, whoever executes it.
@Suite struct InterruptsLetInTests {
  static let start = FREDMachine.code + 0x400

  /// What is noted of one instruction at privilege 0.
  private func noted(
    _ bytes: [UInt8], isBlocked: Bool, isAskedFor: Bool = false, flags: RFLAGS, stack: [UInt64] = []
  ) throws -> [Transition] {
    let processor = try FREDMachine(.intel, isOn: false).processor
    processor[.rsp] = FREDMachine.stack - 0x800
    for (index, word) in stack.enumerated() { processor.setPhysicalWord(word, at: processor[.rsp] + UInt64(index) * 8) }
    processor.writePhysical(bytes, at: Self.start)
    processor.rip = Self.start
    processor.rflags = flags
    processor.nmiBlocked = isBlocked
    processor.tellsOfInterruptsLetIn = isAskedFor
    processor.isWatched = true
    processor.clearTransitions()
    guard case .budget = processor.step() else {
      Issue.record("\(bytes) did not complete")
      return []
    }
    return processor.transitions.filter { $0.kind == .letInterruptsIn }
  }

  private static let off = RFLAGS(rawValue: 2)
  private static let on = RFLAGS(rawValue: 0x202)
  private static let sti: [UInt8] = [0xFB]
  private static let popfq: [UInt8] = [0x9D]

  @Test func stiIs() throws {
    let transitions = try noted(Self.sti, isBlocked: true, flags: Self.off)
    #expect(transitions.map(\.rip) == [Self.start])
    #expect(try noted(Self.sti, isBlocked: false, flags: Self.off).isEmpty)
    #expect(try noted(Self.sti, isBlocked: true, flags: Self.on).isEmpty)
  }

  @Test func popfIsWhereItSetsIF() throws {
    #expect(try noted(Self.popfq, isBlocked: true, flags: Self.off, stack: [0x202]).count == 1)
    #expect(try noted(Self.popfq, isBlocked: true, flags: Self.off, stack: [2]).isEmpty)
    #expect(try noted(Self.popfq, isBlocked: false, flags: Self.off, stack: [0x202]).isEmpty)
  }

  @Test func whatIsAskedForIs() throws {
    #expect(try noted(Self.sti, isBlocked: false, isAskedFor: true, flags: Self.off).map(\.rip) == [Self.start])
    #expect(try noted(Self.sti, isBlocked: false, isAskedFor: true, flags: Self.on).isEmpty)
    #expect(try noted(Self.popfq, isBlocked: false, isAskedFor: true, flags: Self.off, stack: [0x202]).count == 1)
  }

  /// It lifts the block.
  @Test func iretIsNot() throws {
    let machine = try FREDMachine(.intel, isOn: false).processor
    let (code, data) = (machine.selectors[SegmentName.cs.rawValue], machine.selectors[SegmentName.ss.rawValue])
    let frame = [Self.start + 16, UInt64(code), 0x202, FREDMachine.stack - 0x100, UInt64(data)]
    #expect(try noted([0x48, 0xCF], isBlocked: true, flags: Self.off, stack: frame).isEmpty)
  }
}
