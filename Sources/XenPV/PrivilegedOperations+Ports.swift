/// Port I/O: who may, and what is there. Nothing is, but two latches that every PV domain has.
///
/// Xen `xen/arch/x86/pv/emul-priv-op.c`, `guest_io_okay`, `guest_io_read`, `guest_io_write`, `rep_ins`, `rep_outs`;
/// `xen/arch/x86/time.c`, `rtc_guest_read`.
/// Not modelled: ports of the real machine, not even for a domain 0, and the virtual timer of a domain that is given one.
import Machine

/// What a domain has written to the two ports that remember it.
struct PortLatches: Sendable, Codable, Hashable {
  /// Port 0x70: the index of the CMOS RAM, whose contents no domain sees.
  var cmosIndex: UInt8 = 0
  /// Port 0xCF8: the address for PCI configuration space.
  var pciAddress: UInt32 = 0
}

extension XenPVComputer {
  /// iopl_ok: a kernel counts as privilege 1, or 0 under the architectural_iopl assist; user mode as 3.
  var hasIOPrivilege: Bool {
    let level: UInt64 = domain.vcpu.isInKernel ? (domain.hasAssist(.architecturalIOPL) ? 0 : 1) : 3
    return level << 12 <= domain.vcpu.iopl
  }

  /// guest_io_okay: I/O privilege, or clear bits in the bitmap that the kernel registered.
  private func mayAccess(_ port: UInt32, _ width: Int) -> Bool {
    if hasIOPrivilege { return true }
    guard port + UInt32(width) <= domain.vcpu.ioBitmapLimit else { return false }
    let address = domain.vcpu.ioBitmap &+ UInt64(port >> 3)
    let tables = processor.state.cr3
    // The bitmap is the kernel's.
    if !domain.vcpu.isInKernel { processor.setPageTables(domain.vcpu.guestTable) }
    // Bytes that cannot be read permit nothing.
    let first = processor.copyFromGuest(address, count: 1)?[0] ?? 0xFF
    let second = processor.copyFromGuest(address &+ 1, count: 1)?[0] ?? 0xFF
    if !domain.vcpu.isInKernel { processor.setPageTables(tables) }
    let mask = (UInt32(first) | UInt32(second) << 8) >> (port & 7)
    return mask & (1 << UInt32(width) - 1) == 0
  }

  /// check_guest_io_breakpoint: bits of DR6 for the breakpoints that the access meets.
  private func breakpoints(_ port: UInt32, _ width: Int) -> UInt64 {
    let enabled = domain.vcpu.dr7Emulated
    guard enabled != 0, domain.vcpu.cr4 & CR4.debuggingExtensions != 0 else { return 0 }
    var matches: UInt64 = 0
    for slot in 0..<4 where enabled >> UInt64(slot * 2) & 3 != 0 {
      let length: UInt64 = [1, 2, 8, 4][Int(domain.vcpu.dr7 >> UInt64(18 + slot * 4) & 3)]
      let start = processor.debugRegister(slot) & ~(length - 1)
      if start < UInt64(port) + UInt64(width) && start &+ length > UInt64(port) { matches |= 1 << UInt64(slot) }
    }
    return matches
  }

  // MARK: What is at the ports

  private func readPort(_ port: UInt32, _ width: Int) -> UInt32 {
    if port == 0xCF8 && width == 4 { return domain.portLatches.pciAddress }
    var result: UInt32 = 0
    for index in 0..<UInt32(width) {
      let byte: UInt32 = port + index == 0x70 ? UInt32(domain.portLatches.cmosIndex) : 0xFF
      result |= byte << (index * 8)
    }
    return result
  }

  private func writePort(_ port: UInt32, _ width: Int, _ value: UInt32) {
    if port == 0xCF8 && width == 4 {
      domain.portLatches.pciAddress = value
      return
    }
    for index in 0..<UInt32(width) where port + index == 0x70 {
      domain.portLatches.cmosIndex = UInt8(truncatingIfNeeded: value >> (index * 8))
    }
  }

  // MARK: The instructions

