/// The domain builder: what `xl create` does with a kernel.
///
/// Xen `tools/libs/guest/xg_dom_core.c`, `xg_dom_x86.c`, `xg_dom_boot.c`. All checks come before the first effect.
import Machine

extension XenPVComputer {
  /// Puts a kernel into the empty domain, ready for its first instruction. `module` is the initial ramdisk.
  public func build(
    _ kernel: GuestKernel, module: [UInt8]? = nil, commandLine: String = "", isPrivileged: Bool = false
  ) throws(Refusal) {
    precondition(domain.startInfo == 0, "a domain is built once")
    let parameters = try KernelParameters(kernel, isPrivileged: isPrivileged)
    guard commandLine.utf8.count < 1024, !commandLine.utf8.contains(0) else {
      throw Refusal(
        "the command line has \(commandLine.utf8.count) bytes; start_info has room for 1023 that are not zero")
    }
    guard domain.map.totalFrames <= HypervisorTable.mostFrames else {
      throw Refusal(
        "a domain of \(domain.map.domainPages) pages; \(HypervisorTable.mostFrames >> 18) GiB is the most",
        hasTooMuchMemory: true)
    }
    let layout = try DomainLayout(parameters, moduleSize: module?.count, domainPages: domain.map.domainPages)
    try parameters.checkHypercallPage()
    domain.isPrivileged = isPrivileged
    // construct_dom0 takes the note for the assist; a domU asks for it.
    if isPrivileged && parameters.takesExtendedCR3 { domain.assists |= 1 << Assist.paeExtendedCR3.rawValue }
    buildHypervisorTables()
    buildFrameTable()
    place(kernel, parameters)
    if let page = parameters.hypercallPage {
      processor.writePhysical(Self.hypercallPage, at: machineAddress(of: page, parameters))
    }
    if let module { processor.writePhysical(module, at: domain.map.machineFrame(layout.module.start) << 12) }
    fillP2M(layout)
    fillPageTables(layout)
    if !isPrivileged {
      domain.storeFrame = domain.map.machineFrame(layout.storeRing)
      domain.storePort = domain.eventChannels.bind(.xenStore) ?? 0
      domain.xenStore = XenStore(domainPages: domain.map.domainPages)
      domain.consoleFrame = domain.map.machineFrame(layout.consoleRing)
      domain.consolePort = domain.eventChannels.bind(.console) ?? 0
    }
    fillSharedInfo()
    fillStartInfo(layout, parameters, moduleSize: module?.count, commandLine: commandLine)
    domain.startInfo = domain.map.machineFrame(layout.startInfo) << 12
    startTables(domain.map.machineFrame(layout.tables.start))
    // The console daemon and XenStore have their rings mapped.
    for frame in [domain.consoleFrame, domain.storeFrame] where frame != 0 { _ = holdWritableFrame(frame) }
    fillVirtualCPU(layout, parameters)
  }

  /// Each page of the domain is allocated to it and has no type; shared_info is Xen's own, and the guest may write it.
  private func buildFrameTable() {
    let map = domain.map
    for pfn in 0..<UInt64(map.domainPages) {
      setCountInfo(map.machineFrame(pfn), CountInfo.allocated | 1)
      setPseudoPhysicalFrame(of: map.machineFrame(pfn), pfn)
    }
    shareWithGuest(map.sharedInfo)
    growGrantTable(to: domain.grantTable.frames)
  }

  /// share_xen_page_with_guest.
  func shareWithGuest(_ mfn: UInt64) {
    setCountInfo(mfn, CountInfo.allocated | CountInfo.xenHeap | 1)
    setTypeInfo(mfn, PageType.writable.rawValue << TypeInfo.typeShift | TypeInfo.validated | 1)
  }

  private func machineAddress(of virtual: UInt64, _ kernel: KernelParameters) -> UInt64 {
    domain.map.firstDomainFrame << 12 + (virtual - (kernel.virtualBase ?? 0))
  }

