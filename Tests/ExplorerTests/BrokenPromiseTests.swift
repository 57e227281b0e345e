import Foundation
import Testing

/// Goal: where Xen does not mask a guest's events as its callback asked for, it is said of the handler, whatever becomes of it. Xen
/// xen/include/public/callback.h, CALLBACKF_mask_events. The design is sound, and nothing else is wrong.
@Suite struct BrokenPromiseTests {
  @Test(arguments: [(["--ablate", "upcall-mask-not-set-at-syscall"], 1), ([], 0)] as [([String], Int32)])
  func aMaskThatIsNotSetIsFound(ablation: [String], status: Int32) throws {
    let folder = try TemporaryFolder()
    let ended = try LimenProgram.probing(in: folder).start(
      [
        "check", "design:complete", "--platform", "xen-pv", "--profile", "intel", "--crossing", "syscall64",
        "--posture", "normal", "--event", "nmi-callback", "--no-witnesses",
      ] + ablation
    ).ended()
    #expect(ended.status == status, "\(ended)")
    let words = "the handler of SYSCALL, registered to run with events masked, runs with them let in"
    #expect(ended.output.contains(words) == (status == 1), "\(ended)")
  }
}
