/// How much faster a search is than its own stepped oracle, and what paths of two events cost: ratios of processor time in one run,
/// without what the start takes.
import Foundation

struct SearchBenchmark {
  /// Runs `limen check` on the kernel with the given arguments.
  let check: ([String], Set<Int32>) throws -> Child

  private static let crossing = ["--crossing", "syscall64", "--profile", "intel"]
  /// Paths of two events take some minutes; a machine that needs longer is told so.
  private static let longest = "900"

  func run() throws {
    heading("search of SYSCALL64 on intel, one thread, without the start")
    let start = try check(["--crossing", "syscall32", "--profile", "intel"], [4]).processorSeconds
    func measure(_ what: String, _ arguments: [String], target: String = "") throws -> Double {
      let child = try check(Self.crossing + arguments, [0, 1, 5])
      let cost = child.processorSeconds - start
      row(what + trials(child), seconds(child.seconds), seconds(cost), target: target)
      return cost
    }
    let all = ["--posture", "all"]
    let fast = try measure("all postures,", all)
    let stepped = try measure("all postures, --stepped,", all + ["--stepped"])
    row("--stepped / default", number(stepped / fast, 1), target: "at least 25")
    let one = try measure("normal posture,", [])
    let two = try measure(
      "normal posture, --depth 2,", ["--depth", "2", "--timeout", Self.longest], target: "at most 120 s")
    row("--depth 2 / --depth 1", number(two / one, 0), target: "at most 40")
  }
}
