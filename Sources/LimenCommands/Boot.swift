import ArgumentParser
import Findings

/// `limen boot KERNEL`: the kernel's serial console on standard input and output.
struct Boot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Boots a kernel, its console on standard input and output.",
    discussion: """
      EXAMPLE
        limen boot vmlinuz --initrd initrd.img --append "panic=-1"
      """)

  @OptionGroup var machine: MachineOptions
  @OptionGroup var one: OneMachine

  @Option(help: "The initial ramdisk.", completion: .file())
  var initrd: String?

  func run() throws {
    try Catalogue.require(one.platform)
    throw CommandFailure.unsupported(
      "boot", "the machine room is not connected in this version", addedIn: "Sources/LimenCommands/Boot.swift")
  }
}
