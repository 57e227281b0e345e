import Findings
import Foundation
import Reports
import Synchronization

/// One line on standard error that says how far a long job is, and no part of any result: on a terminal rewritten in place and erased at
/// the end, elsewhere a line of its own every minute. Any thread may report.
final class Progress: Sendable {
  private struct State {
    var drawn = false
    var turns: ProgressTurns
    /// By kernel.
    var checks: [String: ProgressLine] = [:]
  }

  private static let start = ContinuousClock.now

  private let isQuiet: Bool
  private let redraws: Bool
  private let state: Mutex<State>

  /// - Parameter quiet: nothing is said but what is wrong.
  init(quiet: Bool = false) {
    isQuiet = quiet
    redraws = StandardError.isTerminal && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    state = Mutex(State(turns: redraws ? .redrawn : .lineByLine))
  }

  /// Shows the line when it is its turn; the clock decides only what the eye sees.
  func show(_ line: @autoclosure () -> String) { draw { _, _ in line() } }

  /// Makes the line when it is its turn, and shows it.
  private func draw(_ line: (inout [String: ProgressLine], Duration) -> String) {
    guard !isQuiet else { return }
    state.withLock { state in
      let now = ContinuousClock.now - Self.start
      guard state.turns.take(at: now) else { return }
      let line = line(&state.checks, now)
      guard redraws else { return StandardError.write("limen: \(printable(line, limit: 1024))\n") }
      state.drawn = true
      StandardError.write("\r\u{1B}[K" + line.prefix(Progress.columns - 1))
    }
  }

  /// Shows how far a check is. Of several kernels each has its title.
  func show(_ stage: CheckStage, of kernel: String?) {
    draw { checks, now in
      let line = checks[kernel ?? "", default: ProgressLine()].text(of: stage, at: now)
      return kernel.map { "\($0): \(line)" } ?? line
    }
  }

  /// Shows how far the judging of mutants is.
  func show(_ stage: MutationStage) {
    draw { checks, now in checks["", default: ProgressLine()].text(of: stage, at: now) }
  }

  /// Takes the line away, before anything else is printed.
  func erase() { state.withLock { Self.erase(&$0) } }

  /// Says something on a line of its own, on standard error, terminal or not.
  func say(_ text: String) {
    if !isQuiet { tell(text) }
  }

  private func tell(_ text: String) {
    state.withLock { state in
      Self.erase(&state)
      StandardError.write("limen: \(printable(text, limit: 1024))\n")
    }
  }

  /// Says what is wrong without being an error.
  func warn(_ text: String) { tell("warning: \(text)") }

  private static func erase(_ state: inout State) {
    if state.drawn { StandardError.write("\r\u{1B}[K") }
    state.drawn = false
  }

  private static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
    return Int(size.ws_col)
  }
}
