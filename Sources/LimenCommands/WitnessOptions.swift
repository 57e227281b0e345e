/// Whether witnesses are written, where, and which old ones they take the place of.
import ArgumentParser
import Findings
import Foundation

struct WitnessOptions: ParsableArguments {
  @Option(
    name: .customLong("witnesses"),
    help: """
      The directory that receives the witness of every finding, for 'limen replay'. Witnesses of the same kernel's same sections that lie \
      there from an earlier check are removed. With several kernels each has a directory of its own below.
      """, completion: .directory)
  var folder: String = "limen-witnesses"

  @Flag(
    name: .customLong("no-witnesses"), help: "Write no witness. Findings name the 'limen trace' line that shows them.")
  var none = false

  /// Empty where none is to be written.
  var wanted: String { none ? "" : folder }
}

extension Files {
  /// Writes what a check found, and removes what an earlier check found in the sections that this one answered.
  static func replace(_ witnesses: [Witness], in directory: String, after report: CheckReport, of kernelPath: String)
    throws(CommandFailure)
  {
    guard !directory.isEmpty else { return }
    let answered = Set(report.sections.filter { $0.verdict.kind == .held || $0.verdict.kind == .violated }.map(\.place))
    let written = Set(witnesses.map(\.fileName))
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    where name.hasSuffix(".json") && !written.contains(name) {
      let path = "\(directory)/\(name)"
      guard let bytes = try? read(path, limit: Witness.largest), let old = try? Witness(reading: bytes),
        old.fileName == name, old.kernelPath == kernelPath, old.ablations == report.ablations,
        answered.contains(old.place)
      else { continue }
      unlink(path)
    }
    try write(witnesses, into: directory)
  }
}

extension Witness {
  /// The section it is of, as `CheckSection.place` names it.
  fileprivate var place: [String] { [platform.rawValue, profile.rawValue, crossing.rawValue, posture.rawValue] }
}
