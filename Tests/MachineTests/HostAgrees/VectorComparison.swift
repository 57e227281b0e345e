/// One x87, MMX or SSE instruction on the host processor and in the machine, from one FXSAVE image to the next.
///
/// The code is FXRSTOR64, the instruction, FXSAVE64. Left out: the last instruction's pointers, which AMD's processors save
/// only with an exception pending, MXCSR_MASK, and RCP and RSQRT, whose last bits differ between processors.

import HostInstructions
import Machine

struct VectorComparison {
  let processor: Processor
  var random: OperandSource
  /// SSSE3, SSE4.1 and SSE4.2 are compared; else x87, MMX and SSE to SSE3.
  let isExtended: Bool
  private(set) var compared = 0
  private(set) var raised = 0
  private(set) var differences: [String] = []
  private(set) var differing = 0
  /// The instruction that was noted last: one difference of it is enough.
  private var lastNoted = ""

  private static let before = UInt64(HOST_MEMORY)
  private static let after = UInt64(HOST_MEMORY) + 0x200
  private static let operands = UInt64(HOST_MEMORY) + 0x800
  private static let code = UInt64(HOST_CODE)
  private static let prologue = 9

  /// Nil where the host has something else at the fixed addresses.
  init?(seed: UInt64, isExtended: Bool = false) {
    let current = HostProcessor.current
    let profile = isExtended ? current.extendedProfile : current.profile
    self.isExtended = isExtended
    guard hostPrepare(), let ram = PhysicalMemory(size: 4 << 20) else { return nil }
    processor = Processor(memory: ram, profile: profile)
    random = OperandSource(seed: seed)
    processor.writePhysical([UInt8](repeating: 0xCC, count: Int(HOST_CODE_END - HOST_CODE)), at: Self.code)
    let pages = [
      UserPages(Self.code..<UInt64(HOST_CODE_END), isWritable: true, isExecutable: true),
      UserPages(Self.before..<UInt64(HOST_MEMORY_END), isWritable: true, isExecutable: false),
    ]
    precondition(processor.startUserMode(pages: pages, systemArea: 0x10_0000), "the areas lie in 4 MiB of RAM")
  }

  // MARK: Drawing

  /// An encoding that the machine knows, its memory operand at RDI or R15 plus a displacement.
  mutating func instruction() -> [UInt8] {
    while true {
      if isExtended {
        if let bytes = known(extendedInstruction()) { return bytes }
        continue
      }
      var bytes: [UInt8] = []
      let isX87 = random.below(4) == 0
      let prefix: UInt8? = isX87 ? (random.below(8) == 0 ? 0x66 : nil) : [nil, 0x66, 0xF2, 0xF3][random.below(4)]
      if let prefix { bytes.append(prefix) }
      if random.below(3) == 0 { bytes.append(0x40 | UInt8(random.below(16))) }
      if isX87 {
        bytes.append(0xD8 + UInt8(random.below(8)))
      } else {
        let opcode = Self.opcodes[random.below(Self.opcodes.count)]
        if opcode == 0x2B && (prefix == 0xF2 || prefix == 0xF3) { continue }
        bytes += [0x0F, opcode]
      }
      let group = UInt8(random.below(8))
      if bytes.last == 0xAE && ![0, 2, 3].contains(group) { continue }
      if random.below(2) == 0 || bytes.last == 0xAE {
        bytes += [0x47 | group << 3, UInt8(random.below(5) * 4)]
      } else {
        bytes.append(0xC0 | group << 3 | UInt8(random.below(8)))
      }
      // Some have an immediate; the landing place comes where the instruction ends.
      bytes.append(UInt8(truncatingIfNeeded: random.next()))
      if let bytes = known(bytes) { return bytes }
    }
  }

  /// The first instruction of these bytes.
  func known(_ bytes: [UInt8]) -> [UInt8]? {
    processor.writePhysical(bytes, at: Self.code)
    guard let known = processor.disassemble(at: Self.code), known.length <= bytes.count else { return nil }
    return Array(bytes.prefix(known.length))
  }

  /// Second bytes behind 0F. Not among them: RSQRT and RCP (52, 53), SSE4A (78, 79), MOVNTI.
  private static let opcodes: [UInt8] =
    Array(0x10...0x17) + Array(0x28...0x2F) + [0x50, 0x51] + Array(0x54...0x77) + Array(0x7C...0x7F)
    + [0xAE, 0xC2, 0xC4, 0xC5, 0xC6] + Array(0xD0...0xFE)

