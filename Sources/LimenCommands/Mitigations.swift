import ArgumentParser
import Explorer
import Findings
import Reports
import Subjects

/// `limen mitigations KERNEL...`: what kernels do about processors, by their own report and in their own code.
struct Mitigations: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Boots kernels under profiles and prints what they report and patch against speculation.",
    discussion: """
      Each kernel is booted under each profile. Printed is what it says in /sys/devices/system/cpu/vulnerabilities, but for what it is not
      affected by, and which instructions of its entry code are not those of the image, or are jumped over there and here not.

      EXAMPLES
        limen mitigations vmlinuz --profile skylake,zen3
        limen mitigations vmlinuz-old vmlinuz-new --profile all
      """)

  @Argument(help: MachineOptions.kernelHelp, completion: .file())
  var kernels: [String]

  @OptionGroup var guest: GuestOptions

  @Option(help: "Who delivers events; a list.")
  var platform = [Selection<PlatformName>([.bareMetal])]

  @Option(help: "The processors; a list of \(ProfileName.spellings).")
  var profile = [Selection(ProfileName.allCases.filter { !ProfileName.plain.contains($0) })]

  @OptionGroup var boot: BoundOptions
  @OptionGroup var time: OneRunTimeOptions

  func run() throws {
    let interruption = Interruption(after: time.timeout)
    let progress = Progress()
    let answer: Result<[MitigationReport], any Error> = Result {
      try kernels.flatMap { try look($0, interruption, progress) }
    }
    progress.erase()
    try StandardOutput.write(MitigationTable.markdown(answer.get()))
  }

  private func look(_ name: String, _ interruption: Interruption, _ progress: Progress) throws -> [MitigationReport] {
    let platforms = Selection.joined(platform)
    for platform in platforms { try Catalogue.require(platform) }
    let kernel = try NamedKernel.one(name)
    var asked = Checker(
      kernel: kernel.image, kernelPath: kernel.name, probe: try ProbeFile.load(), memory: guest.memory,
      append: guest.append, platforms: platforms, profiles: Selection.joined(profile), crossings: [], postures: [],
      events: [],
      ablations: [], jobs: 1, witnessFolder: "", bootBound: kernel.bound(boot), judgesBoot: kernel.isReference)
    asked.hypervisor = try guest.below()
    asked.warn = progress.warn
    let checker = asked
    do {
      return try Starting.exploring {
        try interruption.waiting(for: name, progress) { tell in try checker.mitigations(progress: tell) }
      }
    } catch let failure as GuestCalls.Failure {
      // A kernel without sysfs, as those of the designs.
      throw CommandFailure(.unsupported, name, "\(failure)")
    }
  }
}
