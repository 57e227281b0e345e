// An initramfs as Linux unpacks it: an uncompressed cpio archive in the "newc" format.
// Linux Documentation/driver-api/early-userspace/buffer-format.rst, "initramfs buffer format"; cpio(5), "New ASCII
// Format".
//
// Not modelled: hard links, checksums ("newc" leaves that field 0), owners other than root. All times are 0, so the
// same entries give the same bytes.

/// The files of an initial root file system, in the order in which the kernel creates them.
public struct Initramfs: Sendable {
  /// The upper bits of a file's mode, `S_IFMT` of inode(7).
  public enum Kind: UInt32, Sendable {
    case pipe = 0o010000
    case characterDevice = 0o020000
    case directory = 0o040000
    case blockDevice = 0o060000
    case regular = 0o100000
    case symbolicLink = 0o120000
    case socket = 0o140000
  }

  /// The numbers of a device node.
  public struct Device: Sendable, Equatable {
    public var major: UInt32
    public var minor: UInt32

    public init(major: UInt32, minor: UInt32) {
      self.major = major
      self.minor = minor
    }
  }

  public struct Entry: Sendable {
    /// Relative to the root, without a leading slash.
    public var path: String
    /// Kind and permissions together.
    public var mode: UInt32
    /// A regular file's content or a symbolic link's target; empty for the others.
    public var bytes: [UInt8]
    public var rdev: Device

    public init(path: String, mode: UInt32, bytes: [UInt8] = [], rdev: Device = Device(major: 0, minor: 0)) {
      self.path = path
      self.mode = mode
      self.bytes = bytes
      self.rdev = rdev
    }
  }

  /// Why an entry cannot be in an archive, or would be lost when the kernel unpacks it.
  public enum Refusal: Error, Equatable, CustomStringConvertible {
    case unusablePath(String)
    case repeatedPath(String)
    case missingDirectory(path: String, directory: String)
    case unknownKind(path: String, mode: UInt32)
    case unexpectedContent(path: String)
    case tooLarge(path: String, bytes: Int)

    public var description: String {
      switch self {
      case .unusablePath(let path): "initramfs: '\(path)' is no relative path of plain names"
      case .repeatedPath(let path): "initramfs: '\(path)' is there already"
      case .missingDirectory(let path, let directory): "initramfs: '\(path)' comes before its directory '\(directory)'"
      case .unknownKind(let path, let mode): "initramfs: '\(path)' has mode 0\(String(mode, radix: 8)), no kind of file"
      case .unexpectedContent(let path): "initramfs: '\(path)' is neither a file nor a link and cannot hold bytes"
      case .tooLarge(let path, let bytes): "initramfs: '\(path)' is \(bytes) bytes, the format holds less than 4 GiB"
      }
    }
  }

  public private(set) var entries: [Entry] = []
  private var directories: Set<String> = [""]
  private var paths: Set<String> = []

  public init() {}

  public init(_ entries: [Entry]) throws(Refusal) {
    for entry in entries { try add(entry) }
  }

  /// Adds an entry behind the others. Its directory must be there: the kernel makes none by itself.
  public mutating func add(_ entry: Entry) throws(Refusal) {
    let path = entry.path
    let names = path.split(separator: "/", omittingEmptySubsequences: false)
    // PATH_MAX counts the NUL, and the kernel skips an entry whose name is longer.
    guard !path.utf8.contains(0), path.utf8.count < 4096, path != Self.trailer,
      names.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count < 256 })
    else { throw .unusablePath(path) }
    guard !paths.contains(path) else { throw .repeatedPath(path) }
    let directory = names.dropLast().joined(separator: "/")
    guard directories.contains(directory) else { throw .missingDirectory(path: path, directory: directory) }
    guard entry.mode <= 0o177777, let kind = Kind(rawValue: entry.mode & 0o170000) else {
      throw .unknownKind(path: path, mode: entry.mode)
    }
    guard entry.bytes.isEmpty || kind == .regular || kind == .symbolicLink else {
      throw .unexpectedContent(path: path)
    }
    guard entry.bytes.count <= Int(UInt32.max) else { throw .tooLarge(path: path, bytes: entry.bytes.count) }
    paths.insert(path)
    if kind == .directory { directories.insert(path) }
    entries.append(entry)
  }

  private static let trailer = "TRAILER!!!"

  /// The archive: for each entry a header, the name with its NUL and the bytes, each part padded to four bytes.
  public var archive: [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(entries.reduce(256) { $0 + $1.bytes.count + $1.path.utf8.count + 128 })
    for (index, entry) in entries.enumerated() {
      let isDirectory = entry.mode & 0o170000 == Kind.directory.rawValue
      Self.append(entry, inode: UInt32(index + 1), links: isDirectory ? 2 : 1, to: &output)
    }
    Self.append(Entry(path: Self.trailer, mode: 0), inode: 0, links: 1, to: &output)
    return output
  }

  private static func append(_ entry: Entry, inode: UInt32, links: UInt32, to output: inout [UInt8]) {
    let nameSize = UInt32(entry.path.utf8.count + 1)
    output += Array("070701".utf8)
    // Inode, mode, uid, gid, links, time, size, the archive's own device (two), rdev (two), name size, checksum.
    let size = UInt32(entry.bytes.count)
    let rdev = entry.rdev
    for field in [inode, entry.mode, 0, 0, links, 0, size, 0, 0, rdev.major, rdev.minor, nameSize, 0] {
      for shift in stride(from: 28, through: 0, by: -4) {
        output.append(Self.hexadecimalDigits[Int(field >> UInt32(shift) & 15)])
      }
    }
    output += Array(entry.path.utf8)
    output.append(0)
    pad(&output)
    output += entry.bytes
    pad(&output)
  }

  private static let hexadecimalDigits = Array("0123456789ABCDEF".utf8)

  private static func pad(_ output: inout [UInt8]) {
    while output.count % 4 != 0 { output.append(0) }
  }
}
