/// Goal: under each vendor's profile the machine makes of recorded instructions what a processor of that vendor made of them, on
/// whatever host the tests run. So the results that are computed by instructions of the host are the same on every host.
///
/// `LIMEN_RECORD=1` (`./dev vectors`) records the host's processor anew.

import Foundation
import Machine
import Testing

// Of the same suite as the comparisons: they own the same pages.
extension HostAgreesTests {
  static let recordings = (try? FileManager.default.contentsOfDirectory(atPath: Recording.folder.path))?.sorted() ?? []

  @Test("there is a recording for each vendor") func eachVendorIsRecorded() throws {
    let recordings = try Self.recordings.map { try Recording(contentsOf: Recording.folder.appending(path: $0)) }
    // What the plain profiles have not is recorded under a part's.
    let profiles = Profile.plain + [.iceLake, .zen3]
    #expect(Set(recordings.map(\.profile.name)) == Set(profiles.map(\.name)))
  }

  @Test("recorded executions", arguments: recordings) func recordedExecutionsAgree(file: String) throws {
    let recording = try Recording(contentsOf: Recording.folder.appending(path: file))
    let machine = try MachineExecutor(profile: recording.profile)
    var differing = 0
    for execution in recording.executions {
      let found = machine.execute(execution).fields(of: execution)
      if found == execution.outcome { continue }
      differing += 1
      if differing <= 24 { Issue.record("\(recording.processor): \(execution.line)\n  machine \(found)") }
    }
    print("\(file): \(recording.executions.count) executions of \(recording.processor)")
    #expect(differing == 0)
    #expect(!recording.executions.isEmpty)
  }

  /// A recording that its own processor does not repeat says nothing.
  @Test("the host repeats its vendor's recordings", arguments: [false, true])
  func hostRepeatsItsRecording(isExtended: Bool) throws {
    let processor = HostProcessor.current
    if isExtended, !processor.hasExtensions { return print("\(processor) has no SSE4.2, BMI2 or MOVBE") }
    let profile = isExtended ? processor.extendedProfile : processor.profile
    let file = Recording.folder.appending(path: "\(profile.name).txt")
    if ProcessInfo.processInfo.environment["LIMEN_RECORD"] == "1" {
      var capture = try #require(Capture(isExtended: isExtended), "the fixed addresses are not free")
      let recording = capture.recording()
      try recording.text.write(to: file, atomically: true, encoding: .utf8)
      print("\(file.path): \(recording.executions.count) executions")
    }
    guard FileManager.default.fileExists(atPath: file.path) else {
      return print("no recording of \(processor): './dev vectors' makes it")
    }
    let recording = try Recording(contentsOf: file)
    let host = try #require(HostExecutor(), "the fixed addresses are not free")
    var differing: [String] = []
    for execution in recording.executions {
      let found = host.execute(execution).fields(of: execution)
      if found != execution.outcome { differing.append("\(execution.line)\n  \(processor) \(found)") }
    }
    for difference in differing.prefix(24) { Issue.record("recorded on \(recording.processor): \(difference)") }
    #expect(differing.isEmpty)
  }
}
