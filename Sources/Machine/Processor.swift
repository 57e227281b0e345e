/// One x86-64 processor: its state, its memory, its caches, and the way in for a platform.
///
/// The machine knows nothing of a board, a hypervisor or a kernel. It runs until something needs the platform and says what
/// (`Exit`); the platform acts and runs it again. Time is the number of retired instructions plus the time spent halted, in
/// nanoseconds: nothing reads the host's clock (`Clock.swift`).
/// Not modelled: more than one processor, real-address and virtual-8086 mode, task switches, SMM, virtualisation.
public final class Processor {
  public let memory: PhysicalMemory
  public let profile: Profile

  // SAFETY: one allocation that lives as long as the processor. MEASURED: hot state in class properties costs 4 to 5 times.
  let s: UnsafeMutablePointer<ProcessorState>
  /// The register file, by byte offset: the state's own first bytes.
  let r: UnsafeMutableRawPointer

  let readCache = TranslationCache()
  let writeCache = TranslationCache()
  let fetchCache = TranslationCache()
  var readTranslations: UnsafeMutablePointer<TranslationEntry>
  var writeTranslations: UnsafeMutablePointer<TranslationEntry>
  var blocks: BlockCache
  let decoder: Decoder

  /// Context of each PCID since its last flush; 0 where none was made.
  let contextOfPCID: UnsafeMutablePointer<UInt32>
  /// How many flushes of everything there had been when that was made: it holds as long as there is none more.
  let flushesOfPCID: UnsafeMutablePointer<UInt64>
  var flushes: UInt64 = 1
  var nextContext: UInt32 = 1
  /// What the instruction dropped that is being executed, where it is one that does.
  var droppedTranslations = DroppedTranslations.none
  var fetchGeneration: UInt64 = 0
  /// Linear range in which large pages were cached as 4 KiB pieces.
  var largePages: (low: UInt64, high: UInt64) = (~0, 0)

  /// How often a block is interpreted before it is translated to host code; `Block.untranslatable` or more is never.
  public var translationThreshold: UInt16 = 64
  /// Blocks that were translated since the machine was made.
  public internal(set) var translatedBlockCount = 0
  /// Instructions that were decoded since the machine was made.
  public internal(set) var decodedInstructionCount = 0

  /// Something must be looked at before the next instruction: a debug trap, an interrupt, a shadow, single-stepping.
  var attention = false

  /// Where ports and all memory that is no RAM lead. While there is none, every read is all ones. It has to live as long as the processor
  /// runs. MEASURED: `weak` made every retain of the computer, which is the bus, a slow one, some 3 % of a search.
  public unowned var bus: (any Bus)?
  /// The bus was used, or a register written that the local APIC shares, since a run stopped last: the platform has to look.
  var deviceWasAccessed = false
  /// Blocks of several instructions run: retired instructions and time are not up to date.
  var isInBlocks = false

  /// Hears every access and event. While somebody listens nothing is cached, so each access takes the slow path.
  public var observer: (any Observer)? {
    didSet { flushTranslations() }
  }

  /// Takes down every access. While it does each takes the slow path, as for an observer, but a page is walked once.
  public var footprint: Footprint? {
    didSet {
      takenDown = footprint.map { .passUnretained($0) }
      flushTranslations()
    }
  }
  /// The same, for guest accesses. MEASURED: to retain it for each took 4 % of a search.
  /// SAFETY: `footprint` holds it.
  var takenDown: Unmanaged<Footprint>?
  /// The physical address of a byte that somebody wants to hear of: a store to it ends a run at the boundary behind it. Nil for nobody, as
  /// behind `restore`.
  public var heardByte: UInt64? {
    didSet {
      guard heardByte != oldValue else { return }
      heardPage = heardByte.map { Int($0 >> 12) } ?? -1
      if heardPage >= 0 { dropWriteTranslations(toPage: heardPage) }
    }
  }
  /// The page that it lies on, whose stores all take the slow path; -1 for none.
  var heardPage = -1
  /// The instruction that stored there, until somebody asks.
  var heardStore: UInt64?
  /// Stores to decoded code, since the machine was made.
  public internal(set) var codeStores = 0
  /// Stores to pages that were read as page tables while the processor was watched.
  public internal(set) var tableStores = 0
  /// How often a page changed that was read as a page table, by whatever changed it.
  var tableChanges = 0
  var kept = KeptTranslations()
  /// See `entryState`.
  var knownGates: (gates: KnownGates, digest: UInt64)?
  /// How often all decoded code was given up for want of room.
  public internal(set) var codeEvictions = 0

