// How an arrival is printed: README.md, "A line".

struct Report {
  let name: StaticString
  let start: Case
  let arrival: arrival
  let index: UInt
  var line = Line()

  init(_ name: StaticString, _ start: Case, _ arrival: arrival, _ index: UInt) {
    self.name = name
    self.start = start
    self.arrival = arrival
    self.index = index
  }

  mutating func putKind(_ kind: UInt) {
    switch kind {
    case 0: line.put("#DE")
    case 1: line.put("#DB")
    case 2: line.put("NMI")
    case 3: line.put("#BP")
    case 4: line.put("#OF")
    case 5: line.put("#BR")
    case 6: line.put("#UD")
    case 7: line.put("#NM")
    case 8: line.put("#DF")
    case 10: line.put("#TS")
    case 11: line.put("#NP")
    case 12: line.put("#SS")
    case 13: line.put("#GP")
    case 14: line.put("#PF")
    case 16: line.put("#MF")
    case 17: line.put("#AC")
    case 18: line.put("#MC")
    case 19: line.put("#XM")
    case 256: line.put("event")
    case 257: line.put("failsafe")
    case 258: line.put("syscall")
    case 259: line.put("syscall32")
    case 260: line.put("sysenter")
    default:
      line.put("int")
      line.put(hex: kind)
    }
  }

  private mutating func put(_ base: StaticString, _ offset: UInt) {
    line.put(base)
    let signed = Int(bitPattern: offset)
    if signed < 0 {
      line.put("-")
      line.put(hex: signed.magnitude)
    } else if signed > 0 {
      line.put("+")
      line.put(hex: offset)
    }
  }

  /// An address relative to what it lies in, everything else as it is.
  mutating func put(value: UInt) {
    let code = start.frame.rip
    let stubs = stubs_address()
    if value &- code < 64 {
      put("T", value - code)
    } else if let landmark = start.landmark, value &- landmark < 64 {
      put("L", value - landmark)
    } else if value == after_enter_address() {
      put("after-iret", 0)
    } else if value > Memory.stackTop - 4096, value <= Memory.stackTop {
      put("U", value &- (Memory.stackTop - 256))
    } else if value >= Memory.window, value < Memory.window + 0x8000 {
      put("W", value - Memory.window)
    } else if value >= Top.kernelStack - 8192, value <= Top.kernelStack {
      put("K", value &- Top.kernelStack)
    } else if value > Top.caseStack - 8192, value < Top.caseStack {
      put("S", value &- (Top.caseStack - 256))
    } else if value >= spare_pages_address(), value < spare_pages_address() + 8 * 4096 {
      put("spare", value - spare_pages_address())
    } else if value >= scratch_address(), value < scratch_address() + 4096 {
      put("scratch", value - scratch_address())
    } else if value >= stubs, value < stubs + UInt(KINDS * STUB_SIZE) {
      line.put("handler(")
      putKind((value - stubs) / UInt(STUB_SIZE))
      put(")", (value - stubs) % UInt(STUB_SIZE))
    } else {
      line.put(hex: value)
    }
  }

  mutating func field(_ label: StaticString, _ value: UInt) {
    line.put(label)
    put(value: value)
  }

  mutating func print() {
    let has: UInt = 0x27D00
    let kind = arrival.kind
    line.put(topic)
    line.put("/")
    line.put(name)
    if let suffix = start.suffix {
      line.put("-")
      line.put(hex: suffix)
    }
    switch start.mode {
    case .user: line.put(".user")
    case .kernel: line.put(".kernel")
    case .compatibility: line.put(".compat")
    case .kernelCompatibility: line.put(".kernel-compat")
    }
    if start.limit > 1 {
      line.put(".")
      line.put(decimal: Int(index) + 1)
    }
    line.put(": ")
    putKind(kind)
    let words = arrival.frame
    let errorCode = kind < 32 && has >> kind & 1 == 1
    if errorCode {
      line.put("(")
      line.put(hex: words.2)
      line.put(")")
    }
    let (rip, cs, rflags, rsp, ss) =
      errorCode
      ? (words.3, words.4, words.5, words.6, words.7) : (words.2, words.3, words.4, words.5, words.6)
    field(" ", rip)
    field(" ", cs & 0xFFFF)
    field("/", cs >> 32)
    if cs >> 16 & 0xFFFF != 0 { field("!", cs) }
    field(" ", rflags & ~(start.showsResume ? 0 : Flag.resume))
    field(" ", rsp)
    field(" ", ss)
    field(" rcx=", words.0)
    field(" r11=", words.1)
    field(" -> mask=", UInt(arrival.mask))
    field(" ", arrival.rflags)
    field(" ", arrival.rsp)
    field(" ", UInt(arrival.cs))
    field(" ", UInt(arrival.ss))
    field(" rcx=", arrival.rcx)
    field(" r11=", arrival.r11)
    if kind == 14 { field(" cr2=", arrival.cr2) }
    changed(" rax=", arrival.rax, start.frame.rax)
    changed(" rdx=", arrival.rdx, case_start.rdx)
    changed(" rbx=", arrival.rbx, case_start.rbx)
    changed(" rbp=", arrival.rbp, case_start.rbp)
    changed(" rsi=", arrival.rsi, case_start.rsi)
    changed(" rdi=", arrival.rdi, case_start.rdi)
    changed(" r8=", arrival.r8, case_start.r8)
    changed(" r9=", arrival.r9, case_start.r9)
    changed(" r10=", arrival.r10, case_start.r10)
    changed(" r12=", arrival.r12, case_start.r12)
    changed(" r13=", arrival.r13, case_start.r13)
    changed(" r14=", arrival.r14, case_start.r14)
    changed(" r15=", arrival.r15, case_start.r15)
    changed(" ds=", UInt(arrival.ds), 0)
    changed(" es=", UInt(arrival.es), 0)
    changed(" fs=", UInt(arrival.fs), 0)
    changed(" gs=", UInt(arrival.gs), 0)
    line.end()
  }

  private mutating func changed(_ label: StaticString, _ value: UInt, _ expected: UInt) {
    if value != expected { field(label, value) }
  }
}

/// The answer of a hypercall, negative as the errno of xen/include/public/errno.h.
func result(_ name: StaticString, _ value: Int) {
  var line = Line()
  line.put(topic)
  line.put("/")
  line.put(name)
  line.put(": ")
  putAnswer(&line, value)
  line.end()
}

func putAnswer(_ line: inout Line, _ value: Int) {
  switch value {
  case -1: line.put("-EPERM")
  case -2: line.put("-ENOENT")
  case -3: line.put("-ESRCH")
  case -6: line.put("-ENXIO")
  case -7: line.put("-E2BIG")
  case -11: line.put("-EAGAIN")
  case -12: line.put("-ENOMEM")
  case -13: line.put("-EACCES")
  case -14: line.put("-EFAULT")
  case -16: line.put("-EBUSY")
  case -17: line.put("-EEXIST")
  case -19: line.put("-ENODEV")
  case -22: line.put("-EINVAL")
  case -28: line.put("-ENOSPC")
  case -34: line.put("-ERANGE")
  case -38: line.put("-ENOSYS")
  case -95: line.put("-EOPNOTSUPP")
  case -1000..<0: line.put(decimal: value)
  default: line.put(hex: UInt(bitPattern: value))
  }
}

func result(_ name: StaticString, _ value: UInt) { result(name, Int(bitPattern: value)) }
