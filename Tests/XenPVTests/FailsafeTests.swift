import Machine
import Testing
import XenPV

/// Goal: the failsafe frame is the one that Xen pushes when a segment register of a virtual CPU cannot be loaded again.
/// Xen `xen/arch/x86/domain.c`, `load_segments`. Real Xen does so between virtual CPUs alone, which dom0 by itself never sees.
@Suite struct FailsafeTests {
  static let callback = SmallKernel.base + 0x3000
  static let stack = SmallKernel.base + 0x8008

  /// A domain whose DS holds a selector of its GDT, which has meanwhile gone.
  static func guest(keepsTable: Bool = false) throws -> CallingGuest {
    let guest = try CallingGuest()
    let computer = guest.computer
    let page = SmallKernel.base + 0x5000
    func call(_ hypercall: Hypercall, _ words: [UInt64]) {
      #expect(computer.call(HypercallArguments(number: hypercall.rawValue, words)).0 == 0)
    }
    computer.processor.copyToGuest(SmallKernel.number(computer.domain.map.machineFrame(5)), CallingGuest.scratch)
    _ = computer.processor.storeGuest(page + 8, 0x00CF_F300_0000_FFFF)
    call(.updateVAMapping, [page, computer.domain.map.machineFrame(5) << 12 | 1, 2])
    call(.setGDT, [CallingGuest.scratch, 512])
    #expect(computer.processor.loadDataSegment(.ds, 0xB) && computer.processor.loadDataSegment(.es, 0xE02B))
    if !keepsTable { call(.setGDT, [0, 0]) }
    computer.domain.vcpu.failsafeCallback.address = callback
    computer.domain.vcpu.kernelSP = stack + 0x1000
    let processor = computer.processor
    (processor.rip, processor[.rsp], processor[.rcx], processor[.r11]) = (CallingGuest.code, stack, 0x1111, 0x2222)
    processor.setSegmentBase(.gs, 0x7000)
    computer.domain.vcpu.inactiveGSBase = 0x9000
    return guest
  }

  static func frame(_ guest: CallingGuest) -> [UInt64?] {
    (0..<11).map { guest.computer.processor.loadGuest(guest.computer.processor[.rsp] + $0 * 8) }
  }

  @Test(arguments: [(false, 0 as UInt32), (true, 1)])
  func fromTheKernel(masksEvents: Bool, mask: UInt32) throws {
    let guest = try Self.guest()
    let computer = guest.computer
    computer.domain.vcpu.failsafeCallback.masksEvents = masksEvents
    let flags = computer.processor.rflags.rawValue
    // vcpu_info: evtchn_upcall_mask is byte 1.
    computer.processor.setPhysicalWord(0, at: computer.domain.vcpu.vcpuInfo)
    computer.loadSegments()
    let processor = computer.processor
    // RSP is aligned first; the lowest two bits of CS say that the kernel was interrupted.
    #expect(processor[.rsp] == (Self.stack & ~0xF) - 88 && processor.rip == Self.callback)
    let words = Self.frame(guest)
    #expect(words[0..<6] == [0x1111, 0x2222, 0xB, 0xE02B, 0, 0])
    #expect(words[6..<9] == [CallingGuest.code, 0xE030, flags | 0x200])
    #expect(words[9] == Self.stack && words[10] == 0xE02B)
    #expect(processor.selectors[SegmentName.ds.rawValue] == 0 && processor.selectors[SegmentName.es.rawValue] == 0xE02B)
    #expect(processor.segmentBase(.gs) == 0x7000 && computer.domain.vcpu.inactiveGSBase == 0x9000)
    #expect(UInt32(computer.processor.physicalWord(at: computer.domain.vcpu.vcpuInfo) >> 8 & 0xFF) == mask)
    // The way out is SYSRET's.
    #expect(processor[.rcx] == Self.callback && computer.domain.shutdown == nil)
  }

  @Test func fromTheUser() throws {
    let guest = try Self.guest()
    let computer = guest.computer
    computer.domain.vcpu.guestTableUser = computer.domain.vcpu.guestTable
    computer.domain.vcpu.isInKernel = false
    computer.processor.setPhysicalWord(0x100, at: computer.domain.vcpu.vcpuInfo)
    computer.loadSegments()
    #expect(computer.domain.vcpu.isInKernel && computer.processor.rip == Self.callback)
    #expect(computer.processor[.rsp] == (Self.stack + 0x1000) & ~0xF - 88)
    let words = Self.frame(guest)
    // The upcall mask before is in bits 32 to 39 of CS, and IF its opposite.
    #expect(words[7] == 0x1_0000_E033 && words[8]! & 0x200 == 0 && words[9] == Self.stack)
    #expect(computer.processor.segmentBase(.gs) == 0x9000 && computer.domain.vcpu.inactiveGSBase == 0x7000)
  }

  /// What a run is told of it: eleven words, above the kernel's RSP or at the top of its stack.
  @Test func isADelivery() throws {
    for fromKernel in [true, false] {
      let computer = try Self.guest().computer
      if !fromKernel {
        computer.domain.vcpu.guestTableUser = computer.domain.vcpu.guestTable
        computer.domain.vcpu.isInKernel = false
      }
      computer.processor.isWatched = true
      computer.processor.clearTransitions()
      computer.loadSegments()
      let delivered = computer.processor.transitions.compactMap(\.delivery)
      #expect(delivered.count == 1)
      let one = try #require(delivered.first)
      #expect(one.vector == nil && one.errorCode == nil && one.wordCount == 11 && one.fromKernel == fromKernel)
      #expect(one.frame == computer.processor[.rsp] && one.onCurrentStack == fromKernel)
    }
  }

  /// A host says of ES what it likes: the selector that the frame names is one that cannot be loaded.
  @Test func aHostMakesItHappen() throws {
    let computer = try Self.guest(keepsTable: true).computer
    #expect(computer.processor.loadDataSegment(.es, 0))
    guard case .budget = computer.injectFailsafe() else {
      Issue.record("the domain did not go on")
      return
    }
    #expect(computer.processor.rip == Self.callback && computer.domain.shutdown == nil)
    #expect(computer.processor.loadGuest(computer.processor[.rsp] + 24) == 0xFFFF)
    #expect(computer.processor.selectors[SegmentName.es.rawValue] == 0)
    #expect(computer.processor.selectors[SegmentName.ds.rawValue] == 0xB)
  }

  /// With the table still there nothing happens; without a stack, or with one in Xen's own addresses, the domain ends.
  @Test func otherwise() throws {
    let sound = try Self.guest(keepsTable: true).computer
    sound.loadSegments()
    #expect(sound.processor.rip == CallingGuest.code && sound.processor[.rsp] == Self.stack)
    #expect(sound.processor.selectors[SegmentName.ds.rawValue] == 0xB)
    for rsp in [0, 0xFFFF_8000_0000_1000] as [UInt64] {
      let lost = try Self.guest().computer
      lost.processor[.rsp] = rsp
      lost.loadSegments()
      guard case .crash = lost.domain.shutdown else {
        Issue.record("the domain lives on a stack at \(rsp)")
        continue
      }
    }
  }
}
