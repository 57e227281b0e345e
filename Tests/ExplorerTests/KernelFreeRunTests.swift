import Findings
import KernelImage
import Machine
import Platform
import Subjects
import Testing
import WatchedRuns

/// Goal: on a real kernel, too, the log of a free run equals the log of a stepped run, event for event. The stretch is what the probe does
/// when nobody asks it for one crossing: every crossing from every posture, each in a child of its own, with its signals, its faults and
/// what it prints.
struct KernelFreeRunTests {
  static let stretch: UInt64 = 2_000_000

  private static func words(_ end: ComputerEnd) -> String? { end == .budget ? nil : "\(end)" }

  static func watched(_ computer: any PlatformComputer) -> WatchedMachine {
    WatchedMachine(
      computer.processor, step: { words(computer.takeStep()) }, run: { words(computer.proceed(toward: $0)) })
  }

  private static func ready(_ platform: PlatformName, _ profile: Profile) throws -> ReadyMachine {
    let probe = try ProbeImage(bytes: Probe.built().elf)
    let guest = Guest(
      kernel: try KernelImage(contentsOf: try KernelUnderTest.path("debian-6.1-cloud")),
      initrd: try Initramfs.running(probe.bytes).archive, commandLine: platform.commandLine, memory: 512)
    return try BootSnapshot(guest: guest, probe: probe, platform: platform, profile: profile).ready()
  }

  @Test(arguments: [PlatformName.bareMetal, .xenPV], Profile.plain)
  func debian(_ platform: PlatformName, _ profile: Profile) throws {
    let machines = try (0..<2).map { _ in try Self.ready(platform, profile) }
    let pair = machines.map(\.computer)
    var heard = [[UInt8]](repeating: [], count: 2)
    for (index, computer) in pair.enumerated() {
      computer.console = { [unowned computer] byte in
        heard[index].append(byte)
        if byte == 0x0A { computer.processor.requestStop() }
      }
    }
    var random = RandomChunks(state: 0x6B65_726E)
    let free = Self.watched(pair[0]).free(Self.stretch) { random.next() }
    let stepped = Self.watched(pair[1]).stepped(Self.stretch)
    #expect(free.difference(from: stepped) == nil)
    for computer in pair { _ = computer.proceed(0, until: nil) }
    #expect(pair[0].processor.difference(from: pair[1].processor) == nil)
    #expect(heard[0] == heard[1])
    var kinds: [Transition.Kind: Int] = [:]
    for noted in stepped.log { kinds[noted.transition.kind, default: 0] += 1 }
    print("\(platform) \(profile.name): \(stepped.log.count) transitions, \(kinds)")
    #expect(stepped.end == nil && kinds.count >= 5 && stepped.log.count > 1000)
  }

  /// Lengths of up to a hundred thousand positions, some of them short. Marsaglia, "Xorshift RNGs".
  private struct RandomChunks {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state % 4 == 0 ? state >> 8 & 15 : (state >> 8) % 100_000
    }
  }
}
