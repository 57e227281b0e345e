/// What a kernel says of a processor's vulnerabilities, and what it has patched into its entry code for that processor.

public struct MitigationReport: Sendable, Codable, Hashable {
  /// A kernel on a machine.
  public var kernel: KernelIdentity
  public var platform: PlatformName
  public var profile: ProfileName
  /// /sys/devices/system/cpu/vulnerabilities: the name of each file, and its line.
  public var vulnerabilities: [Vulnerability]
  /// Instructions of the entry code that are not those of the image, or that a jump of the image's no longer goes around, by kind in the order of their first places; nil where the kernel's
  /// symbols do not say where that code is.
  public var patched: [Patch]?

  public struct Vulnerability: Sendable, Codable, Hashable {
    public var name: String
    public var status: String

    public init(name: String, status: String) {
      self.name = name
      self.status = status
    }
  }

  public struct Patch: Sendable, Codable, Hashable {
    /// The instruction: `verw`, `wrmsr`, `lfence`, `mov to cr3`, `call NAME`, ...
    public var what: String
    public var places: [Location]

    public init(what: String, places: [Location]) {
      self.what = what
      self.places = places
    }
  }

  public init(
    kernel: KernelIdentity, platform: PlatformName, profile: ProfileName, vulnerabilities: [Vulnerability],
    patched: [Patch]?
  ) {
    self.kernel = kernel
    self.platform = platform
    self.profile = profile
    self.vulnerabilities = vulnerabilities
    self.patched = patched
  }

  public func status(of name: String) -> String? { vulnerabilities.first { $0.name == name }?.status }
}
