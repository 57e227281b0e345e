import Machine
import Testing

/// Goal: a machine check is delivered where CR4.MCE is set and no other is being handled, and else shuts the processor down.
/// SDM vol. 3B, "IA32_MCG_STATUS MSR": a second one while MCIP is set is a shutdown; "Machine-Check Exception (#MC)".
@Suite struct MachineCheckTests {
  private static let status: UInt32 = 0x17A
  private static let enable: UInt64 = 1 << 6

  private func machine(isEnabled: Bool = true) throws -> FREDMachine {
    let machine = try FREDMachine(.intel, isOn: false)
    if isEnabled { machine.setCR4(machine.processor.cr4 | Self.enable) }
    return machine
  }

  private func isShutDown(_ exit: Exit?) -> Bool { if case .shutdown = exit { true } else { false } }

  @Test func oneIsDelivered() throws {
    let machine = try machine()
    #expect(machine.processor.deliverMachineCheck() == nil)
    #expect(machine.processor.rip == FREDMachine.handler(18))
  }

  @Test func anotherBeforeItsHandlerIsDoneShutsDown() throws {
    let machine = try machine()
    #expect(machine.processor.deliverMachineCheck() == nil)
    #expect(isShutDown(machine.processor.deliverMachineCheck()))
  }

  @Test func anotherBehindItIsDelivered() throws {
    let machine = try machine()
    #expect(machine.processor.deliverMachineCheck() == nil)
    machine.processor.rip = FREDMachine.code
    machine.write(Self.status, 0)
    #expect(machine.processor.deliverMachineCheck() == nil)
    #expect(machine.processor.rip == FREDMachine.handler(18))
  }

  @Test func noneIsWithoutMCE() throws {
    #expect(isShutDown(try machine(isEnabled: false).processor.deliverMachineCheck()))
  }
}
