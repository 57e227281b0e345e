/// Branches, and what an unprivileged program may not do. SDM vol. 2D, "Opcode Map"; vol. 1, "Branch".
///
/// A branch leads to a landing place of the code pages, or, rarely, to where nothing can be fetched.
/// Not compared: near branches with an operand-size prefix, which Intel's processors ignore and AMD's obey; INT1, after which
/// hypervisors report the RIP of the instruction rather than the next one; LOOPE and LOOPNE with a repeat prefix, which is reserved.

import HostInstructions

extension FormSource {
  /// A landing place that the instruction and the landing place behind it do not cover, within `reach` of `from`.
  private mutating func landing(_ from: UInt64, _ length: Int, reach: ClosedRange<Int>) -> UInt64 {
    let next = from + UInt64(length)
    let step = UInt64(HOST_LANDING)
    while true {
      let at = UInt64(Int(next) + reach.lowerBound + random.below(reach.count)) & ~(step - 1)
      let distance = Int(at) - Int(next)
      if reach.contains(distance), at >= UInt64(HOST_CODE), at < UInt64(HOST_CODE_END),
        at + step <= from - UInt64(Self.longestFiller) || at >= next + 2 * step
      {
        return at
      }
    }
  }

  /// Where nothing can be executed: a page without the right, and none at all.
  private mutating func nowhere() -> UInt64 {
    one([UInt64(HOST_MEMORY) + 8, UInt64(HOST_MEMORY_END) + 16, UInt64(HOST_CODE_END)])
  }

  mutating func relativeBranch() -> InstructionForm {
    var opcode: [UInt8]
    var setup = Setup.plain
    var options: EncodingOptions = .noOperandSize
    var count = 1
    switch random.below(8) {
    case 0, 1: opcode = [0x70 | UInt8(random.below(16))]
    case 2, 3: (opcode, count) = ([0x0F, 0x80 | UInt8(random.below(16))], 4)
    case 4: opcode = [0xEB]
    case 5: (opcode, count) = ([0xE9], 4)
    case 6: (opcode, count, setup) = ([0xE8], 4, .stack)
    default:
      opcode = [0xE0 | UInt8(random.below(4))]
      options.insert(.noRepeat)
      setup = .count
    }
    var form = encode(
      .defined, width: 4, opcode, immediate: [UInt8](repeating: 0, count: count), options, setup: setup)
    if opcode[0] & 0xFC == 0xE0 && chance(3) { form.bytes.insert(0x67, at: 0) }
    form.address = UInt64(HOST_CODE) + 4096 - 1024 + UInt64(random.below(2048))
    let length = form.bytes.count
    let target =
      count == 4 && chance(100)
      ? nowhere() : landing(form.address, length, reach: count == 1 ? -128...127 : -2000...2000)
    let displacement = target &- (form.address + UInt64(length))
    form.bytes.replaceSubrange(length - count..<length, with: Self.littleEndian(displacement, count))
    return form
  }

  mutating func indirectBranch() -> InstructionForm {
    let address = UInt64(HOST_CODE) + 4096 - 1024 + UInt64(random.below(2048))
    var target = landing(address, 15, reach: -2000...2000)
    if chance(60) { target = chance(2) ? nowhere() : 0x8000_0000_0000 << UInt64(random.below(16)) }
    var form: InstructionForm
    let options: EncodingOptions = [.default64, .noOperandSize, .near]
    switch random.below(4) {
    case 0: form = encode(.defined, width: 8, [0xC3], options, setup: .returns(target: target))
    case 1:
      form = encode(.defined, width: 8, [0xC2], immediate: immediate(2), options, setup: .returns(target: target))
    case 2:
      form = encode(.defined, width: 8, [0xFF], reg: 4, rm(8), options, setup: .branch(target: target))
    default:
      let operand: RM =
        chance(2)
        ? .register(register(avoiding: 1 << 4)) : .memory(size: 8, avoiding: 1 << 4)
      form = encode(.defined, width: 8, [0xFF], reg: 2, operand, options, setup: .branch(target: target))
    }
    // RIP-relative operands were placed already, perhaps over the target.
    if form.memory == nil || form.memory?.base != nil || form.memory?.index != nil { form.address = address }
    let covered =
      form.address - 16 - UInt64(Self.longestFiller)..<form.address + UInt64(form.bytes.count + 2 * Int(HOST_LANDING))
    return covered.contains(target) ? indirectBranch() : form
  }

