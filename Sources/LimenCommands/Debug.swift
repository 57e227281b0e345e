import ArgumentParser
import Debugger
import Explorer
import Findings
import Foundation
import Subjects

/// `limen debug FILE` and `limen debug KERNEL --crossing NAME`: one run, for gdb to walk through.
struct Debug: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serves one run to gdb, forwards and backwards.",
    discussion: """
      Speaks gdb's remote serial protocol. The run is a witness's or a crossing's with the events that --inject names, and stands at
      boundary 0, in user mode, when gdb comes. gdb's own commands work, those that go backwards too: stepi, continue, break, hbreak,
      watch, rwatch, awatch, reverse-stepi, reverse-continue. A run stops by itself where an invariant is first broken,
      and at its end. Each step is a boundary: an instruction, or the delivery of an event.

      A run is what its events make of it, so registers and memory are read and not written. Beside gdb's registers there are the
      system's ($cr3, $gs_base, $kernel_gs_base, $lstar, $tr_base, $cpl, ...) and $boundary. 'monitor help' lists what gdb has no
      word for. Documentation/Debugger.md shows a session.

      With a witness, --kernel, --hypervisor and --symbols alone count; the rest it says itself.

      EXAMPLES
        limen debug limen-witnesses/FILE.json
            then, in gdb: target remote localhost:1234
        gdb -ex 'target remote | limen debug limen-witnesses/FILE.json -'
        limen debug vmlinuz --crossing syscall64 --inject 9:nmi --symbols vmlinux-dbg
        limen debug design:complete /tmp/limen.socket --crossing int80 --platform xen-pv
      """)

  @Argument(help: "A witness, or with --crossing a kernel as 'limen trace' takes it.", completion: .file())
  var subject: String

  @Argument(
    help: """
      Where gdb finds Limen: a TCP port of 127.0.0.1 (0 for one that is free), the path of a Unix socket, which holds a slash, or - for \
      standard input and output.
      """)
  var channel: String = "1234"

  @Option(help: "The way into the kernel: \(CrossingKind.spellings).")
  var crossing: CrossingKind?

  @Option(help: "What the user program set up before it crosses.")
  var posture: String = "normal"

  @Option(help: "An event to inject, as BOUNDARY:EVENT; may be repeated. Events: \(EventKind.spellings).")
  var inject: [Injection] = []

  @Option(help: "Guards to take away from the running kernel's world; a list.")
  var ablate: [OpenSelection<AblationName>] = []

  @Option(help: "Where the witness's kernel lies now.", completion: .file())
  var kernel: String?

  @OptionGroup var one: OneMachine
  @OptionGroup var guest: GuestOptions
  @OptionGroup var naming: SymbolOptions
  @OptionGroup var boot: BoundOptions

  mutating func validate() throws {
    var seen: Set<Int> = []
    for injection in inject where !seen.insert(injection.boundary).inserted {
      throw ValidationError("--inject names boundary \(injection.boundary) twice")
    }
    if crossing != nil && kernel != nil { throw ValidationError("--kernel is for a witness, which has its crossing") }
    if crossing == nil && !(inject.isEmpty && ablate.isEmpty) {
      throw ValidationError("a witness has its events and guards; with a kernel, --crossing says which crossing")
    }
  }

  func run() throws {
    guard let place = Connection.Place(channel) else {
      throw CommandFailure(
        .badInput, channel, "no place to listen: a port (of 127.0.0.1 alone), a path with a slash, or - is one")
    }
    let progress = Progress()
    let (timeline, named) = try Starting.exploring { try prepared(progress) }
    progress.erase()
    defer { timeline.crossing.leave() }
    StandardError.write(symbolHint(named))
    do {
      let connection = try Connection.open(place) { name in
        StandardError.write("limen: in gdb: target remote \(name)\n")
      }
      DebugServer(connection, DebugSession(timeline)).serve()
    } catch {
      throw CommandFailure(.badInput, channel, "\(error)")
    }
  }

  private func prepared(_ progress: Progress) throws -> (Timeline, NamedKernel) {
    func tell(_ stage: String) { progress.show(stage) }
    guard let crossing else {
      let witness = try WitnessedKernel.witness(at: subject)
      let (checker, named) = try WitnessedKernel(
        file: subject, kernel: kernel, hypervisor: guest.hypervisor, naming: naming
      ).checker(of: witness, progress)
      return (Timeline(try checker.prepare(tell), witness.path), named)
    }
    try Catalogue.require(one.platform)
    let probe = try ProbeFile.load()
    let postures = try OpenSelection.chosen(
      [OpenSelection([PostureName(rawValue: posture)])], from: probe.postures, option: "--posture")
    guard postures.count == 1 else { throw CommandFailure(.badInput, "--posture", "one run has one posture") }
    let named = try naming.naming(NamedKernel.one(subject))
    var checker = Checker(
      kernel: named.image, kernelPath: named.name, probe: probe, memory: guest.memory, append: guest.append,
      platforms: [one.platform], profiles: [one.profile], crossings: [crossing], postures: postures, events: [],
      ablations: try Catalogue.chosen(ablate), jobs: 1, witnessFolder: "", bootBound: named.bound(boot),
      judgesBoot: named.isReference)
    checker.hypervisor = try guest.below()
    checker.warn = progress.warn
    let events = Dictionary(uniqueKeysWithValues: inject.map { ($0.boundary, $0.event) })
    return (Timeline(try checker.prepare(tell), events: events), named)
  }

  /// How gdb learns the kernel's names. A kernel runs where it was linked: nothing moves it by chance.
  private func symbolHint(_ named: NamedKernel) -> String {
    if let file = named.symbolFile, Self.isELF(file) {
      let command =
        named.symbolOffset == 0 ? "file" : "symbol-file -o 0x\(String(named.symbolOffset, radix: 16))"
      return "limen: in gdb: \(command) \(file)\n"
    }
    let release = named.image.release.map { ", as /usr/lib/debug/boot/vmlinux-\($0) of its -dbg package" } ?? ""
    return "limen: gdb takes the kernel's names from a vmlinux with symbols\(printable(release)): file FILE\n"
  }

  private static func isELF(_ path: String) -> Bool {
    guard let file = FileHandle(forReadingAtPath: path) else { return false }
    return file.readData(ofLength: 4) == Data([0x7F, 0x45, 0x4C, 0x46])
  }
}
