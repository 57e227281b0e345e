/// Which page tables the translations are of that a processor keeps for each PCID, as far as a run tells.
///
/// SDM vol. 3A, "Process-Context Identifiers (PCIDs)", "Operations that Invalidate TLBs and Paging-Structure Caches".
/// Not modelled: that INVLPG, and INVPCID of single addresses, may drop all that there are; that of tables which stay loaded what was dropped
/// may be there again at once.
import Machine

struct CachedTables: Sendable, Hashable {
  private var tops: [UInt64: UInt64] = [:]

  /// - Parameter registers: values of CR3 with a PCID, of which the first counts where two have the same.
  init(_ registers: [UInt64]) {
    for register in registers where tops[register & 0xFFF] == nil {
      tops[register & 0xFFF] = Processor.topTable(of: register)
    }
  }

  mutating func drop(_ dropped: DroppedTranslations) {
    switch dropped {
    case .none: break
    case .one(let pcid): tops[UInt64(pcid)] = nil
    case .all: tops = [:]
    }
  }

  /// CR3 was loaded. The other tables, if any, whose translations the PCID still has.
  mutating func load(_ register: UInt64) -> UInt64? {
    let top = Processor.topTable(of: register)
    let old = tops.updateValue(top, forKey: register & 0xFFF)
    return old == top ? nil : old
  }

  /// Whatever load follows in both, here it finds none of other tables where there it does not.
  func isWithin(_ other: CachedTables) -> Bool { tops.allSatisfy { other.tops[$0] == $1 } }
}
