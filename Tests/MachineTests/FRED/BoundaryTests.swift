/// Goal: what comes at one boundary comes in the architecture's order, in a run as step by step. SDM vol. 3A, "Priority Among Concurrent Events".
import Machine
import Testing

@Suite struct BoundaryTests {
  private typealias M = FREDMachine

  /// A single-step trap is due, and an NMI: the trap is delivered first, and the NMI before the first instruction of its handler.
  private func machine() throws -> FREDMachine {
    let m = try FREDMachine(isOn: false)
    m.processor.writePhysical([0x90, 0x90], at: M.code)
    m.processor.rflags = RFLAGS(rawValue: 0x102)
    _ = m.processor.step()
    m.processor.raiseNMI()
    return m
  }

  @Test("an NMI behind a trap finds the trap's handler at its first instruction") func trapThenNMI() throws {
    let stepped = try machine()
    _ = stepped.processor.step()
    #expect(stepped.processor.rip == M.handler(1))
    _ = stepped.processor.step()
    let run = try machine()
    _ = run.processor.run(2)
    for m in [stepped, run] {
      #expect(m.processor.rip == M.handler(2) && m.processor.physicalWord(at: m.processor[.rsp]) == M.handler(1))
    }
  }
}
