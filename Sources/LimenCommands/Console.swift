import Foundation

/// As the terminal was before it was made raw, while it is.
private nonisolated(unsafe) var terminalBefore = termios()

/// The terminal while a guest uses it: raw input, buffered output, Ctrl-A x to leave. Whatever signal ends Limen finds it put back.
final class Console {
  private var saved: termios?
  private var output: [UInt8] = []
  private var escape = false
  private(set) var wasLeft = false

  init() {
    guard isatty(STDIN_FILENO) == 1 else { return }
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
    saved = settings
    terminalBefore = settings
    // A raw terminal sends none of these; somebody else may. tcsetattr(3) is async-signal-safe (signal-safety(7)).
    for number in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
      signal(number) { number in
        tcsetattr(STDIN_FILENO, TCSANOW, &terminalBefore)
        signal(number, SIG_DFL)
        raise(number)
      }
    }
    cfmakeraw(&settings)
    // Output keeps its newline processing: the guest's messages and ours share the screen.
    settings.c_oflag = saved!.c_oflag
    tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }

  /// Puts the terminal back as it was.
  func leave() {
    flush()
    if var settings = saved { tcsetattr(STDIN_FILENO, TCSANOW, &settings) }
    saved = nil
  }

  func write(_ byte: UInt8) {
    output.append(byte)
    if output.count >= 4096 { flush() }
  }

  func flush() {
    guard !output.isEmpty else { return }
    FileHandle.standardOutput.write(Data(output))
    output.removeAll(keepingCapacity: true)
  }

  /// What was typed since the last call.
  func read() -> [UInt8] {
    var poll = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard Foundation.poll(&poll, 1, 0) > 0, poll.revents & Int16(POLLIN) != 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = Foundation.read(STDIN_FILENO, &bytes, bytes.count)
    guard count > 0 else { return [] }
    var typed: [UInt8] = []
    for byte in bytes[..<count] {
      if saved == nil {
        typed.append(byte)
      } else if escape {
        escape = false
        if byte == UInt8(ascii: "x") { wasLeft = true } else { typed.append(byte) }
      } else if byte == 1 {
        escape = true
      } else {
        typed.append(byte)
      }
    }
    return typed
  }
}
