/// The one place that knows which class plays which platform: everything above asks by the platform's name.
import BareMetal
import Findings
import Hypervisor
import Machine
import Platform
import XenPV

extension PlatformName {
  /// The platforms that this version runs.
  public static let existing: [PlatformName] = allCases.filter { $0.computer != nil }
  /// Those that need nothing but a kernel.
  public static let running: [PlatformName] = existing.filter { !$0.needsHypervisor }

  /// What every kernel on the platform is told first; empty where the platform does not run.
  public var commandLine: String { computer?.commandLine ?? "" }

  package var computer: (any PlatformComputer.Type)? {
    switch self {
    case .bareMetal: BareMetalComputer.self
    case .xenPV: XenPVComputer.self
    case .xen: HypervisorComputer.self
    }
  }
}

extension Guest {
  /// The platform's computer at the kernel's first instruction.
  public func computer(on platform: PlatformName, profile: Profile) throws -> any PlatformComputer {
    guard let type = platform.computer else { throw Refusal.noPlatform(platform) }
    return try type.start(self, profile: profile)
  }
}
