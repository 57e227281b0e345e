import Foundation
import Testing

/// Goal: the two halves of what Linux did to Xen's frame, each alone, push an NMI onto the user's stack on real Xen at the boundaries that
/// Limen names and at no other (`NMIOnRealXenTests` has how).
@Suite(.serialized) struct SpecimensOnRealXenTests {
  @Test(arguments: ["xen-undoes-frame", "xen-builds-frame-anew"])
  func theFrameLandsOnTheUsersStack(name: String) throws {
    let design = try Design(path: Probe.root.appendingPathComponent(".build-reference/specimens/\(name).elf").path)
    let trace = try LimenTrace.of(
      design.path, crossing: "syscall64", posture: "normal", profile: "amd", by: try NMIOnRealXenTests.limen())
    let window = trace.window.map(\.boundary)
    #expect(!window.isEmpty)
    let landings = try NMIOnRealXenTests.sweep(design, trace, "amd").flatMap { sweep in
      sweep.landings.map { (landing: $0, isUsers: sweep.isOnUserStack($0)) }
    }
    #expect(landings.count == trace.kernelSteps.count)
    for landing in landings { NMIOnRealXenTests.expectAFrame(landing.landing) }
    #expect(landings.filter(\.isUsers).map(\.landing.step.boundary) == window)
  }
}
