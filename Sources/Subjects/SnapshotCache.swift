/// What lies in a folder of snapshots: how much, since when, and what is thrown away when there is too much.
import Findings
import Foundation

/// One snapshot, as it lies in the cache.
public struct KeptSnapshot: Sendable {
  public let url: URL
  /// What it is of: kernel, platform, profile, memory. Empty where the snapshot does not say.
  public let label: String
  /// What it takes on the disk: RAM is a sparse file.
  public let bytes: Int
  /// When it was used last.
  public let used: Date
}

public enum SnapshotCache {
  /// The most bytes of snapshots that are kept: of Debian's kernels some fifty, of designs all.
  public static let standardLimit = 8 << 30

  /// What `$LIMEN_CACHE_LIMIT` says, in MiB.
  public static var limit: Int {
    guard let said = ProcessInfo.processInfo.environment["LIMEN_CACHE_LIMIT"].flatMap(Int.init),
      (0...1 << 30).contains(said)
    else { return standardLimit }
    return said << 20
  }

  /// The folders that hold snapshots: of kernels, and of designs.
  public static var folders: [URL] { [BootSnapshot.standardCache, BootSnapshot.designCache].compactMap { $0 } }

  static func isDraft(_ url: URL) -> Bool { url.lastPathComponent.hasPrefix("draft-") }

  /// The newest first; of equal age in the order of their names.
  public static func snapshots(in folder: URL) -> [KeptSnapshot] {
    let keys: [URLResourceKey] = [.contentModificationDateKey]
    let all = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: keys)) ?? []
    return all.filter { !isDraft($0) }.map { url in
      // Asked for once: another program may use or remove one meanwhile.
      let date = (try? url.resourceValues(forKeys: Set(keys)).contentModificationDate) ?? .distantPast
      return KeptSnapshot(url: url, label: label(in: url), bytes: bytes(of: url), used: date)
    }.sorted { ($1.used, $0.url.lastPathComponent) < ($0.used, $1.url.lastPathComponent) }
  }

  private static func label(in folder: URL) -> String {
    guard let file = try? FileHandle(forReadingFrom: folder.appending(path: "label")),
      let bytes = try? file.read(upToCount: 1024)
    else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What a file or a folder's files take on the disk. POSIX stat(3p): st_blocks counts 512 bytes.
  public static func bytes(of url: URL) -> Int {
    func own(_ path: String) -> Int {
      var status = stat()
      return lstat(path, &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }
    let walk = FileManager.default.enumerator(atPath: url.path)
    return own(url.path) + (walk?.reduce(0) { $0 + own("\(url.path)/\($1)") } ?? 0)
  }

  /// Keeps the newest as far as they fit, the very newest in any case, and drafts that may still be written.
  static func trim(_ folder: URL) {
    var room = limit
    for (index, snapshot) in snapshots(in: folder).enumerated() {
      room -= snapshot.bytes
      if room < 0 && index > 0 { try? FileManager.default.removeItem(at: snapshot.url) }
    }
    let keys: Set<URLResourceKey> = [.contentModificationDateKey]
    let all = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    for draft in all where isDraft(draft) {
      let date = (try? draft.resourceValues(forKeys: keys).contentModificationDate) ?? .distantPast
      if date.timeIntervalSinceNow < -3600 { try? FileManager.default.removeItem(at: draft) }
    }
  }

  /// Removes every snapshot and draft; those that a check is reading live on in it. Returns how many bytes that were.
  public static func clean(_ folder: URL) -> Int {
    let all = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    return all.reduce(0) { sum, url in
      let size = bytes(of: url)
      return (try? FileManager.default.removeItem(at: url)) == nil ? sum : sum + size
    }
  }
}
