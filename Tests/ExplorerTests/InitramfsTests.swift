import Foundation
import Subjects
import Testing

/// Goal: other programs read our initramfs as we meant it. The oracles are busybox's cpio, which `./dev setup`
/// installs, for listing and unpacking, and the shell script that packs the probe for the exact bytes.
@Suite struct InitramfsTests {
  static let sample: [Initramfs.Entry] = [
    .directory("dev"),
    .console,
    .directory("etc", permissions: 0o700),
    .file("etc/one", bytes: [0x31]),
    .file("etc/three", permissions: 0o600, bytes: [1, 2, 3]),
    .file("etc/four", permissions: 0o4755, bytes: [0, 255, 10, 13]),
    .file("etc/empty", bytes: []),
    .symbolicLink("link", to: "etc/one"),
  ]

  @Test func listedByBusybox() throws {
    let listing = try run("busybox", ["cpio", "-tv"], input: Initramfs(Self.sample).archive).output
    let lines = listing.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    // Mode, owner, size, date, time, path. busybox shows links without their size.
    #expect(
      lines.map { [$0[0], $0[1], $0[2], $0[3], $0[5...].joined(separator: " ")] } == [
        ["drwxr-xr-x", "0/0", "0", "1970-01-01", "dev"],
        ["crw-------", "0/0", "0", "1970-01-01", "dev/console"],
        ["drwx------", "0/0", "0", "1970-01-01", "etc"],
        ["-rw-r--r--", "0/0", "1", "1970-01-01", "etc/one"],
        ["-rw-------", "0/0", "3", "1970-01-01", "etc/three"],
        ["-rwsr-xr-x", "0/0", "4", "1970-01-01", "etc/four"],
        ["-rw-r--r--", "0/0", "0", "1970-01-01", "etc/empty"],
        ["lrwxrwxrwx", "0/0", "0", "1970-01-01", "link -> etc/one"],
      ])
  }

  @Test func unpackedByBusybox() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    // Without the device node, which only root may make.
    let entries = Self.sample.filter { $0.path != "dev/console" }
    try run("busybox", ["cpio", "-id"], input: Initramfs(entries).archive, directory: directory)
    for entry in entries where entry.mode & 0o170000 == Initramfs.Kind.regular.rawValue {
      let bytes = try Data(contentsOf: directory.appendingPathComponent(entry.path))
      #expect(Array(bytes) == entry.bytes, "\(entry.path)")
    }
    let target = try FileManager.default.destinationOfSymbolicLink(
      atPath: directory.appendingPathComponent("link").path)
    #expect(target == "etc/one")
  }

  /// The device numbers are in no listing of busybox's: compared with the script's header instead.
  @Test func sameBytesAsTheScript() throws {
    let probe = try Probe.built()
    #expect(try Initramfs.running(probe.elf).archive == probe.cpio)
  }

  @Test func refusals() throws {
    var archive = try Initramfs([.directory("dev")])
    let refused: [(Initramfs.Entry, Initramfs.Refusal)] = [
      (.file("", bytes: []), .unusablePath("")),
      (.file("/init", bytes: []), .unusablePath("/init")),
      (.file("dev//a", bytes: []), .unusablePath("dev//a")),
      (.file("dev/../a", bytes: []), .unusablePath("dev/../a")),
      (.file("a\0b", bytes: []), .unusablePath("a\0b")),
      (.file("TRAILER!!!", bytes: []), .unusablePath("TRAILER!!!")),
      (.directory("dev"), .repeatedPath("dev")),
      (.file("etc/passwd", bytes: []), .missingDirectory(path: "etc/passwd", directory: "etc")),
      (.init(path: "odd", mode: 0o644), .unknownKind(path: "odd", mode: 0o644)),
      (.init(path: "odd", mode: 0o1100644), .unknownKind(path: "odd", mode: 0o1100644)),
      (.init(path: "null", mode: 0o020666, bytes: [1]), .unexpectedContent(path: "null")),
    ]
    for (entry, refusal) in refused {
      #expect(throws: refusal) { try archive.add(entry) }
    }
    #expect(archive.entries.count == 1)
  }
}
