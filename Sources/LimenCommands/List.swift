import ArgumentParser
import Explorer
import Findings
import Reports
import Subjects

/// `limen list KIND [KERNEL]`: the names an option takes, one a line; with a kernel those that apply to it.
struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the names of a kind, one a line; with a kernel, those that apply to it.",
    discussion: """
      With a kernel, crossings, postures, events, invariants and ablations can be listed: it is booted on the machine that --platform and \
      --profile name, and asked. --verbose then prints the others too, and why they do not apply.

      EXAMPLES
        limen list crossings
        limen list ablations --verbose
        limen list crossings vmlinuz --profile amd --verbose
        limen list events vmlinuz --platform xen-pv
      """)

  @Argument(help: "What to list: \(NameKind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: NameKind

  @Argument(help: "The kernel to which it is to apply, as 'limen trace' takes it.", completion: .file())
  var kernel: String?

  @Flag(
    name: [.short, .long], help: "Say of each in a sentence what it means, and with a kernel why it does not apply.")
  var verbose = false

  @OptionGroup var one: OneMachine
  @OptionGroup var guest: GuestOptions
  @OptionGroup var boot: BoundOptions
  @OptionGroup var time: OneRunTimeOptions

  func run() throws {
    let entries = try kernel.map(applying(to:)) ?? kind.entries()
    guard verbose else { return try StandardOutput.write(entries.map { $0.name + "\n" }.joined()) }
    let width = entries.map(\.name.count).max() ?? 0
    let columns = TerminalWidth.output ?? 80
    let lines = entries.flatMap { entry in
      let name = entry.name + String(repeating: " ", count: width - entry.name.count)
      return HelpText.wrap(
        entry.meaning.map { "\(name)  \(printable($0, limit: 4096))" } ?? entry.name, columns: columns,
        hanging: width + 2)
    }
    try StandardOutput.write(lines.map { $0 + "\n" }.joined())
  }

  // MARK: With a kernel

  /// Those that apply, and with --verbose the others behind their reasons.
  private func applying(to name: String) throws -> [NameKind.Entry] {
    guard let part = kind.applying else {
      let kinds = NameKind.allCases.filter { $0.applying != nil }.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure(.badInput, kind.rawValue, "no kernel is asked about these, only about \(kinds)")
    }
    try Catalogue.require(one.platform)
    let meanings = Dictionary(try kind.entries().map { ($0.name, $0.meaning ?? "") }, uniquingKeysWith: { $1 })
    let entries = try asked(name)[keyPath: part]
    return entries.filter { verbose || $0.obstacle == nil }.map { entry in
      let more = entry.obstacle.map { "Does not apply: \($0)." } ?? entry.detail.map { "Applies \($0)." } ?? "Applies."
      return NameKind.Entry(name: entry.name, meaning: "\(more) \(meanings[entry.name] ?? "")")
    }
  }

  private func asked(_ name: String) throws -> Applicability {
    let probe = try ProbeFile.load()
    let named = try NamedKernel.one(name)
    let progress = Progress()
    var asked = Checker(
      kernel: named.image, kernelPath: named.name, probe: probe, memory: guest.memory, append: guest.append,
      platforms: [one.platform], profiles: [one.profile], crossings: [.syscall64], postures: ["normal"], events: [],
      ablations: [], jobs: 1, witnessFolder: "", bootBound: named.bound(boot), judgesBoot: named.isReference)
    asked.hypervisor = try guest.below()
    asked.warn = progress.warn
    let checker = asked
    let interruption = Interruption(after: time.timeout)
    let answer: Result<Applicability, any Error> = Result {
      try Starting.exploring {
        try interruption.waiting(for: name, progress) { tell in try checker.applicability(progress: tell) }
      }
    }
    progress.erase()
    return try answer.get()
  }
}

extension NameKind {
  /// Where an answer about a kernel has those of the kind; nil where none has.
  fileprivate var applying: KeyPath<Applicability, [Applicability.Entry]>? {
    switch self {
    case .crossings: \.crossings
    case .postures: \.postures
    case .events: \.events
    case .invariants: \.invariants
    case .ablations: \.ablations
    case .platforms, .profiles, .operators, .windows, .arrivals, .designs, .specimens: nil
    }
  }
}
