import Foundation
import Testing

/// Goal: under one PCID two page tables are told from one, by whatever drops translations and by nothing else. SDM vol. 3A, "Operations that
/// Invalidate TLBs and Paging-Structure Caches"; vol. 2A, "INVPCID".
@Suite struct CachedTablesTests {
  private let folder: TemporaryFolder
  private let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = .probing(in: folder)
  }

  /// The specimen, with more before it takes the user's CR3, and behind that.
  private func check(before: String = "", behind: String = "") throws -> LimenProgram.Ended {
    let path = Probe.root.appendingPathComponent("Specimens/tables-without-flush/Defective.S")
    var text = try String(contentsOf: path, encoding: .utf8)
    let line = "  movq PER_CPU(user_cr3), %rax\n"
    let place = try #require(text.range(of: line), "the specimen has no such line any more")
    text.replaceSubrange(place, with: before + line + behind)
    let file = folder.url.appendingPathComponent("edited.S")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try limen(
      "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "syscall64", "--posture",
      "normal", "--event", "nmi", "--depth", "1", "--no-witnesses")
  }

  private func invalidate(type: Int, pcid: Int) -> String {
    "  movl $\(type), %eax\n  pushq $0\n  pushq $\(pcid)\n  invpcid (%rsp), %rax\n  addq $16, %rsp\n"
  }

  @Test func aPCIDOfTheirOwnNeedsNoFlush() throws {
    let ended = try check(behind: "  orq $1, %rax\n")
    #expect(ended.status == 0 && ended.output.contains("held"), "\(ended)")
  }

  /// One PCID's, with and without global ones of all.
  @Test(arguments: [(1, 0), (2, 0), (3, 0)])
  func anInvalidationIsAFlush(type: Int, pcid: Int) throws {
    let ended = try check(before: invalidate(type: type, pcid: pcid))
    #expect(ended.status == 0 && ended.output.contains("held"), "\(ended)")
  }

  /// Another PCID's, and one address's.
  @Test(arguments: [(1, 5), (0, 0)])
  func anInvalidationOfSomethingElseIsNone(type: Int, pcid: Int) throws {
    let ended = try check(before: invalidate(type: type, pcid: pcid))
    #expect(ended.status == 1 && ended.output.contains("page-tables-owned: violated"), "\(ended)")
    #expect(ended.output.contains("whose translations are kept"), "\(ended)")
  }
}
