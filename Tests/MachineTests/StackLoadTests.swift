import Machine
import Testing

/// Goal: an instruction that gives RSP a value from elsewhere is noted as a transition, and one that moves RSP is not.
/// SDM vol. 1, "Stacks"; vol. 2, "POP", "LEAVE", "ENTER", "LEA", "IRET", "XCHG".
@Suite struct StackLoadTests {
  @Test(
    arguments: [
      ([0x50], false, "push %rax"), ([0x41, 0x54], false, "push %r12"), ([0x58], false, "pop %rax"),
      ([0x41, 0x5C], false, "pop %r12"), ([0x6A, 0x2B], false, "push $0x2b"), ([0xFF, 0x30], false, "push (%rax)"),
      ([0x8F, 0x00], false, "pop (%rax)"), ([0x65, 0xFF, 0x34, 0x25, 0, 0, 0, 0], false, "push %gs:0"),
      ([0x9C], false, "pushf"), ([0x9D], false, "popf"), ([0xE8, 0, 0, 0, 0], false, "call"),
      ([0xFF, 0xD0], false, "call *%rax"), ([0xC3], false, "ret"), ([0xC2, 8, 0], false, "ret $8"),
      ([0xF3, 0xC3], false, "rep ret"), ([0xC8, 16, 0, 0], false, "enter $16, $0"),
      ([0x48, 0x83, 0xC4, 0x10], false, "add $16, %rsp"), ([0x48, 0x81, 0xEC, 0, 1, 0, 0], false, "sub $256, %rsp"),
      ([0x48, 0x83, 0xE4, 0xF0], false, "and $-16, %rsp"), ([0x48, 0x29, 0xC4], false, "sub %rax, %rsp"),
      ([0x48, 0x8D, 0x64, 0x24, 0xF8], false, "lea -8(%rsp), %rsp"),
      ([0x5C], true, "pop %rsp"), ([0x48, 0x89, 0xC4], true, "mov %rax, %rsp"),
      ([0x48, 0x8B, 0x60, 8], true, "mov 8(%rax), %rsp"), ([0x48, 0x8B, 0x64, 0x24, 24], true, "mov 24(%rsp), %rsp"),
      ([0x65, 0x48, 0x8B, 0x24, 0x25, 8, 0, 0, 0], true, "mov %gs:8, %rsp"), ([0x89, 0xC4], true, "mov %eax, %esp"),
      ([0x48, 0xC7, 0xC4, 0, 0x10, 0, 0], true, "mov $0x1000, %rsp"), ([0x48, 0x94], true, "xchg %rax, %rsp"),
      ([0x48, 0x87, 0x20], true, "xchg %rsp, (%rax)"), ([0x48, 0x0F, 0x44, 0xE0], true, "cmove %rax, %rsp"),
      ([0x48, 0x8D, 0x65, 0xF8], true, "lea -8(%rbp), %rsp"),
      ([0x48, 0x8D, 0x24, 0x04], true, "lea (%rsp,%rax), %rsp"),
      ([0xC9], true, "leave"), ([0xF3, 0x48, 0x0F, 0xAE, 0xCC], true, "rdgsbase %rsp"),
    ] as [([UInt8], Bool, String)])
  func isNoted(bytes: [UInt8], loads: Bool, text: String) throws {
    let memory = try #require(PhysicalMemory(size: 1 << 20))
    let processor = Processor(memory: memory, profile: .intel)
    let code: UInt64 = 0x1000
    let data: UInt64 = 0x2000
    let pages = [
      UserPages(code..<code + 0x1000, isWritable: false, isExecutable: true),
      UserPages(data..<data + 0x1000, isWritable: true, isExecutable: false),
    ]
    try #require(processor.startUserMode(pages: pages, systemArea: 0x10000))
    processor.setCR4(1 << 16, true)
    processor.writePhysical(bytes, at: code)
    // Whatever a RET or an indirect call takes from it is code.
    for word in 0..<512 { processor.setPhysicalWord(code, at: data + UInt64(word) * 8) }
    processor.rip = code
    processor[.rax] = text == "call *%rax" ? code : text.contains("rsp,%rax") || text.hasPrefix("sub %rax") ? 8 : data
    processor[.rbp] = data + 0x400
    processor[.rsp] = data + 0x800
    processor.setSegmentBase(.gs, data)
    processor.isWatched = true
    guard case .budget = processor.step() else {
      Issue.record("\(text) did not complete")
      return
    }
    #expect(processor.position == 1 && processor.transitions.map(\.kind) == (loads ? [.stackLoad] : []), "\(text)")
    #expect(processor.transitions.allSatisfy { $0.rip == code && $0.before.rsp == data + 0x800 }, "\(text)")
  }
}
