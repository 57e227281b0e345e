/// What of a run has to be taken back with its machine.
import Findings
import Invariants
import Platform

extension Run {
  /// State of the run that a fork of the computer does not hold.
  package struct Mark {
    var stack: StackOwner
    var hasRoom: Bool
    var digest: RunDigest
    var writes: StateWrites
    var swapgsSeen: Int
    var struck: Set<Ablation>
    var monitors: Monitors
    var deliveries: [DeliveryRecord]
    var injected: (event: EventKind, boundary: BoundaryState)?
    var entered: Bool
    var kernelIsToBeEntered: Bool
    var isBelow: Bool
    var left: LeftGuest?
    var crossedAt: Int?
    var console: [UInt8]
    var lastNMI: UInt64
    var alarmIsDue: Bool
    var leftStack: UInt64?
  }

  /// How far the run has come, as far as what follows hangs on it.
  package struct Phase: Hashable {
    /// The crossing lies behind, and the kernel has been entered since it began, or what came before it.
    let isCrossed: Bool
    let entered: Bool
    let kernelIsToBeEntered: Bool
    let isBelow: Bool
    let alarmIsDue: Bool
  }
}
