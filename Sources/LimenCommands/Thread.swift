import ArgumentParser
import Findings
import Reports
import Thread

/// `limen thread [KERNEL ...]`: every question of the mail, answered by what the designs show when they run.
struct Thread: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answers the mail that the designs come from, by running them.",
    discussion: """
      Prints one page, on a terminal of Markdown: each question and claim of "Re: Getting rid of invalid SYSCALL RSP under Xen?" (July 2015), \
      the command that shows it, the answer, and what it rests on. Kernels that are named run under Xen PV beside the designs.

      EXAMPLES
        limen thread
        limen thread --platform xen --hypervisor xen-4.17-amd64
        limen thread vmlinuz-5.10 vmlinuz-6.12 -j 2 --report html=thread.html
      """)

  @Argument(help: "Real kernels to run beside the designs, under Xen PV.", completion: .file())
  var kernels: [String] = []

  @Option(
    help: "xen: asks the hypervisor's own bytes what they can answer, and counts what a call costs through them.")
  var platform: Selection<PlatformName>?

  @OptionGroup var guest: GuestOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var time: TimeOptions

  @OptionGroup var output: ReportOutput

  @OptionGroup var jobs: JobOptions

  func run() throws {
    let onXen = try isOnXen()
    try output.files.requireRoom()
    let designs = try NamedKernel.designs()
    let others = try kernels.flatMap { text throws(CommandFailure) in try NamedKernel.all(text) }
    let runs = ThreadRuns(
      designs: designs.map { participant($0, isDesign: true) },
      others: others.map { participant($0, isDesign: false) }, probe: try ProbeFile.load(), memory: guest.memory,
      jobs: jobs.count)
    let interruption = Interruption(after: time.timeout)
    let progress = Progress()
    runs.warn = progress.warn
    if onXen { runs.hypervisor = try guest.below() }
    runs.stop = { interruption.reason }
    let made: Result<Void, any Error> = Result {
      try Starting.exploring {
        if onXen {
          try runs.makeThroughHypervisor { line in progress.show(line) }
        } else {
          try runs.make { line in progress.show(line) }
        }
      }
    }
    progress.erase()
    try made.get()
    let report = onXen ? ThreadReport(throughHypervisor: runs) : ThreadReport(runs)
    try output.print(.thread(report))
    try output.files.write(.thread(report))
    interruption.complain()
    throw Outcome(status: report.exitStatus)
  }

  /// The page asks all platforms that need nothing but a kernel; the one that needs more is asked alone.
  private func isOnXen() throws -> Bool {
    guard let platform else { return false }
    guard platform.names == [.xen] else {
      throw CommandFailure(.badInput, "thread", "--platform takes xen alone: the page asks all others")
    }
    return true
  }

  private func participant(_ kernel: NamedKernel, isDesign: Bool) -> ThreadKernel {
    let title = isDesign ? String(kernel.name.dropFirst("design:".count)) : kernel.fileName
    return ThreadKernel(
      title: title, name: kernel.name, image: kernel.image, isDesign: isDesign, bootBound: kernel.bound(boot))
  }
}
