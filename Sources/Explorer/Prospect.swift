/// A boundary as far as what is still to come depends on it, but for RAM.
import Invariants
import Machine

struct Prospect {
  let state: SettledState
  /// RF is set and decides nothing.
  private let resumeDecidesNothing: Bool
  /// The platform's state: see `PlatformComputer.settledPlatform`.
  let platform: Int
  let time: UInt64
  let position: UInt64
  /// What the run says of it.
  let stack: StackOwner
  let hasRoom: Bool
  let monitors: Monitors
  /// Bytes on the console so far.
  let printed: Int

  init(_ run: Run) {
    state = run.computer.processor.settledState
    resumeDecidesNothing = !run.computer.isEventDue && run.computer.processor.resumeDecidesNothing
    platform = run.computer.settledPlatform
    time = run.computer.processor.now
    position = run.computer.processor.position
    stack = run.stack
    hasRoom = run.hasRoom
    monitors = run.monitors
    printed = run.console.count
  }

  /// What goes on from here goes on as from the other place, and nothing is said of it where nothing is said there.
  ///
  /// - Parameter hasNMIs: NMIs may still come, so that it decides something whether they are blocked.
  func goesOn(as other: Prospect, hasNMIs: Bool = true) -> Bool {
    guard time == other.time, hasRoom == other.hasRoom, printed == other.printed, stack == other.stack,
      platform == other.platform, monitors.goOn(as: other.monitors)
    else { return false }
    var state = state
    if resumeDecidesNothing && !other.state.hasResume { state = state.withoutResume }
    if !hasNMIs { state = state.blockingNMIs(as: other.state) }
    return state == other.state
  }
}
