/// Random programs of a PV guest, for its kernel and its user mode, that are full of what the log of transitions notes: hypercalls that
/// return, block and switch, faults that Xen makes good or passes on, upcalls of a timer, instructions that it emulates, loads of RSP,
/// GS bases and flags.
///
/// Each handler returns by the iret hypercall; that of a fault goes on behind the first byte of what faulted.
/// Xen `public/arch-x86/xen-x86_64.h`, `struct iret_context`; `public/xen.h`, HYPERVISOR_*.
import Machine
import XenPV

struct TransitionGuest {
  private var random: RandomBits
  /// The bytes of the snippet that is being made.
  private var code: [UInt8] = []
  /// Where the guest sees the L1 entry of `spare`.
  private let entry: UInt64

  private static let base = SmallKernel.base
  private static let start = base + 0x2_0000
  private static let handlers = base + 0x1_0000
  private static let upcall = base + 0x1_8000
  private static let syscall = base + 0x1_8100
  private static let data = base + 0x4_0000
  private static let stackTop = base + 0x5_0000
  private static let shared = base + 0x6_0000
  private static let arguments = base + 0x6_1000
  private static let spare = base + 0x6_8000
  private static let spaces = 48
  private static let space = 160

  init(seed: UInt64, entry: UInt64) {
    random = RandomBits(seed: seed)
    self.entry = entry
  }

  mutating func below(_ n: Int) -> Int { Int(random.next() >> 11) % n }
  private mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  // MARK: The guest

  struct SetupFailure: Error {}

  /// A guest with handlers for everything, a timer's port, user page tables and writable page tables, and the address for `init`.
  static func computer() throws -> (XenPVComputer, UInt64) {
    let computer = try SmallKernel.computer(SmallKernel.kernel(pages: 128))
    let processor = computer.processor
    func call(_ hypercall: Hypercall, _ words: UInt64...) throws {
      let arguments = HypercallArguments(number: hypercall.rawValue, words)
      guard computer.call(arguments).result == 0 else { throw SetupFailure() }
    }
    func write(_ address: UInt64, _ make: (inout TransitionGuest) -> Void) {
      var bytes = TransitionGuest(seed: 1, entry: 0)
      make(&bytes)
      processor.copyToGuest(bytes.code, address)
    }
    var traps: [UInt8] = []
    let vectors: [UInt64] = Array(0...19) + [0x40, 0x41, 0x80]
    for vector in vectors {
      let at = handlers + vector * 64
      write(at) { $0.handle(vector, at: at) }
      let isOpen = vector >= 0x40 || vector == 3 || vector == 4
      traps += [UInt8(vector), isOpen ? 3 : vector == 2 ? 4 : 0, 0x33, 0xE0, 0, 0, 0, 0]
      traps += SmallKernel.number(at)
    }
    traps += [UInt8](repeating: 0, count: 16)
    processor.copyToGuest(traps, arguments)
    try call(.setTrapTable, arguments)
    // The upcall clears what is pending: evtchn_upcall_pending, evtchn_pending_sel, evtchn_pending.
    write(upcall) {
      $0.put(0xC6, 0x04, 0x25)
      $0.word(shared)
      $0.put(0)
      for offset in [8, 2048] as [UInt64] {
        $0.put(0x48, 0xC7, 0x04, 0x25)
        $0.word(shared + offset)
        $0.word(0)
      }
      $0.popFrame()
      $0.iret()
    }
    write(syscall) {
      $0.popFrame()
      $0.iret()
    }
    try call(.setCallbacks, upcall, handlers, syscall)
    try call(.stackSwitch, 0xE02B, stackTop - 0x800)
    try call(.updateVAMapping, shared, computer.domain.map.sharedInfo << 12 | 0x67, 2)
    // MMUEXT_NEW_USER_BASEPTR: the kernel's own tables.
    let command = SmallKernel.number(15) + SmallKernel.number(computer.domain.vcpu.guestTable >> 12)
    processor.copyToGuest(command + SmallKernel.number(0), arguments)
    try call(.mmuextOp, arguments, 1, 0, 0x7FF0)
    // VIRQ_TIMER, bound to a port; the periodic timer at its shortest; VMASST_TYPE_writable_pagetables.
    processor.copyToGuest([UInt8](repeating: 0, count: 16), arguments)
    try call(.eventChannelOp, 1, arguments)
    processor.copyToGuest(SmallKernel.number(1_000_000), arguments)
    try call(.vcpuOp, 6, 0, arguments)
    try call(.vmAssist, 0, 2)
    guard let entry = entryAddress(computer) else { throw SetupFailure() }
    return (computer, entry)
  }

