/// A processor with CR4.FRED set that stands at privilege 0, and its memory: pages that privilege 3 may use too.
///
///     0x100000  code
///     0x101000  FRED's entry for user mode; the one for privilege 0 at +0x100
///     0x102000  a stack that nothing else uses; user mode's ends at 0x104000
///     0x105000 to 0x108000: the tops of the stacks of levels 0 to 3
import Machine
import Testing

struct FREDMachine {
  static let code: UInt64 = 0x10_0000
  static let entry: UInt64 = 0x10_1000
  static let stack: UInt64 = 0x10_3000
  static let userStack: UInt64 = 0x10_4000
  /// Not mapped.
  static let hole: UInt64 = 0x18_0000

  static let kernelCode: UInt64 = 0x10
  static let kernelStack: UInt64 = 0x18
  static let user32: UInt64 = 0x23
  static let userData: UInt64 = 0x2B
  static let user64: UInt64 = 0x33
  static let fredBit: UInt64 = 1 << 32

  /// IA32_FRED_RSP0 to 3.
  static func top(_ level: Int) -> UInt64 { 0x10_5000 + UInt64(level) * 0x1000 }

  let processor: Processor

  /// - Parameters:
  ///   - levels: IA32_FRED_STKLVLS.
  ///   - configuration: what IA32_FRED_CONFIG has besides the entry page.
  init(_ profile: Profile = .wildcatLake, levels: UInt64 = 0, configuration: UInt64 = 0x40, isOn: Bool = true) throws {
    let memory = try #require(PhysicalMemory(size: 4 << 20))
    processor = Processor(memory: memory, profile: profile)
    let pages = UserPages(Self.code..<0x10_9000, isWritable: true, isExecutable: true)
    try #require(processor.startUserMode(pages: [pages], systemArea: 0x20_0000))
    // Privilege 0 by way of an exception.
    processor.rip = Self.code
    run([0x0F, 0x0B])
    processor.skip(to: Self.code)
    processor[.rsp] = Self.stack
    guard isOn else { return }
    write(0xC000_0081, Self.kernelCode << 32 | Self.user32 << 48)
    for level in 0..<4 { write(0x1CC + UInt32(level), Self.top(level)) }
    write(0x1D0, levels)
    write(0x1D4, Self.entry | configuration)
    setCR4(processor.cr4 | Self.fredBit)
    try #require(processor.deliversByFRED)
  }

  /// Where the IDT leads, which is used without FRED.
  static func handler(_ vector: UInt64) -> UInt64 { 0x20_4000 + vector * 16 }

  // MARK: Instructions

  /// Executes one instruction, or takes one event, at RIP, where its bytes are put.
  func run(_ bytes: [UInt8]) {
    processor.writePhysical(bytes, at: processor.rip)
    _ = processor.step()
  }

  /// WRMSR.
  func write(_ register: UInt32, _ value: UInt64, with bytes: [UInt8] = [0x0F, 0x30]) {
    processor[.rcx] = UInt64(register)
    processor[.rax] = value & 0xFFFF_FFFF
    processor[.rdx] = value >> 32
    run(bytes)
  }

  /// MOV CR4, RAX.
  func setCR4(_ value: UInt64) {
    processor[.rax] = value
    run([0x0F, 0x22, 0xE0])
  }

  static let int80: [UInt8] = [0xCD, 0x80]
  static let syscall: [UInt8] = [0x0F, 0x05]
  static let sysenter: [UInt8] = [0x0F, 0x34]
  static let ud2: [UInt8] = [0x0F, 0x0B]
  static let nop: [UInt8] = [0x90]
  static let erets: [UInt8] = [0xF2, 0x0F, 0x01, 0xCA]
  static let eretu: [UInt8] = [0xF3, 0x0F, 0x01, 0xCA]

  // MARK: Frames

  /// Words of the frame from its lowest address.
  struct Frame: Equatable {
    var error: UInt64 = 0
    var rip: UInt64
    var cs: UInt64
    var flags: UInt64
    var rsp: UInt64
    var ss: UInt64
    var data: UInt64 = 0
    var zero: UInt64 = 0
  }

  /// Where ERETU goes: user mode at the start of the code.
  static var userFrame: Frame {
    Frame(rip: code, cs: user64, flags: 0x202, rsp: userStack, ss: userData)
  }

  /// The frame at RSP.
  var frame: Frame {
    let words = (0..<8).map { processor.physicalWord(at: processor[.rsp] + UInt64($0) * 8) }
    return Frame(
      error: words[0], rip: words[1], cs: words[2], flags: words[3], rsp: words[4], ss: words[5], data: words[6],
      zero: words[7])
  }

  /// Puts a frame below the stack of level 0 and makes it RSP.
  func put(_ frame: Frame, at place: UInt64 = FREDMachine.stack - 64) {
    let words = [frame.error, frame.rip, frame.cs, frame.flags, frame.rsp, frame.ss, frame.data, frame.zero]
    for (i, word) in words.enumerated() { processor.setPhysicalWord(word, at: place + UInt64(i) * 8) }
    processor[.rsp] = place
  }

  /// ERETU to user mode.
  func goToUser(_ frame: Frame = FREDMachine.userFrame) {
    put(frame)
    run(Self.eretu)
  }

  var selectors: (cs: UInt64, ss: UInt64) {
    (UInt64(processor.segment(.cs).selector), UInt64(processor.segment(.ss).selector))
  }

  /// The vector and the error code of the event whose frame is at RSP.
  var vector: UInt8 { UInt8(truncatingIfNeeded: frame.ss >> 32) }
  var isAtEntry: Bool { processor.rip == Self.entry || processor.rip == Self.entry + 0x100 }

  /// SS+ above the selector.
  static func information(
    _ vector: UInt64, kind: UInt64, length: UInt64 = 0, is64: Bool = true, nested: Bool = false, low: UInt64 = 0
  ) -> UInt64 {
    low | vector << 32 | kind << 48 | (is64 ? 1 << 57 : 0) | (nested ? 1 << 58 : 0) | length << 60
  }
}
