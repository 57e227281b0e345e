/// What the virtual CPU is doing and for how long it has. Xen `xen/common/sched/core.c`, `vcpu_runstate_change`;
/// `xen/common/domain.c`, `update_runstate_area`; `xen/include/public/vcpu.h`, `struct vcpu_runstate_info`.
public struct Runstate: Sendable, Codable, Hashable {
  /// RUNSTATE_*.
  public enum State: UInt32, Sendable, Codable {
    case running, runnable, blocked, offline
  }
  public var state = State.running
  public var entered: UInt64 = 0
  /// Nanoseconds in each state before the current one was entered.
  public var times: [UInt64] = [0, 0, 0, 0]

  public init() {}

  /// XEN_RUNSTATE_UPDATE, in state_entry_time: the area is being written.
  static let update: UInt64 = 1 << 63

  /// struct vcpu_runstate_info: { int state; u64 state_entry_time @8; u64 time[4]; }.
  func bytes(at now: UInt64? = nil) -> [UInt8] {
    var times = times
    if let now { times[Int(state.rawValue)] &+= now &- entered }
    return littleEndian(UInt64(state.rawValue)) + littleEndian(entered) + times.flatMap(littleEndian)
  }
}

extension XenPVComputer {
  /// vcpu_runstate_change, with what the guest sees of it: only that it runs, since when, and the times before.
  func enter(_ state: Runstate.State) {
    guard state != domain.vcpu.runstate.state else { return }
    domain.vcpu.runstate.times[Int(domain.vcpu.runstate.state.rawValue)] &+= now &- domain.vcpu.runstate.entered
    domain.vcpu.runstate.state = state
    domain.vcpu.runstate.entered = now
    if state == .running { updateRunstateArea() }
  }

  /// update_runstate_area. Only the kernel blocks, so its page tables are the current ones.
  func updateRunstateArea() {
    let area = domain.vcpu.runstateArea
    guard area != 0 else { return }
    if domain.hasAssist(.runstateUpdateFlag) {
      processor.copyToGuest(littleEndian(domain.vcpu.runstate.entered | Runstate.update), area &+ 8)
    }
    processor.copyToGuest(domain.vcpu.runstate.bytes(), area)
  }
}
