/// The audit of the frame table: counts every reference anew, from all that can hold one, and compares.
///
/// What holds a reference: the domain, to each frame it has; a pin; the virtual CPU, to its page tables, its GDT and LDT and its
/// vcpu_info; each entry of each page table; a grant that is mapped for devices. Xen `xen/arch/x86/x86_64/mm.c` once had the like as `audit_domain`.
import Findings

extension XenPVComputer {
  private struct Counts {
    var references: UInt64 = 0
    var types: [PageType: UInt64] = [:]
    var linear: Int = 0
  }

  /// What is wrong with the frame table, a sentence each; empty where all is well.
  public func auditFrames() -> [String] {
    var findings: [String] = []
    var expected = [Counts](repeating: Counts(), count: domain.map.totalFrames)
    func refer(_ mfn: UInt64, as type: PageType? = nil, _ what: String) {
      guard domain.map.isValid(mfn), isOwn(mfn) else {
        return findings.append("\(what) leads to frame \(hex(mfn)), which is not the domain's")
      }
      expected[Int(mfn)].references += 1
      if let type { expected[Int(mfn)].types[type, default: 0] += 1 }
    }
    referToRoots(refer)
    for mfn in ownFrames where countInfo(mfn) & CountInfo.countMask != 0 {
      let level = typeInUse(mfn)
      if level == .segmentDescriptors { checkDescriptors(mfn, &findings) }
      guard level.isTable else { continue }
      for index in 0..<UInt64(512) {
        let entry = processor.physicalWord(at: mfn << 12 + index * 8)
        let what = "entry \(index) of the \(level) \(hex(mfn))"
        guard Self.isGuestSlot(index, level) else {
          if !isHypervisorEntry(entry, index) { findings.append("\(what) is the hypervisor's, and is \(hex(entry))") }
          continue
        }
        guard entry & PageFlags.present != 0 else { continue }
        let target = PageFlags.frame(entry)
        if level == .l1Table {
          if entry & leafDisallowed != 0 || PageFlags.adjusted(entry, level: level) != entry {
            findings.append("\(what) may not be \(hex(entry))")
          }
          if isIOMemory(target) {
            if !domain.isPrivileged { findings.append("\(what) leads to memory of devices, \(hex(target))") }
          } else {
            refer(target, as: entry & PageFlags.writable != 0 ? .writable : nil, what)
          }
        } else {
          if entry & PageFlags.tableDisallowed != 0 { findings.append("\(what) may not be \(hex(entry))") }
          if target == mfn {
            if entry & PageFlags.writable != 0 { findings.append("\(what) lets the table write itself") }
            continue
          }
          let isLinear = domain.map.isValid(target) && typeInUse(target) == level
          refer(target, as: isLinear ? level : Self.below(level), what)
          if isLinear, domain.map.isValid(target) {
            expected[Int(mfn)].linear += 1
            expected[Int(target)].linear -= 1
          }
        }
      }
    }
    for mfn in ownFrames { compare(mfn, expected[Int(mfn)], &findings) }
    let free = Set(domain.freeFrames)
    if free.count != domain.freeFrames.count { findings.append("a frame is free twice") }
    for mfn in ownFrames where domain.map.isDomainFrame(mfn) {
      if (countInfo(mfn) == 0) != free.contains(mfn) {
        findings.append("frame \(hex(mfn)) is free and in use, or neither")
      }
    }
    return findings
  }

  private var ownFrames: [UInt64] {
    (domain.map.sharedInfo..<UInt64(domain.map.totalFrames)).filter(isOwn)
  }

