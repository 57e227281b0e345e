import Foundation

/// Standard output, written whole or reported: a report on a full disk must not pass for a report.
enum StandardOutput {
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  static func write(_ text: String) throws(CommandFailure) {
    guard let reason = writeAll(Array(text.utf8), to: STDOUT_FILENO) else { return }
    throw CommandFailure(.badInput, "standard output", reason)
  }
}

/// Standard error; when even that cannot be written there is nobody left to tell.
enum StandardError {
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  static func write(_ text: String) {
    _ = writeAll(Array(text.utf8), to: STDERR_FILENO)
  }
}

/// Writes every byte; nil, or the reason why not.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> String? {
  var start = 0
  while start < bytes.count {
    let written = bytes[start...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if written > 0 {
      start += written
    } else if written < 0 && errno == EINTR {
      continue
    } else {
      return written < 0 ? String(cString: strerror(errno)) : "no progress"
    }
  }
  return nil
}
