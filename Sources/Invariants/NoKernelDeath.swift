/// The kernel survives: no triple fault, no dead halt, no oops, BUG or panic of its own.
///
/// SDM vol. 3A, "Double Fault Exception (#DF)" (shutdown); the kernel's own words on its console.
import Findings
import Platform

public struct NoKernelDeath: Monitor {
  public static let description = InvariantDescription(
    identifier: "no-kernel-death",
    claim: "The kernel does not die: no shutdown, oops, BUG or panic, no crash of its domain.",
    why: "Whatever a user program does and whatever arrives meanwhile, the kernel must go on.",
    citation: "Intel SDM vol. 3A, \"Double Fault Exception (#DF)\"",
    specimens: ["ablation nmi-gate-absent", "ablation stack-switch-ignored"])

  /// What Linux, and most kernels, print when they die.
  public static let lastWords = [
    "Kernel panic", "Oops:", "BUG:", "PANIC:", "general protection fault", "invalid opcode:", "kernel BUG",
    "stack segment:", "segment not present:", "invalid TSS:", "alignment check:", "double fault:", "divide error:",
    "Unrecoverable", "Machine check from unknown source", "WARNING: CPU",
  ]

  private static let hypervisorsPrefix = "(XEN) ".utf8
  private static let bytesOfLastWords = lastWords.map { [UInt8]($0.utf8) }

  /// Whether a line of the console holds any of them.
  private static func isLastWord(_ line: ArraySlice<UInt8>) -> Bool {
    // What Xen says on the same console is not the kernel's word: whether it dies its halt tells.
    if line.starts(with: hypervisorsPrefix) { return false }
    return bytesOfLastWords.contains { words in
      guard line.count >= words.count else { return false }
      return (line.startIndex...line.endIndex - words.count).contains { start in
        line[start] == words[0] && line[start..<start + words.count].elementsEqual(words)
      }
    }
  }

  /// What the first line that holds any of them says, without what Linux puts before the words, each in brackets: the time and who
  /// speaks (CONFIG_PRINTK_TIME, CONFIG_PRINTK_CALLER). Nil when no line does.
  public static func lastLine(of console: ArraySlice<UInt8>) -> String? {
    let lines = console.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    guard let line = lines.first(where: isLastWord) else { return nil }
    var words = String(decoding: line, as: UTF8.self)[...]
    while words.first == "[", let end = words.firstIndex(of: "]"), words[..<end].allSatisfy("[ .0123456789TC".contains)
    {
      words = words[end...].dropFirst().drop { $0 == " " }
    }
    return String(words)
  }

  /// Where the last event was taken; one whose frame could not be pushed is the last.
  private var lastEvent: UInt64?

  mutating func take(_ delivery: DeliveryRecord) { lastEvent = delivery.from }

  /// Where the last event was is said, but decides nothing.
  public func goesOn(as other: NoKernelDeath) -> Bool { true }

  public func judge(_ run: Outcome) -> Violation? {
    guard case .dead(let how) = run.end else { return nil }
    return Violation(
      ComputerEnd.sentence(ofDeath: how), at: lastEvent ?? run.boundary?.rip ?? run.stoppedAt ?? 0,
      origin: run.eventOrigin, Outcome.eventWords)
  }
}
