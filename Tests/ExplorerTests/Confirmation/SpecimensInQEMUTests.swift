import Findings
import Foundation
import Testing

/// Goal: what Limen says of specimens whose user needs no event happens in QEMU as well. The same kernel runs the probe there, and what the probe, or the
/// dying kernel, prints of the crossing and posture of the page is the line that it prints in Limen; with the twin every line is as it
/// should be.
///
/// QEMU cannot show that SYSRET to an address that is not canonical faults in the kernel: its TCG raises the fault in user mode, as AMD's
/// processors do (target/i386/tcg/seg_helper.c, `helper_sysret`). Of a kernel that goes round for ever it shows that nothing comes any more
/// (`work-never-done`: by hand). What only an invariant sees, such as page tables or flags, it does not print.
@Suite struct SpecimensInQEMUTests {
  /// What is to be seen, in the end: a line of the probe's, or the kernel's last words.
  enum Sign { case differs, panic }

  static let shown: [(name: String, sign: Sign)] = [
    ("bad-iret", .panic), ("callee-saved-exchanged", .differs), ("compat-registers-leak", .differs),
    ("int80-clears-registers", .differs), ("int80-on-user-tables", .panic), ("iret-fault-swapgs-twice", .panic),
    ("sysenter-without-if", .differs),
  ]

  private func console(_ place: Place, _ kernel: String) throws -> [String] {
    let path = Probe.root.appendingPathComponent(".build-reference/specimens/\(kernel).elf").path
    return try place.lines(Design(path: path), profile: "intel")
  }

  @Test(arguments: shown.indices) func itHappensInQEMU(index: Int) throws {
    let (name, sign) = Self.shown[index]
    let page = try Specimens.page(name)
    let (ours, theirs) = (try console(.limenOnBareMetal, name), try console(.qemu, name))
    switch sign {
    case .panic:
      #expect(theirs.last?.hasPrefix("Kernel panic: ") == true && theirs.last == ours.last)
    case .differs:
      let prefix = "\(page.crossing)/\(page.posture) "
      let line = try #require(theirs.first { $0.hasPrefix(prefix) })
      #expect(line.contains(" DIFFERS: ") && ours.contains(line))
    }
    let twin = try console(.qemu, "\(name).fixed")
    #expect(!twin.contains { $0.contains("DIFFERS") || $0.contains("killed") || $0.contains("panic") })
    #expect(twin.last?.hasPrefix("limen-probe done: ") == true)
  }

  /// The upper half of RSP is the vendors' own affair; bits 16 to 31 are the kernel's in both.
  @Test func theKernelsStackPointerLeaksInQEMU() throws {
    func leaked(_ lines: [String]) throws -> UInt64 {
      let line = try #require(lines.first { $0.hasPrefix("sigreturn/return-cs-32-ss-16bit DIFFERS: rsp=0x") })
      let word = try #require(line.split(separator: "=").last?.split(separator: " ").first)
      return try #require(UInt64(word.dropFirst(2), radix: 16)) & 0xFFFF_FFFF
    }
    let (ours, theirs) = (try console(.limenOnBareMetal, "espfix-leak"), try console(.qemu, "espfix-leak"))
    let kernel = try Design(path: Probe.root.appendingPathComponent(".build-reference/specimens/espfix-leak.elf").path)
    let stacks =
      try (kernel.symbol("kernel_stacks") & 0xFFFF_FFFF) >> 16...(kernel.symbol("interrupt_stacks") & 0xFFFF_FFFF) >> 16
    let (here, there) = (try leaked(ours), try leaked(theirs))
    #expect(here == there && stacks.contains(there >> 16))
    let twin = try console(.qemu, "espfix-leak.fixed")
    #expect(twin.contains("sigreturn/return-cs-32-ss-16bit ok"))
  }
}
