import Foundation
import KernelImage
import Machine
import Testing
import XenPV

/// Goal: the reference kernel sees the same Xen in Limen as on real Xen: every entry kind, every frame field, mask and flag rule,
/// hypercalls with good and bad arguments, page-table rules. The logs were recorded on Debian's Xen 4.17 (XenAgreesTests);
/// where QEMU's processor errs, the manual's line stands for the recorded one, with its section (`Expected/exceptions.txt`).
@Suite(.serialized) struct LimenAgreesTests {
  /// As much memory as dom0 has on real Xen.
  static let megabytes = 64
  /// The guest needs a hundredth of it; one that loops is stopped.
  static let bound: UInt64 = 2_000_000_000

  /// Boots the reference kernel as the hardware domain, and returns the lines that it prints and how it ends.
  static func boot(
    _ profile: Profile, _ word: String = "", without ablations: Ablations = []
  ) throws -> (lines: [String], end: XenPVComputer.End) {
    try #require(XenAgreesTests.buildFailure == nil, "\(XenAgreesTests.buildFailure ?? "")")
    let image = try KernelImage(contentsOf: XenAgreesTests.image)
    let computer = try #require(XenPVComputer(memorySize: megabytes << 20, profile: profile))
    var said: [UInt8] = []
    computer.console = { said.append($0) }
    let kernel = GuestKernel(
      entry: try #require(image.elf).entry,
      segments: image.loadSegments.map {
        .init(physicalAddress: $0.physicalAddress, bytes: image.contents(of: $0), memorySize: $0.memorySize)
      },
      notes: image.notes.filter(\.isXens).map { .init(type: $0.type, descriptor: $0.descriptor) })
    try computer.build(kernel, commandLine: word, isPrivileged: true)
    computer.domain.ablations = ablations
    let end = computer.run(bound)
    let lines = String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    return (lines.filter { $0.hasPrefix("LIMEN ") }, end)
  }

  @Test(arguments: Profile.plain.map(\.name))
  func everyObservation(profile: String) throws {
    let (printed, end) = try Self.boot(try #require(Profile.plain.first { $0.name == profile }))
    let demanded = try OracleLog.demanded(profile)
    #expect(printed.map(OracleLog.name) == demanded.map(OracleLog.name))
    for (printed, demanded) in zip(printed, demanded) { #expect(printed == demanded) }
    #expect(end == .powerOff)
  }

  /// What kills a domain on real Xen kills it here, and at the same place.
  @Test(arguments: XenAgreesTests.crashes)
  func crashes(word: String) throws {
    let (printed, end) = try Self.boot(word == "sysenter-kernel" ? .intel : .amd, word)
    #expect(printed == ["LIMEN start", "LIMEN crash/\(word)"])
    guard case .crash = end else {
      Issue.record("\(word): the domain ended with \(end)")
      return
    }
  }
}
