import Foundation
import Machine
import Testing
import XenPV

/// Goal: an unprivileged domain lends to itself as on Xen: maps, copies, statuses, the counts of frames. What domain 0 sees on real Xen
/// is in the lines `grant/*` of the reference kernel; a domU differs by its number, and by domain 0 beside it.
///
/// Xen `xen/common/grant_table.c`.
@Suite struct GrantTests {
  private static let page = SmallKernel.base + 0xA000
  private static let other = SmallKernel.base + 0xB000
  private static let host: UInt32 = 2

  private struct Lender {
    let guest: CallingGuest
    init() throws { guest = try CallingGuest() }
    var computer: XenPVComputer { guest.computer }

    func frame(_ address: UInt64) -> UInt64 { computer.domain.map.machineFrame((address - SmallKernel.base) >> 12) }

    /// An entry of version 1.
    func grant(_ reference: UInt64, _ flags: UInt64, to domain: UInt64 = 1, _ frame: UInt64) {
      computer.processor.setPhysicalWord(
        flags | domain << 16 | frame << 32, at: computer.domain.map.grantTable << 12 + reference * 8)
    }

    func flags(_ reference: UInt64) -> UInt64 {
      computer.processor.physicalWord(at: computer.domain.map.grantTable << 12 + reference * 8) & 0xFFFF
    }

    func call(_ operation: UInt64, _ structure: [UInt32]) -> [UInt32] {
      guest.put(structure)
      #expect(guest.call(.grantTableOp, operation, CallingGuest.scratch, 1) == 0)
      return guest.words(structure.count)
    }

    /// GNTTABOP_map_grant_ref.
    func map(_ reference: UInt32, _ address: UInt64, _ flags: UInt32 = GrantTests.host, domain: UInt32 = 1)
      -> (status: Int16, handle: UInt32)
    {
      let words = call(
        0, [UInt32(truncatingIfNeeded: address), UInt32(address >> 32), flags, reference, domain, ~0, 0, 0])
      return (Int16(truncatingIfNeeded: words[4] >> 16), words[5])
    }

    /// GNTTABOP_unmap_grant_ref.
    func unmap(_ handle: UInt32, _ address: UInt64) -> Int16 {
      let words = call(1, [UInt32(truncatingIfNeeded: address), UInt32(address >> 32), 0, 0, handle, 0])
      return Int16(truncatingIfNeeded: words[5])
    }
  }

  @Test func ownGrantIsMapped() throws {
    let lender = try Lender()
    let computer = lender.computer
    lender.guest.put([0x1234], at: Self.page)
    lender.grant(8, 1, lender.frame(Self.page))
    let (status, handle) = lender.map(8, Self.other)
    #expect(status == 0 && handle == 0 && lender.flags(8) == 0x19)
    #expect(lender.guest.words(1, at: Self.other) == [0x1234])
    #expect(computer.auditFrames() == [])
    // A second mapping in its place, which the handle of the first still names; then there is none.
    #expect(lender.map(8, Self.other).handle == 1)
    #expect(lender.unmap(handle, Self.other) == 0 && lender.flags(8) == 0x19)
    #expect(lender.unmap(handle, Self.other) == -4)
    #expect(lender.unmap(1, Self.other) == -1)
    #expect(lender.guest.computer.processor.copyFromGuest(Self.other, count: 1) == nil)
    #expect(computer.auditFrames() == [])
  }

  @Test func statusesAreXens() throws {
    let lender = try Lender()
    let page = lender.frame(Self.page)
    // The flags choose no mapping; no such domain; DOMID_SELF is none here; beyond the table.
    #expect(lender.map(8, Self.other, 4).status == -3)
    #expect(lender.map(8, Self.other, domain: 55).status == -2)
    #expect(lender.map(8, Self.other, domain: 0x7FF0).status == -2)
    #expect(lender.map(512, Self.other).status == -3)
    // Not granted, to another, for transfer, read-only.
    #expect(lender.map(8, Self.other).status == -1)
    for (flags, domain) in [(UInt64(1), UInt64(0)), (2, 1), (3, 1), (0x101, 1), (5, 1)] {
      lender.grant(8, flags, to: domain, page)
      #expect(lender.map(8, Self.other).status == -1)
    }
    lender.grant(8, 1, 0xFFFF_FFFF)
    #expect(lender.map(8, Self.other).status == -9 && lender.flags(8) == 1)
    // Domain 0 exists and grants nothing.
    #expect(lender.map(8, Self.other, domain: 0).status == -1)
    #expect(lender.map(512, Self.other, domain: 0).status == -3)
    #expect(lender.computer.auditFrames() == [])
  }

  /// A mapping for reading leaves a page table what it is; one for writing is refused.
  @Test func tableIsMappedForReadingAlone() throws {
    let lender = try Lender()
    lender.grant(8, 1, lender.computer.domain.vcpu.guestTable >> 12)
    #expect(lender.map(8, Self.other).status == -1)
    #expect(lender.flags(8) == 1)
    let (status, handle) = lender.map(8, Self.other, Self.host | 4)
    #expect(status == 0)
    #expect(lender.computer.auditFrames() == [])
    #expect(lender.unmap(handle, Self.other) == 0 && lender.flags(8) == 1)
  }

