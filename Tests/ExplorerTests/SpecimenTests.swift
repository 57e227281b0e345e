/// Goal: every specimen is what its page says. The events of its path, at the places that it names, break the invariant that it names; the
/// same events do its twin no harm; and with fewer events nothing is found. What its page says is not seen is not: once an invariant sees
/// it, the test fails and the page's word `unseen` goes.
import Findings
import Foundation
import KernelImage
import Testing

@Suite struct SpecimenTests {
  static let specimens = Probe.root.appendingPathComponent("Specimens")
  static let names = (try? FileManager.default.contentsOfDirectory(atPath: specimens.path).sorted()) ?? []

  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  private static func source(_ name: String, _ file: String = "Defective.S") throws -> String {
    try String(contentsOf: specimens.appendingPathComponent("\(name)/\(file)"), encoding: .utf8)
  }

  private static func page(_ name: String) throws -> SpecimenDescription {
    try SpecimenDescription(name: name, source: try source(name))
  }

  // MARK: A path of places

  /// What is wanted of a trace's document.
  private struct Trace: Decodable {
    struct Step: Decodable {
      var boundary: Int
      var location: Location
    }
    struct Injection: Decodable { var outcome: String }
    struct End: Decodable { var kind: String }
    var kernel: KernelIdentity
    var steps: [Step]
    var injections: [Injection]
    var end: End
  }

  /// One machine that runs the crossing of a page.
  private struct Subject {
    var kernel: String
    var page: SpecimenDescription
    var platform: PlatformName
    var profile: ProfileName
  }

  private static func subjects(_ name: String, isFixed: Bool) throws -> [Subject] {
    let page = try page(name)
    return page.platforms.flatMap { platform in
      page.profiles.map { profile in
        Subject(
          kernel: "specimen:\(name)" + (isFixed ? ":fixed" : ""), page: page, platform: platform, profile: profile)
      }
    }
  }

  private func trace(_ subject: Subject, _ path: [PathStep]) throws -> Trace {
    let injected = path.flatMap { ["--inject", "\($0.boundary):\($0.event.rawValue)"] }
    let ended = try limen.start(
      [
        "trace", subject.kernel, "--crossing", subject.page.crossing.rawValue, "--posture",
        subject.page.posture.rawValue, "--platform", subject.platform.rawValue, "--profile", subject.profile.rawValue,
        "--format", "json",
      ] + injected
    ).ended()
    return try JSONDecoder().decode(Trace.self, from: Data(ended.output.utf8))
  }

  /// The boundaries of the page's path: each the first behind the event before it at whose place the run stands. As many as there are.
  private func path(_ subject: Subject) throws -> (steps: [PathStep], last: Trace) {
    var steps: [PathStep] = []
    var record = try trace(subject, steps)
    for step in subject.page.path {
      let behind = steps.last?.boundary ?? -1
      guard
        let at = record.steps.first(where: {
          $0.boundary > behind
            && (step.isInUserMode
              ? $0.location.symbol == nil : $0.location.symbol == step.symbol && $0.location.offset == step.offset)
        })
      else { break }
      steps.append(PathStep(boundary: at.boundary, location: at.location, event: step.event))
      record = try trace(subject, steps)
    }
    return (steps, record)
  }

  private func replay(_ subject: Subject, _ steps: [PathStep], _ record: Trace) throws -> LimenProgram.Ended {
    let witness = Witness(
      kernel: record.kernel, kernelPath: subject.kernel,
      platform: subject.platform, profile: subject.profile,
      memory: 512, commandLine: "", crossing: subject.page.crossing, posture: subject.page.posture,
      invariant: subject.page.invariant, path: Path(steps))
    let file = folder.url.appendingPathComponent("witness.json")
    try witness.text.write(to: file, atomically: true, encoding: .utf8)
    return try limen("replay", file.path, "--format", "json")
  }

  private func findings(_ ended: LimenProgram.Ended) throws -> [[String: Any]] {
    let document = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    let sections = document["sections"] as? [[String: Any]] ?? []
    return sections.flatMap { $0["findings"] as? [[String: Any]] ?? [] }
  }

  private func invariants(_ ended: LimenProgram.Ended) throws -> [String] {
    try findings(ended).compactMap { $0["invariant"] as? String }
  }

  // MARK: The pairs

  @Test func thereAreSpecimens() throws {
    let listed = try limen("list", "specimens")
    #expect(listed.status == 0 && listed.output.split(separator: "\n").map(String.init) == Self.names)
    #expect(!Self.names.isEmpty)
  }

  @Test(arguments: names) func thePathBreaksTheInvariant(name: String) throws {
    for subject in try Self.subjects(name, isFixed: false) {
      let (steps, record) = try path(subject)
      try #require(steps.count == subject.page.depth, "\(subject) goes to \(steps)")
      #expect(record.injections.allSatisfy { $0.outcome == "taken" })
      let ended = try replay(subject, steps, record)
      if subject.page.unseen != nil {
        #expect(ended.status == 4 && ended.output.contains("no invariant was broken"), "\(subject): \(ended)")
        continue
      }
      #expect(ended.status == 1 && !ended.complaint.contains("warning"), "\(subject): \(ended)")
      #expect(try invariants(ended) == [subject.page.invariant.rawValue], "\(subject)")
    }
  }

