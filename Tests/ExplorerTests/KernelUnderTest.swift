import Explorer
import Findings
import Foundation
import KernelImage
import Platform
import Subjects

/// A Debian kernel by its name in `./dev kernels`, and the probe, for the tests that explore.
enum KernelUnderTest {
  static func path(_ name: String) throws -> String {
    let script = Probe.root.appendingPathComponent("dev").path
    return try run("bash", [script, "kernels", name]).output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  static func checker(
    _ name: String, platforms: [PlatformName] = [.bareMetal], profiles: [ProfileName], crossings: [CrossingKind],
    postures: [PostureName] = ["normal"], events: [EventKind] = EventKind.usual, ablations: [Ablation] = [],
    jobs: Int = 1
  ) throws -> Checker {
    let path = try path(name)
    let probe = try ProbeImage(bytes: Probe.built().elf)
    return Checker(
      kernel: try KernelImage(contentsOf: path), kernelPath: path, probe: probe, memory: 512, append: "",
      platforms: platforms, profiles: profiles, crossings: crossings, postures: postures, events: events,
      ablations: ablations, jobs: jobs, witnessFolder: "witnesses")
  }
}
