// The system calls that the probe makes, by Linux's numbers and with Linux's answers: syscalls(2). Two further tables of one
// entry each are those of INT 0x80, SYSENTER and 32-bit SYSCALL.

/// What a system call returns for an error number of errno(3).
func failure(_ number: Int) -> UInt { UInt(bitPattern: -number) }

/// Called by the thresholds with interrupts on and the number in orig_rax.
@_cdecl("do_syscall_64")
func doSystemCall(_ registers: UnsafeMutablePointer<pt_regs>) {
  SystemCall.perform(registers)
}

@_cdecl("do_syscall_32")
func doSystemCall32(_ registers: UnsafeMutablePointer<pt_regs>) {
  let number = UInt32(truncatingIfNeeded: registers.pointee.orig_rax)
  registers.pointee.rax = number == 20 ? Task.current.pointee.id : failure(Int(ENOSYS))
}

/// SYSENTER and 32-bit SYSCALL return to the 32-bit page alone, and their callers have left EBP on the user's stack, whose
/// pointer is in RSP by now. Linux reads the sixth argument there.
@_cdecl("do_fast_syscall_32")
func doFastSystemCall32(_ registers: UnsafeMutablePointer<pt_regs>) {
  registers.pointee.rip = UInt(VDSO32)
  var word: UInt32 = 0
  let stack = registers.pointee.rsp & 0xFFFF_FFFF
  registers.pointee.rsp = stack
  guard withUnsafeMutablePointer(to: &word, { User.read(UInt(bitPattern: $0), stack, 4) }) else {
    registers.pointee.rax = UInt(UInt32(truncatingIfNeeded: failure(14)))
    return
  }
  registers.pointee.rbp = UInt(word)
  doSystemCall32(registers)
}

@_cdecl("do_int80")
func doInterrupt80(_ registers: UnsafeMutablePointer<pt_regs>) { doSystemCall32(registers) }

enum SystemCall {
  static func perform(_ registers: UnsafeMutablePointer<pt_regs>) {
    let r = registers.pointee
    // rt_sigreturn leaves its caller's registers behind.
    if r.orig_rax == 15 {
      if !Signal.goBack(registers) {
        registers.pointee.rax = 0
        Signal.force(11, trap: 14, error: 0, address: 0)
      }
      return
    }
    registers.pointee.rax = answer(r.orig_rax, r.rdi, r.rsi, r.rdx, r.r10)
  }

  private static func answer(_ number: UInt, _ a: UInt, _ b: UInt, _ c: UInt, _ d: UInt) -> UInt {
    switch number {
    case 1: return write(b, c)
    case 9: return map(a, b, c)
    case 11: return unmap(a, b)
    case 13: return setAction(a, b)
    case 34:
      Task.sleep()
      return failure(4)
    case 38: return setTimer(b)
    case 39: return Task.current.pointee.id
    case 57: return Task.fork()
    case 60: Task.exit((a & 0xFF) << 8)
    case 61: return Task.wait(a, b)
    case 62: return kill(a, b)
    case 131: return setSignalStack(a, b)
    case 154: return setDescriptor(a, b, c)
    case 158: return setBase(a, b)
    case 169: stopMachine(crashed: false)
    default: return failure(Int(ENOSYS))
    }
  }

  private static func write(_ address: UInt, _ count: UInt) -> UInt {
    for index in 0..<count {
      let place = AddressSpace.find(Task.current, address &+ index, toWrite: false)
      guard place != 0 else { return failure(14) }
      let byte = load_byte(place)
      if byte == 10 { Console.end() } else { Console.put(byte: byte) }
    }
    return count
  }

  /// The last page below the addresses that are not canonical is nobody's, but where a design wants it otherwise (whole_user_half).
  private static func isUsers(_ address: UInt, _ size: UInt) -> Bool {
    let end: UInt = whole_user_half_address() != 0 ? 1 << 47 : 0x7FFF_FFFF_F000
    return address % 4096 == 0 && address >= 65536 && size <= 1 << 20 && address <= end - size
  }

  /// Anonymous pages at a fixed place.
  private static func map(_ address: UInt, _ size: UInt, _ protection: UInt) -> UInt {
    guard isUsers(address, size), size > 0 else { return failure(22) }
    let kind = (protection & 2 != 0 ? Mapping.writable : 0) | (protection & 4 != 0 ? Mapping.executable : 0)
    for offset in stride(from: UInt(0), to: size, by: 4096) {
      AddressSpace.unmap(Task.current, address + offset)
      AddressSpace.map(Task.current, address + offset | kind, Memory.take(), isLive: true)
    }
    return address
  }

  private static func unmap(_ address: UInt, _ size: UInt) -> UInt {
    guard isUsers(address, size) else { return failure(22) }
    for offset in stride(from: UInt(0), to: size, by: 4096) { AddressSpace.unmap(Task.current, address + offset) }
    return 0
  }

