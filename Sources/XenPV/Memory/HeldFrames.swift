/// Frames of the guest's that the hypervisor itself writes: vcpu_info, the hypercall page.
///
/// Xen `xen/common/domain.c`, `map_vcpu_info`; `xen/arch/x86/traps.c`, `guest_wrmsr_xen`.
extension XenPVComputer {
  /// Refers to a frame as a writable one, so that it becomes nothing else meanwhile.
  func holdWritableFrame(_ frame: UInt64) -> Bool {
    do throws(Errno) {
      try getPageAndType(frame, .writable)
      return true
    } catch {
      return false
    }
  }

  func releaseWritableFrame(_ frame: UInt64) { putPageAndType(frame) }

  /// The MSR by which a guest asks for a hypercall page: the address of a page of its own. False is #GP(0).
  func writeHypercallPage(_ value: UInt64) -> Bool {
    guard value & 0xFFF == 0, holdWritableFrame(value >> 12) else { return false }
    processor.writePhysical(Self.hypercallPage, at: value)
    releaseWritableFrame(value >> 12)
    return true
  }
}
