/// The two that execute a recorded line: the host processor and the machine. Both have the same pages at the same addresses.

import HostInstructions
import Machine

struct HostExecutor {
  /// Nil where the host has something else at the fixed addresses.
  init?() {
    guard hostPrepare() else { return nil }
    let constant = (0..<4096).map { RecordedState.pattern(at: UInt64(HOST_CONSTANT) + $0) }
    constant.withUnsafeBufferPointer { hostFillConstant($0.baseAddress, UInt32($0.count)) }
  }

  private var memory: UnsafeMutableRawBufferPointer {
    // SAFETY: `hostPrepare` mapped it.
    UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: UInt(HOST_MEMORY)), count: RecordedState.memorySize)
  }

  func execute(_ recorded: RecordedExecution) -> Execution {
    let start = recorded.before.registers[Registers.rip]
    recorded.bytes.withUnsafeBufferPointer { hostPlace(start, $0.baseAddress, UInt32($0.count)) }
    memory.copyBytes(from: recorded.before.memory)
    if recorded.isFloating { recorded.before.image.withUnsafeBytes { memory.copyMemory(from: $0) } }
    var registers = recorded.before.registers
    var outcome = HostOutcome()
    withUnsafeMutableBytes(of: &registers.words) {
      let place = $0.baseAddress!.assumingMemoryBound(to: HostRegisters.self)
      if recorded.isFloating { hostExecuteVector(place, &outcome) } else { hostExecute(place, &outcome) }
    }
    var after = recorded.before
    after.registers = registers
    after.memory = [UInt8](memory)
    if recorded.isFloating {
      for i in 0..<64 { after.image[i] = memory.load(fromByteOffset: 0x200 + 8 * i, as: UInt64.self) }
    }
    return Execution(
      after: after, vector: outcome.vector, errorCode: outcome.errorCode, faultAddress: outcome.faultAddress)
  }
}

struct MachineExecutor {
  let processor: Processor
  private static let names = GeneralRegister.allCases
  private static let code = UInt64(HOST_CODE)..<UInt64(HOST_CODE_END)

  init(profile: Profile) throws {
    guard let ram = PhysicalMemory(size: 4 << 20) else { throw NoMemory() }
    processor = Processor(memory: ram, profile: profile)
    let pages = [
      UserPages(Self.code, isWritable: true, isExecutable: true),
      UserPages(UInt64(HOST_MEMORY)..<UInt64(HOST_MEMORY_END), isWritable: true, isExecutable: false),
      UserPages(UInt64(HOST_CONSTANT)..<UInt64(HOST_CONSTANT_END), isWritable: false, isExecutable: false),
    ]
    processor.writePhysical([UInt8](repeating: 0xCC, count: Self.code.count), at: Self.code.lowerBound)
    precondition(processor.startUserMode(pages: pages, systemArea: 0x10_0000), "the areas lie in 4 MiB of RAM")
    let constant = (0..<4096).map { RecordedState.pattern(at: UInt64(HOST_CONSTANT) + $0) }
    processor.writePhysical(constant, at: UInt64(HOST_CONSTANT))
  }
  struct NoMemory: Error {}

  func execute(_ recorded: RecordedExecution) -> Execution {
    let start = recorded.before.registers[Registers.rip]
    let bytes = recorded.bytes.prefix(Int(Self.code.upperBound - start))
    processor.writePhysical(bytes, at: start)
    processor.writePhysical(recorded.before.memory, at: UInt64(HOST_MEMORY))
    if recorded.isFloating {
      processor.writePhysical(recorded.before.image.flatMap { FormSource.littleEndian($0, 8) }, at: UInt64(HOST_MEMORY))
    }
    for i in 0..<16 { processor[Self.names[i]] = recorded.before.registers[i] }
    processor.rflags = RFLAGS(rawValue: recorded.before.registers[Registers.rflags])
    processor.rip = start

    var exception: TakenException?
    // FXRSTOR64 and FXSAVE64 are two more; a branch to where nothing can be fetched faults at the next.
    for _ in 0..<(recorded.isFloating ? 3 : 1) where exception == nil { exception = step() }
    if exception == nil, !Self.code.contains(processor.rip) { exception = step() }
    processor.writePhysical([UInt8](repeating: 0xCC, count: bytes.count), at: start)

    var after = recorded.before
    for i in 0..<16 { after.registers[i] = processor[Self.names[i]] }
    after.registers[Registers.rflags] = processor.rflags.rawValue
    after.registers[Registers.rip] = processor.rip
    after.memory = processor.memory.bytes(at: UInt64(HOST_MEMORY), count: RecordedState.memorySize) ?? []
    if recorded.isFloating {
      for i in 0..<64 {
        after.image[i] = (0..<8).reduce(0) { $0 | UInt64(after.memory[0x200 + 8 * i + $1]) << UInt64(8 * $1) }
      }
    }
    guard let exception else { return Execution(after: after, vector: -1) }
    return Execution(
      after: after, vector: Int32(exception.vector.rawValue), errorCode: exception.errorCode ?? 0,
      faultAddress: exception.vector == .pageFault ? processor.state.cr2 : 0)
  }

  private func step() -> TakenException? {
    _ = processor.step()
    return processor.takeException()
  }
}
