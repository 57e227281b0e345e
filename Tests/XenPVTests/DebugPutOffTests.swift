import Machine
import Testing
import XenPV

/// Goal: a #DB that MOV SS put off (SDM vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks") and that then comes in an
/// entry point of Xen's is no business of the guest's: `do_debug` of `xen/arch/x86/traps.c`, where the frame is not guest_mode.
@Suite struct DebugPutOffTests {
  private static let handler = SmallKernel.base + 0x3000
  private static let word = SmallKernel.base + 0x5000

  /// A guest that stands behind a MOV SS, 8E 12, that met a breakpoint on its operand, with `instruction` next.
  private func guest(_ instruction: [UInt8]) throws -> CallingGuest {
    let guest = try CallingGuest()
    for vector in [UInt8(1), 3, 6, 13, 0x80] { guest.handle(vector: vector, at: Self.handler + UInt64(vector) * 16) }
    let processor = guest.computer.processor
    processor.copyToGuest([0x2B, 0xE0], Self.word)
    processor.copyToGuest([0x8E, 0x12] + instruction, CallingGuest.code)
    processor[.rdx] = Self.word
    processor.setDebugRegister(0, Self.word)
    // L0; read or write, two bytes.
    processor.setDebugRegister(7, 0x7_0401)
    processor.rip = CallingGuest.code
    #expect(guest.computer.step() == .budget)
    #expect(processor.rip == CallingGuest.code + 2 && guest.computer.domain.deliveries == 0)
    return guest
  }

  private func vectors(_ guest: CallingGuest) -> [UInt8] { guest.computer.domain.recentDeliveries.map(\.vector) }

  /// One step takes the instruction with its delivery; another, the first instruction of the handler.
  @Test(arguments: zip([[0xCC], [0xCD, 0x03], [0xCD, 0x80]] as [[UInt8]], [3, 3, 0x80] as [UInt8]))
  func softwareInterrupt(instruction: [UInt8], vector: UInt8) throws {
    let guest = try guest(instruction)
    #expect(guest.computer.step() == .budget)
    #expect(vectors(guest) == [vector])
    #expect(guest.computer.processor.rip == Self.handler + UInt64(vector) * 16)
    _ = guest.computer.step()
    #expect(!vectors(guest).contains(1))
    #expect(guest.computer.domain.vcpu.dr6 == 0xFFFF_0FF0)
    // do_debug resets the processor's own.
    #expect(guest.computer.processor.debugRegister(6) == 0xFFFF_0FF0)
  }

  @Test func hypercall() throws {
    let guest = try guest([0x0F, 0x05, 0x90])
    guest.computer.processor[.rax] = Hypercall.xenVersion.rawValue
    guest.computer.processor[.rdi] = 0
    #expect(guest.computer.step() == .budget)
    #expect(guest.computer.processor[.rax] == 0x0004_0011)
    #expect(guest.computer.step() == .budget)
    #expect(guest.computer.processor.rip == CallingGuest.code + 5)
    #expect(guest.computer.domain.deliveries == 0 && guest.computer.domain.vcpu.dr6 == 0xFFFF_0FF0)
  }

  /// INT1 gives its own #DB, once, and no bit of DR6.
  @Test func instructionOfItsOwn() throws {
    let guest = try guest([0xF1])
    #expect(guest.computer.step() == .budget)
    _ = guest.computer.step()
    #expect(vectors(guest).filter { $0 == 1 }.count == 1)
    #expect(guest.computer.domain.recentDeliveries.first?.rip == CallingGuest.code + 3)
    #expect(guest.computer.domain.vcpu.dr6 == 0xFFFF_0FF0)
  }

  /// A fault drops it: UD2, and INT 0x81, which Xen's gate refuses.
  @Test(arguments: zip([[0x0F, 0x0B], [0xCD, 0x81]] as [[UInt8]], [6, 13] as [UInt8]))
  func fault(instruction: [UInt8], vector: UInt8) throws {
    let guest = try guest(instruction)
    #expect(guest.computer.step() == .budget)
    _ = guest.computer.step()
    #expect(vectors(guest).first == vector && !vectors(guest).contains(1))
    #expect(guest.computer.domain.vcpu.dr6 == 0xFFFF_0FF0)
  }

  /// Behind an instruction that stays in the guest it comes, with its cause.
  @Test func another() throws {
    let guest = try guest([0x90])
    #expect(guest.computer.step() == .budget)
    #expect(guest.computer.step() == .budget)
    #expect(vectors(guest) == [1] && guest.computer.domain.recentDeliveries.first?.rip == CallingGuest.code + 3)
    #expect(guest.computer.domain.vcpu.dr6 == 0xFFFF_0FF1)
  }
}