  /// The image that FXRSTOR loads.
  mutating func image(isText: Bool = false) -> [UInt64] {
    var image = [UInt64](repeating: 0, count: 64)
    let masked = random.below(4) != 0
    let control = UInt64(masked ? 0x7F : random.below(0x40) | 0x40) | [0, 2, 3, 3][random.below(4)] << 8
    let status = UInt64(random.below(8)) << 11 | UInt64(random.next() & (random.below(16) == 0 ? 0x477F : 0x4700))
    let occupied: UInt64 = random.below(3) == 0 ? random.next() & 0xFF : 0xFF
    image[0] = control | UInt64(random.below(4)) << 10 | status << 16 | occupied << 32
    let rounding = UInt64(random.below(4)) << 13
    let special: UInt64 = random.below(4) == 0 ? random.next() & 0x8040 : 0
    image[3] = rounding | special | (masked ? 0x1F80 : random.next() & 0x1F80)
    for i in 0..<8 {
      let value = random.extended()
      image[4 + 2 * i] = value.significand
      image[5 + 2 * i] = UInt64(value.signExponent)
    }
    for i in 20..<52 { image[i] = isText ? textQuadword() : random.quadword() }
    return image
  }

  private mutating func registers(_ address: UInt64) -> HostRegisters {
    var registers = Registers()
    for i in 0..<16 { registers[i] = random.quadword() }
    registers[Registers.rdi] = address
    registers[15] = address
    registers[Registers.rflags] = 0x202 | random.next() & 0x8D5
    registers[Registers.rip] = Self.code
    return withUnsafeBytes(of: &registers.words) { $0.load(as: HostRegisters.self) }
  }

  // MARK: Comparing

  mutating func compare(rounds: Int) { compare(instruction(), rounds: rounds) }

  mutating func compare(_ instruction: [UInt8], rounds: Int) {
    func absolute(_ reg: UInt8, _ address: UInt64) -> [UInt8] {
      [0x48, 0x0F, 0xAE, 0x04 | reg << 3, 0x25] + (0..<4).map { UInt8(truncatingIfNeeded: address >> (8 * $0)) }
    }
    let bytes = absolute(1, Self.before) + instruction + absolute(0, Self.after)
    bytes.withUnsafeBufferPointer { hostPlace(Self.code, $0.baseAddress, UInt32($0.count)) }
    processor.writePhysical(bytes + [0xCC], at: Self.code)
    for _ in 0..<rounds { compareOnce(instruction, bytes.count) }
  }

  private func isLDMXCSR(_ instruction: [UInt8]) -> Bool {
    guard instruction.count > 2, let place = instruction.firstIndex(of: 0x0F) else { return false }
    return instruction[place + 1] == 0xAE && instruction[place + 2] >> 3 & 7 == 2
  }

  private func isFBLD(_ instruction: [UInt8]) -> Bool {
    guard let place = instruction.firstIndex(where: { $0 & 0xF8 == 0xD8 || $0 == 0x0F }) else { return false }
    return instruction[place] == 0xDF && instruction[place + 1] & 0xF8 == 0x60
  }

  private mutating func compareOnce(_ instruction: [UInt8], _ length: Int) {
    let isText = isExtended && Self.comparesStrings(instruction) && random.below(4) != 0
    var memory = image(isText: isText) + [UInt64](repeating: 0, count: 192)
    // AMD's processors have an MXCSR bit 17, MM, that the profile does not: LDMXCSR never sees it set.
    var operandMask: UInt64 = isLDMXCSR(instruction) ? ~0x0202_0202_0202_0202 : ~0
    // FBLD of digits above 9 is undefined in the manual; the machine does as AMD's processors.
    if isFBLD(instruction), processor.profile.vendor == .intel { operandMask = 0x7777_7777_7777_7777 }
    for _ in 0..<256 { memory.append(isText ? textQuadword() : random.quadword() & operandMask) }
    let misaligned = random.below(3) == 0
    let address = Self.operands + UInt64(random.below(8) * 16 + (misaligned ? random.below(16) : 0))
    var host = registers(address)
    if isText { shortenLengths(&host) }
    let before = host
    let place = UnsafeMutableRawPointer(bitPattern: UInt(Self.before)).unsafelyUnwrapped
    memory.withUnsafeBytes {
      place.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
      processor.writePhysical($0, at: Self.before)
    }
    var outcome = HostOutcome()
    hostExecuteVector(&host, &outcome)
    compared += 1
    if outcome.vector >= 0 { raised += 1 }
    let found = machineDiffers(instruction, length, from: before, host, outcome, address)
    if found.isEmpty { return }
    differing += 1
    let bytes = instruction.map { String($0, radix: 16) }.joined(separator: " ")
    if bytes == lastNoted || differences.count == 24 { return }
    lastNoted = bytes
    let text = processor.disassemble(at: Self.code + UInt64(Self.prologue))?.text ?? "(undefined)"
    differences.append("\(bytes) \(text): \(found)")
  }

