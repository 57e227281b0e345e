/// Goal: where an instruction's fields lie is what the manual's encodings say, for the forms that entry code is made of.
///
/// SDM vol. 2A, "Instruction Format"; the bytes are clang's, of the assembly beside each.
import Machine
import Testing

@Suite struct InstructionTests {
  private func decode(_ bytes: [UInt8]) throws -> Instruction {
    try #require(Instruction(bytes + [0x90, 0x90], at: 0x1000))
  }

  /// `movq %rsp, %gs:0x6014(%rip)`
  @Test func perCPUStore() throws {
    let one = try decode([0x65, 0x48, 0x89, 0x25, 0x14, 0x60, 0x00, 0x00])
    #expect(one.length == 8 && one.flow == .next && one.segmentPrefix == 0 && one.wide == 1 && one.opcode == 2)
    #expect(one.displacement == Instruction.Field(offset: 4, size: 4, value: 0x6014, isRelative: false))
    let memory = try #require(one.memory)
    #expect(memory.isRIPRelative && memory.isPerProcessor && memory.base == nil)
    #expect(one.registers == [Instruction.RegisterField(offset: 3, shift: 3)])
    #expect(
      one.effects.writesMemory && !one.effects.readsMemory && one.effects.reads.contains(Instruction.stackPointer))
  }

  /// `testb $3, 0x88(%rsp)`
  @Test func testOfAFrame() throws {
    let one = try decode([0xF6, 0x84, 0x24, 0x88, 0x00, 0x00, 0x00, 0x03])
    #expect(one.mnemonic == "test" && one.opcode == 0 && one.wide == nil && one.registers.isEmpty)
    #expect(one.displacement == Instruction.Field(offset: 3, size: 4, value: 0x88, isRelative: false))
    #expect(one.immediate == Instruction.Field(offset: 7, size: 1, value: 3, isRelative: false))
    #expect(one.memory?.base == Instruction.stackPointer && one.memory?.isPerProcessor == false)
    #expect(!one.effects.writesMemory && one.effects.readsMemory && one.effects.writesFlags != 0)
  }

  /// `pushq %r11`; `popq %rbx`; `movl $-38, %eax`; `pushq $-1`
  @Test func registersInTheOpcode() throws {
    #expect(try decode([0x41, 0x53]).registers == [Instruction.RegisterField(offset: 1, shift: 0)])
    #expect(try decode([0x5B]).registers == [Instruction.RegisterField(offset: 0, shift: 0)])
    let move = try decode([0xB8, 0xDA, 0xFF, 0xFF, 0xFF])
    #expect(move.registers == [Instruction.RegisterField(offset: 0, shift: 0)])
    #expect(move.immediate == Instruction.Field(offset: 1, size: 4, value: -38, isRelative: false))
    #expect(try decode([0x6A, 0xFF]).immediate?.value == -1)
  }

  /// `jne .+0x80`, `jne .+0x10`, `jmp .+0x10`, `call .+0x100`, `ret`, `iretq`, `sysretq`, `int $0x80`
  @Test func flows() throws {
    let far = try decode([0x0F, 0x85, 0x7A, 0x00, 0x00, 0x00])
    #expect(
      far.flow == .conditional && far.opcode == 1 && far.immediate?.isRelative == true && far.immediate?.value == 0x7A)
    #expect(try decode([0x75, 0x0E]).flow == .conditional)
    #expect(try decode([0xEB, 0x0E]).flow == .jump)
    #expect(try decode([0xE8, 0xFB, 0x00, 0x00, 0x00]).flow == .call)
    for bytes: [UInt8] in [[0xC3], [0x48, 0xCF], [0x48, 0x0F, 0x07], [0xCD, 0x80]] {
      #expect(try decode(bytes).flow == .away)
    }
  }

  /// `swapgs`, `cli`, `sti`, `cld`, `stac`, `clac`, `lfence`, `wrmsr`, `movq %rax, %cr3`, `movw %ax, %ds`, `verw (%rsp)`
  @Test func whatRegistersDoNotTell() throws {
    let system: [[UInt8]] = [
      [0x0F, 0x01, 0xF8], [0xFA], [0xFB], [0xFC], [0x0F, 0x01, 0xCB], [0x0F, 0x01, 0xCA], [0x0F, 0xAE, 0xE8],
      [0x0F, 0x30],
      [0x0F, 0x22, 0xD8], [0x8E, 0xD8], [0x0F, 0x00, 0x2C, 0x24],
    ]
    for bytes in system { #expect(try decode(bytes).effects.isSystem, "\(bytes)") }
    // movq %rax, %rbx; pushq %rax; xorl %ebx, %ebx
    for bytes: [UInt8] in [[0x48, 0x89, 0xC3], [0x50], [0x31, 0xDB]] { #expect(try !decode(bytes).effects.isSystem) }
  }

  /// `endbr64`, and NOPs of one to nine bytes.
  @Test func nothing() throws {
    for bytes: [UInt8] in [
      [0xF3, 0x0F, 0x1E, 0xFA], [0x90], [0x66, 0x90], [0x0F, 0x1F, 0x00], [0x66, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0],
    ] {
      #expect(try decode(bytes).isNothing)
    }
  }
}
