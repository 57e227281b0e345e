import Explorer
import Findings
import Foundation
import KernelImage
import Subjects

/// `TinyKernel.S` assembled by gcc, with what a test defines in it.
struct TinyKernel {
  let url: URL
  var path: String { url.path }

  /// Definitions as the preprocessor takes them: `CROSSING=ud2`.
  init(
    _ definitions: [String] = [], in folder: URL, named name: String = "tiny.elf", options: [String] = []
  ) throws {
    url = folder.appendingPathComponent(name)
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("TinyKernel.S")
    try run(
      "gcc",
      options + definitions.map { "-D\($0)" } + [
        "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x100000", "-Wl,--section-start=.user=0x200000",
        "-Wl,--build-id=none", "-Wl,-e,start", "-Wl,--no-warn-rwx-segments", "-o", url.path, source.path,
      ])
  }

  /// Explores it as its own probe.
  func checker(_ profile: ProfileName, events: [EventKind]) throws -> Checker {
    Checker(
      kernel: try KernelImage(contentsOf: path), kernelPath: path,
      probe: try ProbeImage(bytes: [UInt8](Data(contentsOf: url))), memory: 16, append: "", profiles: [profile],
      crossings: [.syscall64], postures: ["normal"], events: events, ablations: [], jobs: 1, witnessFolder: "witnesses")
  }
}

/// A folder that goes away with the value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
