/// What decides where, and on which state, the kernel is entered the next time: the registers that entries load from, and what they
/// read of the task state segment and the interrupt descriptor table.
///
/// SDM vol. 3A, "System Registers", "64-Bit Task State Segment", "64-Bit Mode IDT"; vol. 2B, "SYSCALL", "SYSENTER", "SWAPGS".
///
/// Not modelled: what descriptors hold that the kernel loads its segments from, and what a kernel keeps in memory of its own to enter by
/// but the word from which it loads RSP.
public struct EntryState: Sendable, Equatable {
  public struct Word: Sendable, Equatable {
    /// The manual's name of it, or the hypervisor's.
    public var name: String
    public var value: UInt64

    public init(_ name: String, _ value: UInt64) { (self.name, self.value) = (name, value) }
  }

  public var words: [Word]

  public init(_ words: [Word]) { self.words = words }

  /// The first word in which `other` has another value; nil where they are equal.
  public func difference(from other: EntryState) -> String? {
    for (mine, theirs) in zip(words, other.words) where mine != theirs {
      return "\(mine.name) is 0x\(String(mine.value, radix: 16)), not 0x\(String(theirs.value, radix: 16))"
    }
    return nil
  }
}

/// The parts of the task state segment that entries read: RSP0, and IST1 to IST7, by their offsets.
private let entryStacks: [(name: String, offset: UInt64)] = [("RSP0", 4)] + (1...7).map { ("IST\($0)", 0x1C + $0 * 8) }

/// Gates of which the digest is known as long as nobody writes to them.
struct KnownGates: Equatable {
  var place: UInt64
  var count: Int
  /// The outermost fork, since which their page was not written.
  var fork: UInt32
}

extension Processor {
  public var entryState: EntryState {
    var words = [
      // TS says whose the floating-point registers are: a switch of tasks may set it.
      EntryState.Word("CR0", s.pointee.cr0 & ~CR0.taskSwitched), EntryState.Word("CR4", s.pointee.cr4),
      EntryState.Word("CR8", s.pointee.cr8), EntryState.Word("IA32_EFER", s.pointee.msr.efer),
      EntryState.Word("IA32_STAR", s.pointee.msr.star), EntryState.Word("IA32_LSTAR", s.pointee.msr.lstar),
      EntryState.Word("IA32_CSTAR", s.pointee.msr.cstar), EntryState.Word("IA32_FMASK", s.pointee.msr.syscallMask),
      EntryState.Word("IA32_SYSENTER_CS", s.pointee.msr.sysenterCS),
      EntryState.Word("IA32_SYSENTER_ESP", s.pointee.msr.sysenterESP),
      EntryState.Word("IA32_SYSENTER_EIP", s.pointee.msr.sysenterEIP),
      EntryState.Word("IA32_KERNEL_GS_BASE", s.pointee.msr.kernelGSBase),
      EntryState.Word("the base of the GDT", s.pointee.gdtr.base),
      EntryState.Word("the limit of the GDT", UInt64(s.pointee.gdtr.limit)),
      EntryState.Word("the base of the IDT", s.pointee.idtr.base),
      EntryState.Word("the limit of the IDT", UInt64(s.pointee.idtr.limit)),
      EntryState.Word("the base of the TSS", s.pointee.trBase), EntryState.Word("TR", UInt64(s.pointee.tr.selector)),
    ]
    if deliversByFRED {
      words += [
        EntryState.Word("IA32_FRED_CONFIG", s.pointee.msr.fred.configuration),
        EntryState.Word("IA32_FRED_STKLVLS", s.pointee.msr.fred.stackLevels),
      ]
      words += (0..<4).map { EntryState.Word("IA32_FRED_RSP\($0)", s.pointee.msr.fred.stacks[$0]) }
    } else {
      words += entryStacks.map { EntryState.Word($0.name, word(atLinear: s.pointee.trBase &+ $0.offset) ?? 0) }
      words.append(EntryState.Word("the digest of the IDT", digestOfGates))
    }
    return EntryState(words)
  }

  /// The bytes of RAM that it is made of: a bit for each byte of a word, by the word's number.
  public var entryBytes: [UInt64: UInt8] {
    var bytes: [UInt64: UInt8] = [:]
    guard !deliversByFRED else { return bytes }
    // Where either lies is the guest's to choose: also across the end of all addresses.
    let gates = (0...UInt64(s.pointee.idtr.limit)).map { s.pointee.idtr.base &+ $0 }
    let stacks = entryStacks.flatMap { stack in (0..<8).map { s.pointee.trBase &+ stack.offset &+ $0 } }
    for linear in gates + stacks {
      guard let place = physicalAddress(of: linear) else { continue }
      bytes[place >> 3, default: 0] |= 1 << (place & 7)
    }
    return bytes
  }

  /// One number for all gates; 0 where they cannot be read.
  private var digestOfGates: UInt64 {
    let count = min((Int(s.pointee.idtr.limit) + 1) & ~7, 4096)
    guard let place = physicalAddress(of: s.pointee.idtr.base), memory.contains(place, count: count),
      place & 0xFFF &+ UInt64(count) <= 4096, let fork = memory.forkBefore(page: Int(place >> 12))
    else { return digestOfGates(count) }
    let asked = KnownGates(place: place, count: count, fork: fork)
    if let knownGates, knownGates.gates == asked { return knownGates.digest }
    let digest = digestOfGates(count)
    knownGates = (asked, digest)
    return digest
  }

  private func digestOfGates(_ count: Int) -> UInt64 {
    guard let gates = bytes(atLinear: s.pointee.idtr.base, count: count) else { return 0 }
    var digest = WordDigest()
    gates.withUnsafeBytes { gates in
      for offset in stride(from: 0, to: gates.count, by: 8) {
        digest.add(gates.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      }
    }
    return digest.value
  }
}
