import Machine
import Testing

/// Goal: an instruction, and the delivery of an event, completes outside RAM as it does in RAM, and every byte is asked for as often
/// as the instruction accesses it: an access is answered once.
///
/// The oracle is RAM: one machine has little of it and a bus with the same bytes behind it, the other has RAM there and an
/// observer. SDM vol. 3A, "Memory Types and Cache Control" (accesses to uncacheable memory are neither repeated nor left out).
struct OutsideRAMTests {
  static let ramSize = 2 << 20
  static let busSize = 0x10000
  static let edge = UInt64(ramSize)

  /// Bytes whose accesses an observer hears.
  final class ByteCounts: Observer {
    var reads: [UInt64: Int] = [:]
    var writes: [UInt64: Int] = [:]
    func read(_ linear: UInt64, size: Int, value: UInt64) { count(&reads, linear, size) }
    func wrote(_ linear: UInt64, size: Int, value: UInt64) { count(&writes, linear, size) }
    func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {}
    private func count(_ counts: inout [UInt64: Int], _ linear: UInt64, _ size: Int) {
      for at in linear..<linear + UInt64(size) where at >= OutsideRAMTests.edge { counts[at, default: 0] += 1 }
    }
    func forget() {
      reads = [:]
      writes = [:]
    }
  }

  /// The two machines.
  struct Pair {
    let small: Processor
    let large: Processor
    let bus = MemoryBus(base: OutsideRAMTests.edge, size: OutsideRAMTests.busSize)
    let counts = ByteCounts()
    /// Only answers ports.
    let ports = MemoryBus(base: 0, size: 0)

    init?(_ profile: Profile, tables: UInt64 = LongModeStart.tables) {
      guard let little = PhysicalMemory(size: OutsideRAMTests.ramSize), let more = PhysicalMemory(size: 4 << 20) else {
        return nil
      }
      small = Processor(memory: little, profile: profile)
      large = Processor(memory: more, profile: profile)
      small.bus = bus
      large.bus = ports
      let (small, large, bus) = (small, large, bus)
      for processor in [small, large] {
        let start = LongModeStart(
          write: { bytes, address in
            if processor === small { bus.write(bytes, at: address) }
            processor.writePhysical(bytes, at: address)
          }, tables: tables)
        guard start.start(processor) else { return nil }
      }
    }

    func write(_ bytes: [UInt8], at address: UInt64) {
      for (i, byte) in bytes.enumerated() {
        bus.write([byte], at: address + UInt64(i))
        small.writePhysical([byte], at: address + UInt64(i))
        large.writePhysical([byte], at: address + UInt64(i))
      }
    }
  }

  /// How the instruction is executed.
  enum Way: CaseIterable {
    /// By itself.
    case step
    /// Behind others of its block.
    case block
  }

  @Test(arguments: MemoryOperand.all)
  func completesAsInRAM(_ instruction: MemoryOperand) throws {
    for profile in Profile.plain {
      let pair = try #require(Pair(profile))
      for way in Way.allCases {
        // Around the end of RAM, and around a page of the bus.
        for anchor in [Self.edge, Self.edge + 0x1000] {
          for distance in -17...2 {
            try compare(pair, instruction, at: anchor &+ UInt64(bitPattern: Int64(distance)), way)
          }
        }
      }
    }
  }

  /// GDT, IDT and TSS lie outside RAM; the stack in RAM, at its edge or outside.
  @Test(arguments: [
    "int3", "ud2", "int 64", "lret", "iretq", "ltr", "lldt", "mov to es", "mov to ss", "lss", "lar", "lcall mem",
  ])
  func tablesOutsideRAM(_ name: String) throws {
    let instruction = try #require(MemoryOperand.all.first { $0.name == name })
    for profile in Profile.plain {
      let pair = try #require(Pair(profile, tables: Self.edge + 0x8000))
      for way in Way.allCases {
        for distance in [-0x1000, -20, -8, 0, 40, 0x2000] {
          try compare(pair, instruction, at: Self.edge &+ UInt64(bitPattern: Int64(distance)), way)
        }
      }
    }
  }

