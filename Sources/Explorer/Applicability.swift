/// What of the names that options take applies to a kernel on one machine, and why the rest does not: asked of the machine that waits for
/// the probe's request.
import Execution
import Findings
import Invariants
import Platform
import Subjects

public struct Applicability: Sendable {
  public struct Entry: Sendable {
    public var name: String
    /// Why it does not apply, as a clause; nil where it does.
    public var obstacle: String?
    /// What more there is to say where it does.
    public var detail: String?
  }

  public var crossings: [Entry]
  public var postures: [Entry]
  public var events: [Entry]
  public var invariants: [Entry]
  public var ablations: [Entry]
}

extension Checker {
  /// Of the first platform under the first profile. The guards that `ablations` take away are those of the kernel as it waits: one that strikes
  /// at the crossing may still find nothing there.
  public func applicability(progress: (String) -> Void) throws -> Applicability {
    let machine = try ready(progress)
    machine.lookAround()
    return Applicability(
      crossings: try crossings(of: machine), postures: try postures(of: machine), events: Self.events(of: machine),
      invariants: Self.invariants(of: machine), ablations: Self.ablations(of: machine))
  }

  private func crossings(of machine: ReadyMachine) throws -> [Applicability.Entry] {
    try CrossingKind.allCases.map { crossing in
      let free = try probe.postures.filter { try machine.obstacle(to: crossing, from: $0) == nil }
      let why = free.isEmpty ? try machine.obstacle(to: crossing, from: "normal") : nil
      return Applicability.Entry(name: crossing.rawValue, obstacle: why, detail: "from \(free.count) postures")
    }
  }

  private func postures(of machine: ReadyMachine) throws -> [Applicability.Entry] {
    try probe.postures.map { posture in
      let free = try CrossingKind.allCases.filter { try machine.obstacle(to: $0, from: posture) == nil }
      let why = free.isEmpty ? try machine.obstacle(to: .syscall64, from: posture) : nil
      return Applicability.Entry(
        name: posture.rawValue, obstacle: why, detail: "for \(free.map(\.rawValue).joined(separator: ", "))")
    }
  }

  private static func events(of machine: ReadyMachine) -> [Applicability.Entry] {
    let platform = machine.computer.platform
    let known = type(of: machine.computer).events
    return EventKind.allCases.map { event in
      let others = PlatformName.existing.filter { $0.computer?.events.contains(event) == true }
      let owner = "of \(others.map(\.rawValue).joined(separator: ", ")) alone"
      return Applicability.Entry(
        name: event.rawValue, obstacle: known.contains(event) ? nil : "not an event of \(platform.rawValue): \(owner)",
        detail: event.isFromHost
          ? "with --host malicious" : EventKind.usual.contains(event) ? nil : "where --event names it")
    }
  }

  private static func invariants(of machine: ReadyMachine) -> [Applicability.Entry] {
    Monitors.descriptions.map { invariant in
      Applicability.Entry(name: invariant.identifier.rawValue, obstacle: machine.whyUnasked(invariant.identifier))
    }
  }

  private static func ablations(of machine: ReadyMachine) -> [Applicability.Entry] {
    Ablation.allCases.map { ablation in
      let platform = machine.computer.platform
      guard ablation.platform == platform else {
        return Applicability.Entry(
          name: ablation.rawValue, obstacle: "a guard of \(ablation.platform.rawValue), not of \(platform.rawValue)")
      }
      machine.computer.fork()
      defer {
        machine.computer.restore()
        machine.computer.drop()
      }
      let why = machine.computer.prepare(ablation)
      return Applicability.Entry(name: ablation.rawValue, obstacle: why.map { "\($0)" })
    }
  }
}
