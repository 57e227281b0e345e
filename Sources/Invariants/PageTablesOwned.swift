/// The kernel does not run into the limits of the user's page tables, nor on another address space's, nor the user on the kernel's.
///
/// SDM vol. 3A, "Paging"; Linux Documentation/arch/x86/pti.rst.
import Findings
import Machine

/// Page tables that a run has come to run on.
public struct Tables: Sendable, Hashable {
  /// The physical address of the top one.
  public var top: UInt64
  /// They are neither the user's nor such as the kernel works on in the crossing without events.
  public var isForeign: Bool
  /// The boundary that this led to, and the instruction that did it.
  public var step: Int
  public var rip: UInt64

  public init(top: UInt64, isForeign: Bool, step: Int, rip: UInt64) {
    self.top = top
    self.isForeign = isForeign
    self.step = step
    self.rip = rip
  }
}

struct PageTablesOwned: Monitor {
  static let description = InvariantDescription(
    identifier: "page-tables-owned",
    claim: "Kernel and user each run on page tables of their own, the task's.",
    why:
      "With page-table isolation the user's tables map only the entry code. Whatever the kernel touches beyond it before "
      + "CR3 is switched, or after it is switched back, faults in kernel mode. User mode on the kernel's tables sees what "
      + "they were to hide. On tables that are neither, another task's or those of the boot, the same addresses are other memory; "
      + "and code that was interrupted must find the tables that it had, a hypervisor's own also those that it is about to load. "
      + "Two tables under one PCID share their translations, unless a load of either drops those of the other: bit 63 of CR3 keeps them.",
    citation:
      "Intel SDM vol. 3A, \"4-Level Paging\", \"Process-Context Identifiers (PCIDs)\"; Linux Documentation/arch/x86/pti.rst",
    specimens: ["ablation user-cr3-kept-at-entry", "ablation kernel-page-tables-kept-for-user"])

  /// Kernel code that was interrupted, by its RSP.
  private struct Interrupted: Hashable {
    var rsp: UInt64
    var top: UInt64
  }

  private var fault: DeliveryRecord?
  /// What is interrupted and was not returned to.
  private var interrupted: [Interrupted] = []
  /// Neither the kernel's nor the user's, and loaded.
  private var foreign: Tables?
  /// Interrupted code goes on on these, and had others: it is about to load them itself, or its handler owes it the others. That tables are
  /// loaded anew that are loaded already is heard of below a guest alone.
  private var early: (tables: Tables, message: String)?
  private var violation: Violation?
  private var cached: CachedTables

  init(cached: CachedTables = CachedTables([])) { self.cached = cached }

  mutating func take(_ delivery: DeliveryRecord, tables: UInt64) {
    blameEarly()
    if delivery.fromKernel && !delivery.isLost {
      interrupted.append(Interrupted(rsp: delivery.previousRSP, top: tables))
    }
    guard fault == nil, delivery.vector == 14 || delivery.vector == 8, delivery.fromKernel, !delivery.injected,
      !delivery.isUnmapped, delivery.ownership.contains(.userTables), !delivery.ownership.contains(.userRSP)
    else { return }
    fault = delivery
  }

  /// Other tables are loaded. Foreign ones that are taken away again on the same stack served the code that loaded them.
  mutating func load(_ tables: Tables, isKernel: Bool) {
    if early?.tables.top == tables.top { early = nil }
    blameEarly()
    if tables.isForeign && isKernel {
      foreign = foreign ?? tables
    } else if let foreign {
      blame(foreign, "the kernel ran on page tables at \(hex(foreign.top)), which are neither its own nor the user's")
      self.foreign = nil
    }
  }

  mutating func drop(_ dropped: DroppedTranslations, load: UInt64?, _ tables: Tables) {
    cached.drop(dropped)
    guard let load, let other = cached.load(load) else { return }
    blame(
      tables,
      "page tables at \(hex(tables.top)) are loaded under the PCID of those at \(hex(other)), whose translations are kept"
    )
  }

  var haveForeignTables: Bool { foreign != nil }

  /// A switch of tasks: the tables that were loaded before it are the other task's.
  mutating func leaveStack() { foreign = nil }

  mutating func leave(to rsp: UInt64, isKernel: Bool, tables: Tables) {
    blameEarly()
    if !isKernel {
      interrupted.removeAll(keepingCapacity: true)
    } else if let done = Interruption.ended(byReturnTo: rsp, of: interrupted.map(\.rsp)) {
      let top = interrupted.remove(at: done).top
      if top != tables.top {
        let message =
          "the kernel's code that was interrupted on page tables at \(hex(top)) goes on on those at \(hex(tables.top))"
        early = (tables, message)
      }
    }
  }

  /// It goes elsewhere, or loads others, before it has loaded those that it was given.
  private mutating func blameEarly() {
    guard let early else { return }
    blame(early.tables, early.message)
    self.early = nil
  }

  private mutating func blame(_ tables: Tables, _ message: String) {
    violation =
      violation ?? Violation(message, step: tables.step, at: tables.rip, of: StateUse(.cr3, at: tables.step))
  }

  /// Where the code stands that is interrupted is `FrameIntact`'s to compare, and nobody returns to it meanwhile: see `Monitors.areApart`.
  func goesOn(as other: PageTablesOwned) -> Bool {
    isUneventful && other.isUneventful && interrupted.elementsEqual(other.interrupted) { $0.top == $1.top }
      && cached.isWithin(other.cached)
  }

  private var isUneventful: Bool { fault == nil && violation == nil && early == nil && foreign == nil }

  func judge(_ run: Outcome) -> Violation? {
    var last = self
    last.blameEarly()
    let violation = last.violation
    if let fault, violation.map({ fault.step <= $0.step }) ?? true {
      return Violation(
        "kernel mode faulted on \(hex(fault.cr2)) while the user's page tables were loaded", step: fault.step,
        at: fault.from, of: fault.use(of: .cr3))
    }
    if let violation { return violation }
    if let load = run.vainTableLoad {
      return Violation("user mode ran on the page tables that the kernel loads here for itself", at: load)
    }
    guard run.end == .user, let tables = run.foreignTables else { return nil }
    return Violation(
      "user mode runs on page tables at \(hex(tables)), which are not its own", at: run.view?.rip ?? 0,
      of: StateUse(.cr3, at: .max))
  }
}