  /// Where the guest sees the L1 entry of `spare`: its first tables are mapped, read-only.
  private static func entryAddress(_ computer: XenPVComputer) -> UInt64? {
    let processor = computer.processor
    let frame: UInt64 = 0x000F_FFFF_FFFF_F000
    func table(_ linear: UInt64) -> UInt64 {
      var at = computer.domain.vcpu.guestTable & frame
      for shift in [39, 30, 21] as [UInt64] {
        at = processor.physicalWord(at: at + (linear >> shift & 0x1FF) * 8) & frame
      }
      return at
    }
    let wanted = table(spare)
    for page in 0..<512 as Range<UInt64> {
      let linear = base + page << 12
      let mapped = processor.physicalWord(at: table(linear) + (linear >> 12 & 0x1FF) * 8) & frame
      if mapped == wanted { return linear + (spare >> 12 & 0x1FF) * 8 }
    }
    return nil
  }

  // MARK: Bytes

  private mutating func put(_ bytes: UInt8...) { code += bytes }
  private mutating func word(_ value: UInt64) {
    for i in 0..<4 as Range<UInt64> { code.append(UInt8(truncatingIfNeeded: value >> (i * 8))) }
  }

  private mutating func jump(from start: UInt64, to: UInt64) {
    let end = start &+ UInt64(code.count) &+ 5
    put(0xE9)
    word(to &- end)
  }

  private mutating func push(_ value: UInt64) {
    put(0x68)
    word(value)
  }

  private mutating func move(_ register: UInt8, _ value: UInt64) {
    put(0x48, 0xC7, 0xC0 | register)
    word(value)
  }

  /// MOV EAX, number; SYSCALL.
  private mutating func hypercall(_ number: UInt64) {
    put(0xB8)
    word(number)
    put(0x0F, 0x05)
  }

  /// MOV of a register from or to memory at a fixed address.
  private mutating func access(_ opcode: UInt8, _ register: UInt8, _ address: UInt64) {
    put(0x48, opcode, 0x04 | register << 3, 0x25)
    word(address)
  }

  /// POP RCX, POP R11: what Xen pushed below the frame of the processor's shape.
  private mutating func popFrame() { put(0x59, 0x41, 0x5B) }

  /// The rest of the iret hypercall's frame, and the call.
  private mutating func iret(flags: UInt64 = 0) {
    push(flags)
    put(0x51, 0x41, 0x53, 0x50)
    hypercall(23)
  }

  private mutating func handle(_ vector: UInt64, at: UInt64) {
    if vector == 0x41 {
      move(4, Self.stackTop - 0x100)
      return jump(from: at, to: Self.start)
    }
    popFrame()
    switch vector {
    case 8, 10...14, 17:
      put(0x48, 0x83, 0xC4, 8)
      put(0x48, 0xFF, 0x04, 0x24)
    case 0, 5...7, 16, 19: put(0x48, 0xFF, 0x04, 0x24)
    default: break
    }
    iret()
  }

  // MARK: One program

