import Foundation
import Testing

/// Goal: one image of the reference kernel says the same wherever it runs: in Limen on bare metal and as a Xen PV guest, and
/// outside it, in QEMU and as the dom0 kernel of real Xen. The oracles are the latter two.
@Suite(.serialized) struct FourPlacesTests {
  /// Both halves of the thread: no difference between the platforms remains.
  @Test(arguments: ["amd", "intel"])
  func completeSaysTheSameInAllFour(profile: String) throws {
    let design = try Design("complete")
    let reference = try Place.qemu.log(design, profile: profile)
    try Self.expectWhole(reference)
    for place in Place.allCases where place != .qemu {
      #expect(try place.log(design, profile: profile) == reference, "\(place)")
    }
  }

  static func expectWhole(_ log: [String]) throws {
    let done = try #require(log.compactMap { $0.wholeMatch(of: /limen-probe done: (\d+) of (\d+) ok/) }.first)
    #expect(Int(done.1)! >= 100)
    #expect(log.contains("syscall64/normal ok"))
  }
}
