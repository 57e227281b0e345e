/// A model of a hypervisor held against the hypervisor's own bytes: each crossing on both, without events, and with each event at each
/// boundary of the guest.
import Findings
import Platform
import Subjects

extension Checker {
  /// Two names of what is one event to the guest.
  private struct Pair {
    var model: EventKind
    var original: EventKind
  }

  /// A virtual machine check is not among them: Xen makes one of an error that a bank describes and that concerns the guest's memory, the model
  /// whenever it is asked.
  private static let pairs = [
    Pair(model: .nmiCallback, original: .nmi), Pair(model: .eventUpcall, original: .eventUpcall),
    Pair(model: .debugBreakpoint, original: .debugBreakpoint),
  ]

  /// Both of the platforms are among those that were asked for.
  var holdsModelAgainstOriginal: Bool { platforms.contains(.xenPV) && platforms.contains(.xen) }

  /// Every crossing from every posture on both, for each profile.
  func agreements(stop: () -> String?, progress: (CheckStage) -> Void) throws -> [Agreement] {
    guard holdsModelAgainstOriginal else { return [] }
    var result: [Agreement] = []
    for profile in profiles {
      var machines: (model: ReadyMachine, original: ReadyMachine)?
      var refusal: Verdict?
      for task in tasks where task.machine == Combination(platform: .xen, profile: profile) {
        func answer(_ verdict: Verdict) -> Agreement {
          Agreement(
            kernel: identity, profile: profile, crossing: task.crossing, posture: task.posture, verdict: verdict)
        }
        if let reason = stop() {
          result.append(answer(.inconclusive(bound: reason)))
          continue
        }
        if machines == nil && refusal == nil {
          do {
            machines = (try ready(.xenPV, profile, progress), try ready(.xen, profile, progress))
          } catch {
            // What stopped a machine its own sections say.
            refusal = try section(task, after: error, isFirst: true).verdict
          }
        }
        if let refusal {
          result.append(answer(refusal))
          continue
        }
        do {
          result.append(try agreement(task, machines!, stop: stop, progress: progress))
        } catch let stop as Stop {
          result.append(answer(stop.verdict))
        }
      }
    }
    return result
  }

  private func ready(
    _ platform: PlatformName, _ profile: ProfileName, _ progress: (CheckStage) -> Void
  ) throws -> ReadyMachine {
    let machine = Combination(platform: platform, profile: profile)
    return try snapshot(machine).ready(
      progress: { progress(.booting(machine: machine.title, instructions: $0)) }, warn: warn)
  }

  private func agreement(
    _ task: Task, _ machines: (model: ReadyMachine, original: ReadyMachine), stop: () -> String?,
    progress: (CheckStage) -> Void
  ) throws -> Agreement {
    let model = try GuestRecorder(machines.model, task.crossing, from: task.posture)
    defer { model.leave() }
    let original = try GuestRecorder(machines.original, task.crossing, from: task.posture)
    defer { original.leave() }
    var comparison = SightComparison(locate: machines.original.location)

    let theirs = original.record()
    let mine = model.record(wanted: Set(theirs.entries.map(\.index)))
    let whole = comparison.compare(mine, theirs, nil)
    var result = Agreement(
      kernel: identity, profile: task.machine.profile, crossing: task.crossing, posture: task.posture, verdict: .held,
      boundaries: theirs.boundaries.count, entries: whole.entries)
    // Behind a place at which the crossing itself goes apart no boundary of one is one of the other.
    let common = zip(mine.rips, theirs.rips).prefix { $0 == $1 }.count
    var cut: String?
    for pair in Self.pairs where events.contains(pair.model) || events.contains(pair.original) {
      var trials = AgreementTrials(model: pair.model, original: pair.original)
      for index in 0..<common {
        cut = cut ?? stop()
        if cut != nil { break }
        progress(
          .exploring(
            CheckAdvance(
              title: "xen-pv against xen, \(task.machine.profile.rawValue) \(task.crossing.rawValue)/\(task.posture)",
              section: 1, sections: 1, finished: 0, wanted: 1, boundary: index, boundaries: common,
              paths: trials.trials)))
        let ones = original.record([theirs.boundaries[index]: pair.original])
        let others = model.record(
          [mine.boundaries[index]: pair.model], wanted: Set(ones.entries.map(\.index)))
        guard ones.happened && others.happened else {
          if ones.happened != others.happened { trials.oneSided += 1 }
          continue
        }
        let step = PathStep(
          boundary: theirs.boundaries[index], location: machines.original.location(theirs.rips[index]),
          event: pair.original)
        let count = comparison.compare(others, ones, step)
        trials.trials += 1
        trials.entries += count.entries
        if count.parted { trials.parted += 1 }
      }
      result.trials.append(trials)
    }
    result.differences = comparison.differences
    if !result.differences.isEmpty {
      result.verdict = .violated
    } else if let cut {
      result.verdict = .inconclusive(bound: cut)
    }
    return result
  }
}
