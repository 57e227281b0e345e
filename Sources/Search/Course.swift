/// A run that was judged and broke nothing, with every byte that it read and wrote: another run that comes to stand where it stood
/// need not be run to its end. The rule and its proof are in Documentation/Pruning.md.
import Execution
import Findings
import Machine

final class Course {
  /// Pages of RAM, as far as the run touched them; and of each page where in `live` it begins, -1 for nowhere.
  private(set) var pages: [Int] = []
  private var slots: [Int32]
  /// For each word of those pages, a bit for each byte that is read before it is written from here on.
  private var live: [UInt8] = []
  /// The accesses; where in `live` their words are; and which bytes of the words are live behind each.
  private let accesses: ContiguousArray<RAMAccess>
  private var places: [Int32] = []
  private var liveBehind: [UInt8] = []
  /// Accesses that lie behind.
  private(set) var cursor = 0
  /// It can be told where the run stands.
  private(set) var isInStep = true

  /// What events have left beside it.
  var sequels: [EventKind: Sequels] = [:]

  /// Pages that it used as page tables.
  let tables: Set<Int>
  /// The digest of the whole run, without its end; and the end.
  let digest: RunDigest
  let ending: UInt64
  /// What the clocks show at the end; and the nanoseconds that have passed by then.
  let time: UInt64
  let end: UInt64
  /// The position at which the last NMI was delivered; 0 for none. Behind the last no other was wanted: it would have been delivered
  /// when NMIs were let in again, as they are in the end.
  let lastNMI: UInt64
  /// How many accesses had been made when DR6 was read last; -1 where it was not. Where events are not delivered by FRED it is looked at in the end.
  private let debugStatusRead: Int

  /// - Parameters:
  ///   - count: how many pages of RAM there are.
  ///   - endsWithDebugStatus: what DR6 holds in the end is judged.
  init(
    _ footprint: Footprint, ofPages count: Int, digest: RunDigest, ending: UInt64, time: UInt64, end: UInt64,
    lastNMI: UInt64, endsWithDebugStatus: Bool
  ) {
    slots = Array(repeating: -1, count: count)
    accesses = footprint.accesses
    tables = footprint.tables
    self.digest = digest
    self.ending = ending
    self.time = time
    self.end = end
    self.lastNMI = lastNMI
    debugStatusRead = endsWithDebugStatus ? .max : footprint.debugStatusRead ?? -1
    places.reserveCapacity(accesses.count)
    var lastPage = -1
    var slot = 0
    for access in accesses {
      let page = Int(access.word >> 9)
      if page != lastPage {
        lastPage = page
        if slots[page] < 0 {
          slots[page] = Int32(pages.count << 9)
          pages.append(page)
        }
        slot = Int(slots[page])
      }
      places.append(Int32(slot | Int(access.word & 511)))
    }
    live = Array(repeating: 0, count: pages.count << 9)
    liveBehind = Array(repeating: 0, count: accesses.count)
    for i in accesses.indices.reversed() {
      let place = Int(places[i])
      liveBehind[i] = live[place]
      if accesses[i].isStore { live[place] &= ~accesses[i].bytes } else { live[place] |= accesses[i].bytes }
    }
  }

  /// The run is gone along a second time, and has made these accesses so far, behind as many as `start`.
  func advance(to made: ContiguousArray<RAMAccess>, behind start: Int = 0) {
    for sequel in sequels.values.joined() { sequel.advance(to: made) }
    guard isInStep else { return }
    while start + cursor < made.count {
      guard cursor < accesses.count, accesses[cursor] == made[start + cursor] else {
        isInStep = false
        return
      }
      live[Int(places[cursor])] = liveBehind[cursor]
      cursor += 1
    }
  }

  /// It reaches the platform, or an event is delivered in it: what goes on beside it may not any more.
  func endSequels() { for event in sequels.keys { sequels[event]!.end() } }

  /// DR6 may be read from here on.
  var readsDebugStatus: Bool { debugStatusRead >= cursor }

  /// Where in `live` the page begins; nil where the run touches none of it.
  func slot(of page: Int) -> Int? { slots[page] < 0 ? nil : Int(slots[page]) }

  /// The bytes of the word that are read from here on before they are written, a bit each.
  ///
  /// - Parameter slot: that of the word's page.
  func liveBytes(of word: UInt64, in slot: Int) -> UInt8 { live[slot | Int(word & 511)] }
}
