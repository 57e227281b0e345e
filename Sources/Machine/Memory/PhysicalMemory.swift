/// Guest RAM: flat, with an undo log of first-written pages for each fork, and marks on lines that hold decoded code.
///
/// Forks nest. A fork is an epoch; the first write to a page in an epoch copies the page out. The check for a first write is
/// made when a write translation enters its cache, so later stores to the page pay nothing. A fork that was gone back to keeps its
/// copies, which still say what the pages hold: the next run that writes them copies nothing out.
#if canImport(Glibc)
  import Glibc
#endif

extension UnsafeMutablePointer where Pointee: BitwiseCopyable {
  /// Zeros, to be given back by `free`. Most of what is kept for each page is never touched, and the host gives no memory for it.
  static func zeros(_ count: Int) -> Self {
    guard let place = calloc(count, MemoryLayout<Pointee>.stride) else { preconditionFailure("memory for each page") }
    return place.bindMemory(to: Pointee.self, capacity: count)
  }
}

public final class PhysicalMemory {
  public static let pageSize = 4096

  /// Size in bytes, a multiple of the page size.
  public let size: Int
  // SAFETY: the mapping lives as long as this object; every access from outside checks `size` first.
  let base: UnsafeMutableRawPointer
  /// Pages that nothing touched hold the bytes of a file, and zeros otherwise.
  let isFile: Bool
  private let epochOfPage: UnsafeMutablePointer<UInt32>
  /// For each page, one bit for each 64-byte line that holds decoded instructions.
  let codeLines: UnsafeMutablePointer<UInt64>
  /// For each page, what it was used for since `forgetUses`, as `PageUse`; forks do not undo it.
  let uses: UnsafeMutablePointer<UInt8>
  /// How many pages instructions were fetched from since `forgetUses`.
  public internal(set) var executedPages = 0

  private struct SavedPage {
    var page: Int
    var previousEpoch: UInt32
    var copy: UnsafeMutableRawPointer
  }
  private struct Epoch {
    var identifier: UInt32
    /// Pages as they were when the fork was opened.
    var saved: [SavedPage] = []
    /// Which of them were written since the fork was opened or last gone back to.
    var written: [Int] = []
  }
  /// How many copies a fork keeps when it is gone back to, 2 MiB: more than the trials of a boundary write.
  private static let keptCopies = 512
  /// For each page, where the copy may be among those of the innermost fork.
  private let placeOfCopy: UnsafeMutablePointer<UInt32>
  private var epochs: [Epoch] = []
  private var currentEpoch: UInt32 = 0
  private var nextEpoch: UInt32 = 1
  private var freeCopies: [UnsafeMutableRawPointer] = []

