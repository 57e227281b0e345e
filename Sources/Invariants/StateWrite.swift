/// Where RSP, the GS base and CR3 got the value that a boundary runs on.
///
/// RSP is written by what gives it a value from elsewhere: MOV, POP RSP, LEAVE, a return, a delivery with a stack of its own. What only
/// moves it (PUSH, CALL, arithmetic, a frame on the current stack) leaves its writer. The other two are written where they change.
import Machine

/// A piece of state that a boundary runs on.
public enum StatePart: Sendable, Hashable, CaseIterable {
  case rsp, gsBase, cr3

  /// As reports name it.
  public var title: String {
    switch self {
    case .rsp: "RSP"
    case .gsBase: "GS base"
    case .cr3: "CR3"
    }
  }
}

/// A step of a run that gave one of them its value.
public struct StateWrite: Sendable, Hashable {
  public var part: StatePart
  /// The boundary at which the step began, counted from the crossing.
  public var boundary: Int
  /// The instruction that did it, or that the event interrupted.
  public var rip: UInt64
  /// The delivery of an event did it.
  public var isDelivery = false
}

/// A piece of state as a boundary ran on it.
public struct StateUse: Sendable, Hashable {
  public var part: StatePart
  /// Counted from the crossing; the largest number for the run's end.
  public var boundary: Int

  public init(_ part: StatePart, at boundary: Int) {
    self.part = part
    self.boundary = boundary
  }
}

/// Every such step of a run so far.
public struct StateWrites: Sendable {
  public private(set) var all: [StateWrite] = []
  /// Where the run began: user mode, before the crossing.
  private let start: UInt64

  public init(from start: UInt64) { self.start = start }

  /// - Parameters:
  ///   - boundary: the one at which the step began that made the transition.
  ///   - rip: RIP there, where the transition may not say it: the frame of a SYSCALL or of INT n names what follows.
  public mutating func take(_ transition: Transition, at boundary: Int, _ rip: UInt64) {
    let (before, after) = (transition.before, transition.after)
    func add(_ part: StatePart) {
      all.append(StateWrite(part: part, boundary: boundary, rip: rip, isDelivery: transition.kind == .event))
    }
    switch transition.kind {
    case .stackLoad: add(.rsp)
    case .entry, .exit: if before.rsp != after.rsp { add(.rsp) }
    case .event: if transition.delivery?.onCurrentStack == false { add(.rsp) }
    case .lostEvent, .stackMove, .gsBase, .pageTables, .invalidation, .flags, .letInterruptsIn, .speculationControl,
      .buffers, .lowBranch:
      break
    }
    if before.gsBase != after.gsBase { add(.gsBase) }
    if before.cr3 != after.cr3 { add(.cr3) }
  }

  /// The last step that wrote the part and began before the boundary; nil where the run has none, and the value is what user mode had.
  public func last(_ part: StatePart, before boundary: Int = .max) -> StateWrite? {
    all.last { $0.part == part && $0.boundary < boundary }
  }

  /// Where the value came from, and how that is said.
  public func origin(of use: StateUse) -> (rip: UInt64, words: String) {
    guard let writer = last(use.part, before: use.boundary) else {
      return (start, "\(use.part.title) still was what user mode had when it crossed here")
    }
    let how = writer.isDelivery ? ", by the delivery of an event" : ""
    return (writer.rip, "\(use.part.title) was last written here, at boundary \(writer.boundary)\(how)")
  }
}
