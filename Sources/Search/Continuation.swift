/// When the rest of a run is known: the rules of Documentation/Pruning.md, and nothing else.
import Execution
import Findings
import Invariants
import Machine
import Platform
import Subjects

final class Continuation {
  private let computer: any PlatformComputer
  /// Bytes by which the kernel is entered next, and its counts: they are read in the end.
  private let entryBytes: [UInt64: UInt8]
  /// What is known of each page of RAM.
  private var marks: [Marks]
  /// How many forks were open when the crossing began.
  private let depth: Int
  /// No instruction touched a page table, so translations stay what they are but for their A and D flags.
  private var tablesStay = true
  /// Pages that a run stored to that was taken down, and whether instructions were fetched from none of them.
  private var stored: [Int] = []
  private var codeStays = true
  /// How many pages of each there were when that was looked at last.
  private var asked = (0, 0)
  private var known = KnownTrials()
  private let uses: ByteUses
  private let evictions: Int

  init(_ computer: any PlatformComputer, userPages: Set<Int>, stackWord: UInt64?, counts: [NestingCount]) {
    self.computer = computer
    var entryBytes = computer.entryBytes
    if let stackWord { entryBytes[stackWord >> 3] = 0xFF }
    for count in counts { entryBytes[count.word, default: 0] |= Bytes.of(count.mask) }
    self.entryBytes = entryBytes
    var marks = [Marks](repeating: [], count: computer.processor.memory.size / PhysicalMemory.pageSize)
    uses = ByteUses(pages: marks.count)
    // What is not RAM no run can change, and is in no footprint.
    for page in userPages where page < marks.count { marks[page].insert(.users) }
    for page in entryBytes.keys.map({ Int($0 >> 9) }) where page < marks.count { marks[page].insert(.entry) }
    self.marks = marks
    depth = computer.processor.memory.depth
    evictions = computer.processor.codeEvictions
    computer.processor.forgetUses()
  }

  /// What is known of a page of RAM.
  private struct Marks: OptionSet {
    var rawValue: UInt8

    /// User mode can write it.
    static let users = Marks(rawValue: 1)
    /// The kernel is entered next by a byte of it, or counts there.
    static let entry = Marks(rawValue: 2)
    /// In a run that was taken down it was used as a page table; an instruction touched it; an instruction stored to it.
    static let table = Marks(rawValue: 4)
    static let touched = Marks(rawValue: 8)
    static let stored = Marks(rawValue: 16)
  }

  private var processor: Processor { computer.processor }
  private var memory: PhysicalMemory { computer.processor.memory }

  /// Nothing that was taken down forbids the rules.
  private var isSound: Bool {
    if codeStays && asked != (stored.count, memory.executedPages) {
      asked = (stored.count, memory.executedPages)
      codeStays = !stored.contains { memory.wasExecuted(page: $0) }
    }
    return tablesStay && codeStays && processor.codeEvictions == evictions
  }

  // MARK: What is taken down

  /// The run that was taken down from a boundary on, which broke nothing and is back in user mode.
  ///
  /// - Parameter stores: those to code and page tables before it began.
  func course(_ footprint: Footprint, of run: Run, ending: UInt64, stores: Stores) -> Course? {
    let course = Course(
      footprint, ofPages: marks.count, digest: run.digest, ending: ending, time: processor.now, end: processor.fineTime,
      lastNMI: run.lastNMI, endsWithDebugStatus: !processor.deliversByFRED)
    note(course.pages, footprint)
    return isSound && Stores(processor) == stores ? course : nil
  }

  /// How many stores went to code and to page tables.
  struct Stores: Equatable {
    private let toCode: Int
    private let toTables: Int

    init(_ processor: Processor) { (toCode, toTables) = (processor.codeStores, processor.tableStores) }
  }

  private func note(_ pages: [Int], _ footprint: Footprint) {
    for access in footprint.accesses where access.isStore {
      let page = Int(access.word >> 9)
      if marks[page].insert(.stored).inserted { stored.append(page) }
    }
    for page in pages { marks[page].insert(.touched) }
    for page in footprint.tables { marks[page].insert(.table) }
    if pages.contains(where: { marks[$0].contains(.table) })
      || footprint.tables.contains(where: { marks[$0].contains(.touched) })
    {
      tablesStay = false
    }
  }

  // MARK: The first rule: back where it was

  /// The rules may be asked of a trial that had these stores behind it when it was injected.
  func isSound(since stores: Stores) -> Bool { isSound && Stores(processor) == stores }

