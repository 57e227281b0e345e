/// Goal: a false claim cannot pass. A specimen whose defect is taken away, a twin with the defect put in, and an invariant that finds nothing
/// each make the claims of the page false.
import Findings
import Foundation
import Invariants
import Testing

@Suite struct SpecimenFalseClaimTests {
  /// For each invariant the first specimen that one event, or none, breaks.
  static let names: [String] = Monitors.descriptions.compactMap { invariant in
    Specimens.names.first { name in
      guard let page = try? Specimens.page(name) else { return false }
      return page.invariant == invariant.identifier && page.unseen == nil && page.depth < 2
    }
  }

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Of one machine, which is enough to make it false.
  private func claim(_ name: String) throws -> SpecimenClaim {
    var page = try Specimens.page(name)
    (page.platforms, page.profiles) = (Array(page.platforms.prefix(1)), Array(page.profiles.prefix(1)))
    return SpecimenClaim(page: page, limen: .probing(in: folder), folder: folder.url)
  }

  /// The reference kernel as it was built, but for one of the specimen's two kernels, which is the other.
  private func exchanged(_ name: String, _ place: String, by other: String) throws -> URL {
    let built = Probe.root.appendingPathComponent(".build-reference")
    let copy = folder.url.appendingPathComponent("reference")
    let files = FileManager.default
    try files.createDirectory(at: copy.appendingPathComponent("specimens"), withIntermediateDirectories: true)
    for file in [
      "designs.txt", "specimens.txt", "specimens/\(name).S", "specimens/\(name).elf", "specimens/\(name).fixed.elf",
    ] {
      let from = file == "specimens/\(place)" ? "specimens/\(other)" : file
      try files.copyItem(at: built.appendingPathComponent(from), to: copy.appendingPathComponent(file))
    }
    return copy
  }

  @Test func thereIsOneForEachInvariant() {
    #expect(Self.names.count == Monitors.descriptions.count)
  }

  @Test(arguments: names) func aDefectTakenAwayIsNoticed(name: String) throws {
    var claim = try claim(name)
    claim.reference = try exchanged(name, "\(name).elf", by: "\(name).fixed.elf")
    #expect(throws: FalseClaim.self) { try claim.rows() }
  }

  @Test(arguments: names) func aDefectInTheTwinIsNoticed(name: String) throws {
    var claim = try claim(name)
    claim.reference = try exchanged(name, "\(name).fixed.elf", by: "\(name).elf")
    #expect(throws: FalseClaim.self) { try claim.rows() }
  }

  /// A monitor whose judgement is always nil leaves out what it would have found, and nothing else.
  @Test(arguments: names) func anInvariantThatFindsNothingIsNoticed(name: String) throws {
    var claim = try claim(name)
    let silent = claim.page.invariant.rawValue
    claim.report = { findings in findings.filter { $0["invariant"] as? String != silent } }
    #expect(throws: FalseClaim.self) { try claim.rows() }
  }
}
