/// The same instruction on the host processor and in the machine, and where they differ.

import Foundation
import HostInstructions
import HostOracle
import Machine

struct HostComparison {
  let processor: Processor
  var source: FormSource
  private(set) var compared = 0
  private(set) var raised = 0
  private(set) var differences: [String] = []
  private(set) var differing = 0
  /// The encoding that was noted last: one difference of it is enough.
  private var lastNoted: [UInt8] = []

  private static let breakpoint: UInt8 = 0xCC
  private static let names = GeneralRegister.allCases
  private static let memory = UInt64(HOST_MEMORY)..<UInt64(HOST_MEMORY_END)

  /// Nil where the host has something else at the fixed addresses.
  init?(seed: UInt64, profile: Profile = HostProcessor.current.profile) {
    // Another listener for SIGFPE must be there before ours, which passes on what is not its own.
    var raised = false
    _ = oracleUnmaskedSSE(.init(rawValue: 0)!, HostVector(), HostVector(), 0x1F80, &raised)
    guard hostPrepare(), let ram = PhysicalMemory(size: 4 << 20) else { return nil }
    processor = Processor(memory: ram, profile: profile)
    source = FormSource(random: OperandSource(seed: seed))
    let pages = [
      UserPages(UInt64(HOST_CODE)..<UInt64(HOST_CODE_END), isWritable: true, isExecutable: true),
      UserPages(Self.memory, isWritable: true, isExecutable: false),
      UserPages(UInt64(HOST_CONSTANT)..<UInt64(HOST_CONSTANT_END), isWritable: false, isExecutable: false),
    ]
    processor.writePhysical(
      [UInt8](repeating: Self.breakpoint, count: Int(HOST_CODE_END - HOST_CODE)), at: UInt64(HOST_CODE))
    precondition(processor.startUserMode(pages: pages, systemArea: 0x10_0000), "the areas lie in 4 MiB of RAM")
    let constant = (0..<512).flatMap { _ in FormSource.littleEndian(source.integer(), 8) }
    constant.withUnsafeBufferPointer { hostFillConstant($0.baseAddress, UInt32($0.count)) }
    processor.writePhysical(constant, at: UInt64(HOST_CONSTANT))
    let memory = (0..<1024).flatMap { _ in FormSource.littleEndian(source.integer(), 8) }
    write(Self.memory.lowerBound, memory)
  }

  private func write(_ address: UInt64, _ bytes: [UInt8]) {
    guard address >= Self.memory.lowerBound, address < Self.memory.upperBound else { return }
    let bytes = bytes.prefix(Int(Self.memory.upperBound - address))
    bytes.withUnsafeBytes {
      UnsafeMutableRawPointer(bitPattern: UInt(address))!.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
    }
    processor.writePhysical(bytes, at: address)
  }

  /// A quadword of the memory; zero where not all of it is memory.
  private static func read(_ address: UInt64) -> UInt64 {
    guard address >= UInt64(HOST_MEMORY), address <= UInt64(HOST_MEMORY_END) - 8 else {
      return address >= UInt64(HOST_CONSTANT) && address <= UInt64(HOST_CONSTANT_END) - 8
        ? UnsafeRawPointer(bitPattern: UInt(address))!.loadUnaligned(as: UInt64.self) : 0
    }
    return UnsafeRawPointer(bitPattern: UInt(address))!.loadUnaligned(as: UInt64.self)
  }

  /// Executes `form` with `rounds` sets of operands, alone or after instructions that change nothing.
  mutating func compare(_ form: InstructionForm, rounds: Int) {
    var form = form
    if source.chance(200), form.mayBeCutOff {
      // The end of the instruction cannot be fetched.
      form.address = UInt64(HOST_CODE_END) - UInt64(1 + source.random.below(form.bytes.count - 1))
    }
    let alone = source.chance(2)
    let filler = alone ? [] : source.filler()
    let start = form.address - UInt64(filler.count)
    let bytes = (filler + form.bytes).prefix(Int(UInt64(HOST_CODE_END) - start))
    bytes.withUnsafeBufferPointer { hostPlace(start, $0.baseAddress, UInt32($0.count)) }
    processor.writePhysical(bytes, at: start)
    for _ in 0..<rounds {
      var before = source.draw(form, write: { [self] in write($0, $1) }, read: Self.read)
      before[Registers.rip] = start
      compareOnce(form, before, alone: alone)
    }
    processor.writePhysical([UInt8](repeating: Self.breakpoint, count: bytes.count), at: start)
  }

  private mutating func compareOnce(_ form: InstructionForm, _ before: Registers, alone: Bool) {
    let operand = form.operandRegister.map { before[$0] } ?? form.memory.map { Self.read($0.target) } ?? 0
    var host = before
    var outcome = HostOutcome()
    withUnsafeMutableBytes(of: &host.words) {
      hostExecute($0.baseAddress!.assumingMemoryBound(to: HostRegisters.self), &outcome)
    }
    var (machine, machineOutcome) = alone ? step(before) : run(form, before)
    compared += 1
    if outcome.vector >= 0 { raised += 1 }

    var undefinedFlags: UInt64 = 0
    if outcome.vector < 0 {
      let undefined = Undefined(form, before: before, source: operand)
      undefinedFlags = undefined.flags
      if undefined.destination { forgive(form, host, &machine) }
    }
    if isUniteratedLoad(form, before), host[Registers.rcx] == before[Registers.rcx] {
      machine[Registers.rcx] = host[Registers.rcx]
    }
    var found: [String] = []
    let flags = RFLAGSBits.compared & ~undefinedFlags
    for i in 0..<18 {
      let mask = i == Registers.rflags ? flags : ~0
      if (host[i] ^ machine[i]) & mask != 0 {
        found.append("\(Registers.names[i]) host \(hex(host[i])) machine \(hex(machine[i]))")
      }
    }
    if outcome.vector != machineOutcome.vector || outcome.errorCode != machineOutcome.errorCode
      || outcome.faultAddress != machineOutcome.faultAddress
    {
      found.append("host \(outcome) machine \(machineOutcome)")
    }
    if form.touchesMemory, let difference = memoryDifference() { found.append(difference) }
    if !found.isEmpty { note(form, before, found) }
  }

