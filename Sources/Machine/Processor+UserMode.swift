/// A processor that begins in 64-bit user mode, with a kernel that does nothing but say which exception came.
///
/// For tests of instructions, and for whoever plays the kernel of a small program: start, run until halted, ask
/// `takeException`, run again. SDM vol. 3A, "IA-32e Mode Operation", "4-Level Paging and 5-Level Paging", "64-Bit Mode Stack Frame".
/// The selectors are those of Linux (CS 0x33, SS 0x2B, the rest null), so that a user program cannot tell.
///
/// The system area, addressed as it lies in physical memory:
///
///     +0x0000  PML4, PDPT and page directory, a page each
///     +0x3000  IDT; GDT at +0x3200; TSS at +0x3400
///     +0x4000  where the gates lead, 16 bytes apart: each is a HLT
///     +0x5000  the stack of privilege 0
///     +0x6000  page tables, one for each 2 MiB that holds a user page

/// Pages that user mode may access, at a linear address equal to their physical one.
public struct UserPages: Sendable {
  public var addresses: Range<UInt64>
  public var isWritable: Bool
  public var isExecutable: Bool

  public init(_ addresses: Range<UInt64>, isWritable: Bool, isExecutable: Bool) {
    self.addresses = addresses
    self.isWritable = isWritable
    self.isExecutable = isExecutable
  }
}

/// An exception as its frame on the kernel's stack has it.
public struct TakenException: Sendable, Hashable {
  public var vector: Vector
  public var errorCode: UInt32?
  public var rip: UInt64
  public var rsp: UInt64
  public var rflags: RFLAGS
}

private enum SystemArea {
  static let descriptorTables: UInt64 = 0x3000
  static let gdt: UInt64 = 0x3200
  static let tss: UInt64 = 0x3400
  static let handlers: UInt64 = 0x4000
  static let stackTop: UInt64 = 0x6000
  static let pageTables: UInt64 = 0x6000

  static let vectors: UInt64 = 32
  static let kernelCode: UInt64 = 0x10
  static let userStack: UInt16 = 0x2B
  static let userCode: UInt16 = 0x33
}

extension Processor {
  /// Puts the processor into 64-bit user mode. `systemArea`, page-aligned, must have room in RAM for what the kernel needs.
  /// False, with memory and state as before, when it has not, or when user pages lie outside RAM or above 1 GiB.
  public func startUserMode(pages: [UserPages], systemArea area: UInt64) -> Bool {
    guard area & 0xFFF == 0 else { return false }
    var tables: [UInt64: [UInt64]] = [:]
    let system = PageTableEntry.present | PageTableEntry.writable
    func map(_ range: Range<UInt64>, _ rights: UInt64) -> Bool {
      guard range.lowerBound & 0xFFF == 0, range.upperBound & 0xFFF == 0, range.upperBound <= 1 << 30 else {
        return false
      }
      for page in stride(from: range.lowerBound, to: range.upperBound, by: 4096) {
        tables[page >> 21, default: [UInt64](repeating: 0, count: 512)][Int(page >> 12) & 0x1FF] = page | rights
      }
      return memory.contains(range.lowerBound, count: range.count)
    }
    for pages in pages {
      let rights =
        PageTableEntry.present | PageTableEntry.user | (pages.isWritable ? PageTableEntry.writable : 0)
        | (pages.isExecutable ? 0 : PageTableEntry.noExecute)
      guard map(pages.addresses, rights) else { return false }
    }
    guard map(area..<area + SystemArea.pageTables, system) else { return false }
    guard memory.contains(area, count: Int(SystemArea.pageTables) + tables.count * 4096) else { return false }

    let anyUser = system | PageTableEntry.user
    var directory = [UInt64](repeating: 0, count: 512)
    for (ordinal, entry) in tables.sorted(by: { $0.key < $1.key }).enumerated() {
      let at = area + SystemArea.pageTables + UInt64(ordinal) * 4096
      directory[Int(entry.key)] = at | anyUser
      writeWords(entry.value, at: at)
    }
    var top = [UInt64](repeating: 0, count: 512)
    top[0] = (area + 0x1000) | anyUser
    writeWords(top, at: area)
    top[0] = (area + 0x2000) | anyUser
    writeWords(top, at: area + 0x1000)
    writeWords(directory, at: area + 0x2000)
    writeDescriptorTables(area)
    setState(userModeState(area))
    return true
  }

