/// Guards of the hypervisor's side, taken away at the crossing: what it does for the guest, it leaves undone from here on.
import Findings
import Platform

extension XenPVComputer {
  public func prepare(_ ablation: Ablation) -> Verdict? {
    let vcpu = domain.vcpu
    switch ablation {
    case .upcallMaskNotSetAtSyscall:
      if !vcpu.syscallCallback.masksEvents { return ablation.isAbsent("the callback was registered without the flag") }
      domain.ablations.insert(.syscallKeepsMask)
    case .frameAtUserRSP: domain.ablations.insert(.frameAtUserRSP)
    case .stackSwitchIgnored:
      if vcpu.kernelSP == vcpu.initialKernelSP { return ablation.isAbsent("the domain never switched stacks") }
      domain.ablations.insert(.stackSwitchIgnored)
      domain.vcpu.kernelSP = vcpu.initialKernelSP
    case .maskNotRestoredAtIret: domain.ablations.insert(.iretKeepsMask)
    case .nmiMaskNeverCleared: domain.ablations.insert(.nmiMaskKept)
    case .kernelPageTablesKeptForUser:
      if vcpu.guestTable == vcpu.guestTableUser { return ablation.isAbsent("user mode runs on the kernel's tables") }
      domain.ablations.insert(.kernelTablesInUserMode)
    case .xenSyscallMaskLost: domain.ablations.insert(.syscallMaskLost)
    default: break
    }
    return nil
  }
}
