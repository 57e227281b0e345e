/// What is known of the user at the crossing, by which a run tells whose state it is on.
import Invariants
import Machine
import Platform

package struct UserSide: Sendable, Hashable {
  package var rsp: UInt64
  /// Values of RSP that are the user's wherever they are loaded: the one above, and what asking twice adds.
  package var stackPointers: [UInt64]
  var gsBase: UInt64
  /// Bases of GS that are the user's.
  package var gsBases: Set<UInt64>
  /// Those that the kernel has in the crossing without events; empty while that is not known, or where it has none.
  package var kernelGSBases: Set<UInt64> = []
  package var cr3: UInt64
  var topTable: UInt64
  /// What the top table holds while the user runs, where a hypervisor gives its guest's kernel and user one table by turns (Xen,
  /// `restore_all_guest` in xen/arch/x86/x86_64/entry.S, copies the guest's into its own with `xpti`); else empty.
  var topEntries: [UInt64]
  /// Top tables on which the kernel works in the crossing without events, but the user's; nil while that is not known.
  package var kernelTables: Set<UInt64>?
  /// The first CR3 of the kernel's in the crossing without events that is not the user's; nil while that is not known.
  package var kernelCR3: UInt64?
  var interruptsOpen: Bool
  var entersBySysenter: Bool
  /// The kernel has page tables of its own.
  package var hasSplitTables: Bool
  /// The physical address of the word from which the entry loads the kernel's RSP, where it lies in RAM; nil where the processor or the
  /// hypervisor brings RSP.
  package var stackWord: UInt64?

  /// Whether the user can reach the word at the address, or the one below it, on the tables that it runs on.
  func canReach(_ linear: UInt64, _ processor: Processor) -> Bool {
    processor.isUserReachable(linear, tables: cr3, top: topEntries)
  }

  /// It is known what the kernel's bases are, and this is none of them, nor the user's.
  func isForeign(gsBase: UInt64) -> Bool {
    !kernelGSBases.isEmpty && !kernelGSBases.contains(gsBase) && !gsBases.contains(gsBase)
  }

  /// It is known which tables are the kernel's, and this is none of them, nor the user's.
  func isForeign(topTable: UInt64) -> Bool {
    kernelTables.map { topTable != self.topTable && !$0.contains(topTable) } ?? false
  }

  /// Whose state a boundary of the crossing, or of a run with events in it, is on.
  func ownership(of state: BoundaryState, rspIsUser: Bool) -> Ownership {
    ownership(
      isKernel: state.isKernel, gsBase: state.gsBase, cr3: state.cr3, rspIsUser: rspIsUser, canPush: state.canPush,
      isAtStackEnd: state.isAtStackEnd)
  }

  func ownership(
    isKernel: Bool, gsBase: UInt64, cr3: UInt64, rspIsUser: Bool, canPush: Bool, isAtStackEnd: Bool
  ) -> Ownership {
    var result: Ownership = rspIsUser ? .userRSP : []
    if isKernel && !canPush { result.insert(isAtStackEnd ? .fullStack : .noStack) }
    if gsBases.contains(gsBase) { result.insert(.userGS) }
    if hasSplitTables && cr3 == self.cr3 { result.insert(.userTables) }
    return result
  }
}

extension EntryState {
  /// With what the crossing's entry itself loads.
  init(_ computer: any PlatformComputer, _ user: UserSide) {
    self = computer.entryState
    guard let place = user.stackWord else { return }
    words.append(
      Word(
        "the word at physical 0x\(String(place, radix: 16)), from which RSP is loaded",
        computer.processor.memory[word: place >> 3]))
  }
}
