/// The runs that the questions share, each made once: every design's thresholds on every machine with every event, and what
/// system calls show from every posture.
import Explorer
import Findings
import Foundation
import Platform
import Subjects

public final class ThreadRuns {
  let designs: [ThreadKernel]
  let others: [ThreadKernel]
  let probe: ProbeImage
  let memory: Int
  let jobs: Int
  /// A reason to end before everything ran, asked for all the time.
  public var stop: () -> String? = { nil }
  /// What runs below the kernels on the platform that is a hypervisor's own bytes, and where its image lies.
  public var hypervisor: (below: Guest.Hypervisor, path: String)?
  /// Hears what is wrong without being an error, a sentence each.
  public var warn: @Sendable (String) -> Void = { _ in }

  /// The crossings that go through a threshold.
  static let crossings: [CrossingKind] = [.syscall64, .syscall32, .sysenter]

  /// The crossings whose frames are looked at, from every posture.
  private static let framed: [CrossingKind] = [.syscall64, .sysenter, .int80, .sigreturn]
  /// What the thresholds of Linux and of the reference kernel call to do a system call's work: where the way in ends and the
  /// way out begins.
  static let work = "do_syscall_64"

  private var cells: [String: [Checker.Task: DiffCell]] = [:]
  private var parts: [String: [PlatformName: CrossingParts]] = [:]
  private(set) var hypervisorParts: [String: [ProfileName: CrossingParts]] = [:]
  private var frames: [String: [PlatformName: [SystemCallFrames]]] = [:]

  public init(designs: [ThreadKernel], others: [ThreadKernel], probe: ProbeImage, memory: Int, jobs: Int) {
    self.designs = designs
    self.others = others
    self.probe = probe
    self.memory = memory
    self.jobs = jobs
  }

  /// Makes every run.
  public func make(progress: @escaping @Sendable (String) -> Void) throws {
    for kernel in designs {
      try check(kernel, PlatformName.running, ProfileName.plain, Self.crossings, progress)
      if stop() == nil { try look(kernel, progress) }
    }
    for kernel in others {
      try check(kernel, [.xenPV], [.intel], [.syscall64], progress)
      let own = checker(kernel, [.xenPV], [.intel], [])
      if stop() == nil, let machine = try? own.snapshot(.init(platform: .xenPV, profile: .intel)).ready() {
        try count(kernel, machine)
      }
    }
  }

  private func checker(
    _ kernel: ThreadKernel, _ platforms: [PlatformName], _ profiles: [ProfileName], _ crossings: [CrossingKind]
  ) -> Checker {
    var checker = Checker(
      kernel: kernel.image, kernelPath: kernel.name, probe: probe, memory: memory, append: "", platforms: platforms,
      profiles: profiles, crossings: crossings, postures: ["normal"], events: EventKind.usual, ablations: [],
      jobs: jobs, witnessFolder: "limen-witnesses", bootBound: kernel.bootBound, judgesBoot: kernel.isDesign)
    checker.warn = warn
    checker.hypervisor = hypervisor
    return checker
  }

  private func check(
    _ kernel: ThreadKernel, _ platforms: [PlatformName], _ profiles: [ProfileName], _ crossings: [CrossingKind],
    _ progress: @escaping @Sendable (String) -> Void
  ) throws {
    let result = try checker(kernel, platforms, profiles, crossings).check(stop: stop) {
      progress("\(kernel.title): \($0)")
    }
    var own: [Checker.Task: DiffCell] = [:]
    for section in result.report.sections {
      let task = Checker.Task(section)
      own[task] = DiffCell(section: section, parts: result.parts[task])
    }
    cells[kernel.title] = own
  }

