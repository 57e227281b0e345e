/// A kernel image and a root file system, made into a computer that is about to start.
import Findings
import KernelImage

public struct Guest {
  /// A file that a multiboot kernel finds in memory, and the words that go with it.
  public struct Module: Sendable {
    public var bytes: [UInt8]
    public var words: String
    public init(bytes: [UInt8], words: String = "") {
      self.bytes = bytes
      self.words = words
    }
  }

  /// What runs below the kernel on a platform that is a hypervisor's own bytes.
  public struct Hypervisor: Sendable {
    public var image: KernelImage
    /// What it is told besides what every hypervisor is told.
    public var commandLine: String
    public init(image: KernelImage, commandLine: String) {
      self.image = image
      self.commandLine = commandLine
    }
  }

  public let kernel: KernelImage
  public var hypervisor: Hypervisor?
  public let initrd: [UInt8]
  /// What a multiboot kernel finds besides; the initrd, if there is one, comes first.
  public let modules: [Module]
  public let commandLine: String
  /// RAM in MiB.
  public let memory: Int

  public init(
    kernel: KernelImage, initrd: [UInt8], modules: [Module] = [], commandLine: String, memory: Int
  ) {
    self.kernel = kernel
    self.initrd = initrd
    self.modules = modules
    self.commandLine = commandLine
    self.memory = memory
  }

  /// What the user can do about a machine of the wrong size.
  public enum Remedy: String, Sendable {
    case more = "--memory gives it more"
    case less = "--memory takes a smaller number"

    package init?(more: Bool, less: Bool) {
      guard more || less else { return nil }
      self = more ? .more : .less
    }
  }

  public enum Refusal: Error, CustomStringConvertible {
    case noEntryPoint(kernel: String)
    case noPlatform(PlatformName)
    case noHypervisor(PlatformName)
    case notForPlatform(kernel: String, platform: PlatformName, why: String)
    /// What the kernel needs does not fit into memory or into itself; `why` says what and where.
    case doesNotFit(kernel: String, why: String, remedy: Remedy?)
    case noModules(kernel: String)
    /// The kernel cannot run the program that crosses.
    case noProbe(kernel: String)
    case noMemory(mebibytes: Int)

    /// Only what does not fit is the input's mistake.
    public var exitStatus: ExitStatus {
      switch self {
      case .doesNotFit, .noMemory, .noHypervisor: .badInput
      case .noEntryPoint, .noPlatform, .notForPlatform, .noModules, .noProbe: .unsupported
      }
    }

    public var description: String {
      switch self {
      case .noEntryPoint(let kernel):
        "\(kernel): the image has no PVH entry point (an ELF note of owner Xen and type 18) and no multiboot header, so Limen "
          + "cannot start it on bare metal"
      case .notForPlatform(let kernel, let platform, let why):
        "\(kernel): cannot be started on \(platform.rawValue): \(why)"
      case .doesNotFit(let kernel, let why, let remedy):
        "\(kernel): \(why)" + (remedy.map { " (\($0.rawValue))" } ?? "")
      case .noModules(let kernel):
        "\(kernel): unsupported: modules are handed to a multiboot kernel, and this one is started in another way; it takes "
          + "--initrd (more would be added in Sources/BareMetal/PVHStart.swift)"
      case .noProbe(let kernel):
        "\(kernel): unsupported: the program that crosses is a Linux program in an initial ramdisk, and an image that has only "
          + "a multiboot header is no Linux; 'limen boot' starts it (a probe of its own would be added in Sources/Subjects)"
      case .noMemory(let mebibytes):
        "the host has no room for \(mebibytes) MiB of guest memory (--memory sets how much)"
      case .noHypervisor(let platform):
        "platform \(platform.rawValue) runs a hypervisor's own bytes: --hypervisor names its image"
      case .noPlatform(let platform): "this version has no platform \(platform.rawValue)"
      }
    }
  }
}
