/// The boot to the probe, done once and kept on disk: RAM as a sparse file, the processor and the platform beside it.
///
/// A snapshot is named by a digest of everything that it depends on: the kernel, the probe, the platform, the profile, memory, command line,
/// the boot's bound and this build of Limen. It is written to a draft and renamed, so that a reader sees all of it or nothing, and any part of
/// the cache can be deleted at any time. A snapshot that cannot be written is no error: the boot was done, only not kept.
import Findings
import Foundation
import KernelImage
import Machine
import Platform

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
  /// A hypervisor takes so many besides until its domain starts.
  package static let hypervisorBound: UInt64 = 12_000_000_000

  public init(
    guest: Guest, probe: ProbeImage, platform: PlatformName, profile: Profile,
    bound: UInt64 = BootSnapshot.standardBound, cache: URL? = BootSnapshot.standardCache
  ) {
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

  package static var designCache: URL? { standardCache?.deletingLastPathComponent().appending(path: "designs") }

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

  /// A machine at the probe's request, from the cache or booted now. `progress` hears how far a boot is, `warn` what is wrong with
  /// the cache, in a sentence.
  public func ready(progress: (UInt64) -> Void = { _ in }, warn: (String) -> Void = { _ in }) throws -> ReadyMachine {
    if let computer = load(warn) { return machine(computer) }
    let computer = try boot(progress)
    save(computer)
    return machine(computer)
  }

  private var symbols: [SymbolTable] { [guest.kernel.symbols] + (guest.hypervisor.map { [$0.image.symbols] } ?? []) }

  private func machine(_ computer: any PlatformComputer) -> ReadyMachine {
    ReadyMachine(
      computer, probe: probe, profile: ProfileName(rawValue: profile.name) ?? .intel, symbols: symbols,
      // To a hypervisor the kernel's interrupts are another thing than the processor's.
      claims: platform.needsHypervisor ? KernelClaims() : KernelClaims(guest.kernel))
  }

  private func boot(_ progress: (UInt64) -> Void) throws -> any PlatformComputer {
    let computer = try guest.computer(on: platform, profile: profile)
    var said: [UInt8] = []
    computer.console = { said.append($0) }
    let target = try probe.address("limen_ready")
    func place() -> Location {
      let rip = computer.processor.rip
      guard let named = symbols.lazy.compactMap({ $0.symbolize(rip) }).first else { return Location(address: rip) }
      return Location(address: rip, symbol: named.readableName, offset: named.offset)
    }
    progress(0)
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
    if ComputerEnd.isHypervisors(how) {
      return .died(kernel: guest.kernel.name, how: how, place: place, lastWords: "")
    }
    let lines = String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline)
    return .died(kernel: guest.kernel.name, how: how, place: place, lastWords: lines.last.map(String.init) ?? "")
  }
}
