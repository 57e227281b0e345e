import Machine
import Testing
import XenPV

/// Goal: a domain is laid out as `xl create` lays it out, and kernels that Xen's builder refuses are refused with a reason.
@Suite struct DomainBuilderTests {
  /// What `xl -vvv create` of Xen 4.17 said of Debian's 6.1 cloud kernel in 256 MiB: the kernel from pfn 0x1000 takes 0x2e00
  /// pages, 35 page tables map it, and the p2m list with its tables takes 0x83 pages at 0x8000000000.
  @Test func layoutIsThatOfXL() throws {
    var notes = SmallKernel.notes
    notes[1] = SmallKernel.number(SmallKernel.base + 0x100_0000)
    notes[4] = SmallKernel.number(0)
    notes[15] = SmallKernel.number(0x80_0000_0000)
    notes[16] = SmallKernel.number(1)
    let kernel = SmallKernel.kernel(pages: 0x2E00, at: 0x100_0000, notes: notes)
    let module = [UInt8](repeating: 0x5A, count: 0x1E_4410)
    let computer = try SmallKernel.computer(kernel, megabytes: 256, module: module)
    func word(_ offset: UInt64) -> UInt64 { computer.processor.physicalWord(at: computer.domain.startInfo + offset) }
    let firstFrame = computer.domain.map.firstDomainFrame
    #expect(computer.domain.startInfo >> 12 == firstFrame + 0x3E00)
    #expect(word(32) == 65536)
    #expect(word(48) == 8)
    #expect(word(56) == firstFrame + 0x3E01 && word(72) == firstFrame + 0x3E02)
    #expect(word(88) == SmallKernel.base + 0x3E03 << 12 && word(96) == 35)
    #expect(word(104) == 0x80_0000_0000)
    // The initial mapping ends at a multiple of 4 MiB: the module comes right behind it.
    #expect(word(112) == 0x4000 && word(120) == 0x1E5 << 12)
    #expect(word(1152) == 0x4000 + 0x1E5 && word(1160) == 0x83)
    #expect(computer.processor.rip == SmallKernel.base + 0x100_0000)
    #expect(computer.processor[.rsi] == SmallKernel.base + 0x3E00 << 12)
    #expect(computer.processor[.rsp] == SmallKernel.base + (0x3E03 + 35 + 1) << 12)
    #expect(computer.upcallMask == 1)
  }

  /// The guest finds its memory by the tables: each page of the p2m list, the M2P table, its page tables read-only.
  @Test func addressesLeadWhereTheBuilderSays() throws {
    var notes = SmallKernel.notes
    notes[15] = SmallKernel.number(0x80_0000_0000)
    let computer = try SmallKernel.computer(SmallKernel.kernel(notes: notes))
    let map = computer.domain.map
    for pfn in [UInt64(0), 511, 512, 4095] {
      #expect(computer.processor.loadGuest(0x80_0000_0000 + pfn * 8) == map.machineFrame(pfn))
      #expect(computer.processor.loadGuest(0xFFFF_8000_0000_0000 + map.machineFrame(pfn) * 8) == pfn)
    }
    #expect(computer.processor.loadGuest(0xFFFF_8000_0000_0000) == ~0)
    let table = computer.processor.physicalWord(at: computer.domain.startInfo + 88)
    #expect(computer.processor.loadGuest(table) != nil)
    #expect(!computer.processor.storeGuest(table, 0))
    #expect(!computer.processor.storeGuest(0xFFFF_8000_0000_0000, 0))
    #expect(computer.processor.storeGuest(SmallKernel.base, 0))
  }

  /// Xen `boot/gdt.S`: the flat selectors of privilege 3 can be loaded, those of privilege 0 cannot.
  @Test func flatSelectors() throws {
    let computer = try SmallKernel.computer()
    #expect(computer.processor.loadGuest(Layout.descriptors + 0xE020) == 0x00CF_FB00_0000_FFFF)
    #expect(computer.processor.loadGuest(Layout.descriptors + 0xE030) == 0x00AF_FB00_0000_FFFF)
    #expect(computer.processor.loadGuest(Layout.descriptors) == 0)
    #expect(!computer.processor.storeGuest(Layout.descriptors, 0))
    #expect(computer.processor.loadDataSegment(.ds, FlatSelector.data))
  }

