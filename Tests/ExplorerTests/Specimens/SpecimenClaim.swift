/// What a specimen's page claims, put to the program: the events of its path, at the places that it names, break the invariant that it names,
/// and the same events do its twin no harm; with one event the check finds what takes one, and nothing else. What its page says is not
/// seen is not: once an invariant sees it, the claim is false and the page's word `unseen` goes.
import Findings
import Foundation
import Testing

/// A claim that is not so.
struct FalseClaim: Error, CustomStringConvertible {
  var description: String
}

struct SpecimenClaim {
  let page: SpecimenDescription
  let limen: LimenProgram
  /// Where witnesses go.
  let folder: URL
  /// What the build leaves of the reference kernel, or what stands in its place.
  var reference = Probe.root.appendingPathComponent(".build-reference")
  /// What a report says instead of what the program printed: for claims that are to be false.
  var report: ([[String: Any]]) -> [[String: Any]] = { $0 }

  /// A line of the table: one machine that runs the crossing of the page.
  struct Row: Sendable {
    var page: SpecimenDescription
    var platform: PlatformName
    var profile: ProfileName
    /// The boundaries at which the path's events are taken.
    var boundaries: [Int]
    /// What the run stands on there, in the same order.
    var standings: [String]
    /// How long the run is that shows it; nil where it has no end.
    var length: Int?
    /// Of the whole check with one event; nil where it takes more.
    var trials: Int?
    /// How that run ends: `user`, `dead` or `bound`.
    var end: String
  }

  /// - Throws: `FalseClaim` at the first that is not so.
  func rows() throws -> [Row] {
    try twinHolds()
    var rows = try subjects(isFixed: false).map(broken)
    for subject in subjects(isFixed: true) { try harmless(subject) }
    let trials = try foundWithOneEvent()
    if page.depth < 2 {
      for index in rows.indices {
        rows[index].trials = trials["\(rows[index].platform.rawValue) \(rows[index].profile.rawValue)"]
      }
    }
    return rows
  }

  // MARK: A path of places

  /// What is wanted of a trace's document.
  private struct Trace: Decodable {
    struct Step: Decodable {
      var boundary: Int
      var location: Location
      var cpl: Int
      var mode: String?
      var interruptsEnabled: Bool
      var rspOwner: String
      var gsOwner: String
      var pageTables: String

      /// Whose the boundary is, in the words of `standings`.
      var standing: String {
        if mode ?? (cpl == 3 ? "user" : "kernel") == "user" { return "user mode" }
        let ofUser = [("RSP", rspOwner), ("GS base", gsOwner), ("page tables", pageTables)].filter { $1 == "user" }
        if !ofUser.isEmpty { return "kernel on the user's " + ofUser.map(\.0).joined(separator: ", ") }
        return "kernel, interrupts \(interruptsEnabled ? "on" : "off")"
      }
    }
    struct Injection: Decodable { var outcome: String }
    struct End: Decodable { var kind: String }
    var kernel: KernelIdentity
    var steps: [Step]
    var injections: [Injection]
    var end: End
  }

  /// One machine that runs the crossing of the page.
  private struct Subject {
    var kernel: String
    var platform: PlatformName
    var profile: ProfileName
  }

  private func subjects(isFixed: Bool) -> [Subject] {
    page.platforms.flatMap { platform in
      page.profiles.map { profile in
        Subject(kernel: "specimen:\(page.name)" + (isFixed ? ":fixed" : ""), platform: platform, profile: profile)
      }
    }
  }

  private func start(_ arguments: [String]) throws -> LimenProgram.Ended {
    try limen.start(arguments, before: ["env", "LIMEN_REFERENCE=\(reference.path)"]).ended()
  }

  private func trace(_ subject: Subject, _ path: [PathStep]) throws -> Trace {
    let injected = path.flatMap { ["--inject", "\($0.boundary):\($0.event.rawValue)"] }
    let ended = try start(
      [
        "trace", subject.kernel, "--crossing", page.crossing.rawValue, "--posture", page.posture.rawValue, "--platform",
        subject.platform.rawValue, "--profile", subject.profile.rawValue, "--format", "json",
      ] + injected)
    var document = ended.output[...]
    // Of a run without end the whole path is known, and its hundreds of thousands of steps say nothing.
    if path.count == page.path.count, let steps = document.range(of: "\n  \"steps\" : ["),
      document[..<steps.lowerBound].contains("\"kind\" : \"bound\"")
    {
      document = document[..<steps.upperBound] + "]}"
    }
    return try JSONDecoder().decode(Trace.self, from: Data(document.utf8))
  }

  /// The boundaries of the page's path: each the first behind the event before it at whose place the run stands. As many as there are.
  private func path(_ subject: Subject) throws -> (steps: [PathStep], standings: [String], last: Trace) {
    var (steps, standings): ([PathStep], [String]) = ([], [])
    var record = try trace(subject, steps)
    for step in page.path {
      let behind = steps.last?.boundary ?? -1
      guard
        let at = record.steps.first(where: {
          $0.boundary > behind
            && (step.isInUserMode
              ? $0.location.symbol == nil : $0.location.symbol == step.symbol && $0.location.offset == step.offset)
        })
      else { break }
      steps.append(PathStep(boundary: at.boundary, location: at.location, event: step.event))
      standings.append(at.standing)
      record = try trace(subject, steps)
    }
    return (steps, standings, record)
  }

  private func replay(_ subject: Subject, _ steps: [PathStep], _ record: Trace) throws -> LimenProgram.Ended {
    let witness = Witness(
      kernel: record.kernel, kernelPath: subject.kernel, platform: subject.platform, profile: subject.profile,
      memory: 512, commandLine: "", crossing: page.crossing, posture: page.posture, invariant: page.invariant,
      path: Path(steps))
    let file = folder.appendingPathComponent("witness-\(UUID().uuidString).json")
    try witness.text.write(to: file, atomically: true, encoding: .utf8)
    return try start(["replay", file.path, "--format", "json"])
  }

