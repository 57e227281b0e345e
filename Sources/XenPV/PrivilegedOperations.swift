/// Instructions of privilege 0 that a guest's kernel executes at privilege 3, done for it when they fault.
///
/// Xen `xen/arch/x86/pv/emul-priv-op.c`, `pv_emulate_privileged_op`; `xen/arch/x86/pv/emulate.c`. Some of them are user mode's as
/// well, where it has the I/O privilege.
import Machine

/// What came of an instruction: X86EMUL_*.
enum Emulated {
  case completed
  /// As completed, but a single-step trap does not follow: CLI and STI are accepted and forgotten before they are executed.
  case skipped
  /// A string instruction has repetitions left and is executed again.
  case repeats
  /// The fault is the guest's own.
  case unhandled
  case fault(UInt8, UInt32?)
  case pageFault(UInt32, UInt64)
}

extension XenPVComputer {
  /// Whether the fault was dealt with.
  func emulatePrivilegedOperation() -> Bool {
    guard let instruction = fetchPrivilegedInstruction() else { return false }
    var breakpoints: UInt64 = 0
    let outcome = execute(instruction, &breakpoints)
    switch outcome {
    case .completed, .skipped:
      advance(by: instruction.length)
      finish(stepping: { if case .skipped = outcome { false } else { true } }(), breakpoints)
    case .repeats:
      registers.rflags.remove(.resume)
      finish(stepping: true, breakpoints)
    case .unhandled: return false
    case .fault(let vector, let code): inject(vector, errorCode: code)
    case .pageFault(let code, let address): injectPageFault(code, address: address)
    }
    return true
  }

  /// pv_emul_instruction_done, without the trap: RIP behind the instruction.
  func advance(by length: UInt64) {
    registers.rip &+= length
    if !processor.isIn64BitCode { registers.rip &= 0xFFFF_FFFF }
    registers.rflags.remove(.resume)
  }

  /// #DB for a single step and for I/O breakpoints.
  func finish(stepping: Bool, _ breakpoints: UInt64 = 0) {
    var causes = breakpoints
    if stepping && registers.rflags.contains(.trap) { causes |= DR6.singleStep }
    guard causes != 0 else { return }
    domain.vcpu.dr6 |= causes | 0xFFFF_0FF0
    inject(1, errorCode: nil)
  }

  private func fetchPrivilegedInstruction() -> PrivilegedInstruction? {
    let is64Bit = processor.isIn64BitCode
    let address = is64Bit ? registers.rip : (registers.rip &+ processor.segmentBase(.cs)) & 0xFFFF_FFFF
    let here = Int(4096 - (address & 0xFFF))
    guard isAccessible(address, count: 1),
      let bytes = processor.copyFromGuest(address, count: 15) ?? processor.copyFromGuest(address, count: min(here, 15))
    else { return nil }
    let isDefault32 = processor.segment(.cs).isDefault32
    return PrivilegedInstruction(bytes, codeSize: is64Bit ? 8 : isDefault32 ? 4 : 2)
  }

