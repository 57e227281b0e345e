/// How a model of a hypervisor and the hypervisor's own bytes agree in what their guest sees: a part of what `limen diff` shows.
/// Documentation/Formats.md is its page.

/// One crossing from one posture on both.
public struct Agreement: Hashable, Sendable, Encodable {
  public var kernel: KernelIdentity
  public var profile: ProfileName
  public var crossing: CrossingKind
  public var posture: PostureName
  /// Held where the two agree in everything; violated where they differ.
  public var verdict: Verdict
  /// Boundaries of the crossing at which the guest stands, in its kernel or its user.
  public var boundaries: Int
  /// How often the guest was given another state than it had, in the crossing without events.
  public var entries: Int
  public var trials: [AgreementTrials]
  /// Each once, where it was met first.
  public var differences: [AgreementDifference]

  public init(
    kernel: KernelIdentity, profile: ProfileName, crossing: CrossingKind, posture: PostureName, verdict: Verdict,
    boundaries: Int = 0, entries: Int = 0, trials: [AgreementTrials] = [], differences: [AgreementDifference] = []
  ) {
    self.kernel = kernel
    self.profile = profile
    self.crossing = crossing
    self.posture = posture
    self.verdict = verdict
    self.boundaries = boundaries
    self.entries = entries
    self.trials = trials
    self.differences = differences
  }
}

/// One event at every boundary of the guest, on both.
public struct AgreementTrials: Hashable, Sendable, Encodable {
  public var model: EventKind
  public var original: EventKind
  /// Made to happen on both.
  public var trials: Int
  /// How often the guest was given another state than it had, in these trials, the rest of the crossing among it.
  public var entries: Int
  /// Boundaries at which only one of the two lets it in.
  public var oneSided: Int
  /// Trials in which the guests went apart by themselves, by the time or a machine frame that they read: what came before was compared.
  public var parted: Int

  public init(
    model: EventKind, original: EventKind, trials: Int = 0, entries: Int = 0, oneSided: Int = 0, parted: Int = 0
  ) {
    self.model = model
    self.original = original
    self.trials = trials
    self.entries = entries
    self.oneSided = oneSided
    self.parted = parted
  }
}

/// Something that the guest sees otherwise on the model than on the original.
public struct AgreementDifference: Hashable, Sendable, Encodable {
  /// What of its state: a register, a word of the frame, a member of vcpu_info.
  public var what: String
  public var model: String
  public var original: String
  /// Where the guest gave the processor away.
  public var from: Location
  /// The event that was made to happen; absent for the crossing without events.
  public var event: PathStep?
  /// How often the same was met there.
  public var count: Int

  public init(what: String, model: String, original: String, from: Location, event: PathStep?, count: Int = 1) {
    self.what = what
    self.model = model
    self.original = original
    self.from = from
    self.event = event
    self.count = count
  }
}
