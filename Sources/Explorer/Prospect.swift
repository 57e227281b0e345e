/// A boundary as far as what is still to come depends on it, but for RAM.
import Invariants
import Machine

struct Prospect {
  let state: SettledState
  /// The same without RF, where that decides nothing and is set.
  private let withoutResume: SettledState?
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
    withoutResume = run.computer.isEventDue ? nil : run.computer.processor.settledStateWithoutResume
    platform = run.computer.settledPlatform
    time = run.computer.processor.now
    position = run.computer.processor.position
    stack = run.stack
    hasRoom = run.hasRoom
    monitors = run.monitors
    printed = run.console.count
  }

  /// What goes on from here goes on as from the other place, and nothing is said of it where nothing is said there.
  func goesOn(as other: Prospect) -> Bool {
    time == other.time && hasRoom == other.hasRoom && printed == other.printed && stack == other.stack
      && (state == other.state || withoutResume == other.state) && platform == other.platform && monitors.goOn(as: other.monitors)
  }
}