  @Test func hypercallPage() throws {
    var notes = SmallKernel.notes
    notes[2] = SmallKernel.number(SmallKernel.base + 0x1000)
    let computer = try SmallKernel.computer(SmallKernel.kernel(notes: notes))
    // push rcx; push r11; mov eax, 18; syscall; pop r11; pop rcx; ret
    #expect(
      computer.processor.bytes(atLinear: SmallKernel.base + 0x1000 + 18 * 32, count: 14)
        == [0x51, 0x41, 0x53, 0xB8, 18, 0, 0, 0, 0x0F, 0x05, 0x41, 0x5B, 0x59, 0xC3])
    // push rcx; push r11; push rax; mov eax, 23; syscall
    #expect(
      computer.processor.bytes(atLinear: SmallKernel.base + 0x1000 + 23 * 32, count: 11)
        == [0x51, 0x41, 0x53, 0x50, 0xB8, 23, 0, 0, 0, 0x0F, 0x05])
  }

  struct Hostile: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var says: String
    var notes: [UInt32: [UInt8]]
    var physical: UInt64 = 0
    var pages: UInt64 = 16

    init(
      _ name: String, says: String, physical: UInt64 = 0, pages: UInt64 = 16,
      _ change: (inout [UInt32: [UInt8]]) -> Void = { _ in }
    ) {
      testDescription = name
      self.says = says
      self.physical = physical
      self.pages = pages
      notes = SmallKernel.notes
      change(&notes)
    }
  }

  static let hostile = [
    Hostile("no notes", says: "no ELF note of owner Xen") { $0 = [:] },
    Hostile("no loader", says: "neither the generic loader nor Linux") { $0[8] = nil },
    Hostile("old Xen", says: "XEN_VERSION") { $0[5] = SmallKernel.text("xen-2.0") },
    Hostile("unknown feature", says: "which is unknown") { $0[10] = SmallKernel.text("!quantum") },
    Hostile("auto-translated", says: "which a PV domain has not") {
      $0[10] = SmallKernel.text("!auto_translated_physmap")
    },
    Hostile("dom0 only", says: "privileged domain only") { $0[10] = SmallKernel.text("!dom0") },
    Hostile("offset without base", says: "PADDR_OFFSET without VIRT_BASE") {
      $0[3] = nil
      $0[4] = SmallKernel.number(0)
    },
    Hostile("entry outside", says: "do not fit together") { $0[1] = SmallKernel.number(0x1000) },
    Hostile("offset above the kernel", says: "do not fit together") { $0[4] = SmallKernel.number(1 << 40) },
    Hostile("base in the hypervisor's addresses", says: "not in a guest's addresses") {
      $0[1] = SmallKernel.number(Layout.hypervisorStart)
      $0[3] = SmallKernel.number(Layout.hypervisorStart)
    },
    Hostile("base not canonical", says: "not in a guest's addresses") {
      $0[1] = SmallKernel.number(1 << 50)
      $0[3] = SmallKernel.number(1 << 50)
    },
    Hostile("base at the top", says: "not enough for the initial mapping") {
      $0[1] = SmallKernel.number(~0x1_FFFF)
      $0[3] = SmallKernel.number(~0x1_FFFF)
    },
    Hostile("base inside a page", says: "not the start of a page") {
      $0[1] = SmallKernel.number(SmallKernel.base + 8)
      $0[3] = SmallKernel.number(SmallKernel.base + 8)
    },
    Hostile("hypercall page outside", says: "HYPERCALL_PAGE") {
      $0[2] = SmallKernel.number(SmallKernel.base + 0x10000)
    },
    Hostile("hypercall page inside a page", says: "HYPERCALL_PAGE") {
      $0[2] = SmallKernel.number(SmallKernel.base + 16)
    },
    Hostile("p2m list inside", says: "INIT_P2M") { $0[15] = SmallKernel.number(SmallKernel.base + 0x1000) },
    Hostile("p2m list not canonical", says: "not in a guest's addresses") { $0[15] = SmallKernel.number(1 << 47) },
    Hostile("p2m list across the end", says: "not in a guest's addresses") {
      $0[15] = SmallKernel.number(1 << 47 - 4096)
    },
    Hostile("kernel too big", says: "do not fit into a domain", pages: 4097),
    Hostile("kernel of 2^64 bytes", says: "do not fit", pages: 1 << 51),
    Hostile("no room behind the kernel", says: "not enough for the initial mapping", pages: 4080),
    Hostile("kernel behind the memory", says: "does not fit", physical: 1 << 40) {
      $0[1] = SmallKernel.number(0xFFFF_C000_0000_0000 + 1 << 40)
      $0[3] = SmallKernel.number(0xFFFF_C000_0000_0000)
      $0[4] = SmallKernel.number(0)
    },
  ]

  @Test(arguments: hostile) func refuses(_ hostile: Hostile) throws {
    let computer = try #require(XenPVComputer(memorySize: 16 << 20, profile: .intel))
    let kernel = SmallKernel.kernel(pages: hostile.pages, at: hostile.physical, notes: hostile.notes)
    do {
      try computer.build(kernel)
      Issue.record("built")
    } catch {
      #expect(error.description.contains(hostile.says), "\(error.description)")
    }
  }

  /// GNU Mach's form: p_paddr are the linked addresses, and PADDR_OFFSET says what is to be subtracted.
  @Test func physicalAddressesThatAreVirtual() throws {
    var notes = SmallKernel.notes
    notes[2] = SmallKernel.number(SmallKernel.base + 0x2000)
    notes[4] = SmallKernel.number(SmallKernel.base)
    var kernel = SmallKernel.kernel(notes: notes)
    kernel.segments[0].physicalAddress = SmallKernel.base
    let computer = try SmallKernel.computer(kernel)
    #expect(computer.processor.rip == SmallKernel.base)
    #expect(computer.processor.bytes(atLinear: SmallKernel.base, count: 2) == [0x0F, 0x0B])
    #expect(computer.processor.bytes(atLinear: SmallKernel.base + 0x2000, count: 2) == [0x51, 0x41])
  }

  /// A kernel without notes, described by section __xen_guest as `elf_xen_parse_guest_info` reads it.
  static func described(_ string: String, at physical: UInt64) -> GuestKernel {
    GuestKernel(
      entry: 0x4000_0000, segments: [.init(physicalAddress: physical, bytes: [0x0F, 0x0B], memorySize: 0x10000)],
      notes: [], guestString: Array(string.utf8))
  }

  /// HYPERCALL_PAGE is a page number above VIRT_BASE; ELF_PADDR_OFFSET is VIRT_BASE where it is not named.
  @Test(arguments: ["", ",ELF_PADDR_OFFSET=0x40000000", ",ELF_PADDR_OFFSET=010000000000", ",VIRT_ENTRY=1073741824"])
  func theGuestStringDescribesAKernel(more: String) throws {
    let string =
      "GUEST_OS=GNU Mach,GUEST_VERSION=1.3,XEN_VER=xen-3.0,VIRT_BASE=0x40000000,HYPERCALL_PAGE=0x2,LOADER=generic"
    let computer = try SmallKernel.computer(Self.described(string + more, at: 0x4000_0000))
    #expect(computer.processor.rip == 0x4000_0000)
    #expect(computer.processor.bytes(atLinear: 0x4000_0000, count: 2) == [0x0F, 0x0B])
    #expect(computer.processor.bytes(atLinear: 0x4000_2000, count: 2) == [0x51, 0x41])
    // From 0 up, with an offset of 0.
    let low = try SmallKernel.computer(Self.described(string + ",ELF_PADDR_OFFSET=0", at: 0))
    #expect(low.processor.bytes(atLinear: 0x4000_0000, count: 2) == [0x0F, 0x0B])
  }

  /// Notes take precedence: what the string says besides them does not count.
  @Test func notesTakePrecedenceOverTheGuestString() throws {
    var kernel = SmallKernel.kernel()
    kernel.guestString = Array("LOADER=none,XEN_VER=xen-2.0,VIRT_BASE=0x1000".utf8)
    #expect(try SmallKernel.computer(kernel).processor.rip == SmallKernel.base)
  }

  /// Strings that are cut, doubled and overwritten at random: each builds a domain or is refused with a reason.
  @Test func anyGuestStringReturnsOrIsRefused() throws {
    let whole =
      "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0x40000000,ELF_PADDR_OFFSET=0x40000000,HYPERCALL_PAGE=0x2,"
      + "VIRT_ENTRY=0x40000000,PAE=yes[extended-cr3],FEATURES=!writable_page_tables|dom0,LOADER=generic"
    var state: UInt64 = 0x4C69_6D65_6E09
    func below(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(bound))
    }
    var built = 0
    for _ in 0..<500 {
      var bytes = Array(whole.utf8)
      for _ in 0...below(3) where !bytes.isEmpty {
        let at = below(bytes.count)
        switch below(4) {
        case 0: bytes[at] = UInt8(below(256))
        case 1: bytes[at] = Array("=,0xfF!|".utf8)[below(8)]
        case 2: bytes.removeSubrange(at..<at + below(min(24, bytes.count - at)))
        default: bytes.insert(contentsOf: bytes[at..<at + below(min(40, bytes.count - at))], at: below(bytes.count))
        }
      }
      var kernel = Self.described("", at: 0x4000_0000)
      kernel.guestString = bytes
      let computer = try #require(XenPVComputer(memorySize: 8 << 20, profile: .intel))
      do {
        try computer.build(kernel)
        built += 1
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    #expect(built > 25 && built < 475, "\(built) were built")
  }

  @Test func refusesWhatThisXenDoesNotBuild() throws {
    let computer = try #require(XenPVComputer(memorySize: 16 << 20, profile: .intel))
    func refusal(_ kernel: GuestKernel) -> String {
      do {
        try computer.build(kernel)
        return "built"
      } catch {
        return error.description
      }
    }
    var narrow = SmallKernel.kernel()
    narrow.is32Bit = true
    #expect(refusal(narrow).hasPrefix("a 32-bit kernel"))
    var notes = SmallKernel.notes
    notes[11] = SmallKernel.text("yes")
    var symbols = SmallKernel.kernel(notes: notes)
    symbols.hasSymbolTable = true
    #expect(refusal(symbols).contains("BSD_SYMTAB"))
    #expect(refusal(Self.described("LOADER=generic", at: 0)).contains("XEN_VERSION"))
    #expect(refusal(Self.described("", at: 0)).contains("neither the generic loader nor Linux"))
    let required = "LOADER=generic,XEN_VER=xen-3.0,FEATURES=!auto_translated_physmap"
    #expect(refusal(Self.described(required, at: 0)).contains("which a PV domain has not"))
    // The base that Debian's GNU Mach for amd64 names, and the addresses for which it is linked. Real Xen 4.17 says of it, as dom0's
    // kernel: "Domain 0 allocation is too small for kernel image".
    var mach = Self.described(
      "XEN_VER=xen-3.0,VIRT_BASE=0x40000000,ELF_PADDR_OFFSET=0x40000000,HYPERCALL_PAGE=0x2,LOADER=generic",
      at: SmallKernel.base)
    mach.entry = SmallKernel.base
    #expect(refusal(mach).contains("the kernel does not fit: 16 pages from page"))
  }

  @Test func refusesSegmentsThatOverlapOrWrap() throws {
    let computer = try #require(XenPVComputer(memorySize: 16 << 20, profile: .intel))
    var kernel = SmallKernel.kernel()
    kernel.segments.append(.init(physicalAddress: 0xFFFF, bytes: [], memorySize: 1))
    #expect(throws: Refusal("segments overlap at physical address 0xffff")) { try computer.build(kernel) }
    kernel.segments[1] = .init(physicalAddress: .max, bytes: [], memorySize: 2)
    #expect(throws: Refusal.self) { try computer.build(kernel) }
    kernel.segments[1] = .init(physicalAddress: 0x10000, bytes: [1, 2], memorySize: 1)
    #expect(throws: Refusal.self) { try computer.build(kernel) }
    kernel.segments = []
    #expect(throws: Refusal("no segment to load")) { try computer.build(kernel) }
  }

  @Test func refusesAModuleOrCommandLineTooLong() throws {
    let computer = try #require(XenPVComputer(memorySize: 16 << 20, profile: .intel))
    let line = String(repeating: "x", count: 1024)
    #expect(throws: Refusal.self) { try computer.build(SmallKernel.kernel(), commandLine: line) }
    let module = [UInt8](repeating: 0, count: 16 << 20)
    #expect(throws: Refusal.self) { try computer.build(SmallKernel.kernel(), module: module) }
    try computer.build(SmallKernel.kernel(), commandLine: String(line.dropLast()))
  }
}
