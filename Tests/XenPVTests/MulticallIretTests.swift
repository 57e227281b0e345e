import Machine
import Testing
import XenPV

/// Goal: an iret among the calls of a multicall is performed, and nothing behind it: `pv_do_multicall_call` of
/// `xen/arch/x86/pv/hypercall.c`, `mc_exit`. Going on would make calls with another mode's page tables (XSA-213). What real Xen shows is
/// in the lines `multicall/iret-*` of the reference kernel.
@Suite struct MulticallIretTests {
  private static let list = SmallKernel.base + 0x5000
  private static let frame = SmallKernel.base + 0x6000
  private static let target = SmallKernel.base + 0x7000

  /// Makes a multicall of these numbers, without arguments, with a frame that leads back to the kernel.
  private func run(_ numbers: [UInt64], rax: UInt64 = 0x1_0000_002A) throws -> CallingGuest {
    let guest = try CallingGuest()
    let processor = guest.computer.processor
    for (index, number) in numbers.enumerated() {
      let words = [number, 0x1234, 0, 0, 0, 0, 0, 0]
      processor.copyToGuest(words.flatMap(SmallKernel.number), Self.list + UInt64(index) * 64)
    }
    // RAX, R11, RCX, flags, RIP, CS, RFLAGS, RSP, SS.
    let frame = [rax, 0xB11, 0xC, 0, Self.target, 0xE030, 0x202, Self.frame, 0xE02B]
    processor.copyToGuest(frame.flatMap(SmallKernel.number), Self.frame)
    processor[.rsp] = Self.frame
    processor[.rdi] = Self.list
    processor[.rsi] = UInt64(numbers.count)
    processor[.rax] = Hypercall.multicall.rawValue
    #expect(guest.execute([0x0F, 0x05]) == .budget)
    return guest
  }

  private func answers(_ guest: CallingGuest, _ count: Int) -> [UInt64] {
    (0..<UInt64(count)).map { guest.computer.processor.loadGuest(Self.list + $0 * 64 + 8) ?? 0 }
  }

  @Test func stopsTheBatch() throws {
    let guest = try run([17, 23, 17])
    let processor = guest.computer.processor
    #expect(processor.rip == Self.target && processor[.rcx] == 0xC && processor[.r11] == 0xB11)
    // The answer is the frame's RAX; the guest's RAX is that as an int.
    #expect(answers(guest, 3) == [0x0004_0011, 0x1_0000_002A, 0x1234])
    #expect(processor[.rax] == 0x2A)
    // The next multicall is none inside this one.
    processor[.rdi] = Self.list
    processor[.rsi] = 0
    processor[.rax] = Hypercall.multicall.rawValue
    guest.execute([0x0F, 0x05])
    #expect(processor[.rax] == 0)
  }

  @Test func extendsTheSign() throws {
    #expect(try run([23], rax: 0x1_8000_0001).computer.processor[.rax] == 0xFFFF_FFFF_8000_0001)
  }

  /// To user mode without its page tables the domain dies, as by an iret of its own.
  @Test func diesAsAlone() throws {
    let guest = try CallingGuest()
    let processor = guest.computer.processor
    processor.copyToGuest([23, 0, 0, 0, 0, 0, 0, 0].flatMap(SmallKernel.number), Self.list)
    let frame = [0, 0, 0, 0, Self.target, 0xE033, 0x202, Self.frame, 0xE02B]
    processor.copyToGuest(frame.flatMap(SmallKernel.number), Self.frame)
    processor[.rsp] = Self.frame
    processor[.rdi] = Self.list
    processor[.rsi] = 1
    processor[.rax] = Hypercall.multicall.rawValue
    guard case .crash = guest.execute([0x0F, 0x05]) else {
      Issue.record("the domain lives")
      return
    }
  }
}
