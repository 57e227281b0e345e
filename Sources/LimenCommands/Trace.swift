import ArgumentParser
import Findings

/// `limen trace KERNEL`: a crossing without events, instruction by instruction.
struct Trace: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints one crossing, instruction by instruction.",
    discussion: """
      EXAMPLE
        limen trace vmlinuz --crossing syscall64 --profile amd
      """)

  @OptionGroup var machine: MachineOptions
  @OptionGroup var one: OneMachine

  @Option(help: "The way into the kernel: \(CrossingKind.spellings).")
  var crossing: CrossingKind

  @Option(help: "What the user program set up before it crosses.")
  var posture: String = "normal"

  func run() throws {
    try Catalogue.require(one.platform)
    throw CommandFailure.unsupported(
      "trace", "the explorer is not connected in this version", addedIn: "Sources/LimenCommands/Trace.swift")
  }
}
