/// Goal: what a kernel claims of its interrupts is compared with what they are, at the places of the claim and nowhere else.
import Findings
import Foundation
import KernelImage
import Testing

@Suite struct ClaimsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A claim about what lies between the labels 1 and 2.
  private static func claim(_ state: Int, reserved: Int = 0) -> String {
    ".pushsection .limen.claims, \"\", @progbits; .quad 1b, 2b; .long \(state), \(reserved); .popsection;"
  }

  private func section(_ crossing: String) throws -> CheckSection {
    let kernel = try TinyKernel(["CROSSING=\(crossing)"], in: folder.url)
    return try #require(try kernel.checker(.intel, events: [.nmi]).check { _ in }.report.sections.first)
  }

  /// IA32_FMASK clears IF; nobody sets it again.
  @Test func claimedOnAndOff() throws {
    let section = try section("nop; 1: nop; nop; 2: nop; \(Self.claim(1))")
    #expect(section.verdict == .violated)
    #expect(section.findings.map(\.invariant) == ["interrupts-as-claimed"])
    let finding = try #require(section.findings.first)
    // The run without an event is at fault, and no trial is blamed for it as well.
    #expect(finding.path.steps.isEmpty)
    #expect(finding.message == "the kernel takes interrupts to be on here, and they are off")
    #expect(finding.origin?.location.description == "system_call")
    // MOV, MOV, PUSH, PUSH and a NOP lie before: 8 + 7 + 1 + 2 + 1 bytes.
    #expect(finding.location.description == "system_call+0x13")
    // One before the crossing and one behind it, in user mode, besides.
    #expect(section.trials.map(\.trials) == [section.boundaries + 2])
    #expect(!section.windows.contains { $0.kind == .interrupts })
  }

  /// A stretch that claims interrupts off while they are on is a window, and no violation while none arrives.
  @Test func claimedOffAndOn() throws {
    let section = try section("sti; 1: nop; nop; 2: nop; cli; \(Self.claim(0))")
    #expect(section.verdict == .held)
    let window = try #require(section.windows.first { $0.kind == .interrupts })
    #expect(window.boundaries == 2)
    #expect(window.first.address + 1 == window.last.address)
  }

  @Test func whatIsSoIsNoFinding() throws {
    let section = try section("1: nop; nop; 2: sti; nop; cli; \(Self.claim(0)) ")
    #expect(section.verdict == .held && !section.windows.contains { !$0.kind.isUserState })
    let on = try self.section("sti; 1: nop; nop; 2: cli; \(Self.claim(1))")
    #expect(on.verdict == .held && !on.windows.contains { !$0.kind.isUserState })
  }

  /// The record says on while the entry code runs with interrupts off, and is right between STI and CLI.
  @Test func theRecordIsComparedAtEveryBoundary() throws {
    let record = ".pushsection .data; .globl hardirqs_enabled; hardirqs_enabled: .byte 1; .popsection;"
    let section = try section("\(record) sti; nop; nop; cli;")
    #expect(section.verdict == .held)
    let windows = section.windows.filter { $0.kind == .interruptTrace }
    // MOV, MOV, PUSH, PUSH, STI; then POP, POP, MOV, SYSRET.
    #expect(windows.map(\.boundaries) == [5, 4])
  }

  @Test(arguments: [
    (claim(2), "neither 0, off, nor 1, on"), (claim(0, reserved: 7), "neither 0, off, nor 1, on"),
    (".pushsection .limen.claims, \"\", @progbits; .quad 2b, 1b, 0; .popsection;", "ends before it starts"),
    (".pushsection .limen.claims, \"\", @progbits; .quad 0; .popsection;", "records of 24 bytes"),
  ])
  func badClaimsAreBadInput(claims: String, complaint: String) throws {
    let kernel = try TinyKernel(["CROSSING=1: nop; 2: \(claims)"], in: folder.url)
    let error = #expect(throws: ImageError.self) { try KernelImage(contentsOf: kernel.path) }
    #expect(error?.description.contains(complaint) == true)
  }
}
