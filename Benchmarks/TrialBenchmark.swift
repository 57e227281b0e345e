/// Trials of some 20,000 instructions that store to 20 pages: the same code (`Trials/Trial.S`) in Limen, Unicorn and QEMU, each going back to the
/// same start in its own way. Every engine answers with the checksum, so that none does less.
///
/// Limen forks once and goes back to the fork, as a search does at a boundary; it finds what was written by itself, and its log of
/// transitions is on. Unicorn restores its context, and memory as `Trials/Unicorn.c` says, in the fastest way that has to find the pages and
/// in one that is told them. QEMU loads a snapshot of its 512 MiB, of which next to nothing is in use, and is told to go on by a byte on a
/// serial line. Ratios are of trials a second of processor time.
import BareMetal
import Foundation
import KernelImage
import Machine

struct TrialBenchmark {
  /// Where `Scripts/trials.sh` put what it built.
  let folder: String
  private let image: KernelImage

  /// Trials, and what they took.
  private struct Rate {
    var trials: Double
    var wall: Double
    var processor: Double
    /// Of the checksum.
    var low: UInt8

    var perSecond: Double { trials / processor }
  }

  private static let seconds = 3.0
  private static let pages = 20

  init(folder: String) throws {
    self.folder = folder
    image = try KernelImage(contentsOf: "\(folder)/trial.elf")
  }

  func run(scratch: URL) throws {
    for (stretch, what) in [("calls", "a call and a return every 16 instructions"), ("plain", "no calls")] {
      let (ours, instructions) = try limen(stretch)
      heading("trials of \(instructions) instructions, \(what), \(Self.pages) pages stored to; a second")
      func show(_ name: String, _ rate: Rate) {
        row(name, number(rate.trials / rate.wall, 0), number(rate.perSecond, 0))
      }
      show("Limen", ours)
      // Whatever a trial executes.
      let least = try limen("touch").0
      row("  a trial", "", "\(number(1e6 / ours.perSecond, 1)) µs")
      row("  of it to go back, and to meet the pages", "", "\(number(1e6 / least.perSecond, 1)) µs")
      func against(_ name: String, _ rate: Rate, target: String = "") throws {
        guard rate.low == ours.low else {
          throw Child.Failure(description: "\(name) answers \(rate.low), Limen \(ours.low): not the same trial")
        }
        show(name, rate)
        row("  Limen / \(name)", "", number(ours.perSecond / rate.perSecond, 1), target: target)
      }
      try against("Unicorn, finds the pages", try unicorn("found", stretch), target: "at least 20")
      try against("Unicorn, is told the pages", try unicorn("listed", stretch))
      try against("Unicorn, its own snapshots", try unicorn("snapshot", stretch))
      try against("QEMU, loadvm", try QEMUTrials(folder: folder, scratch: scratch).rate(stretch))
    }
  }

  private func address(_ symbol: String) throws -> UInt64 {
    guard let address = image.symbols.lookup(symbol) else { throw Child.Failure(description: "no symbol \(symbol)") }
    return address
  }

  // MARK: Limen

  private func limen(_ stretch: String) throws -> (Rate, instructions: UInt64) {
    let computer = try BareMetalComputer(memorySize: 512 << 20, profile: .intel)
    let segments = image.loadSegments.map {
      BareMetalComputer.Segment(
        address: $0.physicalAddress, bytes: image.contents(of: $0), memorySize: $0.memorySize)
    }
    try computer.start(segments: segments, entry: image.pvhEntry!, initrd: [], commandLine: "")
    let processor = computer.processor
    let (ready, begin, end) = try (address("ready"), address(stretch), address("\(stretch)_end"))
    func run(to place: UInt64) throws {
      if case .budget = computer.run(1_000_000, until: place), processor.rip == place { return }
      throw Child.Failure(description: "the trial stands at \(processor.rip), not \(place)")
    }
    try run(to: ready)
    processor[.rdi] = try address("data")
    processor[.rsp] = try address("stack")
    processor[.rbx] = 0
    processor.skip(to: begin)
    processor.isWatched = true
    computer.fork()
    let before = processor.retired
    try run(to: end)
    let (instructions, low) = (processor.retired - before, UInt8(truncatingIfNeeded: processor[.rbx]))
    func trial() throws {
      computer.restore()
      processor.clearTransitions()
      try run(to: end)
    }
    for _ in 0..<1000 { try trial() }
    var trials = 0
    let started = (wall: now(), processor: processorTime())
    while now() - started.wall < Self.seconds {
      for _ in 0..<100 { try trial() }
      trials += 100
    }
    return (
      Rate(
        trials: Double(trials), wall: now() - started.wall, processor: processorTime() - started.processor, low: low),
      instructions
    )
  }

  // MARK: Unicorn

