/// All monitors of one run: the one list of the invariants. A run forks, and they with it.
import Findings

public struct Monitors: Sendable {
  private var gsOwned = GSOwned()
  private var pageTablesOwned = PageTablesOwned()
  private var flagsSanitised: FlagsSanitised
  private var interruptsAsClaimed = InterruptsAsClaimed()
  private var rspOwned = RSPOwned()
  private var cleanExit = CleanExit()
  private var frameIntact = FrameIntact()
  private var stackBounded = StackBounded()
  private var noKernelDeath = NoKernelDeath()
  private let progress = Progress()
  private let noLeak = NoLeak()
  private let userStatePreserved = UserStatePreserved()

  /// - Parameter allowsTrapFlag: the crossing itself leaves the user's TF set in the kernel.
  public init(allowsTrapFlag: Bool = false) { flagsSanitised = FlagsSanitised(allowsTrapFlag: allowsTrapFlag) }

  /// In the order of blame: a run is blamed on what shows first, and among equals on what stands first here, causes before
  /// consequences.
  private var all: [any Monitor] {
    [
      gsOwned, pageTablesOwned, flagsSanitised, interruptsAsClaimed, cleanExit, rspOwned, frameIntact, stackBounded,
      noKernelDeath, progress, noLeak, userStatePreserved,
    ]
  }

  public static var descriptions: [InvariantDescription] { Monitors().all.map { type(of: $0).description } }

  /// The one whose evidence depends on how many boundaries it is shown: whether it is broken does not, since when it is does.
  public static let interruptsAsClaimed = InterruptsAsClaimed.description.identifier

  /// Places at which interrupts are claimed to be on and are known to be off.
  public var knownFalselyOn: Set<UInt64> {
    get { interruptsAsClaimed.knownFalselyOn }
    set { interruptsAsClaimed.knownFalselyOn = newValue }
  }

  // MARK: What a run tells

  /// An event was delivered, or its frame could not be pushed.
  ///
  /// - Parameters:
  ///   - tables: the top table that was loaded.
  ///   - claimedOn: what the kernel claims of its interrupts at the place that was interrupted; nil for nothing.
  ///   - promise: where, and how, the state at the handler breaks what the kernel asked the platform for.
  public mutating func take(
    _ delivery: DeliveryRecord, tables: UInt64, claimedOn: Bool?, promise: (rip: UInt64, message: String)?
  ) {
    pageTablesOwned.take(delivery, tables: tables)
    flagsSanitised.take(delivery)
    interruptsAsClaimed.take(delivery, claimedOn: claimedOn, promise: promise)
    rspOwned.take(delivery)
    cleanExit.take(delivery)
    frameIntact.take(delivery)
    stackBounded.take(delivery)
    noKernelDeath.take(delivery)
  }

  /// An instruction or a hypercall returned to an RSP.
  public mutating func leave(to rsp: UInt64, isKernel: Bool, tables: Tables) {
    pageTablesOwned.leave(to: rsp, isKernel: isKernel, tables: tables)
    frameIntact.leave(to: rsp, isKernel: isKernel)
    flagsSanitised.leave(isKernel: isKernel)
  }

  /// Other page tables were loaded.
  public mutating func load(_ tables: Tables, isKernel: Bool) { pageTablesOwned.load(tables, isKernel: isKernel) }

  /// An instruction left a stack of a task's for another one.
  public mutating func leaveStack() { pageTablesOwned.leaveStack() }

  /// An instruction entered the kernel.
  public mutating func enter() { flagsSanitised.enter() }

  /// The run has reached a boundary in the kernel.
  public mutating func arrive(_ sight: Sight) {
    flagsSanitised.arrive(sight)
    interruptsAsClaimed.arrive(sight)
  }

  /// The instruction at the boundary is about to be executed.
  public mutating func execute(_ sight: Sight) { gsOwned.execute(sight) }

  /// Whether a monitor asks for the next boundary, whatever leads to it.
  public func needsEveryBoundary(_ sight: Sight) -> Bool {
    gsOwned.needsEveryBoundary(sight) || flagsSanitised.needsEveryBoundary(sight)
      || interruptsAsClaimed.needsEveryBoundary(sight)
  }

  // MARK: What is to come

  /// Nothing broke so far, here nor in the `other` run; and of whatever follows alike in both nothing is said here where nothing is said
  /// there. That of frames holds as long as none comes to lie where one is live: see `areApart`.
  public func goOn(as other: Monitors) -> Bool {
    gsOwned.goesOn(as: other.gsOwned) && pageTablesOwned.goesOn(as: other.pageTablesOwned)
      && flagsSanitised.goesOn(as: other.flagsSanitised) && interruptsAsClaimed.goesOn(as: other.interruptsAsClaimed)
      && rspOwned.goesOn(as: other.rspOwned) && cleanExit.goesOn(as: other.cleanExit)
      && frameIntact.goesOn(as: other.frameIntact) && stackBounded.goesOn(as: other.stackBounded)
      && noKernelDeath.goesOn(as: other.noKernelDeath)
  }

  /// No live frame lies at one of the places, and no return from one leads there.
  public func areApart(from places: [UInt64]) -> Bool { frameIntact.isApart(from: places) }

  // MARK: The end

  /// What broke first in a run at boundary `start` or later; nil when everything held.
  public func blame(_ run: Outcome, from start: Int = 0) -> (invariant: InvariantName, violation: Violation)? {
    var first: (invariant: InvariantName, violation: Violation)?
    for monitor in all {
      guard let violation = monitor.judge(run), violation.step >= start,
        first == nil || violation.step < first!.violation.step
      else { continue }
      first = (type(of: monitor).description.identifier, violation)
    }
    return first
  }
}
