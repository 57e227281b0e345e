/// A guest that makes random calls: boundary values, its own frames and those of others, page tables that it made up, and
/// sometimes the instruction itself, with the registers full of such values.
///
/// It starts from a fork, and goes back there every so often, for a guest that unmaps its own arguments soon achieves nothing.
import Machine
import XenPV

/// Marsaglia, "Xorshift RNGs", 64 bits.
struct RandomBits: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

final class HypercallFuzz {
  let computer: XenPVComputer
  private var random: RandomBits
  /// What is wrong, from the audits; empty where all is well.
  private(set) var findings: [String] = []
  /// How many calls returned each result, errors by their number and all else as zero.
  private(set) var results: [Int64: Int] = [:]
  private(set) var calls = 0
  /// Calls and instructions that ended with the domain crashed.
  private(set) var crashes = 0
  /// How many frames the audits found in use as each type, by its number, and how many tables with linear entries.
  private(set) var typesSeen = [Int](repeating: 0, count: 8)
  private(set) var linearSeen = 0
  /// Grants that were mapped, unmapped and copied, by the number of the operation.
  private(set) var grantsDone: [UInt64: Int] = [:]

  /// Frames that became tables, by level; they may be something else by now.
  private var made = [[UInt64]](repeating: [], count: 5)

  /// Calls in a row whose arguments could not be read: the guest has cut its own branch.
  private var faults = 0

  /// Pages of the kernel: arguments, then code, then pages to play with.
  private static let arguments: UInt64 = 1
  private static let code: UInt64 = 9
  private static let play = UInt64(16)..<UInt64(240)
  /// Instructions that write memory at RDI, each followed by UD2; SYSCALL first.
  private static let instructions: [[UInt8]] = [
    [0x0F, 0x05], [0x48, 0x89, 0x07], [0x48, 0x87, 0x07], [0xF0, 0x48, 0x0F, 0xB1, 0x37], [0xF0, 0x80, 0x27, 0xFD],
    [0xF0, 0x48, 0x0F, 0xC1, 0x07], [0x48, 0xAB], [0xF3, 0x48, 0xAB], [0x89, 0x07], [0x88, 0x07], [0x48, 0xA5],
    [0xF0, 0x0F, 0xBA, 0x2F, 0x01], [0x0F, 0x11, 0x07], [0x66, 0x89, 0x07], [0xF0, 0x48, 0x0F, 0xC7, 0x0F],
  ]

  init(computer: XenPVComputer, seed: UInt64) {
    self.computer = computer
    random = RandomBits(seed: seed)
    for (index, bytes) in Self.instructions.enumerated() {
      computer.processor.copyToGuest(bytes + [0x0F, 0x0B], address(Self.code) + UInt64(index) * 16)
    }
    // VMASST_TYPE_writable_pagetables.
    _ = computer.call(HypercallArguments(number: Hypercall.vmAssist.rawValue, [0, 2]))
    computer.fork()
  }

  func run(calls count: Int, auditEvery: Int, startAgainEvery: Int) {
    for index in 1...count where findings.isEmpty {
      one()
      if index % auditEvery == 0 || index == count {
        findings += computer.auditFrames() + reachable()
        look()
      }
      if index % startAgainEvery == 0 { startAgain() }
    }
  }

  private func look() {
    let map = computer.domain.map
    for mfn in map.firstDomainFrame..<UInt64(map.totalFrames) {
      let count = computer.processor.physicalWord(at: map.frameTable << 12 + mfn * 16)
      let type = computer.processor.physicalWord(at: map.frameTable << 12 + mfn * 16 + 8)
      if type << 9 != 0 { typesSeen[Int(type >> 61)] += 1 }
      if count >> 32 & 0xFFFF != 0 && type >> 58 & 1 != 0 { linearSeen += 1 }
    }
  }

  private func address(_ page: UInt64) -> UInt64 { SmallKernel.base + page << 12 }
  private func frame(_ page: UInt64) -> UInt64 { computer.domain.map.machineFrame(page) }
  private func chance(_ one: UInt64) -> Bool { random.next() % one == 0 }
  private func any<Element>(_ choices: [Element]) -> Element { choices[Int(random.next() % UInt64(choices.count))] }

  // MARK: Values

  private func anyFrame() -> UInt64 {
    let map = computer.domain.map
    switch random.next() % 16 {
    case 0...9: return frame(random.next() % 24 + Self.play.lowerBound)
    case 10: return frame(random.next() % UInt64(map.domainPages))
    case 11:
      return any([
        map.sharedInfo, map.grantTable, map.grantTable + 9, map.frameTable, map.xenTables, map.machineToPhys,
        map.reservedDescriptors, 0,
      ])
    case 12: return computer.domain.vcpu.guestTable >> 12
    case 13: return any([UInt64(map.totalFrames), UInt64(map.totalFrames) - 1, map.firstDomainFrame, (1 << 40) - 1])
    case 14: return computer.domain.startInfo >> 12 + random.next() % 12
    default: return random.next() >> (random.next() % 64)
    }
  }

