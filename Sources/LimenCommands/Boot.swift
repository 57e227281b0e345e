import ArgumentParser
import Findings
import Foundation
import KernelImage
import Machine
import Platform
import Subjects

/// `limen boot KERNEL`: the kernel's serial console on standard input and output.
struct Boot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Boots a kernel, its console on standard input and output.",
    discussion: """
      EXAMPLE
        limen boot vmlinuz --initrd initrd.img --append "panic=-1"
        limen boot gnumach --module "hurd.img root=device:rd0" --command-line "gnumach console=com0"

      Without --initrd the kernel finds a busybox shell, where the host has busybox-static installed; a design, which is no
      Linux, the probe that crosses; a kernel that is started by multiboot, nothing but its modules.
      Type Ctrl-A x to leave.
      """)

  @OptionGroup var machine: MachineOptions
  @OptionGroup var one: OneMachine

  @OptionGroup var naming: SymbolOptions

  @Option(help: "The initial ramdisk.", completion: .file())
  var initrd: String?

  @Option(
    help: """
      A module for a kernel that is started by multiboot: a file and, behind a space, the words that go with it. May be \
      repeated; --initrd comes first.
      """)
  var module: [String] = []

  @Option(help: "The kernel's whole command line, in place of the words that it is told by default and of --append.")
  var commandLine: String?

  @Option(help: "Stop after this many million instructions, or what takes as long.")
  var limit: UInt64?

  @OptionGroup var time: OneRunTimeOptions

  @Flag(help: "Say at the end, on standard error, how many instructions the boot took.")
  var count = false

  mutating func validate() throws {
    if commandLine != nil && !machine.append.isEmpty {
      throw ValidationError("--command-line is the whole line; --append has nothing to add to it")
    }
  }

  func run() throws {
    let deadline = time.timeout.map(Deadline.init)
    let kernel = try naming.naming(NamedKernel.one(machine.kernel))
    let computer = try Starting.computer(
      machine, kernel, on: one, initrd: try ramdisk(kernel), modules: try modules(), exactLine: commandLine)
    let console = Console()
    defer { console.leave() }
    computer.console = console.write
    let started = DispatchTime.now().uptimeNanoseconds
    let end = run(computer, console, until: deadline)
    console.flush()
    if count { report(computer, since: started) }
    switch end {
    case .powerOff: return
    case .budget:
      let why = deadline?.reason ?? "stopped after \(limit ?? 0) million instructions"
      throw CommandFailure(.inconclusive, machine.kernel, "\(why) at \(Starting.place(computer, kernel.image))")
    case .died(let how):
      throw CommandFailure(
        .violation, machine.kernel,
        "\(ComputerEnd.sentence(ofDeath: how)) at \(Starting.place(computer, kernel.image))")
    case .left(let status, _): throw Outcome(status: status == 0 ? .allHeld : .violation)
    case .unsupported(let what):
      throw CommandFailure(
        .unsupported, machine.kernel, "unsupported: \(what) at \(Starting.place(computer, kernel.image))")
    }
  }

  private func modules() throws -> [Guest.Module] {
    try module.map { text in
      let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
      guard let path = parts.first else { throw CommandFailure(.badInput, "--module", "names no file") }
      // The file's name and its words, as loaders have always made the string of them.
      let words = [URL(filePath: path).lastPathComponent] + parts.dropFirst()
      return .init(bytes: try Files.read(path, limit: 1 << 30), words: words.joined(separator: " "))
    }
  }

  private func ramdisk(_ kernel: NamedKernel) throws -> [UInt8] {
    if let initrd { return try Files.read(initrd, limit: 1 << 30) }
    if kernel.isReference { return try Initramfs.running(ProbeFile.load().bytes).archive }
    if one.platform == .bareMetal && kernel.image.bootProtocol == .multiboot { return [] }
    let busybox = "/bin/busybox"
    guard FileManager.default.fileExists(atPath: busybox) else { return [] }
    return try Initramfs.shell(busybox: Files.read(busybox, limit: 1 << 26)).archive
  }

  /// Runs in slices, so that what is typed reaches the guest.
  private func run(_ computer: any PlatformComputer, _ console: Console, until deadline: Deadline?) -> ComputerEnd {
    let total = limit.map { $0 * 1_000_000 } ?? .max
    while true {
      let end = computer.proceed(min(2_000_000, total - computer.processor.spent), until: nil)
      console.flush()
      guard case .budget = end else { return end }
      if computer.processor.spent >= total || deadline?.reason != nil { return .budget }
      let typed = console.read()
      if console.wasLeft { return .powerOff(how: "its console was left") }
      if !typed.isEmpty { computer.feedConsole(typed) }
    }
  }

  private func report(_ computer: any PlatformComputer, since started: UInt64) {
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9
    let retired = computer.processor.retired
    let rate = Double(retired) / seconds / 1e6
    StandardError.write(
      "\(retired) instructions, \(String(format: "%.2f", seconds)) s, \(String(format: "%.1f", rate)) million a second\n"
    )
  }
}