  func accessPort(_ instruction: PrivilegedInstruction, _ matched: inout UInt64) -> Emulated {
    let width = instruction.width
    let port: UInt32
    let reads: Bool
    switch instruction.kind {
    case .input(let immediate):
      (port, reads) = (immediate ? UInt32(instruction.immediate) : UInt32(processor[.rdx] & 0xFFFF), true)
    case .output(let immediate):
      (port, reads) = (immediate ? UInt32(instruction.immediate) : UInt32(processor[.rdx] & 0xFFFF), false)
    default: return .unhandled
    }
    guard mayAccess(port, width) else { return .unhandled }
    matched = breakpoints(port, width)
    if reads {
      let value = UInt64(readPort(port, width))
      let kept: UInt64 = width == 1 ? ~0xFF : width == 2 ? ~0xFFFF : 0
      processor[.rax] = processor[.rax] & kept | value
    } else {
      writePort(port, width, UInt32(truncatingIfNeeded: processor[.rax]))
    }
    return .completed
  }

  /// INS and OUTS. Each entry does a stretch, so that time passes.
  func accessPortByString(_ instruction: PrivilegedInstruction, _ matched: inout UInt64) -> Emulated {
    let reads = instruction.kind == .inputString
    let pointer: GeneralRegister = reads ? .rdi : .rsi
    let mask: UInt64 = instruction.addressSize == 8 ? ~0 : 1 << UInt64(instruction.addressSize * 8) - 1
    let (port, width) = (UInt32(processor[.rdx] & 0xFFFF), instruction.width)
    guard mayAccess(port, width) else { return .unhandled }
    let count = instruction.isRepeated ? processor[.rcx] & mask : 1
    if count == 0 { return .completed }
    matched = breakpoints(port, width)
    let stretch = registers.rflags.contains(.trap) || matched != 0 ? 1 : min(count, 512)
    let step = UInt64(width)
    for done in 0..<stretch {
      let offset = processor[pointer] & mask
      let fault = moveString(instruction, offset, port, reads: reads)
      if let fault { return fault }
      let next = registers.rflags.contains(.direction) ? offset &- step : offset &+ step
      setAddress(pointer, next, mask)
      if instruction.isRepeated {
        setAddress(.rcx, count - done - 1, mask)
        if done == stretch - 1 && count > stretch { return .repeats }
      }
    }
    return .completed
  }

  /// A register of the address size: 16 bits keep the rest, 32 bits clear the upper half.
  private func setAddress(_ register: GeneralRegister, _ value: UInt64, _ mask: UInt64) {
    processor[register] = mask == 0xFFFF ? processor[register] & ~mask | value & mask : value & mask
  }

  private func moveString(_ instruction: PrivilegedInstruction, _ offset: UInt64, _ port: UInt32, reads: Bool)
    -> Emulated?
  {
    let segment = reads ? SegmentName.es : instruction.segment
    let is64Bit = processor.isIn64BitCode
    let width = instruction.width
    var address = offset
    if !is64Bit || segment == .fs || segment == .gs { address &+= processor.segmentBase(segment) }
    if !is64Bit {
      let limit = UInt64(processor.segment(segment).limit)
      guard offset <= limit, limit - offset >= UInt64(width - 1) else { return .fault(segment == .ss ? 12 : 13, 0) }
      address &= 0xFFFF_FFFF
    } else if !isAccessible(address, count: width) {
      return .fault(13, 0)
    }
    if reads {
      let bytes = Array(littleEndian(readPort(port, width)).prefix(width))
      guard processor.copyToGuest(bytes, address) else { return .pageFault(2, firstBad(address, width)) }
      processor.hear(bytes, at: address, isWrite: true)
      return nil
    }
    guard let bytes = processor.copyFromGuest(address, count: width) else {
      return .pageFault(0, firstBad(address, width))
    }
    processor.hear(bytes, at: address, isWrite: false)
    writePort(port, width, bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) })
    return nil
  }

  /// Where an access that crosses into another page fails.
  private func firstBad(_ address: UInt64, _ width: Int) -> UInt64 {
    processor.copyFromGuest(address, count: 1) == nil ? address : (address | 0xFFF) &+ 1
  }
}
