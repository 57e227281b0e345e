/// A whole check: platforms, profiles, crossings and postures, on as many threads as wanted, made into one report.
///
/// Every section is explored on a machine of its own state, so the report does not depend on the number of threads.
import Findings
import Foundation
import KernelImage
import Platform
import Search
import Subjects

public struct Checker: Sendable {
  public let kernel: KernelImage
  public let kernelPath: String
  public let probe: ProbeImage
  public let memory: Int
  public let append: String
  public let platforms: [PlatformName]
  public let profiles: [ProfileName]
  public let crossings: [CrossingKind]
  public let postures: [PostureName]
  public let events: [EventKind]
  public let ablations: [Ablation]
  public let jobs: Int
  public let witnessFolder: String
  /// A boot to the probe is given up after this many instructions.
  public let bootBound: UInt64
  /// A kernel that does not reach the probe has failed the check; else it is none to check.
  public let judgesBoot: Bool
  /// Nothing is left out that could be run.
  public let stepped: Bool
  /// What is known of a trial is not run.
  public let prunes: Bool
  /// What runs below the kernel, where a platform needs it, and where its image lies.
  public var hypervisor: (below: Guest.Hypervisor, path: String)?
  /// The most events of one path, 1 to 3.
  public var depth = 1
  /// Crossings of which a path has two events, whatever `depth` says, on bare metal from `normal`.
  public var nestingCrossings: Set<CrossingKind> = []
  /// A section ends after this many instructions, baseline and trials together, complete or not.
  public var sectionBound = Checker.standardSectionBound
  /// Events that come from a malicious host alone are injected too, where they are among the events.
  public var hostIsMalicious = false
  /// Postures that a crossing is taken from as well; a pair that the machine has not is no section.
  public var furtherPostures: [CrossingKind: [PostureName]] = [:]
  /// Sections of the same question that are known: they are taken over, and not explored.
  public var known: [CheckSection] = []
  /// Hears of every section that was explored to the end, as soon as it was, on the thread that did.
  public var keep: @Sendable (CheckSection) -> Void = { _ in }
  /// Hears what is wrong without being an error, a sentence each.
  public var warn: @Sendable (String) -> Void = { _ in }

  public init(
    kernel: KernelImage, kernelPath: String, probe: ProbeImage, memory: Int, append: String,
    platforms: [PlatformName] = [.bareMetal], profiles: [ProfileName], crossings: [CrossingKind],
    postures: [PostureName], events: [EventKind], ablations: [Ablation], jobs: Int, witnessFolder: String,
    bootBound: UInt64 = BootSnapshot.standardBound, judgesBoot: Bool = false, stepped: Bool = false, prunes: Bool = true
  ) {
    self.kernel = kernel
    self.kernelPath = kernelPath
    self.probe = probe
    self.memory = memory
    self.append = append
    self.platforms = platforms
    self.profiles = profiles
    self.crossings = crossings
    self.postures = postures
    self.events = events
    self.ablations = ablations
    self.jobs = jobs
    self.witnessFolder = witnessFolder
    self.bootBound = bootBound
    self.judgesBoot = judgesBoot
    self.stepped = stepped
    self.prunes = prunes
  }

  public struct Result: Sendable {
    public var report: CheckReport
    public var witnesses: [Witness]
    /// What the parts of each crossing that ran cost.
    package var parts: [Task: CrossingParts]
    /// What became of each event at each boundary of the crossings that were explored.
    package var arrivals: [Task: [[EventKind: Arrival]]]
  }

  /// A digest of the program that looks.
  public static var build: String { BootSnapshot.build }

  /// Of the guest, in MiB.
  public static let standardMemory = 512

  public static let standardSectionBound = Supervision.standardBound

  /// Warnings and worse reach the console, where they are evidence; the rest would only make the boot longer.
  static let probeCommandLine = "panic=-1 loglevel=5"

  /// A platform under a profile: what one boot serves.
  package struct Combination: Hashable, Sendable {
    package var platform: PlatformName
    package var profile: ProfileName

    package init(platform: PlatformName, profile: ProfileName) {
      self.platform = platform
      self.profile = profile
    }

    /// For a terminal: bare metal goes without saying.
    package var title: String {
      platform == .bareMetal ? profile.rawValue : "\(platform.rawValue), \(profile.rawValue)"
    }
  }

