import BareMetal
import Foundation
import KernelImage
import Machine
import Testing

/// Goal: Debian's Xen itself boots in the bare-metal machine, and the reference kernel's oracle sees on it what the manuals demand: the
/// recordings of real Xen under QEMU, and the lines of `Expected/exceptions.txt` where QEMU's processor errs. Xen is the same in both, so
/// each line is a comparison of two processors.
@Suite(.serialized) struct RealXenTests {
  static let xen: String? = {
    let ran = XenAgreesTests.run(["Scripts/xen.sh"])
    return ran.status == 0 ? ran.output.trimmingCharacters(in: .whitespacesAndNewlines) : nil
  }()

  /// As under QEMU: see Scripts/xen.sh. Xen finds the memory map in real mode, which the machine has not, or is told of it.
  static let line =
    "xen no-real-mode console=com1 com1=115200,8n1 dom0_mem=64M dom0_max_vcpus=1 watchdog=0 nmi=dom0 xpti=no noreboot "
    + "serial_tx_buffer=1M"

  /// What Xen and the oracle print. In a process of its own: here the test runner would look at each of the millions of errors by which a
  /// port access leaves its block.
  static func boot(_ profile: Profile, _ word: String = "") throws -> [String] {
    try #require(XenAgreesTests.buildFailure == nil, "\(XenAgreesTests.buildFailure ?? "")")
    let limen = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "limen").path
    let ran = XenAgreesTests.run(
      ["-c", "exec \"$0\" \"$@\"", limen, "boot", try #require(Self.xen), "--profile", profile.name, "--limit", "4000"]
        + ["--command-line", Self.line, "--module", "\(XenAgreesTests.image) oracle \(word)"])
    #expect(ran.status == 0, "\(ran.complaint)")
    return ran.output.split(whereSeparator: \.isNewline).map(String.init)
  }

  @Test(arguments: Profile.plain.map(\.name)) func theOracleSeesWhatTheManualsDemand(profile: String) throws {
    let printed = try Self.boot(try #require(Profile.plain.first { $0.name == profile }))
    let lines = printed.filter { $0.hasPrefix("LIMEN ") }
    let demanded = try OracleLog.demanded(profile).filter { $0.hasPrefix("LIMEN ") }
    #expect(lines.map(OracleLog.name) == demanded.map(OracleLog.name))
    for (line, demand) in zip(lines, demanded) { #expect(line == demand) }
    #expect(printed.last?.contains("halting machine") == true)
  }

  /// With `nmi=fatal` Xen names its own places when an NMI comes: the oracle of the names that are read out of its image.
  @Test func xenNamesItsPlacesAsTheImageDoes() throws {
    let image = try KernelImage(contentsOf: try #require(Self.xen))
    let placement = try #require(try image.placement())
    let computer = try BareMetalComputer(memorySize: 512 << 20, profile: .amd)
    var said: [UInt8] = []
    computer.console = { said.append($0) }
    try computer.startMultiboot(
      segments: placement.segments.map {
        .init(address: $0.physicalAddress, bytes: image.contents(of: $0), memorySize: $0.memorySize)
      },
      entry: placement.entry, modules: [.init(bytes: [0], words: "none")],
      commandLine: Self.line.replacingOccurrences(of: "nmi=dom0", with: "nmi=fatal"))
    // Its console is there by then, and it does not yet wait for clocks.
    _ = computer.run(9_000_000)
    computer.processor.raiseNMI()
    _ = computer.run(5_000_000)
    let text = String(decoding: said, as: UTF8.self)
    var places = 0
    for match in text.matches(of: #/\[<([0-9a-f]{16})>\] [RSF] ([^ +]+)\+0x([0-9a-f]+)\/0x/#) {
      let address = try #require(UInt64(match.1, radix: 16))
      let place = try #require(image.symbols.symbolize(address), "\(match.0)")
      #expect(place.name == String(match.2) && place.offset == UInt64(match.3, radix: 16), "\(match.0)")
      places += 1
    }
    #expect(places >= 3, "\(text.suffix(2000))")
  }
}
