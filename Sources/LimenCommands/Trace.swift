import ArgumentParser
import Explorer
import Findings
import Reports

/// `limen trace KERNEL`: one crossing, instruction by instruction, with the events that the command line names.
struct Trace: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints one crossing, instruction by instruction.",
    discussion: """
      Each line is a boundary: whose RSP, GS base and page tables it runs on, whether maskable interrupts are enabled,
      and the instruction that is next. Events are drawn with the frame that they push. Boundaries are counted from the
      crossing over everything that executes, handlers included; a finding's path counts them the same way.

      EXAMPLES
        limen trace vmlinuz --crossing syscall64 --profile amd
        limen trace vmlinuz --crossing syscall64 --inject 1:nmi --inject 9:machine-check
        limen trace vmlinuz --crossing int80 --accesses --format json
        limen trace vmlinuz --crossing syscall64 --ablate nmi-without-ist --inject 1:nmi
        limen trace vmlinuz --crossing syscall64 --inject 1:nmi --report html=run.html
      """)

  @OptionGroup var machine: MachineOptions
  @OptionGroup var one: OneMachine

  @Option(help: "The way into the kernel: \(CrossingKind.spellings).")
  var crossing: CrossingKind

  @Option(help: "What the user program set up before it crosses.")
  var posture: String = "normal"

  @Option(help: "An event to inject, as BOUNDARY:EVENT; may be repeated. Events: \(EventKind.spellings).")
  var inject: [Injection] = []

  @Option(help: "Guards to take away from the running kernel's world; a list.")
  var ablate: [OpenSelection<AblationName>] = []

  @Flag(help: "Also print every read and write of memory.")
  var accesses = false

  @OptionGroup var naming: SymbolOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var time: OneRunTimeOptions
  @OptionGroup var output: ReportOutput

  mutating func validate() throws {
    var seen: Set<Int> = []
    for injection in inject where !seen.insert(injection.boundary).inserted {
      throw ValidationError("--inject names boundary \(injection.boundary) twice")
    }
  }

  func run() throws {
    try output.files.requireRoom()
    let interruption = Interruption(after: time.timeout)
    let progress = Progress()
    let answer: Result<TraceRecord, any Error> = Result { try look(interruption, progress) }
    progress.erase()
    let record = try answer.get()
    try output.print(.trace(record, accesses: accesses))
    try output.files.write(.trace(record, accesses: accesses))
    throw Outcome(status: record.exitStatus)
  }

  private func look(_ interruption: Interruption, _ progress: Progress) throws -> TraceRecord {
    try Catalogue.require(one.platform)
    let probe = try ProbeFile.load()
    let postures = try OpenSelection.chosen(
      [OpenSelection([PostureName(rawValue: posture)])], from: probe.postures, option: "--posture")
    guard postures.count == 1 else { throw CommandFailure(.badInput, "--posture", "a trace takes one posture") }
    let kernel = try naming.naming(NamedKernel.one(machine.kernel))
    let ablations = try Catalogue.chosen(ablate)
    var asked = Checker(
      kernel: kernel.image, kernelPath: kernel.name, probe: probe, memory: machine.memory,
      append: machine.append, platforms: [one.platform], profiles: [one.profile], crossings: [crossing],
      postures: postures, events: [], ablations: ablations, jobs: 1, witnessFolder: "", bootBound: kernel.bound(boot),
      judgesBoot: kernel.isReference)
    asked.hypervisor = try machine.guest.below()
    asked.warn = progress.warn
    let checker = asked
    let events = Dictionary(uniqueKeysWithValues: inject.map { ($0.boundary, $0.event) })
    return try Starting.exploring {
      try interruption.waiting(for: machine.kernel, progress) { [accesses, showsRuns = output.showsRuns] tell in
        try checker.trace(events, accesses: accesses, showsRun: showsRuns, progress: tell)
      }
    }
  }
}

/// `BOUNDARY:EVENT`. Boundary 0 is the one in user mode, before the crossing.
struct Injection: ExpressibleByArgument {
  var boundary: Int
  var event: EventKind

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let boundary = Int(parts[0]), boundary >= 0,
      let event = EventKind(rawValue: String(parts[1]))
    else { return nil }
    self.boundary = boundary
    self.event = event
  }
}