  private func anyEntry() -> UInt64 {
    let flags: UInt64 = any([1, 3, 5, 7, 0x61, 0x63, 0x65, 0x67, 0, 0, 0x21])
    var entry = anyFrame() << 12 & 0x000F_FFFF_FFFF_F000 | flags
    if chance(8) { entry ^= 1 << (random.next() % 64) }
    if chance(8) { entry |= 1 << 63 }
    return entry
  }

  private func anyAddress() -> UInt64 {
    switch random.next() % 8 {
    case 0...3: return address(Self.arguments + random.next() % 8) + (random.next() & 0xFF8)
    case 4: return address(random.next() % 256) + (random.next() & 0xFFF)
    case 5: return any([0, 1, 0x7FFF_FFFF_FFF8, 1 << 47, Layout.hypervisorStart, Layout.hypervisorEnd, ~0, ~7])
    case 6: return Layout.descriptors + random.next() % 0x20000
    default: return random.next()
    }
  }

  private func anyWord() -> UInt64 {
    switch random.next() % 8 {
    case 0...2: return random.next() % 32
    case 3: return anyFrame()
    case 4: return anyAddress()
    case 5: return anyEntry()
    case 6: return any([0x7FF0, 0x7FF1, 0x7FF2, 1 << 31, 0x8000_0001, 0xFFFF_FFFF, ~0, 1 << 63])
    default: return random.next() >> (random.next() % 64)
    }
  }

  /// Writes words to the pages of arguments, and returns where.
  private func place(_ words: [UInt64]) -> UInt64 {
    let at = address(Self.arguments) + (random.next() % 7) << 12 + (random.next() & 0xFF8)
    computer.processor.copyToGuest(words.flatMap(SmallKernel.number), at)
    return chance(32) ? anyAddress() : at
  }

  // MARK: Calls

  private func one() {
    if chance(8) { writePage() }
    if chance(16) { execute() }
    if chance(4) { makeTable() }
    if chance(8) {
      let call = grants()
      make(call)
      // The status of GNTTABOP_map_grant_ref, GNTTABOP_unmap_grant_ref and GNTTABOP_copy.
      let places: [UInt64: UInt64] = [0: 18, 1: 20, 5: 36]
      if let place = places[call.first], let bytes = computer.processor.copyFromGuest(call.second &+ place, count: 2) {
        if bytes == [0, 0] { grantsDone[call.first, default: 0] += 1 }
      }
      return
    }
    var call = HypercallArguments(number: 0, [])
    switch random.next() % 16 {
    case 0...4: call = mmuUpdate()
    case 5...8: call = extendedOperations()
    case 9, 10:
      call = HypercallArguments(
        number: 14, [chance(4) ? anyAddress() : address(random.next() % 256), anyEntry(), random.next() % 6])
    case 11: call = HypercallArguments(number: 2, [place((0..<16).map { _ in anyFrame() }), random.next() % 7200])
    case 12: call = HypercallArguments(number: 10, [anyFrame() << 12 + random.next() & 0xFFF, random.next()])
    case 13: call = memory()
    case 14: call = multicall()
    default:
      call = HypercallArguments(number: random.next() % 48, (0..<6).map { _ in anyWord() })
      if chance(2) { call.second = place((0..<8).map { _ in anyWord() }) }
    }
    make(call)
  }

  private func make(_ call: HypercallArguments) {
    calls += 1
    var next: HypercallArguments? = call
    while let now = next {
      let (result, rest) = computer.call(now)
      results[result < 0 && result > -200 ? result : 0, default: 0] += 1
      next = rest
      faults = result == -14 ? faults + 1 : 0
    }
    revive()
    // An iret in a multicall leads to user mode, where there are no calls.
    if faults > 6 || !computer.domain.vcpu.isInKernel { startAgain() }
  }

  private func startAgain() {
    computer.restore()
    faults = 0
    made = [[UInt64]](repeating: [], count: 5)
  }

  /// A domain that is dead or waits makes no more calls: this one does.
  private func revive() {
    computer.domain.vcpu.isBlocked = false
    computer.domain.vcpu.polledPorts = nil
    if computer.domain.shutdown != nil { crashes += 1 }
    computer.domain.shutdown = nil
  }

