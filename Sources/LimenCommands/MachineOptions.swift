import ArgumentParser
import Explorer
import Findings
import Platform
import Subjects

/// What every verb that starts one kernel takes.
struct MachineOptions: ParsableArguments {
  @Argument(help: Self.kernelHelp, completion: .file())
  var kernel: String

  static let kernelHelp: ArgumentHelp = """
    The kernel: an image (a bzImage or an ELF file, with a PVH note or a multiboot header for bare metal or Xen's notes for Xen PV), a design of \
    the reference kernel (design:NAME or design:NAME:CELL), a specimen (specimen:NAME or specimen:NAME:fixed), or a .S file that defines \
    a design of one's own.
    """

  @OptionGroup var guest: GuestOptions

  var append: String { guest.append }
  var memory: Int { guest.memory }
}

/// What every verb that explores takes.
struct BoundOptions: ParsableArguments {
  @Option(
    help: """
      Give a boot up after this many million instructions, some ten seconds for every thousand. A kernel that spins before \
      it reaches the user program ends so, with status 5. (default: \(BootSnapshot.standardBound / 1_000_000), and for a design \
      \(NamedKernel.referenceBound / 1_000_000))
      """)
  var bound: UInt64?

  var instructions: UInt64? { bound.map { $0 * 1_000_000 } }

  mutating func validate() throws {
    if let bound, !(1...1_000_000).contains(bound) { throw ValidationError("--bound takes 1 to 1000000") }
  }
}

/// What every verb that explores for long takes.
struct TimeOptions: ParsableArguments {
  @Option(
    help: """
      Stop after this time, as 90s, 10m or 2h, and report what is known by then; the rest is inconclusive. Where the clock ends a \
      check the report depends on how fast the host is, and without this option never.
      """)
  var timeout: WallTime?
}

/// What every verb takes that runs one machine once, and has nothing to show before it is done.
struct OneRunTimeOptions: ParsableArguments {
  @Option(
    help: """
      Stop after this time, as 90s, 10m or 2h, with status 5, and say how far it was. How far that is depends on how fast the \
      host is.
      """)
  var timeout: WallTime?
}

/// What every verb that judges sections takes.
struct SectionOptions: ParsableArguments {
  @Option(
    help: """
      End a section after this many million instructions of its trials; what was found is kept, and the rest is inconclusive. \
      (default: \(Checker.standardSectionBound / 1_000_000))
      """)
  var sectionBound: Int?

  var instructions: Int { sectionBound.map { $0 * 1_000_000 } ?? Checker.standardSectionBound }

  mutating func validate() throws {
    if let sectionBound, !(1...1_000_000_000).contains(sectionBound) {
      throw ValidationError("--section-bound takes 1 to 1000000000")
    }
  }
}

/// What every verb that starts a machine takes.
struct GuestOptions: ParsableArguments {
  @Option(help: "What to add to the kernel's command line.")
  var append: String = ""

  @Option(help: "Guest memory in MiB.")
  var memory: Int = Checker.standardMemory

  @Option(
    help: "The hypervisor's image, for --platform xen, as './dev xen' fetches it; the kernel becomes its domain 0.",
    completion: .file())
  var hypervisor: String?

  @Option(help: "What to add to the hypervisor's command line.")
  var hypervisorAppend: String = ""

  /// What is to run below the kernel; nil where nothing was named.
  func below() throws(CommandFailure) -> (below: Guest.Hypervisor, path: String)? {
    guard let hypervisor else { return nil }
    return (Guest.Hypervisor(image: try NamedKernel.image(at: hypervisor), commandLine: hypervisorAppend), hypervisor)
  }

  mutating func validate() throws {
    guard Witness.memoryRange.contains(memory) else {
      throw ValidationError("--memory takes \(Witness.memoryRange.lowerBound) to \(Witness.memoryRange.upperBound) MiB")
    }
  }
}

/// One platform and one profile, for the verbs that run one machine.
struct OneMachine: ParsableArguments {
  @Option(help: "Who delivers events: \(PlatformName.spellings).")
  var platform: PlatformName = .bareMetal

  @Option(help: "The processor: \(ProfileName.spellings).")
  var profile: ProfileName = .intel
}

/// Lists of platforms and profiles, for the verbs that compare.
struct ManyMachines: ParsableArguments {
  @Option(help: "Who delivers events; a list. (default: bare-metal, and for a design all)")
  var platform: [Selection<PlatformName>] = []

  @Option(
    help: ArgumentHelp(
      "The processors; a list of \(ProfileName.spellings). (default: intel,amd, and for a specimen of other parts those)"
    ))
  var profile: [Selection<ProfileName>] = []

  /// Nil when none was named; 'all' means those that need nothing but a kernel, and with a hypervisor all.
  func platforms(hypervisor: Bool) -> [PlatformName]? {
    if platform.isEmpty { return hypervisor ? [.xen] : nil }
    let all = Selection.joined(platform)
    return all == PlatformName.allCases && !hypervisor ? all.filter { !$0.needsHypervisor } : all
  }
  var profiles: [ProfileName]? { profile.isEmpty ? nil : Selection.joined(profile) }
}

extension PlatformName: ExpressibleByArgument {}
extension ProfileName: ExpressibleByArgument {}
extension CrossingKind: ExpressibleByArgument {}
extension EventKind: ExpressibleByArgument {}
