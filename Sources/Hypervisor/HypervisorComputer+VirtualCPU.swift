/// The guest's vcpu_info as Xen's own memory has it.
///
/// Xen `xen/arch/x86/include/asm/current.h`, `struct cpu_info`; `xen/include/xen/sched.h`, `struct vcpu`;
/// `xen/arch/x86/x86_64/entry.S`, `create_bounce_frame`.
import Platform

extension HypervisorComputer {
  /// `movq VCPU_vcpu_info(%rbx), %rax; pushq VCPUINFO_upcall_mask(%rax)`: with these two instructions create_bounce_frame saves the guest's
  /// mask, and the first of them says where `struct vcpu` has the pointer, which moved between versions. Nil where they stand nowhere, or
  /// at places that contradict each other.
  static func vcpuInfoField(in image: [UInt8]) -> UInt64? {
    var found: Set<UInt64> = []
    image.withUnsafeBufferPointer { bytes in
      var at = 0
      while at + 7 <= bytes.count {
        if bytes[at] == 0x48, bytes[at + 1] == 0x8B, bytes[at + 2] == 0x43, bytes[at + 4] == 0xFF,
          bytes[at + 5] == 0x70, bytes[at + 6] == 0x01
        {
          found.insert(UInt64(bytes[at + 3]))
        }
        at += 1
      }
    }
    return found.count == 1 ? found.first : nil
  }

  /// `current_vcpu` of `struct cpu_info` lies behind the registers that an entry saves, of which the task's RSP0 names ES: four words of
  /// selectors, and two numbers of four bytes.
  private static let currentVCPU: UInt64 = 4 * 8 + 2 * 4

  public var sharedCPU: SharedCPU? {
    guard let field = vcpuInfoField, let bottom = processor.taskStackTops.first,
      let current = processor.word(atLinear: bottom &+ Self.currentVCPU),
      let place = processor.word(atLinear: current &+ field)
    else { return nil }
    return processor.bytes(atLinear: place, count: 24).flatMap { SharedCPU($0) }
  }
}