  /// The trial stands where it was injected, and its rest is that of the course.
  func isKnown(_ end: Prospect, since place: Prospect, along course: Course) -> Bool {
    guard course.isInStep, fits(course, from: place),
      end.goesOn(
        as: place, hasNMIs: course.lastNMI > place.position, readsDebugStatus: course.readsDebugStatus)
    else { return false }
    let memory = memory
    var page = Page()
    return memory.forEachChangedWord { word, before, after in
      if page.number != word >> 9 { page = look(at: word >> 9, along: course) }
      let changed = before ^ after
      if Bytes.mask(liveBytes(of: word, on: page, along: course)) & changed != 0 { return false }
      return course.tables.contains(Int(page.number)) ? changed & ~Self.accessedAndDirty == 0 : page.isNobodys
    }
  }

  /// What decides of a page whether it matters that a byte of it is another.
  private struct Page {
    var number = UInt64.max
    /// User mode cannot write it, and no instruction was fetched from it since the search began.
    var isNobodys = false
    /// Where the course has it, if it touches it.
    var slot: Int?
    /// The kernel is entered by a byte of it.
    var hasEntryBytes = false
  }

  private func look(at number: UInt64, along course: Course) -> Page {
    let page = Int(number)
    return Page(
      number: number, isNobodys: !marks[page].contains(.users) && !memory.wasExecuted(page: page),
      slot: course.slot(of: page), hasEntryBytes: marks[page].contains(.entry))
  }

  private func liveBytes(of word: UInt64, on page: Page, along course: Course) -> UInt8 {
    let live = page.slot.map { course.liveBytes(of: word, in: $0) } ?? 0
    return page.hasEntryBytes ? live | entryBytes[word, default: 0] : live
  }

  /// The A and D flags of a page-table entry.
  private static let accessedAndDirty: UInt64 = 0x60

  /// From the place on the course takes no longer than the clock stands still, although it begins later by what was done there.
  private func fits(_ course: Course, from place: Prospect, later: UInt64 = 0) -> Bool {
    course.time == place.time && processor.now == place.time
      && processor.timeLeftInStep > course.end &- place.fineTime &+ later
  }

  // MARK: The second rule: as it was before

  /// A trial of the event that is known to do here what it did there, and whose rest is that of the course, or of a sequel.
  func known(_ event: EventKind, at place: Prospect, along course: Course) -> (trial: KnownTrial, rest: Rest)? {
    guard isSound, course.isInStep, let entry = known.at(place.key, event) else { return nil }
    let memory = memory
    for (index, trial) in entry.trials.enumerated() where doesTheSame(trial, at: place) {
      if trial.isOver, isOver(trial, at: place, along: course) {
        entry.wasOfUse(index)
        return (trial, Rest(course.digest.rest(behind: place.digest), course.ending))
      }
      guard let aftermath = trial.aftermath, place.goesOn(as: trial.place, apart: true) else { continue }
      if let rest = rest(of: event, aftermath, at: place, along: course, later: trial.duration, { memory[word: $0] }) {
        entry.wasOfUse(index)
        return (trial, rest)
      }
    }
    return nil
  }

  private func doesTheSame(_ trial: KnownTrial, at place: Prospect) -> Bool {
    let (memory, depth) = (memory, depth)
    return trial.reads.allSatisfy { $0.bytes.allSatisfy { memory[word: $0.word] & $0.mask == $0.value } }
      && place.monitors.areApart(from: trial.stackPointers)
      && trial.place.monitors.areApart(from: trial.stackPointers)
      && trial.untouched.allSatisfy { !memory.isWritten(page: $0, sinceFork: depth) }
  }

  private func isOver(_ trial: KnownTrial, at place: Prospect, along course: Course) -> Bool {
    fits(course, from: place, later: trial.duration) && (!trial.debugStatus.isChanged || !course.readsDebugStatus)
      && place.goesOn(
        as: trial.place, readsDebugStatus: trial.debugStatus.isRead || course.readsDebugStatus, apart: true)
      && (!trial.letsNMIsIn || course.lastNMI <= place.position) && areDead(trial.writes, along: course)
  }

  private func areDead(_ writes: [Bytes], along course: Course) -> Bool {
    var page = Page()
    return writes.allSatisfy { bytes in
      if page.number != bytes.word >> 9 {
        page = look(at: bytes.word >> 9, along: course)
        if !page.isNobodys || marks[Int(page.number)].contains(.table) { return false }
      }
      return Bytes.mask(liveBytes(of: bytes.word, on: page, along: course)) & bytes.mask == 0
    }
  }

  func isWanted(_ event: EventKind, at place: Prospect) -> Bool {
    isSound && known.isWanted(at: place.key, event)
  }

  /// The rest of a trial of the event was known, or was not: it says whether the next is worth being taken down.
  func note(_ event: EventKind, at place: Prospect, wasBack: Bool) {
    known.note(at: place.key, event, wasBack: wasBack)
  }

