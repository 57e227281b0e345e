/// Why a file is not a kernel that can be started: which file, which byte, and one line of reason.
public struct ImageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Bad input and unsupported input are different answers and leave the program with different exit codes.
  public enum Kind: Equatable, Sendable {
    /// The file could not be opened or read.
    case unreadable
    /// The bytes contradict their format.
    case malformed
    /// The bytes are in order, and Limen does not take that form of them.
    case unsupported
  }

  /// Where the byte offset counts from.
  public enum Part: Equatable, Sendable {
    /// The file itself.
    case file
    /// What its compressed payload unpacks to.
    case payload
  }

  public let kind: Kind
  public let file: String
  public let part: Part
  public let offset: UInt64
  public let reason: String

  public init(kind: Kind, file: String, part: Part = .file, offset: UInt64 = 0, reason: String) {
    self.kind = kind
    self.file = file
    self.part = part
    self.offset = offset
    self.reason = reason
  }

  public var description: String {
    switch kind {
    case .unreadable: return "\(file): \(reason)"
    case .malformed: return "\(file): \(place): \(reason)"
    case .unsupported: return "\(file): \(place): unsupported: \(reason)"
    }
  }

  private var place: String {
    let byte = "byte 0x" + String(offset, radix: 16)
    return part == .file ? byte : "\(byte) of the unpacked kernel"
  }
}
