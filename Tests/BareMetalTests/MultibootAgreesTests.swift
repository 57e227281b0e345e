import BareMetal
import Foundation
import KernelImage
import Machine
import Testing

/// Goal: a multiboot kernel finds under Limen what it finds under QEMU, which is a multiboot loader too: the same image
/// (Tests/Multiboot/View.S) prints the machine's state and the information structure on both. What differs is named here.
@Suite struct MultibootAgreesTests {
  static let sources = QEMUAgreesTests.root.appendingPathComponent("Tests/Multiboot").path
  static let memory = 64
  static let line = "view one two=3"

  /// Lines whose values are the firmware's to choose. SeaBIOS keeps 1 KiB below 0xA0000 for itself, 128 KiB below the end of
  /// RAM for ACPI's tables and its own ROM; QEMU names itself, and says from which device it booted.
  static let different: Set<String> = [
    "all flags", "mem_lower", "mem_upper", "map base", "map length", "map length, high half", "map base, high half",
    "map size",
    "map type", "boot_loader_name", "ebda", "ebda KiB", "base memory",
  ]

  /// The image as an ELF file, or as bytes that only the header's address fields describe.
  static func image(_ isFlat: Bool, in folder: URL) throws -> String {
    let elf = folder.appendingPathComponent("view.elf").path
    let built = QEMUAgreesTests.run(
      "/usr/bin/gcc",
      ["-m32", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,-T,\(sources)/image.ld"]
        + ["-Wl,--no-warn-rwx-segments", "-o", elf, "\(sources)/View.S"] + (isFlat ? ["-DFLAT"] : []))
    try #require(built.status == 0, "\(built.output)")
    guard isFlat else { return elf }
    let flat = folder.appendingPathComponent("view").path
    let copied = QEMUAgreesTests.run("/usr/bin/objcopy", ["-O", "binary", elf, flat])
    try #require(copied.status == 0, "\(copied.output)")
    return flat
  }

  static func limen(_ path: String, _ profile: Profile) throws -> [String] {
    let kernel = try KernelImage(contentsOf: path)
    let placement = try #require(try kernel.placement())
    #expect(placement.bootProtocol == .multiboot)
    let computer = try BareMetalComputer(memorySize: memory << 20, profile: profile)
    var bytes: [UInt8] = []
    computer.console = { bytes.append($0) }
    try computer.startMultiboot(
      segments: placement.segments.map {
        .init(address: $0.physicalAddress, bytes: kernel.contents(of: $0), memorySize: $0.memorySize)
      },
      entry: placement.entry,
      modules: [
        .init(bytes: Array("MODULE ONE".utf8), words: "one first words"), .init(bytes: [1, 2, 3, 4], words: "two"),
      ],
      commandLine: line)
    let end = computer.run(10_000_000)
    guard case .debugExit(status: 0) = end else {
      Issue.record("the image ended with \(end)")
      return []
    }
    return QEMUAgreesTests.lines(String(decoding: bytes, as: UTF8.self))
  }

  /// QEMU's line and words begin with the file's name, so that the files here are named as the words are.
  static func qemu(_ path: String, in folder: URL) throws -> [String] {
    try Data("MODULE ONE".utf8).write(to: folder.appendingPathComponent("one"))
    try Data([1, 2, 3, 4]).write(to: folder.appendingPathComponent("two"))
    let ended = QEMUAgreesTests.run(
      "/bin/sh",
      [
        "-c",
        """
        cd "$1" && exec timeout 20 qemu-system-x86_64 -accel tcg -m \(memory) -nodefaults -display none -monitor none \
          -serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$2" -append "one two=3" \
          -initrd "one first words,two" </dev/null
        """, "sh", folder.path, path,
      ])
    // isa-debug-exit turns the 0 that the image writes into status 1.
    try #require(ended.status == 1, "\(ended.output)")
    return QEMUAgreesTests.lines(ended.output)
  }

  @Test(.enabled(if: QEMUAgreesTests.hasQEMU), arguments: [false, true], ["intel", "amd"])
  func printsWhatItPrintsUnderQEMU(isFlat: Bool, profile: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let image = try Self.image(isFlat, in: folder)
    func comparable(_ lines: [String]) -> [String] {
      lines.filter { !Self.different.contains(String($0.prefix { $0 != ":" })) }
        .map { $0.hasPrefix("cmdline: ") ? "cmdline: " + $0.drop { $0 != " " }.dropFirst().drop { $0 != " " } : $0 }
    }
    let wanted = try Self.qemu(image, in: folder)
    let printed = try Self.limen(image, profile == "intel" ? .intel : .amd)
    #expect(wanted.count > 40 && comparable(printed) == comparable(wanted))
    #expect(printed.contains("cmdline: \(Self.line)"))
    // What is different is there all the same.
    for name in Self.different { #expect(printed.contains { $0.hasPrefix(name + ": ") }, "\(name)") }
  }
}