  /// Every machine that was asked for.
  package var combinations: [Combination] {
    platforms.flatMap { platform in profiles.map { Combination(platform: platform, profile: $0) } }
  }

  /// One section of the report.
  package struct Task: Hashable, Sendable {
    package var machine: Combination
    package var crossing: CrossingKind
    package var posture: PostureName

    package init(machine: Combination, crossing: CrossingKind, posture: PostureName) {
      self.machine = machine
      self.crossing = crossing
      self.posture = posture
    }

    /// The one that a section answers.
    package init(_ section: CheckSection) {
      self.init(
        machine: Combination(platform: section.platform, profile: section.profile), crossing: section.crossing,
        posture: section.posture)
    }
  }

  package func snapshot(_ machine: Combination) throws -> BootSnapshot {
    guard let type = machine.platform.computer else { throw Guest.Refusal.noPlatform(machine.platform) }
    if machine.platform == .bareMetal && kernel.bootProtocol == .multiboot {
      throw Guest.Refusal.noProbe(kernel: kernel.name)
    }
    let line = [type.commandLine, Self.probeCommandLine, append].filter { !$0.isEmpty }.joined(separator: " ")
    var guest = Guest(
      kernel: kernel, initrd: try Initramfs.running(probe.bytes).archive, commandLine: line, memory: memory)
    let isAbove = machine.platform.needsHypervisor
    if isAbove { guest.hypervisor = hypervisor?.below }
    return BootSnapshot(
      guest: guest, probe: probe, platform: machine.platform, profile: machine.profile.processor,
      bound: bootBound + (isAbove ? BootSnapshot.hypervisorBound : 0),
      cache: judgesBoot ? BootSnapshot.designCache : BootSnapshot.standardCache)
  }

  /// Postures that were asked for, and those in which a guard stands that is to be taken away.
  private var namedPostures: [PostureName] {
    ablations.compactMap(\.posture).reduce(into: postures) { if !$0.contains($1) { $0.append($1) } }
  }

  /// Nobody named the posture: where the machine has it not, or the kernel does not run at all, nothing is missing.
  func isOptional(_ task: Task) -> Bool { !namedPostures.contains(task.posture) }

  /// Every section that was asked for, in the report's order.
  package var tasks: [Task] {
    let wanted = namedPostures
    return combinations.flatMap { machine in
      crossings.flatMap { crossing in
        let others = furtherPostures[crossing] ?? []
        return (wanted + others.filter { !wanted.contains($0) }).map {
          Task(machine: machine, crossing: crossing, posture: $0)
        }
      }
    }.sorted {
      ($0.machine.platform, $0.machine.profile, $0.crossing, $0.posture)
        < ($1.machine.platform, $1.machine.profile, $1.crossing, $1.posture)
    }
  }

  /// Throws what is wrong with the options or the image and no section can tell, before anything is explored.
  public func verify() throws {
    for platform in platforms {
      do {
        let snapshot = try snapshot(Combination(platform: platform, profile: profiles[0]))
        if snapshot.isKept { continue }
        _ = try snapshot.guest.computer(on: platform, profile: snapshot.profile)
      } catch let refusal as Guest.Refusal where refusal.exitStatus == .unsupported {
        // A section says it.
      } catch let error as ImageError where error.kind == .unsupported {}
    }
  }

  /// Explores everything. `progress` hears how far it is, `each` every section in the report's order as soon as it is known.
  /// A reason that `stop` gives ends the check; it is asked for all the time, and what is not explored by then is inconclusive.
  public func check(
    stop: () -> String? = { nil }, each: (CheckSection) throws -> Void = { _ in },
    progress: @escaping @Sendable (CheckStage) -> Void
  ) throws -> Result {
    let answers = try Survey(self, progress: progress).answers(stop: stop) { try each($0.sourced(sourceLine)) }
    let report = CheckReport(
      kernel: identity, ablations: ablations.map(\.name), sections: answers.values.map(\.section))
    let sourced = CheckReport(
      kernel: identity, ablations: report.ablations, sections: report.sections.map { $0.sourced(sourceLine) })
    return Result(
      report: sourced, witnesses: witnesses(of: report), parts: answers.compactMapValues(\.parts),
      arrivals: answers.mapValues(\.arrivals))
  }

