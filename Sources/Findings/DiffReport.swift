/// What `limen diff` shows: the same crossings on two or more machines side by side. Documentation/Formats.md is its page.

/// How often one kind of hypercall was made.
public struct HypercallCount: Hashable, Sendable, Encodable {
  /// As Xen's headers have it, with the number of the operation where the call has several: `vcpu_op(5)`.
  public var kind: String
  public var count: Int

  public init(_ kind: String, _ count: Int) {
    self.kind = kind
    self.count = count
  }
}

/// What a stretch of a crossing costs when no event disturbs it.
public struct CrossingCost: Hashable, Sendable, Encodable {
  public var instructions: Int
  /// Accesses of the instructions, and those by which frames are pushed and popped, whoever does it.
  public var memoryReads: Int
  public var memoryWrites: Int
  /// As in a report's baseline.
  public var privilegedOperations: Int
  /// Sorted by kind; empty where the platform has no such calls.
  public var hypercalls: [HypercallCount]
  /// How many of the instructions are those of what is below the kernel; absent where nothing runs there.
  public var hypervisorInstructions: Int?

  public init(
    instructions: Int = 0, memoryReads: Int = 0, memoryWrites: Int = 0, privilegedOperations: Int = 0,
    hypercalls: [HypercallCount] = [], hypervisorInstructions: Int? = nil
  ) {
    self.instructions = instructions
    self.memoryReads = memoryReads
    self.memoryWrites = memoryWrites
    self.privilegedOperations = privilegedOperations
    self.hypervisorInstructions = hypervisorInstructions
    self.hypercalls = hypercalls.sorted { $0.kind < $1.kind }
  }

  public var hypercallCount: Int { hypercalls.reduce(0) { $0 + $1.count } }
}

/// A crossing in three parts, by a rule that needs no kernel's symbols.
///
/// The way in lasts from the crossing to the first CALL that the kernel makes with RSP, GS base and page tables all its own.
/// The way out starts behind the last RET that it executes so. Between them is the kernel's work. A crossing without such a
/// CALL is a way in alone; one without such a RET behind the CALL has no way out of its own.
public struct CrossingParts: Hashable, Sendable, Encodable {
  public var wayIn: CrossingCost
  public var work: CrossingCost
  public var wayOut: CrossingCost

  public init(wayIn: CrossingCost, work: CrossingCost, wayOut: CrossingCost) {
    self.wayIn = wayIn
    self.work = work
    self.wayOut = wayOut
  }

  public var hypercallCount: Int { wayIn.hypercallCount + work.hypercallCount + wayOut.hypercallCount }

  enum CodingKeys: String, CodingKey {
    case work
    case wayIn = "in"
    case wayOut = "out"
  }
}

/// One machine that a diff compares.
public struct DiffSide: Hashable, Sendable, Encodable {
  public var kernel: KernelIdentity
  public var platform: PlatformName
  public var profile: ProfileName

  public init(kernel: KernelIdentity, platform: PlatformName, profile: ProfileName) {
    self.kernel = kernel
    self.platform = platform
    self.profile = profile
  }
}

/// What one machine showed of one crossing.
public struct DiffCell: Hashable, Sendable, Encodable {
  /// As `limen check` reports it.
  public var section: CheckSection
  /// Absent when the crossing did not run.
  public var parts: CrossingParts?

  public init(section: CheckSection, parts: CrossingParts?) {
    self.section = section
    self.parts = parts
  }
}

/// One crossing from one posture on every machine.
public struct DiffCrossing: Hashable, Sendable, Encodable {
  public var crossing: CrossingKind
  public var posture: PostureName
  /// One for each side, in their order.
  public var sides: [DiffCell]

  public init(crossing: CrossingKind, posture: PostureName, sides: [DiffCell]) {
    self.crossing = crossing
    self.posture = posture
    self.sides = sides
  }
}

public struct DiffReport: Hashable, Sendable, Encodable {
  public static let currentFormat = "limen-diff"
  public static let currentVersion = 1

  public let format = DiffReport.currentFormat
  public let version = DiffReport.currentVersion
  /// The version of Limen that looked.
  public let limen: String
  /// In the order kernel as given, platform, profile.
  public let sides: [DiffSide]
  /// In the order crossing, posture.
  public let crossings: [DiffCrossing]
  /// In the order kernel as given, profile, crossing, posture; absent unless a model of a hypervisor and the hypervisor are both among
  /// the sides.
  public let agreements: [Agreement]?
  /// Of all sections and agreements together.
  public let verdict: Verdict

  public init(
    limen: String = LimenVersion.current, sides: [DiffSide], crossings: [DiffCrossing], agreements: [Agreement] = []
  ) {
    self.limen = limen
    self.sides = sides
    self.crossings = crossings.sorted { ($0.crossing, $0.posture) < ($1.crossing, $1.posture) }
    self.agreements = agreements.isEmpty ? nil : agreements
    verdict = Verdict.combining(
      self.crossings.flatMap { $0.sides.map(\.section.verdict) } + agreements.map(\.verdict))
  }

  public var exitStatus: ExitStatus { ExitStatus(verdict) }
}