  /// The exception that was delivered since the processor was in user mode last; it is back there, at the RIP of the frame.
  /// Nil where it never left.
  public func takeException() -> TakenException? {
    let handlers = (s.pointee.cr3 & PageTableEntry.addressMask) + SystemArea.handlers
    guard s.pointee.cpl == 0, s.pointee.rip >= handlers, s.pointee.rip < handlers + SystemArea.vectors * 16 else {
      return nil
    }
    let vector = Vector(UInt8((s.pointee.rip - handlers) / 16))
    let stackTop = (s.pointee.cr3 & PageTableEntry.addressMask) + SystemArea.stackTop
    var at = get(Slot.rsp, UInt64.self)
    var errorCode: UInt32?
    if stackTop - at == 48 {
      errorCode = UInt32(truncatingIfNeeded: loadPhysical64(at))
      at += 8
    }
    let taken = TakenException(
      vector: vector, errorCode: errorCode, rip: loadPhysical64(at), rsp: loadPhysical64(at + 24),
      rflags: RFLAGS(rawValue: loadPhysical64(at + 16)))
    enterUserCode(&s.pointee)
    s.pointee.isHalted = false
    s.pointee.rip = taken.rip
    set(Slot.rsp, taken.rsp)
    s.pointee.rflags = taken.rflags
    updateView()
    return taken
  }

  private func writeWords(_ words: [UInt64], at address: UInt64) {
    writePhysical(words.withUnsafeBytes { [UInt8]($0) }, at: address)
  }

  private func writeDescriptorTables(_ area: UInt64) {
    var gates: [UInt64] = []
    for vector in 0..<SystemArea.vectors {
      let target = area + SystemArea.handlers + vector * 16
      // Breakpoints and INTO are for user mode to raise; the rest is the processor's.
      let privilege: UInt64 = vector == 3 || vector == 4 ? 3 : 0
      gates.append(
        target & 0xFFFF | SystemArea.kernelCode << 16 | (0x8E | privilege << 5) << 40 | (target >> 16 & 0xFFFF) << 48)
      gates.append(target >> 32)
    }
    writeWords(gates, at: area + SystemArea.descriptorTables)
    writePhysical([UInt8](repeating: 0xF4, count: Int(SystemArea.vectors * 16)), at: area + SystemArea.handlers)
    let tss = area + SystemArea.tss
    writeWords(
      [
        0, 0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0, 0x00CF_F300_0000_FFFF, 0x00AF_FB00_0000_FFFF, 0,
        0x67 | (tss & 0xFF_FFFF) << 16 | 0x8B << 40 | (tss >> 24 & 0xFF) << 56, tss >> 32,
      ], at: area + SystemArea.gdt)
    // RSP0 is at byte 4; the I/O map base, at byte 102, lies outside the limit, so no port is open.
    let stackTop = area + SystemArea.stackTop
    writeWords([stackTop << 32, stackTop >> 32] + [UInt64](repeating: 0, count: 10) + [0x68 << 48], at: tss)
  }

  private func userModeState(_ area: UInt64) -> ProcessorState {
    var state = ProcessorState()
    state.cr0 =
      CR0.protection | CR0.monitorCoprocessor | CR0.extensionType | CR0.numericError | CR0.writeProtect
      | CR0.alignmentMask | CR0.paging
    state.cr3 = area
    state.cr4 = CR4.physicalAddressExtension | CR4.fxsave | CR4.unmaskedSIMDExceptions
    state.msr.efer = EFER.syscallEnable | EFER.longModeEnable | EFER.longModeActive | EFER.noExecute
    state.idtr.base = area + SystemArea.descriptorTables
    state.idtr.limit = UInt16(SystemArea.vectors * 16 - 1)
    state.gdtr.base = area + SystemArea.gdt
    state.gdtr.limit = 10 * 8 - 1
    state.tr = SegmentRegister(selector: 0x40, attributes: 0x8B, limit: 0x67)
    state.trBase = area + SystemArea.tss
    state.rflags = [.interruptEnable, .fixedOne]
    enterUserCode(&state)
    return state
  }

  private func enterUserCode(_ state: inout ProcessorState) {
    state.cpl = 3
    state.codeMode = .bits64
    state.segments[SegmentName.cs.rawValue] = SegmentRegister(
      selector: SystemArea.userCode, attributes: 0xA0FB, limit: 0xFFFF_FFFF)
    state.segments[SegmentName.ss.rawValue] = SegmentRegister(
      selector: SystemArea.userStack, attributes: 0xC0F3, limit: 0xFFFF_FFFF)
  }
}
