/// Trials of an event that led back to where it was injected, by where that was: behind another event the same handler stands at the
/// same place again, and what the event does there is known. The rule and its proof are in Documentation/Pruning.md.
import Execution
import Findings
import Invariants
import Machine

/// What an event did at a place, up to its handler's return there.
final class KnownTrial {
  let place: Prospect
  /// Bytes that were read before they were written, and what they held, of pages written since the crossing.
  let reads: [SharedBytes.OfPage]
  /// Pages that were read and had not been written since the crossing.
  let untouched: [Int]
  /// Bytes that may hold something else than before, and what they hold.
  let writes: [Bytes]
  /// Where frames came to lie, and RSP behind returns.
  let stackPointers: [UInt64]
  let digest: RunDigest
  /// Nanoseconds.
  let duration: UInt64
  let onOwnStack: Bool
  /// NMIs were blocked before it and are not behind it.
  let letsNMIsIn: Bool
  /// It read DR6; and it left something else there.
  let debugStatus: (isRead: Bool, isChanged: Bool)
  /// The first rule ended it.
  let isOver: Bool
  /// What it left; nil where the processor's state is none of the same.
  let aftermath: Aftermath?

  init(
    place: Prospect, reads: [SharedBytes.OfPage], untouched: [Int], writes: [Bytes], stackPointers: [UInt64],
    digest: RunDigest,
    duration: UInt64, onOwnStack: Bool, letsNMIsIn: Bool, debugStatus: (isRead: Bool, isChanged: Bool), isOver: Bool,
    aftermath: Aftermath?
  ) {
    self.place = place
    self.reads = reads
    self.untouched = untouched
    self.writes = writes
    self.stackPointers = stackPointers
    self.digest = digest
    self.duration = duration
    self.onOwnStack = onOwnStack
    self.letsNMIsIn = letsNMIsIn
    self.debugStatus = debugStatus
    self.isOver = isOver
    self.aftermath = aftermath
  }
}

/// Some bytes of a word of RAM.
struct Bytes: Hashable {
  /// The physical address divided by 8.
  var word: UInt64
  /// All ones in each of the bytes.
  var mask: UInt64
  var value: UInt64

  /// Of a word behind all others.
  static let none = Bytes(.max, 0, 0)

  init(_ word: UInt64, _ bytes: UInt8, _ value: UInt64) {
    self.word = word
    mask = Self.mask(bytes)
    self.value = value & mask
  }

  /// Those bytes of the word that `before` and `after` differ in.
  init(_ word: UInt64, before: UInt64, after: UInt64) {
    self.init(word, Self.of(before ^ after), after)
  }

  /// Without those bytes.
  mutating func remove(_ other: UInt64) {
    mask &= ~other
    value &= mask
  }

  /// The word, where these bytes are in place of those of `word`.
  func over(_ word: UInt64) -> UInt64 { word & ~mask | value }

  /// A bit for each byte of which the mask has any.
  static func of(_ mask: UInt64) -> UInt8 {
    // Bit 7 of each byte of which there is any; then bit 0, of byte i moved to bit 56 + i.
    let any = ((mask & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F | mask) & 0x8080_8080_8080_8080
    return UInt8(truncatingIfNeeded: ((any >> 7) &* 0x0102_0408_1020_4080) >> 56)
  }

  /// All ones in each byte whose bit is set.
  static func mask(_ bytes: UInt8) -> UInt64 {
    // Bit i stays in byte i, and becomes the byte's bit 0.
    let one = UInt64(bytes) &* 0x0101_0101_0101_0101 & 0x8040_2010_0804_0201
    return (one &+ 0x7F7F_7F7F_7F7F_7F7F | one) >> 7 & 0x0101_0101_0101_0101 &* 0xFF
  }
}

struct KnownTrials {
  private struct Key: Hashable {
    var state: Int
    var event: EventKind
  }

  /// What is known of an event at a state of the processor, and what it was worth to ask.
  final class Entry {
    /// The one that was of use last is the first.
    private(set) var trials: [KnownTrial] = []
    /// How often it was asked whether a trial is wanted.
    fileprivate var asked = 0
    /// The last trial was back where it was; one that was not need not be taken down the next time.
    fileprivate var wasBack = true

    fileprivate func keep(_ trial: KnownTrial) { trials.append(trial) }

    func wasOfUse(_ index: Int) { if index != 0 { trials.swapAt(0, index) } }
  }

  private var entries: [Key: Entry] = [:]
  /// What they read.
  let reads = SharedBytes()
  /// Words that they write.
  private var writes = 0

  /// Trials of one event at one state of the processor that are taken down.
  private static let mostTries = 8
  /// Words that all of them may hold, 24 bytes each.
  private static let mostWords = 16 << 20

  /// What is known of the event at a place; nil where it was never asked for.
  func at(_ place: Int, _ event: EventKind) -> Entry? { entries[Key(state: place, event: event)] }

  private mutating func entry(at place: Int, _ event: EventKind) -> Entry {
    let key = Key(state: place, event: event)
    if let entry = entries[key] { return entry }
    let entry = Entry()
    entries[key] = entry
    return entry
  }

  /// Whether it is worth taking down what the event does here: not before the processor is met in this state a second time, not
  /// when that was done some times and did not help, and seldom where the rest of what the event did here last was not known.
  mutating func isWanted(at place: Int, _ event: EventKind) -> Bool {
    let entry = entry(at: place, event)
    let times = entry.asked
    entry.asked += 1
    guard times > 0 && times <= Self.mostTries && reads.words + writes < Self.mostWords else { return false }
    return entry.wasBack || times == Self.mostTries / 2
  }

  /// Whether the rest of what the event did here was known.
  mutating func note(at place: Int, _ event: EventKind, wasBack: Bool) { entry(at: place, event).wasBack = wasBack }

  mutating func keep(_ trial: KnownTrial, at place: Int, _ event: EventKind) {
    writes += trial.writes.count
    entry(at: place, event).keep(trial)
  }
}
