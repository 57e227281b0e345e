/// Goal: what Xen says on its console when it comes to an end tells who died: itself, by a panic, a BUG or a trap of its own, or the domain
/// that it ended. What its guest prints tells nothing of it.
import Hypervisor
import Platform
import Testing

@Suite struct HypervisorWordsTests {
  static func death(_ console: String) -> String? {
    var words = HypervisorWords()
    for byte in console.utf8 { words.hear(byte) }
    return words.death
  }

  /// The lines as Xen's format strings have them: `panic` in xen/drivers/char/console.c, `do_invalid_op` and `fatal_trap` in
  /// xen/arch/x86/traps.c, `__domain_crash` in xen/common/domain.c.
  @Test(arguments: [
    (
      "(XEN) ELF: not an ELF binary\r\n(XEN) \r\n(XEN) ****************************************\r\n(XEN) Panic on CPU 0:\r\n"
        + "(XEN) Could not construct domain 0\r\n(XEN) ****************************************\r\n(XEN) \r\n"
        + "(XEN) Manual reset required ('noreboot' specified)\r\n",
      "the hypervisor died: Could not construct domain 0; before that it said: ELF: not an ELF binary"
    ),
    (
      "(XEN) Xen BUG at arch/x86/x86_64/mm.c:704\n(XEN) ----[ Xen-4.17.7  x86_64  debug=n ]----\n(XEN) Panic on CPU 0:\n"
        + "(XEN) Xen BUG at arch/x86/x86_64/mm.c:704\n",
      "the hypervisor died: Xen BUG at arch/x86/x86_64/mm.c:704; before that it said: Xen BUG at arch/x86/x86_64/mm.c:704"
    ),
    (
      "(XEN) [    1.5] FATAL TRAP: vec 8, #DF[0000]\n", "the hypervisor died: FATAL TRAP: vec 8, #DF[0000]"
    ),
    (
      "(XEN) domain_crash called from arch/x86/pv/iret.c:70\n(XEN) Domain 0 (vcpu#0) crashed on cpu#0:\n",
      "the hypervisor ended its domain: domain_crash called from arch/x86/pv/iret.c:70"
    ),
  ])
  func tellWhoDied(console: String, death: String) throws {
    #expect(Self.death(console) == death)
    #expect(ComputerEnd.sentence(ofDeath: death) == death)
  }

  /// `hwdom_shutdown` in xen/common/shutdown.c.
  @Test func aDomainThatGivesUpIsNoDeathOfXens() {
    var words = HypervisorWords()
    for byte in "(XEN) Hardware Dom0 crashed: 'noreboot' set - not rebooting.\r\n".utf8 { words.hear(byte) }
    #expect(words.domainGaveUp && words.death == nil)
    words = HypervisorWords()
    for byte in "Hardware Dom0 crashed\n(XEN) Hardware Dom0 halted: halting machine\n".utf8 { words.hear(byte) }
    #expect(!words.domainGaveUp)
  }

  @Test func othersTellNothing() {
    for text in [
      "", "(XEN) Panic on CPU 0:\n", "Panic on CPU 0:\nkilled\n", "[    1.0] Xen BUG at nowhere\n",
      "(XEN) Hardware Dom0 halted: halting machine\n", "(XEN) d0v0 said domain crash\n",
    ] {
      #expect(Self.death(text) == nil, "\(text)")
    }
    #expect(ComputerEnd.sentence(ofDeath: "it said: Oops:") == "the kernel died: it said: Oops:")
  }
}
