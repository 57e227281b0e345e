/// NMIs are blocked as long as an NMI's handler runs, and no longer.
///
/// SDM vol. 2, "ERETS", "ERETU": they unblock NMIs where the frame says that the event was one.
import Findings

struct FREDNMIBlocking: Monitor {
  static let description = InvariantDescription(
    identifier: "fred-nmi-blocking",
    claim: "NMIs are blocked while the handler of one runs, and not once it has returned.",
    why:
      "The frame of an NMI has a bit by which its return, and no other, lets NMIs in again. A kernel that loses the bit keeps "
      + "NMIs out for good; one that has it in another frame lets a second NMI into the first one's handler.",
    citation: "Intel SDM vol. 2, \"ERETS\", \"ERETU\"; Documentation/FRED.md")

  /// RSP that each NMI whose handler has not returned interrupted.
  private var nmis: [UInt64] = []
  private var violation: Violation?

  mutating func take(_ delivery: DeliveryRecord, _ sight: FREDSight) {
    guard !delivery.isLost, delivery.fred?.kind == 2 else { return }
    nmis.append(delivery.previousRSP)
  }

  mutating func leave(_ back: FREDReturn) {
    if back.isKernel {
      if let done = nmis.lastIndex(of: back.rsp) { nmis.remove(at: done) }
    } else {
      nmis.removeAll(keepingCapacity: true)
    }
    guard violation == nil, back.sight.nmiBlocked == nmis.isEmpty else { return }
    violation = Violation(
      nmis.isEmpty
        ? "a return left NMIs blocked, and no NMI's handler runs any more"
        : "a return let NMIs in while an NMI's handler runs", step: back.step, at: back.rip, origin: back.from,
      "the return")
  }

  func goesOn(as other: FREDNMIBlocking) -> Bool { goesOn(as: other, apart: false) }

  /// - Parameter apart: what follows is apart from what NMIs interrupted in both.
  func goesOn(as other: FREDNMIBlocking, apart: Bool) -> Bool {
    violation == nil && other.violation == nil
      && (apart ? nmis.isEmpty == other.nmis.isEmpty : nmis == other.nmis)
  }

  /// A return to one of the places is to none that an NMI interrupted.
  func isApart(from places: [UInt64]) -> Bool { !nmis.contains { places.contains($0) } }

  func judge(_ run: Outcome) -> Violation? { violation }
}
