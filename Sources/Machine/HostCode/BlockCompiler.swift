/// From a block of micro-operations to host code that does the same.
///
/// The state after each micro-operation is the interpreter's: every register that was written is in memory, the flags are in RAX.
/// So the code can leave at any micro-operation, and the interpreter goes on there. It does so for whatever is not translated
/// here (an out-of-line body, a rare width), and wherever a translation is missing: faults, A and D flags, device memory,
/// breakpoints, decoded code that is written and first writes after a fork are met by the interpreter alone.
///
/// Registers that the block read or wrote stay in host registers until its end; a write goes to memory as well.

struct BlockCompiler {
  /// RBX points this far into the state.
  static let bias = 128
  private static let homes: [HostRegister] = [.rdi, .r8, .r9, .r10, .r11, .rbp]

  var assembler: HostAssembler
  let block: BlockPointer
  let host: HostCode
  let jumps: UnsafeMutablePointer<JumpCacheEntry>

  /// Jumps to the way out at a micro-operation: where the jump ends, and the index.
  private var exits: [(end: UnsafeMutablePointer<UInt8>, index: Int)] = []
  /// Where each home's slot is held; `Slot.zero` and above the file mean nothing.
  private var slotOfHome: [Int]
  private var homeOfSlot: [Int]
  private var nextHome = 0
  private var pinned = 0

  /// The micro-operation that is translated, and its index.
  var u: UnsafeMutablePointer<MicroOperation>
  var index = 0
  /// The host's own flags are the guest's.
  var hostFlagsHold = false
  /// Somebody may see the flags that this micro-operation leaves.
  var flagsAreSeen = true

  init(_ block: BlockPointer, _ cache: BlockCache, at place: UnsafeMutableRawPointer) {
    self.block = block
    host = cache.host
    jumps = cache.jumps
    assembler = HostAssembler(at: place)
    slotOfHome = [Int](repeating: -1, count: Self.homes.count)
    homeOfSlot = [Int](repeating: -1, count: 32)
    u = block.pointee.operations
  }

  /// Translates the whole block; false where not even its first micro-operation can be translated.
  mutating func compile() -> Bool {
    let start = UnsafeRawPointer(assembler.at)
    let count = Int32(block.pointee.count)
    assembler.arithmetic(.sub, 8, .r14, immediate: count)
    let short = assembler.jumpIf(HostCondition.below)
    let seen = flagLiveness()
    for i in 0..<Int(block.pointee.operationCount) {
      index = i
      u = block.pointee.operations + i
      flagsAreSeen = seen[i]
      pinned = 0
      switch translate(start) {
      case .continues: continue
      case .ended: break
      case .untranslated:
        if i == 0 { return false }
        exits.append((assembler.jump(), i))
      }
      break
    }
    assembler.land(short)
    assembler.arithmetic(.add, 8, .r14, immediate: count)
    assembler.move(.rdx, immediate: UInt64(UInt(bitPattern: block)))
    assembler.jump(to: host.arrive)
    emitExits(count)
    return true
  }

  private mutating func emitExits(_ count: Int32) {
    var tails: [UnsafeMutablePointer<UInt8>] = []
    var at = 0
    while at < exits.count {
      let index = exits[at].index
      while at < exits.count, exits[at].index == index {
        assembler.land(exits[at].end)
        at += 1
      }
      assembler.move(.rcx, immediate: UInt64(index))
      tails.append(assembler.jump())
    }
    if tails.isEmpty { return }
    for tail in tails { assembler.land(tail) }
    assembler.arithmetic(.add, 8, .r14, immediate: count)
    assembler.move(.rdx, immediate: UInt64(UInt(bitPattern: block)))
    assembler.jump(to: host.leave)
  }

  /// Lets the interpreter execute this micro-operation where `condition` holds.
  mutating func exitIf(_ condition: UInt8) { exits.append((assembler.jumpIf(condition), index)) }

  enum Outcome {
    case continues
    case ended
    case untranslated
  }

  // MARK: Register slots

  static func address(of slot: UInt8) -> HostAddress { HostAddress(.rbx, Int(slot) - bias) }

  private mutating func home(for slot: Int) -> HostRegister {
    while pinned & 1 << nextHome != 0 { nextHome = (nextHome + 1) % Self.homes.count }
    let home = nextHome
    nextHome = (nextHome + 1) % Self.homes.count
    if slotOfHome[home] >= 0 { homeOfSlot[slotOfHome[home]] = -1 }
    slotOfHome[home] = slot
    homeOfSlot[slot] = home
    pinned |= 1 << home
    return Self.homes[home]
  }

  /// The register that holds the slot, loaded if none does.
  mutating func use(_ slot: UInt8) -> HostRegister {
    let number = Int(slot >> 3)
    if homeOfSlot[number] >= 0 {
      pinned |= 1 << homeOfSlot[number]
      return Self.homes[homeOfSlot[number]]
    }
    let register = home(for: number)
    assembler.load(register, Self.address(of: slot))
    return register
  }

  /// The register that holds the slot if one does already.
  func held(_ slot: UInt8) -> HostRegister? {
    slot & 7 == 0 && homeOfSlot[Int(slot >> 3)] >= 0 ? Self.homes[homeOfSlot[Int(slot >> 3)]] : nil
  }

  /// A register for a slot that is about to be written whole.
  mutating func define(_ slot: UInt8) -> HostRegister {
    let number = Int(slot >> 3)
    if homeOfSlot[number] >= 0 {
      pinned |= 1 << homeOfSlot[number]
      return Self.homes[homeOfSlot[number]]
    }
    return home(for: number)
  }

  /// Writes a slot's register to memory.
  mutating func keep(_ slot: UInt8, _ register: HostRegister) { assembler.store(register, Self.address(of: slot)) }

  /// The slot was written in memory alone.
  mutating func forget(_ slot: UInt8) {
    let number = Int(slot >> 3)
    guard homeOfSlot[number] >= 0 else { return }
    slotOfHome[homeOfSlot[number]] = -1
    homeOfSlot[number] = -1
  }

  /// Copies 1, 2, 4 or 8 bytes of a slot into a scratch register.
  mutating func copy(_ slot: UInt8, to register: HostRegister, _ width: Int) {
    if let held = held(slot), width >= 4 {
      assembler.move(register, held, width)
    } else {
      assembler.loadExtended(register, Self.address(of: slot), width)
    }
  }

  /// Writes 1, 2, 4 or 8 bytes of a scratch register to a slot, as the guest's register writes do.
  mutating func write(_ slot: UInt8, _ register: HostRegister, _ width: Int) {
    if width >= 4 {
      let home = define(slot)
      assembler.move(home, register, width)
      keep(slot, home)
    } else {
      assembler.store(register, Self.address(of: slot), width)
      forget(slot)
    }
  }

  /// The value operand is the immediate.
  var isImmediate: Bool { u.pointee.src == Slot.zero }

  /// Copies the value operand to a scratch register.
  mutating func copyValue(to register: HostRegister, _ width: Int) {
    if isImmediate {
      let mask: UInt64 = width == 8 ? ~0 : (1 << UInt64(width * 8)) - 1
      assembler.move(register, immediate: u.pointee.imm & mask)
    } else {
      copy(u.pointee.src, to: register, width)
    }
  }
}
