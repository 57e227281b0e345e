import ArgumentParser
import Explorer
import Findings
import KernelImage
import Reports

/// `limen diff A B`: the same crossings on two or more machines, side by side.
struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares crossings between kernels, platforms or processors.",
    discussion: """
      Every kernel is combined with every platform and every profile that is named; there must be two machines or more.
      Each is explored as by 'limen check'. The crossing is counted in three parts: in, up to the kernel's first CALL
      on RSP, GS base and page tables of its own; out, behind the last RET that it executes so; work, between them.

      EXAMPLES
        limen diff vmlinuz-5.10 vmlinuz-6.12
        limen diff vmlinuz --platform bare-metal,xen-pv
        limen diff vmlinuz --profile intel,amd --crossing syscall64,int80,pf --format json
      """)

  @Argument(help: "The kernel images: bzImages or ELF files.", completion: .file())
  var kernels: [String]

  @Option(help: "Who delivers events; a list.")
  var platform = Selection<PlatformName>([.bareMetal])

  @Option(help: "The processors; a list.")
  var profile = Selection<ProfileName>([.intel])

  @Option(help: "The ways into the kernel; a list.")
  var crossing = Selection<CrossingKind>([.syscall64])

  @Option(help: "What the user program set up before it crosses; a list.")
  var posture = OpenSelection<PostureName>(["normal"])

  @Option(help: "The events to inject; a list.")
  var event = Selection<EventKind>.all

  @OptionGroup var guest: GuestOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var output: ReportOptions

  @Option(name: [.customShort("j"), .long], help: "How many threads explore; the report does not depend on it.")
  var jobs: Int = 1

  @Option(
    help: "The directory that receives the witness of every finding; with several kernels, one a kernel: NAME-1, …",
    completion: .directory)
  var witnesses: String = "limen-witnesses"

  static let mostMachines = 16

  mutating func validate() throws {
    guard (1...1024).contains(jobs) else { throw ValidationError("-j takes 1 to 1024") }
    let machines = kernels.count * platform.names.count * profile.names.count
    guard (2...Self.mostMachines).contains(machines) else {
      throw ValidationError(
        "a diff takes 2 to \(Self.mostMachines) machines, not \(machines): name two kernels, platforms or profiles")
    }
  }

  func run() throws {
    let progress = Progress()
    let answer: Result<Comparison.Result, any Error> = Result { try look(progress) }
    progress.erase()
    let found = try answer.get()
    try StandardOutput.write(text(of: found.report))
    for (index, own) in found.witnesses.enumerated() { try Files.write(own, into: folder(of: index)) }
    throw Outcome(status: found.report.exitStatus)
  }

  /// Kernels break invariants in the same places, and their witnesses have the same names.
  private func folder(of kernel: Int) -> String { kernels.count == 1 ? witnesses : "\(witnesses)-\(kernel + 1)" }

  private func text(of report: DiffReport) -> String {
    switch output.format {
    case .terminal: DiffTable(colour: output.colour).text(of: report)
    case .json: JSONReport.text(of: report)
    }
  }

  private func look(_ progress: Progress) throws -> Comparison.Result {
    for name in platform.names { try Catalogue.require(name) }
    let probe = try ProbeFile.load()
    let postures = try posture.chosen(from: probe.postures, option: "--posture")
    let checkers = try kernels.enumerated().map { index, path in
      Checker(
        kernel: try Starting.kernel(path), kernelPath: path, probe: probe, memory: guest.memory, append: guest.append,
        platforms: platform.names, profiles: profile.names, crossings: crossing.names, postures: postures,
        events: event.names, ablations: [], jobs: jobs, witnessFolder: folder(of: index),
        bootBound: boot.instructions)
    }
    return try Starting.exploring { try Comparison(checkers: checkers).compare { line in progress.show(line) } }
  }
}
