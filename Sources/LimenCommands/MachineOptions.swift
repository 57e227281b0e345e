import ArgumentParser
import Explorer
import Findings

/// What every verb that starts one kernel takes.
struct MachineOptions: ParsableArguments {
  @Argument(
    help: "The kernel image: a bzImage or an ELF file, with a PVH note for bare metal or Xen's notes for Xen PV.",
    completion: .file())
  var kernel: String

  @OptionGroup var guest: GuestOptions

  var append: String { guest.append }
  var memory: Int { guest.memory }
}

/// What every verb that explores takes.
struct BoundOptions: ParsableArguments {
  @Option(
    help: """
      Give a boot up after this many million instructions, some ten seconds for every thousand. A kernel that spins before \
      it reaches the user program ends so, with status 5.
      """)
  var bound: UInt64 = BootSnapshot.standardBound / 1_000_000

  var instructions: UInt64 { bound * 1_000_000 }

  mutating func validate() throws {
    guard (1...1_000_000).contains(bound) else { throw ValidationError("--bound takes 1 to 1000000") }
  }
}

/// What every verb that starts a machine takes.
struct GuestOptions: ParsableArguments {
  @Option(help: "What to add to the kernel's command line.")
  var append: String = ""

  @Option(help: "Guest memory in MiB.")
  var memory: Int = 512

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
  @Option(help: "Who delivers events; a list.")
  var platform = Selection<PlatformName>([.bareMetal])

  @Option(help: "The processors; a list.")
  var profile = Selection<ProfileName>.all
}

extension PlatformName: ExpressibleByArgument {}
extension ProfileName: ExpressibleByArgument {}
extension CrossingKind: ExpressibleByArgument {}
extension EventKind: ExpressibleByArgument {}
