/// The files of `limen check --resume` and `limen mutate --resume`: `Documentation/Formats.md`, "Progress". Each line is a JSON object behind its own SHA-256, and
/// is written in one piece when a section or a mutant is done, so that whatever ends the program leaves at most the last line cut short.
import Explorer
import Findings
import Foundation
import KernelImage
import Synchronization

/// What such a file keeps one of in each line.
protocol ProgressEntry: Codable, Sendable {
  static var format: String { get }
  static var version: Int { get }
  /// What it is the progress of, and the verb that keeps it.
  static var origin: String { get }
  /// What becomes of one whose line is cut short.
  static var again: String { get }
  /// The kernel's place in the head, from 0.
  var kernel: Int { get }
}

extension CheckProgress.Entry: ProgressEntry {
  static var format: String { CheckProgress.format }
  static var version: Int { CheckProgress.version }
  static var origin: String { "of a check that 'limen check --resume' kept" }
  static var again: String { "its section is explored again" }
}

extension MutationProgress.Entry: ProgressEntry {
  static var format: String { MutationProgress.format }
  static var version: Int { MutationProgress.version }
  static var origin: String { "of mutants that 'limen mutate --resume' kept" }
  static var again: String { "its mutant is judged again" }
  var kernel: Int { 0 }
}

final class Resumption<Entry: ProgressEntry>: Sendable {
  private let path: String
  /// Open and locked as long as this lives; nothing is written any more once it could not be.
  private let descriptor: Int32
  private let isWhole = Mutex(true)
  private let warn: @Sendable (String) -> Void
  /// What the file held when it was opened.
  let entries: [Entry]

  private static var largest: Int { 1 << 30 }

  /// Opens the file, or begins it. Refuses one that another check, or another Limen, has begun.
  init(_ path: String, _ head: CheckProgress.Head, warn: @escaping @Sendable (String) -> Void) throws(CommandFailure) {
    self.path = path
    self.warn = warn
    // Without O_NONBLOCK a FIFO nobody reads would hold Limen for ever.
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw CommandFailure(.badInput, path, String(cString: strerror(errno))) }
    do throws(CommandFailure) {
      entries = try Self.takeUp(descriptor, path, head, warn)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Makes the open file one that lines can be added to, and answers what it holds.
  private static func takeUp(
    _ descriptor: Int32, _ path: String, _ head: CheckProgress.Head, _ warn: (String) -> Void
  ) throws(CommandFailure) -> [Entry] {
    func refuse(_ reason: String) -> CommandFailure { CommandFailure(.badInput, path, reason) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw refuse(errno == EWOULDBLOCK ? "another limen is at work on it" : String(cString: strerror(errno)))
    }
    let contents = try ProgressLines<Entry>(try Files.read(path, limit: largest), path)
    if let difference = contents.head?.difference(from: head) {
      throw refuse("\(difference); name another file, or remove this one")
    }
    guard ftruncate(descriptor, off_t(contents.length)) == 0 else { throw refuse(String(cString: strerror(errno))) }
    if contents.head == nil, let reason = writeAll(progressLine(head), to: descriptor) { throw refuse(reason) }
    if contents.isCutShort { warn("\(path): the last line is cut short, and \(Entry.again)") }
    return contents.entries
  }

  deinit { close(descriptor) }

  /// Adds one that is done. Any thread may.
  func keep(_ entry: Entry) {
    let line = progressLine(entry)
    isWhole.withLock { isWhole in
      guard isWhole, let reason = writeAll(line, to: descriptor) else { return }
      isWhole = false
      warn("\(path): \(reason): what is done from now on is not kept")
    }
  }
}

extension Resumption where Entry == CheckProgress.Entry {
  /// The sections of one kernel that are done.
  func sections(of kernel: Int) -> [CheckSection] { entries.filter { $0.kernel == kernel }.map(\.section) }

  func keep(_ section: CheckSection, of kernel: Int) { keep(CheckProgress.Entry(kernel: kernel, section: section)) }
}

/// Of a SHA-256 in hexadecimal.
private let digestSize = 64
private let lineFeed = UInt8(ascii: "\n")

private func progressLine(_ value: some Encodable) -> [UInt8] {
  let object = Array(documentLine(value).utf8)
  return Array(SHA256.hexadecimal(of: object).utf8) + [UInt8(ascii: " ")] + object + [lineFeed]
}

/// The lines of such a file.
private struct ProgressLines<Entry: ProgressEntry> {
  /// Nil in an empty file.
  var head: CheckProgress.Head?
  var entries: [Entry] = []
  /// Bytes of whole lines.
  var length = 0
  /// Bytes follow that are no whole line.
  var isCutShort: Bool

  init(_ bytes: [UInt8], _ path: String) throws(CommandFailure) {
    func refuse(_ reason: String) -> CommandFailure { CommandFailure(.badInput, path, reason) }
    length = bytes.lastIndex(of: lineFeed).map { $0 + 1 } ?? 0
    isCutShort = length < bytes.count
    if bytes.isEmpty { return }
    let foreign = "not the progress \(Entry.origin)"
    for (index, line) in bytes[..<length].split(separator: lineFeed, omittingEmptySubsequences: false).dropLast()
      .enumerated()
    {
      guard let object = Self.object(line) else {
        throw refuse(index == 0 ? foreign : "line \(index + 1) is damaged")
      }
      do {
        if index == 0 {
          try Self.requireFormat(object, path)
          head = try JSONDecoder().decode(CheckProgress.Head.self, from: object)
        } else {
          let entry = try JSONDecoder().decode(Entry.self, from: object)
          guard head!.kernels.indices.contains(entry.kernel) else {
            throw refuse("line \(index + 1): there is no kernel \(entry.kernel)")
          }
          entries.append(entry)
        }
      } catch let failure as CommandFailure {
        throw failure
      } catch {
        throw refuse("line \(index + 1) does not hold what it should")
      }
    }
    if head == nil { throw refuse(foreign) }
  }

  private struct Format: Decodable {
    var format: String
    var version: Int
  }

  private static func requireFormat(_ object: Data, _ path: String) throws {
    let format = try JSONDecoder().decode(Format.self, from: object)
    guard format.format == Entry.format else {
      throw CommandFailure(.badInput, path, "its format is '\(format.format)', not '\(Entry.format)'")
    }
    guard format.version == Entry.version else {
      throw CommandFailure(
        .badInput, path, "\(Entry.format) version \(format.version) is not known, only \(Entry.version)")
    }
  }

  /// What stands behind the digest, where it is what the digest says.
  private static func object(_ line: ArraySlice<UInt8>) -> Data? {
    let object = Array(line.dropFirst(digestSize + 1))
    guard line.count > digestSize, line[line.startIndex + digestSize] == UInt8(ascii: " "),
      line.prefix(digestSize).elementsEqual(SHA256.hexadecimal(of: object).utf8)
    else { return nil }
    return Data(object)
  }
}
