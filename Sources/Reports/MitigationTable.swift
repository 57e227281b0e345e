/// Reports of mitigations for eyes: a page of tables, one for what the kernels say and one for what they patched in.
import Findings

public enum MitigationTable {
  /// The vulnerabilities that one of the reports says more of than `Not affected`, with a column for each; then what was patched in.
  public static func markdown(_ reports: [MitigationReport]) -> String {
    var kernels: [KernelIdentity] = []
    for report in reports where !kernels.contains(report.kernel) { kernels.append(report.kernel) }
    return kernels.map { kernel in
      let own = reports.filter { $0.kernel == kernel }
      return "## \(printable(kernel.name))\n\n" + statuses(own) + "\n" + patches(own)
    }.joined(separator: "\n")
  }

  private static func title(_ report: MitigationReport) -> String {
    report.platform == .bareMetal ? report.profile.rawValue : "\(report.platform.rawValue), \(report.profile.rawValue)"
  }

  private static func statuses(_ reports: [MitigationReport]) -> String {
    var text = "What the kernel reports:\n\n| profile | vulnerability | status |\n|---|---|---|\n"
    for report in reports {
      for one in report.vulnerabilities where one.status != "Not affected" {
        text += "| \(title(report)) | \(printable(one.name)) | \(printable(one.status)) |\n"
      }
    }
    return text
  }

  private static func patches(_ reports: [MitigationReport]) -> String {
    var text =
      "What it has patched into its entry code:\n\n| profile | instruction | times | where |\n|---|---|--:|---|\n"
    for report in reports {
      guard let patched = report.patched else {
        text += "| \(title(report)) | not known: no symbols say where the entry code is | | |\n"
        continue
      }
      for patch in patched {
        let places = patch.places.map { printable("\($0)") }.joined(separator: ", ")
        text += "| \(title(report)) | `\(printable(patch.what))` | \(patch.places.count) | \(places) |\n"
      }
    }
    return text
  }
}
