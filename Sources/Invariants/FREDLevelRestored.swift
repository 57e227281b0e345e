/// A return inside the kernel gives back the stack level that the event interrupted.
///
/// SDM vol. 2, "ERETS": the level becomes the frame's, and is never raised.
import Findings

struct FREDLevelRestored: Monitor {
  static let description = InvariantDescription(
    identifier: "fred-level-restored",
    claim: "A return from an event leaves the stack level that the event interrupted.",
    why:
      "The level says which stack is in use. One that stays too high makes every later event keep to that stack and ERETU "
      + "fault; one that becomes too low lets the next event begin at the top of a stack whose frames are alive.",
    citation: "Intel SDM vol. 2, \"ERETS\"; Documentation/FRED.md")

  /// Events whose handlers have not returned: RSP, and the level, that they interrupted.
  private var interrupted: [Interrupted] = []
  private var violation: Violation?

  private struct Interrupted: Sendable, Hashable {
    var rsp: UInt64
    var level: UInt8
  }

  mutating func take(_ delivery: DeliveryRecord, _ sight: FREDSight) {
    guard !delivery.isLost, let fred = delivery.fred, delivery.fromKernel else { return }
    interrupted.append(Interrupted(rsp: delivery.previousRSP, level: fred.oldLevel))
  }

  mutating func leave(_ back: FREDReturn) {
    guard back.isKernel else { return interrupted.removeAll(keepingCapacity: true) }
    guard let done = interrupted.lastIndex(where: { $0.rsp == back.rsp }) else { return }
    let level = interrupted.remove(at: done).level
    guard violation == nil, level != back.sight.level else { return }
    violation = Violation(
      "a return to stack level \(level) left stack level \(back.sight.level) in force", step: back.step, at: back.rip,
      origin: back.from, "the return")
  }

  func goesOn(as other: FREDLevelRestored) -> Bool { goesOn(as: other, apart: false) }

  /// - Parameter apart: what follows is apart from what is interrupted in both.
  func goesOn(as other: FREDLevelRestored, apart: Bool) -> Bool {
    violation == nil && other.violation == nil && (apart || interrupted == other.interrupted)
  }

  /// A return to one of the places is to none that is interrupted.
  func isApart(from places: [UInt64]) -> Bool { !interrupted.contains { places.contains($0.rsp) } }

  func judge(_ run: Outcome) -> Violation? { violation }
}