  private func machineDiffers(
    _ instruction: [UInt8], _ length: Int, from before: HostRegisters, _ host: HostRegisters, _ outcome: HostOutcome,
    _ address: UInt64
  ) -> String {
    let start = Self.words(before)
    for (i, name) in GeneralRegister.allCases.enumerated() { processor[name] = start[i] }
    processor.rflags = RFLAGS(rawValue: start[Registers.rflags])
    processor.rip = Self.code
    _ = processor.run(16)
    guard let taken = processor.takeException() else { return "nothing was raised in the machine, not even #BP" }
    let completed = taken.vector == .breakpoint && taken.rip == Self.code + UInt64(length) + 1
    let vector = completed ? -1 : Int32(taken.vector.rawValue)
    if vector != outcome.vector { return "host \(outcome) machine \(taken)" }
    let end = Self.words(host)
    for (i, name) in GeneralRegister.allCases.enumerated() where processor[name] != end[i] {
      return "\(Registers.names[i]) host \(String(end[i], radix: 16)) machine \(String(processor[name], radix: 16))"
    }
    if (taken.rflags.rawValue ^ end[Registers.rflags]) & 0xCD5 != 0 {
      return "flags host \(String(end[Registers.rflags], radix: 16)) machine \(taken.rflags)"
    }
    return memoryDiffers(instruction, address)
  }

  private static func words(_ registers: HostRegisters) -> Registers {
    var result = Registers()
    withUnsafeBytes(of: registers) { bytes in
      for i in 0..<18 { result[i] = bytes.load(fromByteOffset: i * 8, as: UInt64.self) }
    }
    return result
  }

  private func memoryDiffers(_ instruction: [UInt8], _ address: UInt64) -> String {
    let host = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(Self.before)), count: 0x1000)
    guard let machine = processor.memory.bytes(at: Self.before, count: 0x1000) else { return "no memory" }
    if machine.elementsEqual(host) { return "" }
    let ignored = ignoredBytes(instruction, address)
    for i in 0..<0x1000 where host[i] != machine[i] && !ignored.contains(where: { $0.contains(i) }) {
      return "byte \(String(i, radix: 16)) host \(String(host[i], radix: 16)) machine \(String(machine[i], radix: 16))"
    }
    return ""
  }

  /// Pointers, opcode and MXCSR_MASK, wherever the instruction and FXSAVE put them.
  private func ignoredBytes(_ instruction: [UInt8], _ address: UInt64) -> [Range<Int>] {
    var ranges = [0x206..<0x218, 0x21C..<0x220]
    guard let place = instruction.firstIndex(where: { $0 == 0x0F || $0 & 0xF8 == 0xD8 }) else { return ranges }
    let isX87 = instruction[place] != 0x0F
    if isExtended { return ranges }
    let modRM = place + (isX87 ? 1 : 2)
    guard modRM + 1 < instruction.count, instruction[modRM] & 0xC0 == 0x40 else { return ranges }
    let at = Int(address - Self.before) + Int(instruction[modRM + 1])
    if isX87, instruction[modRM] >> 3 & 7 == 6, instruction[place] == 0xD9 || instruction[place] == 0xDD {
      let isWide = place > 0 && instruction[place - 1] & 0xF8 == 0x48
      ranges.append(instruction[0] == 0x66 && !isWide ? at + 6..<at + 14 : at + 12..<at + 28)
    } else if !isX87, instruction[place + 1] == 0xAE, instruction[modRM] >> 3 & 7 == 0 {
      ranges += [at + 6..<at + 24, at + 28..<at + 32]
    }
    return ranges
  }
}
