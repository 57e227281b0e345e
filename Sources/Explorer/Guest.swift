/// A kernel image and a root file system, made into a computer that is about to start.
import BareMetal
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

  /// What the kernel is told besides what the user adds: the console, and that the time-stamp counter can be trusted, which
  /// spares the boot a calibration against a clock that is itself virtual.
  public static let standardCommandLine = "console=ttyS0 nokaslr"

  public enum Refusal: Error, CustomStringConvertible {
    case noEntryPoint(kernel: String)

    public var description: String {
      switch self {
      case .noEntryPoint(let kernel):
        "\(kernel): the image has no PVH entry point (an ELF note of owner Xen and type 18), so Limen cannot start it"
      }
    }
  }

  /// The computer at the kernel's first instruction.
  public func computer(profile: Profile) throws -> BareMetalComputer {
    guard let entry = kernel.pvhEntry else { throw Refusal.noEntryPoint(kernel: kernel.name) }
    let computer = try BareMetalComputer(memorySize: memory << 20, profile: profile)
    let segments = kernel.loadSegments.map {
      BareMetalComputer.Segment(address: $0.physicalAddress, bytes: kernel.contents(of: $0), memorySize: $0.memorySize)
    }
    try computer.start(segments: segments, entry: entry, initrd: initrd, commandLine: commandLine)
    return computer
  }
}