  private func mmuUpdate() -> HypercallArguments {
    let count = random.next() % 8 + 1
    let words = (0..<count).flatMap { _ in
      [
        anyFrame() << 12 + (chance(2) ? random.next() & 0x38 : random.next() & 0xFF8) + any([0, 0, 0, 1, 2, 3, 4]),
        anyEntry(),
      ]
    }
    let foreign = chance(16) ? anyWord() : 0x7FF0
    return HypercallArguments(
      number: 1, [place(words), chance(32) ? anyWord() : count, chance(8) ? anyAddress() : 0, foreign])
  }

  private func extendedOperations() -> HypercallArguments {
    let count = random.next() % 4 + 1
    let words = (0..<count).flatMap { _ in
      let command = random.next() % 22
      return [
        command, command == 13 ? address(random.next() % 256) : anyFrame(),
        chance(2) ? anyFrame() : random.next() % 9000,
      ]
    }
    return HypercallArguments(
      number: 26,
      [place(words), chance(32) ? anyWord() : count, chance(8) ? anyAddress() : 0, chance(16) ? anyWord() : 0x7FF0]
    )
  }

  private func memory() -> HypercallArguments {
    let list = place((0..<8).map { _ in anyFrame() })
    let argument = place([list, random.next() % 9, random.next() % 3, 0x7FF0])
    return HypercallArguments(
      number: 12, [chance(8) ? anyWord() : any([0, 1, 1, 6, 6, random.next() % 29]), argument])
  }

  private func multicall() -> HypercallArguments {
    let count = random.next() % 6 + 1
    let words = (0..<count).flatMap { _ in
      let inner = chance(2) ? mmuUpdate() : extendedOperations()
      return [inner.number, 0, inner.first, inner.second, inner.third, inner.fourth, 0, 0]
    }
    return HypercallArguments(number: 13, [place(words), chance(32) ? anyWord() : count])
  }

  /// Maps, unmaps and copies what the guest grants itself, mostly with the few references, handles and pages that make sense.
  private func grants() -> HypercallArguments {
    let map = computer.domain.map
    let page = address(Self.play.lowerBound + random.next() % 24)
    if chance(2) {
      // An entry of version 1, or a half of one of version 2.
      let flags: UInt64 = any([1, 1, 1, 5, 0x101, 3, 0, 0x19])
      let entry = flags | (chance(8) ? anyWord() & 0xFFFF : 1) << 16 | anyFrame() << 32
      computer.processor.setPhysicalWord(
        chance(4) ? anyFrame() : entry, at: map.grantTable << 12 + (random.next() % 16) * 8)
    }
    let reference = chance(16) ? anyWord() & 0xFFFF_FFFF : random.next() % 16
    let handle = chance(16) ? anyWord() & 0xFFFF_FFFF : random.next() % 24
    let place = chance(4) ? tableEntry() : page
    // No GNTST_*.
    let unanswered: UInt64 = 0xEEEE
    let operation: UInt64 = any([0, 0, 0, 1, 1, 1, 5, 5, 7, 8, 9, 10, 11, 2])
    let words: [UInt64] =
      switch operation {
      case 0:
        [
          place, random.next() % 32 | (random.next() % 8) << 16 | reference << 32,
          (chance(16) ? anyWord() & 0xFFFF : 1) | unanswered << 16, 0,
        ]
      case 1: [chance(8) ? 0 : place, chance(2) ? anyFrame() << 12 : 0, handle | unanswered << 32]
      case 5:
        [
          chance(2) ? anyFrame() : reference, (chance(2) ? 1 : 0x7FF0) | (random.next() % 9) << 20,
          chance(2) ? anyFrame() : random.next() % 16, (chance(2) ? 1 : 0x7FF0) | (random.next() % 9) << 20,
          random.next() % 64 | (random.next() % 4) << 16 | unanswered << 32,
        ]
      case 7: [page, address(Self.play.lowerBound + random.next() % 24), handle]
      case 8: [random.next() % 4]
      case 9: [random.next() % 3 | 0x7FF0 << 32, address(Self.arguments)]
      case 11: [reference | (random.next() % 16) << 32, 0]
      default: [0x7FF0 | (random.next() % 4) << 32, 0, address(Self.arguments)]
      }
    return HypercallArguments(number: 20, [operation, self.place(words), chance(16) ? anyWord() : 1])
  }

  /// Where the L1 entry of one of its pages is, as a machine address.
  private func tableEntry() -> UInt64 {
    computer.l1EntryAddress(of: address(Self.play.lowerBound + random.next() % 24)) ?? 0
  }

  // MARK: What the guest does itself

  /// Fills one of its pages with what may become a table, as far as it may write there.
  private func writePage() {
    let at = address(Self.play.lowerBound + random.next() % 24)
    if chance(3) { computer.processor.copyToGuest([UInt8](repeating: 0, count: 4096), at) }
    for _ in 0..<random.next() % 8 {
      // A table of another level, one of the first 24 pages: what random frames seldom hit.
      let entry =
        chance(2) ? frame(Self.play.lowerBound + random.next() % 24) << 12 | any([1, 5, 0x25, 0x27]) : anyEntry()
      _ = computer.processor.storeGuest(at + (chance(2) ? random.next() & 0x18 : random.next() & 0xFF8), entry)
    }
  }

