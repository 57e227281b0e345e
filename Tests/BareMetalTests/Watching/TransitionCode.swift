/// Random programs for privilege 0 and 3 that are full of what the log of transitions notes, among code that runs translated: loads
/// of RSP, GS bases and CR3, flags, events of every kind, ways in and out, a timer, time that is read.
///
/// Whatever faults goes on behind its first byte, so that a program lives; where the stack is lost #DF finds a new one.
/// SDM vol. 2; vol. 3A, "Interrupt and Exception Handling".
import BareMetal
import Machine

struct TransitionCode {
  private var random: RandomCode
  /// The bytes of the snippet that is being made.
  private var code: [UInt8] = []

  private static let spaces = 48
  private static let space = 160
  private static let data: UInt64 = 0x40_0000
  /// Executed first.
  private static let preamble: UInt64 = 0x2_8000

  init(seed: UInt64) { random = RandomCode(seed: seed &* 0x9E37_79B9_7F4A_7C15 | 1, memorySize: 8 << 20) }

  mutating func below(_ n: Int) -> Int { random.below(n) }

  // MARK: The computer

  /// A machine in 64-bit mode, with a timer whose interrupts need no end.
  static func computer(_ profile: Profile) throws -> BareMetalComputer? {
    let computer = try BareMetalComputer(memorySize: 8 << 20, profile: profile, hasLocalAPIC: false)
    let processor = computer.processor
    let start = LongModeStart { processor.writePhysical($0, at: $1) }
    guard start.start(processor) else { return nil }
    for vector in 0..<256 as Range<UInt64> {
      var handler = TransitionCode(seed: 1)
      handler.handle(vector)
      processor.writePhysical(handler.code, at: LongModeStart.handlers + vector * 16)
    }
    _ = processor.setInterruptStack(of: .doubleFault, to: 1)
    _ = processor.setInterruptStack(of: .nmi, to: 2)
    // ICW1 to ICW4 with automatic end of interrupt, then IRQ0 alone.
    let words: [(UInt16, UInt32)] = [(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 3), (0x21, 0xFE)]
    for (port, value) in words { _ = computer.board.writePort(port, size: 1, value: value, now: processor.now) }
    return computer
  }

  private mutating func handle(_ vector: UInt64) {
    switch vector {
    case 8, 0x41:
      // A new stack, and the program from its start.
      put(0x48, 0xC7, 0xC4)
      word(LongModeStart.stackTop - 0x100)
      jump(from: LongModeStart.handlers + vector * 16, to: LongModeStart.code)
      return
    case 10...14, 17:
      put(0x48, 0x83, 0xC4, 8)
      put(0x48, 0xFF, 0x04, 0x24)
    case 0, 5...7, 16, 19: put(0x48, 0xFF, 0x04, 0x24)
    default: break
    }
    put(0x48, 0xCF)
  }

  // MARK: One program

  /// Puts a program, registers and the timer's period into a started computer.
  mutating func prepare(_ computer: BareMetalComputer) {
    let processor = computer.processor
    for space in 0..<Self.spaces {
      let at = LongModeStart.code + UInt64(space * Self.space)
      code = []
      let length = 20 + below(80)
      while code.count < length { snippet() }
      code = Array(code.prefix(Self.space - 5))
      jump(from: at, to: target())
      processor.writePhysical(code, at: at)
    }
    code = []
    start()
    processor.writePhysical(code, at: Self.preamble)
    for register in GeneralRegister.allCases { processor[register] = below(3) == 0 ? random.value() : address() }
    processor[.rsp] = stack()
    processor.rflags = RFLAGS(rawValue: 2)
    processor.rip = Self.preamble
    // Mode 2, a period of 2 to 40 ticks of 838 ns.
    let words: [(UInt16, UInt32)] = [(0x43, 0x34), (0x40, UInt32(2 + below(38))), (0x40, 0)]
    for (port, value) in words { _ = computer.board.writePort(port, size: 1, value: value, now: processor.now) }
  }