  private func place(_ kernel: GuestKernel, _ parameters: KernelParameters) {
    let lowest = kernel.segments.map(\.physicalAddress).min() ?? 0
    for segment in kernel.segments {
      let virtual = parameters.start + (segment.physicalAddress - lowest)
      processor.writePhysical(segment.bytes, at: machineAddress(of: virtual, parameters))
    }
  }

  private func fillP2M(_ layout: DomainLayout) {
    let map = domain.map
    for pfn in 0..<UInt64(map.domainPages) {
      processor.setPhysicalWord(map.machineFrame(pfn), at: map.machineFrame(layout.p2m.start) << 12 + pfn * 8)
    }
  }

  /// setup_pgtables_pv.
  private func fillPageTables(_ layout: DomainLayout) {
    for (table, frame) in layout.frameOfTable where table.level > 1 {
      let level = table.level - 1
      for index in 0..<UInt64(512) {
        let child = DomainLayout.Table(level: level, first: table.first(index))
        guard let childFrame = layout.frameOfTable[child] else { continue }
        setBuilderEntry(frame, index, childFrame, PageFlags.builderTable)
      }
    }
    let tableFrames = Set(layout.frameOfTable.values)
    for mapping in layout.mappings {
      for page in 0...(mapping.last - mapping.first) >> 12 {
        let address = mapping.first + page << 12
        let first = address & ~(1 << DomainLayout.shift(2) - 1)
        guard let table = layout.frameOfTable[DomainLayout.Table(level: 1, first: first)] else {
          preconditionFailure("the layout has a table for each page of its mappings")
        }
        let pfn = mapping.frame + page
        let flags = tableFrames.contains(pfn) ? PageFlags.builderPage & ~PageFlags.writable : PageFlags.builderPage
        setBuilderEntry(table, address >> 12 & 0x1FF, pfn, flags)
      }
    }
  }

  private func setBuilderEntry(_ table: UInt64, _ index: UInt64, _ pfn: UInt64, _ flags: UInt64) {
    let map = domain.map
    processor.setPhysicalWord(
      map.machineFrame(pfn) << 12 | flags, at: map.machineFrame(table) << 12 + index * 8)
  }

  /// The toolstack pins the top table, then the virtual CPU takes it for its own.
  private func startTables(_ l4: UInt64) {
    do throws(Errno) {
      try getPageAndType(l4, .l4Table)
      setTypeInfo(l4, typeInfo(l4) | TypeInfo.pinned)
      try getPageAndType(l4, .l4Table)
    } catch {
      preconditionFailure("the builder's own page tables are refused")
    }
    showMachineToPhys(in: l4, true)
    domain.vcpu.guestTable = l4 << 12
  }

  /// pv_ring3_init_hypercall_page: 32 bytes for each call; that of iret does not return.
  static var hypercallPage: [UInt8] {
    (0..<UInt32(128)).flatMap { number -> [UInt8] in
      let push: [UInt8] = number == 23 ? [0x51, 0x41, 0x53, 0x50, 0xB8] : [0x51, 0x41, 0x53, 0xB8]
      let leave: [UInt8] = number == 23 ? [0x0F, 0x05] : [0x0F, 0x05, 0x41, 0x5B, 0x59, 0xC3]
      let stub = push + littleEndian(number) + leave
      return stub + [UInt8](repeating: 0xCC, count: 32 - stub.count)
    }
  }
}

extension PageFlags {
  /// lvl_prot of `xg_dom_x86.c`.
  static let builderPage = present | writable | accessed
  static let builderTable = present | writable | accessed | dirty | user
}

extension DomainLayout.Table {
  /// The first address that an entry maps, with the sign extended.
  func first(_ index: UInt64) -> UInt64 {
    let address = first | index << DomainLayout.shift(level)
    return UInt64(bitPattern: Int64(bitPattern: address << 16) >> 16)
  }
}
