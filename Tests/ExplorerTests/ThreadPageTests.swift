/// Goal: Documentation/Thread.md is what `limen thread` prints, and no answer is open.
import Foundation
import Testing

@Suite struct ThreadPageTests {
  private let folder: TemporaryFolder
  private let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path,
      cache: folder.url.appendingPathComponent("cache").path)
  }

  @Test func thePageIsCurrent() throws {
    let ended = try limen("thread")
    #expect(ended.status == 0 && ended.complaint.isEmpty)
    let file = Probe.root.appendingPathComponent("Documentation/Thread.md")
    if ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" {
      try ended.output.write(to: file, atomically: true, encoding: .utf8)
    }
    let page = try String(contentsOf: file, encoding: .utf8)
    let changed = zip(
      page.split(separator: "\n", omittingEmptySubsequences: false),
      ended.output.split(separator: "\n", omittingEmptySubsequences: false)
    ).first { $0 != $1 }
    #expect(page == ended.output, "'./dev bless' rewrites it; was: \(changed?.0 ?? ""), now: \(changed?.1 ?? "")")
  }

  /// Debian's kernels have both halves of what the mail asks for: under Xen PV nothing runs on the user's RSP.
  @Test(arguments: ["debian-5.10-cloud", "debian-6.1-cloud", "debian-6.12-cloud"])
  func realKernelsStandBesideTheDesigns(name: String) throws {
    let path = try KernelUnderTest.path(name)
    let ended = try limen("check", path, "--platform", "xen-pv", "--profile", "intel", "--crossing", "syscall64")
    #expect(ended.status == 0)
    #expect(!ended.output.contains("\n  rsp "))
  }
}
