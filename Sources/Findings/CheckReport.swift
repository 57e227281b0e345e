/// What `limen check` found: the one value every report format prints. Nothing in it depends on the time, on the host
/// or on how many threads looked; equal questions give equal values and equal bytes.

/// Where the names of places come from, when not from the image itself.
public enum SymbolSource: String, Hashable, Sendable, Codable {
  /// Nowhere: places are bare addresses.
  case nowhere = "none"
  /// A file that was given beside the image.
  case file
}

/// The image that was checked, by its file name and content; where it lay is not part of the answer.
public struct KernelIdentity: Hashable, Sendable, Codable {
  public var name: String
  /// SHA-256 of the file, 64 lower-case hexadecimal digits.
  public var sha256: String
  /// Absent where the image's own symbols name the places.
  public var symbols: SymbolSource?
  /// What Linux calls itself, as `uname -r` prints it; absent where the image does not say.
  public var release: String?

  public init(name: String, sha256: String, release: String? = nil, symbols: SymbolSource? = nil) {
    self.name = name
    self.sha256 = sha256
    self.release = release
    self.symbols = symbols
  }
}

/// What the crossing costs when no event disturbs it, from the user's instruction to the user's next.
public struct Baseline: Hashable, Sendable, Codable {
  public var instructions: Int
  public var memoryReads: Int
  public var memoryWrites: Int
  /// CR, DR and MSR accesses, SWAPGS, INVLPG, CLI, STI, IRET and the like; hypercalls where those take their place.
  public var privilegedOperations: Int

  public init(instructions: Int, memoryReads: Int, memoryWrites: Int, privilegedOperations: Int) {
    self.instructions = instructions
    self.memoryReads = memoryReads
    self.memoryWrites = memoryWrites
    self.privilegedOperations = privilegedOperations
  }
}

/// How often one event was injected.
public struct EventTrials: Hashable, Sendable, Codable {
  public var event: EventKind
  public var trials: Int
  /// How many of the trials were distinguishable by what they did.
  public var unique: Int

  public init(event: EventKind, trials: Int, unique: Int) {
    self.event = event
    self.trials = trials
    self.unique = unique
  }
}

/// How often an event was injected behind others, whichever they were.
public struct NestedTrials: Hashable, Sendable, Codable {
  /// Events of the path, this one included: 2 or more.
  public var depth: Int
  public var trials: Int
  /// How many of the trials were distinguishable by what they did.
  public var unique: Int
  /// Trials that were given up, because the same events in the same order had done harm at great cost before.
  public var notTried: Int

  public init(depth: Int, trials: Int, unique: Int, notTried: Int) {
    self.depth = depth
    self.trials = trials
    self.unique = unique
    self.notTried = notTried
  }
}

/// One invariant's answer for one crossing from one posture.
public struct InvariantVerdict: Hashable, Sendable, Codable {
  public var invariant: InvariantName
  public var verdict: Verdict

  public init(invariant: InvariantName, verdict: Verdict) {
    self.invariant = invariant
    self.verdict = verdict
  }
}

/// What the answer cost, counted in guest work, never in seconds.
public struct Costs: Hashable, Sendable, Codable {
  /// Guest instructions executed, baseline and trials together.
  public var instructions: Int
  public var forks: Int
  /// Guest pages written by trials and restored after them.
  public var pagesRestored: Int
  /// Trials whose end was known before they were run to it.
  public var known: Int

  public init(instructions: Int = 0, forks: Int = 0, pagesRestored: Int = 0, known: Int = 0) {
    self.instructions = instructions
    self.forks = forks
    self.pagesRestored = pagesRestored
    self.known = known
  }
}

/// One crossing from one posture, on one platform under one profile.
public struct CheckSection: Hashable, Sendable, Codable {
  public var platform: PlatformName
  public var profile: ProfileName
  public var crossing: CrossingKind
  public var posture: PostureName
  public var verdict: Verdict
  /// Absent when the crossing did not run.
  public var baseline: Baseline?
  /// Boundaries of the baseline in kernel mode.
  public var boundaries: Int
  public var trials: [EventTrials]
  /// Trials of paths of several events, by their number; absent where one event was the most.
  public var nested: [NestedTrials]?
  public var invariants: [InvariantVerdict]
  public var windows: [Window]
  public var findings: [Finding]
  public var costs: Costs

  public init(
    platform: PlatformName, profile: ProfileName, crossing: CrossingKind, posture: PostureName, verdict: Verdict,
    baseline: Baseline? = nil, boundaries: Int = 0, trials: [EventTrials] = [], nested: [NestedTrials]? = nil,
    invariants: [InvariantVerdict] = [], windows: [Window] = [], findings: [Finding] = [], costs: Costs = Costs()
  ) {
    self.platform = platform
    self.profile = profile
    self.crossing = crossing
    self.posture = posture
    self.verdict = verdict
    self.baseline = baseline
    self.boundaries = boundaries
    self.trials = trials.sorted { $0.event < $1.event }
    self.nested = nested
    self.invariants = invariants.sorted { $0.invariant < $1.invariant }
    self.windows = windows.sorted()
    self.findings = findings.sorted()
    self.costs = costs
  }

