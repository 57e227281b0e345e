import Foundation

/// What a test reads of a section of `limen check --format json`; Documentation/Formats.md has it all.
struct LimenSection: Decodable {
  struct Window: Decodable {
    struct Event: Decodable {
      let event: String
      let arrival: String
      let boundaries: Int
    }

    let kind: String
    let direction: String
    let start: Int
    let boundaries: Int
    let events: [Event]
  }

  struct Finding: Decodable {
    struct Step: Decodable {
      let boundary: Int
      let event: String
    }

    let invariant: String
    let severity: String
    let path: [Step]
  }

  let windows: [Window]
  let findings: [Finding]

  /// The exploration of one crossing of a PV guest by NMIs.
  static func ofNMIs(
    _ kernel: String, crossing: String, posture: String, profile: String, by limen: LimenProgram
  ) throws -> LimenSection {
    struct Report: Decodable { let sections: [LimenSection] }
    let witnesses = FileManager.default.temporaryDirectory.appendingPathComponent("limen-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: witnesses) }
    let ended = try limen(
      "check", kernel, "--platform", "xen-pv", "--profile", profile, "--crossing", crossing, "--posture", posture,
      "--event", "nmi-callback", "--format", "json", "--witnesses", witnesses.path)
    guard ended.status == 0 || ended.status == 1 else { throw ProgramFailure(description: "limen: \(ended.complaint)") }
    let sections = try JSONDecoder().decode(Report.self, from: Data(ended.output.utf8)).sections
    guard sections.count == 1 else { throw ProgramFailure(description: "\(sections.count) sections") }
    return sections[0]
  }
}
