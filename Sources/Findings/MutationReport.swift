/// What `limen mutate` found: every mutant, what became of it, and the shares. `Documentation/Formats.md`, "Mutants".

/// One instruction of a diff.
public struct MutantLine: Hashable, Sendable, Codable {
  public var location: Location
  /// In AT&T syntax, or the bytes where they are no instruction.
  public var instruction: String

  public init(location: Location, instruction: String) {
    self.location = location
    self.instruction = instruction
  }
}

/// A kernel that differs from the one that was asked about in one small mistake.
public struct Mutant: Hashable, Sendable, Codable {
  /// From 0, in the order of addresses and operators; the same for the same question.
  public var number: Int
  public var mutation: MutationOperator
  public var location: Location
  /// The instructions as they are, and as the mutant has them.
  public var before: [MutantLine]
  public var after: [MutantLine]

  public init(
    number: Int, mutation: MutationOperator, location: Location, before: [MutantLine], after: [MutantLine]
  ) {
    self.number = number
    self.mutation = mutation
    self.location = location
    self.before = before
    self.after = after
  }
}

/// What became of a mutant.
public enum MutantFate: String, Vocabulary {
  /// A check says that it is violated.
  case caught
  /// A check says that it held, though some path ends in another way than the kernel's.
  case survived
  /// A check came to no verdict.
  case undecided
  /// Set aside: on every path it does what the kernel does.
  case equivalent
  /// Set aside: some paths lead through other instructions or places, and all end as the kernel's do.
  case anotherWay = "another-way"
  /// Set aside: its bytes mean the same.
  case sameEffect = "same-effect"
}

public struct MutantResult: Hashable, Sendable, Codable {
  public var mutant: Mutant
  public var fate: MutantFate
  /// The section that decided it: crossing and posture under platform and profile. Absent where every section held.
  public var section: String?
  /// Of a caught one: what it broke, and how many events that took.
  public var invariant: InvariantName?
  public var events: Int?
  /// Of an undecided one: the check's verdict. Of one set aside: the rule. Of a survivor: the path that differs.
  public var reason: String?
  /// Of a survivor: a crossing and a posture that were not asked for, where the mutant breaks an invariant without an event.
  public var seenFrom: String?

  public init(
    mutant: Mutant, fate: MutantFate, section: String? = nil, invariant: InvariantName? = nil, events: Int? = nil,
    reason: String? = nil, seenFrom: String? = nil
  ) {
    self.mutant = mutant
    self.fate = fate
    self.section = section
    self.invariant = invariant
    self.events = events
    self.reason = reason
    self.seenFrom = seenFrom
  }
}

/// How many mutants, and what became of them.
public struct MutantCounts: Hashable, Sendable, Codable {
  public var caught = 0
  public var survived = 0
  public var undecided = 0
  public var anotherWay = 0
  public var equivalent = 0
  public var sameEffect = 0

  public init(_ results: some Sequence<MutantResult>) {
    for result in results {
      switch result.fate {
      case .caught: caught += 1
      case .survived: survived += 1
      case .undecided: undecided += 1
      case .anotherWay: anotherWay += 1
      case .equivalent: equivalent += 1
      case .sameEffect: sameEffect += 1
      }
    }
  }

  public var all: Int { judged + anotherWay + equivalent + sameEffect }
  /// Those that the share is of.
  public var judged: Int { caught + survived + undecided }
  /// Hundredths of a percent of those that are judged, rounded down: a share of 10,000 means all. Nil where there are none.
  public var share: Int? { judged == 0 ? nil : caught * 10_000 / judged }

  /// The same if those that come to the same end by another way counted as missed.
  public var strictShare: Int? { judged + anotherWay == 0 ? nil : caught * 10_000 / (judged + anotherWay) }

  public var shareText: String { Self.text(share) }
  public var strictShareText: String { Self.text(strictShare) }

  /// As people write it: `98.21 %`.
  private static func text(_ share: Int?) -> String {
    guard let share else { return "-" }
    let hundredths = share % 100
    return "\(share / 100).\(hundredths < 10 ? "0" : "")\(hundredths) %"
  }
}