  /// REP LODS with 32-bit addresses and ECX = 0 on an Intel processor, which zero-extends RCX mostly and not each time
  /// (`Documentation/Oracles.md`, "The vendors' processors").
  private func isUniteratedLoad(_ form: InstructionForm, _ before: Registers) -> Bool {
    guard processor.profile.vendor == .intel, case .string(repeats: true, _) = form.setup else { return false }
    return form.isShort && form.bytes.last.map { $0 & 0xFE == 0xAC } == true
      && before[Registers.rcx] & 0xFFFF_FFFF == 0
  }

  /// Takes over the host's destination where the manual leaves it open.
  private func forgive(_ form: InstructionForm, _ host: Registers, _ machine: inout Registers) {
    let register = form.family == .bitScan || form.family == .byteSwapWord ? form.register : form.operandRegister
    if let register {
      machine[register] = host[register]
    } else if let target = form.memory?.target {
      let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(target)), count: form.width)
      processor.writePhysical([UInt8](bytes), at: target)
    }
  }

  /// Executes one instruction alone.
  private func step(_ before: Registers) -> (Registers, HostOutcome) {
    load(before)
    var outcome = HostOutcome(vector: -1, errorCode: 0, faultAddress: 0)
    var exit = processor.step()
    var exception = processor.takeException()
    if exception == nil, !(UInt64(HOST_CODE)..<UInt64(HOST_CODE_END)).contains(processor.rip) {
      // A branch to where nothing can be fetched: the next instruction meets it.
      exit = processor.step()
      exception = processor.takeException()
    }
    if case .budget = exit {} else { outcome.vector = -2 }
    return finish(exception, outcome)
  }

  /// Runs block by block until something is raised. The code pages are full of INT3, so that what completes ends in one.
  private func run(_ form: InstructionForm, _ before: Registers) -> (Registers, HostOutcome) {
    load(before)
    _ = processor.run(64)
    var exception = processor.takeException()
    var completed = false
    if let taken = exception, taken.vector == .breakpoint {
      let at = taken.rip - 1
      if at < form.address || at >= form.address + UInt64(form.bytes.count) {
        completed = true
        exception = nil
        processor.rip = at
      }
    }
    return finish(exception, HostOutcome(vector: completed ? -1 : -2, errorCode: 0, faultAddress: 0))
  }

  private func load(_ before: Registers) {
    for i in 0..<16 { processor[Self.names[i]] = before[i] }
    processor.rflags = RFLAGS(rawValue: before[Registers.rflags])
    processor.rip = before[Registers.rip]
  }

  private func finish(_ exception: TakenException?, _ unless: HostOutcome) -> (Registers, HostOutcome) {
    var outcome = unless
    if let exception {
      outcome.vector = Int32(exception.vector.rawValue)
      outcome.errorCode = exception.errorCode ?? 0
      if exception.vector == .pageFault { outcome.faultAddress = processor.state.cr2 }
    }
    var after = Registers()
    for i in 0..<16 { after[i] = processor[Self.names[i]] }
    after[Registers.rflags] = processor.rflags.rawValue
    after[Registers.rip] = processor.rip
    return (after, outcome)
  }

  /// The first byte that differs; the machine's memory then becomes the host's.
  private func memoryDifference() -> String? {
    let count = Self.memory.count
    let host = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(Self.memory.lowerBound)), count: count)
    let machine = processor.memory.bytes(at: Self.memory.lowerBound, count: count)!
    if machine.withUnsafeBytes({ memcmp($0.baseAddress!, host.baseAddress!, count) }) == 0 { return nil }
    let at = (0..<count).first { host[$0] != machine[$0] }!
    let text = "memory at \(hex(Self.memory.lowerBound + UInt64(at))) host \(host[at]) machine \(machine[at])"
    processor.writePhysical([UInt8](host), at: Self.memory.lowerBound)
    return text
  }

  private mutating func note(_ form: InstructionForm, _ before: Registers, _ found: [String]) {
    differing += 1
    guard differences.count < 24, lastNoted != form.bytes else { return }
    lastNoted = form.bytes
    let bytes = form.bytes.map { String(Int($0) | 0x100, radix: 16).dropFirst() }.joined(separator: " ")
    processor.rip = form.address
    let text = processor.disassemble(at: form.address)?.text ?? "(undefined)"
    let state = (0..<18).map { "\(Registers.names[$0])=\(hex(before[$0]))" }.joined(separator: " ")
    differences.append("\(bytes)  \(text): \(found.joined(separator: "; "))\n    from \(state)")
  }

  private func hex(_ value: UInt64) -> String { String(value, radix: 16) }
}
