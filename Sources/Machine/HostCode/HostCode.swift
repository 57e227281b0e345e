/// The memory that holds translated blocks, the way into it and the way out.
///
/// Translated code runs with RBX 128 bytes into the processor's state (so that every register slot is one byte away), R12 and R13
/// at the read and write translations, R14 the instructions that may still retire, R15 the tag of the current translation
/// context, and RAX the guest's flags (`HostFlags.swift`). RCX, RDX and RSI are scratch; the others hold what the block's
/// compiler likes. The stack holds the saved registers and the address of the `Passage`.
#if canImport(Glibc)
  import Glibc
#endif

/// What goes in with a jump into translated code, and what comes out.
struct Passage {
  /// Out: the block that was left.
  var block: BlockPointer?
  /// Out: instructions that may still retire.
  var remaining: UInt64 = 0
  /// In and out: see `HostFlags.swift`.
  var flags: UInt64 = 0
  /// In: where to begin.
  var code: UnsafeRawPointer
}

/// Why translated code was left; what is not negative is the micro-operation at which the interpreter goes on.
enum Leaving {
  /// At the end of a block, along an edge that is not chained. RIP is set.
  static let taken: Int32 = -1
  static let following: Int32 = -2
  static let indirect: Int32 = -3
  /// At the start of a block that is not translated, or is longer than what may still retire.
  static let arrived: Int32 = -4
}

struct HostCode {
  static let size = 64 << 20
  /// More than the longest block can need: 32 instructions of few micro-operations, each below 160 bytes.
  static let largestBlock = 64 << 10

  typealias Entry =
    @convention(c) (
      _ state: UnsafeMutableRawPointer, _ reads: UnsafeMutableRawPointer, _ writes: UnsafeMutableRawPointer,
      _ remaining: UInt64, _ tag: UInt64, _ passage: UnsafeMutableRawPointer
    ) -> Int32

  // SAFETY: the mapping lives until `deallocate`; `isFull` keeps room for one more block. Nil where the host gives no memory
  // that can be executed: everything is interpreted then.
  private let base: UnsafeMutableRawPointer?
  /// Where the blocks begin.
  private let first: Int
  private(set) var used: Int
  /// Leaves with `Leaving.arrived` and the block in RDX: the code of every block that is not translated.
  let arrive: UnsafeRawPointer
  /// Leaves with the reason in ECX and the block in RDX.
  let leave: UnsafeRawPointer
  let entry: Entry?
  let passage: UnsafeMutablePointer<Passage>

  init() {
    let mapping = mmap(
      nil, Self.size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapping, mapping != MAP_FAILED else {
      base = nil
      first = 0
      used = 0
      arrive = UnsafeRawPointer(bitPattern: 1)!
      leave = arrive
      entry = nil
      passage = .allocate(capacity: 1)
      passage.initialize(to: Passage(block: nil, code: arrive))
      return
    }
    var assembler = HostAssembler(at: mapping)
    let saved: [UInt8] = [0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57]  // PUSH RBX, RBP, R12 to R15
    for byte in saved { assembler.byte(byte) }
    for byte in [0x41, 0x51] as [UInt8] { assembler.byte(byte) }  // PUSH R9
    assembler.move(.rbx, .rdi)
    assembler.move(.r12, .rsi)
    assembler.move(.r13, .rdx)
    assembler.move(.r14, .rcx)
    assembler.move(.r15, .r8)
    assembler.load(.rax, HostAddress(.r9, MemoryLayout<Passage>.offset(of: \.flags)!))
    assembler.jump(HostAddress(.r9, MemoryLayout<Passage>.offset(of: \.code)!))

    arrive = UnsafeRawPointer(assembler.at)
    assembler.move(.rcx, immediate: UInt64(UInt32(bitPattern: Leaving.arrived)))
    leave = UnsafeRawPointer(assembler.at)
    for byte in [0x41, 0x59] as [UInt8] { assembler.byte(byte) }  // POP R9
    assembler.store(.rdx, HostAddress(.r9, MemoryLayout<Passage>.offset(of: \.block)!))
    assembler.store(.r14, HostAddress(.r9, MemoryLayout<Passage>.offset(of: \.remaining)!))
    assembler.store(.rax, HostAddress(.r9, MemoryLayout<Passage>.offset(of: \.flags)!))
    assembler.move(.rax, .rcx, 4)
    let restored: [UInt8] = [0x41, 0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C, 0x5D, 0x5B, 0xC3]  // POP ..., RET
    for byte in restored { assembler.byte(byte) }

    base = mapping
    first = (UnsafeRawPointer(assembler.at) - UnsafeRawPointer(mapping) + 63) & ~63
    used = first
    passage = .allocate(capacity: 1)
    passage.initialize(to: Passage(block: nil, code: arrive))
    // SAFETY: what stands at the mapping's start is a function of that type by the System V ABI.
    let function = unsafeBitCast(mapping, to: Entry.self)
    entry = Self.logicClearsAuxiliary(function, passage, at: mapping + first, leave) ? function : nil
  }

  /// Whether AND, OR, XOR and TEST clear AF, which the SDM leaves undefined and the interpreter's bodies clear. A host that did
  /// otherwise would be noticed here, and everything would be interpreted.
  private static func logicClearsAuxiliary(
    _ function: Entry, _ passage: UnsafeMutablePointer<Passage>, at place: UnsafeMutableRawPointer,
    _ leave: UnsafeRawPointer
  ) -> Bool {
    let auxiliary: UInt64 = 1 << 12
    var assembler = HostAssembler(at: place)
    assembler.move(.rsi, immediate: 0)
    for operation in [HostArithmetic.and, .or, .xor, nil] {
      assembler.move(.rax, immediate: auxiliary)
      assembler.storeAH()
      if let operation { assembler.arithmetic(operation, 4, .rcx, .rcx) } else { assembler.test(.rcx, .rcx, 4) }
      assembler.loadAH()
      assembler.arithmetic(.or, 4, .rsi, .rax)
    }
    assembler.move(.rax, .rsi)
    assembler.jump(to: leave)
    passage.pointee.code = UnsafeRawPointer(place)
    _ = function(place, place, place, 0, 0, UnsafeMutableRawPointer(passage))
    return passage.pointee.flags & auxiliary == 0
  }

  func deallocate() {
    if let base { munmap(base, Self.size) }
    passage.deallocate()
  }

  var isFull: Bool { base != nil && used + Self.largestBlock > Self.size }

  /// Where the next block's code goes.
  var place: UnsafeMutableRawPointer? { isFull ? nil : base.map { $0 + used } }

  /// Keeps what was assembled up to `end`.
  mutating func keep(upTo end: UnsafeRawPointer) {
    used = (end - UnsafeRawPointer(base!) + 15) & ~15
  }

  mutating func removeAll() { used = first }
}
