/// A witness: everything `limen replay` needs to run one trial again, byte for byte. Documentation/Formats.md is its page.
public struct Witness: Hashable, Sendable {
  public static let format = "limen-witness"
  public static let version = 1

  /// The version of Limen that wrote it.
  public var limen: String
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
  /// What ran below the kernel, on a platform that runs a hypervisor's own bytes.
  public var hypervisor: Hypervisor?

  /// A hypervisor's image, where it lay, and what it was told.
  public struct Hypervisor: Hashable, Sendable {
    public var identity: KernelIdentity
    public var path: String
    public var commandLine: String

    public init(identity: KernelIdentity, path: String, commandLine: String) {
      self.identity = identity
      self.path = path
      self.commandLine = commandLine
    }
  }

  public init(
    limen: String = LimenVersion.current, kernel: KernelIdentity, kernelPath: String, platform: PlatformName,
    profile: ProfileName, memory: Int, commandLine: String, crossing: CrossingKind, posture: PostureName,
    seed: UInt64 = 0, ablations: [AblationName] = [], invariant: InvariantName, path: Path,
    hypervisor: Hypervisor? = nil
  ) {
    self.limen = limen
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
    self.hypervisor = hypervisor
  }

  /// The file's text.
  public var text: String { documentText(self) }

  /// A name that is the same for the same trial and tells trials of one check apart.
  public var fileName: String {
    let steps = path.steps.map { "\($0.boundary)-\($0.event.rawValue)" }
    let parts =
      [platform.rawValue, profile.rawValue, crossing.rawValue, posture.rawValue, invariant.rawValue] + steps
      + ablations.map { "without-\($0)" }
    return parts.joined(separator: "_") + ".json"
  }
}

extension Witness: Encodable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case format, version, limen, kernel, platform, profile, memory, commandLine, crossing, posture, seed, ablations,
      invariant, path, hypervisor
  }

  enum KernelKeys: String, CodingKey, CaseIterable { case name, sha256, path }
  enum HypervisorKeys: String, CodingKey, CaseIterable { case name, sha256, path, commandLine }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(Witness.format, forKey: .format)
    try fields.encode(Witness.version, forKey: .version)
    try fields.encode(limen, forKey: .limen)
    var image = fields.nestedContainer(keyedBy: KernelKeys.self, forKey: .kernel)
    try image.encode(kernel.name, forKey: .name)
    try image.encode(kernel.sha256, forKey: .sha256)
    try image.encode(kernelPath, forKey: .path)
    try fields.encode(platform, forKey: .platform)
    try fields.encode(profile, forKey: .profile)
    try fields.encode(memory, forKey: .memory)
    try fields.encode(commandLine, forKey: .commandLine)
    try fields.encode(crossing, forKey: .crossing)
    try fields.encode(posture, forKey: .posture)
    try fields.encode(HexadecimalWord(seed), forKey: .seed)
    try fields.encode(ablations, forKey: .ablations)
    try fields.encode(invariant, forKey: .invariant)
    try fields.encode(path, forKey: .path)
    guard let hypervisor else { return }
    var below = fields.nestedContainer(keyedBy: HypervisorKeys.self, forKey: .hypervisor)
    try below.encode(hypervisor.identity.name, forKey: .name)
    try below.encode(hypervisor.identity.sha256, forKey: .sha256)
    try below.encode(hypervisor.path, forKey: .path)
    try below.encode(hypervisor.commandLine, forKey: .commandLine)
  }
}