public struct OperatorCounts: Hashable, Sendable, Codable {
  public var mutation: MutationOperator
  public var counts: MutantCounts
}

public struct InvariantCount: Hashable, Sendable, Codable {
  public var invariant: InvariantName
  public var caught: Int
}

/// A section of the kernel as it is, by which mutants are judged, or why it judges none.
public struct UneditedSection: Hashable, Sendable, Codable {
  public var title: String
  public var verdict: Verdict
  /// Instructions of entry code that the crossing without events executes.
  public var instructions: Int

  public init(title: String, verdict: Verdict, instructions: Int) {
    self.title = title
    self.verdict = verdict
    self.instructions = instructions
  }
}

public struct MutationReport: Hashable, Sendable, Codable {
  public static let format = "limen-mutants"
  public static let version = 1

  public let format: String
  public let version: Int
  public let limen: String
  public var kernel: KernelIdentity
  /// How the entry code was found, a sentence.
  public var entryCode: String
  public var sections: [UneditedSection]
  /// Instructions of entry code that mutants are made of.
  public var instructions: Int
  /// Mutants that there are, and that were chosen.
  public var possible: Int
  public var wanted: Int
  /// Why not every wanted one was judged.
  public var interruption: String?
  public var totals: MutantCounts
  public var operators: [OperatorCounts]
  public var invariants: [InvariantCount]
  /// By number.
  public var mutants: [MutantResult]

  public init(
    kernel: KernelIdentity, entryCode: String, sections: [UneditedSection], instructions: Int, possible: Int,
    wanted: Int, interruption: String?, mutants: [MutantResult], limen: String = LimenVersion.current
  ) {
    format = Self.format
    version = Self.version
    self.limen = limen
    self.kernel = kernel
    self.entryCode = entryCode
    self.sections = sections
    self.instructions = instructions
    self.possible = possible
    self.wanted = wanted
    self.interruption = interruption
    let mutants = mutants.sorted { $0.mutant.number < $1.mutant.number }
    self.mutants = mutants
    totals = MutantCounts(mutants)
    operators = MutationOperator.allCases.compactMap { mutation in
      let own = mutants.filter { $0.mutant.mutation == mutation }
      return own.isEmpty ? nil : OperatorCounts(mutation: mutation, counts: MutantCounts(own))
    }
    invariants = Dictionary(grouping: mutants.compactMap(\.invariant)) { $0 }
      .map { InvariantCount(invariant: $0, caught: $1.count) }
      .sorted { ($1.caught, $0.invariant) < ($0.caught, $1.invariant) }
  }

  /// What the kernel's own sections say, where no mutant could be judged; nil else.
  public var refusal: Verdict? {
    sections.contains { $0.verdict == .held } ? nil : Verdict.combining(sections.map(\.verdict))
  }

  /// - Parameter least: the share, in hundredths of a percent, that is to be reached.
  public func exitStatus(atLeast least: Int?) -> ExitStatus {
    if let refusal { return ExitStatus(refusal) }
    if interruption != nil { return .inconclusive }
    guard let share = totals.share else { return .nothingApplied }
    return share < least ?? 0 ? .violation : .allHeld
  }
}

/// What `limen mutate --resume` keeps, under a head as `CheckProgress` has it. `Documentation/Formats.md`, "Progress".
public enum MutationProgress {
  public static let format = "limen-mutants-progress"
  public static let version = 1

  /// A mutant that was judged.
  public struct Entry: Hashable, Sendable, Codable {
    public var result: MutantResult

    public init(result: MutantResult) { self.result = result }
  }
}

/// How far a measurement is, for whoever watches it. No part of any report.
public enum MutationStage: Hashable, Sendable {
  /// What is done to the kernel as it is.
  case preparing(String)
  /// How many mutants are judged, of how many, and how many of them survived.
  case judging(done: Int, wanted: Int, survived: Int)
}
