import ArgumentParser
import Foundation

/// How many threads explore.
struct JobOptions: ParsableArguments {
  @Option(
    name: [.customShort("j"), .customLong("jobs")],
    help: "How many threads explore; what is reported does not depend on it. (default: one for each processor)")
  var wanted: Int?

  /// sched_getaffinity(2): the processors that this process may run on.
  var count: Int { wanted ?? min(1024, max(1, ProcessInfo.processInfo.activeProcessorCount)) }

  mutating func validate() throws {
    if let wanted, !(1...1024).contains(wanted) { throw ValidationError("-j takes 1 to 1024") }
  }
}
