import Machine
import Testing

/// Goal: an instruction that gives RSP a value from elsewhere, or moves it far, is noted as a transition; one that moves it a little is not.
/// SDM vol. 1, "Stacks"; vol. 2, "POP", "LEAVE", "ENTER", "LEA", "IRET", "XCHG".
@Suite struct StackTransitionTests {
  @Test(
    arguments: [
      ([0x50], nil, "push %rax"), ([0x41, 0x54], nil, "push %r12"), ([0x58], nil, "pop %rax"),
      ([0x41, 0x5C], nil, "pop %r12"), ([0x6A, 0x2B], nil, "push $0x2b"), ([0xFF, 0x30], nil, "push (%rax)"),
      ([0x8F, 0x00], nil, "pop (%rax)"), ([0x65, 0xFF, 0x34, 0x25, 0, 0, 0, 0], nil, "push %gs:0"),
      ([0x9C], nil, "pushf"), ([0x9D], nil, "popf"), ([0xE8, 0, 0, 0, 0], nil, "call"),
      ([0xFF, 0xD0], nil, "call *%rax"), ([0xC3], nil, "ret"), ([0xC2, 8, 0], nil, "ret $8"),
      ([0xF3, 0xC3], nil, "rep ret"), ([0xC8, 16, 0, 0], nil, "enter $16, $0"),
      ([0x48, 0x83, 0xC4, 0x10], nil, "add $16, %rsp"), ([0x48, 0x81, 0xEC, 0, 1, 0, 0], nil, "sub $256, %rsp"),
      ([0x48, 0x83, 0xE4, 0xF0], nil, "and $-16, %rsp"), ([0x48, 0x29, 0xC4], .stackMove, "sub %rax, %rsp"),
      ([0x48, 0x81, 0xEC, 0, 0x10, 0, 0], .stackMove, "sub $4096, %rsp"),
      ([0x48, 0x8D, 0xA4, 0x24, 0, 0xF0, 0xFF, 0xFF], .stackMove, "lea -4096(%rsp), %rsp"),
      ([0x48, 0x8D, 0x64, 0x24, 0xF8], nil, "lea -8(%rsp), %rsp"),
      ([0x5C], .stackLoad, "pop %rsp"), ([0x48, 0x89, 0xC4], .stackLoad, "mov %rax, %rsp"),
      ([0x48, 0x8B, 0x60, 8], .stackLoad, "mov 8(%rax), %rsp"),
      ([0x48, 0x8B, 0x64, 0x24, 24], .stackLoad, "mov 24(%rsp), %rsp"),
      ([0x65, 0x48, 0x8B, 0x24, 0x25, 8, 0, 0, 0], .stackLoad, "mov %gs:8, %rsp"),
      ([0x89, 0xC4], .stackLoad, "mov %eax, %esp"),
      ([0x48, 0xC7, 0xC4, 0, 0x10, 0, 0], .stackLoad, "mov $0x1000, %rsp"),
      ([0x48, 0x94], .stackLoad, "xchg %rax, %rsp"),
      ([0x48, 0x87, 0x20], .stackLoad, "xchg %rsp, (%rax)"),
      ([0x48, 0x0F, 0x44, 0xE0], .stackLoad, "cmove %rax, %rsp"),
      ([0x48, 0x8D, 0x65, 0xF8], .stackLoad, "lea -8(%rbp), %rsp"),
      ([0x48, 0x8D, 0x24, 0x04], .stackLoad, "lea (%rsp,%rax), %rsp"),
      ([0xC9], .stackLoad, "leave"), ([0xF3, 0x48, 0x0F, 0xAE, 0xCC], .stackLoad, "rdgsbase %rsp"),
    ] as [([UInt8], Transition.Kind?, String)])
  func isNoted(bytes: [UInt8], kind: Transition.Kind?, text: String) throws {
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
    #expect(processor.position == 1 && processor.transitions.map(\.kind) == (kind.map { [$0] } ?? []), "\(text)")
    #expect(processor.transitions.allSatisfy { $0.rip == code && $0.before.rsp == data + 0x800 }, "\(text)")
  }
}
