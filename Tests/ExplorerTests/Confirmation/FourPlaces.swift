import Foundation

/// Where one image of the reference kernel runs the probe, and what its console shows there.
enum Place: String, CaseIterable, CustomStringConvertible {
  case limenOnBareMetal = "Limen, bare metal"
  case qemu = "QEMU"
  case limenOnXen = "Limen, Xen PV"
  case realXen = "real Xen"

  static let native: [Place] = [.limenOnBareMetal, .qemu]
  static let xen: [Place] = [.limenOnXen, .realXen]

  var description: String { rawValue }

  private static var initramfs: String { Probe.root.appendingPathComponent(".build-probe/probe.cpio").path }

  /// The kernel's lines and the probe's, without what depends on where memory is: hexadecimal numbers of an address's length.
  func log(_ design: Design, profile: String) throws -> [String] {
    try lines(design, profile: profile).map { $0.replacing(/(0x)?[0-9a-f]{6,16}/, with: "ADDRESS") }
  }

  /// The kernel's lines and the probe's.
  func lines(_ design: Design, profile: String) throws -> [String] {
    _ = try Probe.built()
    return try console(design, profile).split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }

  private func console(_ design: Design, _ profile: String) throws -> String {
    switch self {
    case .limenOnBareMetal: return try Self.limen(design, profile, "bare-metal")
    case .limenOnXen: return try Self.limen(design, profile, "xen-pv")
    case .qemu: return try Self.qemu(design, profile)
    case .realXen:
      return try run(
        "env",
        [
          "LIMEN_XEN_INITRD=\(Self.initramfs)", "bash", Probe.root.appendingPathComponent("Scripts/xen.sh").path, "run",
          design.path, profile,
        ]
      ).output
    }
  }

  private static func limen(_ design: Design, _ profile: String, _ platform: String) throws -> String {
    let ended = try NMIOnRealXenTests.limen()(
      "boot", design.path, "--initrd", initramfs, "--platform", platform, "--profile", profile, "--limit", "2000")
    guard ended.status == 0 else {
      throw ProgramFailure(description: "limen boot: \(ended.complaint)\n\(ended.output)")
    }
    return ended.output
  }

  /// The processors are those of Scripts/xen.sh.
  private static func qemu(_ design: Design, _ profile: String) throws -> String {
    let processor = profile == "amd" ? "qemu64,vendor=AuthenticAMD" : "qemu64,vendor=GenuineIntel,-svm"
    return try run(
      "timeout",
      [
        "-s", "KILL", "60", "qemu-system-x86_64", "-accel", "tcg", "-cpu", processor, "-m", "512", "-nodefaults",
        "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-kernel", design.path, "-initrd",
        initramfs,
      ]
    ).output
  }
}
