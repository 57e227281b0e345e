import ArgumentParser
import Findings

/// The root of the command line: one subcommand per verb, each in its own file.
struct Limen: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limen",
    abstract: "Executes the threshold of a kernel, with every event at every instruction, and judges.",
    discussion: """
      Limen boots a real x86-64 kernel image in its own machine, stops where a user program is about to enter the \
      kernel, and from there runs the crossing once for every event at every instruction boundary. What it cannot \
      do it says, by name.

      EXAMPLES
        limen boot vmlinuz --initrd initrd.img
            the kernel's console on this terminal
        limen check vmlinuz --crossing syscall64
            every event at every boundary of SYSCALL, under every profile
        limen check vmlinuz --crossing syscall64,int80 --event nmi --format json
            two crossings, NMIs only, for a program to read
        limen check vmlinuz --crossing syscall64 --ablate nmi-without-ist
            the same kernel with one guard taken away: the check must fire
        limen check design:2015 --crossing syscall64
            a design of the reference kernel; 'limen check' alone takes every design
        limen check my-entry.S
            a design of one's own, linked with the reference kernel
        limen trace vmlinuz --crossing syscall64
            the crossing, instruction by instruction
        limen diff vmlinuz-old vmlinuz-new --crossing syscall64
            two kernels side by side; or one kernel on two platforms or processors
        limen compare old.json new.json
            what two reports say differently
        limen mutate vmlinuz --crossing syscall64
            how many small mistakes in this entry code a check would see
        limen thread
            the designs of the mail they come from, and what they answer
        limen replay FILE
            the run that a finding names, once more
        limen debug FILE
            the same run in gdb, forwards and backwards
        limen mitigations vmlinuz --profile skylake,zen3
            what the kernel reports and patches in on these processors
        limen explain rsp-owned
            what an invariant claims, why, and where it is written
        limen list crossings
            the names an option takes, one a line; with --verbose what each means
        limen config
            what limen.toml, a project's choices, says
        limen doctor
            what is there, what is missing, and what that costs
        limen cache
            the boots that are kept, and how much room they take

      COMPLETION
        limen --generate-completion-script bash > ~/.local/share/bash-completion/completions/limen
        limen --generate-completion-script zsh > ~/.zfunc/_limen
        limen --generate-completion-script fish > ~/.config/fish/completions/limen.fish

      EXIT STATUS
        0  everything held
        1  an invariant was violated
        2  wrong usage, or bad input
        3  something the machine does not support was met
        4  nothing applied; of a replay, that it is not reproduced
        5  inconclusive: a bound was hit, the kernel did not come as far as the question, or the check was interrupted
        70 an internal error of Limen's
      """,
    version: VersionLine.text,
    subcommands: [
      Boot.self, Check.self, Trace.self, Diff.self, Compare.self, Mutate.self, Thread.self, Replay.self, Debug.self,
      Mitigations.self, Explain.self, List.self, Cache.self, Config.self, Doctor.self,
    ])

  func run() throws {
    throw CommandFailure(
      .badInput, nil,
      "a verb is needed: boot, check, trace, diff, compare, mutate, thread, replay, debug, mitigations, explain, list, cache, "
        + "config or doctor; see --help")
  }
}
