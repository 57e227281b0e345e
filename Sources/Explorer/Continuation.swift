/// When the rest of a run is known: the rules of Documentation/Pruning.md, and nothing else.
import Findings
import Invariants
import Machine

final class Continuation {
  private let computer: any PlatformComputer
  /// Pages that user mode can write.
  private let userPages: Set<Int>
  /// How many forks were open when the crossing began.
  private let depth: Int
  /// Pages that were used as page tables, and pages that instructions touched, in any run that was taken down.
  private var tables: Set<Int> = []
  private var touched: Set<Int> = []
  /// No instruction touched a page table, so translations stay what they are but for their A and D flags.
  private var tablesStay = true
  private var known = KnownTrials()
  private let evictions: Int

  init(_ computer: any PlatformComputer, userPages: Set<Int>) {
    self.computer = computer
    self.userPages = userPages
    depth = computer.processor.memory.depth
    evictions = computer.processor.codeEvictions
  }

  private var processor: Processor { computer.processor }
  private var memory: PhysicalMemory { computer.processor.memory }

  /// Nothing that was taken down forbids the rules.
  private var isSound: Bool { tablesStay && processor.codeEvictions == evictions }

  // MARK: What is taken down

  /// The run that was taken down from a boundary on, which broke nothing and is back in user mode.
  func course(_ footprint: Footprint, of run: Run, ending: UInt64, codeStores: Int) -> Course? {
    let course = Course(
      footprint, digest: run.digest, ending: ending, end: processor.position, time: processor.now)
    note(course.pages, footprint.tables)
    return isSound && processor.codeStores == codeStores ? course : nil
  }

  private func note(_ pages: some Sequence<Int>, _ tables: Set<Int>) {
    for page in pages where touched.insert(page).inserted && self.tables.contains(page) { tablesStay = false }
    for page in tables where self.tables.insert(page).inserted && touched.contains(page) { tablesStay = false }
  }

  // MARK: The first rule: back where it was

  /// The trial stands where it was injected, and its rest is that of the course.
  func isKnown(_ run: Run, since place: Prospect, codeStores: Int, along course: Course) -> Bool {
    guard isSound, course.isInStep, processor.codeStores == codeStores, fits(course, from: place),
      Prospect(run).goesOn(as: place)
    else { return false }
    return memory.forEachChangedWord { word, before, after in
      let page = Int(word >> 9)
      if course.tables.contains(page) { return (before ^ after) & ~Self.accessedAndDirty == 0 && !course.isLive(word) }
      return isDead(word, along: course)
    }
  }

  /// The A and D flags of a page-table entry.
  private static let accessedAndDirty: UInt64 = 0x60

  private func isDead(_ word: UInt64, along course: Course) -> Bool {
    let page = Int(word >> 9)
    return !course.isLive(word) && !userPages.contains(page) && !memory.holdsCode(page: page)
  }

  /// From here the course takes no longer than the clock stands still, although it began later by what lies behind the place.
  private func fits(_ course: Course, from place: Prospect, later: UInt64 = 0) -> Bool {
    course.time == place.time && processor.now == place.time
      && processor.instructionsLeftInStep > course.end &- place.position &+ later
  }

  // MARK: The second rule: as it was before

  /// A trial of the event that is known to do here what it did there, and whose rest is that of the course.
  func known(_ event: EventKind, at place: Prospect, of run: Run, along course: Course) -> KnownTrial? {
    guard isSound, course.isInStep else { return nil }
    return known.at(place.state.hashValue, event).first { trial in
      fits(course, from: place, later: trial.length) && place.goesOn(as: trial.place)
        && place.monitors.areApart(from: trial.stackPointers) && trial.place.monitors.areApart(from: trial.stackPointers)
        && trial.untouched.allSatisfy { !memory.isWritten(page: $0, sinceFork: depth) }
        && trial.reads.allSatisfy { memory[word: $0.word] == $0.value }
        && trial.writes.allSatisfy { isDead($0, along: course) && !tables.contains(Int($0 >> 9)) }
    }
  }

  func isWanted(_ event: EventKind, at place: Prospect) -> Bool {
    isSound && known.isWanted(at: place.state.hashValue, event)
  }

  /// Keeps a trial whose rest turned out to be known, and that was taken down from its injection on.
  func keep(_ event: EventKind, at place: Prospect, _ footprint: Footprint, of run: Run, digest: RunDigest, onOwnStack: Bool) {
    var first: [UInt64: Bool] = [:]
    var written: Set<UInt64> = []
    var order: [UInt64] = []
    for access in footprint.accesses {
      let (word, isWrite) = (access >> 1, access & 1 == 1)
      if first[word] == nil {
        first[word] = !isWrite
        order.append(word)
      }
      if isWrite { written.insert(word) }
    }
    note(Set(order.map { Int($0 >> 9) }), footprint.tables)
    guard isSound else { return }
    var reads: [(word: UInt64, value: UInt64)] = []
    var untouched: Set<Int> = []
    for word in order where first[word]! {
      let page = Int(word >> 9)
      if memory.isWritten(page: page, sinceFork: depth) {
        reads.append((word, memory.wordAtFork(word)))
      } else {
        untouched.insert(page)
      }
    }
    let writes = written.filter { !(first[$0]! && memory[word: $0] == memory.wordAtFork($0)) }
    known.keep(
      KnownTrial(
        place: place, reads: reads, untouched: Array(untouched), writes: Array(writes), stackPointers: run.stackPointers,
        digest: digest, length: processor.position &- place.position, onOwnStack: onOwnStack),
      at: place.state.hashValue, event)
  }
}
