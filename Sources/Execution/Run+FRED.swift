/// What a run tells the monitors of FRED. SDM vol. 2, "ERETS", "ERETU"; Documentation/FRED.md.
import Invariants
import Machine
import Platform

extension FREDSight {
  /// The boundary at which the processor stands, to which an instruction led; nil where events are not delivered by FRED.
  init?(_ processor: Processor) {
    guard processor.deliversByFRED else { return nil }
    self.init(
      level: processor.fred.level, nmiBlocked: processor.nmiBlocked, trapIsDue: processor.debugTrapIsDue,
      taskStack: processor.fred.stacks[0])
  }

  /// The same behind an event.
  init?(_ processor: Processor, behind delivery: DeliveredEvent, in flags: RFLAGS) {
    guard delivery.fred != nil else { return nil }
    self.init(processor)
    level = UInt8(truncatingIfNeeded: delivery.interruptStack)
    trapFlagWasSet = flags.contains(.trap)
    frameLevel = processor.fredLevel(ofFrame: delivery.frame)
  }
}

extension Processor {
  /// No level's stack is larger.
  private static let largestStack: UInt64 = 1 << 16

  /// The level whose stack a frame lies in: the one that ends next above it, with nothing between that privilege 0 cannot write. Nil
  /// where there is none.
  fileprivate func fredLevel(ofFrame frame: UInt64) -> UInt8? {
    var nearest: (level: UInt8, distance: UInt64)?
    for level in 0..<4 where fred.stacks[level] != 0 {
      let distance = fred.stacks[level] &- frame
      guard distance > 0, distance <= min(Self.largestStack, nearest?.distance ?? .max) else { continue }
      // Of two levels that share a stack the higher one counts.
      nearest = (UInt8(level), distance)
    }
    guard let nearest else { return nil }
    for page in stride(from: frame & ~0xFFF, to: frame &+ nearest.distance, by: 4096) where !isMappedWritable(page) {
      return nil
    }
    return nearest.level
  }
}
