/// A boundary as far as what is still to come depends on it, but for RAM.
import Execution
import Invariants
import Machine
import Platform

final class Prospect {
  let state: SettledState
  /// The same where what goes on goes on alike, and elsewhere as a rule not. Trials are kept by it: how many of them at one key is bounded, and
  /// those that others than this state's monitors have seen are of no use here.
  private(set) lazy var key: Int = {
    var hasher = Hasher()
    state.hash(into: &hasher)
    monitors.hash(into: &hasher)
    return hasher.finalize()
  }()
  /// RF is set and decides nothing.
  private let resumeDecidesNothing: Bool
  /// The platform's state: see `PlatformComputer.settledPlatform`.
  let platform: Int
  private let platformBlockingNMIs: Int?
  /// What the clocks show; and the nanoseconds that have passed, of which they show the last step.
  let time: UInt64
  let fineTime: UInt64
  let position: UInt64
  /// What the run says of it.
  let phase: Run.Phase
  let stack: StackOwner
  let hasRoom: Bool
  let monitors: Monitors
  /// Bytes on the console so far.
  let printed: Int
  /// What had happened so far.
  let digest: RunDigest

  init(_ run: Run, on computer: any PlatformComputer) {
    state = computer.processor.settledState
    resumeDecidesNothing = !computer.isEventDue && computer.processor.resumeDecidesNothing
    platform = computer.settledPlatform(blockingNMIs: false)
    platformBlockingNMIs = computer.blocksNMIsItself ? computer.settledPlatform(blockingNMIs: true) : nil
    time = computer.processor.now
    fineTime = computer.processor.fineTime
    position = computer.processor.position
    phase = run.phase
    stack = run.stack
    hasRoom = run.hasRoom
    monitors = run.monitors.fork()
    printed = run.printed
    digest = run.digest
  }

  /// What goes on from here goes on as from the other place, and nothing is said of it where nothing is said there.
  ///
  /// - Parameter hasNMIs: NMIs may still come. Where none does it decides nothing that they are let in earlier; that they are let in
  ///   in the end the other says.
  /// - Parameter readsDebugStatus: DR6 may be read. Where it is not, it decides nothing what it holds.
  /// - Parameter apart: what goes on touches no frame that is live here or there.
  func goesOn(
    as other: Prospect, hasNMIs: Bool = true, readsDebugStatus: Bool = true, apart: Bool = false
  ) -> Bool {
    (platform == other.platform || !hasNMIs && platformBlockingNMIs == other.platform)
      && isBeside(other, apart: apart) && isSettled(as: other, hasNMIs, readsDebugStatus)
  }

  /// The processor goes on from here as from the other place, as long as no event comes; the platform, like RAM, may not, and so may ask for an
  /// interrupt here and for none there.
  func goesOnBeside(_ other: Prospect) -> Bool {
    guard isBeside(other) else { return false }
    if state.hasInterruptLine == other.state.hasInterruptLine { return isSettled(as: other, true, true) }
    return state.withoutInterruptLine == other.state.withoutInterruptLine
  }

  private func isBeside(_ other: Prospect, apart: Bool = false) -> Bool {
    time == other.time && phase == other.phase && hasRoom == other.hasRoom && printed == other.printed
      && stack == other.stack
      && monitors.goOn(as: other.monitors, apart: apart)
  }

  private func isSettled(as other: Prospect, _ hasNMIs: Bool, _ readsDebugStatus: Bool) -> Bool {
    // MEASURED: as a rule they are equal as they stand, and to copy them first took 2 % of a search.
    if state == other.state { return true }
    var (state, there) = (state, other.state)
    if resumeDecidesNothing && !there.hasResume {
      state = state.withoutResume
      if state == there { return true }
    }
    if !readsDebugStatus && state.debugStatus != there.debugStatus {
      (state, there) = (state.withoutDebugStatus, there.withoutDebugStatus)
      if state == there { return true }
    }
    return !hasNMIs && state.blockingNMIs == there
  }
}
