/// Goal: Debian's kernels, unmodified, boot under every profile that is named after a part; the probe finds every crossing as the ABI has it,
/// and the kernel meets no register that the part promised and has not.
import Findings
import Foundation
import Machine
import Subjects
import Testing

@Suite struct ProfileBootTests {
  @Test func everyNameIsAProfile() {
    #expect(ProfileName.allCases.map(\.rawValue) == Profile.all.map(\.name))
    #expect(ProfileName.plain.map(\.rawValue) == Profile.plain.map(\.name))
    for name in ProfileName.allCases { #expect(name.processor.name == name.rawValue) }
  }

  /// Each part with one of the kernels, and the newest kernel with FRED's; with `LIMEN_PROFILE_BOOTS=all` each with all of them
  /// (Documentation/Oracles.md). `MitigationTests` boots all of them up to the probe's first request.
  static let machines: [(kernel: String, profile: ProfileName)] = {
    let kernels = ["debian-6.1-cloud", "debian-6.12-cloud", "debian-7.3.4-cloud"]
    let all = ProcessInfo.processInfo.environment["LIMEN_PROFILE_BOOTS"] == "all"
    let parts = ProfileName.allCases.filter { !ProfileName.plain.contains($0) }
    return parts.enumerated().flatMap { index, part in
      kernels.enumerated().filter { kernel in
        all || kernel.offset == index % kernels.count
          || kernel.offset == kernels.count - 1 && [.wildcatLake, .zen6].contains(part)
      }.map { ($0.element, part) }
    }
  }()

  @Test(arguments: machines)
  func bootsToTheProbe(kernel: String, profile: ProfileName) throws {
    let folder = try TemporaryFolder()
    let probe = try Probe.built()
    let initramfs = folder.url.appendingPathComponent("probe.cpio")
    try Data(try Initramfs.running(Array(probe.elf)).archive).write(to: initramfs)
    let limen = LimenProgram(probe: folder.url.appendingPathComponent("none").path, cache: folder.url.path)
    let run = try limen(
      "boot", try KernelUnderTest.path(kernel), "--profile", profile.rawValue, "--initrd", initramfs.path, "--limit",
      "8000")
    #expect(run.status == 0, "\(run.complaint)")
    let lines = run.output.split(whereSeparator: \.isNewline).map(String.init)
    let done = lines.first { $0.hasPrefix("limen-probe done") } ?? "the probe did not come to its end"
    let crossings = lines.filter { line in CrossingKind.allCases.contains { line.hasPrefix("\($0.rawValue)/") } }
    let refused = crossings.filter { $0.contains(" DIFFERS: ") }
    #expect(crossings.count == 227)
    if profile == .zen6 && kernel == "debian-7.3.4-cloud" {
      // By FRED Linux has no SYSCALL for compatibility code, and answers with SIGILL (arch/x86/entry/entry_fred.c, `fred_other`).
      #expect(
        !refused.isEmpty && refused.allSatisfy { $0.hasPrefix("syscall32/") && $0.contains("signal 0x4 ") },
        "\(refused)")
      #expect(refused.count == crossings.count { $0.hasPrefix("syscall32/") })
    } else {
      #expect(done == "limen-probe done: 227 of 227 ok", "\(done)")
    }
    for complaint in ["unchecked MSR access", "WARNING", "invalid opcode", "general protection"] {
      #expect(!lines.contains { $0.contains(complaint) }, "\(complaint)")
    }
  }
}
