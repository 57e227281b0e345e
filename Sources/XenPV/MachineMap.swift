/// Where everything lies in machine memory: first what is the hypervisor's own, then the domain's pages, one after the other.
///
/// The guest's pfn n is the machine frame `firstDomainFrame + n`. The hypervisor's frames are real memory of the machine: the
/// guest's page tables lead to the few that it may see, and nothing leads to the others.
///
///     frame 0              belongs to nobody
///     machineToPhys        the M2P table: 8 bytes for each frame, read-only to the guest at 0xffff800000000000
///     frameTable           the page_info of each frame: 16 bytes, see PageTypes
///     xenTables            page tables for the hypervisor's slots of every L4
///     sharedInfo           the shared_info page
///     grantTable           the domain's grant table, as far as it may grow
///     grantStatus          the status words of version 2 of it
///     reservedDescriptors  the GDT page with the selectors e008 to e04x
///     firstDomainFrame     pfn 0
///
/// Xen `xen/arch/x86/include/asm/config.h`.
public struct MachineMap: Sendable, Codable, Hashable {
  /// Pages of the domain.
  public let domainPages: Int
  /// Frame numbers.
  public let machineToPhys: UInt64
  public let frameTable: UInt64
  public let xenTables: UInt64
  public let sharedInfo: UInt64
  public let grantTable: UInt64
  public let grantStatus: UInt64
  public let reservedDescriptors: UInt64
  public let firstDomainFrame: UInt64
  public let totalFrames: Int

  /// L3, L2 and L1 tables for the M2P table and for the GDT and LDT of one virtual CPU.
  static let xenTablePages = 32

  public init(domainPages: Int) {
    self.domainPages = domainPages
    // Enough for the domain and for the hypervisor's own frames, which are far fewer than a thousandth of it plus 1024.
    let frames = domainPages + domainPages / 128 + 1024
    machineToPhys = 1
    let mapPages = (frames * 8 + 4095) / 4096
    frameTable = machineToPhys + UInt64(mapPages)
    let tablePages = (frames * 16 + 4095) / 4096
    xenTables = frameTable + UInt64(tablePages)
    sharedInfo = xenTables + UInt64(Self.xenTablePages)
    grantTable = sharedInfo + 1
    grantStatus = grantTable + UInt64(GrantTable.mostFrames)
    reservedDescriptors = grantStatus + UInt64(GrantTable.mostStatusFrames)
    firstDomainFrame = reservedDescriptors + 1
    totalFrames = Int(firstDomainFrame) + domainPages
    precondition(totalFrames <= frames, "the tables cover every frame")
  }

  /// Bytes of machine memory.
  public var memorySize: Int { totalFrames << 12 }

  public func machineFrame(_ pfn: UInt64) -> UInt64 { firstDomainFrame + pfn }

  /// Whether the frame is one of the domain's pages.
  public func isDomainFrame(_ mfn: UInt64) -> Bool {
    mfn >= firstDomainFrame && mfn < UInt64(totalFrames)
  }

  /// Whether the frame is of Xen's own heap and the guest may map it: is_xen_heap_page.
  public func isSharedWithGuest(_ mfn: UInt64) -> Bool {
    mfn == sharedInfo || mfn >= grantTable && mfn < reservedDescriptors
  }

  /// Whether there is memory behind the frame number: Xen's mfn_valid.
  public func isValid(_ mfn: UInt64) -> Bool { mfn < UInt64(totalFrames) }
}

/// Addresses of the hypervisor's part of every address space. Xen `xen/arch/x86/include/asm/config.h`.
public enum Layout {
  /// L4 slots 256 to 271 are the hypervisor's.
  public static let hypervisorSlots = 256..<272
  public static let hypervisorStart: UInt64 = 0xFFFF_8000_0000_0000
  public static let hypervisorEnd: UInt64 = 0xFFFF_8800_0000_0000
  /// RO_MPT_VIRT_START, slot 256: the M2P table.
  public static let machineToPhys: UInt64 = 0xFFFF_8000_0000_0000
  /// PERDOMAIN_VIRT_START, slot 260: the GDT of virtual CPU 0, then its LDT.
  public static let descriptors: UInt64 = 0xFFFF_8200_0000_0000
  public static let ldt: UInt64 = descriptors + 0x10000
  /// Frames of the GDT that the guest may fill: entries below the reserved ones.
  public static let guestGDTFrames = 14
  public static let gdtLimit: UInt16 = 0xEFFF

  /// __addr_ok: not in the hypervisor's range, and below 2^47 or above it.
  public static func isGuestAddress(_ address: UInt64) -> Bool {
    address < 1 << 47 || address >= hypervisorEnd
  }
}

/// Selectors of the reserved part of the GDT. Xen `xen/include/public/arch-x86/xen-x86_64.h`.
public enum FlatSelector {
  public static let code32: UInt16 = 0xE023
  public static let data: UInt16 = 0xE02B
  public static let code64: UInt16 = 0xE033
  /// The TSS, which is Xen's own: asm/desc.h, TSS_ENTRY.
  public static let task: UInt16 = 0xE040
}