  /// Set by a platform that owns the IDT: events become exits. Not part of the state that forks and snapshots hold.
  public var interception: Interception?

  /// A page that user mode may write although its translation is read-only, for a platform that checks what is written. Such a
  /// write leaves the D flags alone.
  var unprotectedPage = Processor.noStop
  /// What a guarded step did, for an observer that has not heard of it yet.
  var recorded: (StoreRecorder, any Observer)?

  /// Transitions are noted, and a run stops behind each. See `Watching/Processor+Watching.swift`.
  public var isWatched = false
  public internal(set) var transitions: [Transition] = []
  /// The instruction for which a platform acts between two stretches of its guest; nil where RIP still stands at it.
  public var actsFor: UInt64?
  /// What a guarded step noted, until it is decided whether it stands.
  var guardedTransitions: [Transition] = []
  /// A run is to stop at the next boundary.
  public internal(set) var isStopRequested = false
  /// The fault that is about to be delivered is one of an instruction that returns.
  var returnFaulted = false

  /// An instruction address at which a run stops before the instruction is executed. Not canonical where there is none.
  var stopAddress = Processor.noStop
  static let noStop: UInt64 = 1 << 63
  /// An address that the page tables of a guest's kernel hold, and those of its user do not; nil where no hypervisor runs inside.
  public var guestKernel: UInt64?
  /// Code of which every instruction is a block of its own, so that a run can stop there.
  var splitCode: [Range<UInt64>] = []
  /// Code, by linear address, at whose every instruction a watched run stops.
  public var watchedCode: [Range<UInt64>] = [] {
    didSet { for range in watchedCode { split(range) } }
  }

  /// How the clock goes: see `Clock.swift`.
  var clockOrigin: UInt64 = 0
  var clockMask: UInt64 = 0

  var forks: [ProcessorState] = []

  public init(memory: PhysicalMemory, profile: Profile) {
    self.memory = memory
    self.profile = profile
    decoder = Decoder(countsTrailingZeros: profile.hasBMI1, countsLeadingZeros: profile.hasLZCNT)
    s = .allocate(capacity: 1)
    s.initialize(to: ProcessorState())
    r = UnsafeMutableRawPointer(s)
    precondition(
      MemoryLayout<ProcessorState>.offset(of: \.registers) == 0, "the register file is the state's first property")
    readTranslations = readCache.set(.supervisor)
    writeTranslations = writeCache.set(.supervisor)
    blocks = BlockCache(pageCount: memory.size / PhysicalMemory.pageSize)
    contextOfPCID = .allocate(capacity: 4096)
    contextOfPCID.initialize(repeating: 0, count: 4096)
    flushesOfPCID = .allocate(capacity: 4096)
    flushesOfPCID.initialize(repeating: 0, count: 4096)
    flushTranslations()
  }

  deinit {
    s.deallocate()
    readCache.deallocate()
    writeCache.deallocate()
    fetchCache.deallocate()
    blocks.deallocate()
    contextOfPCID.deallocate()
    flushesOfPCID.deallocate()
  }

  // MARK: State, for those who look

  public var state: ProcessorState { s.pointee }

  public subscript(register: GeneralRegister) -> UInt64 {
    get { s.pointee.registers[register.rawValue] }
    set { s.pointee.registers[register.rawValue] = newValue }
  }

  public var rip: UInt64 {
    get { s.pointee.rip }
    set { s.pointee.rip = newValue }
  }

