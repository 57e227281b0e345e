/// Frames on the guest's stack: how Xen makes an event happen in a PV kernel.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `create_bounce_frame`, `test_all_events`; `xen/arch/x86/pv/traps.c`, `pv_inject_event`.
///
///     SS
///     RSP
///     RFLAGS        IF is the upcall mask's opposite
///     CS            bits 32 to 39: the upcall mask before the event
///     RIP
///     error code    where the vector has one
///     R11           on exit by SYSRET the guest loses both: that is why they are here
///     RCX
import Machine

extension XenPVComputer {
  /// create_bounce_frame: switches to the kernel and pushes the frame at the top of its stack, or at the current RSP where the
  /// guest is in its kernel already.
  func createBounceFrame(_ bounce: TrapBounce, _ kind: Delivery.Kind) {
    let wasInKernel = domain.vcpu.isInKernel
    let from = registers
    let before = guestStanding
    var savedCS = UInt64(registers.cs)
    var top: UInt64
    if wasInKernel {
      top = registers.rsp
      savedCS &= 0xFFFC
    } else {
      toggleGuestMode()
      top = domain.ablations.contains(.frameAtUserRSP) ? registers.rsp : domain.vcpu.kernelSP
    }
    top &= ~0xF
    guard top <= Layout.hypervisorStart || top >= Layout.hypervisorEnd &+ 64 else {
      return crash("a bounce frame at 0x\(String(top, radix: 16)), in the hypervisor's own addresses")
    }
    let mask = upcallMask
    if bounce.masksEvents { upcallMask = 1 }
    var flags = registers.rflags.rawValue & ~(RFLAGS.interruptEnable.rawValue | RFLAGS.ioPrivilegeLevel.rawValue)
    if mask == 0 { flags |= RFLAGS.interruptEnable.rawValue }
    if domain.hasAssist(.architecturalIOPL) { flags |= domain.vcpu.iopl }
    var words = [processor[.rcx], processor[.r11]]
    if let code = bounce.errorCode { words.append(UInt64(code)) }
    words += [registers.rip, savedCS | UInt64(mask) << 32, flags, registers.rsp, UInt64(registers.ss)]
    let frame = top &- UInt64(words.count * 8)
    let delivery = Delivery(
      kind: kind, vector: bounce.vector, errorCode: bounce.errorCode, rip: from.rip, wasInKernel: wasInKernel,
      frame: frame, previousRSP: from.rsp)
    for (index, word) in words.enumerated().reversed() {
      guard processor.storeGuest(frame &+ UInt64(index * 8), word) else {
        processor.note(
          Transition(
            kind: .lostEvent, rip: from.rip, before: before, after: guestStanding, delivery: delivered(delivery)))
        return crash(
          "a fault while the frame of vector \(bounce.vector) was pushed at 0x\(String(frame, radix: 16))")
      }
    }
    let cleared: RFLAGS = [.alignmentCheck, .virtual8086, .resume, .nestedTask, .trap]
    registers.leavesBySysret = true
    registers.rflags.subtract(cleared)
    registers.ss = FlatSelector.data
    registers.rsp = frame
    registers.cs = FlatSelector.code64
    guard bounce.address != 0 else { return crash("vector \(bounce.vector) has no handler") }
    registers.rip = bounce.address
    domain.note(delivery)
    processor.note(
      Transition(
        kind: .event, rip: from.rip, before: before, after: guestStanding,
        delivery: delivered(delivery)))
    processor.observer?.delivered(Vector(bounce.vector), errorCode: bounce.errorCode, from: from.rip)
  }

  /// The guest's own standing while the hypervisor runs.
  var guestStanding: Standing {
    Standing(
      rsp: registers.rsp, gsBase: processor.segmentBase(.gs), cr3: processor.cr3, rflags: registers.rflags,
      isKernel: domain.vcpu.isInKernel)
  }

  /// What was pushed, as the log of transitions has it.
  public func delivered(_ delivery: Delivery) -> Delivered {
    let hasVector = [.exception, .softwareInterrupt, .nmi, .machineCheck].contains(delivery.kind)
    return Delivered(
      vector: hasVector ? delivery.vector : nil, platformKind: delivery.kind.rawValue, errorCode: delivery.errorCode,
      fromKernel: delivery.wasInKernel, frame: delivery.frame,
      wordCount: delivery.kind.wordCount + (delivery.errorCode == nil ? 0 : 1),
      onCurrentStack: delivery.wasInKernel || domain.ablations.contains(.frameAtUserRSP), cr2: processor.cr2,
      isMaskable: delivery.kind == .eventUpcall,
      liftsNMIBlock: domain.vcpu.asyncExceptionMask & AsyncMask.nmi != 0)
  }