  /// Distinguishable trials of all events.
  public var uniqueTrials: Int { trials.reduce(0) { $0 &+ $1.unique } }
  public var allTrials: Int { trials.reduce(0) { $0 &+ $1.trials } }
}

/// Sums over the sections.
public struct Totals: Hashable, Sendable, Codable {
  public var sections: Int
  public var held: Int
  public var violated: Int
  public var notApplicable: Int
  public var unsupported: Int
  public var inconclusive: Int
  public var internalErrors: Int
  public var boundaries: Int
  public var trials: Int
  public var uniqueTrials: Int
  public var windows: Int
  public var findings: Int
  public var costs: Costs

  public init(_ sections: [CheckSection]) {
    func count(_ kind: Verdict.Kind) -> Int { sections.count { $0.verdict.kind == kind } }
    // Wraps rather than traps: the numbers may come from a document that someone else wrote.
    func sum(_ part: (CheckSection) -> Int) -> Int { sections.reduce(0) { $0 &+ part($1) } }
    self.sections = sections.count
    held = count(.held)
    violated = count(.violated)
    notApplicable = count(.notApplicable)
    unsupported = count(.unsupported)
    inconclusive = count(.inconclusive)
    internalErrors = count(.internalError)
    boundaries = sum(\.boundaries)
    trials = sum(\.allTrials)
    uniqueTrials = sum(\.uniqueTrials)
    windows = sum(\.windows.count)
    findings = sum(\.findings.count)
    costs = Costs(
      instructions: sum(\.costs.instructions), forks: sum(\.costs.forks), pagesRestored: sum(\.costs.pagesRestored),
      known: sum(\.costs.known))
  }
}

public struct CheckReport: Hashable, Sendable {
  public static let format = "limen-check"
  public static let version = 1

  /// The version of Limen that looked.
  public let limen: String
  public let kernel: KernelIdentity
  /// The guards that were taken away, in the order of their names; empty for the kernel as it is.
  public let ablations: [AblationName]
  /// In the order platform, profile, crossing, posture.
  public let sections: [CheckSection]
  public let verdict: Verdict
  public let totals: Totals

  public init(
    limen: String = LimenVersion.current, kernel: KernelIdentity, ablations: [AblationName] = [],
    sections: [CheckSection]
  ) {
    self.limen = limen
    self.kernel = kernel
    self.ablations = ablations.sorted()
    self.sections = sections.sorted {
      ($0.platform, $0.profile, $0.crossing, $0.posture) < ($1.platform, $1.profile, $1.crossing, $1.posture)
    }
    verdict = Verdict.combining(self.sections.map(\.verdict))
    totals = Totals(self.sections)
  }

  public var exitStatus: ExitStatus { ExitStatus(verdict) }
}

extension CheckReport: Codable {
  enum CodingKeys: String, CodingKey {
    case format, version, limen, kernel, ablations, sections, verdict, totals
  }

  /// Verdict and totals follow from the sections; a document in which they do not agree is refused.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let format = try fields.decode(String.self, forKey: .format)
    guard format == CheckReport.format else {
      throw DecodingError.dataCorruptedError(
        forKey: .format, in: fields, debugDescription: "format is '\(format)', not '\(CheckReport.format)'")
    }
    let version = try fields.decode(Int.self, forKey: .version)
    guard version == CheckReport.version else {
      throw DecodingError.dataCorruptedError(
        forKey: .version, in: fields, debugDescription: "version \(version) is not known, only \(CheckReport.version)")
    }
    self.init(
      limen: try fields.decode(String.self, forKey: .limen),
      kernel: try fields.decode(KernelIdentity.self, forKey: .kernel),
      ablations: try fields.decode([AblationName].self, forKey: .ablations),
      sections: try fields.decode([CheckSection].self, forKey: .sections))
    guard try fields.decode(Verdict.self, forKey: .verdict) == verdict,
      try fields.decode(Totals.self, forKey: .totals) == totals
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .totals, in: fields, debugDescription: "verdict or totals do not follow from the sections")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(CheckReport.format, forKey: .format)
    try fields.encode(CheckReport.version, forKey: .version)
    try fields.encode(limen, forKey: .limen)
    try fields.encode(kernel, forKey: .kernel)
    try fields.encode(ablations, forKey: .ablations)
    try fields.encode(sections, forKey: .sections)
    try fields.encode(verdict, forKey: .verdict)
    try fields.encode(totals, forKey: .totals)
  }
}
