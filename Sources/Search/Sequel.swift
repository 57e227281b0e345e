/// What events leave that are not over where their handlers return: the rest of one such trial, run to its end and judged, is the rest of
/// others that have left the same. The rule and its proof are in Documentation/Pruning.md, "The third rule".
import Execution
import Findings
import Machine

/// What an event has left at the boundary to which its handler returned, where the processor's state is what it was.
struct Aftermath {
  /// The platform's state: see `PlatformComputer.settledPlatform`.
  let platform: Int
  /// How many nanoseconds it took.
  let duration: UInt64
  /// Bytes of RAM that hold something else than before, by word, ascending.
  let changes: [Bytes]

  init(since place: Prospect, until end: Prospect, changes: [Bytes]) {
    platform = end.platform
    duration = end.fineTime &- place.fineTime
    self.changes = changes
  }
}

/// The rest of a trial, from the boundary of a course to which its handler returned. As long as the course neither reads what the event left nor
/// reaches the platform, the trial went where the course goes, with what was left beside it.
final class Sequel {
  /// How the trial began to be run to its end.
  struct Start {
    let aftermath: Aftermath
    /// The boundary of the course, and how many accesses of it lay behind.
    let place: Prospect
    let behind: Int
    /// Of the trial, up to its handler's return.
    let digest: RunDigest
    /// What had been stored to code and page tables when the handler had returned.
    let stores: Continuation.Stores
    let deliveries: Int
    let boundary: Int
  }

  let start: Start
  let rest: Course
  /// What the event left and the course has not overwritten since.
  private(set) var changes: [Bytes]
  /// The trial stands where the course stands, but for what the event left.
  private(set) var isBeside = true
  private var cursor: Int
  /// How many boundaries it went before an event was delivered in it.
  private let calm: UInt64

  /// - Parameter delivered: the boundary of the trial behind which an event was delivered first; nil for none.
  init(_ start: Start, rest: Course, delivered: Int?) {
    self.start = start
    self.rest = rest
    changes = start.aftermath.changes
    cursor = start.behind
    // The delivery's own boundary, and the one before it, at which it was due.
    calm = delivered.map { UInt64(max(0, $0 - start.boundary - 2)) } ?? .max
  }

  /// The course has made these accesses so far.
  func advance(to made: ContiguousArray<RAMAccess>) {
    guard isBeside else { return }
    while cursor < made.count {
      let access = made[cursor]
      cursor += 1
      let place = changes.partition(ofWord: access.word)
      guard place < changes.count, changes[place].word == access.word else { continue }
      let mask = Bytes.mask(access.bytes)
      if !access.isStore && changes[place].mask & mask != 0 {
        isBeside = false
        return
      }
      if access.isStore { changes[place].remove(mask) }
    }
    rest.advance(to: made, behind: start.behind)
    isBeside = rest.isInStep
  }

  /// It went as far as there without an event.
  func reaches(_ place: Prospect) -> Bool { isBeside && place.position &- start.place.position <= calm }

  /// How long the rest took from there on.
  func duration(from place: Prospect) -> UInt64 {
    rest.end &- (start.place.fineTime &+ start.aftermath.duration) &- (place.fineTime &- start.place.fineTime)
  }

  /// What it did from there on, where the course had done so much.
  func digest(behind done: RunDigest) -> RunDigest {
    var until = start.digest
    until.append(done.rest(behind: start.place.digest))
    return rest.digest.rest(behind: until)
  }
}

extension [Bytes] {
  /// Where a word stands among these, which ascend, or would.
  fileprivate func partition(ofWord word: UInt64) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].word < word { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// The last sequels of an event along a course, and when another is worth its price.
struct Sequels: Sequence {
  private var all: [Sequel] = []
  /// How often another was made since one was of use, and the boundary of the course before which none is made.
  private var vain = 0
  private var next = 0

  private static let most = 2
  /// The longest pause is two to this power.
  private static let longestPause = 10

  func makeIterator() -> [Sequel].Iterator { all.makeIterator() }

  /// To take a rest down takes several times as long as to run it.
  mutating func areWanted(at boundary: Int) -> Bool {
    guard boundary >= next else { return false }
    next = boundary + 1 << Swift.min(vain, Self.longestPause)
    vain += 1
    return true
  }

  mutating func add(_ sequel: Sequel) { all = [sequel] + all.filter(\.isBeside).prefix(Self.most - 1) }

  mutating func wereOfUse() { vain = 0 }

  mutating func end() { all = [] }
}
