/// Ways into the hypervisor: SYSCALL, SYSENTER, INT and the exceptions.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `lstar_enter`, `cstar_enter`, `sysenter_entry`, `int80_direct_trap`;
/// `xen/arch/x86/traps.c`, `do_general_protection`, `do_invalid_op`, `do_debug`, `do_page_fault`, `do_device_not_available`.
import Machine

extension XenPVComputer {
  /// Does what Xen's entry points do, and goes back to the guest.
  func enterHypervisor(_ what: Intercept) {
    dropDebugTrap()
    saveRegisters()
    processor.actsFor = processor.rip &- what.length
    defer { processor.actsFor = nil }
    noteUpcallsLetIn()
    switch what {
    case .systemCall: enterBySyscall()
    case .systemEnter: enterBySysenter()
    case .interrupt(let vector) where vector.rawValue == 0x80: enterByInt80()
    case .interrupt(let vector): inject(vector.rawValue, errorCode: nil)
    case .exception(let vector, let code): handleException(vector, errorCode: code)
    }
    returnToGuest()
  }

  /// The kernel is in an NMI's handler, and whatever upcall is due now is delivered in it. Its iret lifts the mask of NMIs.
  private func noteUpcallsLetIn() {
    guard domain.vcpu.isInKernel, domain.vcpu.asyncExceptionMask & AsyncMask.nmi != 0, upcallMask == 0 else { return }
    let standing = guestStanding
    processor.note(
      Transition(
        kind: .letInterruptsIn, rip: processor.actsFor ?? registers.rip, before: standing, after: standing))
  }

  private func enterBySyscall() {
    let isCompat = !processor.isIn64BitCode
    registers.cs = isCompat ? FlatSelector.code32 : FlatSelector.code64
    registers.ss = FlatSelector.data
    registers.leavesBySysret = true
    if domain.vcpu.isInKernel && !isCompat { return hypercall() }
    let address = isCompat ? domain.vcpu.syscall32Callback.address : domain.vcpu.syscallCallback.address
    if address != 0 {
      // One flag of the virtual CPU serves both entry points: VGCF_syscall_disables_events.
      let masks = domain.vcpu.syscallCallback.masksEvents && !domain.ablations.contains(.syscallKeepsMask)
      createBounceFrame(TrapBounce(vector: 0, errorCode: nil, address: address, masksEvents: masks), .systemCall)
    } else {
      registers.rip &-= 2
      let info = domain.vcpu.traps[6]
      createBounceFrame(
        TrapBounce(vector: 6, errorCode: nil, address: info.address, masksEvents: info.masksEvents), .exception)
    }
    maskFlags(of: address != 0 ? .systemCall : .exception)
  }

  /// The flags of the handler's first instruction; the frame has them as the user set them. A SYSCALL is meant to clear DF, and the
  /// #UD that stands for a missing callback nothing. But Xen 4.17.5 and later keep the mask in ESI, where create_bounce_frame leaves
  /// the frame's address. Real Xen shows it: `flags/syscall-all-*` of the reference kernel;
  /// `Documentation/Findings/xen-pv-syscall-flags.md`.
  private func maskFlags(of kind: Delivery.Kind) {
    guard domain.ablations.contains(.syscallMaskLost) else {
      registers.rflags = RFLAGS(rawValue: registers.rflags.rawValue & registers.rsp & 0xFFFF_FFFF)
      return
    }
    if kind == .systemCall { registers.rflags.remove(.direction) }
  }

  /// The processor kept neither RIP nor RSP.
  private func enterBySysenter() {
    registers.cs = 3
    registers.ss = FlatSelector.data
    registers.rip = 0
    registers.rsp = 0
    registers.rflags.insert(.interruptEnable)
    registers.leavesBySysret = true
    let callback = domain.vcpu.sysenterCallback
    guard callback.address != 0 else { return inject(13, errorCode: 0) }
    createBounceFrame(
      TrapBounce(vector: 0, errorCode: nil, address: callback.address, masksEvents: callback.masksEvents), .systemEnter)
  }

  private func enterByInt80() {
    let info = domain.vcpu.traps[0x80]
    guard info.address != 0 else {
      registers.rip &-= 2
      return handleException(.generalProtection, errorCode: 0x80 << 3 | 2)
    }
    createBounceFrame(
      TrapBounce(vector: 0x80, errorCode: nil, address: info.address, masksEvents: info.masksEvents),
      .softwareInterrupt)
  }

  // MARK: Exceptions

  func handleException(_ vector: Vector, errorCode: UInt32?) {
    switch vector {
    case .generalProtection: handleGeneralProtection(errorCode ?? 0)
    case .pageFault: handlePageFault(errorCode ?? 0, address: processor.cr2)
    case .invalidOpcode: if !emulateForcedInvalidOpcode() { inject(6, errorCode: nil) }
    case .debug: handleDebug()
    case .deviceNotAvailable:
      guard processor.taskSwitched else { return }
      inject(7, errorCode: nil)
      processor.taskSwitched = false
    default: inject(vector.rawValue, errorCode: errorCode)
    }
  }

  /// INT n goes through a gate of privilege 0 and comes here; an error code of zero may be a privileged instruction.
  private func handleGeneralProtection(_ errorCode: UInt32) {
    if errorCode & 3 == 2 {
      let vector = UInt8(truncatingIfNeeded: errorCode >> 3)
      let needed: UInt8 = domain.vcpu.isInKernel ? 1 : 3
      if domain.vcpu.traps[Int(vector)].dpl >= needed {
        registers.rip &+= 2
        return inject(vector, errorCode: nil)
      }
    } else if errorCode == 0 && emulatePrivilegedOperation() {
      return
    }
    inject(13, errorCode: errorCode)
  }

  private func handlePageFault(_ errorCode: UInt32, address: UInt64) {
    if fixUpPageFault(errorCode, address: address) { return }
    injectPageFault(errorCode, address: address)
  }

  /// X86_DR6_DEFAULT.
  private static let defaultDR6: UInt64 = 0xFFFF_0FF0

  /// The guest's virtual DR6 gathers the causes.
  private func handleDebug() {
    let status = processor.debugRegister(6)
    domain.vcpu.dr6 |= status & ~Self.defaultDR6
    domain.vcpu.dr6 &= status | ~Self.defaultDR6
    processor.setDebugRegister(6, Self.defaultDR6)
    inject(1, errorCode: nil)
  }

  /// do_debug where the #DB did not come from guest_mode: the guest's MOV SS put it off, and its SYSCALL, INT3, INTO or INT 0x80 brought
  /// it to the first instruction of an entry point of Xen's. Xen goes on there, and the guest never hears of it.
  private func dropDebugTrap() {
    if processor.takeDebugTrap() { processor.setDebugRegister(6, Self.defaultDR6) }
  }
}

extension Intercept {
  /// How far RIP is behind the instruction: the length of SYSCALL, SYSENTER, INT n and INT3; a fault leaves RIP where it was.
  fileprivate var length: UInt64 {
    switch self {
    case .systemCall, .systemEnter: 2
    case .interrupt(let vector): vector.rawValue == 3 ? 1 : 2
    case .exception: 0
    }
  }
}
