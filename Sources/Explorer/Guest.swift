/// A kernel image and a root file system, made into a computer that is about to start.
import BareMetal
import Findings
import KernelImage
import Machine

public struct Guest {
  public let kernel: KernelImage
  public let initrd: [UInt8]
  public let commandLine: String
  /// RAM in MiB.
  public let memory: Int

  public init(kernel: KernelImage, initrd: [UInt8], commandLine: String, memory: Int) {
    self.kernel = kernel
    self.initrd = initrd
    self.commandLine = commandLine
    self.memory = memory
  }

  /// What the kernel is told on bare metal besides what the user adds.
  public static let standardCommandLine = BareMetalComputer.commandLine

  public enum Refusal: Error, CustomStringConvertible {
    case noEntryPoint(kernel: String)
    case noPlatform(PlatformName)
    case notForPlatform(kernel: String, platform: PlatformName, why: String)
    case noMemory(mebibytes: Int)

    public var description: String {
      switch self {
      case .noEntryPoint(let kernel):
        "\(kernel): the image has no PVH entry point (an ELF note of owner Xen and type 18), so Limen cannot start it"
      case .notForPlatform(let kernel, let platform, let why):
        "\(kernel): cannot be started on \(platform.rawValue): \(why)"
      case .noMemory(let mebibytes): "the host has no room for \(mebibytes) MiB of guest memory"
      case .noPlatform(let platform): "this version has no platform \(platform.rawValue)"
      }
    }
  }

  /// The bare-metal computer at the kernel's first instruction.
  public func computer(profile: Profile) throws -> BareMetalComputer {
    try BareMetalComputer.start(self, profile: profile)
  }

  /// The platform's computer at the kernel's first instruction.
  public func computer(on platform: PlatformName, profile: Profile) throws -> any PlatformComputer {
    guard let type = platform.computer else { throw Refusal.noPlatform(platform) }
    return try type.start(self, profile: profile)
  }
}
