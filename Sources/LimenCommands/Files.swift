import Findings
import Foundation

/// Small files, read and written whole.
enum Files {
  /// The file's bytes; a file of more than `limit` bytes is refused before it is read.
  static func read(_ path: String, limit: Int) throws(CommandFailure) -> [UInt8] {
    // Without O_NONBLOCK a FIFO nobody writes to would hold Limen for ever.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandFailure(.badInput, path, String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CommandFailure(.badInput, path, String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw CommandFailure(.badInput, path, "not a regular file") }
    guard status.st_size <= limit else {
      throw CommandFailure(.badInput, path, "\(status.st_size) bytes are too many (at most \(limit))")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
      let count = bytes[filled...].withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw CommandFailure(.badInput, path, String(cString: strerror(errno))) }
      guard count > 0 else { break }
      filled += count
    }
    return Array(bytes[..<filled])
  }

  /// Replaces the file in one step: readers see the old text or the new, never a part.
  static func write(_ text: String, to path: String) throws(CommandFailure) {
    let draft = "\(path).\(getpid())"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw CommandFailure(.badInput, path, String(cString: strerror(errno))) }
    var reason = writeAll(Array(text.utf8), to: descriptor)
    if close(descriptor) != 0 && reason == nil { reason = String(cString: strerror(errno)) }
    if reason == nil && rename(draft, path) != 0 { reason = String(cString: strerror(errno)) }
    guard let reason else { return }
    unlink(draft)
    throw CommandFailure(.badInput, path, reason)
  }

  /// Each witness under its own name; the directory, and the one above it, come into being with the
  /// first.
  static func write(_ witnesses: [Witness], into directory: String) throws(CommandFailure) {
    guard !witnesses.isEmpty else { return }
    if let above = directory.lastIndex(of: "/"), above != directory.startIndex {
      _ = mkdir(String(directory[..<above]), 0o777)
    }
    guard mkdir(directory, 0o777) == 0 || errno == EEXIST else {
      throw CommandFailure(.badInput, directory, String(cString: strerror(errno)))
    }
    for witness in witnesses { try write(witness.text, to: "\(directory)/\(witness.fileName)") }
  }
}
