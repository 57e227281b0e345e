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

  /// The path from the root, whatever it begins with.
  static func wholePath(_ path: String) -> String {
    path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
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

  /// Makes a folder and those above it; nil, or the reason why not.
  static func makeFolder(_ path: String) -> String? {
    var status = stat()
    if stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR ? nil : String(cString: strerror(ENOTDIR)) }
    if mkdir(path, 0o777) == 0 || errno == EEXIST { return nil }
    guard errno == ENOENT, let above = path.lastIndex(of: "/"), above != path.startIndex else {
      return String(cString: strerror(errno))
    }
    if let reason = makeFolder(String(path[..<above])) { return reason }
    return mkdir(path, 0o777) == 0 || errno == EEXIST ? nil : String(cString: strerror(errno))
  }

  /// Why no file could be written into the folder; nil when one could. Asked before a long job; makes nothing that stays.
  static func obstacle(toWritingInto folder: String) -> String? {
    var status = stat()
    var place = folder
    while stat(place, &status) != 0 {
      guard errno == ENOENT else { return String(cString: strerror(errno)) }
      guard let above = place.lastIndex(of: "/") else {
        place = "."
        continue
      }
      place = above == place.startIndex ? "/" : String(place[..<above])
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return String(cString: strerror(ENOTDIR)) }
    let trial = "\(place)/.limen-\(getpid())"
    let descriptor = open(trial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    close(descriptor)
    unlink(trial)
    return nil
  }

  /// Each witness under its own name; the folders come into being with the first.
  static func write(_ witnesses: [Witness], into directory: String) throws(CommandFailure) {
    guard !witnesses.isEmpty else { return }
    if let reason = makeFolder(directory) { throw CommandFailure(.badInput, directory, reason) }
    for witness in witnesses { try write(witness.text, to: "\(directory)/\(witness.fileName)") }
  }
}