  /// The first machine at the probe's request.
  func ready(_ progress: (String) -> Void) throws -> ReadyMachine {
    let machine = try snapshot(combinations[0]).ready(
      progress: { progress("booting: \($0 / 1_000_000) million instructions") }, warn: warn)
    progress("running the crossing")
    return machine
  }

  public var identity: KernelIdentity {
    KernelIdentity(
      name: URL(filePath: kernelPath).lastPathComponent, sha256: kernel.digest, release: kernel.release,
      symbols: kernel.symbols.isEmpty ? .nowhere : kernel.symbolsAreGiven ? .file : nil)
  }

  /// What the instruction there was made from, as far as line tables say it.
  func sourceLine(_ address: UInt64) -> SourceLine? {
    kernel.sourceLines?.place(of: address).map { SourceLine(file: $0.file, line: $0.line) }
  }

  /// Those that are asked for, without what is the host's alone where it means no harm.
  var injectedEvents: [EventKind] { events.filter { hostIsMalicious || !$0.isFromHost } }

  private func depth(of task: Task) -> Int {
    let nests =
      nestingCrossings.contains(task.crossing) && task.posture == "normal" && task.machine.platform == .bareMetal
    return nests ? max(depth, 2) : depth
  }

  func exploration(_ task: Task, on machine: ReadyMachine) -> Exploration {
    Exploration(
      machine, crossing: task.crossing, posture: task.posture,
      events: injectedEvents, ablations: ablations,
      stepped: stepped, prunes: prunes, depth: depth(of: task)
    ) { invariant, path in
      if self.witnessFolder.isEmpty { return self.traceLine(task, path) }
      let witness = self.witness(task, invariant, path)
      return "limen replay \(shellQuoted("\(self.witnessFolder)/\(witness.fileName)"))"
    }
  }

  /// What shows a run of which there is no witness.
  private func traceLine(_ task: Task, _ path: Path) -> String {
    var words = [
      "limen trace", shellQuoted(kernelPath), "--platform", task.machine.platform.rawValue, "--profile",
      task.machine.profile.rawValue, "--crossing", task.crossing.rawValue, "--posture", task.posture.rawValue,
    ]
    if memory != Checker.standardMemory { words += ["--memory", "\(memory)"] }
    if !append.isEmpty { words += ["--append", shellQuoted(append)] }
    if !ablations.isEmpty { words += ["--ablate", ablations.map(\.rawValue).joined(separator: ",")] }
    if task.machine.platform.needsHypervisor, let hypervisor {
      words += ["--hypervisor", shellQuoted(hypervisor.path)]
      if !hypervisor.below.commandLine.isEmpty {
        words += ["--hypervisor-append", shellQuoted(hypervisor.below.commandLine)]
      }
    }
    for step in path.steps { words += ["--inject", "\(step.boundary):\(step.event.rawValue)"] }
    return words.joined(separator: " ")
  }

  private func witness(_ task: Task, _ invariant: InvariantName, _ path: Path) -> Witness {
    Witness(
      kernel: identity, kernelPath: kernelPath, platform: task.machine.platform, profile: task.machine.profile,
      memory: memory, commandLine: append, crossing: task.crossing, posture: task.posture,
      ablations: ablations.map(\.name), invariant: invariant, path: path,
      hypervisor: task.machine.platform.needsHypervisor ? hypervisor.map(Witness.Hypervisor.init) : nil)
  }

  private func witnesses(of report: CheckReport) -> [Witness] {
    report.sections.flatMap { section in
      section.findings.filter { _ in section.baseline != nil }.map { witness(Task(section), $0.invariant, $0.path) }
    }
  }

  /// Runs one path again and judges it alone.
  public func replay(_ path: Path, line: String, progress: (String) -> Void) throws -> CheckReport {
    let machine = try ready(progress)
    let exploration = Exploration(
      machine, crossing: crossings[0], posture: postures[0], events: [], ablations: ablations
    ) { _, _ in line }
    return CheckReport(
      kernel: identity, ablations: ablations.map(\.name),
      sections: [try exploration.replay(path).sourced(sourceLine)])
  }
}

extension Witness.Hypervisor {
  fileprivate init(_ hypervisor: (below: Guest.Hypervisor, path: String)) {
    self.init(
      identity: KernelIdentity(
        name: URL(filePath: hypervisor.path).lastPathComponent, sha256: hypervisor.below.image.digest),
      path: hypervisor.path, commandLine: hypervisor.below.commandLine)
  }
}
