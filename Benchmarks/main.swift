/// The numbers that Limen promises, measured in one run on this machine: `limen-bench LIMEN KERNEL PROBE.cpio XEN FULL-KERNEL TRIALS [PART ...]`.
///
/// `./dev bench` calls it with what it needs. A wall time counts only on a quiet machine, so the load average is printed
/// first and the processor time stands beside each wall time. Bochs is left out: it starts from a BIOS and a disk only, so it
/// would not do the same work.
import Foundation
import KernelImage

func say(_ line: String) { try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8)) }

func complain(_ line: String) { try? FileHandle.standardError.write(contentsOf: Data("limen-bench: \(line)\n".utf8)) }

guard CommandLine.arguments.count >= 7 else {
  complain("usage: limen-bench LIMEN KERNEL PROBE.cpio XEN FULL-KERNEL TRIALS [PART ...] (see ./dev bench)")
  exit(2)
}
let limen = CommandLine.arguments[1]
let kernel = CommandLine.arguments[2]
let probe = CommandLine.arguments[3]
let xen = CommandLine.arguments[4]
let fullKernel = CommandLine.arguments[5]
let trialFolder = CommandLine.arguments[6]

let folder = FileManager.default.temporaryDirectory.appending(path: "limen-bench-\(getpid())")

func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

func column(_ text: String, _ width: Int) -> String {
  text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
}

/// What was measured, by the wall clock or as it is, then by processor time, and the target.
func row(_ what: String, _ measured: String, _ byProcessor: String = "", target: String = "") {
  let line = "  " + column(what, 54) + "  " + column(measured, 10) + "  " + column(byProcessor, 10) + "  " + target
  say(String(line.reversed().drop { $0 == " " }.reversed()))
}

func seconds(_ value: Double) -> String { "\(number(value, 2)) s" }

func bench() throws {
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  say("\(URL(filePath: kernel).lastPathComponent); load average \(number(load(), 1)) before the run")
  // First, since a program inherits the largest resident memory of the one that starts it (getrusage(2)).
  let parts: [(name: String, measure: () throws -> Void)] = [
    ("checks", checks), ("boots", boots), ("xen", { try xenBoots(xen: xen, full: fullKernel) }),
    ("xen-trials", { try xenTrials(xen: xen, full: fullKernel) }), ("forks", forks),
    ("trials", { try TrialBenchmark(folder: trialFolder).run(scratch: folder) }),
  ]
  let wanted = CommandLine.arguments.dropFirst(7)
  for name in wanted where !parts.contains(where: { $0.name == name }) {
    throw Child.Failure(description: "no part '\(name)': \(parts.map(\.name).joined(separator: ", "))")
  }
  for part in parts where wanted.isEmpty || wanted.contains(part.name) { try part.measure() }
  say("\nload average \(number(load(), 1)) after the run")
}

/// The same kernel, initramfs, command line and memory; each to the end of the probe, which powers off.
func boots() throws {
  let line = "panic=-1 quiet"
  let unpacked = folder.appending(path: "vmlinux")
  try Data(try KernelImage(contentsOf: kernel).bytes).write(to: unpacked)
  func qemu(_ image: String) -> [String] {
    [
      "qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,vendor=GenuineIntel,+fsgsbase,+smep", "-m", "512",
      "-nographic", "-no-reboot", "-kernel", image, "-initrd", probe, "-append", "console=ttyS0 nokaslr \(line)",
    ]
  }
  heading("boot to the end of the probe")
  let ours = try Child.best(
    of: 3, [limen, "boot", kernel, "--initrd", probe, "--append", line, "--memory", "512", "--count"])
  let theirs = try Child.best(of: 3, qemu(kernel))
  let direct = try Child.best(of: 3, qemu(unpacked.path))
  for run in [ours, theirs, direct] where !run.output.contains("limen-probe done") {
    throw Child.Failure(description: "a boot did not reach the end of the probe:\n\(run.output.suffix(2000))")
  }
  for (name, run) in [("Limen", ours), ("QEMU TCG, bzImage", theirs), ("QEMU TCG, vmlinux through PVH", direct)] {
    row(name, seconds(run.seconds), seconds(run.processorSeconds))
  }
  for (name, run) in [("Limen / QEMU, bzImage", theirs), ("Limen / QEMU, vmlinux", direct)] {
    row(
      name, number(ours.seconds / run.seconds, 2), number(ours.processorSeconds / run.processorSeconds, 2),
      target: "at most 5")
  }
  let count = ours.output.split(whereSeparator: \.isNewline).compactMap { line -> Double? in
    let words = line.split(separator: " ")
    return words.count > 1 && words[1] == "instructions," ? Double(words[0]) : nil
  }
  guard let retired = count.last else { throw Child.Failure(description: "limen boot --count printed no count") }
  row("guest instructions in Limen", "\(number(retired / 1e6, 0)) M")
  row(
    "guest instructions a second in Limen", "\(number(retired / ours.seconds / 1e6, 0)) M",
    "\(number(retired / ours.processorSeconds / 1e6, 0)) M", target: "at least 80 M")
}

