/// CPUID as a PV guest's kernel sees it: not with the instruction itself, which does not fault, but with a marker before it.
///
///     UD2; "xen"; CPUID        0F 0B 78 65 6E 0F A2
///
/// Xen `xen/arch/x86/pv/emul-inv-op.c`, `emulate_forced_invalid_op`.
import Machine

extension XenPVComputer {
  /// Whether the #UD was dealt with.
  func emulateForcedInvalidOpcode() -> Bool {
    // The marker and the instruction are read one after the other: what is not there is a page fault.
    for (offset, expected) in [(UInt64(0), [0x0F, 0x0B, 0x78, 0x65, 0x6E] as [UInt8]), (5, [0x0F, 0xA2])] {
      let address = registers.rip &+ offset
      guard isAccessible(address, count: expected.count),
        let bytes = processor.copyFromGuest(address, count: expected.count)
      else {
        let isThere = isAccessible(address, count: 1) && processor.copyFromGuest(address, count: 1) != nil
        injectPageFault(0, address: isThere ? (address | 0xFFF) &+ 1 : address)
        return true
      }
      if bytes != expected { return false }
    }
    let answer = paravirtualCPUID(
      leaf: UInt32(truncatingIfNeeded: processor[.rax]), subleaf: UInt32(truncatingIfNeeded: processor[.rcx]))
    processor[.rax] = UInt64(answer.eax)
    processor[.rbx] = UInt64(answer.ebx)
    processor[.rcx] = UInt64(answer.ecx)
    processor[.rdx] = UInt64(answer.edx)
    advance(by: 7)
    finish(stepping: true)
    return true
  }
}
