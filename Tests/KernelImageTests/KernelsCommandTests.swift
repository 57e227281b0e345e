import Foundation
import Testing

/// Goal: `./dev kernels` prints names or one path and nothing else on standard output, finds the package that a name means, uses what is cached
/// without a network, and refuses what is no name. Expected values: its documented names and exit codes; names of packages as
/// Debian's suites have them.
@Suite struct KernelsCommandTests {
  static func kernels(
    _ arguments: [String], environment changes: [String: String] = [:]
  ) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = RealKernelTests.root.appending(path: "dev")
    process.arguments = ["kernels"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(changes) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
  }

  /// A cache of its own, and an apt-get in front of the real one that always fails, as without a network.
  static func withOfflineCache(_ body: (URL, [String: String]) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "limen-kernels-\(UUID().uuidString)")
    let cache = folder.appending(path: "cache")
    let programs = folder.appending(path: "bin")
    for directory in [cache, programs] {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    let apt = programs.appending(path: "apt-get")
    try Data("#!/bin/sh\nexit 100\n".utf8).write(to: apt)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: apt.path)
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    try body(cache, ["LIMEN_CACHE": cache.path, "PATH": "\(programs.path):\(path)"])
  }

  @Test func refusesWhatIsNoName() throws {
    for arguments in [
      ["debian-6"], ["linux-6.1"], ["debian-6.1-fast"], ["debian-6.1-dbg-cloud"], ["../debian-6.1"], [""],
      ["debian-6.1", "debian-6.1"],
    ] {
      let answer = try Self.kernels(arguments)
      #expect(answer.status == 2)
      #expect(answer.output.isEmpty)
    }
  }

  @Test func printsTheNewestCachedImageWithoutANetwork() throws {
    try Self.withOfflineCache { cache, environment in
      let directory = cache.appending(path: "kernels/debian-6.1")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      for version in ["6.1.0-9-amd64", "6.1.0-56-amd64"] {
        try Data().write(to: directory.appending(path: "vmlinuz-\(version)"))
      }
      let answer = try Self.kernels(["debian-6.1"], environment: environment)
      #expect(answer.status == 0)
      #expect(answer.output == "\(directory.path)/vmlinuz-6.1.0-56-amd64\n")
    }
  }

  @Test func failsCleanlyWithoutANetwork() throws {
    try Self.withOfflineCache { cache, environment in
      let answer = try Self.kernels(["debian-6.12-cloud"], environment: environment)
      #expect(answer.status == 1)
      #expect(answer.output.isEmpty)
      let left = try FileManager.default.subpathsOfDirectory(atPath: cache.path).sorted()
      #expect(left.filter { $0.hasPrefix("kernels/debian") || $0.hasPrefix("kernels/.debian") }.isEmpty)
    }
  }

  /// An archive of these packages, each with the kernel at a path that Debian has had, and those of `dropped`, which are listed and gone.
  static func withArchive(
    _ packages: [(name: String, path: String)], dropped: [String] = [], _ body: ([String: String]) throws -> Void
  ) throws {
    try withOfflineCache { cache, environment in
      let folder = cache.deletingLastPathComponent()
      for (name, path) in packages {
        let root = folder.appending(path: "packages/\(name)")
        let kernel = root.appending(path: path)
        let control = root.appending(path: "DEBIAN")
        for directory in [kernel.deletingLastPathComponent(), control] {
          try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        }
        try Data(name.utf8).write(to: kernel)
        try Data("Package: \(name)\nVersion: 1\nArchitecture: amd64\nMaintainer: none\nDescription: none\n".utf8)
          .write(to: control.appending(path: "control"))
      }
      let names = folder.appending(path: "names")
      try Data((packages.map(\.name) + dropped).map { $0 + "\n" }.joined().utf8).write(to: names)
      let programs = [
        "apt-get": """
        if [ "$1" = download ]; then
          [ -d "\(folder.path)/packages/$3" ] || exit 100
          exec dpkg-deb -b "\(folder.path)/packages/$3" "$3_1_amd64.deb" >/dev/null
        fi
        """,
        "apt-cache": "grep \"^$2\" '\(names.path)' || true",
      ]
      for (name, text) in programs {
        let program = folder.appending(path: "bin/\(name)")
        try Data("#!/bin/sh\n\(text)\n".utf8).write(to: program)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
      }
      try body(environment)
    }
  }

  static let archive: [(name: String, path: String)] = [
    ("linux-image-6.1.0-9-amd64-unsigned", "boot/vmlinuz-6.1.0-9-amd64"),
    ("linux-image-6.1.0-56-amd64-unsigned", "boot/vmlinuz-6.1.0-56-amd64"),
    ("linux-image-6.1.0-56-cloud-amd64", "boot/vmlinuz-6.1.0-56-cloud-amd64"),
    ("linux-image-6.1.0-56-amd64-dbg", "usr/lib/debug/boot/vmlinux-6.1.0-56-amd64"),
    ("linux-image-6.12.101+deb12-amd64", "boot/vmlinuz-6.12.101+deb12-amd64"),
    ("linux-image-6.12.101+deb13-amd64", "boot/vmlinuz-6.12.101+deb13-amd64"),
    ("linux-image-6.12.117+deb13-rt-amd64-unsigned", "boot/vmlinuz-6.12.117+deb13-rt-amd64"),
    ("linux-binary-7.1.13+deb13-amd64", "boot/vmlinuz-7.1.13+deb13-amd64"),
    ("linux-image-7.1.13+deb13-amd64", "usr/share/doc/nothing"),
    ("linux-binary-7.3.4+deb13-amd64", "usr/lib/modules/7.3.4+deb13-amd64/vmlinuz"),
    ("linux-binary-unsigned-7.3.4+deb13-amd64", "usr/lib/modules/7.3.4+deb13-amd64/vmlinuz"),
    ("linux-image-7.3.4+deb13-amd64", "usr/share/doc/nothing"),
    ("linux-image-amd64", "usr/share/doc/nothing"),
  ]

  @Test func listsWhatDebianHasNow() throws {
    try Self.withArchive(Self.archive) { environment in
      let answer = try Self.kernels([], environment: environment)
      #expect(answer.status == 0)
      #expect(
        answer.output.split(separator: "\n") == [
          "debian-6.1", "debian-6.1-cloud", "debian-6.12", "debian-6.12-rt", "debian-7.1", "debian-7.3",
          "debian-6.1.0-9", "debian-6.1.0-56", "debian-6.1.0-56-cloud", "debian-6.12.101+deb12",
          "debian-6.12.101+deb13", "debian-6.12.117+deb13-rt", "debian-7.1.13+deb13", "debian-7.3.4+deb13",
          "debian-6.1.0-56-dbg",
        ])
    }
  }

  /// What a name means: the newest of a series or of a version, of its flavour alone, signed or not, wherever the package has it.
  @Test(arguments: [
    ("debian-6.1", "linux-image-6.1.0-56-amd64-unsigned", "vmlinuz-6.1.0-56-amd64"),
    ("debian-6.1.0-9", "linux-image-6.1.0-9-amd64-unsigned", "vmlinuz-6.1.0-9-amd64"),
    ("debian-6.1-cloud", "linux-image-6.1.0-56-cloud-amd64", "vmlinuz-6.1.0-56-cloud-amd64"),
    ("debian-6.1-dbg", "linux-image-6.1.0-56-amd64-dbg", "vmlinux-6.1.0-56-amd64"),
    ("debian-6.12.101", "linux-image-6.12.101+deb13-amd64", "vmlinuz-6.12.101+deb13-amd64"),
    ("debian-6.12.101+deb12", "linux-image-6.12.101+deb12-amd64", "vmlinuz-6.12.101+deb12-amd64"),
    ("debian-6.12.117-rt", "linux-image-6.12.117+deb13-rt-amd64-unsigned", "vmlinuz-6.12.117+deb13-rt-amd64"),
    ("debian-7.1", "linux-binary-7.1.13+deb13-amd64", "vmlinuz-7.1.13+deb13-amd64"),
    ("debian-7.3.4", "linux-binary-7.3.4+deb13-amd64", "vmlinuz-7.3.4+deb13-amd64"),
  ])
  func fetchesThePackageThatANameMeans(name: String, package: String, file: String) throws {
    try Self.withArchive(Self.archive) { environment in
      let answer = try Self.kernels([name], environment: environment)
      let expected = "\(environment["LIMEN_CACHE"]!)/kernels/\(name)/\(file)"
      #expect(answer.status == 0)
      #expect(answer.output == expected + "\n")
      #expect(try String(contentsOfFile: expected, encoding: .utf8) == package)
    }
  }

  @Test func saysWhatDebianDoesNotHave() throws {
    try Self.withArchive(Self.archive) { environment in
      for name in ["debian-2.4", "debian-6.1.0", "debian-6.12.1", "debian-7.3-cloud", "debian-7.3-dbg"] {
        let answer = try Self.kernels([name], environment: environment)
        #expect(answer.status == 1)
        #expect(answer.output.isEmpty)
      }
    }
  }

  /// A mirror may list a package whose file is gone.
  @Test func takesTheNextWhenAFileIsGone() throws {
    try Self.withArchive(Self.archive, dropped: ["linux-image-6.1.0-57-amd64-unsigned"]) { environment in
      let answer = try Self.kernels(["debian-6.1"], environment: environment)
      #expect(answer.status == 0)
      #expect(answer.output.hasSuffix("/debian-6.1/vmlinuz-6.1.0-56-amd64\n"))
    }
  }

  /// Symbols of another version would name wrong places.
  @Test func fetchesTheSymbolsOfTheCachedImage() throws {
    let newer = (
      name: "linux-image-6.1.0-57-amd64-dbg", path: "usr/lib/debug/boot/vmlinux-6.1.0-57-amd64"
    )
    try Self.withArchive(Self.archive + [newer]) { environment in
      #expect(try Self.kernels(["debian-6.1"], environment: environment).status == 0)
      let answer = try Self.kernels(["debian-6.1-dbg"], environment: environment)
      #expect(answer.output.hasSuffix("/debian-6.1-dbg/vmlinux-6.1.0-56-amd64\n"))
    }
  }

  @Test func refusesARelativeCache() throws {
    let answer = try Self.kernels(["debian-6.1"], environment: ["LIMEN_CACHE": "cache"])
    #expect(answer.status == 1)
    #expect(answer.output.isEmpty)
  }
}