  private func sections(_ ended: LimenProgram.Ended) throws -> [[String: Any]] {
    let document = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    return document["sections"] as? [[String: Any]] ?? []
  }

  private func findings(_ ended: LimenProgram.Ended) throws -> [[String: Any]] {
    report(try sections(ended).flatMap { $0["findings"] as? [[String: Any]] ?? [] })
  }

  // MARK: The claims

  private func require(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw FalseClaim(description: "\(page.name): \(what())") }
  }

  private func broken(_ subject: Subject) throws -> Row {
    let (steps, standings, record) = try path(subject)
    try require(steps.count == page.depth, "\(subject) goes to \(steps)")
    // An upcall that is masked falls due.
    try require(
      zip(record.injections, steps).allSatisfy {
        $0.outcome == "taken" || $0.outcome == "masked" && $1.event == .eventUpcall
      }, "\(subject): an event is not taken")
    let ended = try replay(subject, steps, record)
    if page.unseen != nil {
      try require(ended.status == 4 && ended.output.contains("no invariant was broken"), "\(subject): \(ended)")
    } else {
      try require(ended.status == 1 && !ended.complaint.contains("warning"), "\(subject): \(ended)")
      let named = try findings(ended).compactMap { $0["invariant"] as? String }
      try require(named == [page.invariant.rawValue], "\(subject) breaks \(named)")
    }
    return Row(
      page: page, platform: subject.platform, profile: subject.profile, boundaries: steps.map(\.boundary),
      standings: standings, length: record.end.kind == "bound" ? nil : record.steps.count, trials: nil,
      end: record.end.kind)
  }

  /// Where the fix shuts the event out, or goes another way, the path is not there to be followed.
  private func harmless(_ subject: Subject) throws {
    let (steps, _, record) = try path(subject)
    try require(record.end.kind == "user", "\(subject): \(record.end)")
    guard steps.count == page.depth else { return }
    let ended = try replay(subject, steps, record)
    // One that is masked is either never taken there, or later, where it does no harm.
    let isTaken = record.injections.allSatisfy { $0.outcome == "taken" }
    let reasons =
      steps.isEmpty ? ["broke no invariant"] : ["no invariant was broken"] + (isTaken ? [] : ["cannot be taken"])
    try require(ended.status == 4 && reasons.contains { ended.output.contains($0) }, "\(subject): \(ended)")
  }

  private func check(_ kernel: String) throws -> LimenProgram.Ended {
    try start(
      [
        "check", kernel, "--posture", page.posture.rawValue, "--format", "json", "--platform",
        page.platforms.map(\.rawValue).joined(separator: ","), "--profile",
        page.profiles.map(\.rawValue).joined(separator: ","), "--witnesses",
        folder.appendingPathComponent("witnesses-\(UUID().uuidString)").path,
      ] + fromHost)
  }

  /// What a malicious host does is asked for by its name: a twin is proof against its own specimen's and no other.
  private var fromHost: [String] {
    let events = page.path.map(\.event)
    guard events.contains(where: \.isFromHost) else { return [] }
    return ["--host", "malicious", "--event", events.map(\.rawValue).joined(separator: ",")]
  }

  private func twinHolds() throws {
    let twin = try check("specimen:\(page.name):fixed")
    try require(twin.status == 0, "the twin: \(twin.output.suffix(2000)) \(twin.complaint)")
  }

  /// How many trials that took on each machine, by platform and profile.
  private func foundWithOneEvent() throws -> [String: Int] {
    let ended = try check("specimen:\(page.name)")
    if page.depth > 1 || page.unseen != nil {
      try require(ended.status == 0, "one event is enough: \(ended.output.suffix(2000)) \(ended.complaint)")
    } else {
      let found = try findings(ended)
      try require(ended.status == 1, "\(ended.complaint)")
      try require(
        found.contains { $0["invariant"] as? String == page.invariant.rawValue }, "no finding is of \(page.invariant)")
      // What the crossing alone breaks its trials may break again.
      let depths = found.map { ($0["path"] as? [Any])?.count }
      try require(
        page.depth == 0 ? depths.contains(0) : depths.allSatisfy { $0 == 1 }, "it takes \(depths) events")
    }
    return try sections(ended).reduce(into: [:]) { counts, section in
      let trials = (section["trials"] as? [[String: Any]] ?? []).reduce(0) { $0 + ($1["trials"] as? Int ?? 0) }
      counts["\(section["platform"] ?? "") \(section["profile"] ?? "")"] = trials
    }
  }
}

/// Every specimen is put to the test once, whoever asks for what came of it.
actor SpecimenClaims {
  static let shared = SpecimenClaims()
  private var known: [String: Task<[SpecimenClaim.Row], any Error>] = [:]

  func rows(_ name: String) async throws -> [SpecimenClaim.Row] {
    if let task = known[name] { return try await task.value }
    let task = Task.detached { try Self.answer(name) }
    known[name] = task
    return try await task.value
  }

  private static func answer(_ name: String) throws -> [SpecimenClaim.Row] {
    let folder = try TemporaryFolder()
    return try withExtendedLifetime(folder) {
      try SpecimenClaim(page: try Specimens.page(name), limen: .probing(in: folder), folder: folder.url).rows()
    }
  }
}

extension LimenProgram {
  /// With the probe that the build leaves, and boots kept in the folder.
  static func probing(in folder: TemporaryFolder) -> LimenProgram {
    LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }
}