  private func compare(_ pair: Pair, _ instruction: MemoryOperand, at address: UInt64, _ way: Way) throws {
    let start = LongModeStart.code
    let bytes = (way == .block ? [0x90, 0x90, 0x90] : []) + instruction.code + [0x90, 0xF4]
    let window = Self.edge - 0x400..<Self.edge + UInt64(Self.busSize)
    let busBefore = pair.bus.bytes
    defer { pair.bus.bytes = busBefore }
    for processor in [pair.small, pair.large] {
      processor.fork()
      processor.observer = processor === pair.large ? pair.counts : nil
    }
    defer {
      for processor in [pair.small, pair.large] {
        processor.restore()
        processor.drop()
      }
    }
    // What the operand holds: two selectors that can be loaded among words that are no pointers.
    var word = address
    for at in stride(from: address & ~7 - 64, to: (address & ~7) + 640, by: 8) where at < window.upperBound - 0x8000 {
      word = word &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5677
      let value = (at ^ address) & 16 == 0 ? UInt64(LongModeStart.Selector.data) : word >> 20
      pair.write(withUnsafeBytes(of: value) { [UInt8]($0) }, at: at)
    }
    for processor in [pair.small, pair.large] {
      processor.writePhysical(bytes, at: start)
      prepare(processor, instruction, address)
      processor.rip = start
    }
    pair.bus.forget()
    pair.ports.forget()
    pair.counts.forget()
    for processor in [pair.small, pair.large] {
      let end = processor.spent + (way == .block ? 4 : 1)
      // An instruction that stops between two iterations goes on.
      for _ in 0..<16 where processor.spent < end && !processor.isHalted {
        if way == .step { _ = processor.step() } else { _ = processor.run(end - processor.spent) }
      }
    }
    let label: Comment = "\(instruction.name) at 0x\(String(address, radix: 16)), \(way), \(pair.small.profile.name)"
    for register in GeneralRegister.allCases {
      #expect(pair.small[register] == pair.large[register], label)
    }
    #expect(pair.small.rip == pair.large.rip, label)
    #expect(pair.small.rflags == pair.large.rflags, label)
    #expect(pair.small.retired == pair.large.retired, label)
    #expect(pair.small.eventCount == pair.large.eventCount, label)
    #expect(pair.small.lastVector == pair.large.lastVector, label)
    #expect(pair.small.selectors == pair.large.selectors, label)
    #expect(pair.small.digestVectors() == pair.large.digestVectors(), label)
    let inRAM = Int(Self.edge - window.lowerBound)
    // A message with all of the bytes would say less.
    let sameBytes =
      pair.small.memory.bytes(at: window.lowerBound, count: inRAM)! + pair.bus.bytes
      == pair.large.memory.bytes(at: window.lowerBound, count: window.count)!
    #expect(sameBytes, label)
    #expect(pair.bus.reads == pair.counts.reads, label)
    #expect(pair.bus.writes == pair.counts.writes, label)
    #expect(pair.bus.ports == pair.ports.ports, label)
    pair.large.observer = nil
  }

  private func prepare(_ processor: Processor, _ instruction: MemoryOperand, _ address: UInt64) {
    for (i, register) in GeneralRegister.allCases.enumerated() {
      processor[register] = 0x1111_1111_1111_1111 &* UInt64(i)
    }
    processor[.rsp] = LongModeStart.stackTop
    processor[.rbp] = LongModeStart.stackTop - 0x200
    processor[.rcx] = 3
    processor[.rdx] = 0x80
    processor[.rax] = 0x10
    processor[.rsi] = LongModeStart.stackTop - 0x400
    processor[.rdi] = LongModeStart.stackTop - 0x600
    switch instruction.place {
    case .rbx: processor[.rbx] = address
    case .stack:
      processor[.rsp] = address
      processor[.rbp] = address
    case .source: processor[.rsi] = address
    case .destination: processor[.rdi] = address
    case .both:
      processor[.rsi] = address
      processor[.rdi] = address + 24
    }
    if instruction.isLegacy { processor.enterCompatibility() }
  }
}

extension Processor {
  /// Goes on in 32-bit code at privilege 3, with flat segments.
  func enterCompatibility() {
    enterFlat(code: 0x23, stack: LongModeStart.Selector.userData, is64Bit: false)
    for name in [SegmentName.ds, .es] { _ = loadDataSegment(name, LongModeStart.Selector.userData | 3) }
  }
}
