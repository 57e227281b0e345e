/// How many columns there are to write in.
import Foundation

enum TerminalWidth {
  /// Of standard output: what COLUMNS says (POSIX, "Environment Variables"), else what the terminal does; nil where there is neither.
  static var output: Int? {
    if let said = ProcessInfo.processInfo.environment["COLUMNS"].flatMap(Int.init), (1...10_000).contains(said) {
      return said
    }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}
