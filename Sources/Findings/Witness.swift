/// A witness: everything `limen replay` needs to run one trial again, byte for byte. Documentation/Formats.md is its page.
public struct Witness: Hashable, Sendable {
  public static let format = "limen-witness"
  public static let version = 1

  public var kernel: KernelIdentity
  /// Where the image lay when the witness was written; the digest decides whether it is the same.
  public var kernelPath: String
  public var platform: PlatformName
  public var profile: ProfileName
  /// Guest memory in MiB, and the kernel's command line: both change where the kernel puts things.
  public var memory: Int
  public var commandLine: String
  public var crossing: CrossingKind
  public var posture: PostureName
  public var seed: UInt64
  public var ablations: [AblationName]
  /// The invariant the run breaks.
  public var invariant: InvariantName
  public var path: Path

  public init(
    kernel: KernelIdentity, kernelPath: String, platform: PlatformName, profile: ProfileName, memory: Int,
    commandLine: String, crossing: CrossingKind, posture: PostureName, seed: UInt64 = 0,
    ablations: [AblationName] = [], invariant: InvariantName, path: Path
  ) {
    self.kernel = kernel
    self.kernelPath = kernelPath
    self.platform = platform
    self.profile = profile
    self.memory = memory
    self.commandLine = commandLine
    self.crossing = crossing
    self.posture = posture
    self.seed = seed
    self.ablations = ablations.sorted()
    self.invariant = invariant
    self.path = path
  }
}
