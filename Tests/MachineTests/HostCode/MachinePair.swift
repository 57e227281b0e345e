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
    for area in Self.areas {
      let (x, y) = (bytes(translating, area), bytes(stepping, area))
      if x == y { continue }
      let at = x.indices.first { x[$0] != y[$0] }!
      return "memory at \(String(area.lowerBound + UInt64(at), radix: 16)): \(x[at]) and \(y[at])"
    }
    return nil
  }

  /// The page tables, with their A and D bits, and the kernel's stack; code; data.
  private static let areas = [
    0x10_0000..<0x10_8000, RandomProgram.code..<RandomProgram.code + UInt64(RandomProgram.codeSize),
    RandomProgram.data..<RandomProgram.constants + 0x1000,
  ]

  private func bytes(_ processor: Processor, _ area: Range<UInt64>) -> [UInt8] {
    processor.memory.bytes(at: area.lowerBound, count: area.count)!
  }
}