  /// Where the fix shuts the event out, or goes another way, the path is not there to be followed.
  @Test(arguments: names) func theTwinIsNotHarmed(name: String) throws {
    for subject in try Self.subjects(name, isFixed: true) {
      let (steps, record) = try path(subject)
      #expect(record.end.kind == "user", "\(subject): \(record.end)")
      guard steps.count == subject.page.depth else { continue }
      let ended = try replay(subject, steps, record)
      let isTaken = record.injections.allSatisfy { $0.outcome == "taken" }
      let reason =
        steps.isEmpty
        ? "broke no invariant" : isTaken ? "no invariant was broken" : "cannot be taken"
      #expect(ended.status == 4 && ended.output.contains(reason), "\(subject): \(ended)")
    }
  }

  /// With one event the check finds what takes one, and nothing else.
  @Test(arguments: names) func oneEventIsEnoughOrNot(name: String) throws {
    let page = try Self.page(name)
    let witnesses = folder.url.appendingPathComponent("witnesses").path
    let check = ["--posture", page.posture.rawValue, "--format", "json", "--witnesses", witnesses]
    let twin = try limen.start(["check", "specimen:\(name):fixed"] + check).ended()
    #expect(twin.status == 0, "\(name): \(twin.output.suffix(2000)) \(twin.complaint)")
    let defective = try limen.start(["check", "specimen:\(name)"] + check).ended()
    if page.depth > 1 || page.unseen != nil {
      #expect(defective.status == 0, "\(name): \(defective.output.suffix(2000)) \(defective.complaint)")
    } else {
      #expect(defective.status == 1)
      #expect(try invariants(defective).contains(page.invariant.rawValue))
      // What the crossing alone breaks its trials may break again.
      let depths = try findings(defective).map { ($0["path"] as? [Any])?.count }
      #expect(page.depth == 0 ? depths.contains(0) : depths.allSatisfy { $0 == 1 }, "it takes \(depths) events")
    }
  }

  /// A twin differs as its page says, and in nothing else.
  @Test(arguments: names) func aPairDiffersInLittle(name: String) throws {
    func code(_ file: String) throws -> [String] {
      try Self.source(name, file).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("//") }
    }
    let changes = try code("Fixed.S").difference(from: try code("Defective.S"))
    // A line each for the name, and for the change at least one.
    #expect((3...20).contains(changes.count), "\(changes.count) lines")
    let comments = try Self.source(name, "Fixed.S").prefix { $0 != "\n" }
    #expect(comments.hasPrefix("// \(name), fixed: "))
  }

  // MARK: Names

  @Test(arguments: names) func thePageIsPrinted(name: String) throws {
    let page = try Self.page(name)
    for argument in [name, "specimen:\(name)", "specimen:\(name):fixed"] {
      let ended = try limen("explain", argument)
      #expect(ended.status == 0 && ended.output.hasPrefix("\(name)\n\n"))
      let words = ended.output.split { $0.isWhitespace }.joined(separator: " ")
      for paragraph in page.paragraphs { #expect(words.contains(paragraph)) }
      #expect(ended.output.contains("\ninvariant  \(page.invariant)\n"))
    }
  }

  /// Where the command line does not say, the page does.
  @Test func aCheckTakesPlatformAndCrossingFromThePage() throws {
    let ended = try limen(
      "check", "specimen:frame-below-rsp:fixed", "--witnesses", folder.url.appendingPathComponent("w").path)
    let heads = ended.output.split(separator: "\n").filter { $0.hasSuffix(": held") }
    #expect(heads == ["xen-pv intel syscall64 normal: held", "xen-pv amd syscall64 normal: held"])
  }

  @Test(arguments: [
    ("specimen:frobnicate", "there is no such specimen (specimens: "), ("specimen:", "specimen:NAME:fixed"),
    ("specimen:../nmi-leaving", "specimen:NAME:fixed"), ("specimen:nmi-leaving:broken", "specimen:NAME:fixed"),
    ("specimen:nmi-leaving:fixed:fixed", "specimen:NAME:fixed"),
  ])
  func wrongNamesAreTwoAndOneLine(name: String, complaint: String) throws {
    for ended in [try limen("check", name), try limen("explain", name)] {
      #expect(ended.status == 2 && ended.output.isEmpty)
      #expect(ended.complaint.hasPrefix("limen: ") && ended.complaint.contains(complaint))
      #expect(ended.complaint.filter(\.isNewline).count == 1)
    }
    let neither = try limen("explain", "frobnicate")
    #expect(neither.status == 2 && neither.complaint.contains("no invariant and no specimen has this name"))
  }
}