  /// The frames of system calls and of signal returns, on Intel's processor.
  private func look(_ kernel: ThreadKernel, _ progress: @Sendable (String) -> Void) throws {
    let join = kernel.image.symbols.lookup("entry_join")
    for platform in PlatformName.running {
      progress("\(kernel.title): frames on \(platform.rawValue)")
      let checker = checker(kernel, [platform], [.intel], [])
      guard let machine = try? checker.snapshot(.init(platform: platform, profile: .intel)).ready() else { continue }
      frames[kernel.title, default: [:]][platform] =
        try Self.framed.flatMap { try machine.frames($0, join: $0 == .syscall64 ? join : nil) }
      try count(kernel, machine)
    }
    // AMD's processor has SYSCALL in compatibility code, Intel's has not.
    let checker = checker(kernel, [.xenPV], [.amd], [])
    if let machine = try? checker.snapshot(.init(platform: .xenPV, profile: .amd)).ready() {
      frames[kernel.title, default: [:]][.xenPV, default: []] += try machine.frames(.syscall32, join: nil)
    }
  }

  /// Runs the system call of every kernel through the hypervisor's own bytes, on both vendors' processors: counts it, and checks it with
  /// every event.
  public func makeThroughHypervisor(progress: @escaping @Sendable (String) -> Void) throws {
    for kernel in designs + others {
      for profile in ProfileName.plain where stop() == nil {
        progress("\(kernel.title) on \(profile.rawValue)")
        do {
          try countThroughHypervisor(kernel, profile)
        } catch let refusal as BootSnapshot.Refusal {
          warn("\(refusal)")
        } catch let refusal as Guest.Refusal where refusal.exitStatus == .unsupported {
          warn("\(refusal)")
        }
      }
      try check(kernel, [.xen], ProfileName.plain, [.syscall64], progress)
    }
  }

  private func countThroughHypervisor(_ kernel: ThreadKernel, _ profile: ProfileName) throws {
    let ready = try checker(kernel, [.xen], [profile], []).snapshot(.init(platform: .xen, profile: profile)).ready()
    guard let work = kernel.image.symbols.lookup(Self.work), let found = try ready.parts(.syscall64, around: work)
    else {
      warn("\(kernel.title) on \(profile.rawValue): it calls no \(Self.work)")
      return
    }
    hypervisorParts[kernel.title, default: [:]][profile] = found
  }

  private func count(_ kernel: ThreadKernel, _ machine: ReadyMachine) throws {
    guard let work = kernel.image.symbols.lookup(Self.work),
      let found = try machine.parts(.syscall64, around: work)
    else { return }
    parts[kernel.title, default: [:]][machine.computer.platform] = found
  }

  // MARK: What the questions ask for

  func cell(
    _ title: String, _ platform: PlatformName, _ crossing: CrossingKind = .syscall64, _ profile: ProfileName = .intel
  ) -> DiffCell? {
    cells[title]?[
      Checker.Task(machine: .init(platform: platform, profile: profile), crossing: crossing, posture: "normal")]
  }

  /// The cost of SYSCALL up to the work, of the work, and of the way out.
  func parts(_ title: String, _ platform: PlatformName) -> CrossingParts? { parts[title]?[platform] }

  func frames(_ title: String, _ platform: PlatformName, _ crossing: CrossingKind = .syscall64) -> [SystemCallFrames] {
    (frames[title]?[platform] ?? []).filter { $0.crossing == crossing }
  }

  /// Every section of the kernel on the platform that applies.
  func sections(_ title: String, _ platform: PlatformName) -> [CheckSection] {
    (cells[title] ?? [:]).values.map(\.section).filter {
      $0.platform == platform && $0.verdict.kind != .notApplicable
    }.sorted { ($0.profile, $0.crossing) < ($1.profile, $1.crossing) }
  }

  func has(_ title: String) -> Bool { designs.contains { $0.title == title } }
  /// The cells of a design, as they are titled.
  func cells(of design: String) -> [String] {
    designs.map(\.title).filter { $0 == design || $0.hasPrefix(design + ":") }
  }

  /// Entries in the image's table of alternatives.
  func patchSites(_ title: String) -> Int? {
    guard let image = designs.first(where: { $0.title == title })?.image,
      let start = image.symbols.lookup("alternatives"), let end = image.symbols.lookup("alternatives_end")
    else { return nil }
    return Int(end - start) / 12
  }
}
