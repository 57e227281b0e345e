/// Every frame lies in the stack of the level that its event has.
///
/// SDM, "ERETS"; Bochs cpu/fred.cc: without a change of level the frame goes below RSP, wherever that points.
import Findings

struct FREDFrameInStack: Monitor {
  static let description = InvariantDescription(
    identifier: "fred-frame-in-stack",
    claim: "Every event's frame lies in the stack of its stack level.",
    why:
      "An event of the level that runs, or of a lower one, is pushed below RSP; one of a higher level at the top of that level's "
      + "stack. Code that runs on another level's stack, or at a lower level than its stack's, has its frames overwritten by the "
      + "next event that begins there.",
    citation: "Intel SDM vol. 2, \"ERETS\"; Documentation/FRED.md")

  private var violation: Violation?

  mutating func take(_ delivery: DeliveryRecord, _ sight: FREDSight) {
    guard violation == nil, !delivery.isLost, delivery.fred != nil else { return }
    // Of level 0 there may be many stacks.
    let isInPlace = sight.level == 0 ? (sight.frameLevel ?? 0) == 0 : sight.frameLevel == sight.level
    if isInPlace { return }
    let place = sight.frameLevel.map { "the stack of level \($0)" } ?? "no level's stack"
    violation = Violation(
      "the frame of \(delivery.name) at \(hex(delivery.frame)), an event on stack level \(sight.level), lies in \(place)",
      step: delivery.step, at: delivery.from, origin: delivery.from, "the event was taken here")
  }

  func goesOn(as other: FREDFrameInStack) -> Bool { violation == nil && other.violation == nil }

  func judge(_ run: Outcome) -> Violation? { violation }
}
