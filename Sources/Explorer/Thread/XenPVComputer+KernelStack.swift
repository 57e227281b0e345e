/// Xen `xen/include/public/xen.h`, HYPERVISOR_stack_switch: "tss->esp0" of a PV guest.
import XenPV

extension XenPVComputer: KernelStackKnown {
  var lastFrameEndsAtKernelStack: Bool? {
    guard let last = domain.lastDelivery else { return nil }
    let words: UInt64 = last.errorCode == nil ? 7 : 8
    return last.frame &+ words * 8 == domain.vcpu.kernelSP & ~0xF
  }
}
