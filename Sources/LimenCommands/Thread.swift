import ArgumentParser
import Findings
import Reports
import Thread

/// `limen thread [KERNEL ...]`: every question of the mail, answered by what the designs show when they run.
struct Thread: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answers the mail that the designs come from, by running them.",
    discussion: """
      Prints one page of Markdown: each question and claim of "Re: Getting rid of invalid SYSCALL RSP under Xen?" (July 2015), \
      the command that shows it, the answer, and what it rests on. Kernels that are named run under Xen PV beside the designs.

      EXAMPLES
        limen thread
        limen thread vmlinuz-5.10 vmlinuz-6.12 -j 2
      """)

  @Argument(help: "Real kernels to run beside the designs, under Xen PV.", completion: .file())
  var kernels: [String] = []

  @OptionGroup var guest: GuestOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var time: TimeOptions

  @Option(help: "The page's format; 'terminal' is Markdown.")
  var format: DocumentFormat = .terminal

  @OptionGroup var jobs: JobOptions

  func run() throws {
    let designs = try NamedKernel.designs()
    let others = try kernels.flatMap { text throws(CommandFailure) in try NamedKernel.all(text) }
    let runs = ThreadRuns(
      designs: designs.map { participant($0, isDesign: true) },
      others: others.map { participant($0, isDesign: false) }, probe: try ProbeFile.load(), memory: guest.memory,
      jobs: jobs.count)
    let interruption = Interruption(after: time.timeout)
    let progress = Progress()
    runs.warn = progress.warn
    runs.stop = { interruption.reason }
    let made: Result<Void, any Error> = Result {
      try Starting.exploring { try runs.make { line in progress.show(line) } }
    }
    progress.erase()
    try made.get()
    let report = ThreadReport(runs)
    try StandardOutput.write(format == .json ? JSONReport.text(of: report) : ThreadPage.text(of: report))
    interruption.complain()
    throw Outcome(status: report.exitStatus)
  }

  private func participant(_ kernel: NamedKernel, isDesign: Bool) -> ThreadKernel {
    let title = isDesign ? String(kernel.name.dropFirst("design:".count)) : kernel.fileName
    return ThreadKernel(
      title: title, name: kernel.name, image: kernel.image, isDesign: isDesign, bootBound: kernel.bound(boot))
  }
}
