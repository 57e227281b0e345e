import Machine
import Testing

/// Goal: a spurious page fault comes only at an instruction that stores, for the first byte that it stores to, with the error code of a store to
/// a page that is there; asking for it changes nothing, and the instruction completes when it is started again.
/// SDM vol. 3A, "Optional Invalidation", "Page-Fault Exceptions".
@Suite struct SpuriousPageFaultTests {
  static let code: UInt64 = 0x1000
  static let data: UInt64 = 0x2000

  private func processor(_ bytes: [UInt8]) throws -> Processor {
    let memory = try #require(PhysicalMemory(size: 1 << 20))
    let processor = Processor(memory: memory, profile: .amd)
    let pages = [
      UserPages(Self.code..<Self.code + 0x1000, isWritable: false, isExecutable: true),
      UserPages(Self.data..<Self.data + 0x1000, isWritable: true, isExecutable: false),
    ]
    try #require(processor.startUserMode(pages: pages, systemArea: 0x10000))
    processor.interception = Interception(userVectors: [3, 4, 0x80])
    processor.isWatched = true
    processor.writePhysical(bytes, at: Self.code)
    processor.rip = Self.code
    processor[.rax] = Self.data
    processor[.rdi] = Self.data + 0x10
    processor[.rsi] = Self.data + 0x20
    processor[.rcx] = 3
    processor[.rsp] = Self.data + 0x800
    return processor
  }

  /// The state that software can see, as far as an instruction here can change it.
  private func seen(_ processor: Processor) -> [UInt64] {
    GeneralRegister.allCases.map { processor[$0] } + processor.selectors.map { UInt64($0) }
      + [
        processor.rip, processor.rflags.rawValue, processor.cr2, processor.debugRegister(6), processor.digestVectors(),
      ]
  }

  @Test(
    arguments: [
      ([0x50], 0x7F8, "push %rax"), ([0xE8, 0, 0, 0, 0], 0x7F8, "call"), ([0x89, 0x48, 0x08], 8, "mov %ecx, 8(%rax)"),
      ([0xF3, 0xA4], 0x10, "rep movsb"), ([0xFF, 0x00], 0, "incl (%rax)"),
      ([0x0F, 0xAE, 0x00], 0, "fxsave (%rax)"), ([0x8F, 0x40, 0x18], 0x18, "pop 0x18(%rax)"),
      ([0x90], nil, "nop"), ([0x8B, 0x08], nil, "mov (%rax), %ecx"), ([0x58], nil, "pop %rax"), ([0xC3], nil, "ret"),
      ([0x0F, 0x05], nil, "syscall"), ([0xCD, 0x80], nil, "int $0x80"), ([0x0F, 0x0B], nil, "ud2"),
      ([0xA3, 0, 0x90, 0, 0, 0, 0, 0, 0], nil, "mov %eax, 0x9000"),
    ] as [([UInt8], UInt64?, String)])
  func comesWhereSomethingIsStored(bytes: [UInt8], offset: UInt64?, text: String) throws {
    let processor = try processor(bytes)
    let (state, memory) = (seen(processor), processor.bytes(atLinear: Self.data, count: 4096))
    let store = processor.nextStore()
    #expect(store?.linear == offset.map { Self.data + $0 }, "\(text)")
    #expect(seen(processor) == state && processor.bytes(atLinear: Self.data, count: 4096) == memory, "\(text)")
    #expect(processor.position == 0 && processor.transitions.isEmpty, "\(text)")
    guard let store else { return }

    guard case .intercepted(.exception(.pageFault, let errorCode), _)? = processor.deliverSpuriousPageFault(of: store)
    else {
      Issue.record("\(text): no page fault")
      return
    }
    // Present, a write, by user mode.
    #expect(errorCode == 7 && processor.cr2 == store.linear && processor.rip == Self.code, "\(text)")
    #expect(processor.bytes(atLinear: Self.data, count: 4096) == memory, "\(text)")
    guard case .budget = processor.step() else {
      Issue.record("\(text): not started again")
      return
    }
  }

  /// What is due at the boundary comes before the instruction.
  @Test func givesWayToWhatIsDue() throws {
    let processor = try processor([0x50])
    processor.raiseNMI()
    #expect(processor.nextStore() == nil)
  }
}