  public var rflags: RFLAGS {
    get { s.pointee.rflags }
    set {
      s.pointee.rflags = newValue
      updateView()
    }
  }

  public func segment(_ name: SegmentName) -> SegmentRegister { s.pointee.segments[name.rawValue] }
  public func segmentBase(_ name: SegmentName) -> UInt64 { s.pointee.registers[20 + name.rawValue] }

  /// Changes a segment base: for a hypervisor, and for whoever plays the user program or removes a guard.
  public func setSegmentBase(_ name: SegmentName, _ base: UInt64) {
    let before = standing
    s.pointee.registers[20 + name.rawValue] = base
    noteChange(.gsBase, since: before, \.gsBase)
  }

  // MARK: Forks

  /// Opens a fork of memory and state. Translation caches start empty, so that every run from here is the same.
  public func fork() {
    memory.fork()
    forks.append(s.pointee)
    flushTranslations()
  }

  /// Goes back to the innermost fork, which stays open.
  public func restore() {
    precondition(!forks.isEmpty, "restore needs an open fork")
    memory.restore { page in
      if memory.codeLines[page] != 0 { dropCode(page: page) }
      noteTableChange(page: page)
    }
    s.pointee = forks[forks.count - 1]
    heardByte = nil
    flushTranslations()
  }

  /// Closes the innermost fork and keeps what happened since.
  public func drop() {
    precondition(!forks.isEmpty, "drop needs an open fork")
    memory.drop()
    forks.removeLast()
    flushTranslations()
  }

  /// Replaces the whole state, as when a snapshot is loaded.
  public func setState(_ state: ProcessorState) {
    s.pointee = state
    blocks.removeAll()
    flushTranslations()
  }

  /// Writes guest RAM as a device or loader would. False, and nothing written, unless all of it is RAM.
  @discardableResult
  public func writePhysical(_ bytes: some Collection<UInt8>, at address: UInt64) -> Bool {
    guard memory.write(bytes, at: address) else { return false }
    if bytes.isEmpty { return true }
    footprint?.write(address, size: bytes.count)
    noteStore(address, size: bytes.count)
    dropCode(at: address, count: bytes.count)
    return true
  }

  /// Writes where the current address space maps `linear`; false, and nothing written, unless all is mapped RAM.
  @discardableResult
  public func write(_ bytes: [UInt8], atLinear linear: UInt64) -> Bool {
    var pieces: [(UInt64, ArraySlice<UInt8>)] = []
    var done = 0
    while done < bytes.count {
      let at = linear &+ UInt64(done)
      let piece = min(bytes.count - done, Int(4096 - (at & 0xFFF)))
      guard let physical = physicalAddress(of: at), memory.contains(physical, count: piece) else { return false }
      pieces.append((physical, bytes[done..<done + piece]))
      done += piece
    }
    for (address, piece) in pieces { writePhysical(piece, at: address) }
    return true
  }

  // MARK: Caches

  /// Drops decoded code whose lines the bytes touch. `isStore` says that the guest stored them, rather than somebody from outside.
  func dropCode(at address: UInt64, count: Int, isStore: Bool = false) {
    let last = address &+ UInt64(count - 1)
    for page in Int(address >> 12)...Int(last >> 12) {
      let marks = memory.codeLines[page]
      if marks == 0 { continue }
      let from = page == Int(address >> 12) ? (address & 0xFFF) >> 6 : 0
      let to = page == Int(last >> 12) ? (last & 0xFFF) >> 6 : 63
      let touched = (~UInt64(0) << from) & (~UInt64(0) >> (63 - to))
      if marks & touched != 0 { dropCode(page: page, isStore: isStore) }
    }
  }

  func dropCode(page: Int, isStore: Bool = false) {
    codeStores &+= 1
    if isStore { blocks.noteDrop(page: page, at: s.pointee.retired) }
    if blocks.pages[page] != nil {
      blocks.kill(page: page)
      changeFetchKey()
    }
    // The marks of a page that is written again and again stay: taking them away and setting them anew costs more.
    if !isStore || !blocks.isOftenDropped(page: page, now: s.pointee.retired) { memory.codeLines[page] = 0 }
  }

