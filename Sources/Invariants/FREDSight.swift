/// What a run tells those monitors that judge FRED, where the processor delivers events by it, and one box for what they hold: a run on
/// another processor carries an empty reference.
///
/// SDM vol. 2, "ERETS", "ERETU"; Documentation/FRED.md.
import Findings
import Machine

/// FRED's side of a boundary that an event or a return has just led to.
public struct FREDSight: Sendable, Hashable {
  /// The stack level that is current.
  public var level: UInt8
  public var nmiBlocked: Bool
  /// A debug trap is due before the next instruction.
  public var trapIsDue: Bool
  /// IA32_FRED_RSP0.
  public var taskStack: UInt64
  /// Behind an event: TF was set where it came.
  public var trapFlagWasSet = false
  /// Behind an event: the level in whose stack its frame lies; nil for none.
  public var frameLevel: UInt8?

  public init(
    level: UInt8, nmiBlocked: Bool, trapIsDue: Bool, taskStack: UInt64, trapFlagWasSet: Bool = false,
    frameLevel: UInt8? = nil
  ) {
    self.level = level
    self.nmiBlocked = nmiBlocked
    self.trapIsDue = trapIsDue
    self.taskStack = taskStack
    self.trapFlagWasSet = trapFlagWasSet
    self.frameLevel = frameLevel
  }
}

/// An instruction returned.
public struct FREDReturn: Sendable {
  public var sight: FREDSight
  /// The boundary that it led to, and where it stands.
  public var step: Int
  public var from: UInt64
  public var rip: UInt64
  public var rsp: UInt64
  public var isKernel: Bool

  public init(_ sight: FREDSight, step: Int, from: UInt64, rip: UInt64, rsp: UInt64, isKernel: Bool) {
    self.sight = sight
    self.step = step
    self.from = from
    self.rip = rip
    self.rsp = rsp
    self.isKernel = isKernel
  }
}

/// The monitors of FRED, together.
final class FREDMonitors: Sendable {
  struct Evidence: Sendable {
    var level = FREDLevelRestored()
    var nmis = FREDNMIBlocking()
    var software = FREDSoftwareEvent()
    var stack = FREDStackOfTask()
    var frames = FREDFrameInStack()

    func show(to visitor: inout some MonitorVisitor) {
      visitor.visit(frames)
      visitor.visit(level)
      visitor.visit(nmis)
      visitor.visit(software)
      visitor.visit(stack)
    }

    mutating func take(_ delivery: DeliveryRecord, _ sight: FREDSight) {
      level.take(delivery, sight)
      nmis.take(delivery, sight)
      software.take(delivery, sight)
      frames.take(delivery, sight)
    }

    mutating func leave(_ back: FREDReturn) {
      level.leave(back)
      nmis.leave(back)
      software.leave(back)
      stack.leave(back)
    }

    func isApart(from places: [UInt64]) -> Bool { level.isApart(from: places) && nmis.isApart(from: places) }

    func goesOn(as other: Evidence, apart: Bool) -> Bool {
      level.goesOn(as: other.level, apart: apart) && nmis.goesOn(as: other.nmis, apart: apart)
        && software.goesOn(as: other.software) && stack.goesOn(as: other.stack) && frames.goesOn(as: other.frames)
    }
  }

  let evidence: Evidence
  init(_ evidence: Evidence) { self.evidence = evidence }
}
