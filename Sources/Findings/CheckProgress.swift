/// What `limen check --resume` keeps of a check, so that one that ended before it was complete goes on: what it asks, and every
/// section that was explored to the end. `Documentation/Formats.md`, "Progress".
public enum CheckProgress {
  public static let format = "limen-progress"
  public static let version = 1

  /// What the sections answer. Those of another head are no answers here.
  public struct Head: Hashable, Sendable, Codable {
    public let format: String
    public let version: Int
    /// The version of Limen that looked, and a digest of the program.
    public let limen: String
    public let build: String
    /// For each kernel, in the order in which they were named, everything that the report depends on: the value that each option
    /// has, by its spelling, and what images and files hold, by a word.
    public let kernels: [[String: String]]

    public init(
      format: String = CheckProgress.format, version: Int = CheckProgress.version,
      limen: String = LimenVersion.current, build: String, kernels: [[String: String]]
    ) {
      self.format = format
      self.version = version
      self.limen = limen
      self.build = build
      self.kernels = kernels
    }

    /// What keeps sections under this head from being answers under `now`, a few words; nil when nothing does.
    public func difference(from now: Head) -> String? {
      if limen != now.limen { return "it was begun by limen \(limen), and this is \(now.limen)" }
      if build != now.build { return "it was begun by another build of limen \(limen)" }
      if kernels.count != now.kernels.count {
        return "it is about another number of kernels: \(kernels.count), and now \(now.kernels.count)"
      }
      var differing: [String] = []
      for (old, new) in zip(kernels, now.kernels) {
        for name in Set(old.keys).union(new.keys).sorted() where old[name] != new[name] {
          let words = "\(name) was '\(old[name] ?? "")' and is '\(new[name] ?? "")'"
          if !differing.contains(words) { differing.append(words) }
        }
      }
      return differing.isEmpty ? nil : "it is about another check: \(differing.joined(separator: ", "))"
    }
  }

  /// A section that was explored to the end.
  public struct Entry: Hashable, Sendable, Codable {
    /// The kernel's place in the head, from 0.
    public var kernel: Int
    public var section: CheckSection

    public init(kernel: Int, section: CheckSection) {
      self.kernel = kernel
      self.section = section
    }
  }
}