  /// STAR, LSTAR, CSTAR, FMASK, the MSRs of SYSENTER, and the GS base for SWAPGS.
  private mutating func start() {
    writeMSR(0xC000_0081, 0x0010_0008 << 32)
    writeMSR(0xC000_0082, target())
    writeMSR(0xC000_0083, target())
    writeMSR(0xC000_0084, flags())
    writeMSR(0x174, 8)
    writeMSR(0x175, stack())
    writeMSR(0x176, target())
    writeMSR(0xC000_0102, address())
    jump(from: Self.preamble, to: LongModeStart.code)
  }

  // MARK: Bytes

  private mutating func put(_ bytes: UInt8...) { code += bytes }
  private mutating func word(_ value: UInt64) {
    for i in 0..<4 as Range<UInt64> { code.append(UInt8(truncatingIfNeeded: value >> (i * 8))) }
  }

  /// JMP behind what is there, which lies at `start`.
  private mutating func jump(from start: UInt64, to: UInt64) {
    let end = start &+ UInt64(code.count) &+ 5
    put(0xE9)
    word(to &- end)
  }

  private mutating func push(_ value: UInt64) {
    put(0x68)
    word(value)
  }

  /// MOV of a sign-extended immediate to one of the first eight registers.
  private mutating func move(_ register: UInt8, _ value: UInt64) {
    put(0x48, 0xC7, 0xC0 | register)
    word(value)
  }

  private mutating func writeMSR(_ number: UInt64, _ value: UInt64) {
    put(0xB9)
    word(number)
    put(0xB8)
    word(value)
    put(0xBA)
    word(value >> 32)
    put(0x0F, 0x30)
  }

  // MARK: Choices

  /// The start of a snippet.
  private mutating func target() -> UInt64 { LongModeStart.code + UInt64(below(Self.spaces) * Self.space) }
  private mutating func stack() -> UInt64 { LongModeStart.stackTop - UInt64(below(24) * 0x40) }
  private mutating func address() -> UInt64 { Self.data + UInt64(below(0x2000)) }
  private mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  /// TF, DF, IF, NT, RF and AC, each now and then.
  private mutating func flags() -> UInt64 {
    var flags: UInt64 = 2
    let chances: [(bit: UInt64, one: Int)] = [(8, 12), (9, 2), (10, 2), (14, 10), (16, 8), (18, 8)]
    for (bit, one) in chances where below(one) == 0 { flags |= 1 << bit }
    return flags
  }

  // MARK: Snippets

  /// Plain code, some of it on the stack or the clock.
  private mutating func plain() {
    switch below(12) {
    case 0: put(0x48, 0x01, 0xC3)  // ADD RBX, RAX
    case 1: put(0x48, 0x8B, 0x03)  // MOV RAX, [RBX]
    case 2: put(0x89, 0x0E)  // MOV [RSI], ECX
    case 3: put(0x50 | UInt8(below(4)))
    case 4: put(0x58 | UInt8(below(4)))
    case 5: put(0x0F, 0x31)  // RDTSC
    case 6:  // a loop
      put(0xB9)
      word(UInt64(2 + below(20)))
      put(0x01, 0xCB, 0xFF, 0xC9, 0x75, 0xFA)
    case 7:  // CALL a few bytes on
      put(0xE8)
      word(UInt64(below(3)))
    case 8: put(0x48, 0x83, 0xEC, 8, 0x48, 0x83, 0xC4, 8)  // RSP down and up
    case 9: move(3, address())
    case 10: put(0xF2, 0x0F, 0x58, 0xC1)  // ADDSD
    default: put(0x30, 0xC8, 0x10, 0xD3)
    }
  }

  private mutating func snippet() {
    switch below(8) {
    case 0: loadStack()
    case 1: base()
    case 2: flagsChange()
    case 3: event()
    case 4: leave()
    case 5: other()
    default: plain()
    }
  }

  private mutating func loadStack() {
    switch below(7) {
    case 0: move(4, stack())
    case 1:
      push(stack())
      put(0x5C)
    case 2:
      move(5, stack())
      plain()
      put(0xC9)  // LEAVE
    case 3:
      move(0, stack())
      put(0x48, 0x94)  // XCHG RAX, RSP
    case 4:
      move(5, stack())
      put(0x48, 0x8D, 0x65, 8)  // LEA RSP, [RBP + 8]
    case 5:
      push(stack())
      put(0x48, 0x8B, 0x24, 0x24)  // MOV RSP, [RSP]
    default:
      put(0x48, 0x0F, 0xB2, 0x24, 0x25)  // LSS RSP
      word(address())
    }
  }

