/// physdev_op: I/O privilege, and interrupts of devices that the domain does not have.
///
/// Xen `xen/arch/x86/physdev.c`, `do_physdev_op`; `xen/drivers/pci/physdev.c`; `xen/include/public/physdev.h`, PHYSDEVOP_*.
/// Not modelled: physical interrupts, MSI and PCI devices, not even for a domain 0, which is answered as a domU is.

/// The physical interrupts that a domain could be given.
enum PhysicalInterrupts {
  /// nr_pirqs: the pins of one I/O APIC and 32 more for a domU.
  static let count: UInt32 = 56
}

extension XenPVComputer {
  func physdevOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    try physdevOp(call.first & 0xFFFF_FFFF, call.second)
    return 0
  }

  func physdevOp(_ operation: UInt64, _ argument: UInt64) throws(Errno) {
    switch operation {
    case 4:
      // IRQ_UNMASK_NOTIFY: no interrupt is masked.
      return
    case 5: try queryIRQStatus(argument)
    case 6:
      let iopl: UInt32 = try copyFromGuest(argument, count: 4).field(0)
      guard iopl <= 3 else { throw .EINVAL }
      domain.vcpu.iopl = UInt64(iopl) << 12
    case 7: try setIOBitmap(argument)
    case 8, 9: try refuse(argument, count: 16)  // apic_read, apic_write
    case 10: try refuse(argument, count: 8)  // alloc_irq_vector
    case 12:
      // eoi: no interrupt is bound.
      _ = try copyFromGuest(argument, count: 4)
      throw .EINVAL
    case 13: try mapPIRQ(argument)
    case 14: try unmapPIRQ(argument)
    case 15, 16: try refuse(argument, count: 2)  // manage_pci_add, manage_pci_remove
    case 17, 28: try setEOIMap(argument)
    case 19: try refuse(argument, count: 2, or: .ENODEV)  // restore_msi
    case 20: try addDevice(argument)
    case 21: try setUpGSI(argument)
    case 23: try refuse(argument, count: 8, or: .ENOSPC)  // get_free_pirq
    case 24: throw .EPERM  // pci_mmcfg_reserved
    case 25: try refuse(argument, count: 12)  // pci_device_add
    case 26: try refuse(argument, count: 4)  // pci_device_remove
    case 27: try refuse(argument, count: 4, or: .ENODEV)  // restore_msi_ext
    case 29: throw .EPERM  // dbgp_op
    case 30, 31: try refuse(argument, count: 4)  // prepare_msix, release_msix
    default: throw .ENOSYS
    }
  }

  /// The structure is copied in before anything is found wrong with the call.
  private func refuse(_ argument: UInt64, count: Int, or error: Errno = .EPERM) throws(Errno) {
    _ = try copyFromGuest(argument, count: count)
    throw error
  }

  /// manage_pci_add_ext: { u8 bus, devfn; u32 is_extfn @4, is_virtfn; u8 physfn[2]; }
  private func addDevice(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 16)
    guard (raw.field(4) as UInt32) <= 1, (raw.field(8) as UInt32) <= 1 else { throw .EINVAL }
    throw .EPERM
  }

  /// { u32 irq, flags; }
  private func queryIRQStatus(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 8)
    guard (raw.field(0) as UInt32) < PhysicalInterrupts.count else { throw .EINVAL }
    // XENIRQSTAT_needs_eoi.
    raw.setField(4, UInt32(1))
    try copyToGuest(raw, argument)
  }

  /// { u64 bitmap; u32 nr_ports; }
  private func setIOBitmap(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 16)
    let (bitmap, ports): (UInt64, UInt32) = (raw.field(0), raw.field(8))
    guard isAccessible(bitmap, count: 8192), ports <= 65536 else { throw .EINVAL }
    domain.vcpu.ioBitmap = bitmap
    domain.vcpu.ioBitmapLimit = ports
  }

  /// struct physdev_map_pirq, 40 bytes; the domain is its first field. The structure is copied out again, whatever comes.
  private func mapPIRQ(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 40)
    try copyToGuest(raw, argument)
    try checkKnown(raw.field(0))
    throw .EPERM
  }

  /// { u16 domid; int pirq; }
  private func unmapPIRQ(_ argument: UInt64) throws(Errno) {
    try checkKnown(try copyFromGuest(argument, count: 8).field(0))
    throw .EPERM
  }

  private func checkKnown(_ identifier: UInt16) throws(Errno) {
    guard identifier == DomainID.own || identifier == domain.identifier || identifier == 0 else { throw .ESRCH }
  }

  /// { u64 gmfn; }: a page of flags, one for each interrupt that needs an EOI.
  private func setEOIMap(_ argument: UInt64) throws(Errno) {
    let frame: UInt64 = try copyFromGuest(argument, count: 8).field(0)
    guard holdWritableFrame(frame) else { throw .EINVAL }
    guard domain.eoiMap == nil else {
      releaseWritableFrame(frame)
      throw .EBUSY
    }
    domain.eoiMap = frame
  }

  /// { int gsi; u8 triggering, polarity; }
  private func setUpGSI(_ argument: UInt64) throws(Errno) {
    let gsi: UInt32 = try copyFromGuest(argument, count: 8).field(0)
    throw gsi < 24 ? .EPERM : .EINVAL
  }

  // MARK: The old call

  /// physdev_op_compat: { u32 cmd; union u @8; }. `xen/arch/x86/compat.c`.
  func physdevOpCompat(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let operation: UInt32 = try copyFromGuest(call.first, count: 32).field(0)
    try physdevOp(UInt64(operation), call.first &+ 8)
    return 0
  }
}
