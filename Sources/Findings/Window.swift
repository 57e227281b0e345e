/// A window: a run of boundaries in kernel mode at which some state is not the kernel's own, or not what the kernel takes it
/// to be. A window alone is no defect; what matters is which events can arrive in it and what they find there.

public enum WindowKind: String, Vocabulary {
  /// RSP is the user's.
  case rsp
  /// The GS base is the user's.
  case gs
  /// CR3 selects the user's page tables.
  case pageTables = "page-tables"
  /// The kernel claims that interrupts are off, and they are on.
  case interrupts = "irqs"
  /// The kernel's record of the interrupt state says something else than the state itself.
  case interruptTrace = "irq-trace"

  /// Whose the state is: the user's, or the kernel's, which is mistaken about it.
  public var isUserState: Bool {
    switch self {
    case .rsp, .gs, .pageTables: true
    case .interrupts, .interruptTrace: false
    }
  }
}

/// On the way into the kernel, or out of it.
public enum Direction: String, Vocabulary {
  case entry = "in"
  case exit = "out"
}

/// What becomes of an event that is due inside a window.
public enum Arrival: String, Vocabulary {
  /// Nothing in this window can raise it.
  case noSource = "no-source"
  /// RFLAGS.IF, the platform's mask, or an event that goes first keeps it out. Where it may fall due all the same, it did, and every invariant held.
  case masked
  /// NMIs are blocked until the next IRET.
  case blocked
  /// It arrives on a stack of its own, chosen by the gate's IST.
  case ownStack = "own-stack"
  /// It arrives, its handler puts the state right first, and every invariant held.
  case recovered
  /// It arrives, and at least one trial broke an invariant.
  case harmful
  /// It could arrive, and was not asked for.
  case notTried = "not-tried"
}

/// One event's fate in one window.
public struct WindowEvent: Hashable, Sendable, Codable {
  public var event: EventKind
  public var arrival: Arrival
  /// At how many of the window's boundaries it can be taken.
  public var boundaries: Int
  /// A few words more: `IST 2`.
  public var detail: String?

  public init(_ event: EventKind, _ arrival: Arrival, boundaries: Int, detail: String? = nil) {
    self.event = event
    self.arrival = arrival
    self.boundaries = boundaries
    self.detail = detail
  }

  public var canArrive: Bool { boundaries > 0 }
}

public struct Window: Hashable, Sendable, Codable {
  public var kind: WindowKind
  public var crossing: CrossingKind
  public var direction: Direction
  /// The baseline's boundary that opens the window, counted from the crossing.
  public var start: Int
  public var first: Location
  public var last: Location
  public var boundaries: Int
  public var events: [WindowEvent]

  public init(
    kind: WindowKind, crossing: CrossingKind, direction: Direction, start: Int, first: Location, last: Location,
    boundaries: Int, events: [WindowEvent] = []
  ) {
    self.kind = kind
    self.crossing = crossing
    self.direction = direction
    self.start = start
    self.first = first
    self.last = last
    self.boundaries = boundaries
    self.events = events.sorted { ($0.event, $0.arrival) < ($1.event, $1.arrival) }
  }
}

extension Window: Comparable {
  /// In the order the crossing meets them.
  public static func < (a: Window, b: Window) -> Bool {
    (a.start, a.kind, a.direction, a.first, a.last, a.boundaries)
      < (b.start, b.kind, b.direction, b.first, b.last, b.boundaries)
  }
}
