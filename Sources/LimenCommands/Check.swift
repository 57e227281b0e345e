import ArgumentParser
import Explorer
import Findings
import Reports

/// `limen check [KERNEL ...]`: every event at every boundary of the crossings, judged and reported.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Injects every event at every boundary of a kernel's crossings and judges.",
    discussion: """
      Lists are separated by commas; 'all' stands for every name. 'limen list KIND' prints the names. Without a kernel every
      design of the reference kernel is checked. Several kernels have a report each, one after the other.

      EXAMPLES
        limen check vmlinuz --crossing syscall64
        limen check design:enter-later --crossing syscall64
        limen check my-entry.S --platform xen-pv
        limen check vmlinuz --profile amd --crossing int80,nmi --posture normal,rsp-zero --format json -j 2
        limen check vmlinuz --crossing syscall64 --ablate nmi-without-ist
        limen check vmlinuz --crossing all --depth 2 --resume vmlinuz.progress
        limen check vmlinuz --report sarif=limen.sarif --report junit=limen.xml
      """)

  @Argument(
    help: "\(MachineOptions.kernelHelp.abstract) May be repeated; none means every design.", completion: .file())
  var kernels: [String] = []

  @OptionGroup var guest: GuestOptions
  @OptionGroup var many: ManyMachines

  @Option(help: "The ways into the kernel; a list. (default: all)")
  var crossing: [Selection<CrossingKind>] = []

  @Option(
    help: """
      What the user program set up before it crosses; a list. (default: normal; where --crossing is not given either, every one for \
      syscall64, syscall32, sysenter, int80 and sigreturn of a design)
      """)
  var posture: [OpenSelection<PostureName>] = []

  @Option(help: "The events to inject; a list. (all is without page-fault, which is asked for by name)")
  var event = [Selection<EventKind>.all]

  @Option(
    help: """
      Whether the host keeps to what hardware does. A malicious one, which guests that trust their processor alone must survive, has events of \
      its own: interrupts with vectors that nobody assigned, and past IF.
      """)
  var host = Host.honest

  @Option(help: "Guards to take away from the running kernel's world; a list.")
  var ablate: [OpenSelection<AblationName>] = []

  @Option(
    help: """
      The most events of one path, 1 to 3: 2 injects every event again at every boundary of what follows each. (default: 1; where neither \
      --crossing nor --posture is given, 2 for a design's SYSCALL64 on bare metal from normal)
      """)
  var depth: Int?

  @Flag(help: "Run every trial instruction by instruction: the oracle of the fast way, with the same report.")
  var stepped = false

  @Flag(
    inversion: .prefixedNo,
    help: "Leave out what is known of a trial (Documentation/Pruning.md); the report is the same but for its costs.")
  var pruning = true

  @OptionGroup var naming: SymbolOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var section: SectionOptions
  @OptionGroup var time: TimeOptions
  @OptionGroup var output: ReportOptions

  @OptionGroup var jobs: JobOptions
  @OptionGroup var witnesses: WitnessOptions
  @OptionGroup var baseline: BaselineOptions

  @Option(
    help: """
      Keep every section in this file as soon as it is explored to the end, and take over what it holds: after Ctrl-C, --timeout or \
      worse the same command explores the rest and reports the whole. A section that was cut begins anew.
      """, completion: .file())
  var resume: String?

  mutating func validate() throws {
    guard (1...3).contains(depth ?? 1) else { throw ValidationError("--depth takes 1 to 3") }
  }

  private var platforms: [PlatformName]? { many.platforms(hypervisor: guest.hypervisor != nil) }

  enum Host: String, ExpressibleByArgument, CaseIterable {
    case honest
    case malicious
  }

  /// What is to be injected: of `all`, what the host does.
  private func events() throws(CommandFailure) -> [EventKind] {
    let wanted = Selection.events(event, ofHost: host == .malicious)
    if host == .malicious { return wanted }
    if let one = wanted.first(where: \.isFromHost) {
      throw CommandFailure(
        .badInput, "--event", "'\(one.rawValue)' comes from a malicious host alone: --host malicious")
    }
    return wanted
  }

  func run() throws {
    for platform in platforms ?? [] { try Catalogue.require(platform) }
    try output.files.requireRoom()
    try baseline.requireRoom()
    let known = try baseline.read()
    let interruption = Interruption(after: time.timeout)
    let progress = Progress(quiet: output.quiet)
    defer { progress.erase() }
    var checkers = try checkers(progress)
    let resumption = try resume.map { try go(on: $0, &checkers, progress) }
    if !witnesses.none, let reason = Files.obstacle(toWritingInto: witnesses.folder) {
      progress.warn("\(witnesses.folder): \(reason): no witness will be written")
    }
    let isAlone = checkers.count == 1
    var reports: [CheckReport] = []
    var records: [[SectionRecord]] = []
    for checker in checkers {
      let title = checker.kernelPath
      let result = try explore(checker, known, isAlone, interruption, progress) { stage in
        progress.show(stage, of: isAlone ? nil : title)
      }
      do {
        try Files.replace(
          result.witnesses, in: checker.witnessFolder, after: result.report, of: checker.kernelPath)
      } catch {
        progress.warn("\(error): a witness is not written")
      }
      records.append(result.records)
      reports.append(known?.marking(result.report) ?? result.report)
    }
    progress.erase()
    if !isAlone && !output.quiet { try output.printCollection(reports, records) }
    try output.files.write(.check(reports, records: records))
    try baseline.conclude(known, reports, progress)
    interruption.complain(resumption == nil ? "" : "; the same command goes on from \(resume!)")
    throw Outcome(status: ExitStatus(reports.map(\.newVerdict)))
  }

  /// Explores one kernel, and prints what is found: for eyes as it comes, for programs, alone, when it is complete.
  private func explore(
    _ checker: Checker, _ known: KnownFindings?, _ isAlone: Bool, _ interruption: Interruption, _ progress: Progress,
    _ show: @escaping @Sendable (CheckStage) -> Void
  ) throws -> (report: CheckReport, witnesses: [Witness], records: [SectionRecord]) {
    let stream = output.stream
    func say(_ text: String) throws {
      progress.erase()
      try StandardOutput.write(text)
    }
    // With the first section: what keeps every section from being made leaves no half report.
    var head = stream?.head(checker.identity, ablations: checker.ablations.map(\.name))
    func sayHead() throws {
      if let text = head { try say(text) }
      head = nil
    }
    let result = try Starting.exploring {
      try checker.check(stop: { interruption.reason }) { section in
        try sayHead()
        let names = checker.ablations.map(\.name)
        let marked = known?.marking(section, of: checker.identity, without: names) ?? section
        if let stream { try say(stream.text(of: marked, kernel: checker.identity)) }
      } progress: {
        show($0)
      }
    }
    try sayHead()
    let report = known?.marking(result.report) ?? result.report
    let records = try records(of: result, checker, interruption, progress)
    if let stream {
      try say(stream.summary(of: report) + (isAlone ? "" : "\n"))
    } else if isAlone && !output.quiet {
      progress.erase()
      try output.print([report], [records])
    }
    return (result.report, result.witnesses, records)
  }

  /// The runs that a report shows; none of a check that was interrupted.
  private func records(
    of result: Checker.Result, _ checker: Checker, _ interruption: Interruption, _ progress: Progress
  ) throws -> [SectionRecord] {
    guard output.showsRuns, interruption.reason == nil else { return [] }
    return try interruption.waiting(for: checker.kernelPath, progress) { tell in
      checker.records(of: result.report, arrivals: result.arrivals, progress: tell)
    }
  }

  /// Gives each kernel what the file holds of it, and keeps there what is done from now on.
  private func go(on file: String, _ checkers: inout [Checker], _ progress: Progress) throws
    -> Resumption<CheckProgress.Entry>
  {
    let kernels = try checkers.enumerated().map { index, checker in
      try checker.question(symbols: naming.symbols.isEmpty ? nil : naming.symbols[index])
    }
    let resumption = try Resumption<CheckProgress.Entry>(
      file, CheckProgress.Head(build: Checker.build, kernels: kernels), warn: progress.warn)
    let count = resumption.entries.count
    progress.say(
      "\(file): \(count == 0 ? "no section is" : count == 1 ? "1 section is" : "\(count) sections are") done")
    for index in checkers.indices {
      checkers[index].known = resumption.sections(of: index)
      checkers[index].keep = { resumption.keep($0, of: index) }
    }
    return resumption
  }

  /// One for each kernel. What is wrong with a kernel or an option is found here, before anything is explored.
  private func checkers(_ progress: Progress) throws -> [Checker] {
    let chosen = try naming.naming(
      kernels.isEmpty ? NamedKernel.designs() : kernels.flatMap { try NamedKernel.all($0) })
    let probe = try ProbeFile.load()
    let ablations = try Catalogue.chosen(ablate)
    let events = try events()
    let postures = try OpenSelection.chosen(
      posture.isEmpty ? [OpenSelection(["normal"])] : posture, from: probe.postures, option: "--posture")
    let hypervisor = try guest.below()
    let made = zip(chosen, folders(of: chosen)).map { kernel, folder in
      var checker = Checker(
        kernel: kernel.image, kernelPath: kernel.name, probe: probe, memory: guest.memory, append: guest.append,
        platforms: platforms ?? kernel.platforms, profiles: many.profiles ?? kernel.profiles,
        crossings: crossing.isEmpty ? kernel.crossings : Selection.joined(crossing),
        postures: posture.isEmpty ? kernel.postures : postures, events: events, ablations: ablations,
        jobs: jobs.count, witnessFolder: folder,
        bootBound: kernel.bound(boot), judgesBoot: kernel.isReference, stepped: stepped, prunes: pruning)
      checker.hypervisor = hypervisor
      checker.depth = depth ?? 1
      checker.hostIsMalicious = host == .malicious
      if crossing.isEmpty && posture.isEmpty {
        checker.furtherPostures = kernel.furtherPostures(probe)
        if depth == nil { checker.nestingCrossings = kernel.nestingCrossings }
      }
      checker.sectionBound = section.instructions
      checker.warn = progress.warn
      return checker
    }
    for checker in made { try Starting.exploring { try checker.verify() } }
    return made
  }

  /// Of several kernels each has a folder of its own below `witnesses`: their witnesses have the same names.
  private func folders(of chosen: [NamedKernel]) -> [String] {
    guard chosen.count > 1, !witnesses.none else { return chosen.map { _ in witnesses.wanted } }
    var taken: [String: Int] = [:]
    return chosen.map { kernel in
      taken[kernel.fileName, default: 0] += 1
      let count = taken[kernel.fileName]!
      return "\(witnesses.folder)/\(kernel.fileName)" + (count == 1 ? "" : "-\(count)")
    }
  }
}