  /// Does what a guest does for a new table: fills it, makes its mapping read-only, pins it; now and then the way back.
  private func makeTable() {
    let page = Self.play.lowerBound + random.next() % 24
    let mapping = { (flags: UInt64) in
      HypercallArguments(number: 14, [self.address(page), self.frame(page) << 12 | flags, 2])
    }
    func extended(_ command: UInt64) -> HypercallArguments {
      HypercallArguments(number: 26, [place([command, frame(page), 0]), 1, 0, 0x7FF0])
    }
    if chance(3) {
      make(extended(4))
      return make(mapping(3))
    }
    let level = random.next() % 4 + 1
    computer.processor.copyToGuest([UInt8](repeating: 0, count: 4096), address(page))
    for _ in 0..<random.next() % 6 {
      // A table of the level below, or one of the same level, or whatever.
      let from = chance(3) ? level : max(level, 2) - 1
      let target = made[Int(from)].isEmpty || chance(4) ? anyFrame() : any(made[Int(from)])
      let entry = target << 12 & 0x000F_FFFF_FFFF_F000 | (chance(2) ? 0x25 : 0x27)
      _ = computer.processor.storeGuest(address(page) + (random.next() & 0xFF8), entry)
    }
    make(mapping(1))
    let before = results[0, default: 0]
    make(extended(level - 1))
    if results[0, default: 0] > before {
      made[Int(level)].append(frame(page))
      if made[Int(level)].count > 6 { made[Int(level)].removeFirst() }
      // A base pointer, sometimes the user's.
      if level == 4 && chance(3) { make(extended(chance(3) ? 5 : 15)) }
    }
  }

  /// One instruction at privilege 3, mostly a write to a page that may be a table.
  private func execute() {
    let processor = computer.processor
    let registers: [GeneralRegister] = [.rax, .rcx, .rdx, .rsi, .r8, .r9, .r10, .r11]
    for register in registers { processor[register] = anyWord() }
    if chance(2) { processor[.rax] = anyEntry() }
    let which = random.next() % UInt64(Self.instructions.count)
    processor[.rdi] =
      chance(8) ? anyAddress() : address(Self.play.lowerBound + random.next() % 24) + (random.next() & 0xFF8)
    if which == 7 { processor[.rcx] = random.next() % 8 }
    if which == 10 { processor[.rsi] = place([anyEntry()]) }
    processor[.rsp] = address(15) + 0x800
    processor.rip = address(Self.code) + which * 16
    processor.rflags = [.interruptEnable, .fixedOne]
    computer.domain.vcpu.isInKernel = true
    if case .unsupported = computer.step() { return startAgain() }
    revive()
  }

  // MARK: What the processor can reach

  /// Walks the tables as the processor does: no page may be writable that is itself a table or a descriptor page on the way, and
  /// no frame may be somebody else's. It knows nothing of the frame table.
  ///
  /// Where an L4 leads to itself its hypervisor slots are read as those of lower levels: what the user bit shows there is the
  /// M2P table and its own tables, read-only.
  private func reachable() -> [String] {
    let map = computer.domain.map
    var tables: Set<UInt64> = Set(computer.domain.vcpu.gdtFrames)
    var writable: Set<UInt64> = []
    var foreign: Set<UInt64> = []
    func visit(_ table: UInt64, _ level: Int, _ rights: UInt64) {
      tables.insert(table)
      for index in 0..<UInt64(512) where level < 4 || !Layout.hypervisorSlots.contains(Int(index)) {
        let entry = computer.processor.physicalWord(at: table << 12 + index * 8)
        let (rights, target) = (rights & entry, (entry & 0x000F_FFFF_FFFF_F000) >> 12)
        // Present, and permitted at privilege 3.
        guard entry & 1 != 0, rights & 4 != 0 else { continue }
        if map.isDomainFrame(target) || map.isSharedWithGuest(target) {
          if level > 1 { visit(target, level - 1, rights) } else if rights & 2 != 0 { writable.insert(target) }
        } else if rights & 2 != 0 || target == 0 || target >= map.sharedInfo
          || (map.frameTable..<map.xenTables).contains(target)
        {
          foreign.insert(target)
        }
      }
    }
    for root in [computer.domain.vcpu.guestTable, computer.domain.vcpu.guestTableUser] where root != 0 {
      visit(root >> 12, 4, 7)
    }
    return foreign.sorted().map { "the guest can reach frame \($0)" }
      + writable.intersection(tables).sorted().map { "the guest can write frame \($0), which is a table" }
  }
}
