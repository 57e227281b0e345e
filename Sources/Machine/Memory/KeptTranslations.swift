/// Translations that are kept over what drops them, for runs that do not store to a page table.
///
/// SDM vol. 3A, "Caching Translation Information", "Accessed and Dirty Flags".
/// A run from a fork begins with empty caches, so that it is the same whatever ran before it. MEASURED: to fill them anew took a sixth of
/// the samples of a search of Debian's kernel. As long as no page table holds anything else than when a page was walked, what was found
/// then is what a walk would find: nobody can tell whether it was dropped in between. So a context is begun anew only where a table has
/// changed, by a store, by an A or D flag, or because a fork was gone back to; or where the registers that decide on walks are others. That
/// holds for loads and fetches. A translation for stores also says that its page was saved for the innermost fork, and is dropped each time.
///
/// What cannot be made good is a run that changes a table itself: which of the translations it has used, and so may go on using, cannot be
/// told from those that it found. `storedToTables` says so, and who asks for such runs makes them again without.
struct KeptTranslations {
  /// What a walk depends on but for the tables.
  struct Registers: Equatable {
    var cr0: UInt64
    var cr3: UInt64
    var cr4: UInt64
    var efer: UInt64
    var addressSpace: UInt8
  }

  /// The contexts that hold, and what they were begun with.
  private var contexts: [(registers: Registers, context: UInt32)] = []
  /// How often tables had changed by then: see `Processor.tableChanges`.
  private var tableChanges = 0
  /// Where translations for stores are cached, until they are dropped.
  private var stores: [UnsafeMutablePointer<TranslationEntry>] = []
  /// More contexts than a crossing uses; a kernel with more goes without.
  private static let most = 16

  /// How many stores had gone to tables when the run began, or no such number where it is not to be trusted; nil where nothing is kept.
  var tableStores: Int?

  /// The context of these registers; nil where there is none that holds.
  mutating func context(_ registers: Registers, tableChanges: Int) -> UInt32? {
    if self.tableChanges != tableChanges { contexts.removeAll(keepingCapacity: true) }
    self.tableChanges = tableChanges
    return contexts.first { $0.registers == registers }?.context
  }

  mutating func keep(_ context: UInt32, _ registers: Registers) {
    if contexts.count < Self.most { contexts.append((registers, context)) }
  }

  /// The context was begun with other page tables than these.
  func hasOthers(_ context: UInt32, than cr3: UInt64) -> Bool {
    contexts.contains { $0.context == context && $0.registers.cr3 != cr3 }
  }

  /// A translation for stores was cached there.
  mutating func note(_ entry: UnsafeMutablePointer<TranslationEntry>) { stores.append(entry) }

  mutating func dropStores() {
    for entry in stores { entry.pointee.tag = 0 }
    stores.removeAll(keepingCapacity: true)
  }

  /// No context holds any more.
  mutating func forget() { contexts.removeAll(keepingCapacity: true) }
}

extension Processor {
  /// From now on translations are kept that earlier runs of the kind found, until this is set to false. To be set where the caches are
  /// empty and the processor is watched: behind a fork, or where one was gone back to.
  public var keepsTranslations: Bool {
    get { kept.tableStores != nil }
    set {
      kept.tableStores = newValue && isWatched ? tableStores : nil
      flushTranslations()
    }
  }

  /// The run that keeps translations has stored to a page table, or loaded another for its PCID without a flush: it may have seen what
  /// it would not have.
  public var storedToTables: Bool { kept.tableStores.map { $0 != tableStores } ?? false }

  /// Forgets what pages were used for, and the translations that depend on it.
  public func forgetUses() {
    memory.forgetUses()
    kept.forget()
  }

  /// A context that is kept; nil where the current one is to be another.
  func keptContext() -> UInt32? {
    guard canKeepTranslations else { return nil }
    return kept.context(translationRegisters, tableChanges: tableChanges)
  }

  /// The context goes on; where that is with other page tables, loaded without a flush, it holds the translations of two.
  func noteTables(of context: UInt32) {
    guard keepsTranslations, kept.hasOthers(context, than: s.pointee.cr3) else { return }
    kept.forget()
    kept.tableStores = -1
  }

  /// The new context is to be found again.
  func keepContext(_ context: UInt32) {
    if canKeepTranslations { kept.keep(context, translationRegisters) }
  }

  /// Data breakpoints keep pages out of the caches, and who takes down or observes wants to hear of every walk.
  private var canKeepTranslations: Bool {
    keepsTranslations && s.pointee.dr7 & 0xFF == 0 && footprint == nil && observer == nil
  }

  private var translationRegisters: KeptTranslations.Registers {
    KeptTranslations.Registers(
      cr0: s.pointee.cr0, cr3: s.pointee.cr3, cr4: s.pointee.cr4, efer: s.pointee.msr.efer,
      addressSpace: s.pointee.addressSpace)
  }

  /// The page holds something else than before.
  @inline(__always) func noteTableChange(page: Int) {
    if memory.uses[page] & PageUse.table != 0 { tableChanges &+= 1 }
  }
}
