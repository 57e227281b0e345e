/// The same program in two machines: one translates every block at once, the other steps and never translates.

import Machine

struct MachinePair {
  let translating: Processor
  let stepping: Processor
  private var program: RandomProgram
  private var exceptions: (TakenException?, TakenException?) = (nil, nil)

  init?(_ program: RandomProgram) {
    func machine(_ threshold: UInt16) -> Processor? {
      guard let memory = PhysicalMemory(size: 4 << 20) else { return nil }
      let processor = Processor(memory: memory, profile: .intel)
      processor.translationThreshold = threshold
      let data = RandomProgram.data..<RandomProgram.data + UInt64(RandomProgram.dataSize)
      let code = RandomProgram.code..<RandomProgram.code + UInt64(RandomProgram.codeSize)
      let constants = RandomProgram.constants..<RandomProgram.constants + 0x1000
      let pages = [
        UserPages(code, isWritable: true, isExecutable: true),
        UserPages(data, isWritable: true, isExecutable: false),
        UserPages(constants, isWritable: false, isExecutable: false),
      ]
      guard processor.startUserMode(pages: pages, systemArea: 0x10_0000) else { return nil }
      processor.writePhysical(program.bytes, at: RandomProgram.code)
      processor.setSegmentBase(.fs, 0x40)
      return processor
    }
    guard let first = machine(0), let second = machine(.max) else { return nil }
    translating = first
    stepping = second
    self.program = program
    restart()
  }

  private var both: [Processor] { [translating, stepping] }

  private mutating func restart() {
    let (registers, rip) = program.registers()
    let flags = RFLAGS(rawValue: 0x202 | UInt64(program.below(1 << 12)) & 0x8D5)
    for processor in both {
      for (i, name) in GeneralRegister.allCases.enumerated() { processor[name] = registers[i] }
      processor.rip = rip
      processor.rflags = flags
    }
  }

  /// Runs the one for a while, and the other as far. Sometimes all of it is in a fork that is undone half way.
  mutating func runOnce(_ round: Int) throws {
    let forks = round % 7 == 6
    if forks {
      for processor in both { processor.fork() }
      run()
      for processor in both { processor.restore() }
    }
    run()
    if forks { for processor in both { processor.drop() } }
    exceptions = (nil, nil)
    if translating.state.isHalted && stepping.state.isHalted {
      exceptions = (translating.takeException(), stepping.takeException())
      restart()
    }
  }

  private mutating func run() {
    _ = translating.run(UInt64(1 + program.below(program.below(4) == 0 ? 1000 : 60)))
    let (retired, events) = (translating.state.retired, translating.state.eventCount)
    while stepping.state.retired < retired || stepping.state.eventCount < events {
      let before = (stepping.state.retired, stepping.state.eventCount)
      _ = stepping.step()
      // Halted: the difference is for the comparison to find.
      if before == (stepping.state.retired, stepping.state.eventCount) { return }
    }
  }

  /// The first thing that differs.
  func difference() -> String? {
    let (a, b) = (translating.state, stepping.state)
    func differs<T: Equatable>(_ name: String, _ x: T, _ y: T) -> String? { x == y ? nil : "\(name) \(x) and \(y)" }
    for name in GeneralRegister.allCases {
      if let found = differs("\(name)", translating[name], stepping[name]) { return found }
    }
    let found =
      differs("rip", a.rip, b.rip) ?? differs("rflags", translating.rflags.rawValue, stepping.rflags.rawValue)
      ?? differs("retired", a.retired, b.retired) ?? differs("events", a.eventCount, b.eventCount)
      ?? differs("cr2", a.cr2, b.cr2) ?? differs("halted", a.isHalted, b.isHalted)
      ?? differs("exception", exceptions.0, exceptions.1)
    if let found { return found }
    let size = translating.memory.size
    guard let x = translating.memory.bytes(at: 0, count: size), let y = stepping.memory.bytes(at: 0, count: size) else {
      return "memory cannot be read"
    }
    if x == y { return nil }
    let at = zip(x, y).enumerated().first { $0.element.0 != $0.element.1 }!
    return "memory at \(String(at.offset, radix: 16)): \(at.element.0) and \(at.element.1)"
  }
}
