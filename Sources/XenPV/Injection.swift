/// Events that whoever explores makes happen at a boundary of the guest.
///
/// On hardware each begins with something that enters the hypervisor, a timer's interrupt or an NMI from another processor, which
/// nothing in the guest can hold back: the real IF is always set. What the guest sees of it follows from Xen's own masks.
import Machine

extension XenPVComputer {
  /// Whether the processor takes interrupts at this boundary: no trap is due first and no load of SS holds them back.
  public var canEnterHypervisor: Bool { processor.canTakeExternalEvent }

  /// A virtual NMI: `VCPUOP_send_nmi`, or Xen passing on a hardware NMI.
  public func injectNMI() -> End {
    domain.vcpu.nmi.isPending = true
    return passThrough()
  }

  /// Whether a virtual NMI would be delivered now: a handler is registered, and none is being handled.
  public var acceptsNMI: Bool {
    domain.vcpu.traps[2].address != 0 && domain.vcpu.asyncExceptionMask & AsyncMask.nmi == 0
  }

  /// The timer's virtual interrupt, which every kernel expects at any time.
  public func injectTimerEvent() -> End {
    sendVIRQ(VirtualIRQ.timer)
    return passThrough()
  }

  /// Whether the timer's virtual interrupt is bound to a port, and that port not masked.
  public var hasTimerEvent: Bool {
    guard let port = domain.eventChannels.port(ofVIRQ: VirtualIRQ.timer) else { return false }
    return !isMasked(port)
  }

  /// A virtual machine check of a kind that a kernel need not die of: RIPV, EIPV and MCIP, and the error in bank 1.
  /// Xen `xen/arch/x86/cpu/mcheck/vmce.c`, `fill_vmsr_data`, `inject_vmce`.
  public func injectMachineCheck() -> End {
    domain.vcpu.machineCheckBanks.globalStatus = 7
    domain.vcpu.machineCheckBanks.status[1] = processor.profile.injectedMachineCheck
    domain.vcpu.machineCheck.isPending = true
    return passThrough()
  }

  /// Whether a virtual machine check would be delivered now.
  public var acceptsMachineCheck: Bool {
    domain.vcpu.traps[18].address != 0 && domain.vcpu.asyncExceptionMask & AsyncMask.machineCheck == 0
  }

  /// The virtual CPU is switched to after another one ran, and ES holds the selector of a segment that has gone meanwhile: the last of an LDT of full
  /// size, which somebody shortened.
  public func injectFailsafe() -> End {
    processor.countStep()
    loadSegments(lost: 0xFFFF)
    return end ?? .budget
  }

  /// An instruction breakpoint at RIP, DR6 bit 0.
  public func injectInstructionBreakpoint() -> End {
    guard let exit = processor.deliverInstructionBreakpoint(0) else {
      preconditionFailure("an exception of a guest leaves the machine")
    }
    return answer(exit) ?? .budget
  }

  /// An interrupt that entered the hypervisor, after which it returns to the guest as always: a step.
  func passThrough() -> End {
    processor.countStep()
    returnFromInterrupt()
    return end ?? .budget
  }
}