  /// Zeroed RAM of `size` bytes, or the pages of an open file, privately mapped (writes stay in memory).
  ///
  /// Returns nil when the host has no room for the mapping.
  public init?(size: Int, privateCopyOf descriptor: Int32? = nil) {
    precondition(size > 0 && size % Self.pageSize == 0, "guest RAM is a whole number of pages")
    let flags = descriptor == nil ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_PRIVATE | MAP_NORESERVE
    guard let mapping = mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor ?? -1, 0), mapping != MAP_FAILED
    else { return nil }
    self.size = size
    base = mapping
    isFile = descriptor != nil
    let pages = size / Self.pageSize
    epochOfPage = .zeros(pages)
    placeOfCopy = .zeros(pages)
    codeLines = .zeros(pages)
    uses = .zeros(pages)
  }

  deinit {
    munmap(base, size)
    free(epochOfPage)
    free(placeOfCopy)
    free(codeLines)
    free(uses)
    for epoch in epochs { for saved in epoch.saved { saved.copy.deallocate() } }
    for copy in freeCopies { copy.deallocate() }
  }

  /// Whether `count` bytes at `address` are RAM.
  @inline(__always) public func contains(_ address: UInt64, count: Int) -> Bool {
    address < UInt64(size) && UInt64(count) <= UInt64(size) &- address
  }

  // MARK: Access by physical address

  /// The bytes at `address`; nil unless all are RAM.
  public func bytes(at address: UInt64, count: Int) -> [UInt8]? {
    guard count >= 0, contains(address, count: count) else { return nil }
    return [UInt8](UnsafeRawBufferPointer(start: base + Int(address), count: count))
  }

  /// Writes the bytes at `address`; returns false, and writes nothing, unless all of it is RAM.
  /// Decoded code that the bytes replace must be dropped by the caller: see `Processor.writePhysical`.
  @discardableResult func write(_ bytes: some Collection<UInt8>, at address: UInt64) -> Bool {
    guard contains(address, count: bytes.count) else { return false }
    if bytes.isEmpty { return true }
    let first = Int(address) / Self.pageSize
    let last = (Int(address) + bytes.count - 1) / Self.pageSize
    for page in first...last { prepareWrite(page: page) }
    UnsafeMutableRawBufferPointer(start: base + Int(address), count: bytes.count).copyBytes(from: bytes)
    return true
  }

  /// Calls `body` with the address and the bytes of every page that is not all zero, ascending, until it returns false.
  /// Returns whether it never did.
  public func forEachNonzeroPage(_ body: (UInt64, UnsafeRawBufferPointer) -> Bool) -> Bool {
    let touched = touchedPages()
    for page in 0..<size / Self.pageSize where touched?[page] ?? true {
      let start = base + page * Self.pageSize
      let words = start.assumingMemoryBound(to: UInt64.self)
      var any: UInt64 = 0
      for i in 0..<Self.pageSize / 8 { any |= words[i] }
      if any == 0 { continue }
      if !body(UInt64(page * Self.pageSize), UnsafeRawBufferPointer(start: start, count: Self.pageSize)) {
        return false
      }
    }
    return true
  }

  // MARK: Forks

  /// How many forks are open.
  public var depth: Int { epochs.count }

  /// Saves the page for the innermost fork unless that was already done.
  @inline(__always) func prepareWrite(page: Int) {
    if epochOfPage[page] != currentEpoch { saveForEpoch(page) }
  }

  private func saveForEpoch(_ page: Int) {
    let last = epochs.count - 1
    var place = epochs[last].saved.count
    if let kept = placeOfSaved(page) {
      place = kept
      epochs[last].saved[kept].previousEpoch = epochOfPage[page]
    } else {
      let copy = freeCopies.popLast() ?? UnsafeMutableRawPointer.allocate(byteCount: Self.pageSize, alignment: 4096)
      copy.copyMemory(from: base + page * Self.pageSize, byteCount: Self.pageSize)
      epochs[last].saved.append(SavedPage(page: page, previousEpoch: epochOfPage[page], copy: copy))
      placeOfCopy[page] = UInt32(place)
    }
    epochs[last].written.append(place)
    epochOfPage[page] = currentEpoch
  }

  /// Where the innermost fork has a copy of the page; nil where it has none, or where a fork that is closed had one since.
  private func placeOfSaved(_ page: Int) -> Int? {
    let place = Int(placeOfCopy[page])
    guard let saved = epochs.last?.saved, place < saved.count, saved[place].page == page else { return nil }
    return place
  }

  /// Opens a fork: from now on the first write to each page is remembered.
  func fork() {
    epochs.append(Epoch(identifier: nextEpoch))
    currentEpoch = nextEpoch
    nextEpoch += 1
  }

  /// Puts every page back as it was when the innermost fork was opened; the fork stays open. Calls `changed` for each page.
  func restore(changed: (Int) -> Void) {
    precondition(!epochs.isEmpty, "restore needs an open fork")
    let last = epochs.count - 1
    for place in epochs[last].written {
      let saved = epochs[last].saved[place]
      (base + saved.page * Self.pageSize).copyMemory(from: saved.copy, byteCount: Self.pageSize)
      epochOfPage[saved.page] = saved.previousEpoch
      changed(saved.page)
    }
    epochs[last].written.removeAll(keepingCapacity: true)
    if epochs[last].saved.count > Self.keptCopies {
      freeCopies += epochs[last].saved.map(\.copy)
      epochs[last].saved.removeAll(keepingCapacity: true)
    }
  }

  /// Whether the page was written since the fork was opened that is the `depth`-th of those open, counted from 1.
  public func isWritten(page: Int, sinceFork depth: Int) -> Bool { epochOfPage[page] >= epochs[depth - 1].identifier }

  /// The outermost fork, where the page was not written since it was opened; nil where it was, or where none is open.
  func forkBefore(page: Int) -> UInt32? {
    guard let fork = epochs.first?.identifier, epochOfPage[page] < fork else { return nil }
    return fork
  }

  /// Calls `body` for every word that is not what it was when the innermost fork was opened, with its number (the physical address
  /// divided by 8) and both values, until it returns false. Returns whether it never did.
  public func forEachChangedWord(_ body: (_ word: UInt64, _ before: UInt64, _ after: UInt64) -> Bool) -> Bool {
    guard let epoch = epochs.last else { return true }
    for place in epoch.written {
      let saved = epoch.saved[place]
      let page = base + saved.page * Self.pageSize
      // SAFETY: both are pages, aligned as such.
      if memcmp(page, saved.copy, Self.pageSize) == 0 { continue }
      let before = saved.copy.assumingMemoryBound(to: UInt64.self)
      let after = page.assumingMemoryBound(to: UInt64.self)
      for i in 0..<Self.pageSize / 8 where before[i] != after[i] {
        if !body(UInt64(saved.page * (Self.pageSize / 8) + i), before[i], after[i]) { return false }
      }
    }
    return true
  }

  /// The same for the fork that is the `depth`-th of those open, counted from 1, and in no order.
  public func forEachChangedWord(
    sinceFork depth: Int, _ body: (_ word: UInt64, _ before: UInt64, _ after: UInt64) -> Void
  ) {
    var seen: Set<Int> = []
    for epoch in epochs[(depth - 1)...] {
      for saved in epoch.written.map({ epoch.saved[$0] }) where seen.insert(saved.page).inserted {
        let page = base + saved.page * Self.pageSize
        // SAFETY: both are pages, aligned as such.
        if memcmp(page, saved.copy, Self.pageSize) == 0 { continue }
        let before = saved.copy.assumingMemoryBound(to: UInt64.self)
        let after = page.assumingMemoryBound(to: UInt64.self)
        for i in 0..<Self.pageSize / 8 where before[i] != after[i] {
          body(UInt64(saved.page * (Self.pageSize / 8) + i), before[i], after[i])
        }
      }
    }
  }

  /// The word of this number.
  public subscript(word number: UInt64) -> UInt64 {
    precondition(number < UInt64(size / 8), "a word of RAM")
    return (base + Int(number) * 8).load(as: UInt64.self)
  }

  /// The word of this number as it was when the innermost fork was opened.
  public func wordAtFork(_ number: UInt64) -> UInt64 {
    let page = Int(number) * 8 / Self.pageSize
    guard epochOfPage[page] == currentEpoch, let epoch = epochs.last,
      let place = placeOfSaved(page) ?? epoch.written.first(where: { epoch.saved[$0].page == page })
    else { return self[word: number] }
    return (epoch.saved[place].copy + Int(number) * 8 % Self.pageSize).load(as: UInt64.self)
  }

  /// The word of this number is not what it was when the innermost fork was opened.
  public func isChanged(word number: UInt64) -> Bool { wordAtFork(number) != self[word: number] }

  /// Forgets what pages were used for.
  public func forgetUses() {
    uses.update(repeating: 0, count: size / Self.pageSize)
    executedPages = 0
  }

  /// Instructions were fetched from the page.
  public func wasExecuted(page: Int) -> Bool { uses[page] & PageUse.code != 0 }

  /// Pages written since the innermost fork was opened.
  public var dirtyPageCount: Int { epochs.last?.written.count ?? 0 }

  /// The numbers of the pages written since the innermost fork was opened, ascending.
  public var dirtyPages: [Int] {
    epochs.last.map { epoch in epoch.written.map { epoch.saved[$0].page }.sorted() } ?? []
  }

  /// Closes the innermost fork and keeps what was written since: it becomes part of the fork around it.
  func drop() {
    precondition(!epochs.isEmpty, "drop needs an open fork")
    let inner = epochs.removeLast()
    currentEpoch = epochs.last?.identifier ?? 0
    // What is not kept for the fork around was not written, or is kept there already.
    var isKept = [Bool](repeating: false, count: inner.saved.count)
    for place in inner.written {
      let saved = inner.saved[place]
      if let outer = epochs.indices.last, saved.previousEpoch != currentEpoch {
        placeOfCopy[saved.page] = UInt32(epochs[outer].saved.count)
        epochs[outer].written.append(epochs[outer].saved.count)
        epochs[outer].saved.append(saved)
        isKept[place] = true
      }
      epochOfPage[saved.page] = currentEpoch
    }
    for (saved, isKept) in zip(inner.saved, isKept) where !isKept { freeCopies.append(saved.copy) }
  }
}
