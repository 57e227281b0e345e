/// What a check says of a machine on which the kernel did not reach the probe, where that is the kernel's failure.
import Findings
import Invariants

extension Checker {
  /// The section of one task. Only the first of a machine's tells what happened; the rest could not be asked.
  func section(_ task: Task, after refusal: BootSnapshot.Refusal, isFirst: Bool) -> CheckSection {
    func section(_ verdict: Verdict, _ findings: [Finding] = []) -> CheckSection {
      CheckSection(
        platform: task.machine.platform, profile: task.machine.profile, crossing: task.crossing, posture: task.posture,
        verdict: verdict,
        invariants: findings.map { InvariantVerdict(invariant: $0.invariant, verdict: .violated) }, findings: findings)
    }
    switch refusal {
    case .died(_, let how, let place, let words) where isFirst:
      let finding = Finding(
        invariant: NoKernelDeath().description.identifier,
        message: "the kernel died on its way to the probe: \(how)" + (words.isEmpty ? "" : "; it last said: \(words)"),
        location: place, path: Path(),
        replay: "limen check \(kernelPath) --platform \(task.machine.platform.rawValue) --profile "
          + "\(task.machine.profile.rawValue) --crossing \(task.crossing.rawValue)")
      return section(.violated, [finding])
    case .died: return section(.inconclusive(bound: "the kernel did not reach the probe"))
    case .unsupported(_, let what, let place): return section(.unsupported(what: what, where: "\(place)"))
    case .tooLong(_, let instructions, let place):
      return section(
        .inconclusive(
          bound:
            "the kernel did not reach the probe within \(instructions / 1_000_000) million instructions; it stands at "
            + "\(place)"))
    }
  }
}
