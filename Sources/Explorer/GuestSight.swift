/// What a guest sees of itself at a boundary: all that a hypervisor may give it otherwise than it was.
import Machine
import Platform

struct GuestSight: Equatable {
  /// The boundary of the run.
  var boundary: Int
  var rip: UInt64
  var isKernel: Bool
  var registers: [UInt64]
  var rflags: UInt64
  var selectors: [UInt16]
  var fsBase: UInt64
  var gsBase: UInt64
  var shared: SharedCPU?
  /// The page tables, by which its stack is found again.
  var cr3: UInt64

  init(_ computer: any PlatformComputer, boundary: Int) {
    let processor = computer.processor
    self.boundary = boundary
    rip = processor.rip
    isKernel = computer.isInKernel
    registers = GeneralRegister.allCases.map { processor[$0] }
    rflags = processor.rflags.rawValue
    selectors = processor.selectors
    fsBase = processor.segmentBase(.fs)
    gsBase = processor.segmentBase(.gs)
    shared = computer.sharedCPU
    cr3 = processor.cr3
  }

  /// The guest cannot tell the two apart.
  func isSame(as other: GuestSight) -> Bool {
    var moved = other
    moved.boundary = boundary
    return self == moved
  }

  var rsp: UInt64 { registers[Int(GeneralRegister.rsp.rawValue)] }

  /// What the guest had there and may find again elsewhere, in a frame or a register.
  var sources: [UInt64] { registers + [rip, rflags, fsBase, gsBase, shared?.cr2 ?? 0] }

  /// All of it with names.
  var parts: [(name: String, value: UInt64)] {
    var parts: [(String, UInt64)] = [("RIP", rip), ("mode", isKernel ? 1 : 0)]
    parts += zip(GeneralRegister.allCases, registers).map { ("\($0)", $1) }
    parts.append(("RFLAGS", rflags))
    parts += zip(SegmentName.allCases, selectors).map { ("\($0)".uppercased(), UInt64($1)) }
    parts += [("FS base", fsBase), ("GS base", gsBase)]
    if let shared {
      parts += [
        ("evtchn_upcall_pending", UInt64(shared.upcallPending)), ("evtchn_upcall_mask", UInt64(shared.upcallMask)),
        ("evtchn_pending_sel", shared.pendingSelector), ("vcpu_info cr2", shared.cr2),
      ]
    }
    return parts
  }
}

/// A state that the guest gave away and the one that it got back, with the frames that were pushed between.
struct GuestEntry {
  /// Its place among the guest's boundaries.
  var index: Int
  var before: GuestSight
  var after: GuestSight
  /// What lay on the kernel's stack where the guest gave the processor away: what an iret takes its state from.
  var stack: [UInt64]
  /// The words of the frames, by their distance from RSP behind them.
  var frame: [Int: UInt64]
}

/// A run as its guest sees it.
struct GuestRun {
  /// RIP at each boundary of the guest's, without those at which nothing has changed since the one before.
  var rips: [UInt64] = []
  /// The boundaries of the run at which they lie.
  var boundaries: [Int] = []
  var masks: [UInt8] = []
  var entries: [GuestEntry] = []
  var end: String?
  /// The user has at the end what the crossing without events gives it; nil where the run did not come back.
  var endsAsExpected: Bool?
  /// The event of the path was made to happen.
  var happened = false
}
