/// The state in which a kernel starts on bare metal, and a few values that a platform keeps in step with the processor.
///
/// Xen `docs/misc/pvh.pandoc`, "General Registers"; Multiboot Specification version 0.6.96, "Machine state": both ask for 32-bit
/// protected mode, flat segments, paging off, the address line A20 on, interrupts off and EBX at the start information.
extension Processor {
  /// - Parameters:
  ///   - entry: physical, as paging is off.
  ///   - eax: multiboot's magic number; PVH says nothing of it.
  ///   - ebx: the physical address of the start information.
  public func startProtected(entry: UInt32, eax: UInt32 = 0, ebx: UInt32) {
    var state = ProcessorState()
    for name in SegmentName.allCases {
      state.segments[name.rawValue] = name == .cs ? .flatCode32 : .flatData
    }
    // A busy 32-bit TSS of the smallest size; the null selectors of the rest are the guest's to replace.
    state.tr = SegmentRegister(selector: 0, attributes: 0x8B, limit: 0x67)
    state.cr0 = CR0.protection | CR0.extensionType
    state.rip = UInt64(entry)
    state.registers[GeneralRegister.rax.rawValue] = UInt64(eax)
    state.registers[GeneralRegister.rbx.rawValue] = UInt64(ebx)
    setState(state)
  }

  /// IA32_APIC_BASE as the guest wrote it.
  public var apicBase: UInt64 { s.pointee.msr.apicBase }
  /// CR8, which is bits 7 to 4 of the local APIC's task-priority register. SDM vol. 3A, "Task Priority in IA-32e Mode".
  public var taskPriority: UInt8 {
    get { UInt8(truncatingIfNeeded: s.pointee.cr8) }
    set { s.pointee.cr8 = UInt64(newValue & 0xF) }
  }

  public var isHalted: Bool { s.pointee.isHalted }
  public var retired: UInt64 { s.pointee.retired }
  public var cpl: UInt8 { s.pointee.cpl }
  public var cr3: UInt64 { s.pointee.cr3 }
  /// An interrupt could be taken once the processor is at a boundary that allows it: RFLAGS.IF.
  public var interruptsEnabled: Bool { s.pointee.flag(.interruptEnable) }
}