  /// What user mode may not do, and encodings that are none.
  mutating func refused() -> InstructionForm {
    let bytes: [UInt8]
    switch random.below(8) {
    case 0: bytes = one(Self.privileged)
    case 1: bytes = [0x0F, one([0x20, 0x22]), 0xC0 | UInt8([0, 2, 3, 4][random.below(4)] << 3)]
    case 2: bytes = [0x0F, one([0x21, 0x23]), 0xC0 | UInt8(random.below(4) << 3)]
    case 3:
      // Gates of privilege 0. 3 and 4 are open; 0x80 is Linux'.
      let vector = UInt8(random.below(256))
      bytes = [3, 4, 0x80].contains(vector) ? [0xCC] : [0xCD, vector]
    case 4: bytes = one([[0xCC], [0xCD, 0x03]])
    case 5: bytes = [one(Self.invalidIn64BitMode), 0x00]
    case 6: bytes = one(Self.undefinedForms)
    default:
      // LOCK where the destination is a register, or where it never is allowed.
      bytes =
        [0xF0]
        + one([[0x01, 0xC0], [0x8B, 0x00], [0x90], [0xF7, 0xD0], [0x39, 0x00], [0x0F, 0xC8], [0xD1, 0x20]])
    }
    return InstructionForm(bytes: bytes, family: .defined, width: 4, address: place(bytes.count))
  }

  /// HLT, CLI, STI, IN, OUT, INS, OUTS, CLTS, INVD, WBINVD, RDMSR, WRMSR, INVLPG, LGDT, LIDT, LLDT, LTR, LMSW, SWAPGS, SYSRET.
  private static let privileged: [[UInt8]] = [
    [0xF4], [0xFA], [0xFB], [0xE4, 0x60], [0xE5, 0x60], [0xE6, 0x60], [0xE7, 0x60], [0xEC], [0xED], [0xEE], [0xEF],
    [0x6C], [0x6D], [0x6E], [0x6F], [0x0F, 0x06], [0x0F, 0x08], [0x0F, 0x09], [0x0F, 0x32], [0x0F, 0x30],
    [0x0F, 0x01, 0x38], [0x0F, 0x01, 0x10], [0x0F, 0x01, 0x18], [0x0F, 0x00, 0xD0], [0x0F, 0x00, 0xD8],
    [0x0F, 0x01, 0xF0], [0x0F, 0x01, 0xF8], [0x0F, 0x07], [0x48, 0x0F, 0x07],
  ]
  /// PUSH and POP of ES, CS, SS, DS; the decimal adjustments; PUSHA, POPA; 82; far CALL and JMP; INTO; SALC.
  private static let invalidIn64BitMode: [UInt8] = [
    0x06, 0x07, 0x0E, 0x16, 0x17, 0x1E, 0x1F, 0x27, 0x2F, 0x37, 0x3F, 0x60, 0x61, 0x82, 0x9A, 0xEA, 0xCE, 0xD4, 0xD5,
    0xD6,
  ]
  /// UD2, LEA of a register, reserved members of the groups C6, FE, FF and 0F BA, MOV to CS.
  private static let undefinedForms: [[UInt8]] = [
    [0x0F, 0x0B], [0x8D, 0xC0], [0xC6, 0xC8, 0], [0xFE, 0xD0], [0xFF, 0xF8], [0x0F, 0xBA, 0xC0, 0], [0x8E, 0xC8],
    [0x8E, 0xF0], [0x8C, 0xF8], [0x0F, 0xC3, 0xC0],
  ]
}