func forks() throws {
  let fork = try ForkBenchmark()
  heading("fork, \(ForkBenchmark.pages) dirty pages, restore, drop; 512 MiB guest, \(ForkBenchmark.rounds) rounds")
  func one(_ name: String, _ cost: ForkBenchmark.Cost, target: String = "") {
    row(name, "\(number(cost.wall, 2)) µs", "\(number(cost.processor, 2)) µs", target: target)
  }
  one("stores by the guest", try fork.byTheGuest(), target: "at most 10 µs")
  one("stores from outside, the same pages", try fork.fromOutside(otherPagesEachTime: false), target: "at most 10 µs")
  one("stores from outside, other pages each time", try fork.fromOutside(otherPagesEachTime: true))
}

func checks() throws {
  // A cache of its own, so that the first check of each profile boots and the next starts from that boot.
  func check(_ arguments: [String], accepted: Set<Int32> = [0, 1, 5]) throws -> Child {
    try Child.run(
      [
        "env", "LIMEN_CACHE=\(folder.path)", limen, "check", kernel, "--memory", "512", "-j", "1", "--witnesses",
        folder.appending(path: "witnesses").path,
      ] + arguments, accepted: accepted)
  }
  heading("depth-1 exploration of SYSCALL64, every event at every boundary, one thread")
  for profile in ["intel", "amd"] {
    for (what, postures, target) in [
      ("normal posture, and the boot", "normal", ""), ("normal posture", "normal", "at most 60 s"),
      ("all postures", "all", ""),
    ] {
      let run = try check(["--crossing", "syscall64", "--profile", profile, "--posture", postures])
      row("\(profile), \(what),\(trials(run))", seconds(run.seconds), seconds(run.processorSeconds), target: target)
      row("  largest resident memory", "\(run.residentMiB) MiB", target: "at most 1024 MiB (guest RAM + 512)")
    }
  }
  for profile in ["intel", "amd"] {
    let run = try check(["--platform", "xen-pv", "--crossing", "syscall64", "--profile", profile])
    let again = try check(["--platform", "xen-pv", "--crossing", "syscall64", "--profile", profile])
    row("Xen PV, \(profile), and the boot,\(trials(run))", seconds(run.seconds), seconds(run.processorSeconds))
    row(
      "Xen PV, \(profile),\(trials(again))", seconds(again.seconds), seconds(again.processorSeconds),
      target: "at most 60 s")
  }
  // A crossing that the processor does not have: nothing but the start.
  let start = try check(["--crossing", "syscall32", "--profile", "intel"], accepted: [4])
  row("start from the cached boot", seconds(start.seconds), seconds(start.processorSeconds), target: "at most 2 s")
  try SearchBenchmark { try check($0, accepted: $1) }.run()
}

/// How many trials a check counted, and how it ended where that was not well.
func trials(_ child: Child) -> String {
  let last = child.output.split(whereSeparator: \.isNewline).last ?? ""
  let count = last.split(separator: ",").first { $0.contains("trials") } ?? ""
  return count + (child.status == 0 ? "" : ", exit status \(child.status)")
}

func heading(_ what: String) {
  say("\n\(what)")
  row("", "wall", "processor", target: "target")
}

do {
  try bench()
} catch {
  complain("\(error)")
  exit(1)
}
