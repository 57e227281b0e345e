/// From linear to physical addresses: 4-level paging, and the 32-bit and PAE-less start with paging off.
///
/// SDM vol. 3A, "4-Level Paging and 5-Level Paging", "Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags".
/// Not modelled: 32-bit and PAE paging outside long mode (reported as unsupported), protection keys, 5-level paging.

enum Access: UInt8 {
  case read, write, execute
}

/// Bits of a page-table entry.
enum PageTableEntry {
  static let present: UInt64 = 1 << 0
  static let writable: UInt64 = 1 << 1
  static let user: UInt64 = 1 << 2
  static let accessed: UInt64 = 1 << 5
  static let dirty: UInt64 = 1 << 6
  static let pageSize: UInt64 = 1 << 7
  static let global: UInt64 = 1 << 8
  static let noExecute: UInt64 = 1 << 63
  static let addressMask: UInt64 = 0x000F_FFFF_FFFF_F000
}

/// Bits of a page fault's error code.
enum PageFaultCode {
  static let present: UInt32 = 1
  static let write: UInt32 = 2
  static let user: UInt32 = 4
  static let reserved: UInt32 = 8
  static let instructionFetch: UInt32 = 16
}

/// A finished walk.
struct Translation {
  var physical: UInt64
  /// Bytes that one entry maps: 4 KiB, 2 MiB or 1 GiB.
  var pageBytes: UInt64
}

extension Processor {
  /// Whether bits 63 to 47 of `address` are equal.
  @inline(__always) public static func isCanonical(_ address: UInt64) -> Bool {
    UInt64(bitPattern: Int64(bitPattern: address &<< 16) &>> 16) == address
  }

  var isLongModeActive: Bool { s.pointee.msr.efer & EFER.longModeActive != 0 }

  /// Walks the page tables, checks the access and sets the A and D flags, as the processor does on a miss.
  ///
  /// `user` says that the access is a user-mode one (CPL 3 and not implicit); `preventUser` that SMAP applies to it.
  func walk(_ linear: UInt64, _ access: Access, user: Bool, preventUser: Bool) throws(Fault) -> Translation {
    guard s.pointee.cr0 & CR0.paging != 0 else {
      return Translation(physical: linear & 0xFFFF_FFFF, pageBytes: 4096)
    }
    guard isLongModeActive else { throw Fault.unsupported("paging outside long mode") }

    var code: UInt32 = user ? PageFaultCode.user : 0
    if access == .write { code |= PageFaultCode.write }
    let noExecute = s.pointee.msr.efer & EFER.noExecute != 0
    if access == .execute && (noExecute || s.pointee.cr4 & CR4.smep != 0) { code |= PageFaultCode.instructionFetch }

    var table = s.pointee.cr3 & PageTableEntry.addressMask
    var rights = PageTableEntry.writable | PageTableEntry.user
    var executeDisabled: UInt64 = 0
    var shift: UInt64 = 39
    var entryAddress: UInt64 = 0
    var entry: UInt64 = 0
    var visited = InlineArray<4, UInt64>(repeating: 0)
    var depth = 0
    while true {
      entryAddress = table + ((linear >> shift) & 0x1FF) &* 8
      entry = loadPhysical64(entryAddress)
      if let footprint, memory.contains(entryAddress, count: 8) { footprint.walk(entryAddress, level: depth) }
      noteTable(entryAddress)
      guard entry & PageTableEntry.present != 0 else { throw Fault.page(errorCode: code, address: linear) }
      var reserved = physicalAddressReserved
      if !noExecute { reserved |= PageTableEntry.noExecute }
      let isLarge = entry & PageTableEntry.pageSize != 0
      if shift == 39 { reserved |= PageTableEntry.pageSize }
      if shift == 30 && isLarge { reserved |= profile.hasGigabytePages ? 0x3FFF_E000 : PageTableEntry.pageSize }
      if shift == 21 && isLarge { reserved |= 0x1F_E000 }
      guard entry & reserved == 0 else {
        throw Fault.page(errorCode: code | PageFaultCode.present | PageFaultCode.reserved, address: linear)
      }
      rights &= entry
      executeDisabled |= entry & PageTableEntry.noExecute
      if shift == 12 || (isLarge && shift != 39) { break }
      visited[depth] = entryAddress
      depth += 1
      table = entry & PageTableEntry.addressMask
      shift -= 9
    }

    let userPage = rights & PageTableEntry.user != 0
    let writable = rights & PageTableEntry.writable != 0
    var allowed: Bool
    switch access {
    case .execute:
      allowed = executeDisabled == 0
      if user { allowed = allowed && userPage } else if userPage && s.pointee.cr4 & CR4.smep != 0 { allowed = false }
    case .read:
      allowed = user ? userPage : !(userPage && preventUser)
    case .write:
      if user {
        allowed = userPage && writable
      } else {
        allowed = (writable || s.pointee.cr0 & CR0.writeProtect == 0) && !(userPage && preventUser)
      }
    }
    let isUnprotected = !allowed && access == .write && userPage && linear & ~0xFFF == unprotectedPage
    guard allowed || isUnprotected else {
      throw Fault.page(errorCode: code | PageFaultCode.present, address: linear)
    }

    for level in 0..<depth {
      let parent = loadPhysical64(visited[level])
      if parent & PageTableEntry.accessed == 0 {
        storePhysical64(visited[level], parent | PageTableEntry.accessed)
      }
    }
    var wanted = entry | PageTableEntry.accessed
    if access == .write && !isUnprotected { wanted |= PageTableEntry.dirty }
    if wanted != entry { storePhysical64(entryAddress, wanted) }

    let pageBytes: UInt64 = 1 << shift
    let base = entry & PageTableEntry.addressMask & ~(pageBytes - 1)
    return Translation(physical: base | (linear & (pageBytes - 1)), pageBytes: pageBytes)
  }

