// A case: what the world is set to, how the code is entered, and what arrived in the kernel. See README.md.

enum Mode { case user, kernel, compatibility, kernelCompatibility }

/// What the lines that follow are about: the first part of their names.
nonisolated(unsafe) var topic: StaticString = ""

enum Flag {
  static let trap: UInt = 1 << 8
  static let interrupt: UInt = 1 << 9
  static let direction: UInt = 1 << 10
  static let ioPrivilege: UInt = 3 << 12
  static let nested: UInt = 1 << 14
  static let resume: UInt = 1 << 16
  static let virtual8086: UInt = 1 << 17
  static let alignment: UInt = 1 << 18
  /// VIF and VIP.
  static let virtualInterrupt: UInt = 3 << 19
}

/// xen/include/public/arch-x86/xen-x86_64.h: the flat selectors.
enum Selector {
  static let code32: UInt = 0xE023
  static let data: UInt = 0xE02B
  static let code64: UInt = 0xE033
}

enum Top {
  static var kernelStack: UInt { kernel_stack_address() + 8192 }
  static var caseStack: UInt { case_stack_pages_address() + 8192 }
}

struct Case {
  var frame: iret_context
  var limit: UInt = 1
  let mode: Mode
  /// Tells cases of one name apart.
  var suffix: UInt?
  /// A second place that addresses are shown relative to.
  var landmark: UInt?
  /// RF in the frame's RFLAGS is printed: QEMU leaves it clear where processors set it, in the frames of faults.
  var showsResume = false

  init(_ mode: Mode, _ code: UInt) {
    self.mode = mode
    frame = iret_context(
      rax: 0xA, r11: 0xB11, rcx: 0xC, flags: 0, rip: code, cs: Selector.code64, rflags: 0x202,
      rsp: Memory.stackTop - 256, ss: Selector.data)
    switch mode {
    case .user: break
    case .compatibility: frame.cs = Selector.code32
    case .kernelCompatibility: frame.cs = Selector.code32 & ~3
    case .kernel:
      frame.cs &= ~3
      frame.rsp = Top.caseStack - 256
    }
  }
}

/// The table of vectors and the callbacks as every case finds them: each vector leads to its stub, DPL 0 but for those that user mode may
/// call, none masks events; the callbacks for system calls mask them.
enum World {
  static func stub(_ kind: UInt) -> UInt { stubs_address() + kind * UInt(STUB_SIZE) }

  static func trap(_ vector: UInt, level: UInt, mask: Bool = false, address: UInt? = nil) {
    let entry = vector | level << 8 | (mask ? 4 << 8 : 0) | Selector.code64 << 16
    Hypercall.setTrapTable(words(entry, address ?? stub(vector), 0, 0))
  }

  /// An empty table but for one vector and the end of cases.
  static func clear(keeping vector: UInt) {
    Hypercall.setTrapTable(0)
    trap(vector, level: 0)
    trap(UInt(FINISH), level: 3)
  }

  static func reset() {
    let table = scratch_address()
    var vector: UInt = 0
    while vector < 255 {
      let level: UInt = vector == 3 || vector == 4 || vector == UInt(FINISH) ? 3 : 0
      store(table + vector * 16, vector | level << 8 | Selector.code64 << 16)
      store(table + vector * 16 + 8, stub(vector))
      vector += 1
    }
    store(table + vector * 16, 0)
    store(table + vector * 16 + 8, 0)
    Hypercall.setTrapTable(table)
    Callback.event.register(stub(256), maskEvents: true)
    Callback.failsafe.register(stub(257), maskEvents: true)
    Callback.syscall.register(stub(258), maskEvents: true)
    Callback.syscall32.register(stub(259), maskEvents: true)
    Callback.sysenter.register(stub(260), maskEvents: true)
    Hypercall.stackSwitch(Selector.data, Top.kernelStack)
    store_byte(vcpu_info, 0)
    store_byte(vcpu_info + 1, 1)
    resume_flags_set = 0
    resume_flags_kept = ~0
    case_start.rdx = 0xD
    case_start.rbx = 0xB
    case_start.rbp = 0xBB
    case_start.rsi = 0x51
    case_start.rdi = 0xD1
    case_start.r8 = 0x88
    case_start.r9 = 0x99
    case_start.r10 = 0x1010
    case_start.r12 = 0x1212
    case_start.r13 = 0x1313
    case_start.r14 = 0x1414
    case_start.r15 = 0x1515
  }
}

@inline(never)
func observe(_ name: StaticString, _ mode: Mode, _ code: UInt, _ prepare: (inout Case) -> Void = { _ in }) {
  World.reset()
  var current = Case(mode, code)
  prepare(&current)
  case_start.iret = current.frame
  arrival_next = UnsafeMutablePointer(bitPattern: arrivals_address())
  arrivals_left = current.limit
  run_case()
  var index: UInt = 0
  while index < current.limit - arrivals_left {
    let place = arrivals_address() + index * UInt(A_SIZE)
    var report = Report(name, current, UnsafePointer(bitPattern: place)!.pointee, index)
    report.print()
    index += 1
  }
}

/// The same case in user and in kernel mode.
func everywhere(_ name: StaticString, _ code: UInt, _ prepare: (inout Case) -> Void = { _ in }) {
  observe(name, .user, code, prepare)
  observe(name, .kernel, code, prepare)
}
