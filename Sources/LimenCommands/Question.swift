/// Everything that the report of a check depends on, for the file of `--resume`: an option that changes a report has its line here.
import Explorer
import Findings
import KernelImage

extension Checker {
  /// - Parameter symbols: the file that names places, where one was given.
  func question(symbols: String?) throws(CommandFailure) -> [String: String] {
    func list(_ names: [some RawRepresentable<String>]) -> String { names.map(\.rawValue).joined(separator: ",") }
    let further = furtherPostures.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) from \(list($0.value))" }
      .joined(separator: "; ")
    var question = [
      "kernel": kernelPath, "sha256": kernel.digest, "probe": SHA256.hexadecimal(of: probe.bytes),
      "--memory": "\(memory)", "--append": append, "--platform": list(platforms), "--profile": list(profiles),
      "--crossing": list(crossings), "--posture": list(postures), "further postures": further,
      "--event": list(events),
      "--ablate": list(ablations.map(\.name)), "--bound": "\(bootBound / 1_000_000)",
      "--section-bound": "\(sectionBound / 1_000_000)", "--depth": "\(depth)",
      "nesting crossings": list(nestingCrossings.sorted { $0 < $1 }), "--stepped": "\(stepped)",
      "--pruning": "\(prunes)", "--hypervisor": hypervisor?.below.image.digest ?? "",
      "--hypervisor-append": hypervisor?.below.commandLine ?? "",
      "--witnesses": witnessFolder,
    ]
    if let symbols {
      let bytes = try Files.read(symbols, limit: KernelImage.largestSymbolFile)
      question["--symbols"] = SHA256.hexadecimal(of: bytes)
    }
    return question
  }
}