  /// Translates for somebody who only looks: no fault is raised and no flag is set. Nil where nothing is mapped.
  public func physicalAddress(of linear: UInt64) -> UInt64? { physicalAddress(of: linear, tables: s.pointee.cr3) }

  /// The same, in the address space whose top table `tables` (a CR3 value) names.
  public func physicalAddress(of linear: UInt64, tables: UInt64) -> UInt64? {
    guard s.pointee.cr0 & CR0.paging != 0 else { return linear & 0xFFFF_FFFF }
    var table = tables & PageTableEntry.addressMask
    var shift: UInt64 = 39
    while true {
      let entry = loadTableEntry(table + ((linear >> shift) & 0x1FF) &* 8)
      guard entry & PageTableEntry.present != 0 else { return nil }
      if shift == 12 || (shift != 39 && entry & PageTableEntry.pageSize != 0) {
        let mask: UInt64 = (1 << shift) - 1
        return (entry & PageTableEntry.addressMask & ~mask) | (linear & mask)
      }
      table = entry & PageTableEntry.addressMask
      shift -= 9
    }
  }

  /// Whether supervisor mode could store at `linear` in the current address space with SMAP on: mapped, writable, and not a
  /// user page. No fault is raised and no flag is set.
  public func isSupervisorWritable(_ linear: UInt64) -> Bool {
    writablePage(linear).map { !$0.isUser } ?? false
  }

  /// The same without SMAP: user pages are no obstacle.
  public func isMappedWritable(_ linear: UInt64) -> Bool { writablePage(linear) != nil }

  /// Whether user mode can reach the word at `linear`, or the one below it, in the address space whose top table `tables` (a CR3
  /// value) names: present and a user page at every level. No fault is raised and no flag is set.
  ///
  /// - Parameter top: the entries of the top table, where it may hold others now; empty where it holds what it held.
  public func isUserReachable(_ linear: UInt64, tables: UInt64, top: [UInt64] = []) -> Bool {
    isUserPage(linear &- 8, tables, top) || isUserPage(linear, tables, top)
  }

  private func isUserPage(_ linear: UInt64, _ tables: UInt64, _ top: [UInt64]) -> Bool {
    guard Self.isCanonical(linear), s.pointee.cr0 & CR0.paging != 0 else { return false }
    let needed = PageTableEntry.present | PageTableEntry.user
    var table = tables & PageTableEntry.addressMask
    var shift: UInt64 = 39
    while true {
      let index = (linear >> shift) & 0x1FF
      let entry = shift == 39 && !top.isEmpty ? top[Int(index)] : loadTableEntry(table + index &* 8)
      guard entry & needed == needed else { return false }
      if shift == 12 || (shift != 39 && entry & PageTableEntry.pageSize != 0) { return true }
      table = entry & PageTableEntry.addressMask
      shift -= 9
    }
  }

  /// The 512 entries of the top table.
  public var topTableEntries: [UInt64] { (0..<512).map { loadTableEntry(topTable &+ $0 &* 8) } }

  /// Nil where the page is not mapped or read-only.
  private func writablePage(_ linear: UInt64) -> (isUser: Bool, shift: UInt64)? {
    guard Self.isCanonical(linear), s.pointee.cr0 & CR0.paging != 0 else { return nil }
    var table = s.pointee.cr3 & PageTableEntry.addressMask
    var shift: UInt64 = 39
    var isUser = true
    while true {
      let entry = loadTableEntry(table + ((linear >> shift) & 0x1FF) &* 8)
      guard entry & PageTableEntry.present != 0, entry & PageTableEntry.writable != 0 else { return nil }
      isUser = isUser && entry & PageTableEntry.user != 0
      if shift == 12 || (shift != 39 && entry & PageTableEntry.pageSize != 0) { return (isUser, shift) }
      table = entry & PageTableEntry.addressMask
      shift -= 9
    }
  }

  /// An entry of a page table.
  private func loadTableEntry(_ address: UInt64) -> UInt64 {
    noteTable(address)
    return loadPhysical64(address)
  }

  /// A page-table entry or descriptor; all ones where there is no RAM.
  @inline(__always) func loadPhysical64(_ address: UInt64) -> UInt64 {
    guard memory.contains(address, count: 8) else { return ~0 }
    return (memory.base + Int(address)).loadUnaligned(as: UInt64.self)
  }

  func storePhysical64(_ address: UInt64, _ value: UInt64) {
    guard memory.contains(address, count: 8) else { return }
    let page = Int(address >> 12)
    memory.prepareWrite(page: page)
    if memory.codeLines[page] != 0 { dropCode(at: address, count: 8) }
    noteTableChange(page: page)
    (memory.base + Int(address)).storeBytes(of: value, as: UInt64.self)
  }
}