  /// What refers to frames without being an entry of the guest's.
  private func referToRoots(_ refer: (UInt64, PageType?, String) -> Void) {
    for mfn in ownFrames {
      if countInfo(mfn) & CountInfo.allocated != 0 { refer(mfn, nil, "the domain") }
      if typeInfo(mfn) & TypeInfo.pinned != 0 { refer(mfn, TypeInfo.type(typeInfo(mfn)), "the pin of \(hex(mfn))") }
    }
    refer(domain.vcpu.guestTable >> 12, .l4Table, "guest_table")
    if domain.vcpu.guestTableUser != 0 { refer(domain.vcpu.guestTableUser >> 12, .l4Table, "guest_table_user") }
    for frame in domain.vcpu.gdtFrames { refer(frame, .segmentDescriptors, "the GDT") }
    for page in 0..<16 { if let frame = ldtFrame(page) { refer(frame, .segmentDescriptors, "the LDT") } }
    for ring in [domain.consoleFrame, domain.storeFrame] where ring != 0 { refer(ring, .writable, "a ring") }
    if let fifo = domain.eventChannels.fifo {
      for frame in [fifo.controlBlock >> 12] + fifo.frames { refer(frame, .writable, "the event channels") }
    }
    if let frame = domain.eoiMap { refer(frame, .writable, "the map of EOIs") }
    // The references of a mapping by the processor are the entry's.
    for mapping in domain.grantTable.mappings.all where mapping.flags & GrantMap.device != 0 {
      let type = mapping.flags & GrantMap.readOnly == 0 ? PageType.writable : nil
      refer(domain.grantTable[mapping.reference].frame, type, "a grant for devices")
    }
    if domain.vcpu.hasOwnVCPUInfo { refer(domain.vcpu.vcpuInfo >> 12, .writable, "vcpu_info") }
  }

  private func compare(_ mfn: UInt64, _ counts: Counts, _ findings: inout [String]) {
    var counts = counts
    // What Xen shares of its own is writable for good, whoever refers to it.
    if domain.map.isSharedWithGuest(mfn), countInfo(mfn) != 0 { counts.types[.writable, default: 0] += 1 }
    let references = countInfo(mfn) & CountInfo.countMask
    if references != counts.references {
      findings.append("frame \(hex(mfn)) has \(references) references; \(counts.references) are counted")
    }
    let types = typeInfo(mfn) & TypeInfo.countMask
    let inUse = typeInUse(mfn)
    for (type, count) in counts.types where type != inUse {
      findings.append("frame \(hex(mfn)) is in use as \(inUse), and \(count) references are to a \(type)")
    }
    if types != counts.types[inUse] ?? 0 {
      findings.append("frame \(hex(mfn)) has \(types) references as \(inUse); \(counts.types[inUse] ?? 0) are counted")
    }
    if types != 0 && typeInfo(mfn) & TypeInfo.validated == 0 { findings.append("frame \(hex(mfn)) was never checked") }
    if inUse.isTable && Int(linearCount(mfn)) != counts.linear {
      findings.append("table \(hex(mfn)) has a linear count of \(linearCount(mfn)); \(counts.linear) is counted")
    }
  }

  private func checkDescriptors(_ mfn: UInt64, _ findings: inout [String]) {
    for index in 0..<UInt64(512) {
      let descriptor = processor.physicalWord(at: mfn << 12 + index * 8)
      if Self.checkedDescriptor(descriptor) != descriptor {
        findings.append("descriptor \(index) of frame \(hex(mfn)) may not be \(hex(descriptor))")
      }
    }
  }

  private func isHypervisorEntry(_ entry: UInt64, _ index: UInt64) -> Bool {
    let target = PageFlags.frame(entry)
    switch index {
    case HypervisorTable.m2pSlot:
      return entry == 0
        || (target == domain.map.xenTables + HypervisorTable.m2pL3 && entry & PageFlags.writable == 0)
    case HypervisorTable.domainSlot:
      return target == domain.map.xenTables + HypervisorTable.domainL3 && entry & PageFlags.user == 0
    case HypervisorTable.directMapSlot:
      return target == domain.map.xenTables + HypervisorTable.directMapL3 && entry & PageFlags.user == 0
    default: return entry == 0
    }
  }
}