  mutating func prepare(_ processor: Processor) {
    for space in 0..<Self.spaces {
      let at = Self.start + UInt64(space * Self.space)
      code = []
      let length = 20 + below(80)
      while code.count < length { snippet() }
      code = Array(code.prefix(Self.space - 5))
      jump(from: at, to: target())
      processor.copyToGuest(code, at)
    }
    // What the console is told, and a multicall of xen_version and set_segment_base.
    processor.copyToGuest([0x78, 0x0A, 0x79], Self.arguments + 0x200)
    let calls: [UInt64] = [17, 0, 0, 0, 0, 0, 0, 0, 25, 0, 2, Self.data, 0, 0, 0, 0]
    processor.copyToGuest(calls.flatMap(SmallKernel.number), Self.arguments + 0x300)
    for register in GeneralRegister.allCases { processor[register] = address() }
    processor[.rsp] = stack()
    processor.rip = Self.start
  }

  private mutating func target() -> UInt64 { Self.start + UInt64(below(Self.spaces) * Self.space) }
  private mutating func stack() -> UInt64 { Self.stackTop - UInt64(below(24) * 0x40) }
  private mutating func address() -> UInt64 { Self.data + UInt64(below(0x2000)) }

  private mutating func flags() -> UInt64 {
    var flags: UInt64 = 2
    let chances: [(bit: UInt64, one: Int)] = [(8, 12), (9, 2), (10, 2), (14, 10), (16, 8), (18, 8)]
    for (bit, one) in chances where below(one) == 0 { flags |= 1 << bit }
    return flags
  }

  private mutating func snippet() {
    switch below(8) {
    case 0: loadStack()
    case 1, 2: call()
    case 3: leave()
    case 4: flagsChange()
    case 5: event()
    case 6: other()
    default: plain()
    }
  }

  private mutating func plain() {
    switch below(11) {
    case 0: put(0x48, 0x01, 0xC3)
    case 1: put(0x48, 0x8B, 0x03)
    case 2: put(0x89, 0x0E)
    case 3: put(0x50 | UInt8(below(4)))
    case 4: put(0x58 | UInt8(below(4)))
    case 5: put(0x0F, 0x31)
    case 6:
      put(0xB9)
      word(UInt64(2 + below(20)))
      put(0x01, 0xCB, 0xFF, 0xC9, 0x75, 0xFA)
    case 7:
      put(0xE8)
      word(UInt64(below(3)))
    case 8: put(0x48, 0x83, 0xEC, 8, 0x48, 0x83, 0xC4, 8)
    case 9: move(3, address())
    default: put(0x30, 0xC8, 0x10, 0xD3)
    }
  }

  private mutating func loadStack() {
    switch below(5) {
    case 0: move(4, stack())
    case 1:
      push(stack())
      put(0x5C)
    case 2:
      move(5, stack())
      plain()
      put(0xC9)
    case 3:
      move(0, stack())
      put(0x48, 0x94)
    default:
      push(stack())
      put(0x48, 0x8B, 0x24, 0x24)
    }
  }

  /// RAX is the time that RDTSC gives, and less than `ticks` more.
  private mutating func soon(_ ticks: Int) {
    put(0x0F, 0x31, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0x48, 0x05)
    word(UInt64(below(ticks)))
  }

  private mutating func call() {
    switch below(12) {
    case 0:  // SCHEDOP_yield
      move(7, 0)
      hypercall(29)
    case 1:  // set_timer_op, SCHEDOP_block
      soon(500)
      put(0x48, 0x89, 0xC7)
      hypercall(15)
      move(7, 1)
      hypercall(29)
    case 2:
      soon(900)
      put(0x48, 0x89, 0xC7)
      hypercall(15)
    case 3:  // SCHEDOP_poll of no port, until a time
      soon(400)
      access(0x89, 0, Self.arguments + 0x110)
      move(7, 3)
      move(6, Self.arguments + 0x100)
      hypercall(29)
    case 4:  // set_segment_base
      move(7, UInt64(below(4)))
      move(6, address())
      hypercall(25)
    case 5:
      move(7, 0xE02B)
      move(6, stack())
      hypercall(3)
    case 6:  // multicall
      move(7, Self.arguments + 0x300)
      move(6, 2)
      hypercall(13)
    case 7:  // CONSOLEIO_write
      move(7, 0)
      move(6, 3)
      move(2, Self.arguments + 0x200)
      hypercall(18)
    case 8:  // VCPUOP_send_nmi
      move(7, 11)
      move(6, 0)
      move(2, 0)
      hypercall(24)
    case 9:  // update_va_mapping to what it is
      move(7, Self.spare)
      access(0x8B, 6, entry)
      move(2, 2)
      hypercall(14)
    default:
      move(7, 0)
      hypercall(17)
    }
  }

