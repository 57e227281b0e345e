/// The boot to the probe, done once and kept on disk: RAM as a sparse file, the processor and the platform beside it.
///
/// A snapshot is named by a digest of everything that it depends on: the kernel, the probe, the platform, the profile, memory, command line
/// and this build of Limen. It is written to a draft and renamed, so that a reader sees all of it or nothing, and any part of
/// the cache can be deleted at any time. A snapshot that cannot be written is no error: the boot was done, only not kept.
import Findings
import Foundation
import KernelImage
import Machine

public struct BootSnapshot {
  public let guest: Guest
  public let probe: ProbeImage
  public let platform: PlatformName
  public let profile: Profile
  public let cache: URL?

  /// The boot is given up after this many instructions.
  public let bound: UInt64

  /// More than twice what Debian's largest kernels take.
  public static let standardBound: UInt64 = 4_000_000_000
  /// The newest snapshots that are kept.
  public static let kept = 12
  /// The same of designs: all of them on every machine, of a few megabytes each.
  public static let keptDesigns = 96
  private let kept: Int

  public init(
    guest: Guest, probe: ProbeImage, platform: PlatformName, profile: Profile,
    bound: UInt64 = BootSnapshot.standardBound, cache: URL? = BootSnapshot.standardCache, kept: Int = BootSnapshot.kept
  ) {
    self.kept = kept
    self.guest = guest
    self.probe = probe
    self.platform = platform
    self.profile = profile
    self.bound = bound
    self.cache = cache
  }

  /// `$LIMEN_CACHE`, `$XDG_CACHE_HOME/limen` or `~/.cache/limen`; snapshots lie in `snapshots` below it, those of designs in `designs`,
  /// so that they do not drive out the kernels that take seconds to boot.
  public static var standardCache: URL? {
    let environment = ProcessInfo.processInfo.environment
    func folder(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let own = folder("LIMEN_CACHE") { return URL(filePath: own).appending(path: "snapshots") }
    if let base = folder("XDG_CACHE_HOME") { return URL(filePath: base).appending(path: "limen/snapshots") }
    if let home = folder("HOME") { return URL(filePath: home).appending(path: ".cache/limen/snapshots") }
    return nil
  }

  static var designCache: URL? { standardCache?.deletingLastPathComponent().appending(path: "designs") }

  public enum Refusal: Error, CustomStringConvertible {
    case died(kernel: String, how: String, place: Location, lastWords: String)
    case unsupported(kernel: String, what: String, place: Location)
    case tooLong(kernel: String, instructions: UInt64, place: Location)

    public var description: String {
      switch self {
      case .died(let kernel, let how, let place, let words):
        "\(kernel): the kernel did not reach the probe: \(how) at \(place)"
          + (words.isEmpty ? "" : "; it last said: \(words)")
      case .unsupported(let kernel, let what, let place): "\(kernel): unsupported: \(what) at \(place)"
      case .tooLong(let kernel, let instructions, let place):
        "\(kernel): the kernel did not reach the probe within \(instructions / 1_000_000) million instructions; it stands at "
          + "\(place) (--bound sets another bound)"
      }
    }
  }

  /// A machine at the probe's request, from the cache or booted now. `progress` hears how far a boot is.
  public func ready(progress: (UInt64) -> Void = { _ in }) throws -> ReadyMachine {
    if let computer = load() { return machine(computer) }
    let computer = try boot(progress)
    save(computer)
    return machine(computer)
  }

  private func machine(_ computer: any PlatformComputer) -> ReadyMachine {
    ReadyMachine(
      computer, probe: probe, profile: profile.vendor == .intel ? .intel : .amd, symbols: guest.kernel.symbols,
      claims: KernelClaims(guest.kernel))
  }

  private func boot(_ progress: (UInt64) -> Void) throws -> any PlatformComputer {
    let computer = try guest.computer(on: platform, profile: profile)
    var said: [UInt8] = []
    computer.console = { said.append($0) }
    let target = try probe.address("limen_ready")
    func place() -> Location {
      let rip = computer.processor.rip
      guard let named = guest.kernel.symbols.symbolize(rip) else { return Location(address: rip) }
      return Location(address: rip, symbol: named.name, offset: named.offset)
    }
    while true {
      let end = computer.proceed(min(50_000_000, bound - computer.processor.spent), until: target)
      progress(computer.processor.retired)
      switch end {
      case .budget:
        if computer.processor.rip == target && !computer.isInKernel {
          computer.console = nil
          return computer
        }
        if computer.processor.spent >= bound {
          throw Refusal.tooLong(kernel: guest.kernel.name, instructions: bound, place: place())
        }
      case .unsupported(let what):
        throw Refusal.unsupported(kernel: guest.kernel.name, what: what, place: place())
      case .powerOff(let how), .died(let how), .left(_, let how): throw death(how, place(), said)
      }
    }
  }

  private func death(_ how: String, _ place: Location, _ said: [UInt8]) -> Refusal {
    let lines = String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline)
    return .died(kernel: guest.kernel.name, how: how, place: place, lastWords: lines.last.map(String.init) ?? "")
  }

