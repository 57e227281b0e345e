/// What every path of a section did, a number each, in the order in which they were tried; so that two kernels can be told apart by all
/// that they did.
///
/// A number holds the transitions of the path, its end, what user mode sees there, and every word of memory that is not what it was at the
/// crossing, but for words in which nothing is alive while the user runs, and for the flags of page-table entries that the processor sets
/// (SDM vol. 3A, "Accessed and Dirty Flags"): a path that reaches one page more does nothing else by that.
import Execution
import Findings
import Machine
import Platform

package struct PathLog: Sendable {
  package struct Entry: Sendable, Hashable {
    /// Where the event came; nil for the crossing without events.
    package var rip: UInt64?
    package var event: EventKind?
    /// All of it.
    package var digest: UInt64
    /// The end, what user mode sees there, and memory.
    package var outcome: UInt64
    /// The end, and what user mode sees there.
    package var view: UInt64

    package init(rip: UInt64?, event: EventKind?, digest: UInt64, outcome: UInt64, view: UInt64) {
      (self.rip, self.event, self.digest, self.outcome, self.view) = (rip, event, digest, outcome, view)
    }
  }

  package private(set) var entries: [Entry] = []
  /// Words, by their physical address divided by 8, in which nothing is alive.
  /// Nil where they are still to be found.
  package var dead: Set<UInt64>?

  /// Pages of RAM, by their numbers, that are page tables at the crossing: their flags for accessed and dirty are no difference.
  package var tables: Set<Int> = []

  package init(entries: [Entry] = []) { self.entries = entries }

  /// A log of the same section, to be compared with `other`.
  package init(comparableWith other: PathLog) { (dead, tables) = (other.dead, other.tables) }

  /// The crossing without events is over, in the fork that it began in.
  package mutating func add(_ run: Run, _ ending: UInt64) {
    add(nil, nil, ending, run, sinceFork: run.memory.depth)
  }

  /// - Parameter depth: the fork of the crossing.
  mutating func add(_ rip: UInt64?, _ event: EventKind?, _ ending: UInt64, _ run: Run, sinceFork depth: Int) {
    var words: UInt64 = 0
    run.memory.forEachChangedWord(sinceFork: depth) { word, before, after in
      if dead?.contains(word) ?? false { return }
      let ignored = tables.contains(Int(word >> 9)) ? Processor.accessedAndDirty : 0
      if (before ^ after) & ~ignored != 0 { words &+= Self.mixed(word, after & ~ignored) }
    }
    entries.append(
      Entry(
        rip: rip, event: event, digest: Self.mixed(run.digest.closed(by: ending), words),
        outcome: Self.mixed(ending, words), view: ending))
  }

  /// A number that is another one whenever one of the two is: the finalizer of MurmurHash3 (Appleby), twice.
  private static func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
    func mix(_ word: UInt64) -> UInt64 {
      var word = word
      word = (word ^ word >> 33) &* 0xFF51_AFD7_ED55_8CCD
      word = (word ^ word >> 33) &* 0xC4CE_B9FE_1A85_EC53
      return word ^ word >> 33
    }
    return mix(mix(a) &+ b)
  }

  /// Whether both logs are of the same paths and tell the same of each, but for events that came at one of the addresses.
  package func isSame(as other: PathLog, butAt addresses: Set<UInt64>) -> Bool {
    func rest(_ log: PathLog) -> [Entry] { log.entries.filter { !($0.rip.map(addresses.contains) ?? false) } }
    return rest(self) == rest(other)
  }

  /// Whether every path ends as one of the other log's with the same event does, whatever lies between.
  ///
  /// Where an event comes at an address at which the other has no such event there is none to be compared with, and a handler that takes down where it
  /// was called leaves another word by that alone: of these paths what user mode sees must be what it sees of others.
  package func endsAsSome(of other: PathLog) -> Bool {
    let known = Dictionary(grouping: other.entries, by: \.event)
    let places = known.mapValues { Set($0.map(\.rip)) }
    let (outcomes, views) = (known.mapValues { Set($0.map(\.outcome)) }, known.mapValues { Set($0.map(\.view)) })
    return entries.allSatisfy { entry in
      places[entry.event]?.contains(entry.rip) ?? true
        ? outcomes[entry.event]?.contains(entry.outcome) ?? false : views[entry.event]?.contains(entry.view) ?? false
    }
  }
}