  private static func setAction(_ signal: UInt, _ new: UInt) -> UInt {
    guard (1...32).contains(signal) else { return failure(22) }
    return User.read(UInt(bitPattern: action_of(Task.current, signal)), new, 32) ? 0 : failure(14)
  }

  /// struct itimerval: interval and first, each in seconds and microseconds.
  private static func setTimer(_ new: UInt) -> UInt {
    var timer = InlineArray<4, UInt>(repeating: 0)
    guard withUnsafeMutablePointer(to: &timer, { User.read(UInt(bitPattern: $0), new, 32) }) else { return failure(14) }
    let first = timer[2] &* 1_000_000 &+ timer[3]
    Task.current.pointee.alarm_interval = Clock.units(microseconds: timer[0] &* 1_000_000 &+ timer[1])
    Task.current.pointee.alarm = first == 0 ? 0 : Clock.now &+ Clock.units(microseconds: first)
    return 0
  }

  private static func kill(_ id: UInt, _ signal: UInt) -> UInt {
    guard id == Task.current.pointee.id, (1...32).contains(signal) else { return failure(3) }
    Signal.send(signal, to: Task.current)
    return 0
  }

  /// stack_t: base, flags, size.
  private static func setSignalStack(_ new: UInt, _ old: UInt) -> UInt {
    let task = Task.current
    var stack: InlineArray<3, UInt> = [
      task.pointee.signal_stack, task.pointee.signal_stack_flags, task.pointee.signal_stack_size,
    ]
    if old != 0 {
      guard withUnsafePointer(to: stack, { User.write(old, UInt(bitPattern: $0), 24) }) else { return failure(14) }
    }
    if new != 0 {
      guard withUnsafeMutablePointer(to: &stack, { User.read(UInt(bitPattern: $0), new, 24) }) else { return failure(14) }
      task.pointee.signal_stack = stack[0]
      task.pointee.signal_stack_flags = stack[1]
      task.pointee.signal_stack_size = stack[2]
    }
    return 0
  }

  /// modify_ldt(2) with function 0x11: struct user_desc { entry_number, base_addr, limit, flags }, flags from bit 0: seg_32bit, contents in two
  /// bits, read_exec_only, limit_in_pages, seg_not_present, useable. Where a design has an LDT for the user's (user_ldt): 1 without segments of
  /// 16 bits, 2 with them.
  private static func setDescriptor(_ function: UInt, _ address: UInt, _ size: UInt) -> UInt {
    guard user_ldt_address() != 0, kernel.on_xen == 0, function == 0x11, size == 16 else { return failure(Int(ENOSYS)) }
    var asked: InlineArray<2, UInt> = [0, 0]
    guard withUnsafeMutablePointer(to: &asked, { User.read(UInt(bitPattern: $0), address, 16) }) else { return failure(14) }
    let (entry, base, limit, flags) = (asked[0] & 0xFFFF_FFFF, asked[0] >> 32, asked[1] & 0xFFFF_FFFF, asked[1] >> 32)
    guard entry < UInt(LDT_ENTRIES), flags & 1 != 0 || user_ldt_address() == 2 else { return failure(22) }
    // SDM vol. 3A, "Segment Descriptors": the user's, accessed.
    let type = (flags >> 1 & 3) << 2 | (flags >> 3 & 1 ^ 1) << 1 | 1
    let access = type | 0xF0 & ~((flags >> 5 & 1) << 7)
    let high = (limit >> 16 & 0xF) | (flags & 1) << 6 | (flags >> 4 & 1) << 7
    ldt_of(Task.current)[Int(entry)] =
      limit & 0xFFFF | (base & 0xFF_FFFF) << 16 | access << 40 | high << 48 | (base >> 24) << 56
    Segments.setLDT(Task.current)
    return 0
  }

  private static func setBase(_ operation: UInt, _ value: UInt) -> UInt {
    let task = Task.current
    Segments.keepBases(task)
    switch operation {
    // ARCH_SET_GS, ARCH_SET_FS: an address of the user's.
    case 0x1001, 0x1002:
      guard value < 0x7FFF_FFFF_F000 else { return failure(1) }
      if operation == 0x1001 { task.pointee.gs_base = value } else { task.pointee.fs_base = value }
      Segments.setBases(task)
      return 0
    // ARCH_GET_FS, ARCH_GET_GS.
    case 0x1003, 0x1004:
      var base = operation == 0x1003 ? task.pointee.fs_base : task.pointee.gs_base
      return withUnsafePointer(to: &base) { User.write(value, UInt(bitPattern: $0), 8) } ? 0 : failure(14)
    // ARCH_MAP_VDSO_32.
    case 0x2002:
      guard value == vdso32Base else { return failure(17) }
      AddressSpace.map(task, value | Mapping.executable | Mapping.shared, vdso32_address(), isLive: true)
      return 4096
    default: return failure(22)
    }
  }

  /// Where the 32-bit entries return to: nowhere else can it be mapped.
  private static let vdso32Base = UInt(VDSO32)
}