  // MARK: The cache

  private static let layout = 3

  /// Names this build: a digest of the running program's file.
  private static let build: String = {
    guard let bytes = try? Data(contentsOf: URL(filePath: "/proc/self/exe")) else { return "unknown" }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    bytes.withUnsafeBytes { raw in
      for i in 0..<raw.count / 8 {
        hash =
          (hash ^ raw.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self)) &* 0x0000_0100_0000_01B3 ^ (hash >> 31)
      }
    }
    return String(hash, radix: 16) + "-\(bytes.count)"
  }()

  /// The key of this snapshot.
  private var key: String {
    let parts = [
      "\(Self.layout)", Self.build, guest.kernel.digest, platform.rawValue, profile.name, "\(guest.memory)",
      guest.commandLine, SHA256.hexadecimal(of: guest.initrd),
    ]
    return SHA256.hexadecimal(of: Array(parts.joined(separator: "\n").utf8))
  }

  private var folder: URL? { cache?.appending(path: key) }

  private func load() -> (any PlatformComputer)? {
    guard let folder, FileManager.default.fileExists(atPath: folder.path) else { return nil }
    if let computer = load(folder) { return computer }
    // Whatever lies there is no snapshot of ours, and would stand in the way of one.
    try? FileManager.default.removeItem(at: folder)
    return nil
  }

  private func load(_ folder: URL) -> (any PlatformComputer)? {
    guard let type = platform.computer,
      let processor = try? Data(contentsOf: folder.appending(path: "processor")),
      let rest = try? Data(contentsOf: folder.appending(path: "platform")),
      let seal = try? Data(contentsOf: folder.appending(path: "seal"))
    else { return nil }
    let descriptor = open(folder.appending(path: "memory").path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    let archive = ComputerArchive(processor: [UInt8](processor), platform: [UInt8](rest))
    guard fstat(descriptor, &status) == 0, let own = SnapshotSeal(archive, memory: descriptor),
      seal == Data(own.text.utf8)
    else { return nil }
    // The time of use orders the cache.
    utimensat(AT_FDCWD, folder.path, nil, 0)
    return type.resume(
      archive, guest: guest, file: descriptor, fileSize: Int(status.st_size), profile: profile)
  }

  private func save(_ computer: any PlatformComputer) {
    guard let cache, let folder, let archive = computer.archive else { return }
    let files = FileManager.default
    let draft = cache.appending(path: "draft-\(getpid())-\(key.prefix(16))")
    do {
      try files.createDirectory(at: draft, withIntermediateDirectories: true)
      try Data(archive.processor).write(to: draft.appending(path: "processor"))
      try Data(archive.platform).write(to: draft.appending(path: "platform"))
      let seal = try writeMemory(computer.processor.memory, beside: archive, to: draft.appending(path: "memory").path)
      try Data(seal.text.utf8).write(to: draft.appending(path: "seal"))
      // Somebody else may have been faster; theirs is as good.
      if !files.fileExists(atPath: folder.path) { try files.moveItem(at: draft, to: folder) }
      trim(cache)
    } catch {}
    try? files.removeItem(at: draft)
  }

  private struct WriteFailure: Error {}

  /// Writes RAM, leaving holes where it is zero, and seals it together with the rest.
  private func writeMemory(_ memory: PhysicalMemory, beside archive: ComputerArchive, to path: String) throws
    -> SnapshotSeal
  {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw WriteFailure() }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(memory.size)) == 0 else { throw WriteFailure() }
    let written = memory.forEachNonzeroPage { address, bytes in
      var done = 0
      while done < bytes.count {
        let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(address) + off_t(done))
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return false }
        done += count
      }
      return true
    }
    guard written, let seal = SnapshotSeal(archive, memory: descriptor) else { throw WriteFailure() }
    return seal
  }

  /// Keeps the newest snapshots, and drafts that may still be written.
  private func trim(_ cache: URL) {
    let files = FileManager.default
    let keys: [URLResourceKey] = [.contentModificationDateKey]
    guard let all = try? files.contentsOfDirectory(at: cache, includingPropertiesForKeys: keys) else { return }
    func date(_ url: URL) -> Date {
      (try? url.resourceValues(forKeys: [.contentModificationDateKey]).contentModificationDate) ?? .distantPast
    }
    let snapshots = all.filter { !$0.lastPathComponent.hasPrefix("draft-") }.sorted { date($0) > date($1) }
    for old in snapshots.dropFirst(kept) { try? files.removeItem(at: old) }
    for draft in all where draft.lastPathComponent.hasPrefix("draft-") && date(draft).timeIntervalSinceNow < -3600 {
      try? files.removeItem(at: draft)
    }
  }
}
