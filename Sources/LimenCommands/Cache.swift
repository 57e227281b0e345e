import ArgumentParser
import Findings
import Foundation
import Subjects

/// `limen cache`: the snapshots of boots that are kept, and how to be rid of them.
struct Cache: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists or removes the snapshots of boots that are kept.",
    discussion: """
      Every kernel is booted once for a machine, and the machine is kept. Of the snapshots of kernels, and of those of designs, the newest are \
      kept that fit into LIMEN_CACHE_LIMIT MiB (\(SnapshotCache.standardLimit >> 20)). The cache lies in LIMEN_CACHE, or in limen below \
      XDG_CACHE_HOME or ~/.cache; all of it may be deleted at any time.

      EXAMPLES
        limen cache
        limen cache clean
      """)

  enum Action: String, CaseIterable, ExpressibleByArgument { case list, clean }

  @Argument(help: "list: what is kept, the newest first; clean: remove all snapshots, and nothing else.")
  var action: Action = .list

  func run() throws {
    guard let first = SnapshotCache.folders.first else {
      throw CommandFailure(.badInput, "cache", "there is none: LIMEN_CACHE, XDG_CACHE_HOME and HOME are not set")
    }
    let place = first.deletingLastPathComponent().path
    switch action {
    case .list: try list(place)
    case .clean:
      let bytes = SnapshotCache.folders.reduce(0) { $0 + SnapshotCache.clean($1) }
      try StandardOutput.write("\(printable(place)): \(Self.size(bytes)) of snapshots removed\n")
    }
  }

  private func list(_ place: String) throws {
    var lines: [String] = []
    var (count, sum) = (0, 0)
    for folder in SnapshotCache.folders {
      for snapshot in SnapshotCache.snapshots(in: folder) {
        let label = snapshot.label.isEmpty ? snapshot.url.lastPathComponent : snapshot.label
        let size = Self.size(snapshot.bytes)
        let padding = String(repeating: " ", count: max(0, 9 - size.count))
        lines.append("\(padding)\(size)  \(Self.day(snapshot.used))  \(printable(label, limit: 1024))")
        count += 1
        sum += snapshot.bytes
      }
    }
    let rest = SnapshotCache.bytes(of: URL(filePath: place)) - sum
    lines.append(
      "\(printable(place)): \(count) \(count == 1 ? "snapshot" : "snapshots"), \(Self.size(sum)) "
        + "(at most \(Self.size(SnapshotCache.limit)) of kernels and as much of designs); all else there, \(Self.size(rest))"
    )
    try StandardOutput.write(lines.map { $0 + "\n" }.joined())
  }

  /// In MiB, with one digit behind the point.
  private static func size(_ bytes: Int) -> String {
    let tenths = (bytes * 10 + 1 << 19) >> 20
    return "\(tenths / 10).\(tenths % 10) MiB"
  }

  /// ISO 8601, in UTC.
  private static func day(_ date: Date) -> String {
    date.formatted(.iso8601.year().month().day().dateSeparator(.dash))
  }
}