  /// pv_inject_event: notes the exception; the frame is made on the way out.
  func inject(_ vector: UInt8, errorCode: UInt32?) {
    let info = domain.vcpu.traps[Int(vector)]
    domain.vcpu.trapBounce = TrapBounce(
      vector: vector, errorCode: errorCode, address: info.address, masksEvents: info.masksEvents)
  }

  /// pv_inject_page_fault: CR2 is in the guest's vcpu_info, and the error code's U bit says which of its modes faulted.
  func injectPageFault(_ errorCode: UInt32, address: UInt64) {
    domain.vcpu.cr2 = address
    setVCPUInfoWord(at: VCPUInfo.cr2, address)
    inject(14, errorCode: errorCode & ~4 | (domain.vcpu.isInKernel ? 0 : 4))
  }

  /// test_all_events: what the guest must see before it goes on, in Xen's order, then the way back.
  func returnToGuest() {
    deliverPending()
    if domain.shutdown == nil { restoreGuest() }
  }

  /// Pushes frames until nothing is due. Each can be interrupted by the next before its first instruction.
  func deliverPending() {
    if let bounce = domain.vcpu.trapBounce {
      domain.vcpu.trapBounce = nil
      createBounceFrame(bounce, .exception)
    }
    while domain.shutdown == nil {
      if domain.vcpu.machineCheck.isPending && domain.vcpu.asyncExceptionMask & AsyncMask.machineCheck == 0 {
        domain.vcpu.machineCheck.isPending = false
        deliverAsynchronous(18, .machineCheck, AsyncMask.machineCheck, \.machineCheck)
      } else if domain.vcpu.nmi.isPending && domain.vcpu.asyncExceptionMask & AsyncMask.nmi == 0 {
        domain.vcpu.nmi.isPending = false
        deliverAsynchronous(2, .nmi, AsyncMask.nmi, \.nmi)
      } else if upcallPending != 0 && upcallMask == 0 {
        createBounceFrame(
          TrapBounce(
            vector: 0, errorCode: nil, address: domain.vcpu.eventCallback.address, masksEvents: true), .eventUpcall)
      } else {
        return
      }
    }
  }

  /// process_nmi and process_mce: masked by their own bit alone, until the next iret. Without a handler nothing happens.
  private func deliverAsynchronous(
    _ vector: UInt8, _ kind: Delivery.Kind, _ bit: UInt8, _ state: WritableKeyPath<VirtualCPU, AsyncException>
  ) {
    let info = domain.vcpu.traps[Int(vector)]
    guard info.address != 0 else { return }
    domain.vcpu[keyPath: state].oldMask = domain.vcpu.asyncExceptionMask
    domain.vcpu.asyncExceptionMask |= bit
    createBounceFrame(
      TrapBounce(vector: vector, errorCode: nil, address: info.address, masksEvents: info.masksEvents), kind)
  }

  /// toggle_guest_mode: the other GS base, the other page tables.
  func toggleGuestMode() {
    let base = processor.segmentBase(.gs)
    processor.setSegmentBase(.gs, domain.vcpu.inactiveGSBase)
    domain.vcpu.inactiveGSBase = base
    domain.vcpu.isInKernel.toggle()
    processor.setGuestRunsKernel(domain.vcpu.isInKernel)
    let keepsKernelTables = domain.ablations.contains(.kernelTablesInUserMode)
    // Xen makes the guest's user pages global, so that their translations outlive the switch; the kernel's do not.
    processor.switchPageTables(
      domain.vcpu.isInKernel || keepsKernelTables ? domain.vcpu.guestTable : domain.vcpu.guestTableUser,
      space: domain.vcpu.isInKernel ? 0 : 1, keeps: !domain.vcpu.isInKernel)
  }
}

/// Bits of async_exception_mask: VCPU_TRAP_NMI and VCPU_TRAP_MCE. Xen `xen/arch/x86/include/asm/domain.h`.
enum AsyncMask {
  static let nmi: UInt8 = 1 << 1
  static let machineCheck: UInt8 = 1 << 2
}
