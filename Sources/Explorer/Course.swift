/// A run that was judged and broke nothing, with every word that it read and wrote: another run that comes to stand where it stood
/// need not be run to its end. The rule and its proof are in Documentation/Pruning.md.
import Machine

final class Course {
  /// Words of RAM by page, as far as the run touched them.
  private var slots: [Int: Int] = [:]
  /// For each slot, a bit for each word that is read before it is written from here on.
  private var live: [UInt64] = []
  /// The accesses, as places in `live`; and whether the word is live behind each.
  private var places: [Int32] = []
  private var liveBehind: [Bool] = []
  private let accesses: ContiguousArray<UInt64>
  /// Accesses that lie behind.
  private var cursor = 0
  /// It can be told where the run stands.
  private(set) var isInStep = true

  /// Pages that it used as page tables.
  let tables: Set<Int>
  /// The digest of the whole run, without its end; and the end.
  let digest: RunDigest
  let ending: UInt64
  /// The position at the end, and the time.
  let end: UInt64
  let time: UInt64

  init(_ footprint: Footprint, digest: RunDigest, ending: UInt64, end: UInt64, time: UInt64) {
    accesses = footprint.accesses
    tables = footprint.tables
    self.digest = digest
    self.ending = ending
    self.end = end
    self.time = time
    places.reserveCapacity(accesses.count)
    var lastPage = -1
    var lastSlot = 0
    for access in accesses {
      let word = access >> 1
      let page = Int(word >> 9)
      if page != lastPage {
        lastPage = page
        if let known = slots[page] {
          lastSlot = known
        } else {
          lastSlot = slots.count
          slots[page] = lastSlot
        }
      }
      places.append(Int32(lastSlot << 9 | Int(word & 511)))
    }
    live = Array(repeating: 0, count: slots.count * 8)
    liveBehind = Array(repeating: false, count: accesses.count)
    for i in accesses.indices.reversed() {
      let place = Int(places[i])
      liveBehind[i] = live[place >> 6] >> UInt64(place & 63) & 1 != 0
      set(place, accesses[i] & 1 == 0)
    }
  }

  private func set(_ place: Int, _ isLive: Bool) {
    let bit: UInt64 = 1 << UInt64(place & 63)
    if isLive { live[place >> 6] |= bit } else { live[place >> 6] &= ~bit }
  }

  /// Pages that its instructions touched.
  var pages: Dictionary<Int, Int>.Keys { slots.keys }

  /// The run is gone along a second time, and has made these accesses so far.
  func advance(to made: ContiguousArray<UInt64>) {
    guard isInStep else { return }
    while cursor < made.count {
      guard cursor < accesses.count, accesses[cursor] == made[cursor] else {
        isInStep = false
        return
      }
      set(Int(places[cursor]), liveBehind[cursor])
      cursor += 1
    }
  }

  /// The word is read from here on before it is written.
  func isLive(_ word: UInt64) -> Bool {
    guard let slot = slots[Int(word >> 9)] else { return false }
    let place = slot << 9 | Int(word & 511)
    return live[place >> 6] >> UInt64(place & 63) & 1 != 0
  }
}