  private func unicorn(_ how: String, _ stretch: String) throws -> Rate {
    let (begin, end, data) = try (address(stretch), address("\(stretch)_end"), address("data"))
    let stack = try address("stack")
    let numbers = [image.loadSegments.map(\.physicalAddress).first { $0 == 0x10_0000 }!, begin, end, data, stack]
    let pages = UInt64(Self.pages + 1)
    let child = try Child.run(
      ["\(folder)/unicorn", how, "\(folder)/trial.bin"]
        + (numbers + [pages, UInt64(Self.seconds)]).map { String($0, radix: 16) })
    let words = child.output.split(whereSeparator: \.isWhitespace)
    guard words.count == 4, let sum = UInt64(words[0], radix: 16), let trials = Double(words[1]),
      let wall = Double(words[2]), let processor = Double(words[3])
    else { throw Child.Failure(description: "Unicorn says: \(child.output)") }
    return Rate(trials: trials, wall: wall, processor: processor, low: UInt8(truncatingIfNeeded: sum))
  }

  // MARK: QEMU

  /// A guest that waits on its serial line, with a snapshot of that state.
  private final class QEMUTrials {
    private let process = Process()
    private let line: (input: Int32, output: Int32)
    private let monitor: (input: Int32, output: Int32)
    private var said: [UInt8] = []

    init(folder: String, scratch: URL) throws {
      func pipes(_ name: String) throws -> (Int32, Int32) {
        let path = scratch.appending(path: name).path
        for end in [".in", ".out"] {
          unlink(path + end)
          guard mkfifo(path + end, 0o600) == 0 else { throw Child.Failure(description: "no pipe \(path)") }
        }
        // Both ways, so that neither side waits for the other to open.
        return (open(path + ".in", O_RDWR), open(path + ".out", O_RDWR))
      }
      line = try pipes("line")
      monitor = try pipes("monitor")
      let disk = scratch.appending(path: "snapshots.qcow2").path
      _ = try Child.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"])
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64", "-m", "512", "-nodefaults", "-display", "none",
        "-kernel", "\(folder)/trial.elf", "-drive", "if=none,format=qcow2,file=\(disk)", "-serial",
        "pipe:\(scratch.appending(path: "line").path)", "-qmp", "pipe:\(scratch.appending(path: "monitor").path)",
      ]
      process.standardInput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
    }

    func rate(_ stretch: String) throws -> Rate {
      defer {
        process.terminate()
        process.waitUntilExit()
        for end in [line.input, line.output, monitor.input, monitor.output] { close(end) }
      }
      try tell(#"{"execute":"qmp_capabilities"}"#)
      // It answers once it waits, and has stored nothing yet.
      var low = trial("?")
      try command("savevm start")
      func again() throws {
        try command("loadvm start")
        low = trial(stretch)
      }
      for _ in 0..<3 { try again() }
      var trials = 0.0
      let started = (wall: now(), processor: processorTime)
      while now() - started.wall < TrialBenchmark.seconds {
        try again()
        trials += 1
      }
      return Rate(trials: trials, wall: now() - started.wall, processor: processorTime - started.processor, low: low)
    }

    private func trial(_ stretch: String) -> UInt8 {
      var byte = stretch.utf8.first!
      _ = write(line.input, &byte, 1)
      _ = read(line.output, &byte, 1)
      return byte
    }

    private func command(_ text: String) throws {
      try tell(#"{"execute":"human-monitor-command","arguments":{"command-line":"\#(text)"}}"#)
    }

    /// Waits for the answer. An answer that is not empty is an error (QEMU, "QMP Reference Manual", human-monitor-command).
    private func tell(_ request: String) throws {
      let bytes = Array((request + "\n").utf8)
      _ = write(monitor.input, bytes, bytes.count)
      while true {
        while let end = said.firstIndex(of: UInt8(ascii: "\n")) {
          let answer = String(decoding: said[..<end], as: UTF8.self)
          said.removeFirst(end + 1)
          if answer.contains("\"return\": \"\"") || answer.contains("\"return\": {}") { return }
          if answer.contains("\"return\"") || answer.contains("\"error\"") {
            throw Child.Failure(description: "QEMU answers \(request): \(answer)")
          }
        }
        var piece = [UInt8](repeating: 0, count: 4096)
        let count = read(monitor.output, &piece, piece.count)
        if count <= 0 { throw Child.Failure(description: "QEMU is gone") }
        said += piece[..<count]
      }
    }

    /// User and system time, in ticks of a hundredth of a second (proc(5), /proc/[pid]/stat: utime and stime).
    private var processorTime: Double {
      let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
      let words = text.split(separator: ")").last?.split(separator: " ") ?? []
      return words.count > 12 ? ((Double(words[11]) ?? 0) + (Double(words[12]) ?? 0)) / 100 : 0
    }
  }
}