  /// GS bases and CR3.
  private mutating func base() {
    switch below(7) {
    case 0, 1: put(0x0F, 0x01, 0xF8)  // SWAPGS
    case 2: writeMSR(0xC000_0101, address())
    case 3: put(0xF3, 0x48, 0x0F, 0xAE, 0xD8 | UInt8(below(4)))  // WRGSBASE
    case 4:
      put(0xB8)
      word(pick([0, 0x10, 0x1B, 3, 0x23]))
      put(0x8E, 0xE8)  // MOV GS
    case 5:
      push(pick([0, 0x10, 0x1B]))
      put(0x0F, 0xA9)  // POP GS
    default: put(0x0F, 0x20, 0xD8, 0x83, 0xF0, pick([0, 8, 0x10]), 0x0F, 0x22, 0xD8)  // MOV CR3
    }
  }

  private mutating func flagsChange() {
    switch below(6) {
    case 0: put(0xFD)  // STD
    case 1: put(0xFC)  // CLD
    case 2:
      put(0x9C, 0x48, 0x81, 0x34, 0x24)  // PUSHF, XOR [RSP]
      word(flags() & ~2)
      put(0x9D)
    case 3:
      push(flags())
      put(0x9D)
    case 4: put(0xFB)
    default: put(0xFA)
    }
    plain()
    plain()
  }

  private mutating func event() {
    switch below(8) {
    case 0: put(0xCD, pick([0x20, 0x40, 0x41, 0x80, 2, 8, 14]))
    case 1: put(pick([0xCC, 0xF1]))
    case 2: put(0x0F, 0x0B)
    case 3: put(0x31, 0xDB, 0xF7, 0xF3)  // DIV by zero
    case 4: put(0xFB, 0xF4)  // STI, HLT
    case 5:
      put(0xB8, 0x10, 0, 0, 0, 0x8E, 0xD0)  // MOV SS
      code += pick([[0x90], [0xCC], [0x0F, 0x05], [0x48, 0x89, 0xEC], [0xF4]])
    case 6 where below(4) == 0:  // DR0, DR7
      move(0, target())
      put(0x0F, 0x23, 0xC0, 0xB8)
      word(UInt64(below(3)))
      put(0x0F, 0x23, 0xF8)
    default: put(0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0xC0)  // a load from nobody's address
    }
  }

  private mutating func leave() {
    switch below(8) {
    case 0: put(0x0F, 0x05)
    case 1:
      move(1, target())
      put(0x49, 0xC7, 0xC3)
      word(flags())
      put(0x48, 0x0F, 0x07)  // SYSRET
    case 2: put(0x0F, 0x34)  // SYSENTER
    case 3:
      move(2, target())
      move(1, stack())
      put(0x48, 0x0F, 0x35)  // SYSEXIT
    case 4:
      // A far RET, to compatibility mode now and then.
      push(below(6) == 0 ? 0x28 : 8)
      push(target())
      put(0x48, 0xCB)
    default:
      let isUser = below(3) == 0
      push(isUser ? 0x1B : 0x10)
      push(stack())
      push(flags())
      push(isUser ? 0x23 : 8)
      push(target())
      put(0x48, 0xCF)  // IRETQ
    }
  }

  private mutating func other() {
    switch below(8) {
    case 0, 1, 2:  // REP
      put(0xB9)
      word(UInt64(below(30) == 0 ? 70_000 : below(200)))
      put(0xBE)
      word(address())
      put(0xBF)
      word(address())
      put(0xF3)
      code += pick([[0xA4], [0xAA], [0x48, 0xAB], [0xA6], [0xAE]])
    case 3: put(0x66, 0xBA, 0xF8, 3, 0xB0, pick([0x41, 0x0A]), 0xEE)  // OUT to the serial port
    case 4: put(0xE4, 0x40)  // IN from the timer
    case 5: put(0x88, 0x05, 1, 0, 0, 0, 0xB1, 0)  // changes the next instruction's immediate
    case 6:
      put(0xBE)
      word(address())
      put(0x66, 0xBA, 0xF8, 3, 0xB9, 3, 0, 0, 0, 0xF3, 0x6E)  // REP OUTSB
    default: code += random.instruction()
    }
  }
}