  /// A grant that is in use is of the frame that it was of when that began, whatever its entry says by now.
  @Test func changedEntryDoesNotChangeTheFrame() throws {
    let lender = try Lender()
    let computer = lender.computer
    let table = computer.domain.vcpu.guestTable >> 12
    lender.grant(8, 1, table)
    #expect(lender.map(8, Self.other, Self.host | 4).status == 0)
    lender.grant(8, 9, lender.frame(Self.page))
    let before = computer.processor.physicalWord(at: table << 12)
    // GNTTABOP_copy from a page of its own to the grant.
    let source = lender.frame(SmallKernel.base + 0xC000)
    let words = lender.call(
      5, [UInt32(source), 0, 0x7FF0, 0, 8, 0, 1, 0, 8 | 2 << 16, 0])
    #expect(Int16(truncatingIfNeeded: words[9]) == -1)
    #expect(computer.processor.physicalWord(at: table << 12) == before)
    #expect(computer.auditFrames() == [])
  }

  /// GNTTABOP_map_grant_ref for a device alone: that takes a handle and a count, and no page table. The handles, in their order.
  private func mapForDevice(_ lender: Lender, _ reference: UInt32, _ count: Int, readOnly: Bool) -> [UInt32] {
    let size = 8
    lender.guest.put((0..<count).flatMap { _ in [0, 0, readOnly ? 5 : 1, reference, 1, ~0, 0, 0] })
    #expect(lender.guest.call(.grantTableOp, 0, CallingGuest.scratch, UInt64(count)) == 0)
    let words = lender.guest.words(size * count)
    return stride(from: 0, to: words.count, by: size).map { at in
      #expect(words[at + 4] >> 16 == 0)
      return words[at + 5]
    }
  }

  /// GNTTABOP_unmap_grant_ref of such mappings.
  private func unmapForDevice(_ lender: Lender, _ handles: ArraySlice<UInt32>, _ frame: UInt64) {
    let address = frame << 12
    lender.guest.put(handles.flatMap { [0, 0, UInt32(truncatingIfNeeded: address), UInt32(address >> 32), $0, 0] })
    #expect(lender.guest.call(.grantTableOp, 1, CallingGuest.scratch, UInt64(handles.count)) == 0)
  }

  /// Seconds of processor time that this thread has had.
  private static var threadTime: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// get_maptrack_handle, put_maptrack_handle: a queue whose last is kept back, so that what was freed first is given first. However many are
  /// free, one more costs the same: a guest that takes and frees them all the time costs what any guest does.
  @Test func handlesAreAQueue() throws {
    let lender = try Lender()
    let frame = lender.frame(Self.page)
    let references: Range<UInt32> = 8..<508
    for reference in references { lender.grant(UInt64(reference), 1, frame) }
    /// 120,000 handles, and the time that it took to get them.
    func take(keeping: Bool) -> (handles: [UInt32], time: Double) {
      var (handles, time): ([UInt32], Double) = ([], 0)
      for reference in references {
        // A counter has seven bits.
        for readOnly in [false, true] {
          let start = Self.threadTime
          let some = mapForDevice(lender, reference, 120, readOnly: readOnly)
          time += Self.threadTime - start
          handles += some
          if !keeping { unmapForDevice(lender, some[...], frame) }
        }
      }
      return (handles, time)
    }
    let first = take(keeping: true)
    // Handles come in pages of 256; the first page's last is kept back all the time.
    let areInOrder = first.handles == Array(0..<255) + Array(256..<120_001)
    #expect(areInOrder)
    for start in stride(from: 0, to: first.handles.count, by: 120) {
      unmapForDevice(lender, first.handles[start..<start + 120], frame)
    }
    // What was never given of the last page comes first, and then what was freed, behind the one that was kept back.
    let second = take(keeping: false)
    let order = Array(UInt32(120_001)..<469 * 256) + [255] + first.handles
    let comeBackInOrder = second.handles == Array(order.prefix(120_000))
    #expect(comeBackInOrder)
    #expect(second.time < first.time * 3, "\(first.time) s of processor time, then \(second.time) s")
    #expect(lender.computer.auditFrames() == [])
  }

  @Test func copies() throws {
    let lender = try Lender()
    lender.guest.put([0x1111, 0x2222], at: Self.page)
    lender.grant(8, 1, lender.frame(Self.page))
    lender.grant(9, 1, lender.frame(Self.other))
    let words = lender.call(5, [8, 0, 1, 0, 9, 0, 1 | 16 << 16, 0, 8 | 3 << 16, 0xFFFF])
    #expect(words[9] & 0xFFFF == 0)
    #expect(lender.guest.words(2, at: Self.other + 16) == [0x1111, 0x2222])
    #expect(lender.flags(8) == 1 && lender.flags(9) == 1)
    #expect(lender.computer.auditFrames() == [])
  }

  /// Version 2: the entries are cleared, the status words lie in frames that the guest maps, and the way back is barred meanwhile.
  @Test func versionTwo() throws {
    let lender = try Lender()
    #expect(lender.call(8, [2]) == [2])
    let list = CallingGuest.scratch + 256
    _ = lender.call(9, [1, 0x7FF0, UInt32(truncatingIfNeeded: list), UInt32(list >> 32)])
    let status = lender.guest.long(lender.guest.words(2, at: list), 0)
    #expect(status == lender.computer.domain.map.grantStatus)
    let entry = lender.computer.domain.map.grantTable << 12 + 20 * 16
    lender.computer.processor.setPhysicalWord(1 | 1 << 16, at: entry)
    lender.computer.processor.setPhysicalWord(lender.frame(Self.page), at: entry + 8)
    let (answer, handle) = lender.map(20, Self.other)
    #expect(answer == 0)
    #expect(lender.computer.processor.physicalWord(at: status << 12 + 40) & 0xFFFF == 0x18)
    lender.guest.put([1])
    #expect(lender.guest.call(.grantTableOp, 8, CallingGuest.scratch, 1) == -16)
    #expect(lender.unmap(handle, Self.other) == 0)
    #expect(lender.call(8, [1]) == [1])
    #expect(lender.computer.auditFrames() == [])
  }
}