  private mutating func leave() {
    if below(8) == 0 { return put(0x0F, 0x05) }
    let isUser = below(3) == 0
    push(0xE02B)
    push(stack())
    push(flags())
    push(isUser ? 0xE033 : 0xE030)
    push(target())
    if below(4) == 0 {
      // IRETQ, which needs no hypervisor.
      code.removeLast(10)
      push(0xE033)
      push(target())
      put(0x48, 0xCF)
    } else {
      iret(flags: below(3) == 0 ? 0x100 : 0)
    }
  }

  private mutating func flagsChange() {
    switch below(6) {
    case 0: put(0xFD)
    case 1: put(0xFC)
    case 2:
      put(0x9C, 0x48, 0x81, 0x34, 0x24)
      word(flags() & ~2)
      put(0x9D)
    case 3:
      push(flags())
      put(0x9D)
    case 4:  // evtchn_upcall_mask
      put(0xC6, 0x04, 0x25)
      word(Self.shared + 1)
      put(UInt8(below(2)))
    default: put(pick([0xFA, 0xFB]))
    }
    plain()
    plain()
  }

  private mutating func event() {
    switch below(6) {
    case 0: put(0xCD, pick([0x40, 0x41, 0x80, 0x20, 3, 4]))
    case 1: put(pick([0xCC, 0xF1]))
    case 2:
      code += pick([[0x0F, 0xA2], [0x0F, 0x01, 0xF8], [0x0F, 0x20, 0xC0], [0x0F, 0x0B], [0xE4, 0x61], [0xF4]])
    case 3: put(0x31, 0xDB, 0xF7, 0xF3)
    case 4: put(0x8B, 0x04, 0x25, 0, 0x10, 0, 0)  // a load from where nothing is
    default:
      put(0xB8)
      word(0xE02B)
      put(0x8E, 0xD0)  // MOV SS
      code += pick([[0x90], [0xCC], [0x0F, 0x05], [0x48, 0x89, 0xEC]])
    }
  }

  private mutating func other() {
    switch below(7) {
    case 0:
      put(0xB8)
      word(pick([0, 0xE02B, 3]))
      put(0x8E, 0xE8)  // MOV GS
    case 1:  // WRMSR of a GS base
      put(0xB9)
      word(pick([0xC000_0101, 0xC000_0102]))
      put(0xB8)
      word(address())
      put(0xBA)
      word(~0)
      put(0x0F, 0x30)
    case 2:  // The kernel's own page table: a store, CMPXCHG, XCHG
      access(0x8B, 0, entry)
      put(0x48, 0x35, 0, 2, 0, 0)
      access(0x89, 0, entry)
    case 3:
      access(0x8B, 0, entry)
      put(0x48, 0x89, 0xC1, 0x48, 0x0F, 0xB1, 0x0C, 0x25)
      word(entry)
    case 4:
      access(0x8B, 0, entry)
      access(0x87, 0, entry)
    case 5:
      put(0xB9)
      word(UInt64(below(20) == 0 ? 70_000 : below(200)))
      move(6, address())
      move(7, address())
      put(0xF3)
      code += pick([[0xA4], [0xAA], [0x48, 0xAB], [0xA6], [0xAC]])
    default: put(0x88, 0x05, 1, 0, 0, 0, 0xB1, 0)
    }
  }
}