  private func execute(_ instruction: PrivilegedInstruction, _ breakpoints: inout UInt64) -> Emulated {
    let isInKernel = domain.vcpu.isInKernel
    switch instruction.kind {
    case .input, .output: return accessPort(instruction, &breakpoints)
    case .inputString, .outputString: return accessPortByString(instruction, &breakpoints)
    case .clearInterrupt, .setInterrupt:
      // POPF could not undo it, so the upcall mask stays as it is.
      return hasIOPrivilege ? .skipped : .unhandled
    case .readTimeStamp, .readTimeStampAndID:
      if !isInKernel && domain.vcpu.cr4 & CR4.timeStampDisable != 0 { return .fault(13, 0) }
      if instruction.kind == .readTimeStampAndID { processor[.rcx] = processor.timeStampAuxiliary & 0xFFFF_FFFF }
      setPair(now)
      return .completed
    case .cpuid:
      let leaf = paravirtualCPUID(
        leaf: UInt32(truncatingIfNeeded: processor[.rax]), subleaf: UInt32(truncatingIfNeeded: processor[.rcx]))
      processor[.rax] = UInt64(leaf.eax)
      processor[.rbx] = UInt64(leaf.ebx)
      processor[.rcx] = UInt64(leaf.ecx)
      processor[.rdx] = UInt64(leaf.edx)
      return .completed
    case .setExtendedControl: return .fault(6, nil)  // No profile has XSAVE.
    default: break
    }
    guard isInKernel else { return .fault(13, 0) }
    switch instruction.kind {
    case .clearTaskSwitched:
      processor.taskSwitched = false
      return .completed
    case .writeBack: return .completed
    case .readControl: return readControl(instruction)
    case .writeControl: return writeControl(instruction)
    case .readDebug:
      guard let value = debugRegister(UInt64(instruction.special)) else { return .fault(6, nil) }
      setGeneral(instruction, value)
      return .completed
    case .writeDebug:
      do throws(Errno) {
        try setDebugRegister(UInt64(instruction.special), general(instruction))
        return .completed
      } catch {
        return error == .ENODEV ? .fault(6, nil) : .fault(13, 0)
      }
    case .readMSR:
      guard let value = readMSR(UInt32(truncatingIfNeeded: processor[.rcx])) else { return .fault(13, 0) }
      setPair(value)
      return .completed
    default:
      let value = processor[.rax] & 0xFFFF_FFFF | processor[.rdx] << 32
      return writeMSR(UInt32(truncatingIfNeeded: processor[.rcx]), value) ? .completed : .fault(13, 0)
    }
  }

  // MARK: Registers

  /// EDX:EAX.
  private func setPair(_ value: UInt64) {
    processor[.rax] = value & 0xFFFF_FFFF
    processor[.rdx] = value >> 32
  }

  /// The general register of a MOV; RSP is where the entry code saved it.
  func general(_ instruction: PrivilegedInstruction) -> UInt64 {
    let register = GeneralRegister.allCases[instruction.general]
    let value = register == .rsp ? registers.rsp : processor[register]
    return processor.isIn64BitCode ? value : value & 0xFFFF_FFFF
  }

  func setGeneral(_ instruction: PrivilegedInstruction, _ value: UInt64) {
    let register = GeneralRegister.allCases[instruction.general]
    let sized = processor.isIn64BitCode ? value : value & 0xFFFF_FFFF
    if register == .rsp { registers.rsp = sized } else { processor[register] = sized }
  }

  // MARK: Control registers

  /// What a guest sees of CR4 that is not its own: PAE, MCE, OSFXSR, OSXMMEXCPT. PV_CR4_GUEST_VISIBLE_MASK.
  private static let visibleCR4 =
    CR4.physicalAddressExtension | CR4.machineCheckEnable | CR4.fxsave | CR4.unmaskedSIMDExceptions
  /// What it may choose, as far as there is such a thing: PV_CR4_GUEST_MASK without OSXSAVE.
  private static let guestCR4 = CR4.timeStampDisable | CR4.debuggingExtensions | CR4.fsgsbase

  private func readControl(_ instruction: PrivilegedInstruction) -> Emulated {
    switch instruction.special {
    case 0: setGeneral(instruction, processor.state.cr0)
    case 2: setGeneral(instruction, domain.vcpu.cr2)
    case 3: setGeneral(instruction, domain.vcpu.guestTable & ~0xFFF)
    case 4: setGeneral(instruction, domain.vcpu.cr4 | Self.visibleCR4)
    default: return .unhandled
    }
    return .completed
  }

  private func writeControl(_ instruction: PrivilegedInstruction) -> Emulated {
    let value = general(instruction)
    switch instruction.special {
    case 0:
      guard (value ^ processor.state.cr0) & ~CR0.taskSwitched == 0 else { return .unhandled }
      processor.taskSwitched = value & CR0.taskSwitched != 0
    case 2:
      domain.vcpu.cr2 = value
      setVCPUInfoWord(at: VCPUInfo.cr2, value)
    case 3: return switchPageTables(to: value >> 12) ? .completed : .unhandled
    case 4:
      domain.vcpu.cr4 = value & Self.guestCR4
      processor.setCR4(CR4.timeStampDisable, value & CR4.timeStampDisable != 0)
      processor.setCR4(CR4.debuggingExtensions, value & CR4.debuggingExtensions != 0)
      processor.setCR4(CR4.fsgsbase, value & CR4.fsgsbase != 0)
    default: return .unhandled
    }
    return .completed
  }
}