  /// Drops every cached translation.
  func flushTranslations() {
    // Entries of a context that is not current never match, so a new context is as good as an empty cache.
    flushes &+= 1
    kept.dropStores()
    droppedTranslations = .all
    largePages = (~0, 0)
    enterContext()
    updateView()
  }

  var currentPCID: Int {
    usesPCIDs ? Int(s.pointee.cr3 & 0xFFF) : Int(s.pointee.addressSpace)
  }

  /// Makes the context of the current PCID the one that is looked up.
  func enterContext() {
    let pcid = currentPCID
    if contextOfPCID[pcid] != 0 && flushesOfPCID[pcid] == flushes { return noteTables(of: contextOfPCID[pcid]) }
    flushesOfPCID[pcid] = flushes
    if let context = keptContext() {
      contextOfPCID[pcid] = context
      return
    }
    contextOfPCID[pcid] = nextContext
    nextContext &+= 1
    if UInt64(nextContext & 0xFFF) == TranslationCache.disabledTag { startContextsAnew(with: pcid) }
    keepContext(contextOfPCID[pcid])
  }

  /// The tags are used up: starts again with empty caches.
  private func startContextsAnew(with pcid: Int) {
    nextContext &+= 2
    if nextContext < contextOfPCID[pcid] {
      // So are the numbers, and with them go the jump targets.
      contextOfPCID.update(repeating: 0, count: 4096)
      blocks.clearJumps()
    }
    flushes &+= 1
    flushesOfPCID[pcid] = flushes
    kept.forget()
    readCache.clear()
    writeCache.clear()
    fetchCache.clear()
    contextOfPCID[pcid] = nextContext
    nextContext &+= 1
  }

  /// Follows a change of privilege, AC, paging mode or code segment.
  @inline(__always)
  func updateView() {
    let context = contextOfPCID[currentPCID]
    let uncached = observer != nil || footprint != nil || alignmentChecked
    s.pointee.translationTag = uncached ? TranslationCache.disabledTag : UInt64(context & 0xFFF)
    let view = dataView
    readTranslations = readCache.set(view)
    writeTranslations = writeCache.set(view)
    s.pointee.fetchKey =
      UInt64(context) << 32 | (fetchGeneration & 0xFF_FFFF) << 8 | (s.pointee.cpl == 3 ? 4 : 0)
      | UInt64(s.pointee.codeMode.rawValue)
    updateAttention()
  }

  /// Makes every cached jump target be looked up again.
  func changeFetchKey() {
    fetchGeneration &+= 1
    if fetchGeneration & 0xFF_FFFF == 0 { blocks.clearJumps() }
    s.pointee.fetchKey = s.pointee.fetchKey & ~0xFFFF_FF00 | (fetchGeneration & 0xFF_FFFF) << 8
  }

  func noteLargePage(_ linear: UInt64, _ bytes: UInt64) {
    let start = linear & ~(bytes &- 1)
    if start < largePages.low { largePages.low = start }
    if start &+ (bytes &- 1) > largePages.high { largePages.high = start &+ (bytes &- 1) }
  }

  /// INVLPG: drops the page in every context; a piece of a large page takes the whole cache with it.
  func dropTranslation(of linear: UInt64) {
    if linear >= largePages.low && linear <= largePages.high {
      flushTranslations()
    } else {
      readCache.drop(page: linear)
      writeCache.drop(page: linear)
      fetchCache.drop(page: linear)
    }
    changeFetchKey()
  }
}

/// Hears what the machine does. Every method is called after the fact.
public protocol Observer: AnyObject {
  func read(_ linear: UInt64, size: Int, value: UInt64)
  func wrote(_ linear: UInt64, size: Int, value: UInt64)
  /// An event was delivered: its frame is on the stack and RIP at the handler.
  func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64)
}
