import Foundation
import Machine
import Testing
import XenPV

/// Goal: whatever a guest calls with, Limen goes on, every reference in the frame table is accounted for, and the guest reaches
/// no frame but its own and writes no page table.
///
/// `LIMEN_FUZZ_CALLS` makes the run longer: 10 million take some minutes.
@Suite struct HypercallFuzzTests {
  @Test func randomCalls() throws {
    let asked = ProcessInfo.processInfo.environment["LIMEN_FUZZ_CALLS"].flatMap(Int.init)
    let computer = try SmallKernel.computer(SmallKernel.kernel(pages: 256))
    #expect(computer.auditFrames() == [])
    let fuzz = HypercallFuzz(computer: computer, seed: 20_261_122)
    // Half as many calls again are made to set tables up.
    fuzz.run(calls: (asked ?? 300_000) * 2 / 3, auditEvery: asked == nil ? 1000 : 2000, startAgainEvery: 5000)
    #expect(fuzz.findings == [])
    // The run got somewhere: tables of every level, descriptor pages, linear tables; calls that worked and all common errors.
    for type in [1, 2, 3, 4, 5, 7] { #expect(fuzz.typesSeen[type] > 20, "type \(type)") }
    #expect(fuzz.linearSeen > 0)
    for operation: UInt64 in [0, 1, 5] {
      #expect(fuzz.grantsDone[operation, default: 0] > 50, "operation \(operation)")
    }
    if asked != nil {
      print(
        "calls \(fuzz.calls), succeeded \(fuzz.results[0, default: 0]), errors \(fuzz.results.count - 1), tables \(fuzz.typesSeen[1...5].reduce(0, +)), linear \(fuzz.linearSeen), grants mapped, unmapped, copied: \([0, 1, 5].map { fuzz.grantsDone[$0, default: 0] })"
      )
    }
    #expect(fuzz.results[0, default: 0] > fuzz.calls / 10)
    for errno: Int64 in [1, 3, 13, 14, 16, 22, 38, 95] {
      #expect(fuzz.results[-errno, default: 0] > 0, "errno \(errno)")
    }
  }

  /// A count that is off by one, a table behind the hypervisor's back, a frame that is not the guest's: the audit finds each.
  @Test func theAuditFinds() throws {
    let computer = try SmallKernel.computer()
    let map = computer.domain.map
    let processor = computer.processor
    let table = computer.domain.vcpu.guestTable
    func spoil(_ address: UInt64, _ change: (UInt64) -> UInt64, _ says: String) {
      let before = processor.physicalWord(at: address)
      processor.setPhysicalWord(change(before), at: address)
      let findings = computer.auditFrames()
      #expect(findings.contains { $0.contains(says) }, "\(findings)")
      processor.setPhysicalWord(before, at: address)
      #expect(computer.auditFrames() == [])
    }
    let entry = map.frameTable << 12 + map.firstDomainFrame * 16
    spoil(entry, { $0 + 1 }, "references")
    spoil(entry + 8, { $0 + 1 }, "references as")
    spoil(map.frameTable << 12 + (table >> 12) * 16 + 8, { $0 & ~(1 << 59) }, "references as")
    let leaf = try #require(computer.l1EntryAddress(of: SmallKernel.base))
    spoil(leaf, { $0 & ~0xF_FFFF_FFFF_F000 | map.frameTable << 12 }, "not the domain's")
    spoil(leaf, { $0 & ~0xF_FFFF_FFFF_F000 | table }, "references are to a")
    spoil(leaf, { $0 | 1 << 3 }, "may not be")
    spoil(table + 256 * 8, { $0 | 2 }, "is the hypervisor's")
  }
}
