/// What a check says of a machine on which the kernel did not reach the probe: each of its sections says why.
///
/// Of a design that is the design's failure. Of any other kernel it is not known whose it is, and the question stays open.
import Findings
import Invariants
import KernelImage
import Platform
import Subjects

extension Checker {
  /// A section of which there is nothing but the verdict.
  func section(_ task: Task, _ verdict: Verdict, _ findings: [Finding] = []) -> CheckSection {
    CheckSection(
      platform: task.machine.platform, profile: task.machine.profile, crossing: task.crossing, posture: task.posture,
      verdict: verdict,
      invariants: findings.map { InvariantVerdict(invariant: $0.invariant, verdict: .violated) }, findings: findings)
  }

  /// The section of one task. Only the first of a machine's has a finding; the rest could not be asked. Throws what is about the
  /// options, or is a bug.
  func section(_ task: Task, after error: any Error, isFirst: Bool) throws -> CheckSection {
    switch error {
    case let refusal as BootSnapshot.Refusal: return section(task, after: refusal, isFirst: isFirst)
    case let refusal as Guest.Refusal:
      if case .noMemory = refusal { return section(task, .inconclusive(bound: "\(refusal)")) }
      guard refusal.exitStatus == .unsupported else { throw error }
      return section(task, unsupported: "\(refusal)")
    case let error as ImageError where error.kind == .unsupported: return section(task, unsupported: "\(error)")
    default: throw error
    }
  }

  /// The section stands under the kernel's name, and its verdict says what it is.
  private func section(_ task: Task, unsupported text: String) -> CheckSection {
    let reason = text.trimmingPrefix("\(kernel.name): ").trimmingPrefix("unsupported: ")
    return section(task, .unsupported(what: String(reason), where: "its start"))
  }

  private func section(_ task: Task, after refusal: BootSnapshot.Refusal, isFirst: Bool) -> CheckSection {
    switch refusal {
    case .died(_, let how, let place, let words):
      let death = "\(how)" + (words.isEmpty ? "" : "; it last said: \(words)")
      guard judgesBoot else {
        return section(
          task, .inconclusive(bound: "the kernel did not reach the probe: it died at \(place): \(death)"))
      }
      guard isFirst else { return section(task, .inconclusive(bound: "the kernel did not reach the probe")) }
      let finding = Finding(
        invariant: NoKernelDeath.description.identifier,
        message: "the kernel died on its way to the probe: \(death)", location: place, path: Path(),
        replay: "limen check \(shellQuoted(kernelPath)) --platform \(task.machine.platform.rawValue) --profile "
          + "\(task.machine.profile.rawValue) --crossing \(task.crossing.rawValue)")
      return section(task, .violated, [finding])
    case .unsupported(_, let what, let place):
      return section(task, .unsupported(what: what, where: "\(place)"))
    case .tooLong(_, let instructions, let place):
      return section(
        task,
        .inconclusive(
          bound:
            "the kernel did not reach the probe within \(instructions / 1_000_000) million instructions; it stands at "
            + "\(place) (--bound sets another bound)"))
    }
  }
}