  /// Keeps a trial that came back to where it was injected, and that was taken down until then.
  ///
  /// - Parameters:
  ///   - end: where it has come back.
  ///   - isOver: the first rule ended it.
  func keep(
    _ event: EventKind, at place: Prospect, _ footprint: Footprint, until end: Prospect, digest: RunDigest,
    stackPointers: [UInt64], onOwnStack: Bool, isOver: Bool
  ) {
    uses.take(footprint.accesses)
    note(uses.pages, footprint)
    guard isSound else { return }
    let memory = memory
    var reads: [Bytes] = []
    var writes: [Bytes] = []
    var untouched: [Int] = []
    uses.forEachWord { word, read, written in
      let page = Int(word >> 9)
      let before = memory.wordAtFork(word)
      if read != 0 {
        if memory.isWritten(page: page, sinceFork: depth) {
          reads.append(Bytes(word, read, before))
        } else if untouched.last != page {
          untouched.append(page)
        }
      }
      if written == 0 { return }
      // What was read and holds the same again holds the same again wherever it is the same that is read.
      let after = memory[word: word]
      let changed = written & (~read | Bytes.of(before ^ after))
      if changed != 0 { writes.append(Bytes(word, changed, after)) }
    }
    known.keep(
      KnownTrial(
        place: place, reads: known.reads.share(reads), untouched: untouched, writes: writes,
        stackPointers: stackPointers,
        digest: digest, duration: end.fineTime &- place.fineTime, onOwnStack: onOwnStack,
        letsNMIsIn: !end.goesOn(as: place, readsDebugStatus: false),
        debugStatus: (footprint.debugStatusRead != nil, end.state.debugStatus != place.state.debugStatus),
        isOver: isOver, aftermath: end.goesOnBeside(place) ? Aftermath(since: place, until: end, changes: writes) : nil),
      at: place.key, event)
  }

  // MARK: The third rule: where another went on

  /// What is left of a trial: what it does, and its end.
  struct Rest {
    let digest: RunDigest
    let ending: UInt64

    init(_ digest: RunDigest, _ ending: UInt64) { (self.digest, self.ending) = (digest, ending) }
  }

  /// What a trial has left that stands where it was injected; nil where the processor, the run or what is said of it is another.
  func aftermath(_ end: Prospect, since place: Prospect) -> Aftermath? {
    guard end.goesOnBeside(place) else { return nil }
    var changes: [Bytes] = []
    _ = memory.forEachChangedWord { word, before, after in
      changes.append(Bytes(word, before: before, after: after))
      return true
    }
    changes.sort { $0.word < $1.word }
    return Aftermath(since: place, until: end, changes: changes)
  }

  /// The rest of a trial of the event that has left this: that of a sequel which has left the same there.
  ///
  /// - Parameters:
  ///   - later: how long what was not run of the trial takes.
  ///   - memory: a word of RAM as it was before the event.
  func rest(
    of event: EventKind, _ aftermath: Aftermath, at place: Prospect, along course: Course, later: UInt64 = 0,
    _ memory: (UInt64) -> UInt64
  ) -> Rest? {
    guard isSound, course.isInStep, processor.now == place.time, processor.timeLeftInStep > later,
      let sequels = course.sequels[event]
    else { return nil }
    // Between the two places the clock has not moved, in the course or in the sequel.
    for sequel in sequels where sequel.reaches(place) && sequel.start.place.time == place.time {
      guard sequel.start.aftermath.platform == aftermath.platform,
        sequel.start.aftermath.duration == aftermath.duration || fits(sequel, from: place, later: later),
        isSame(aftermath.changes, sequel.changes, along: sequel.rest, memory)
      else { continue }
      course.sequels[event]!.wereOfUse()
      return Rest(sequel.digest(behind: place.digest), sequel.rest.ending)
    }
    return nil
  }

  /// The same of a sequel.
  private func fits(_ sequel: Sequel, from place: Prospect, later: UInt64) -> Bool {
    sequel.rest.time == place.time && processor.timeLeftInStep > sequel.duration(from: place) &+ later
  }

  /// Whether what two trials have left is the same, as far as the rest of the second needs it.
  private func isSame(
    _ changes: [Bytes], _ others: [Bytes], along rest: Course, _ memory: (UInt64) -> UInt64
  ) -> Bool {
    var page = Page()
    var (i, j) = (0, 0)
    while i < changes.count || j < others.count {
      let one = i < changes.count ? changes[i] : .none
      let other = j < others.count ? others[j] : .none
      if one.word <= other.word { i += 1 }
      if other.word <= one.word { j += 1 }
      if one == other { continue }
      let word = min(one.word, other.word)
      let before = memory(word)
      let changed = (one.word == word ? one.over(before) : before) ^ (other.word == word ? other.over(before) : before)
      if changed == 0 { continue }
      if page.number != word >> 9 { page = look(at: word >> 9, along: rest) }
      if Bytes.mask(liveBytes(of: word, on: page, along: rest)) & changed != 0 { return false }
      let isTable = marks[Int(page.number)].contains(.table)
      guard isTable ? changed & ~Self.accessedAndDirty == 0 : page.isNobodys else { return false }
    }
    return true
  }
}
