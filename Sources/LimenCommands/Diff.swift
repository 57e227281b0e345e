import ArgumentParser
import Explorer
import Findings
import KernelImage
import Reports
import Subjects

/// `limen diff A B`: the same crossings on two or more machines, side by side.
struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares crossings between kernels, platforms or processors.",
    discussion: """
      Every kernel is combined with every platform and every profile that is named; there must be two machines or more.
      Each is explored as by 'limen check'. The crossing is counted in three parts: in, up to the kernel's first CALL
      on RSP, GS base and page tables of its own; out, behind the last RET that it executes so; work, between them.

      Between xen-pv and xen, the model and the hypervisor itself, all is compared that the guest sees, at each of its boundaries
      and for each event: registers, flags, mask, frames and vcpu_info.

      EXAMPLES
        limen diff vmlinuz-5.10 vmlinuz-6.12
        limen diff vmlinuz --platform bare-metal,xen-pv
        limen diff vmlinuz --platform bare-metal,xen-pv --report html=diff.html
        limen diff design:2015 design:complete --platform xen-pv
        limen diff vmlinuz --profile intel,amd --crossing syscall64,int80,pf --format json
        limen diff design:complete --platform xen-pv,xen --hypervisor xen-4.17-amd64 --only-agreement
      """)

  @Argument(help: "The kernels: images, designs (design:NAME: all its cells) or .S files.", completion: .file())
  var kernels: [String]

  @Option(help: "Who delivers events; a list. (default: bare-metal, and for designs alone all)")
  var platform: [Selection<PlatformName>] = []

  @Option(help: "The processors; a list.")
  var profile = [Selection<ProfileName>([.intel])]

  @Option(help: "The ways into the kernel; a list.")
  var crossing = [Selection<CrossingKind>([.syscall64])]

  @Option(help: "What the user program set up before it crosses; a list.")
  var posture = [OpenSelection<PostureName>(["normal"])]

  @Option(help: "The events to inject; a list.")
  var event = [Selection<EventKind>.all]

  @Flag(help: "Of xen-pv and xen compare what the guest sees, and explore nothing.")
  var onlyAgreement = false

  @OptionGroup var naming: SymbolOptions
  @OptionGroup var guest: GuestOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var section: SectionOptions
  @OptionGroup var time: TimeOptions
  @OptionGroup var output: ReportOutput

  @OptionGroup var jobs: JobOptions

  @OptionGroup var witnesses: WitnessOptions

  static let mostMachines = 16

  func run() throws {
    let sides = try sides()
    try output.files.requireRoom()
    let interruption = Interruption(after: time.timeout)
    let progress = Progress()
    for index in sides.kernels.indices where !witnesses.none {
      let folder = folder(of: index, among: sides.kernels.count)
      if let reason = Files.obstacle(toWritingInto: folder) {
        progress.warn("\(folder): \(reason): no witness will be written")
      }
    }
    let answer: Result<Comparison.Result, any Error> = Result { try look(sides, interruption, progress) }
    progress.erase()
    let found = try answer.get()
    let document = Document.diff(found.report, reports: found.reports, records: found.records)
    try output.print(document)
    try output.files.write(document)
    for (index, own) in found.witnesses.enumerated() {
      if witnesses.none { continue }
      do { try Files.write(own, into: folder(of: index, among: sides.kernels.count)) } catch {
        progress.warn("\(error): a witness is not written")
      }
    }
    interruption.complain()
    throw Outcome(status: found.report.exitStatus)
  }

  /// Kernels break invariants in the same places, and their witnesses have the same names.
  private func folder(of kernel: Int, among count: Int) -> String {
    witnesses.none || count == 1 ? witnesses.wanted : "\(witnesses.folder)-\(kernel + 1)"
  }

  private struct Sides {
    var kernels: [NamedKernel]
    var platforms: [PlatformName]
  }

  private func sides() throws -> Sides {
    // Counted before an image is read: too few is wrong usage whatever the files hold.
    let names = try kernels.flatMap { text throws(CommandFailure) -> [String] in
      guard case .design(let name, nil) = try KernelName(text) else { return [text] }
      return try ReferenceFolder.find().designs(named: name, cell: nil).map { "design:\($0.title)" }
    }
    let areDesigns = try names.allSatisfy { try KernelName($0).isReference }
    let platforms =
      platform.isEmpty ? areDesigns ? PlatformName.running : [.bareMetal] : Selection.joined(platform)
    let machines = names.count * platforms.count * Selection.joined(profile).count
    guard (2...Self.mostMachines).contains(machines) else {
      throw CommandFailure(
        .badInput, "diff",
        "takes 2 to \(Self.mostMachines) machines, not \(machines): name two kernels, platforms or profiles")
    }
    if onlyAgreement && !(platforms.contains(.xenPV) && platforms.contains(.xen)) {
      throw CommandFailure(.badInput, "diff", "--only-agreement compares the platforms xen-pv and xen: name both")
    }
    return Sides(kernels: try naming.naming(names.map(NamedKernel.one)), platforms: platforms)
  }

  private func look(_ sides: Sides, _ interruption: Interruption, _ progress: Progress) throws -> Comparison.Result {
    for name in sides.platforms { try Catalogue.require(name) }
    let probe = try ProbeFile.load()
    let postures = try OpenSelection.chosen(posture, from: probe.postures, option: "--posture")
    let hypervisor = try guest.below()
    let checkers = sides.kernels.enumerated().map { index, kernel in
      var checker = Checker(
        kernel: kernel.image, kernelPath: kernel.name, probe: probe, memory: guest.memory, append: guest.append,
        platforms: sides.platforms, profiles: Selection.joined(profile), crossings: Selection.joined(crossing),
        postures: postures, events: Selection.events(event), ablations: [], jobs: jobs.count,
        witnessFolder: folder(of: index, among: sides.kernels.count), bootBound: kernel.bound(boot),
        judgesBoot: kernel.isReference)
      checker.hypervisor = hypervisor
      checker.sectionBound = section.instructions
      checker.warn = progress.warn
      return checker
    }
    return try Starting.exploring {
      for checker in checkers { try checker.verify() }
      return try Comparison(checkers: checkers, onlyAgreement: onlyAgreement).compare(
        showsRuns: output.showsRuns, stop: { interruption.reason }
      ) {
        progress.show("\($0)")
      }
    }
  }
}
